# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Small files in the exact layouts of the official benchmarks, written without the code that reads them."""

import base64
import io
import json
import pickle

import numpy as np
import pyarrow as pa
from closed_form_rooms import FURNITURE, make_scene, write_rooms
from PIL import Image
from pyarrow import parquet


SCANS = ("scene0011_00", "scene0011_01")


def write_scans(folder, names=SCANS, num_views=3):
    """Scenes under the names of scans, as `sr3d scene import` writes them."""
    write_rooms(folder / "made", (num_views,) * len(names))
    for index, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "made" / f"scene-{index:06d}").rename(folder / name)
    return folder


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_parquet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


def picture(size=(64, 48), colour=(200, 180, 120)):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def write_scanqa(folder):
    rows = [
        ("scene0011_00", "val-scene0011_00-0", "What is beside the table?", ["chair", "brown chair"]),
        ("scene0011_00", "val-scene0011_00-1", "How many lamps are there?", ["1", "one"]),
        ("scene0011_01", "val-scene0011_01-0", "Where is the stool?", ["next to the bench", "beside bench"]),
    ]
    keys = ("scene_id", "question_id", "question", "answers")
    entries = [dict(zip(keys, row, strict=True)) | {"object_ids": [1], "object_names": ["table"]} for row in rows]
    write_json(folder / "ScanQA_v1.0_val.json", entries)
    return folder


def write_sqa3d(folder):
    texts = [
        ("scene0011_00", 220602000000, "I stand by the table.", "What is to my left?", "Chair"),
        ("scene0011_00", 220602000001, "I face the window.", "How many stools are there?", "1"),
        ("scene0011_01", 220602000002, "I sit on the bench.", "Is the door behind me?", "yes"),
        ("scene0011_01", 220602000003, "I sit on the bench.", "In front of me is what?", "tv"),
    ]
    questions = [
        {"scene_id": scan, "situation": where, "alternative_situation": [], "question": text, "question_id": number}
        for scan, number, where, text, _ in texts
    ]
    annotations = [
        {
            "scene_id": scan,
            "question_type": "N/A",
            "answer_type": "other",
            "question_id": number,
            "answers": [{"answer": answer, "answer_confidence": "yes", "answer_id": 1}],
            "rotation": {"_x": 0, "_y": 0, "_z": 0, "_w": 1},
            "position": {"x": 0, "y": 0, "z": 0},
        }
        for scan, number, _, _, answer in texts
    ]
    head = {"info": {}, "license": {}, "data_type": "scannet", "data_subtype": "test", "task_type": "Open-Ended"}
    write_json(folder / "v1_balanced_questions_test_scannetv2.json", head | {"questions": questions})
    write_json(folder / "v1_balanced_sqa_annotations_test_scannetv2.json", head | {"annotations": annotations})
    return folder


def write_scan2cap(folder):
    rows = [
        ("scene0011_00", 0, "This is a brown table. It is big."),
        ("scene0011_00", 0, "a wide table, next to a chair"),
        ("scene0011_00", 1, "The chair stands beside the table."),
    ]
    keys = ("scene_id", "object_id", "description")
    extra = {"object_name": "table", "ann_id": "0", "token": []}
    write_json(
        folder / "ScanRefer_filtered_val.json",
        [dict(zip(keys, (scan, str(number), text), strict=True)) | extra for scan, number, text in rows],
    )
    boxes = np.array([[*center, *size, 5, number] for number, (_, center, size) in enumerate(FURNITURE)])
    (folder / "boxes").mkdir()
    np.save(folder / "boxes" / "scene0011_00_aligned_bbox.npy", boxes)
    near = {"center": [1.25, 1.0, 0.4], "size": [1.2, 0.8, 0.8]}
    far = {"center": [2.9, 0.9, 0.45], "size": [0.4, 0.4, 0.9]}
    write_json(folder / "proposals.json", {"scene0011_00": [near, far]})
    return folder


def write_vsi_bench(folder):
    choice = {"question_type": "object_rel_direction_easy", "options": ["A. left", "B. right"], "ground_truth": "B"}
    rows = [
        choice | {"id": 0, "question": "Standing by the table, where is the stool?"},
        {"id": 1, "question": "Where is the stool?"}
        | choice
        | {"question_type": "object_rel_direction_hard", "options": ["A. front", "B. back", "C. side"]},
        {
            "id": 2,
            "question_type": "object_abs_distance",
            "question": "How far is it?",
            "options": None,
            "ground_truth": "2.0",
        },
        {
            "id": 3,
            "question_type": "object_size_estimation",
            "question": "How long is it?",
            "options": None,
            "ground_truth": "120",
        },
        {
            "id": 4,
            "question_type": "object_counting",
            "question": "How many chairs?",
            "options": None,
            "ground_truth": "4",
        },
    ]
    write_parquet(
        folder / "test-00000-of-00001.parquet",
        [row | {"dataset": "scannet", "scene_name": "scene0011_00"} for row in rows],
    )
    return folder


def write_blink(folder, subtask="Spatial_Relation", image=None):
    rows = [
        {
            "idx": f"val_{subtask}_{number}",
            "question": "Is it on top?",
            "sub_task": subtask,
            "image_1": {"bytes": image or picture(), "path": None},
            "image_2": None,
            "image_3": None,
            "image_4": None,
            "choices": ["yes", "no"] if subtask == "Spatial_Relation" else ["A is closer", "B is closer"],
            "answer": answer,
            "prompt": "Is it on top? Select from the following choices.\n(A) yes\n(B) no",
            "explanation": "",
        }
        for number, answer in enumerate(("(A)", "(B)"), start=1)
    ]
    write_parquet(folder / subtask / "val-00000-of-00001.parquet", rows)
    return folder


def write_realworldqa(folder):
    image = {"bytes": picture(), "path": "0.webp"}
    rows = [
        {
            "image_path": "0.webp",
            "image": image,
            "question": "Which way?\n\nA. left\nB. right\nAnswer.",
            "answer": "A",
        },
        {"image_path": "0.webp", "image": image, "question": "Is the light green?", "answer": "Yes"},
    ]
    write_parquet(folder / "data" / "test-00000-of-00002.parquet", rows[:1])
    write_parquet(folder / "data" / "test-00001-of-00002.parquet", rows[1:])
    return folder


def write_embspatial(folder):
    image = base64.b64encode(picture()).decode()
    rows = [
        {
            "question_id": f"mp3d_{number}",
            "question": "Where is the chair?",
            "answer_options": ["left of the table", "right of the table", "above", "under"],
            "answer": number,
            "image": image,
            "relation": relation,
            "data_source": "mp3d",
        }
        for number, relation in enumerate(("left", "close"))
    ]
    write_json(folder / "embspatial_bench.json", rows)
    return folder


def write_sat(folder):
    rows = [
        {
            "image_bytes": [{"bytes": picture(), "path": None}] * count,
            "question": "How did the camera move?",
            "answers": ["left", "right"],
            "question_type": kind,
            "correct_answer": "right",
        }
        for count, kind in ((1, "obj_movement"), (2, "ego_movement"))
    ]
    write_parquet(folder / "SAT_test.parquet", rows)
    return folder


def write_spatial_rgpt(folder):
    mask = {"size": [48, 64], "counts": [0, 48 * 10, 48 * 54]}
    other = {"size": [48, 64], "counts": [48 * 40, 48 * 10, 48 * 14]}
    turns = [
        ("quantitative", "width_data", "How wide is <mask> <depth>?", "It is 2.0 meters wide.", [mask]),
        ("quantitative", "distance_data", "How far is <mask> <depth> from <mask> <depth>?", "3 feet.", [mask, other]),
        ("quantitative", "direction", "Where is <mask> <depth>?", "At 11 o'clock.", [mask]),
        ("qualitative", "left_predicate", "Is <mask> <depth> left of <mask> <depth>?", "Yes, it is.", [mask, other]),
        (
            "qualitative",
            "tall_choice",
            "Which is taller, <mask> <depth> or <mask> <depth>?",
            "Region [1].",
            [mask, other],
        ),
    ]
    rows = [
        {
            "id": str(number),
            "image_info": {"file_path": "hypersim/a.png", "height": 48, "width": 64},
            "text_q": question,
            "qa_info": {"type": kind, "category": category},
            "rle": marks,
            "bbox": [[0, 0, 10, 48], [40, 0, 50, 48]][: len(marks)],
            "conversations": [
                {"from": "human", "value": f"<image>\n{question}"},
                {"from": "gpt", "value": answer},
            ],
        }
        for number, (kind, category, question, answer, marks) in enumerate(turns)
    ]
    (folder / "hypersim").mkdir(parents=True)
    (folder / "hypersim" / "a.png").write_bytes(picture())
    (folder / "SpatialRGPT-Bench_v1.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def write_coco(folder):
    categories = [{"id": 1, "name": "person"}, {"id": 62, "name": "chair"}, {"id": 67, "name": "dining table"}]
    images = [{"id": 139, "file_name": "000000000139.jpg", "width": 64, "height": 48}]
    square = [10, 10, 30, 10, 30, 30, 10, 30]
    objects = [
        {"id": 1, "category_id": 62, "bbox": [10, 10, 20, 20], "iscrowd": 0, "segmentation": [square], "area": 400},
        {
            "id": 2,
            "category_id": 67,
            "bbox": [40, 5, 20, 40],
            "iscrowd": 0,
            "segmentation": [[40, 5, 60, 5, 60, 45, 40, 45]],
        },
        {
            "id": 3,
            "category_id": 1,
            "bbox": [0, 0, 64, 48],
            "iscrowd": 1,
            "segmentation": {"size": [48, 64], "counts": [3072]},
        },
    ]
    for entry in objects:
        entry["image_id"] = 139
    write_json(
        folder / "annotations" / "instances_val2017.json",
        {"info": {}, "licenses": [], "images": images, "annotations": objects, "categories": categories},
    )
    (folder / "val2017").mkdir()
    Image.new("RGB", (64, 48), (90, 120, 90)).save(folder / "val2017" / "000000000139.jpg")
    return folder


def write_embodiedscan(folder, num_scenes=2, num_views=4):
    """An info file with boxes, and the scans that it names."""
    labels = {name: number for number, (name, _, _) in enumerate(FURNITURE)} | {"wall": 90}
    scenes = []
    for index in range(num_scenes):
        scan, room = f"scene{index:04d}_00", make_scene(num_views, first_view=index, seed=index)
        images = []
        for number, view in enumerate(room.views):
            place = folder / "scannet" / "posed_images" / scan
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(view.image).save(place / f"{number:05d}.jpg", quality=95)
            Image.fromarray(np.round(view.depth * 1000).astype(np.uint16)).save(place / f"{number:05d}.png")
            base = f"scannet/posed_images/{scan}/{number:05d}"
            images.append({"img_path": f"{base}.jpg", "depth_path": f"{base}.png", "cam2global": view.camera_to_world})
        intrinsics = np.eye(4)
        intrinsics[:3, :3] = room.views[0].intrinsics
        instances = [
            {"bbox_3d": [*center, *size, 0.0, 0.0, 0.0], "bbox_label_3d": number, "bbox_id": number}
            for number, (_, center, size) in enumerate(FURNITURE)
        ]
        instances.append({"bbox_3d": [2.5, 0, 1, 5, 0.1, 2, 0, 0, 0], "bbox_label_3d": 90, "bbox_id": 99})
        scenes.append(
            {
                "sample_idx": f"scannet/{scan}",
                "axis_align_matrix": np.eye(4),
                "cam2img": intrinsics,
                "depth_cam2img": intrinsics,
                "images": images,
                "instances": instances,
            }
        )
    content = {"metainfo": {"categories": labels, "DATASET": "EmbodiedScan"}, "data_list": scenes}
    path = folder / "embodiedscan_infos_val.pkl"
    path.write_bytes(pickle.dumps(content))
    return path

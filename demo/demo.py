# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Ask the embedded checkpoint about a real Kinect photo and about a posed room, and check the answers.

    python demo/demo.py [--model checkpoints/sr3d-tiny] [--out demo]

Prints every answer beside the truth (measured from the depth map of the photo, exact in the rendered room) and writes
`answers.png` and `answers_room.png`: views with numbered regions above questions and answers.
"""

import argparse
import json
from pathlib import Path

import torch
from PIL import Image
from transformers import logging

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.hub import spatial_vqa_pipeline
from transformers_sr3d.region_geometry_sr3d import box_from_points
from transformers_sr3d.region_prompts_sr3d import read_regions, region_points
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.questions.quantities import bearing, distance, sector
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene, SceneSettings, make_scene
from transformers_sr3d.visualization import answer_sheet, draw_regions


ROOT = Path(__file__).resolve().parent
PHOTO = ROOT / "data" / "kinect_bookcase"
SUITCASE_XYXY, ROBOT_XYXY = [135, 154, 284, 203], [322, 136, 381, 208]
PHOTO_QUESTIONS = (
    ("Which is closer to the camera, <region0> or <region1>?", "closer"),
    ("How far apart are <region0> and <region1>?", "distance"),
    ("How wide is <region0>?", "width0"),
    ("How wide is <region1>?", "width1"),
    ("How tall is <region1>?", "height1"),
)
ROOM_INDEX = 13  # of the test split, never seen in training; picked because its things can be seen well
ROOM_THINGS = {7: "stool", 0: "sofa", 10: "bookcase"}


def load_photo(regions: list[dict]) -> dict:
    """Keyword arguments for the pipeline: the real photo with its depth map and intrinsics."""
    return {
        "images": [str(PHOTO / "color.png")],
        "depths": [str(PHOTO / "depth_mm.png")],
        "depth_unit": "mm",
        "intrinsics": json.loads((PHOTO / "cameras.json").read_text())["intrinsics"],
        "regions": regions,
    }


def measure_boxes(sample: dict) -> list[dict[str, torch.Tensor]]:
    """Fit an oriented 3D box to the measured points of each region: what the depth map itself says."""
    sample = dict(sample)
    regions = sample.pop("regions")
    views = prepare_views(sample.pop("images"), **sample)
    masks = [region["masks"] for region in read_regions(regions, views)]
    return [box_from_points(torch.cat(region_points(of_views, views))) for of_views in masks]


def photo_truths(sample: dict) -> dict[str, str]:
    """What the depth map says to each question of `PHOTO_QUESTIONS`."""
    first, second = measure_boxes(sample)
    # One view without a pose: the z-up world starts at the camera, so norms are distances from the camera.
    closer = 0 if first["center"].norm() < second["center"].norm() else 1
    return {
        "closer": f"Region {closer}",
        "distance": f"{(first['center'] - second['center']).norm():.2f} m",
        "width0": f"{first['size'][:2].max():.2f} m",
        "width1": f"{second['size'][:2].max():.2f} m",
        "height1": f"{second['size'][2]:.2f} m",
    }


def draw_sample(sample: dict) -> list[Image.Image]:
    """The views of a sample with its regions drawn in, as the processor reads them."""
    sample = dict(sample)
    regions = sample.pop("regions")
    views = prepare_views(sample.pop("images"), **sample)
    read = read_regions(regions, views)
    pictures = []
    for index, image in enumerate(views["images"]):
        masks = {region["number"]: region["masks"][index] for region in read}
        pictures.append(draw_regions(image, {n: None if mask is None else mask.numpy() for n, mask in masks.items()}))
    return pictures


def ask_photo(vqa, kind: str, regions: list[dict], truths: dict[str, str]) -> tuple[list[Image.Image], list[dict]]:
    """Ask about the suitcase (region 0) and the toy robot (region 1)."""
    sample = load_photo(regions)
    answers = vqa([{"text": text, **sample} for text, _ in PHOTO_QUESTIONS])
    rows = [
        {"question": f"[{kind}] {text}", "answer": answer["generated_text"], "truth": truths[key]}
        for (text, key), answer in zip(PHOTO_QUESTIONS, answers, strict=True)
    ]
    return draw_sample(sample), rows


def room_sample(scene: FurnishedScene) -> dict:
    """Three things of a posed room; the first is marked in one view only, the others by their 3D boxes."""
    things = [scene.facts.objects[index] for index in ROOM_THINGS]
    if [thing.name for thing in things] != list(ROOM_THINGS.values()):
        raise ValueError(
            f"Room {ROOM_INDEX} must hold {ROOM_THINGS}, got {[thing.name for thing in things]}: choose anew."
        )
    first, *others = things
    view = int(first.visible_pixels.argmax())
    regions: list[dict] = [{"mask": scene.views[view].instances == next(iter(ROOM_THINGS)), "view": view}]
    for thing in others:
        regions.append({"box_3d": {"center": thing.center, "size": thing.size, "rotation": thing.rotation}})
    return {
        "images": [view.image for view in scene.views],
        "depths": [view.depth for view in scene.views],
        "intrinsics": [view.intrinsics for view in scene.views],
        "camera_to_world": [view.camera_to_world for view in scene.views],
        "world_up": "+z",
        "regions": regions,
    }


def ask_room(vqa) -> tuple[list[Image.Image], list[dict]]:
    """Ask about a rendered room with exact ground truth."""
    settings = SceneSettings(image_size=512, num_views=(6, 6), photo_share=0.0)
    scene = make_scene(open_furniture(), "test", seed=0, index=ROOM_INDEX, settings=settings)
    sample, things = room_sample(scene), [scene.facts.objects[index] for index in ROOM_THINGS]
    apart = [distance(things[0], other) for other in things[1:]]
    questions = (
        ("What is <region0>?", things[0].name),
        ("How wide is <region1>?", f"{things[1].width:.2f} m"),
        ("How tall is <region2>?", f"{things[2].height:.2f} m"),
        ("How far apart are <region0> and <region1>?", f"{apart[0]:.2f} m"),
        ("Which is farther from <region0>, <region1> or <region2>?", f"Region {1 if apart[0] > apart[1] else 2}"),
        ("Standing at <region0> facing <region1>, where is <region2>?", str(sector(bearing(*things)))),
    )
    answers = vqa([{"text": text, **sample} for text, _ in questions])
    rows = [
        {"question": text, "answer": answer["generated_text"], "truth": truth}
        for (text, truth), answer in zip(questions, answers, strict=True)
    ]
    return draw_sample(sample), rows


def print_rows(title: str, rows: list[dict]) -> None:
    """One line per question."""
    print(f"\n{title}")
    for row in rows:
        print(f"  {row['question']:<70} {row['answer']:<55} truth: {row['truth']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=str(ROOT.parent / "checkpoints" / "sr3d-tiny"), help="checkpoint folder")
    parser.add_argument("--out", type=Path, default=ROOT, help="folder for the pictures")
    arguments = parser.parse_args()
    if not Path(arguments.model).is_dir():
        parser.exit(2, f"No checkpoint in {arguments.model}. Train it with `sr3d train` or name one with --model.\n")
    logging.set_verbosity_error()
    vqa = spatial_vqa_pipeline(arguments.model)

    boxes = [{"box_xyxy": SUITCASE_XYXY, "view": 0}, {"box_xyxy": ROBOT_XYXY, "view": 0}]
    masks = [{"mask": str(PHOTO / f"mask_{name}.png"), "view": 0} for name in ("suitcase", "robot")]
    truths = photo_truths(load_photo(masks))  # a box also holds background, so the masks are what is measured
    box_pictures, box_rows = ask_photo(vqa, "boxes", boxes, truths)
    mask_pictures, mask_rows = ask_photo(vqa, "masks", masks, truths)
    room_pictures, room_rows = ask_room(vqa)

    arguments.out.mkdir(parents=True, exist_ok=True)
    title = "A real Kinect photo: suitcase (0) and toy robot (1), marked by boxes (left) and masks (right)"
    answer_sheet(box_pictures + mask_pictures, box_rows + mask_rows, title=title).save(arguments.out / "answers.png")
    title = "A posed room that training never saw: region 0 is marked in one view only"
    answer_sheet(room_pictures, room_rows, title=title).save(arguments.out / "answers_room.png")

    print_rows("Kinect photo, regions as boxes and as masks", box_rows + mask_rows)
    print_rows("Posed room of the test split, region 0 marked in one view only", room_rows)
    print(f"\nPictures: {arguments.out / 'answers.png'}, {arguments.out / 'answers_room.png'}")


if __name__ == "__main__":
    main()

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A small valid source for every reader, by the independent writers of the readers' own tests.

A writer gets an empty folder and returns what is to be opened. Test modules are imported where they are used, because
some need a package that may not be installed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from known_source import known_views


class Sample(NamedTuple):
    """A kind of `READERS`, what its reader is to be told, and what writes a source of it."""

    kind: str
    write: Callable[[Path], Path]
    options: dict[str, Any]


def write_scene(folder):
    from transformers_sr3d.inputs.scene_writing import save_scene

    names = ("image", "depth", "intrinsics", "camera_to_world", "time_s")
    views = [{name: getattr(view, name) for name in names} for view in known_views(2)]
    save_scene(folder / "room", [view | {"depth": np.round(view["depth"] * 1000).astype(np.uint16)} for view in views],
               world_up="+z")  # fmt: skip
    return folder / "room"


def write_images(folder):
    from test_image_folder import write_folder

    return write_folder(folder / "scan", known_views(2), shared=False)


def write_video(folder):
    from video_files import CODECS, write_video

    return write_video(folder / "clip.mp4", 12, **CODECS["mp4"])


def write_tum(folder):
    from test_tum import write_tum

    return write_tum(folder / "rgbd_dataset_freiburg1_room", known_views(2))


def write_colmap(folder):
    from test_colmap import write_dense, write_workspace

    views = known_views(2)
    return write_dense(write_workspace(folder / "room", views, step=8), views)


def write_colmap_text(folder):
    from test_colmap import write_text, write_workspace

    return write_workspace(folder / "room", known_views(2), write=write_text, step=8)


def write_transforms(folder):
    from test_transforms_json import write_file

    return write_file(folder / "scan", known_views(2))


def write_polycam(folder):
    from test_polycam import write_export

    return write_export(folder / "scan", known_views(2))


def write_record3d(folder):
    from test_record3d import DEPTH_SIZE_HW, SIZE_HW, files_of, metadata_of, write_archive

    views = known_views(2, size_hw=SIZE_HW, depth_size_hw=DEPTH_SIZE_HW)
    return write_archive(folder / "scan.r3d", files_of(views, metadata_of(views)))


def write_arkitscenes(folder):
    from test_arkitscenes import VIDEO, write_video

    views = known_views(2)
    return write_video(folder / VIDEO, views, confidence=np.full(views[0].depth.shape, 2, dtype=np.uint8))


def write_scannet(folder):
    from test_scannet import write_export

    return write_export(folder / "scene0000_00", known_views(2))


def write_sens(folder):
    from test_scannet_sens import known_frames, sens

    views = known_views(2)
    (folder / "scene0000_00.sens").write_bytes(sens(known_frames(views=views), views=views))
    return folder / "scene0000_00.sens"


def write_scannetpp(folder):
    from test_scannetpp import write_scene

    return write_scene(folder / "0a76e06478", known_views(4))


def write_embodiedscan(folder):
    from test_embodiedscan import write_info, write_scene

    return write_info(folder, write_scene(folder, known_views(2), "scannet/scene0000_00"))


SAMPLES = {
    "scene": Sample("scene", write_scene, {}),
    "images": Sample(
        "images",
        write_images,
        {"poses": "camera_to_world", "camera_axes": "opencv", "world_up": "+z", "depth_unit": "mm"},
    ),
    "video": Sample("video", write_video, {"horizontal_fov_deg": 60.0}),
    "tum": Sample("tum", write_tum, {"intrinsics": known_views(1)[0].intrinsics}),
    "colmap": Sample("colmap", write_colmap, {"world_unit": "m", "world_up": "+z"}),
    "colmap_dense": Sample("colmap", write_colmap, {"dense_depth": True}),
    "colmap_text": Sample("colmap", write_colmap_text, {"world_unit": "unknown"}),
    "transforms_json": Sample("transforms_json", write_transforms, {"world_up": "+z", "world_unit": "m"}),
    "polycam": Sample("polycam", write_polycam, {"min_confidence": 2}),
    "record3d": Sample("record3d", write_record3d, {"min_confidence": 1}),
    "arkitscenes": Sample("arkitscenes", write_arkitscenes, {"min_confidence": 1}),
    "scannet": Sample("scannet", write_scannet, {}),
    "scannet_sens": Sample("scannet_sens", write_sens, {}),
    "scannetpp": Sample("scannetpp", write_scannetpp, {}),
    "embodiedscan": Sample("embodiedscan", write_embodiedscan, {}),
}

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What do answers lose where geometry is estimated? python tools/estimate_rooms.py --out DIR [--furniture FILE]

In: furnished rooms of the test split, rendered here. Out: two folders of scenes, `known` and `estimated`, of the same
pictures with the same truths; the second has the poses and the sparse depth of structure from motion, which is told
the field of view. A reconstruction has no unit, so each is scaled, turned and moved to the known cameras; where it was
not possible, or placed fewer than four views, the room is left out of both. Then, for each of them,

    sr3d eval rooms-bench --model checkpoints/sr3d-tiny --scenes DIR/known

This script may import NumPy, tqdm and `transformers_sr3d`; it needs pycolmap.
"""

import argparse
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from transformers_sr3d.inputs.source import Source
from transformers_sr3d.inputs.structure_from_motion import estimate_structure
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.rendering.scene_folder import write_scene_folder
from transformers_sr3d.rooms.rendering.scenes import FurnishedScene, SceneSettings, make_scene
from transformers_sr3d.training.room_scenes import select_views


NUM_VIEWS, IMAGE_SIZE, MIN_PLACED = 32, 640, 4


def estimate(scene: FurnishedScene) -> Source:
    """Reconstruct the views of a scene from their pictures.

    Args:
        scene (`FurnishedScene`): A walk.

    Returns:
        `Source`: Views that could be placed, named by the number of the picture, with sparse depth.

    Raises:
        ValueError: If too few views could be placed.
    """
    camera = scene.facts.views[0]
    field_of_view_deg = 2 * math.degrees(math.atan(camera.image_size_hw[1] / 2 / camera.intrinsics[0, 0]))
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        for number, view in enumerate(scene.views):
            Image.fromarray(np.asarray(view.image)).save(pictures / f"{number:03d}.png")
        source = estimate_structure(pictures, horizontal_fov_deg=field_of_view_deg)
        depths = {view.name: view.load_depth() for view in source.views if view.load_depth is not None}
    views = tuple(replace(view, load_depth=lambda name=view.name: depths[name]) for view in source.views)
    if len(views) < MIN_PLACED:
        raise ValueError(f"`scene` must have at least {MIN_PLACED} views that can be placed, got {len(views)}.")
    return replace(source, views=views)


def fit_to_cameras(estimated: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Find the similarity that takes estimated cameras to known ones.

    The turn is that of the cameras and not of their places, which leave the turn about a straight walk open.

    Args:
        estimated (`np.ndarray` of shape `(N, 4, 4)`): Camera to world, in a unit that nobody knows.
        known (`np.ndarray` of shape `(N, 4, 4)`): Camera to world, metres.

    Returns:
        `tuple[np.ndarray, float, np.ndarray]`: Rotation `(3, 3)`, metres per unit, shift `(3,)`.

    Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991.
    """
    left, _, right = np.linalg.svd(np.einsum("nij,nkj->ik", known[:, :3, :3], estimated[:, :3, :3]))
    rotation = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    places, wanted = estimated[:, :3, 3] @ rotation.T, known[:, :3, 3]
    centred = places - places.mean(axis=0)
    scale = float((centred * (wanted - wanted.mean(axis=0))).sum() / (centred**2).sum())
    return rotation, scale, wanted.mean(axis=0) - scale * places.mean(axis=0)


def with_geometry(scene: FurnishedScene, source: Source) -> tuple[FurnishedScene, FurnishedScene]:
    """Keep the views that could be placed, once with their known and once with their estimated geometry.

    Args:
        scene (`FurnishedScene`): A walk.
        source (`Source`): From `estimate`.

    Returns:
        `tuple[FurnishedScene, FurnishedScene]`: Known and estimated.
    """
    placed = [int(Path(view.name).stem) for view in source.views]
    known = replace(scene, views=[scene.views[number] for number in placed], facts=select_views(scene.facts, placed))
    poses = np.array([view.camera_to_world for view in source.views])
    rotation, scale, shift = fit_to_cameras(poses, np.array([view.camera_to_world for view in known.facts.views]))
    views, facts = [], []
    for estimated, view, fact in zip(source.views, known.views, known.facts.views, strict=True):
        pose = np.array(estimated.camera_to_world, dtype=np.float64)
        pose[:3, :3], pose[:3, 3] = rotation @ pose[:3, :3], scale * rotation @ pose[:3, 3] + shift
        depth = (scale * np.asarray(estimated.load_depth())).astype(np.float32)
        views.append(replace(view, depth=depth, camera_to_world=pose, intrinsics=np.array(estimated.intrinsics)))
        facts.append(replace(fact, camera_to_world=pose, intrinsics=np.array(estimated.intrinsics)))
    return known, replace(scene, views=views, facts=replace(known.facts, views=facts))


def main() -> None:
    """Write both folders."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where `known` and `estimated` go")
    parser.add_argument("--furniture", help="a package or a pack (default: the small pack)")
    parser.add_argument("--scenes", type=int, default=40, help="rooms to try (default: 40)")
    args = parser.parse_args()
    furniture = open_furniture(args.furniture)
    settings = SceneSettings(image_size=IMAGE_SIZE, num_views=(NUM_VIEWS, NUM_VIEWS), photo_share=0.0)
    for index in tqdm(range(args.scenes), unit="room"):
        name = f"scene-{index:06d}"
        if (args.out / "estimated" / name / "scene.json").is_file():
            continue
        scene = make_scene(furniture, "test", seed=0, index=index, settings=settings)
        try:
            known, estimated = with_geometry(scene, estimate(scene))
        except ValueError as error:
            tqdm.write(f"{name} left out: {str(error)[:120]}")
            continue
        write_scene_folder(args.out / "known" / name, known)
        write_scene_folder(args.out / "estimated" / name, estimated)


if __name__ == "__main__":
    main()

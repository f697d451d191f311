# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""How well do marks become the things that were meant? python tools/measure_regions.py [--furniture FILE] [--scenes N]

In: furnished rooms of the validation split, rendered here. Out: a table on standard output. Each object of a walk is
marked in the view that shows most of it, by its mask, its bounding box or a random point of it, and compared with its
instance masks: in that view, and with `propagate` in every other view that shows enough of it. A stray view shows
nothing of the object, and is marked nevertheless.

This script may import NumPy, torch, tqdm and `transformers_sr3d`.
"""

import argparse
from collections import defaultdict

import numpy as np
from tqdm.auto import tqdm

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.rooms.bench_rooms import SourceScene
from transformers_sr3d.region_prompts_sr3d import read_regions
from transformers_sr3d.rooms.furniture.pack import FurniturePack, open_furniture
from transformers_sr3d.rooms.rendering.scenes import SceneSettings, make_scene


NUM_VIEWS, IMAGE_SIZE, SEED = 6, 256, 5
MIN_MARKED_PX, MIN_SEEN_PX = 300, 200


def render(furniture: FurniturePack, index: int) -> SourceScene:
    """Make a walk through a room.

    Args:
        furniture (`FurniturePack`): To furnish it from.
        index (`int`): Number of the room.

    Returns:
        `SourceScene`: The room, its views and arguments of `prepare_views`.
    """
    settings = SceneSettings(image_size=IMAGE_SIZE, num_views=(NUM_VIEWS, NUM_VIEWS), photo_share=0.0)
    scene = make_scene(furniture, "val", SEED, index, settings)
    arguments = {
        "images": [view.image for view in scene.views],
        "depths": [view.depth for view in scene.views],
        "intrinsics": [view.intrinsics for view in scene.facts.views],
        "camera_to_world": [view.camera_to_world for view in scene.facts.views],
        "world_up": "+z",
    }
    return SourceScene(scene.facts, arguments, [view.instances for view in scene.views])


def mark(mask: np.ndarray, view: int, rng: np.random.Generator) -> dict[str, dict]:
    """Mark an object in the three ways of a user.

    Args:
        mask (`np.ndarray` of shape `(H, W)`, boolean): Of the object.
        view (`int`): That it was made in.
        rng (`np.random.Generator`): Chooses the point.

    Returns:
        `dict[str, dict]`: Regions by kind.
    """
    rows, columns = np.nonzero(mask)
    pick = rng.integers(len(rows))
    box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    marks = {"mask": {"mask": mask}, "box": {"box_xyxy": [int(edge) for edge in box]}}
    marks["point"] = {"point_xy": (int(columns[pick]), int(rows[pick]))}
    return {kind: region | {"view": view, "propagate": True} for kind, region in marks.items()}


def compare(found: np.ndarray | None, truth: np.ndarray) -> float:
    """Divide the common pixels by the pixels of either.

    Args:
        found (`np.ndarray` of shape `(H, W)`, boolean, *optional*): None for no pixel.
        truth (`np.ndarray` of shape `(H, W)`, boolean): At least one pixel.

    Returns:
        `float`: From 0 to 1.
    """
    return 0.0 if found is None else float((found & truth).sum() / (found | truth).sum())


def measure(scene: SourceScene, rng: np.random.Generator, overlaps: dict, strays: dict) -> None:
    """Mark all objects of a scene and add up what came out.

    Args:
        scene (`SourceScene`): From `render`.
        rng (`np.random.Generator`): Chooses points.
        overlaps (`dict`): Lists by (kind, place), added to.
        strays (`dict`): Lists by kind, added to.
    """
    views = prepare_views(**scene.arguments)
    for number in np.unique(np.concatenate(scene.instances)):
        truths = [instances == number for instances in scene.instances]
        areas = [int(truth.sum()) for truth in truths]
        marked_view = int(np.argmax(areas))
        if number == 0 or areas[marked_view] < MIN_MARKED_PX:
            continue
        for kind, region in mark(truths[marked_view], marked_view, rng).items():
            (read,) = read_regions([region], views)
            for view, (found, truth) in enumerate(zip(read["masks"], truths, strict=True)):
                found = None if found is None else found.numpy()
                if view == marked_view:
                    overlaps[kind, "its own view"].append(compare(found, truth))
                elif areas[view] >= MIN_SEEN_PX:
                    overlaps[kind, "other views"].append(compare(found, truth))
                elif areas[view] == 0:
                    strays[kind].append(found is not None)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--furniture", help="a package or a pack (default: the small pack)")
    parser.add_argument("--scenes", type=int, default=20, help="rooms (default: 20)")
    args = parser.parse_args()
    overlaps: dict = defaultdict(list)
    strays: dict = defaultdict(list)
    rng = np.random.default_rng(SEED)
    furniture = open_furniture(args.furniture)
    for index in tqdm(range(args.scenes), unit="scene"):
        measure(render(furniture, index), rng, overlaps, strays)
    print("| marked by | compared in | masks | mean overlap (IoU) | median | above 0.5 | stray views |")
    print("|---|---|---|---|---|---|---|")
    for (kind, place), values in sorted(overlaps.items()):
        stray = f"{100 * np.mean(strays[kind]):.1f} % of {len(strays[kind])}" if place == "other views" else "-"
        print(
            f"| {kind} | {place} | {len(values)} | {np.mean(values):.2f} | {np.median(values):.2f} | "
            f"{100 * np.mean(np.array(values) > 0.5):.0f} % | {stray} |"
        )


if __name__ == "__main__":
    main()

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Faults to plant, so that the examination can be measured: sound source + random numbers -> faulty source.

Each has a least size, which is what the documentation promises; sizes and signs are drawn above it. The depth of a
planted source is held in memory.

May import: NumPy, `inputs` and siblings in `doctor`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from transformers_sr3d.doctor.correction import OPENGL_AXES, Correction, correct_intrinsics, ray_lengths
from transformers_sr3d.inputs.source import Source, SourceView


LEAST_PRINCIPAL_SHIFT, MOST_PRINCIPAL_SHIFT = 0.05, 0.15
LEAST_SIZE_FACTOR, MOST_SIZE_FACTOR = 1.25, 2.0
TIME_SHIFTS = (-3, -2, 2, 3)
UNIT_FACTORS = (1000.0, 100.0, 10.0, 5.0, 3.28084, 1 / 3.28084, 0.2, 0.1, 0.01, 0.001)
SCALE_FACTORS = (1000.0, 100.0, 39.3701, 10.0, 0.1, 0.0254, 0.01, 0.001)
STRAY_DISTANCES_M = (20.0, 40.0)
CONSTANT_DEPTHS_M = (1.0, 4.0)
SWAP_STEPS = 3  # between two views that are swapped, at least
HOLE_SHARES = (0.7, 0.9)
HOLE_SIDE_PX = 8
UP = ("+x", "-x", "+y", "-y", "+z", "-z")


@dataclass(frozen=True)
class Planted:
    """A fault to plant.

    Attributes:
        expected (`tuple[str, ...]`): Names that the examination is to find, sorted; none for a sound scene.
        plant (`Callable`): Takes a source and a random generator, returns the faulty source.
        least (`str`): Its least size, in words.
    """

    expected: tuple[str, ...]
    plant: Callable[[Source, np.random.Generator], Source]
    least: str


def _change_poses(source: Source, change: Callable[[np.ndarray], np.ndarray]) -> Source:
    views = tuple(replace(view, camera_to_world=change(np.asarray(view.camera_to_world))) for view in source.views)
    return replace(source, views=views)


def _change_depths(source: Source, change: Callable[[np.ndarray, SourceView], np.ndarray]) -> Source:
    views = []
    for view in source.views:
        depth = change(np.asarray(view.load_depth()), view) if view.load_depth is not None else None
        views.append(view if depth is None else replace(view, load_depth=partial(np.array, depth)))
    return replace(source, views=tuple(views))


def _change_intrinsics(source: Source, correction: Correction) -> Source:
    image = source.views[0].load_image()
    size_hw = (image.height, image.width)
    views = tuple(
        replace(view, intrinsics=correct_intrinsics(np.asarray(view.intrinsics), size_hw, correction))
        for view in source.views
    )
    return replace(source, views=views)


def _invert(source: Source, rng: np.random.Generator) -> Source:
    return _change_poses(source, np.linalg.inv)


def _opengl(source: Source, rng: np.random.Generator) -> Source:
    return _change_poses(source, lambda pose: pose @ OPENGL_AXES)


def _invert_opengl(source: Source, rng: np.random.Generator) -> Source:
    return _change_poses(source, lambda pose: np.linalg.inv(pose @ OPENGL_AXES))


def _rays(source: Source, rng: np.random.Generator) -> Source:
    return _change_depths(source, lambda depth, view: depth * ray_lengths(depth.shape, np.asarray(view.intrinsics)))


def _unit(source: Source, rng: np.random.Generator) -> Source:
    factor = float(rng.choice(UNIT_FACTORS))
    return _change_depths(source, lambda depth, view: depth * factor)


def _resolution(source: Source, rng: np.random.Generator) -> Source:
    factor = float(rng.uniform(LEAST_SIZE_FACTOR, MOST_SIZE_FACTOR)) ** int(rng.choice((-1, 1)))
    return _change_intrinsics(source, Correction(intrinsics_factor=factor))


def _unstated_size(source: Source, rng: np.random.Generator) -> Source:
    return _change_depths(source, lambda depth, view: depth[::2, ::2])


def _principal_point(source: Source, rng: np.random.Generator) -> Source:
    angle = rng.uniform(0, 2 * np.pi)
    size = rng.uniform(LEAST_PRINCIPAL_SHIFT, MOST_PRINCIPAL_SHIFT)
    shift = (float(size * np.cos(angle)), float(size * np.sin(angle)))
    return _change_intrinsics(source, Correction(principal_shift=shift))


def _up(source: Source, rng: np.random.Generator) -> Source:
    return replace(source, world_up=str(rng.choice([axis for axis in UP if axis != source.world_up])))


def _scale(source: Source, rng: np.random.Generator) -> Source:
    factor = float(rng.choice(SCALE_FACTORS))
    scaling = np.ones((4, 4))
    scaling[:3, 3] = factor
    return _change_depths(_change_poses(source, lambda pose: pose * scaling), lambda depth, view: depth * factor)


def _holes(source: Source, rng: np.random.Generator) -> Source:
    share = rng.uniform(*HOLE_SHARES)

    def punch(depth: np.ndarray, view: SourceView) -> np.ndarray:
        blocks = rng.random([-(-side // HOLE_SIDE_PX) for side in depth.shape]) < share
        holes = np.kron(blocks, np.ones((HOLE_SIDE_PX, HOLE_SIDE_PX), bool))[: depth.shape[0], : depth.shape[1]]
        return np.where(holes, 0, depth)

    return _change_depths(source, punch)


def _strays(source: Source, rng: np.random.Generator) -> Source:
    views = list(source.views)
    for index in rng.choice(len(views), int(rng.integers(1, 3)), replace=False):
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(*STRAY_DISTANCES_M)
        pose = np.array(views[index].camera_to_world)
        pose[:3, 3] += distance * np.cos(angle), distance * np.sin(angle), 0
        views[index] = replace(views[index], camera_to_world=pose)
    return replace(source, views=tuple(views))


def shift_in_time(names: tuple[str, ...], source: Source, rng: np.random.Generator) -> Source:
    """Take what is named from views some steps later; views without such a partner are dropped, as readers do."""
    shift, count = int(rng.choice(TIME_SHIFTS)), len(source.views)
    views = [
        replace(source.views[index], **{name: getattr(source.views[index + shift], name) for name in names})
        for index in range(count)
        if 0 <= index + shift < count
    ]
    return replace(source, views=tuple(views))


def _one_value(source: Source, rng: np.random.Generator) -> Source:
    value = rng.uniform(*CONSTANT_DEPTHS_M)
    return _change_depths(source, lambda depth, view: np.where(depth > 0, value, 0))


def _swapped_depths(source: Source, rng: np.random.Generator) -> Source:
    views = list(source.views)
    first = int(rng.integers(len(views) - SWAP_STEPS))
    pair = (first, int(rng.integers(first + SWAP_STEPS, len(views))))
    for here, there in (pair, pair[::-1]):
        views[here] = replace(views[here], load_depth=source.views[there].load_depth)
    return replace(source, views=tuple(views))


def _one_view(source: Source, rng: np.random.Generator) -> Source:
    return source.select([int(rng.integers(len(source.views)))])


def _nothing(source: Source, rng: np.random.Generator) -> Source:
    return source


PLANTED = {
    "nothing": Planted((), _nothing, "-"),
    "poses inverted": Planted(("pose_direction",), _invert, "-"),
    "OpenGL poses": Planted(("camera_axes",), _opengl, "-"),
    "OpenGL poses inverted": Planted(("camera_axes", "pose_direction"), _invert_opengl, "-"),
    "depth in another unit": Planted(("depth_unit",), _unit, "factor 3.28"),
    "depth along rays": Planted(("ray_distance",), _rays, "-"),
    "intrinsics of another size": Planted(("resolution",), _resolution, f"factor {LEAST_SIZE_FACTOR}"),
    "depth of an unstated size": Planted(("resolution",), _unstated_size, "factor 2"),
    "principal point": Planted(("principal_point",), _principal_point, f"{LEAST_PRINCIPAL_SHIFT:.0%} of the width"),
    "up axis": Planted(("up_axis",), _up, "-"),
    "scale of everything": Planted(("scale",), _scale, "factor 10"),
    "depth with holes": Planted(("depth_holes",), _holes, f"{HOLE_SHARES[0]:.0%} of the pixels"),
    "views elsewhere": Planted(("no_overlap",), _strays, f"{STRAY_DISTANCES_M[0]:g} m"),
    "poses out of step": Planted(("time_shift",), partial(shift_in_time, ("camera_to_world",)), "2 views"),
    "depth out of step": Planted(("time_shift",), partial(shift_in_time, ("load_depth",)), "2 views"),
    "pictures out of step": Planted(("time_shift",), partial(shift_in_time, ("load_image",)), "2 views"),
    "one view only": Planted((), _one_view, "-"),
    "depth of one value": Planted(("constant_depth",), _one_value, "-"),
    "two depth maps swapped": Planted(("no_overlap",), _swapped_depths, f"{SWAP_STEPS} views"),
}

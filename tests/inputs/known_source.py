# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""One scene that every reader must give: four views of a box room, known in closed form.

Tests write it in the format of their source, by hand, and `check_source` compares what the reader made of it. The
known world has z up; a source whose world has another axis up is written with `world_from_known(up)` in front of the
poses.
"""

from dataclasses import dataclass

import numpy as np
from scenes import box_room, orbiting_cameras, pinhole

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.geometry_sr3d import world_up_rotation


BOXES = (((2.5, 2.0, 0.4), (0.8, 0.6, 0.8)), ((1.2, 3.0, 0.25), (0.5, 0.5, 0.5)))
TOLERANCE_M = 1e-3
OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class KnownView:
    """A view of the room: `image` (H, W, 3) uint8, `depth` (h, w) float64 metres, matrices in float64, `time_s`."""

    image: np.ndarray
    intrinsics: np.ndarray
    depth: np.ndarray
    depth_intrinsics: np.ndarray
    points_world: np.ndarray
    camera_to_world: np.ndarray
    time_s: float


def known_views(
    num_views: int = 4, *, size_hw: tuple[int, int] = (48, 64), depth_size_hw: tuple[int, int] | None = None
) -> list[KnownView]:
    """Look at the room; depth maps of another size have intrinsics of their own and the same field of view."""
    depth_size_hw = depth_size_hw or size_hw
    views = []
    for index, pose in enumerate(orbiting_cameras(num_views)):
        shown = box_room(pose, boxes=BOXES, intrinsics=_camera(size_hw), size_hw=size_hw)
        measured = box_room(pose, boxes=BOXES, intrinsics=_camera(depth_size_hw), size_hw=depth_size_hw)
        views.append(
            KnownView(
                image=_paint(shown["points_world"].double().numpy()),
                intrinsics=_camera(size_hw).double().numpy(),
                depth=measured["depth"].double().numpy(),
                depth_intrinsics=_camera(depth_size_hw).double().numpy(),
                points_world=measured["points_world"].double().numpy(),
                camera_to_world=pose.double().numpy(),
                time_s=100.0 + index / 4,
            )
        )
    return views


def _camera(size_hw):
    return pinhole(focal_px=50.0 * size_hw[1] / 64, size_hw=size_hw)


def _paint(points):
    """Colours that depend on the place in the world, the same in every view."""
    waves = np.sin(points * np.array([3.0, 4.0, 5.0])) + 0.5 * np.sin(points[..., [1, 2, 0]] * 9.0)
    return np.clip(127 + 75 * waves, 0, 255).astype(np.uint8)


def world_from_known(up: str) -> np.ndarray:
    """Return the (4, 4) turn that puts the known room, whose z is up, into a world where `up` is."""
    turn = np.eye(4)
    turn[:3, :3] = world_up_rotation(up).double().numpy().T
    return turn


def opengl(camera_to_world: np.ndarray) -> np.ndarray:
    """Return the pose of the camera with y up and z backward at the same place."""
    return camera_to_world @ OPENGL


def check_source(source, views, *, tolerance=TOLERANCE_M, colours=2):
    """Compare the world points, colours and cameras of a source with the known ones."""
    assert len(source.views) == len(views)
    prepared = prepare_views(**source.arguments())
    assert prepared["metric"]
    for index, known in enumerate(views):
        image = np.asarray(prepared["images"][index], dtype=float)
        assert np.abs(image - known.image).mean() <= colours
        valid = prepared["valid"][index].numpy()
        assert valid.mean() > 0.99
        points = prepared["points"][index].numpy()
        assert np.abs(points - known.points_world)[valid].max() <= tolerance
        assert np.abs(prepared["camera_to_world"][index].numpy() - known.camera_to_world).max() < tolerance

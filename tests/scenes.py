# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Scenes whose depth is known in closed form: flat wall, box room seen from inside, orbiting cameras, a lone box.

Everything is in metres and float64 until it is handed out as float32. World: z up. Cameras: OpenCV. A rendered view is
a dictionary with `depth` (H, W), `labels` (H, W), `points_world` (H, W, 3), `intrinsics` (3, 3), `camera_to_world`
(4, 4); random intrinsics and poses are not cameras, so tests take theirs from here.
"""

import math

import torch


SIZE_HW = (48, 64)
ROOM_SIZE = (5.0, 4.0, 2.5)


def pinhole(focal_px: float = 50.0, size_hw: tuple[int, int] = SIZE_HW) -> torch.Tensor:
    """Return intrinsics whose optical axis meets the middle of the image."""
    height, width = size_hw
    return torch.tensor([[focal_px, 0.0, (width - 1) / 2], [0.0, focal_px, (height - 1) / 2], [0.0, 0.0, 1.0]])


def turn(axis: str, angle: float) -> torch.Tensor:
    """Return the (3, 3) rotation by `angle` radians about the axis "x", "y" or "z"."""
    cosine, sine = math.cos(angle), math.sin(angle)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    rotation = torch.eye(3)
    rotation[first, first] = rotation[second, second] = cosine
    rotation[first, second], rotation[second, first] = -sine, sine
    return rotation


def rigid(rotation: torch.Tensor, translation: tuple[float, float, float]) -> torch.Tensor:
    """Return a (4, 4) rigid transform."""
    transform = torch.eye(4)
    transform[:3, :3] = rotation
    transform[:3, 3] = torch.tensor(translation)
    return transform


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> torch.Tensor:
    """Return `camera_to_world` of an OpenCV camera at `eye` that looks at `target`, with the image upright."""
    forward = torch.tensor(target, dtype=torch.float64) - torch.tensor(eye, dtype=torch.float64)
    forward = forward / forward.norm()
    right = torch.linalg.cross(forward, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    right = right / right.norm()
    down = torch.linalg.cross(forward, right)
    return rigid(torch.stack((right, down, forward), dim=1).float(), eye)


def orbiting_cameras(
    num_views: int,
    *,
    target: tuple[float, float, float] = (2.5, 2.0, 0.8),
    radius: float = 1.5,
    height: float = 0.6,
) -> list[torch.Tensor]:
    """Return `camera_to_world` of cameras on a circle, `height` above the target, all looking at it."""
    angles = [2 * math.pi * index / num_views + 0.3 for index in range(num_views)]
    eyes = [
        (target[0] + radius * math.cos(angle), target[1] + radius * math.sin(angle), target[2] + height)
        for angle in angles
    ]
    return [look_at(eye, target) for eye in eyes]


def _rays(intrinsics: torch.Tensor, size_hw: tuple[int, int]) -> torch.Tensor:
    """Return (H, W, 3) ray directions in the camera frame with z = 1, so that the ray's parameter is z-depth."""
    height, width = size_hw
    v, u = torch.meshgrid(
        torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64), indexing="ij"
    )
    matrix = intrinsics.double()
    x, y = (u - matrix[0, 2]) / matrix[0, 0], (v - matrix[1, 2]) / matrix[1, 1]
    return torch.stack((x, y, torch.ones_like(x)), dim=-1)


def flat_wall(distance_m: float, *, tilt: float = 0.0, size_hw: tuple[int, int] = SIZE_HW) -> dict[str, torch.Tensor]:
    """Return a wall that crosses the optical axis at `distance_m`, turned by `tilt` radians about the camera's y axis.

    The plane is `x sin(tilt) + z cos(tilt) = distance cos(tilt)`; without tilt the z-depth is `distance_m` everywhere.
    """
    intrinsics = pinhole(size_hw=size_hw)
    rays = _rays(intrinsics, size_hw)
    depth = distance_m * math.cos(tilt) / (rays[..., 0] * math.sin(tilt) + math.cos(tilt))
    return {
        "depth": depth.float(),
        "labels": torch.full(size_hw, -1),
        "points_world": (rays * depth[..., None]).float(),
        "intrinsics": intrinsics,
        "camera_to_world": torch.eye(4),
    }


def _entry_and_exit(
    origin: torch.Tensor, directions: torch.Tensor, low: torch.Tensor, high: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where rays enter and leave an axis-aligned box, in units of `directions` (slab method)."""
    directions = torch.where(directions.abs() < 1e-12, 1e-12, directions)
    to_low, to_high = (low - origin) / directions, (high - origin) / directions
    return torch.minimum(to_low, to_high).amax(dim=-1), torch.maximum(to_low, to_high).amin(dim=-1)


def box_room(
    camera_to_world: torch.Tensor,
    *,
    room_size: tuple[float, float, float] = ROOM_SIZE,
    boxes: tuple[tuple[tuple[float, float, float], tuple[float, float, float]], ...] = (),
    intrinsics: torch.Tensor | None = None,
    size_hw: tuple[int, int] = SIZE_HW,
) -> dict[str, torch.Tensor]:
    """Return a view of the room `[0, x] x [0, y] x [0, z]` from inside, with axis-aligned (center, size) boxes in it.

    `labels` is the index of the box that a pixel shows, -1 for the room.
    """
    intrinsics = pinhole(size_hw=size_hw) if intrinsics is None else intrinsics
    pose = camera_to_world.double()
    directions, origin = _rays(intrinsics, size_hw) @ pose[:3, :3].T, pose[:3, 3]
    _, depth = _entry_and_exit(origin, directions, torch.zeros(3).double(), torch.tensor(room_size).double())
    labels = torch.full(size_hw, -1)
    for index, (center, size) in enumerate(boxes):
        middle, half = torch.tensor(center).double(), torch.tensor(size).double() / 2
        entry, leave = _entry_and_exit(origin, directions, middle - half, middle + half)
        hit = (entry < leave) & (entry > 0) & (entry < depth)
        depth, labels = torch.where(hit, entry, depth), torch.where(hit, index, labels)
    return {
        "depth": depth.float(),
        "labels": labels,
        "points_world": (origin + directions * depth[..., None]).float(),
        "intrinsics": intrinsics,
        "camera_to_world": camera_to_world,
    }


def box_surface(
    size: tuple[float, float, float], faces: tuple[str, ...], *, yaw: float = 0.0, step: float = 0.02
) -> torch.Tensor:
    """Return (N, 3) points on an even grid over faces ("+x", "-y", ...) of a box at the origin, turned by `yaw`."""
    points = []
    for face in faces:
        axis = "xyz".index(face[1])
        others = [other for other in range(3) if other != axis]
        grids = [torch.arange(step / 2, size[other], step) - size[other] / 2 for other in others]
        points_on_face = torch.zeros(len(grids[0]) * len(grids[1]), 3)
        points_on_face[:, others] = torch.cartesian_prod(*grids)
        points_on_face[:, axis] = size[axis] / 2 * (1 if face[0] == "+" else -1)
        points.append(points_on_face)
    return torch.cat(points) @ turn("z", yaw).T

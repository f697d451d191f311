# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A corner of three textured planes, seen from several places: real pictures for structure from motion in seconds."""

import numpy as np
from PIL import Image, ImageFilter


SIZE_HW, FOCAL_PX = (180, 240), 220.0
INTRINSICS = np.array([[FOCAL_PX, 0, 119.5], [0, FOCAL_PX, 89.5], [0, 0, 1]])
# World: +x right, +y down, +z away. Floor y = 1, walls x = 1.6 and z = 4; each with the two axes that it spans.
PLANES = ((1, 1.0, (0, 2)), (0, 1.6, (1, 2)), (2, 4.0, (0, 1)))
TEXELS, TEXELS_PER_UNIT = 512, 60


def _texture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = np.repeat(np.repeat(rng.integers(0, 256, (TEXELS // 4, TEXELS // 4, 3)), 4, 0), 4, 1)
    return np.asarray(Image.fromarray(noise.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.0)), dtype=float)


def poses_of(num_views: int) -> list[np.ndarray]:
    """Cameras side by side that sway and look at one place of the corner."""
    poses = []
    for number in range(num_views):
        eye = np.array([-1.0 + 1.4 * number / max(num_views - 1, 1), 0.25 * np.sin(1.7 * number), 0.1 * (number % 2)])
        forward = np.array([0.5, 0.3, 3.2]) - eye
        forward /= np.linalg.norm(forward)
        right = np.cross([0, 1.0, 0], forward)
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
        pose[:3, 3] = eye
        poses.append(pose)
    return poses


def render(pose: np.ndarray) -> tuple[Image.Image, np.ndarray]:
    """The picture, and its z-depth of shape `SIZE_HW`."""
    rows, columns = np.mgrid[0 : SIZE_HW[0], 0 : SIZE_HW[1]]
    rays = np.stack(((columns - 119.5) / FOCAL_PX, (rows - 89.5) / FOCAL_PX, np.ones(SIZE_HW)), axis=-1)
    directions, eye = rays @ pose[:3, :3].T, pose[:3, 3]
    depth, colours = np.full(SIZE_HW, np.inf), np.zeros((*SIZE_HW, 3))
    for seed, (axis, offset, spanned) in enumerate(PLANES):
        with np.errstate(divide="ignore", invalid="ignore"):
            along = (offset - eye[axis]) / directions[..., axis]
        hit = (along > 0.05) & (along < depth)
        points = eye + np.where(hit, along, 0)[..., None] * directions
        colours = np.where(hit[..., None], _sample(_texture(seed), points[..., spanned]), colours)
        depth = np.where(hit, along, depth)
    return Image.fromarray(colours.round().astype(np.uint8)), depth


def _sample(texture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bilinear, and again and again."""
    texels = places * TEXELS_PER_UNIT
    low = np.floor(texels).astype(int)
    part = texels - low
    parts = {0: 1 - part, 1: part}
    return sum(
        texture[(low[..., 0] + i) % TEXELS, (low[..., 1] + j) % TEXELS]
        * (parts[i][..., 0] * parts[j][..., 1])[..., None]
        for i in (0, 1)
        for j in (0, 1)
    )

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms, second step: layout + camera -> exact z-depth, instance map and a shaded picture.

Rays start at the camera and have z = 1 in its frame, so the ray parameter *is* the z-depth. A room and a box are both
three pairs of planes (slab test). A box is tested only inside the rectangle that its projected corners span. float32
throughout: at 8 m the rounding is below a hundredth of a millimetre, and it halves the time.

May import: NumPy and `layout`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.box_layout import LayoutBox, RoomLayout, Surface


ROOM_ID = -1
NEAR_M = 0.05
TINY = np.float32(1e-9)
SHADOW_OFFSET_M = 0.004


@dataclass(frozen=True)
class Cast:
    """What the rays of one view met.

    Attributes:
        depth (`np.ndarray` of shape `(H, W)`, float32): Metres along the optical axis.
        instances (`np.ndarray` of shape `(H, W)`, int16): Index of the box, `ROOM_ID` for the room.
        faces (`np.ndarray` of shape `(H, W)`, uint8): `2 * axis + 1` where the surface normal points along the
            plus direction of that axis of the thing that was met, `2 * axis` for minus.
        texture (`np.ndarray` of shape `(H, W)`, float32): Brightness factor of the patterns.
        rays (`np.ndarray` of shape `(3, H, W)`, float32): Ray directions in the room frame, z-depth 1.
        silhouette_pixels (`np.ndarray` of shape `(N,)`): Pixels that each box would cover were it alone.
        full_pixels (`np.ndarray` of shape `(N,)`): For boxes that are cut, the same on an unbounded image, infinite
            if a corner is behind the camera.
        cut (`np.ndarray` of shape `(N,)`, bool): The box reaches beyond the image.
    """

    depth: np.ndarray
    instances: np.ndarray
    faces: np.ndarray
    texture: np.ndarray
    rays: np.ndarray
    silhouette_pixels: np.ndarray
    full_pixels: np.ndarray
    cut: np.ndarray


def cast_view(
    layout: RoomLayout,
    camera_to_room: np.ndarray,
    intrinsics: np.ndarray,
    *,
    image_size_hw: tuple[int, int],
    textured: bool = True,
) -> Cast:
    """Intersect the ray of every pixel centre with the room and all boxes.

    Args:
        layout (`RoomLayout`): The room.
        camera_to_room (`np.ndarray` of shape `(4, 4)`): OpenCV camera inside the room.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels; integer coordinates are pixel centres.
        image_size_hw (`tuple[int, int]`): Height and width in pixels.
        textured (`bool`, defaults to `True`): Whether to evaluate the patterns.

    Returns:
        `Cast`: Exact geometry of the view.
    """
    height, width = image_size_hw
    x = ((np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]).astype(np.float32)[None, :]
    y = ((np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1]).astype(np.float32)[:, None]
    rotation, origin = camera_to_room[:3, :3], camera_to_room[:3, 3]
    rays = _directions(rotation, x, y)
    depth, faces = _leave_room(rays, origin, layout.size)
    texture = np.ones(depth.shape, np.float32)
    if textured:
        _add_room_texture(texture, layout, rays * depth + origin.astype(np.float32)[:, None, None], faces)
    instances = np.full((height, width), ROOM_ID, np.int16)
    num_boxes = len(layout.boxes)
    cast = Cast(
        depth,
        instances,
        faces,
        texture,
        rays,
        np.zeros(num_boxes, int),
        np.zeros(num_boxes),
        np.zeros(num_boxes, bool),
    )
    for index, box in enumerate(layout.boxes):
        rows, columns, cast.full_pixels[index], cast.cut[index] = _screen_bounds(
            box, camera_to_room, intrinsics, image_size_hw
        )
        if rows.start < rows.stop and columns.start < columns.stop:
            window = (rows, columns)
            _enter_box(cast, index, box, camera_to_room, (x[:, columns], y[rows]), window)
    return cast


def shade(layout: RoomLayout, camera_to_room: np.ndarray, cast: Cast, *, shadows: bool = True) -> np.ndarray:
    """Colour what the rays met: Lambert's law for a lamp with shadows, a distant light without, and ambient light.

    Args:
        layout (`RoomLayout`): The room.
        camera_to_room (`np.ndarray` of shape `(4, 4)`): The camera of `cast`.
        cast (`Cast`): From `cast_view`.
        shadows (`bool`, defaults to `True`): Whether boxes shadow the lamp.

    Returns:
        `np.ndarray` of shape `(H, W, 3)`, float32: Display values, nominally in [0, 1], before noise and rounding.
    """
    albedo, normals = _surface_tables(layout)
    codes = (cast.instances.astype(np.intp) + 1) * 6 + cast.faces
    normal = normals[:, codes]  # (3, H, W)
    origin = camera_to_room[:3, 3].astype(np.float32)
    points = cast.rays * cast.depth + origin[:, None, None]
    to_light = layout.light.astype(np.float32)[:, None, None] - points
    squared = (to_light * to_light).sum(0)
    lamp = np.maximum((normal * to_light).sum(0), 0) / np.sqrt(squared + np.float32(1e-6))
    lamp *= 8.0 / (8.0 + squared)
    if shadows:
        lit = lamp > 0
        start = points[:, lit] + normal[:, lit] * np.float32(SHADOW_OFFSET_M)  # (3, M)
        lamp[lit] *= np.where(_in_shadow(layout, start), np.float32(0.15), np.float32(1))
    sun = np.float32(0.3) * np.maximum(np.tensordot(layout.sun.astype(np.float32), normal, axes=1), 0)
    color = lamp[..., None] * layout.light_color.astype(np.float32) + (sun + np.float32(layout.ambient))[..., None]
    return np.sqrt(albedo[codes] * color * cast.texture[..., None])  # square root: display gamma 2


def _directions(rotation: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    matrix = rotation.astype(np.float32)
    directions = np.empty((3, y.shape[0], x.shape[1]), np.float32)
    for axis in range(3):
        np.add(matrix[axis, 0] * x + matrix[axis, 2], matrix[axis, 1] * y, out=directions[axis])
    directions[np.abs(directions) < TINY] = TINY  # a ray parallel to a plane meets it far away, not at 0 / 0
    return directions


def _leave_room(rays: np.ndarray, origin: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    forward = rays > 0
    low, high = (-origin).astype(np.float32)[:, None, None], (size - origin).astype(np.float32)[:, None, None]
    exits = np.where(forward, high, low) / rays
    depth = exits.min(0)
    faces = np.where(exits[0] == depth, 1 - forward[0], 0).astype(np.uint8)
    for axis in (1, 2):
        np.copyto(faces, (2 * axis + 1 - forward[axis]).astype(np.uint8), where=exits[axis] == depth)
    return depth, faces


def _screen_bounds(
    box: LayoutBox, camera_to_room: np.ndarray, intrinsics: np.ndarray, image_size_hw: tuple[int, int]
) -> tuple[slice, slice, float, bool]:
    """Rows, columns, area in pixels on an unbounded image, and whether the box reaches beyond this image."""
    height, width = image_size_hw
    corners_camera = (box.corners - camera_to_room[:3, 3]) @ camera_to_room[:3, :3]
    if corners_camera[:, 2].max() <= NEAR_M:
        return slice(0, 0), slice(0, 0), float("inf"), True
    if corners_camera[:, 2].min() <= NEAR_M:
        return slice(0, height), slice(0, width), float("inf"), True
    u = intrinsics[0, 0] * corners_camera[:, 0] / corners_camera[:, 2] + intrinsics[0, 2]
    v = intrinsics[1, 1] * corners_camera[:, 1] / corners_camera[:, 2] + intrinsics[1, 2]
    cut = bool(u.min() < -0.5 or v.min() < -0.5 or u.max() > width - 0.5 or v.max() > height - 0.5)
    rows = slice(max(int(np.floor(v.min())), 0), max(min(int(np.ceil(v.max())) + 1, height), 0))
    columns = slice(max(int(np.floor(u.min())), 0), max(min(int(np.ceil(u.max())) + 1, width), 0))
    return rows, columns, _hull_area(u, v) if cut else float("nan"), cut


def _hull_area(u: np.ndarray, v: np.ndarray) -> float:
    """Area of the convex hull of a few points in the plane (monotone chain, shoelace formula)."""
    ordered = sorted(zip(u.tolist(), v.tolist(), strict=True))
    hull: list[tuple[float, float]] = []
    for chain in (ordered, ordered[::-1]):
        start = len(hull)
        for point in chain:
            while len(hull) - start >= 2 and _turn(hull[-2], hull[-1], point) <= 0:
                hull.pop()
            hull.append(point)
        hull.pop()
    return abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(hull, hull[1:] + hull[:1], strict=True))) / 2


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _slab(directions: np.ndarray, origin: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ray parameters at which each pair of planes is entered, `(3, ...)`, and at which all have been left."""
    shape = (3,) + (1,) * (directions.ndim - 1)
    inverse = np.reciprocal(directions)
    middle = -origin.astype(np.float32).reshape(shape) * inverse if origin.ndim == 1 else -origin * inverse
    reach = half.astype(np.float32).reshape(shape) * np.abs(inverse)
    return middle - reach, (middle + reach).min(0)


def _enter_box(
    cast: Cast,
    index: int,
    box: LayoutBox,
    camera_to_room: np.ndarray,
    grid: tuple[np.ndarray, np.ndarray],
    window: tuple[slice, slice],
) -> None:
    """Write a box into the rectangle `window` of the cast wherever it is nearer than what is there."""
    box_from_room = box.rotation.T
    origin = box_from_room @ (camera_to_room[:3, 3] - box.center)
    directions = _directions(box_from_room @ camera_to_room[:3, :3], *grid)
    enters, leave = _slab(directions, origin, box.size / 2)
    enter = enters.max(0)
    hit = (enter < leave) & (enter > NEAR_M)
    cast.silhouette_pixels[index] = np.count_nonzero(hit)
    nearer = hit & (enter < cast.depth[window])
    face = np.zeros(enter.shape, np.uint8)
    for axis in range(3):
        np.copyto(face, (2 * axis + (directions[axis] < 0)).astype(np.uint8), where=enters[axis] == enter)
    cast.depth[window][nearer] = enter[nearer]
    cast.faces[window][nearer] = face[nearer]
    cast.instances[window][nearer] = index
    if box.surface.texture == "plain":
        cast.texture[window][nearer] = 1
        return
    local = directions[:, nearer] * enter[nearer] + origin.astype(np.float32)[:, None]
    cast.texture[window][nearer] = _pattern(box.surface, local, face[nearer])


def _pattern(surface: Surface, local: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Brightness factor of a surface pattern at points `(3, N)` on faces `(N,)` of the thing that carries it."""
    axis = faces // 2
    across = np.where(axis == 0, local[1], local[0]) / np.float32(surface.period_m)
    along = np.where(axis == 2, local[1], local[2]) / np.float32(surface.period_m)
    row, column = np.floor(along + np.float32(0.013)), np.floor(across + np.float32(0.013))
    if surface.texture == "stripes":
        dark = column % 2
    elif surface.texture == "checker":
        dark = (row + column) % 2
    else:
        dark = ((row * 37 + np.floor((across + row * 0.37) / 4) * 17) % 5) / 4  # planks: each its own brightness
    return (1 - np.float32(surface.contrast) * dark).astype(np.float32)


def _add_room_texture(texture: np.ndarray, layout: RoomLayout, points: np.ndarray, faces: np.ndarray) -> None:
    for surface, where in ((layout.floor, faces == 5), (layout.walls, faces < 4)):
        if surface.texture != "plain":
            texture[where] = _pattern(surface, points[:, where], faces[where])


def _surface_tables(layout: RoomLayout) -> tuple[np.ndarray, np.ndarray]:
    """Albedo `(6 * (N + 1), 3)` and room-frame normal `(3, 6 * (N + 1))` of every face; the room comes first."""
    axes = np.repeat(np.eye(3), 2, axis=0) * np.array([-1, 1, -1, 1, -1, 1])[:, None]
    room = [layout.walls.albedo] * 4 + [layout.ceiling.albedo, layout.floor.albedo]
    albedo = np.stack(room + [box.surface.albedo for box in layout.boxes for _ in range(6)])
    normals = np.concatenate([axes] + [axes @ box.rotation.T for box in layout.boxes])
    return albedo.astype(np.float32), np.ascontiguousarray(normals.T.astype(np.float32))


def _in_shadow(layout: RoomLayout, points: np.ndarray) -> np.ndarray:
    """Whether a box stands between each point `(3, M)` and the lamp."""
    shadow = np.zeros(points.shape[1], bool)
    for box in layout.boxes:
        turn = box.rotation.T.astype(np.float32)
        start = turn @ points - (turn @ box.center.astype(np.float32))[:, None]
        towards = (box.rotation.T @ (layout.light - box.center)).astype(np.float32)[:, None] - start
        towards[np.abs(towards) < TINY] = TINY
        enters, leave = _slab(towards, start, box.size / 2)
        enter = enters.max(0)
        shadow |= (enter < leave) & (leave > 0) & (enter < 1)
    return shadow

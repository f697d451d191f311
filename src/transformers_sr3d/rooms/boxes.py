# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Box rooms: (split, index, settings) -> a scene of posed RGB-D views with exact ground truth.

A scene is a pure function of its arguments, so that nothing has to be stored to be repeated, and splits own disjoint
ranges of seeds. Layout, cameras and sensor noise draw from separate generators: the same index shows the same room at
every image size. The room stands at a random place and heading in its z-up world. Boxes are a first world, simple
enough to be rendered within milliseconds; what they look like is not what real rooms look like.

May import: NumPy and siblings in `rooms`.
"""

from dataclasses import dataclass, field

import numpy as np

from transformers_sr3d.rooms.box_layout import RoomLayout, compose_layout, yaw_rotation
from transformers_sr3d.rooms.box_raycast import NEAR_M, Cast, cast_view, shade


SPLIT_SEEDS = {"train": 0, "val": 1_000_000_000, "test": 2_000_000_000}
SCENES_PER_SPLIT = 1_000_000_000
CAMERA_HEIGHT_M = (1.2, 1.8)
FIELD_OF_VIEW_DEG = (45.0, 90.0)
PITCH_DEG = (-35.0, 10.0)
ROLL_DEG = 3.0
CLEARANCE_M = 0.35
VIEWS_APART_M = 0.4
PROBE_WIDTH = 96
PROBE_SHARE = 40 / (144 * 192)  # of the image that a box must fill to count while cameras are chosen
CAMERA_TRIES = 40


@dataclass(frozen=True)
class BoxSettings:
    """What kind of scenes to make.

    Attributes:
        image_size_hw (`tuple[int, int]`, defaults to `(144, 192)`): Height and width of a view, pixels.
        num_views (`tuple[int, int]`, defaults to `(1, 1)`): Smallest and largest number of views.
        min_visible_pixels (`int`, defaults to 40): A box counts as visible in a view from here on.
        degraded_share (`float`, defaults to 0.0): Share of scenes whose depth has holes, 0.5 % noise and
            millimetre steps, as a sensor's has.
        shadows (`bool`, defaults to `True`): Whether boxes shadow the lamp.
    """

    image_size_hw: tuple[int, int] = (144, 192)
    num_views: tuple[int, int] = (1, 1)
    min_visible_pixels: int = 40
    degraded_share: float = 0.0
    shadows: bool = True

    def __post_init__(self) -> None:
        low, high = self.num_views
        if not 1 <= low <= high:
            raise ValueError(
                f"`num_views` must be (smallest, largest) with 1 <= smallest <= largest, got {self.num_views}. "
                "Use (1, 1) for single photos and (2, 4) for camera walks."
            )
        if min(self.image_size_hw) < 8:
            raise ValueError(
                f"`image_size_hw` must be at least 8 pixels on both sides, got {self.image_size_hw}. "
                "The order is (height, width)."
            )


@dataclass(frozen=True)
class BoxObject:
    """Ground truth of one box, in the world frame.

    Attributes:
        center (`np.ndarray` of shape `(3,)`): Metres.
        size (`np.ndarray` of shape `(3,)`): Full extents along the box's own axes, metres; the third is vertical.
        rotation (`np.ndarray` of shape `(3, 3)`): Box to world.
    """

    center: np.ndarray
    size: np.ndarray
    rotation: np.ndarray

    @property
    def width(self) -> float:
        """Larger horizontal side, metres."""
        return float(max(self.size[0], self.size[1]))

    @property
    def height(self) -> float:
        """Vertical extent, metres."""
        return float(self.size[2])


@dataclass(frozen=True)
class BoxView:
    """One view with its geometry and what is visible in it.

    Attributes:
        image (`np.ndarray` of shape `(H, W, 3)`, uint8): Colours.
        depth (`np.ndarray` of shape `(H, W)`, float32): z-depth in metres, 0 = not measured.
        instances (`np.ndarray` of shape `(H, W)`, int16): Index of the object, -1 for the room.
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        camera_to_world (`np.ndarray` of shape `(4, 4)`): OpenCV camera to z-up world.
        visible_pixels (`np.ndarray` of shape `(N,)`, int): Pixels that show each object.
        visible_share (`np.ndarray` of shape `(N,)`, float): The same over the object's whole silhouette, including
            what other boxes hide and what lies outside the image; 0 if it reaches behind the camera.
        cut (`np.ndarray` of shape `(N,)`, bool): The silhouette reaches beyond the image border.
    """

    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    intrinsics: np.ndarray
    camera_to_world: np.ndarray
    visible_pixels: np.ndarray
    visible_share: np.ndarray
    cut: np.ndarray

    @property
    def gravity_camera(self) -> np.ndarray:
        """Direction in which things fall, in the camera frame, unit length, shape `(3,)`."""
        return -self.camera_to_world[2, :3]


@dataclass(frozen=True)
class BoxScene:
    """A room seen from one or several places.

    Attributes:
        split, index, settings: The arguments of `make_scene`.
        objects (`list[BoxObject]`): Ground truth; views refer to objects by position in this list.
        views (`list[BoxView]`): One or more.
        degraded (`bool`): Whether the depth maps carry sensor errors.
    """

    split: str
    index: int
    settings: BoxSettings
    objects: list[BoxObject] = field(repr=False)
    views: list[BoxView] = field(repr=False)
    degraded: bool = False

    @property
    def visible_pixels(self) -> np.ndarray:
        """Pixels that show each object, per view: shape `(V, N)`."""
        return np.stack([view.visible_pixels for view in self.views])

    @property
    def visible_objects(self) -> list[int]:
        """Objects with at least `min_visible_pixels` pixels in at least one view."""
        enough = self.visible_pixels.max(0) >= self.settings.min_visible_pixels
        return [int(index) for index in np.flatnonzero(enough)]

    def best_view(self, index: int) -> int:
        """Choose the view that shows an object best: whole if possible, then by visible share times pixels.

        Args:
            index (`int`): The object.

        Returns:
            `int`: Index of the view.
        """
        scores = [
            (not view.cut[index], view.visible_share[index] * view.visible_pixels[index])
            if view.visible_pixels[index] >= self.settings.min_visible_pixels
            else (False, -1.0)
            for view in self.views
        ]
        return max(range(len(scores)), key=scores.__getitem__)


def scene_seed(split: str, index: int) -> int:
    """Give the seed of a scene; splits own disjoint ranges.

    Args:
        split (`str`): `"train"`, `"val"` or `"test"`.
        index (`int`): From 0 to `SCENES_PER_SPLIT - 1`.

    Returns:
        `int`: The seed.

    Raises:
        ValueError: If the split is unknown or the index outside its range.
    """
    if split not in SPLIT_SEEDS:
        raise ValueError(f"`split` must be one of {tuple(SPLIT_SEEDS)}, got {split!r}. Choose one of these.")
    if not 0 <= index < SCENES_PER_SPLIT:
        raise ValueError(
            f"`index` must be from 0 to {SCENES_PER_SPLIT - 1}, got {index}. "
            "Outside it the scene would belong to another split."
        )
    return SPLIT_SEEDS[split] + index


def make_scene(split: str, index: int, settings: BoxSettings | None = None) -> BoxScene:
    """Make the scene number `index` of a split.

    Args:
        split (`str`): `"train"`, `"val"` or `"test"`.
        index (`int`): From 0.
        settings (`BoxSettings`, *optional*): Defaults to single 192x144 photos with exact depth.

    Returns:
        `BoxScene`: At least two objects are visible.
    """
    settings = BoxSettings() if settings is None else settings
    seed = scene_seed(split, index)
    attempt = 0
    cameras = None
    while cameras is None:  # a room that offers no good view is drawn anew
        layout_rng, camera_rng, sensor_rng = (np.random.default_rng([seed, attempt, stream]) for stream in range(3))
        layout = compose_layout(layout_rng)
        room_to_world = _place_room(layout_rng, layout)
        num_views = int(camera_rng.integers(settings.num_views[0], settings.num_views[1] + 1))
        cameras = _choose_cameras(camera_rng, layout, num_views, settings)
        attempt += 1
    degraded = bool(sensor_rng.uniform() < settings.degraded_share)
    views = [_render(layout, camera, room_to_world, settings, (sensor_rng, degraded)) for camera in cameras]
    return BoxScene(split, index, settings, world_objects(layout, room_to_world), views, degraded)


def world_objects(layout: RoomLayout, room_to_world: np.ndarray) -> list[BoxObject]:
    """Express the boxes of a layout in the world frame.

    Args:
        layout (`RoomLayout`): The room.
        room_to_world (`np.ndarray` of shape `(4, 4)`): A turn about the vertical and a shift.

    Returns:
        `list[BoxObject]`: In the order of `layout.boxes`.
    """
    turn, shift = room_to_world[:3, :3], room_to_world[:3, 3]
    return [BoxObject(turn @ box.center + shift, box.size.copy(), turn @ box.rotation) for box in layout.boxes]


def look_rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Turn an OpenCV camera in a z-up frame.

    Args:
        yaw (`float`): Heading of the optical axis, from x towards y, radians.
        pitch (`float`): Up is positive, radians.
        roll (`float`): About the optical axis, radians.

    Returns:
        `np.ndarray` of shape `(3, 3)`: Camera to z-up frame.
    """
    forward = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    level = np.stack((right, np.cross(forward, right), forward), axis=1)
    return level @ yaw_rotation(roll)


def _place_room(rng: np.random.Generator, layout: RoomLayout) -> np.ndarray:
    room_to_world = np.eye(4)
    room_to_world[:3, :3] = yaw_rotation(rng.uniform(0, 2 * np.pi))
    middle = np.array([layout.size[0] / 2, layout.size[1] / 2, 0.0])
    room_to_world[:3, 3] = rng.uniform((-4, -4, -1), (4, 4, 1)) - room_to_world[:3, :3] @ middle
    return room_to_world


def _draw_intrinsics(rng: np.random.Generator) -> np.ndarray:
    """Field of view and optical centre for an image of width 1; `_at_size` brings them to pixels."""
    focal = 0.5 / np.tan(np.radians(rng.uniform(*FIELD_OF_VIEW_DEG)) / 2)
    return np.array([focal, *rng.uniform(-0.02, 0.02, 2)])


def _at_size(lens: np.ndarray, image_size_hw: tuple[int, int]) -> np.ndarray:
    height, width = image_size_hw
    focal = lens[0] * width
    center_u, center_v = (width - 1) / 2 + lens[1] * width, (height - 1) / 2 + lens[2] * height
    return np.array([[focal, 0.0, center_u], [0.0, focal, center_v], [0.0, 0.0, 1.0]])


def _draw_camera(rng: np.random.Generator, layout: RoomLayout) -> np.ndarray | None:
    """A place with clearance from boxes and walls, looking roughly at one of the boxes; None if the place is taken."""
    margin = min(0.3, 0.2 * layout.size[:2].min())
    position = np.array([*rng.uniform(margin, layout.size[:2] - margin), rng.uniform(*CAMERA_HEIGHT_M)])
    for box in layout.boxes:
        outside = np.abs(box.rotation.T @ (position - box.center)) - box.size / 2
        if np.linalg.norm(np.maximum(outside, 0)) < CLEARANCE_M:
            return None
    aim = layout.boxes[int(rng.integers(len(layout.boxes)))].center - position
    yaw = np.arctan2(aim[1], aim[0]) + rng.normal(0, np.radians(12))
    pitch = np.degrees(np.arctan2(aim[2], np.hypot(aim[0], aim[1]))) + rng.normal(0, 6)
    camera = np.eye(4)
    camera[:3, :3] = look_rotation(
        yaw, np.radians(np.clip(pitch, *PITCH_DEG)), np.radians(rng.normal(0, ROLL_DEG / 2))
    )
    camera[:3, 3] = position
    return camera


def _count_seen(layout: RoomLayout, camera: np.ndarray, lens: np.ndarray, settings: BoxSettings) -> np.ndarray:
    """Which boxes fill enough of the image, judged on a small one of the same shape."""
    height, width = settings.image_size_hw
    size_hw = (max(round(PROBE_WIDTH * height / width), 8), PROBE_WIDTH)
    cast = cast_view(layout, camera, _at_size(lens, size_hw), image_size_hw=size_hw, textured=False)
    return _pixel_counts(cast) >= PROBE_SHARE * size_hw[0] * size_hw[1] * 1.1


def _count_centers(layout: RoomLayout, camera: np.ndarray, lens: np.ndarray, settings: BoxSettings) -> int:
    """How many box centres project into the image: a cheap bound that spares most renderings."""
    centers = (np.stack([box.center for box in layout.boxes]) - camera[:3, 3]) @ camera[:3, :3]
    ahead = centers[centers[:, 2] > NEAR_M]
    offset = np.abs(ahead[:, :2] / ahead[:, 2:])
    height, width = settings.image_size_hw
    return int(((offset[:, 0] < 0.5 / lens[0]) & (offset[:, 1] < 0.5 / lens[0] * height / width)).sum())


def _choose_cameras(
    rng: np.random.Generator, layout: RoomLayout, num_views: int, settings: BoxSettings
) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """Draw cameras until all views show boxes and are apart; None if the room does not offer them.

    The number of boxes that a view must show is drawn too, and lowered to two after half of the tries.
    """
    lens = _draw_intrinsics(rng)  # a walk has one camera
    wanted = int(rng.integers(2, 7 if num_views == 1 else 5))
    cameras: list[tuple[np.ndarray, np.ndarray]] = []
    seen = np.zeros(len(layout.boxes), bool)
    for attempt in range(CAMERA_TRIES * num_views):
        needed = min(wanted, len(layout.boxes)) if attempt < CAMERA_TRIES * num_views // 2 else 2
        camera = _draw_camera(rng, layout)
        if camera is None or _count_centers(layout, camera, lens, settings) < needed:
            continue
        if any(np.linalg.norm(camera[:3, 3] - other[:3, 3]) < VIEWS_APART_M for other, _ in cameras):
            continue
        shown = _count_seen(layout, camera, lens, settings)
        if shown.sum() < needed:
            continue
        cameras.append((camera, lens))
        seen |= shown
        if len(cameras) == num_views:
            return cameras if seen.sum() >= (2 if num_views == 1 else 3) else None
    return None


def _pixel_counts(cast: Cast) -> np.ndarray:
    return np.bincount(cast.instances.ravel() + 1, minlength=len(cast.cut) + 1)[1:]


def _render(
    layout: RoomLayout,
    camera: tuple[np.ndarray, np.ndarray],
    room_to_world: np.ndarray,
    settings: BoxSettings,
    sensor: tuple[np.random.Generator, bool],
) -> BoxView:
    camera_to_room, lens = camera
    rng, degraded = sensor
    intrinsics = _at_size(lens, settings.image_size_hw)
    cast = cast_view(layout, camera_to_room, intrinsics, image_size_hw=settings.image_size_hw)
    color = shade(layout, camera_to_room, cast, shadows=settings.shadows)
    color += rng.standard_normal(color.shape, np.float32) * np.float32(rng.uniform(0.003, 0.02))
    image = (np.clip(color, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    visible = _pixel_counts(cast)
    whole = np.where(cast.cut, np.fmax(cast.full_pixels, cast.silhouette_pixels), cast.silhouette_pixels)
    return BoxView(
        image=image,
        depth=degrade_depth(cast.depth, rng) if degraded else cast.depth,
        instances=cast.instances,
        intrinsics=intrinsics,
        camera_to_world=room_to_world @ camera_to_room,
        visible_pixels=visible,
        visible_share=visible / np.maximum(whole, 1),
        cut=cast.cut,
    )


def degrade_depth(depth: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add what a sensor adds: 0.5 % noise, millimetre steps, scattered holes, holes at depth edges and blotches.

    Args:
        depth (`np.ndarray` of shape `(H, W)`): Metres.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `np.ndarray` of shape `(H, W)`, float32: Metres, 0 = not measured.
    """
    height, width = depth.shape
    noisy = depth * (1 + np.float32(0.005) * rng.standard_normal(depth.shape, np.float32))
    noisy = np.round(noisy * 1000) / np.float32(1000)
    holes = rng.random(depth.shape, np.float32) < rng.uniform(0, 0.03)
    holes[:, 1:] |= np.abs(np.diff(depth, axis=1)) > 0.05 * depth[:, 1:]
    for _ in range(int(rng.integers(0, 5))):
        size = rng.uniform(0.02, 0.12, 2) * (height, width)
        row, column = rng.uniform(0, 1, 2) * (height, width)
        rows, columns = np.ogrid[:height, :width]
        holes |= ((rows - row) / size[0]) ** 2 + ((columns - column) / size[1]) ** 2 < 1
    return np.where(holes, np.float32(0), noisy).astype(np.float32)

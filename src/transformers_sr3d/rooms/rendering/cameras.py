# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Where photos are taken from: room and random generator -> one camera of a photo, or the cameras of a walk.

A photo looks at a few things from anywhere; a quarter of the photos are close-ups of what stands on something. A walk
is a phone at the height of hands on a smooth path over free floor that turns towards what it has not shown yet, by at
most part of its field of view from one view to the next. What a camera would show is measured with few rays.

May import: NumPy and siblings in `rooms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.rendering.free_space import FreeSpace
from transformers_sr3d.rooms.rendering.ray_casting import RayCaster, pixel_directions
from transformers_sr3d.rooms.rendering.walking import walk_positions
from transformers_sr3d.rooms.world import NO_OBJECT, Room, ViewFacts


HORIZONTAL_FOV_DEG = (40.0, 85.0)
LONGEST_FOV_DEG = 88.0  # of the longer side, so that portraits do not become fisheyes
ASPECTS = (4 / 3, 3 / 4, 1.0, 3 / 2)
ASPECT_SHARES = (0.4, 0.25, 0.15, 0.2)
PITCH_DEG = (-45.0, 10.0)
ROLL_DEG = 4.0
PHOTO_HEIGHT_M = (0.7, 1.9)
CLOSE_UP_SHARE = 0.25
CLOSE_UP_DISTANCE_M = (0.4, 1.5)
CLOSE_UP_PITCH_DEG = (-45.0, -8.0)
MIN_VISIBLE_PIXELS = 100
MIN_VISIBLE_OBJECTS = 3
# One object must not fill more than this share of a photo.
LARGEST_SHARE = 0.6
PHOTO_TRIES = 24
CLOSE_UP_TRIES = 24
WALK_AIMS = 5
# How far a walk turns between two views, in fields of view and in degrees.
TURN_SHARE, TURN_DEG = 0.55, 45.0
PROBE_PIXELS = 44
# Where a walk looks when it turns towards something that is still out of sight.
LEVEL_PITCH_DEG = -12.0


@dataclass(frozen=True)
class Lens:
    """What all views of a scene share.

    Attributes:
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        image_size_hw (`tuple[int, int]`): Height and width, pixels.
    """

    intrinsics: np.ndarray
    image_size_hw: tuple[int, int]

    @property
    def fov(self) -> float:
        """Horizontal field of view, radians."""
        return float(2 * np.arctan(self.image_size_hw[1] / 2 / self.intrinsics[0, 0]))


@dataclass(frozen=True)
class Probe:
    """What a camera would show, measured with few rays.

    Attributes:
        shares (`np.ndarray` of shape `(N,)`): Share of the image that each object fills.
        seen (`np.ndarray` of shape `(N,)`, bool): Whether that comes to `MIN_VISIBLE_PIXELS`.
    """

    shares: np.ndarray
    seen: np.ndarray


def draw_lens(rng: np.random.Generator, image_size: int) -> Lens:
    """Draw aspect, field of view and optical centre.

    Args:
        rng (`np.random.Generator`): Source of randomness.
        image_size (`int`): Longer side, pixels.

    Returns:
        `Lens`: With square pixels.
    """
    aspect = float(rng.choice(ASPECTS, p=ASPECT_SHARES))
    width, height = round(image_size * min(1, aspect)), round(image_size * min(1, 1 / aspect))
    focal = width / 2 / np.tan(np.radians(rng.uniform(*HORIZONTAL_FOV_DEG)) / 2)
    focal = max(focal, image_size / 2 / np.tan(np.radians(LONGEST_FOV_DEG) / 2))
    center = np.array([width - 1, height - 1]) / 2 + rng.uniform(-0.01, 0.01, 2) * image_size
    intrinsics = np.array([[focal, 0.0, center[0]], [0.0, focal, center[1]], [0.0, 0.0, 1.0]])
    return Lens(intrinsics, (height, width))


def photo_camera(room: Room, caster: RayCaster, lens: Lens, rng: np.random.Generator) -> ViewFacts:
    """Choose where one photo is taken from.

    Args:
        room (`Room`): The room.
        caster (`RayCaster`): Of the room.
        lens (`Lens`): The camera.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `ViewFacts`: It shows at least `MIN_VISIBLE_OBJECTS` objects, or as many as the best of the tries.
    """
    space = FreeSpace(room)
    if rng.uniform() < CLOSE_UP_SHARE:
        camera = _close_up(room, caster, lens, space, rng)
        if camera is not None:
            return camera
    wanted = int(rng.integers(MIN_VISIBLE_OBJECTS, 8))
    cameras: list[ViewFacts] = []
    scores: list[float] = []
    while len(cameras) < PHOTO_TRIES:
        eye = space.draw(rng, PHOTO_HEIGHT_M)
        cameras.append(aim(lens, eye, _photo_target(room, rng, eye), rng))
        probe = probe_views(room, caster, cameras[-1:])[0]
        scores.append(float(probe.seen.sum()) - _crowding(probe))
        if max(scores) >= (wanted if len(cameras) < PHOTO_TRIES // 2 else MIN_VISIBLE_OBJECTS):
            break
    return cameras[int(np.argmax(scores))]


def walk_cameras(
    room: Room, caster: RayCaster, lens: Lens, num_views: int, rng: np.random.Generator
) -> list[ViewFacts]:
    """Choose the views of a walk.

    Args:
        room (`Room`): The room.
        caster (`RayCaster`): Of the room.
        lens (`Lens`): The camera.
        num_views (`int`): How many views, at least 1.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `list[ViewFacts]`: In the order of the walk.
    """
    positions = walk_positions(FreeSpace(room), num_views, rng)
    cameras: list[ViewFacts] = []
    shown = np.zeros(len(room.objects), bool)
    before = np.zeros(len(room.objects), bool)
    for eye in positions:
        candidates = _walk_candidates(room, lens, eye, cameras[-1] if cameras else None, (shown, rng))
        probes = probe_views(room, caster, candidates)
        scores = [_walk_score(probe, shown, before) + 0.3 * rng.uniform() for probe in probes]
        best = int(np.argmax(scores))
        cameras.append(candidates[best])
        before = probes[best].seen
        shown |= before
    return cameras


def aim(lens: Lens, eye: np.ndarray, target: np.ndarray, rng: np.random.Generator) -> ViewFacts:
    """Point a camera at a place, not quite level and not quite at it.

    Args:
        lens (`Lens`): The camera.
        eye (`np.ndarray` of shape `(3,)`): Where it is, metres, world.
        target (`np.ndarray` of shape `(3,)`): What it looks at, metres, world.
        rng (`np.random.Generator`): Source of randomness.

    Returns:
        `ViewFacts`: With a pitch within `PITCH_DEG` and a roll within `ROLL_DEG`.
    """
    x, y, z = target - eye
    yaw = np.arctan2(y, x) + rng.normal(0, 0.12) * lens.fov
    pitch = np.arctan2(z, np.hypot(x, y)) + rng.normal(0, 0.08) * lens.fov
    return _turned(lens, eye, float(yaw), float(pitch), rng)


def look_rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Turn an OpenCV camera in a z-up world.

    Args:
        yaw (`float`): Heading of the optical axis, from x towards y, radians.
        pitch (`float`): Up is positive, radians.
        roll (`float`): About the optical axis, radians.

    Returns:
        `np.ndarray` of shape `(3, 3)`: Camera to world.
    """
    forward = np.array([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch)])
    right = np.array([np.sin(yaw), -np.cos(yaw), 0.0])
    level = np.stack((right, np.cross(forward, right), forward), axis=1)
    cos, sin = np.cos(roll), np.sin(roll)
    return level @ np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def probe_views(room: Room, caster: RayCaster, cameras: Sequence[ViewFacts]) -> list[Probe]:
    """Measure what cameras at one place show with few rays.

    Args:
        room (`Room`): The room.
        caster (`RayCaster`): Of the room.
        cameras (`Sequence[ViewFacts]`): One or more, with the same place, lens and image size.

    Returns:
        `list[Probe]`: Of each camera.
    """
    height, width = cameras[0].image_size_hw
    step = max(height, width) / PROBE_PIXELS
    size_hw = (max(round(height / step), 1), max(round(width / step), 1))
    scale = np.array([size_hw[1] / width, size_hw[0] / height, 1.0])
    intrinsics = cameras[0].intrinsics * scale[:, None]
    intrinsics[:2, 2] += (scale[:2] - 1) / 2  # pixel centres are at integers
    directions = [pixel_directions(intrinsics, size_hw, camera.camera_to_world[:3, :3]) for camera in cameras]
    faces = caster.first_faces(cameras[0].camera_to_world[:3, 3], np.concatenate(directions, axis=1).T)
    probes = []
    for instances in caster.instances(faces).reshape(len(cameras), -1):
        shares = np.bincount(instances - NO_OBJECT, minlength=len(room.objects) + 1)[1:] / len(instances)
        probes.append(Probe(shares, shares * height * width >= MIN_VISIBLE_PIXELS))
    return probes


def _turned(lens: Lens, eye: np.ndarray, yaw: float, pitch: float, rng: np.random.Generator) -> ViewFacts:
    low, high = np.radians(PITCH_DEG)
    roll = np.radians(np.clip(rng.normal(0, ROLL_DEG / 2.5), -ROLL_DEG, ROLL_DEG))
    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = look_rotation(yaw, float(np.clip(pitch, low, high)), float(roll))
    camera_to_world[:3, 3] = eye
    return ViewFacts(camera_to_world, lens.intrinsics, lens.image_size_hw)


def _photo_target(room: Room, rng: np.random.Generator, eye: np.ndarray) -> np.ndarray:
    """A place between two objects; of the second, one that lies in about the same direction is taken."""
    if not room.objects:
        return np.array([*room.floor.mean(axis=0), room.floor_z + 1.0])
    centers = np.stack([thing.center for thing in room.objects])
    first = centers[rng.integers(len(centers))]
    ways = centers - eye
    cosines = ways @ (first - eye) / (np.linalg.norm(ways, axis=1) * np.linalg.norm(first - eye)).clip(1e-6)
    beside = np.flatnonzero(cosines > 0.7)
    second = centers[rng.choice(beside)] if len(beside) else first
    return first + (second - first) * rng.uniform(0, 1)


def _close_up(
    room: Room, caster: RayCaster, lens: Lens, space: FreeSpace, rng: np.random.Generator
) -> ViewFacts | None:
    """A camera close to things that stand on something; None if there are none or no place is free."""
    carriers = [number for number, thing in enumerate(room.objects) if any(t.support == number for t in room.objects)]
    if not carriers:
        return None
    best, best_score = None, 0
    for _ in range(CLOSE_UP_TRIES):
        carrier = int(rng.choice(carriers))
        group = np.stack([thing.center for thing in room.objects if thing.support == carrier])
        target = group[rng.integers(len(group))] * 0.7 + group.mean(axis=0) * 0.3
        yaw, pitch = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(*CLOSE_UP_PITCH_DEG))
        forward = look_rotation(yaw, pitch, 0)[:, 2]
        eye = target - forward * rng.uniform(*CLOSE_UP_DISTANCE_M)
        if not space.is_free(eye[None])[0]:
            continue
        camera = _turned(lens, eye, yaw + rng.normal(0, 0.05), pitch + rng.normal(0, 0.05), rng)
        score = int(probe_views(room, caster, [camera])[0].seen.sum())
        if score > best_score:
            best, best_score = camera, score
        if best_score >= MIN_VISIBLE_OBJECTS:
            break
    return best


def _walk_candidates(
    room: Room,
    lens: Lens,
    eye: np.ndarray,
    last: ViewFacts | None,
    state: tuple[np.ndarray, np.random.Generator],
) -> list[ViewFacts]:
    """Cameras at `eye` towards some objects, first those that were not shown yet, turned no further than allowed."""
    shown, rng = state
    order = rng.permutation(len(room.objects))
    order = order[np.argsort(shown[order], kind="stable")][: WALK_AIMS if last is not None else 2 * WALK_AIMS]
    targets = [room.objects[number].center for number in order] or [np.array([*room.floor.mean(axis=0), 1.0])]
    if last is None:
        return [aim(lens, eye, target, rng) for target in targets]
    forward = last.camera_to_world[:3, 2]
    yaw_before = np.arctan2(forward[1], forward[0])
    limit = min(TURN_SHARE * lens.fov, np.radians(TURN_DEG))
    # Straight on and to both sides, so that a walk that comes close to a wall does not have to look at it.
    turns = (-limit, 0.0, limit)
    candidates = [_turned(lens, eye, yaw_before + turn, np.radians(LEVEL_PITCH_DEG), rng) for turn in turns]
    for target in targets:
        x, y, z = target - eye
        turn = (np.arctan2(y, x) - yaw_before + np.pi) % (2 * np.pi) - np.pi
        yaw = yaw_before + np.clip(turn + rng.normal(0, 0.05), -limit, limit)
        # Looking far down at something that is not straight ahead would show the floor only.
        pitch = np.arctan2(z, np.hypot(x, y)) if abs(turn) < limit else np.radians(LEVEL_PITCH_DEG)
        candidates.append(_turned(lens, eye, float(yaw), float(pitch + rng.normal(0, 0.04)), rng))
    return candidates


def _walk_score(probe: Probe, shown: np.ndarray, before: np.ndarray) -> float:
    """New objects count most, then those that link the view with the one before, then all others."""
    new, linking = probe.seen & ~shown, probe.seen & before
    num_seen = int(probe.seen.sum())
    empty = 2.0 * max(0, 2 - num_seen)
    return float(new.sum()) + 0.6 * min(int(linking.sum()), 2) + 0.2 * num_seen - empty - _crowding(probe)


def _crowding(probe: Probe) -> float:
    """What an object that fills nearly the whole image costs, in objects."""
    return 4 * max(0.0, float(probe.shares.max(initial=0)) - LARGEST_SHARE)

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rays into a room: room and meshes -> triangles -> what every ray meets: z-depth, face, place in the face.

All triangles of a room go into one Embree scene in world coordinates, the shell (floor, ceiling, walls) first. Rays
are not normalised: with directions whose component along the optical axis is 1, the distance that Embree returns *is*
z-depth. Embree computes in float32, about 1e-6 of the distance.

May import: NumPy, embreex and siblings in `rooms`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from transformers_sr3d.rooms.world import NO_OBJECT, FurnitureMesh, PlacedObject, Room


FLOOR, CEILING, FIRST_WALL = 0, 1, 2
# Ceiling and floor close above and below the walls, so that no ray slips through where they meet.
WALL_OVERLAP_M = 0.01
FAR = 1e30


@dataclass(frozen=True)
class RoomTriangles:
    """The surface of a furnished room.

    Attributes:
        vertices (`np.ndarray` of shape `(V, 3)`, float64): Metres, world.
        faces (`np.ndarray` of shape `(F, 3)`, uint32): Vertex numbers; the shell comes first, then object by object.
        face_objects (`np.ndarray` of shape `(F,)`, int16): Position of the object in the room, or `NO_OBJECT`.
        shell_parts (`np.ndarray` of shape `(S,)`, int16): For the faces of the shell `FLOOR`, `CEILING`, or
            `FIRST_WALL` + k for the wall from corner k to the next.
    """

    vertices: np.ndarray
    faces: np.ndarray
    face_objects: np.ndarray
    shell_parts: np.ndarray


@dataclass(frozen=True)
class Hits:
    """What rays meet first.

    Attributes:
        faces (`np.ndarray` of shape `(P,)`, int32): Face number, -1 for nothing.
        distances (`np.ndarray` of shape `(P,)`, float32): In lengths of the ray's direction; 0 for nothing.
        weights (`np.ndarray` of shape `(P, 3)`, float32): Of the face's three corners; they add up to 1.
    """

    faces: np.ndarray
    distances: np.ndarray
    weights: np.ndarray


def room_triangles(room: Room, meshes: Sequence[FurnitureMesh]) -> RoomTriangles:
    """Put the shell and all objects of a room into the world.

    Args:
        room (`Room`): The room.
        meshes (`Sequence[FurnitureMesh]`): Mesh of each object, in the order of `room.objects`.

    Returns:
        `RoomTriangles`: The whole surface.
    """
    shell_vertices, shell_faces, shell_parts = _shell(room)
    vertices, faces = [shell_vertices], [shell_faces]
    owners = [np.full(len(shell_faces), NO_OBJECT, np.int16)]
    offset = len(shell_vertices)
    for number, (thing, mesh) in enumerate(zip(room.objects, meshes, strict=True)):
        vertices.append(object_to_world(thing, mesh.vertices))
        faces.append(mesh.faces.astype(np.uint32) + np.uint32(offset))
        owners.append(np.full(len(mesh.faces), number, np.int16))
        offset += len(mesh.vertices)
    return RoomTriangles(np.concatenate(vertices), np.concatenate(faces), np.concatenate(owners), shell_parts)


def object_to_world(thing: PlacedObject, points: np.ndarray) -> np.ndarray:
    """Stretch, turn and shift points from the frame of an object's model to the world.

    Args:
        thing (`PlacedObject`): The object.
        points (`np.ndarray` of shape `(N, 3)`): Metres, frame of the model.

    Returns:
        `np.ndarray` of shape `(N, 3)`, float64: Metres, world.
    """
    stretch = thing.size / np.array(thing.model.size)
    return (points.astype(np.float64) * stretch) @ thing.rotation.T + thing.center


def pixel_directions(intrinsics: np.ndarray, image_size_hw: tuple[int, int]) -> np.ndarray:
    """Give the ray of each pixel's centre; centres are at integers.

    Args:
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        image_size_hw (`tuple[int, int]`): Height and width, pixels.

    Returns:
        `np.ndarray` of shape `(H * W, 3)`, float64: OpenCV camera frame, the third component is 1.
    """
    height, width = image_size_hw
    across = (np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]
    down = (np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1]
    grid = np.ones((height, width, 3))
    grid[..., 0], grid[..., 1] = across[None, :], down[:, None]
    return grid.reshape(-1, 3)


def floor_triangles(floor: np.ndarray) -> np.ndarray:
    """Cut a rectangle or an L into triangles: a fan around the corner that points inwards, if there is one.

    Args:
        floor (`np.ndarray` of shape `(N, 2)`): Corners counter-clockwise, metres.

    Returns:
        `np.ndarray` of shape `(N - 2, 3)`, int: Corner numbers, counter-clockwise.
    """
    before, after = floor - np.roll(floor, 1, axis=0), np.roll(floor, -1, axis=0) - floor
    hub = int(np.argmin(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]))
    steps = np.arange(1, len(floor) - 1)
    return np.stack((np.full(len(steps), hub), (hub + steps) % len(floor), (hub + steps + 1) % len(floor)), axis=1)


class RayCaster:
    """An Embree scene of one room.

    Args:
        triangles (`RoomTriangles`): The surface.
    """

    def __init__(self, triangles: RoomTriangles) -> None:
        self.triangles = triangles
        self._scene = EmbreeScene()
        # The wrapper copies vertex by vertex and is fastest with these two types.
        TriangleMesh(self._scene, triangles.vertices.astype(np.float64), triangles.faces.astype(np.uint32))

    def first_hits(self, origins: np.ndarray, directions: np.ndarray, *, reach: float = FAR) -> Hits:
        """Follow rays to the first surface.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, any length.
            reach (`float`, *optional*): How far, in lengths of the direction.

        Returns:
            `Hits`: One per ray.
        """
        starts, ways = _as_rays(origins, directions)
        found = self._scene.run(starts, ways, dists=np.full(len(ways), reach, np.float32), output=1)
        faces = found["primID"]
        second, third = found["u"], found["v"]
        weights = np.stack((1 - second - third, second, third), axis=1)
        return Hits(faces, np.where(faces >= 0, found["tfar"], np.float32(0)), weights)

    def blocked(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Tell which rays meet a surface within one length of their direction.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, metres: from the origin to where it should be seen.

        Returns:
            `np.ndarray` of shape `(P,)`, bool.
        """
        starts, ways = _as_rays(origins, directions)
        return self._scene.run(starts, ways, query="OCCLUDED", dists=np.ones(len(ways), np.float32)) == 0

    def instances(self, faces: np.ndarray) -> np.ndarray:
        """Tell which objects faces belong to.

        Args:
            faces (`np.ndarray`, int): Face numbers, -1 for nothing.

        Returns:
            `np.ndarray` of the same shape, int16: Position in the room's list, or `NO_OBJECT`.
        """
        return np.where(faces >= 0, self.triangles.face_objects[faces], np.int16(NO_OBJECT))


def _as_rays(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ways = np.ascontiguousarray(directions, np.float32)
    return np.ascontiguousarray(np.broadcast_to(origins, ways.shape), np.float32), ways


def _shell(room: Room) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, faces and parts of floor, ceiling and walls; a rectangle or an L is a fan around one corner."""
    count = len(room.floor)
    levels = [room.floor_z, room.floor_z + room.height, room.floor_z - WALL_OVERLAP_M]
    levels.append(room.floor_z + room.height + WALL_OVERLAP_M)
    vertices = np.concatenate([np.column_stack((room.floor, np.full(count, level))) for level in levels])
    floor = floor_triangles(room.floor)
    ceiling = floor[:, ::-1] + count
    walls = []
    for start in range(count):
        end = (start + 1) % count
        low_start, low_end, high_start, high_end = (
            2 * count + start,
            2 * count + end,
            3 * count + start,
            3 * count + end,
        )
        walls += [[low_start, high_end, low_end], [low_start, high_start, high_end]]
    parts = [FLOOR] * len(floor) + [CEILING] * len(ceiling) + [FIRST_WALL + k for k in range(count) for _ in range(2)]
    return vertices, np.concatenate((floor, ceiling, walls)).astype(np.uint32), np.array(parts, np.int16)

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
        u, v (`np.ndarray` of shape `(P,)`, float32): Weights of the face's second and third corner; the first has
            what is left of 1.
    """

    faces: np.ndarray
    distances: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def take(self, numbers: np.ndarray) -> "Hits":
        """Give the hits of some of the rays."""
        return Hits(*(values.take(numbers) for values in (self.faces, self.distances, self.u, self.v)))


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


def pixel_directions(intrinsics: np.ndarray, image_size_hw: tuple[int, int], rotation: np.ndarray) -> np.ndarray:
    """Give the ray of each pixel's centre; centres are at integers.

    Args:
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        image_size_hw (`tuple[int, int]`): Height and width, pixels.
        rotation (`np.ndarray` of shape `(3, 3)`): OpenCV camera to world.

    Returns:
        `np.ndarray` of shape `(3, H * W)`, float32: World; the component along the optical axis is 1.
    """
    height, width = image_size_hw
    across = (np.arange(width) - intrinsics[0, 2]) / intrinsics[0, 0]
    down = (np.arange(height) - intrinsics[1, 2]) / intrinsics[1, 1]
    rows = rotation[:, 1:2] * down + rotation[:, 2:]
    grid = np.empty((3, height, width), np.float32)
    np.add((rotation[:, :1] * across)[:, None, :], rows[:, :, None], out=grid, casting="same_kind")
    return grid.reshape(3, -1)


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

    def first_hits(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """Follow rays to the first surface.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, any length.

        Returns:
            `Hits`: One per ray.
        """
        starts, ways = _as_rays(origins, directions)
        found = self._scene.run(starts, ways, dists=np.full(len(ways), FAR, np.float32), output=1)
        faces, distances = found["primID"], found["tfar"]
        distances[faces < 0] = 0
        return Hits(faces, distances, found["u"], found["v"])

    def first_faces(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Follow rays to the first surface and tell only which face that is.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, any length.

        Returns:
            `np.ndarray` of shape `(P,)`, int32: Face number, -1 for nothing.
        """
        return self._scene.run(*_as_rays(origins, directions))

    def free_shares(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Measure how far rays of a limited length get.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, metres: from the origin to where the ray ends.

        Returns:
            `np.ndarray` of shape `(P,)`, float32: Share of the way to the first surface, 1 if there is none.
        """
        starts, ways = _as_rays(origins, directions)
        return self._scene.run(starts, ways, dists=np.ones(len(ways), np.float32), query="DISTANCE")

    def blocked(self, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Tell which rays meet a surface within one length of their direction.

        Args:
            origins (`np.ndarray` of shape `(P, 3)` or `(3,)`): Metres, world.
            directions (`np.ndarray` of shape `(P, 3)`): World, metres: from the origin to where it should be seen.

        Returns:
            `np.ndarray` of shape `(P,)`, bool.
        """
        starts, ways = _as_rays(origins, directions)
        return self._scene.run(starts, ways, dists=np.ones(len(ways), np.float32), query="OCCLUDED") == 0

    def instances(self, faces: np.ndarray) -> np.ndarray:
        """Tell which objects faces belong to.

        Args:
            faces (`np.ndarray`, int): Face numbers, -1 for nothing.

        Returns:
            `np.ndarray` of the same shape, int16: Position in the room's list, or `NO_OBJECT`.
        """
        return np.where(faces >= 0, self.triangles.face_objects.take(faces), np.int16(NO_OBJECT))


def _as_rays(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Origins and directions `(P, 3)`, float32, in whatever order they lie in memory."""
    ways = np.asarray(directions, np.float32)
    return np.broadcast_to(np.asarray(origins, np.float32), ways.shape), ways


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

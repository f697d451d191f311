# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Rooms of cubes, whose pictures have a closed form; `CubeFurniture` stands in for a furniture pack."""

import numpy as np

from transformers_sr3d.rooms.rendering.looks import CameraLook, Light, RoomLook
from transformers_sr3d.rooms.rendering.meshes import prepare_mesh, surface_tables
from transformers_sr3d.rooms.rendering.patterns import Pattern
from transformers_sr3d.rooms.rendering.ray_casting import RayCaster, room_triangles
from transformers_sr3d.rooms.rendering.shading import LitRoom
from transformers_sr3d.rooms.world import FurnitureMesh, FurnitureModel, PlacedObject, Room, ViewFacts


RECTANGLE = np.array([[-3.0, -1.0], [3.0, -1.0], [3.0, 6.0], [-3.0, 6.0]])
L_SHAPE = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 2.0], [3.0, 2.0], [3.0, 4.0], [0.0, 4.0]])
SIZE_HW = (60, 80)
INTRINSICS = np.array([[50.0, 0.0, 39.5], [0.0, 50.0, 29.5], [0.0, 0.0, 1.0]])


def turn(angle):
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def cube_mesh(size=(1.0, 1.0, 1.0), color=(188, 100, 50), texture=None):
    """A box whose six sides each show the whole texture upright, u to the right seen from outside."""
    vertices, faces, uv = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = np.eye(3)[axis] * sign
            up = np.array([0.0, 1.0, 0.0]) if axis == 2 else np.array([0.0, 0.0, 1.0])
            right = np.cross(up, normal)
            start = len(vertices)
            corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
            vertices += [(normal + x * right + y * up) / 2 * size for x, y in corners]
            faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
            places = np.array(corners) / 2 + 0.5
            uv += [places[[0, 1, 2]], places[[0, 2, 3]]]
    return FurnitureMesh(
        vertices=np.array(vertices, np.float32),
        faces=np.array(faces, np.int32),
        corner_uv=np.array(uv, np.float32),
        face_materials=np.zeros(12, np.int16),
        colors=np.array([color], np.uint8),
        textures=[texture],
    )


def cube_model(key="cube", size=(1.0, 1.0, 1.0), split="train", **changes):
    values = {"name": key, "label": key, "category": "Living room", "elevation": 0.0, "top": size[2]}
    values |= {"creator": "nobody", "source": "a test", "licence": "CC0-1.0"}
    return FurnitureModel(key=key, size=size, split=split, **(values | changes))


def place(center, size=None, angle=0.0, model=None, support=None):
    model = cube_model() if model is None else model
    return PlacedObject(model, np.array(center), np.array(model.size if size is None else size), turn(angle), support)


def make_room(objects, floor=RECTANGLE, floor_z=0.0):
    return Room("living room", floor, 2.5, floor_z, list(objects))


def look_along(yaw=np.pi / 2, pitch=0.0, eye=(0.0, 0.0, 0.5), size_hw=SIZE_HW, intrinsics=INTRINSICS):
    """A camera that looks along +y by default."""
    from transformers_sr3d.rooms.rendering.cameras import look_rotation

    camera_to_world = np.eye(4)
    camera_to_world[:3, :3] = look_rotation(yaw, pitch, 0.0)
    camera_to_world[:3, 3] = eye
    return ViewFacts(camera_to_world, intrinsics, size_hw)


def plain_look(room, *, ambient=1.0, lamp=0.0):
    """Grey paint, light from everywhere, and a lamp that may be dark; the camera changes nothing."""
    grey = Pattern("plain", np.full(3, 0.5), np.full(3, 0.5), (1.0, 1.0), 0.0, 0.0)
    count = len(room.objects)
    light = Light(np.array([0.0, 2.0, 2.3]), np.zeros((2, 3)), None, np.full(3, lamp))
    return RoomLook(
        floor=grey,
        ceiling=grey,
        walls=[grey] * len(room.floor),
        skirting=(0.0, np.zeros(3)),
        openings=[],
        lights=[light],
        ambient=np.full((2, 3), ambient),
        tints=np.ones((count, 3)),
        gloss=np.zeros(count),
        glow=np.zeros(count),
        camera=CameraLook(0.2, np.ones(3), 1.0, 0.0, 0.0, 0.0, False),
    )


def lit_room(room, mesh=None, **light):
    ready = [prepare_mesh(cube_mesh() if mesh is None else mesh)] * len(room.objects)
    triangles = room_triangles(room, [entry.mesh for entry in ready])
    return LitRoom(room, RayCaster(triangles), surface_tables(room, ready, triangles), plain_look(room, **light))


class CubeFurniture:
    """Boxes of the sizes of furniture, the same in every split."""

    SIZES = {
        "table": (1.4, 0.8, 0.75),
        "chair": (0.45, 0.45, 0.9),
        "wardrobe": (1.2, 0.6, 2.0),
        "bed": (1.4, 2.0, 0.5),
        "desk": (1.2, 0.6, 0.74),
        "bookcase": (0.8, 0.3, 1.8),
        "sofa": (1.9, 0.9, 0.8),
        "box": (0.3, 0.3, 0.25),
        "vase": (0.15, 0.15, 0.3),
    }

    def models_of(self, split):
        return [cube_model(key, size, split) for key, size in self.SIZES.items()]

    def mesh(self, key):
        return cube_mesh(self.SIZES[key], color=(len(key) * 20, 120, 80))

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Fewer triangles for furniture: mesh -> edges collapsed in order of their quadric error -> mesh of the same box.

Furniture is thin parts, open sheets and many loose pieces, on which the usual fast decimation loses legs and fronts.
Here a vertex only ever moves onto a neighbour (so thin parts and corners stay where they are), edges where a sheet
ends or two materials meet have quadrics of their own, and a triangle that survives keeps its material. Its texture
coordinates come from the nearest triangle of the old surface with that material, continued as one affine map to the
new corners. Where many small loose pieces share a material, as leaves do, those that survive grow. All collapses of a
round are made at once on NumPy arrays; the price is a slightly worse order than one collapse at a time.

Source: Garland and Heckbert, Surface Simplification Using Quadric Error Metrics, 1997 (sections 4, 5 and 6).

May import: NumPy and `rooms`.
"""

from dataclasses import dataclass

import numpy as np

from transformers_sr3d.rooms.furniture.files import fit_to_size
from transformers_sr3d.rooms.world import FurnitureMesh


MIN_FACES = 12
WELD_SHARE = 1e-5  # of the diagonal; corners nearer than that are one vertex
BORDER_WEIGHT = 3.0  # of the plane on an edge where a sheet ends or materials meet, per squared length
PULL = 1e-4  # weight of staying where one was against staying on the old planes
LOWEST_SHARE = 0.4  # of the candidates of a round, in order of their errors
MAX_TURN_COSINE = 0.2  # a triangle may turn by at most 78 degrees in a collapse
TRIES = 3  # neighbours that a vertex tries before it waits for the next round
LEAF_SHARE = 0.25  # of the diagonal; loose pieces below that are leaves
MIN_LEAVES = 20
MAX_GROWTH = 2.0
NORMAL_WEIGHT = 0.1  # a turn by 60 degrees counts like a tenth of the diagonal
ROUNDEST_SHARE = 0.05  # of area by squared longest edge (0.43 at most); slimmer triangles give no texture coordinates
CHUNK = 512
TINY = 1e-30


@dataclass
class _Quadrics:
    """Weighted squared distances to planes, one sum for each vertex: p A p + 2 b p + c."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    weight: np.ndarray

    def error(self, vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Mean squared distance of points to the planes of vertices."""
        a, b, c = self.a[vertices], self.b[vertices], self.c[vertices]
        inner = (np.einsum("nij,nj->ni", a, points) + 2 * b) * points
        return np.maximum(inner.sum(1) + c, 0) / np.maximum(self.weight[vertices], TINY)

    def add(self, vertices: np.ndarray, normals: np.ndarray, points: np.ndarray, weights: np.ndarray) -> None:
        """Add planes, given by unit normals and a point on each, to vertices."""
        matrices = normals[:, :, None] * normals[:, None] + PULL * np.eye(3)
        linear = -np.einsum("nij,nj->ni", matrices, points)
        np.add.at(self.a, vertices, weights[:, None, None] * matrices)
        np.add.at(self.b, vertices, weights[:, None] * linear)
        np.add.at(self.c, vertices, -weights * (linear * points).sum(1))
        np.add.at(self.weight, vertices, weights)

    def merge(self, gone: np.ndarray, into: np.ndarray) -> None:
        """Add the sums of vertices that go to those that stay."""
        for table in (self.a, self.b, self.c, self.weight):
            np.add.at(table, into, table[gone])


def decimate(mesh: FurnitureMesh, max_faces: int) -> FurnitureMesh:
    """Take triangles away until at most so many are left.

    Args:
        mesh (`FurnitureMesh`):
            Any; one with few enough faces comes back as it is.
        max_faces (`int`):
            Largest number of triangles.

    Returns:
        `FurnitureMesh`: With the same box and materials.

    Raises:
        ValueError: If `max_faces` is below `MIN_FACES`, the faces of a box.
    """
    if max_faces < MIN_FACES:
        raise ValueError(f"`max_faces` must be at least {MIN_FACES}, the faces of a box, got {max_faces}. Raise it.")
    if len(mesh.faces) <= max_faces:
        return mesh
    box = np.ptp(mesh.vertices[mesh.faces].reshape(-1, 3), axis=0)
    diagonal = float(np.linalg.norm(box))
    points, faces, origin = _weld(mesh.vertices / diagonal, mesh.faces)
    corners, kept = _collapse(points, faces, mesh.face_materials[origin], max_faces)
    materials = mesh.face_materials[origin[kept]]
    uv = _transfer_uv(mesh, (points * diagonal)[corners], materials)
    points = _grow_leaves(points, faces, mesh.face_materials[origin], kept, corners)
    fewer = FurnitureMesh(points * diagonal, corners, uv, materials, mesh.colors, mesh.textures)
    return fit_to_size(fewer, (float(box[0]), float(box[1]), float(box[2])))


def _weld(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join vertices at one place; gives points, faces without collapsed ones, and the old number of each face."""
    grid = np.round((vertices - vertices.min(0)) / WELD_SHARE).astype(np.int64)
    _, first, joined = np.unique(_row_keys(grid), return_index=True, return_inverse=True)
    faces = joined.reshape(-1)[faces]
    origin = np.nonzero(_is_triangle(faces))[0]
    return vertices[first].astype(np.float64), faces[origin], origin


def _row_keys(rows: np.ndarray) -> np.ndarray:
    """One number for each row of small non-negative integers; NumPy sorts numbers ten times faster than rows."""
    keys = np.zeros(len(rows), dtype=np.int64)
    for column in rows.T:
        keys = keys * (int(rows.max()) + 1) + column
    return keys


def _is_triangle(faces: np.ndarray) -> np.ndarray:
    a, b, c = faces.T
    return (a != b) & (b != c) & (c != a)


def _collapse(
    points: np.ndarray, faces: np.ndarray, materials: np.ndarray, max_faces: int
) -> tuple[np.ndarray, np.ndarray]:
    """Collapse edges until at most so many faces are left; gives their corners and their numbers."""
    quadrics = _face_quadrics(points, faces)
    _add_borders(quadrics, points, faces, materials)
    kept = np.arange(len(faces))
    while len(faces) > max_faces:
        gone, into = _choose_collapses(points, faces, quadrics, (len(faces) - max_faces + 1) // 2)
        quadrics.merge(gone, into)
        moved = np.arange(len(points))
        moved[gone] = into
        faces = moved[faces]
        left = np.nonzero(_is_triangle(faces))[0]
        left = left[_first_of_equals(faces[left])]
        faces, kept = faces[left], kept[left]
    return faces, kept


def _first_of_equals(faces: np.ndarray) -> np.ndarray:
    """Numbers of the faces with corners that no earlier face has in any order."""
    return np.sort(np.unique(_row_keys(np.sort(faces, axis=1)), return_index=True)[1])


def _face_quadrics(points: np.ndarray, faces: np.ndarray) -> _Quadrics:
    count = len(points)
    quadrics = _Quadrics(np.zeros((count, 3, 3)), np.zeros((count, 3)), np.zeros(count), np.zeros(count))
    crossed = _crossed(points[faces])
    areas = np.linalg.norm(crossed, axis=1) / 2
    normals = _unit(crossed)
    for corner in range(3):
        quadrics.add(faces[:, corner], normals, points[faces[:, corner]], areas / 3)
    return quadrics


def _add_borders(quadrics: _Quadrics, points: np.ndarray, faces: np.ndarray, materials: np.ndarray) -> None:
    """Add a plane that stands upright on each edge where a sheet ends or materials meet."""
    edges = np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    owners = np.repeat(np.arange(len(faces)), 3)
    keys = _row_keys(edges)
    _, first, edge, count = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    most, least = np.zeros(len(first), np.int64), np.full(len(first), np.iinfo(np.int64).max)
    np.maximum.at(most, edge, materials[owners])
    np.minimum.at(least, edge, materials[owners])
    chosen = first[(count == 1) | (most != least)]
    along = points[edges[chosen, 1]] - points[edges[chosen, 0]]
    normals = _unit(np.cross(along, _crossed(points[faces[owners[chosen]]])))
    weights = BORDER_WEIGHT * (along**2).sum(1)
    for end in range(2):
        quadrics.add(edges[chosen, end], normals, points[edges[chosen, end]], weights)


def _choose_collapses(
    points: np.ndarray, faces: np.ndarray, quadrics: _Quadrics, wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pick collapses of low error that do not touch each other's faces; gives vertices that go and where to."""
    edges = faces[:, [[0, 1], [1, 2], [2, 0], [1, 0], [2, 1], [0, 2]]].reshape(-1, 2)
    keys = np.sort(edges[:, 0] * len(points) + edges[:, 1])
    gone, into = np.divmod(keys[np.diff(keys, prepend=-1) > 0], len(points))  # np.unique is three times slower
    errors = quadrics.error(gone, points[into])
    best, target = _best_targets(points, faces, (gone, into, errors), share=LOWEST_SHARE)
    if not np.isfinite(best).any():
        best, target = _best_targets(points, faces, (gone, into, errors), share=1.0)
    if not np.isfinite(best).any():  # every collapse turns a triangle over: better that than no end
        best, target = _best_targets(points, faces, (gone, into, errors), share=1.0, may_turn=True)
    candidates = np.nonzero(np.isfinite(best))[0]
    candidates = candidates[np.argsort(best[candidates], kind="stable")]
    rank = np.full(len(points), len(points))
    rank[candidates] = np.arange(len(candidates))
    lowest, nearby = rank.copy(), rank[faces].min(1)
    for corner in range(3):
        np.minimum.at(lowest, faces[:, corner], nearby)
    alone = candidates[rank[candidates] == lowest[candidates]][:wanted]
    return alone, target[alone]


def _best_targets(
    points: np.ndarray,
    faces: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray, np.ndarray],
    *,
    share: float,
    may_turn: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Find for each vertex of low error the neighbour to move to that turns no triangle over.

    Args:
        points (`np.ndarray` of shape `(V, 3)`): Positions.
        faces (`np.ndarray` of shape `(F, 3)`): Vertex numbers.
        edges (`tuple[np.ndarray, np.ndarray, np.ndarray]`): Vertex that goes, where to, and error, in the order of
            the vertices that go.
        share (`float`): Of the vertices that are looked at, those of lowest error.
        may_turn (`bool`, *optional*, defaults to `False`): Let triangles turn over.

    Returns:
        `tuple[np.ndarray, np.ndarray]`: Error of each vertex `(V,)`, infinite where none of the best `TRIES`
        neighbours will do, and the neighbour `(V,)`.
    """
    gone, into, errors = edges
    best, target = np.full(len(points), np.inf), np.arange(len(points))
    starts = np.nonzero(np.diff(gone, prepend=-1))[0]
    smallest = np.minimum.reduceat(errors, starts)
    place = int(share * (len(smallest) - 1))
    is_low = np.zeros(len(points), dtype=bool)
    is_low[gone[starts]] = smallest <= np.partition(smallest, place)[place]
    gone, into, errors = (values[is_low[gone]] for values in edges)
    for _ in range(TRIES):
        if len(gone) == 0:
            break
        starts = np.nonzero(np.diff(gone, prepend=-1))[0]
        smallest = np.repeat(np.minimum.reduceat(errors, starts), np.diff(starts, append=len(gone)))
        first = np.nonzero(errors == smallest)[0]
        first = first[np.nonzero(np.diff(gone[first], prepend=-1))[0]]
        vertices = gone[first]
        target[vertices] = into[first]
        turns = _turns_over(points, faces, target, vertices) & (not may_turn)
        best[vertices[~turns]] = errors[first[~turns]]
        left = ~np.isfinite(best[gone])
        left[first] = False
        gone, into, errors = gone[left], into[left], errors[left]
    return best, target


def _turns_over(points: np.ndarray, faces: np.ndarray, target: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Whether the move of each of `vertices` to its target turns a triangle that stays by too much."""
    turned, asked = np.zeros((2, len(points)), dtype=bool)
    asked[vertices] = True
    for corner in range(3):
        rows = faces[asked[faces[:, corner]]]
        to = target[rows[:, corner]]
        rows, to = (values[(rows != to[:, None]).all(1)] for values in (rows, to))
        around = points[rows[:, corner - 2]] - points[rows[:, corner]]
        opposite = points[rows[:, corner - 1]] - points[rows[:, corner - 2]]
        before = np.cross(around, opposite)
        after = np.cross(points[rows[:, corner - 2]] - points[to], opposite)
        lengths = np.sqrt((after**2).sum(1) * (before**2).sum(1))
        turned[rows[:, corner][(after * before).sum(1) < MAX_TURN_COSINE * lengths]] = True
    return turned[vertices]


def _crossed(triangles: np.ndarray) -> np.ndarray:
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), TINY)


def _grow_leaves(
    points: np.ndarray, faces: np.ndarray, materials: np.ndarray, kept: np.ndarray, corners: np.ndarray
) -> np.ndarray:
    """Enlarge the small loose pieces of a material so that all together keep their area.

    A plant is a thousand leaves, of which only some survive; without this it would wither.

    Args:
        points (`np.ndarray` of shape `(V, 3)`): Positions, in diagonals.
        faces (`np.ndarray` of shape `(F, 3)`): Before the collapse.
        materials (`np.ndarray` of shape `(F,)`): Of these faces.
        kept (`np.ndarray` of shape `(G,)`): Faces that survive.
        corners (`np.ndarray` of shape `(G, 3)`): Their corners now.

    Returns:
        `np.ndarray` of shape `(V, 3)`: Positions.
    """
    pieces = _pieces(faces, len(points))
    low, high = np.full((2, len(points), 3), [[[np.inf]], [[-np.inf]]])
    np.minimum.at(low, pieces[faces[:, 0]], points[faces].min(1))
    np.maximum.at(high, pieces[faces[:, 0]], points[faces].max(1))
    is_leaf = np.linalg.norm(high - low, axis=1) < LEAF_SHARE
    of_leaf = is_leaf[pieces[faces[:, 0]]]
    before, after = (np.linalg.norm(_crossed(points[rows]), axis=1) for rows in (faces, corners))
    grown = points.copy()
    for material in np.unique(materials[of_leaf]):
        old = of_leaf & (materials == material)
        new = old[kept]
        if len(np.unique(pieces[faces[old, 0]])) < MIN_LEAVES or not new.any():
            continue
        scale = min(MAX_GROWTH, float(np.sqrt(before[old].sum() / max(after[new].sum(), TINY))))
        vertices = np.unique(corners[new])
        sums, counts = np.zeros((len(points), 3)), np.zeros(len(points))
        np.add.at(sums, pieces[vertices], points[vertices])
        np.add.at(counts, pieces[vertices], 1)
        middle = sums[pieces[vertices]] / counts[pieces[vertices]][:, None]
        grown[vertices] = middle + max(1.0, scale) * (points[vertices] - middle)
    return grown


def _pieces(faces: np.ndarray, num_points: int) -> np.ndarray:
    """Lowest vertex number of the connected piece that each vertex belongs to, shape `(V,)`."""
    piece = np.arange(num_points)
    while True:
        lowest = piece.copy()
        nearby = piece[faces].min(1)
        for corner in range(3):
            np.minimum.at(lowest, faces[:, corner], nearby)
        lowest = lowest[lowest]
        if np.array_equal(lowest, piece):
            return piece
        piece = lowest


def _transfer_uv(mesh: FurnitureMesh, triangles: np.ndarray, materials: np.ndarray) -> np.ndarray:
    """Texture coordinates of new triangles `(F, 3, 3)`, shape `(F, 3, 2)`; they stay in the range of the old ones."""
    uv = np.zeros((len(triangles), 3, 2), dtype=np.float32)
    old_triangles = mesh.vertices[mesh.faces].astype(np.float64)
    for material in (number for number, texture in enumerate(mesh.textures) if texture is not None):
        wanted, given = np.nonzero(materials == material)[0], np.nonzero(mesh.face_materials == material)[0]
        if len(wanted) == 0:
            continue
        round_ones = given[_roundness(old_triangles[given]) > ROUNDEST_SHARE]
        given = round_ones if len(round_ones) else given
        sources = given[_nearest(triangles[wanted], old_triangles[given])]
        continued = _continue_affinely(old_triangles[sources], mesh.corner_uv[sources], triangles[wanted])
        old_uv = mesh.corner_uv[mesh.face_materials == material].reshape(-1, 2)
        uv[wanted] = np.clip(continued, old_uv.min(0), old_uv.max(0))
    return uv


def _roundness(triangles: np.ndarray) -> np.ndarray:
    edges = np.roll(triangles, -1, axis=1) - triangles
    return np.linalg.norm(_crossed(triangles), axis=-1) / 2 / np.maximum((edges**2).sum(-1).max(1), TINY)


def _nearest(triangles: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Number of the triangle in `others` whose centre and normal are nearest, for each of `triangles`."""
    scale = NORMAL_WEIGHT * float(np.linalg.norm(np.ptp(others.reshape(-1, 3), axis=0)))
    wanted, given = (
        np.hstack([t.mean(1), scale * _unit(_crossed(t))]).astype(np.float32) for t in (triangles, others)
    )
    half_squares = (given**2).sum(1) / 2
    return np.concatenate(
        [(half_squares - wanted[i : i + CHUNK] @ given.T).argmin(1) for i in range(0, len(wanted), CHUNK)]
    )


def _continue_affinely(old: np.ndarray, old_uv: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Values at corners `(F, 3, 3)` of the affine map that is `old_uv` at the corners of `old`, shape `(F, 3, 2)`."""
    sides = (old[:, 1:] - old[:, :1]).swapaxes(1, 2)  # (F, 3, 2)
    slopes = (old_uv[:, 1:] - old_uv[:, :1]).swapaxes(1, 2) @ np.linalg.pinv(sides)  # (F, 2, 3)
    return old_uv[:, :1] + (new - old[:, :1]) @ slopes.swapaxes(1, 2)

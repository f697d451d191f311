# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Shapes of a scene -> a view in the browser that is served from this machine, to this machine only.

May import: NumPy, `visualization` and siblings, and viser inside a function.
"""

from typing import Any

import numpy as np

from transformers_sr3d.viewing.scene_shapes import BOX_EDGES, FRUSTUM_EDGES, SceneShapes, segments
from transformers_sr3d.visualization import region_colour


HOST = "127.0.0.1"
PORT = 8080
# Of the scene's scale.
POINT_SIZE_SHARE, LINE_SHARE = 0.004, 0.006
CAMERA_COLOUR = (68, 68, 68)


def serve(shapes: SceneShapes, *, port: int = PORT) -> Any:
    """Start to serve a scene.

    Args:
        shapes (`SceneShapes`):
            What to show.
        port (`int`, defaults to 8080):
            Of this machine; the next free one if it is taken.

    Returns:
        `viser.ViserServer`: Running, until its `stop()` is called.

    Raises:
        ImportError: If viser is not installed.
    """
    try:
        import viser
    except ImportError as error:
        raise ImportError(
            "`viser` must be installed for a live view, got none. Run pip install 'transformers-sr3d[live]', or write "
            "a page."
        ) from error
    server = viser.ViserServer(host=HOST, port=port, verbose=False)
    server.scene.set_up_direction("+z")
    size, thickness = POINT_SIZE_SHARE * shapes.scale, LINE_SHARE * shapes.scale
    server.scene.add_point_cloud("/points", points=shapes.points, colors=shapes.colours, point_size=size)
    for index, corners in shapes.frusta.items():
        _add_lines(server, f"/views/{index}", segments(corners, FRUSTUM_EDGES), CAMERA_COLOUR, thickness)
    for region in shapes.regions:
        name, colour = f"/regions/{region.number}", region_colour(region.number)
        colours = np.tile(np.array(colour, dtype=np.uint8), (len(region.points), 1))
        server.scene.add_point_cloud(f"{name}/points", points=region.points, colors=colours, point_size=1.5 * size)
        if region.corners is not None:
            _add_lines(server, f"{name}/box", segments(region.corners, BOX_EDGES), colour, thickness)
            server.scene.add_label(
                f"{name}/label", f"Region {region.number}", position=tuple(region.corners.mean(axis=0).tolist())
            )
    return server


def _add_lines(server: Any, name: str, pairs: np.ndarray, colour: tuple[int, int, int], thickness: float) -> None:
    colours = np.tile(np.array(colour, dtype=np.uint8), (len(pairs), 2, 1))
    server.scene.add_line_segments(name, points=pairs.astype(np.float32), colors=colours, thickness=thickness)

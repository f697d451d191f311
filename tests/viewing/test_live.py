# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The live view listens on this machine only and shows points, cameras and regions."""

import socket
import sys
import urllib.request

import pytest
from viewed_rooms import BOX_REGIONS, write_viewed_scene

from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.viewing.live import HOST, serve
from transformers_sr3d.viewing.scene_shapes import scene_shapes


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = write_viewed_scene(tmp_path_factory.mktemp("live") / "room")
    return scene_shapes(load_scene(folder), BOX_REGIONS, max_points=2000)


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def test_server_answers_on_this_machine(shapes):
    pytest.importorskip("viser")
    server = serve(shapes, port=free_port())
    try:
        assert server.get_host() == "127.0.0.1"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.get_port()}", timeout=20) as response:
            assert response.status == 200
    finally:
        server.stop()


def test_missing_viser_is_named(shapes, monkeypatch):
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(ImportError, match=r"`viser` must be installed .*transformers-sr3d\[live\]"):
        serve(shapes)

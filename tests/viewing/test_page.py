# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The page: everything in one file, nothing fetched, nobody's text run as code."""

import re
import sys

import pytest
from viewed_rooms import BOX_REGIONS, write_viewed_scene

from transformers_sr3d.inputs.scene import load_scene
from transformers_sr3d.viewing.page import write_page
from transformers_sr3d.viewing.scene_shapes import scene_shapes


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\"'"
ANSWER = {
    "generated_text": "Region 0 and Region 1 are 1.80 meters apart.",
    "quantity": {"value": 1.8, "unit": "m"},
    "choice": None,
    "provenance": {"warnings": ["depth is sparse"]},
}
MAX_PAGE_BYTES = 7_000_000


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = write_viewed_scene(tmp_path_factory.mktemp("page") / "room")
    return scene_shapes(load_scene(folder), BOX_REGIONS, max_points=2000)


def body_of(path):
    """The page without the drawing library and the figure."""
    return re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_page_is_one_file_that_loads_nothing(tmp_path, shapes):
    pytest.importorskip("plotly")
    path = write_page(tmp_path / "view.html", shapes, title="room", question="How far?", answer=ANSWER)
    page = path.read_text(encoding="utf-8")
    assert [file.name for file in tmp_path.iterdir()] == ["view.html"]
    assert len(page) < MAX_PAGE_BYTES
    assert "default-src 'none'" in page
    assert not re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']?(?!data:)[^\"'>\s]", page)
    assert page.count('<img src="data:image/png;base64,') == 3
    for name in ("Region 0: box", "Region 1: box", "view 2"):
        assert name in page


def test_page_tells_the_answer_from_the_geometry(tmp_path, shapes):
    pytest.importorskip("plotly")
    body = body_of(write_page(tmp_path / "view.html", shapes, title="room", question="How far?", answer=ANSWER))
    for text in ("How far?", "The model's answer", ANSWER["generated_text"], "1.8 m", "depth is sparse"):
        assert text.replace("'", "&#x27;") in body or text in body
    assert "not said by the model" in body
    assert "Region 0 and Region 1" in body
    assert "gravity: known" in body


def test_text_of_people_is_escaped(tmp_path, shapes):
    pytest.importorskip("plotly")
    evil = {"generated_text": EVIL, "choice": EVIL, "quantity": {"value": EVIL, "unit": EVIL}}
    evil["provenance"] = {"warnings": [EVIL]}
    path = write_page(tmp_path / "view.html", shapes, title=EVIL, question=EVIL, answer=evil)
    page = path.read_text(encoding="utf-8")
    assert EVIL not in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert page.count("&lt;/script&gt;&lt;script&gt;alert(1)") == 8


def test_half_a_surrogate_pair_in_a_name_is_replaced(tmp_path, shapes):
    pytest.importorskip("plotly")
    path = write_page(tmp_path / "view.html", shapes, title="room \udce9")
    assert "<title>room ?</title>" in path.read_text(encoding="utf-8")


def test_something_else_than_an_answer_is_refused(tmp_path, shapes):
    with pytest.raises(ValueError, match=r"`answer` must be what the pipeline returns, .* got the keys \['text'\]"):
        write_page(tmp_path / "view.html", shapes, title="room", answer={"text": "x"})
    assert list(tmp_path.iterdir()) == []


def test_missing_plotly_is_named(tmp_path, shapes, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"`plotly` must be installed .*transformers-sr3d\[view\]"):
        write_page(tmp_path / "view.html", shapes, title="room")

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Licences: the model card decides, the table answers where there is none, and nothing is called free by mistake."""

import pytest
from huggingface_hub.errors import LocalEntryNotFoundError

from transformers_sr3d.estimators import licences
from transformers_sr3d.estimators.licences import find_licence


@pytest.fixture
def unreachable(monkeypatch):
    def refuse(*_arguments, **_settings):
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(licences, "hf_hub_download", refuse)


@pytest.mark.parametrize(
    ("head", "name", "is_restricted"),
    [
        ("license: apache-2.0", "apache-2.0", False),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", True),
        ("license: other\nlicense_name: apple-amlr", "apple-amlr", True),
        ("license: other", "other", False),
    ],
)
def test_card_of_a_folder_decides(tmp_path, head, name, is_restricted):
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n# A model\n", encoding="utf-8")
    licence = find_licence(str(tmp_path))
    assert (licence.name, licence.is_restricted) == (name, is_restricted)
    assert str(tmp_path / "README.md") in licence.origin


def test_card_comes_before_the_table(tmp_path):
    folder = tmp_path / "depth-anything-v2-large"
    folder.mkdir()
    assert find_licence(str(folder)).name == "cc-by-nc-4.0"
    (folder / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")
    assert find_licence(str(folder)).name == "mit"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("depth-anything/Depth-Anything-V2-Small-hf", "apache-2.0"),
        ("depth-anything/Depth-Anything-V2-Base-hf", "cc-by-nc-4.0"),
        ("depth-anything/Depth-Anything-V2-Large-hf", "cc-by-nc-4.0"),
        ("depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf", "cc-by-nc-4.0"),
        ("depth-anything/DA3-SMALL", "apache-2.0"),
        ("depth-anything/DA3-LARGE-1.1", "cc-by-nc-4.0"),
        ("depth-anything/DA3NESTED-GIANT-LARGE-1.1", "cc-by-nc-4.0"),
        ("depth-anything/DA3METRIC-LARGE", "apache-2.0"),
        ("apple/DepthPro-hf", "apple-amlr"),
        ("Intel/zoedepth-nyu-kitti", "mit"),
        ("somebody/own-depth", None),
    ],
)
def test_table_answers_where_no_card_is_reachable(unreachable, model, name):
    licence = find_licence(model)
    assert licence.name == name
    assert licence.is_restricted == (name in ("cc-by-nc-4.0", "apple-amlr"))
    assert "out of reach" in licence.origin


def test_sentence_says_what_is_not_allowed(unreachable):
    assert "excludes commercial use" in find_licence("apple/DepthPro-hf").sentence()
    assert "excludes" not in find_licence("Intel/zoedepth-nyu").sentence()
    assert "is unknown" in find_licence("somebody/own-depth").sentence()


def test_card_without_a_licence_is_unknown(tmp_path):
    (tmp_path / "README.md").write_text("# Only words\n", encoding="utf-8")
    licence = find_licence(str(tmp_path))
    assert licence.name is None
    assert "has no licence" in licence.origin


def test_damaged_head_of_a_card_is_named(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: [mit\n---\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"README.md` must begin with YAML"):
        find_licence(str(tmp_path))

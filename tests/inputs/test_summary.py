# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a source holds, in numbers: counts and lengths of a source that was made for it."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from transformers_sr3d.inputs.source import Source, SourceView
from transformers_sr3d.inputs.summary import summarise_source


def load_image(loaded, index):
    loaded.append(index)
    return Image.new("RGB", (8, 6) if index % 2 else (16, 12))


def load_depth(index):
    depth = np.full((3, 4), 1.0 + index / 100, dtype=np.float32)
    depth[0] = (0, np.nan, -1, np.inf)
    return depth


def make_source(loaded, num_views=100):
    views = []
    for index in range(num_views):
        pose = np.eye(4)
        pose[:3, 3] = index / 10, -index / 20, 1.0
        views.append(
            SourceView(
                name=str(index),
                load_image=partial(load_image, loaded, index),
                intrinsics=np.eye(3) if index < 30 else None,
                load_depth=partial(load_depth, index) if index >= 50 else None,
                camera_to_world=pose if index < 80 else None,
                time_s=5.0 + index if index < 60 else None,
            )
        )
    return Source("test", Path("scan"), tuple(views), world_up="-y", left_out={"lost": "why"}, conventions=("Say.",))


def test_counts_lengths_and_sizes_are_those_of_the_source():
    loaded: list[int] = []
    summary = summarise_source(make_source(loaded))
    assert json.loads(json.dumps(summary)) == summary
    assert len(loaded) == 8
    assert (summary["num_views"], summary["num_with_depth"], summary["num_with_poses"]) == (100, 50, 80)
    assert summary["num_with_intrinsics"] == 30
    assert summary["camera_extent"] == pytest.approx([7.9, 3.95, 0.0])
    assert summary["time_span_s"] == 59.0
    assert summary["image_sizes_hw"] == [[12, 16], [6, 8]]
    assert summary["depth_sizes_hw"] == [[3, 4]]
    assert (summary["num_images_sampled"], summary["num_depth_sampled"]) == (8, 8)
    assert summary["measured_depth_share"] == pytest.approx(8 / 12)
    assert summary["median_depth"] == pytest.approx(1.745, abs=0.01)  # of views 50 to 99
    assert (summary["kind"], summary["path"], summary["world_up"], summary["world_unit"]) == (
        "test",
        "scan",
        "-y",
        "m",
    )
    assert (summary["left_out"], summary["conventions"]) == ({"lost": "why"}, ["Say."])


def test_what_is_not_there_is_none():
    views = (SourceView("a", partial(load_image, [], 0)),)
    summary = summarise_source(Source("test", Path("clip"), views))
    for name in ("camera_extent", "time_span_s", "median_depth", "measured_depth_share", "world_up"):
        assert summary[name] is None
    assert summary["depth_sizes_hw"] == []


def test_depth_without_a_measured_pixel_has_no_median():
    view = SourceView("a", partial(load_image, [], 0), load_depth=partial(np.zeros, (2, 2)))
    summary = summarise_source(Source("test", Path("scan"), (view,)))
    assert (summary["median_depth"], summary["measured_depth_share"]) == (None, 0.0)

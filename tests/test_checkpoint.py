# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The embedded checkpoint: every input has a say in its answers, and the world's frame has none."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from transformers_sr3d.modeling_sr3d import SR3DForConditionalGeneration
from transformers_sr3d.processing_sr3d import SR3DProcessor
from transformers_sr3d.rooms.furniture.pack import open_furniture
from transformers_sr3d.rooms.rendering.scenes import SceneSettings, make_scene


ROOT = Path(__file__).resolve().parents[1]
CHECKPOINT = ROOT / "checkpoints" / "sr3d-tiny"
PHOTO = ROOT / "demo" / "data" / "kinect_bookcase"

PROMPT = "<image>Which is closer to the camera, <region0> or <region1>?"
# A world moved by 36 m changes logits of order 10 by 1e-5, another order of views region tokens by 1e-6.
LOGIT_TOLERANCE = {"atol": 1e-4, "rtol": 1e-5}


@pytest.fixture(scope="module")
def model():
    return SR3DForConditionalGeneration.from_pretrained(CHECKPOINT, dtype=torch.float32).eval()


@pytest.fixture(scope="module")
def processor():
    return SR3DProcessor.from_pretrained(CHECKPOINT)


def photo(**changes):
    sample = {
        "images": Image.open(PHOTO / "color.png"),
        "depths": Image.open(PHOTO / "depth_mm.png"),
        "depth_unit": "mm",
        "intrinsics": json.loads((PHOTO / "cameras.json").read_text())["intrinsics"],
        "regions": [{"box_xyxy": [135, 154, 284, 203]}, {"box_xyxy": [322, 136, 381, 208]}],
    }
    return {**sample, **changes}


def room(view_order=(0, 1, 2), moved_by=(0.0, 0.0, 0.0)):
    scene = make_scene(open_furniture(), "test", 0, 0, SceneSettings(image_size=96, num_views=(3, 3), photo_share=0.0))
    views = [scene.views[index] for index in view_order]
    shift = np.eye(4)
    shift[:3, 3] = moved_by
    # Not thin ones: of points 36 m away, the logarithm of an extent of 6 mm makes 2e-4 of their rounding.
    thick = [thing.visible_pixels.sum() * (min(thing.size) > 0.2) for thing in scene.facts.objects]
    marked = np.argsort(thick)[-2:]
    return {
        "images": [view.image for view in views],
        "depths": [view.depth for view in views],
        "intrinsics": [view.intrinsics for view in views],
        "camera_to_world": [shift @ view.camera_to_world for view in views],
        "world_up": "+z",
        "regions": [
            {"region": number, "mask": view.instances == index, "view": position}
            for number, index in enumerate(marked)
            for position, view in enumerate(views)
            if (view.instances == index).any()
        ],
    }


def answer_logits(model, processor, sample, prompt=PROMPT):
    inputs = processor(text=prompt, return_tensors="pt", **sample)
    with torch.no_grad():
        return model(**inputs).logits[0, -1]


@pytest.mark.parametrize(
    "changes",
    [
        {"images": Image.new("RGB", (640, 480))},
        {"depths": Image.fromarray(np.asarray(Image.open(PHOTO / "depth_mm.png")) * np.uint16(2))},
        {"regions": [{"box_xyxy": [135, 154, 284, 203]}, {"box_xyxy": [100, 300, 500, 400]}]},
        {"depths": None, "depth_unit": None},
    ],
    ids=["black image", "doubled depth", "another region", "no depth"],
)
def test_each_input_changes_the_logits_of_the_trained_model(changes, model, processor):
    before = answer_logits(model, processor, photo())
    after = answer_logits(model, processor, photo(**changes))
    assert (before - after).abs().max() > 0.05


def test_moving_the_world_changes_no_logit(model, processor):
    prompt = "<image><image><image>How far apart are <region0> and <region1>?"
    before = answer_logits(model, processor, room(), prompt)
    after = answer_logits(model, processor, room(moved_by=(30.0, -20.0, 5.0)), prompt)
    torch.testing.assert_close(after, before, **LOGIT_TOLERANCE)


def test_view_order_changes_no_region_token(model, processor):
    tokens = []
    for order in ((0, 1, 2), (2, 0, 1)):
        inputs = processor(text="<image><image><image><region0><region1>", return_tensors="pt", **room(order))
        with torch.no_grad():
            tokens.append(model.model(**inputs).region_hidden_states)
    torch.testing.assert_close(tokens[0], tokens[1], **LOGIT_TOLERANCE)


def test_code_beside_the_weights_is_the_code_of_the_package():
    sources = {path.name: path.read_text() for path in (ROOT / "src" / "transformers_sr3d").glob("*_sr3d.py")}
    copies = {path.name: path.read_text() for path in CHECKPOINT.glob("*.py")}
    assert copies == sources, "`make checkpoint-code` brings the copies up to date"


def test_weights_are_small_enough_to_travel():
    assert sum(path.stat().st_size for path in CHECKPOINT.glob("*.safetensors")) <= 16_000_000

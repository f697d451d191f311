# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The look at views that the pipeline takes: silent for a sound room, one warning for gross faults."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from examined_rooms import make_source
from tiny_checkpoint import make_model_and_processor

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.doctor.planted import PLANTED
from transformers_sr3d.pipeline_sr3d import SpatialVQAPipeline
from transformers_sr3d.scene_checks_sr3d import count_agreement, suspicions, warn_of_views


def prepared(fault="nothing", num_views=10):
    source = PLANTED[fault].plant(make_source(num_views), np.random.default_rng(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of cameras upside down, which is another check's
        return prepare_views(**source.arguments())


def test_a_sound_room_is_met_with_silence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_views(prepared())


def test_pixels_of_a_sound_room_agree():
    landed, agreed, contradicted = count_agreement(prepared())
    assert landed > 5000
    assert agreed > 0.8 * landed
    assert contradicted < 0.03 * landed


@pytest.mark.parametrize("fault", ["poses inverted", "OpenGL poses", "OpenGL poses inverted", "poses out of step"])
def test_gross_faults_are_warned_of(fault):
    with pytest.warns(UserWarning, match=r"do not fit together: of .* pixels .* Run `sr3d doctor`"):
        warn_of_views(prepared(fault))


def test_views_are_compared_only_where_asked_for():
    faulty = PLANTED["poses inverted"].plant(make_source(), np.random.default_rng(0)).arguments()
    with pytest.warns(UserWarning, match="do not fit together"):
        prepare_views(**faulty, check_scene=True)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        prepare_views(**faulty)
    assert not [warning for warning in seen if "do not fit together" in str(warning.message)]


def test_the_pipeline_asks_for_it():
    model, processor = make_model_and_processor()
    faulty = PLANTED["poses inverted"].plant(make_source(3), np.random.default_rng(0)).arguments()
    vqa = SpatialVQAPipeline(model=model, processor=processor, device="cpu")
    with pytest.warns(UserWarning, match="do not fit together"):
        answer = vqa({"text": "Is this a room?", **faulty})
    assert any("do not fit together" in warning for warning in answer["provenance"]["warnings"])
    assert "suspicions" not in answer["provenance"]


def test_answers_about_estimated_depth_say_so():
    model, processor = make_model_and_processor()
    vqa = SpatialVQAPipeline(model=model, processor=processor, device="cpu")
    for is_estimated in (True, False):
        source = replace(make_source(2), depth_is_estimated=is_estimated)
        told = vqa("Is this a room?", scene=source)["provenance"]["warnings"]
        assert any("educated guess" in warning for warning in told) == is_estimated


def test_one_view_is_met_with_silence():
    assert suspicions(prepared(num_views=1)) == []
    assert count_agreement(prepared(num_views=1)) == (0, 0, 0)


def test_views_without_depth_are_met_with_silence():
    views = make_source().arguments()
    del views["depths"]
    assert suspicions(prepare_views(**views)) == []


def test_an_unusual_depth_is_warned_of_with_its_median():
    wall = prepare_views(
        make_source(1).views[0].load_image(), depths=np.full((72, 96), 80.5, np.float32), horizontal_fov_deg=60
    )
    assert suspicions(wall) == ["`depths` have a median of 80.5 m, which is unusual for metres."]

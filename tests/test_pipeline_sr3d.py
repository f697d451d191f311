# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 5, pipeline. A random model answers nonsense, but the same nonsense however the samples arrive; where the
answer matters, its text is put in by hand."""

import datasets
import numpy as np
import pytest
import torch
from PIL import Image
from tiny_checkpoint import INTRINSICS, make_model_and_processor
from transformers.pipelines import PIPELINE_REGISTRY

from transformers_sr3d.hub import spatial_vqa_pipeline
from transformers_sr3d.inputs.scene_writing import save_scene
from transformers_sr3d.pipeline_sr3d import SpatialVQAPipeline


QUESTION = "How wide is <region0>?"
DEPTH_BELOW_THE_REGION = np.where(np.arange(48)[:, None] < 40, 0, 2000).astype(np.uint16).repeat(64, axis=1)


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (48, 64, 3), dtype=np.uint8))


def rgb_sample(**changes) -> dict:
    sample = {"text": QUESTION, "images": [picture()], "regions": [{"box_xyxy": [20, 12, 44, 36], "view": 0}]}
    return {**sample, **changes}


def depth_sample(**changes) -> dict:
    depth_mm = np.full((48, 64), 2000, dtype=np.uint16)
    return rgb_sample(**{"depths": [depth_mm], "depth_unit": "mm", "intrinsics": INTRINSICS, **changes})


def posed_sample() -> dict:
    sample = depth_sample(text="Is <region0> nearer than <region1>?", world_up="-y")
    poses = np.stack([np.eye(4), np.eye(4)])
    poses[1, 0, 3] = 0.25
    sample |= {"images": [picture(1), picture(2)], "depths": sample["depths"] * 2, "camera_to_world": list(poses)}
    sample["regions"] = [*sample["regions"], {"box_xyxy": [0, 0, 12, 48], "view": 1}]
    return sample


SAMPLES = [rgb_sample(), depth_sample(), posed_sample(), rgb_sample(text="What is this?", regions=None)]


def talkative(processor) -> dict:
    """Generation settings with which a random model says six words instead of one line break after another."""
    silent = [*processor.tokenizer.all_special_ids, *processor.tokenizer.encode("\n")]
    return {"max_new_tokens": 6, "min_new_tokens": 6, "no_repeat_ngram_size": 1, "suppress_tokens": silent}


@pytest.fixture(scope="module")
def vqa():
    model, processor = make_model_and_processor()
    for weights in model.model.language_model.layers.parameters():
        weights.data *= 15.0 if weights.ndim == 2 else 1.0  # as initialised, every token only repeats itself
    return SpatialVQAPipeline(model=model, processor=processor, device="cpu", **talkative(processor))


@pytest.fixture(scope="module")
def single_answers(vqa):
    answers = [vqa(sample) for sample in SAMPLES]
    assert len({answer["generated_text"] for answer in answers}) > 2  # else no test could tell samples apart
    return answers


@pytest.fixture
def say(vqa, monkeypatch):
    """Make the model say something."""

    def put_in(text):
        monkeypatch.setattr(vqa.processor, "batch_decode", lambda ids, **kwargs: [text] * len(ids))

    return put_in


class Samples(torch.utils.data.Dataset):
    def __len__(self):
        return len(SAMPLES)

    def __getitem__(self, index):
        return SAMPLES[index]


def test_an_answer_has_text_quantity_choice_and_provenance(vqa, say):
    say("Region 0 is 52 cm wide.")
    answer = vqa(depth_sample())
    assert answer == {
        "generated_text": "Region 0 is 52 cm wide.",
        "quantity": {"value": 0.52, "unit": "m"},
        "choice": None,
        "provenance": {
            "geometry": "metric",
            "gravity": "unknown",
            "regions": [{"region": 0, "valid": 1.0, "kept": 1.0, "views": 1, "mentioned": True}],
            "warnings": [],
        },
    }


def test_a_question_with_keywords_is_a_sample(vqa, single_answers):
    sample = depth_sample()
    question = sample.pop("text")
    assert vqa(question, **sample) == single_answers[1]
    assert vqa(text=question, **sample) == single_answers[1]


def test_one_image_and_depth_need_no_list(vqa, single_answers):
    sample = depth_sample()
    sample |= {"images": sample["images"][0], "depths": sample["depths"][0]}
    assert vqa(sample) == single_answers[1]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 4])
def test_ragged_samples_in_batches_are_answered_as_one_by_one(vqa, single_answers, batch_size):
    assert vqa(SAMPLES, batch_size=batch_size) == single_answers


@pytest.mark.parametrize(
    "make",
    [
        lambda: tuple(SAMPLES),
        lambda: (sample for sample in SAMPLES),
        lambda: iter(SAMPLES),
        Samples,
        lambda: datasets.IterableDataset.from_generator(lambda: iter(SAMPLES)),
    ],
    ids=["tuple", "generator", "iterator", "torch dataset", "streaming dataset"],
)
def test_every_container_of_samples_is_streamed_in_order(vqa, single_answers, make):
    assert list(vqa(make(), batch_size=2)) == single_answers


def test_loader_workers_encode_views(vqa, single_answers):
    assert vqa(SAMPLES, batch_size=2, num_workers=1) == single_answers


@pytest.mark.parametrize("batch_size", [1, 2])
def test_a_map_style_dataset_is_iterated_row_by_row(vqa, batch_size):
    depth_mm = Image.fromarray(np.full((48, 64), 2000, dtype=np.uint16))
    samples = [
        depth_sample(depths=[depth_mm]),
        depth_sample(depths=[depth_mm], regions=[{"point_xy": [30.0, 20.0], "view": 0}]),
    ]
    images = datasets.List(datasets.Image())
    rows = datasets.Dataset.from_list(samples).cast_column("images", images).cast_column("depths", images)
    answers = vqa(rows, batch_size=batch_size)
    assert len(answers) == len(rows) // batch_size  # batches to come: rows are read by index, not by iteration
    assert list(answers) == [vqa(sample) for sample in samples]


def test_an_empty_list_has_no_answers(vqa):
    assert vqa([]) == []


def test_keywords_count_for_every_sample(vqa, single_answers):
    depth = depth_sample()
    shared = {key: depth.pop(key) for key in ("depth_unit", "intrinsics")}
    assert vqa([depth, depth], **shared) == [single_answers[1]] * 2
    with pytest.raises(ValueError, match="`text` is given twice"):
        vqa([depth], text="What?", **shared)


def test_keywords_leave_samples_alone_that_cannot_use_them(vqa, single_answers):
    depth = depth_sample()
    unit = depth.pop("depth_unit")
    assert vqa([rgb_sample(), depth], depth_unit=unit) == single_answers[:2]
    question = rgb_sample()
    with pytest.raises(ValueError, match=r"^`depth_unit` has no effect without `depths`"):
        vqa(question.pop("text"), **question, depth_unit=unit)


def test_a_scene_takes_the_place_of_its_views(vqa, single_answers, tmp_path):
    sample = posed_sample()
    matrix = [[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]]
    columns = (sample.pop(name) for name in ("images", "depths", "camera_to_world"))
    views = [
        {"image": image, "depth": depth, "camera_to_world": pose, "intrinsics": matrix}
        for image, depth, pose in zip(*columns, strict=True)
    ]
    save_scene(tmp_path / "room", views, world_up="-y")
    asked = {key: sample[key] for key in ("text", "regions")}
    assert vqa(asked["text"], scene=tmp_path / "room", regions=asked["regions"]) == single_answers[2]
    assert vqa([asked, asked], scene=str(tmp_path / "room"), depth_unit="mm") == [single_answers[2]] * 2
    for key in ("depth_unit", "images"):
        with pytest.raises(ValueError, match=f"`{key}` must be left out beside a `scene`"):
            vqa({**asked, "scene": tmp_path / "room", key: "mm"})


def test_options_get_letters_in_the_prompt_and_a_choice(vqa, say):
    sample = rgb_sample(text="What is <region0>?", options=["chair", "table"])
    (request,) = vqa.preprocess(sample)["requests"]
    assert "What is <region0>?\nA. chair\nB. table\n" in request.prompt
    for text, choice in (("B", "B"), ("(A) chair", "A"), ("A chair.", "A"), ("sofa", None)):
        say(text)
        answer = vqa(sample)
        assert answer["choice"] == choice
        warned = [text for text in answer["provenance"]["warnings"] if "names none of the `options`" in text]
        assert len(warned) == (choice is None)


@pytest.mark.parametrize(
    ("sample", "text", "warning"),
    [
        (depth_sample(), "0.5 m", None),
        (rgb_sample(), "0.5 m", "No metric scale: there is no depth"),
        (rgb_sample(text="What is <region0>?"), "0.5 meters wide", "No metric scale: there is no depth"),
        (rgb_sample(), "I cannot tell", "No metric scale: there is no depth"),
        (depth_sample(depth_kind="relative", depth_unit=None), "0.5 m", "No metric scale: the depth is relative"),
        (rgb_sample(text="What is <region0>?"), "A chair", None),
        (depth_sample(depths=[DEPTH_BELOW_THE_REGION]), "0.5 m", "Region 0 has measured depth on 0.0% of its pixels"),
    ],
)
def test_a_length_without_metric_scale_carries_a_warning(vqa, say, sample, text, warning):
    say(text)
    warnings = vqa(sample)["provenance"]["warnings"]
    assert len(warnings) == (warning is not None)
    assert warning is None or warnings[0].startswith(warning)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({**SAMPLES[0], "pose": 1}, r"`pose` is no key of a sample\. .*camera_to_world"),
        ({**SAMPLES[0], "image": 1}, r"`image` is no key of a sample\. Did you mean `images`\?"),
        ({"images": [picture()]}, r"`text` \(the question\) is missing, got only \['images'\]"),
        ({"text": QUESTION}, r"`images` \(one image per view\) is missing, got only \['text'\]"),
        (rgb_sample(text=" "), r"`text` must hold a question, got ' '"),
        (rgb_sample(options=["one"]), r"`options` must hold 2 to 26 entries, got 1"),
        (rgb_sample(text="How wide is <region3>?"), r"^`text` mentions <region3>, but its sample has 1 regions"),
        (rgb_sample(text="What is in the <image>?"), r"^`text` must not hold the special token <image>"),
        (rgb_sample(text="What is <region>?"), r"^`text` must not hold the special token <region>"),
        (rgb_sample(text="What is <region 1>?"), r"^`text` must mention regions as <region0>"),
        (rgb_sample(text="Done<|im_end|>"), r"^`text` must not hold the special token <\|im_end\|>"),
        (rgb_sample(options=["a", "an <image>"]), r"^`options\[1\]` must not hold the special token <image>"),
        (rgb_sample(options=["a", "<region2>"]), r"^`options\[1\]` mentions <region2>"),
        (rgb_sample(depth_unit="mm"), r"^`depth_unit` has no effect without `depths`"),
    ],
)
def test_a_bad_sample_is_refused_by_name(vqa, sample, message):
    with pytest.raises(ValueError, match=message):
        vqa(sample)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (3, r"`inputs` must be a question.*got int"),
        ([3], r"A sample must be a question or a dictionary.*got int"),
        (
            [{"role": "user", "content": "Hello"}],
            r"got Chat\. Chat messages go through `processor.apply_chat_template`",
        ),
        (rgb_sample(text=3), r"`text` must be a str, got int"),
        (rgb_sample(options="AB"), r"`options` must be a list of non-empty texts, got 'AB'"),
        (rgb_sample(regions={"box_xyxy": [0, 0, 1, 1]}), r"`regions` must be a list of dictionaries, got"),
    ],
)
def test_a_sample_of_another_kind_is_refused(vqa, inputs, message):
    with pytest.raises(TypeError, match=message):
        vqa(inputs)


def test_an_unknown_argument_is_refused_by_name(vqa):
    with pytest.raises(TypeError, match=r"`depth_units` is no key of a sample.*Did you mean `depth_unit`\?"):
        vqa(rgb_sample(), depth_units="mm")


def test_decoding_is_greedy_unless_asked_otherwise(vqa, monkeypatch):
    calls = []

    def generate(input_ids, **kwargs):
        calls.append(kwargs)
        return torch.cat([input_ids, input_ids[:, -1:]], dim=1)

    monkeypatch.setattr(vqa.model, "generate", generate)
    vqa(SAMPLES[0])
    vqa(SAMPLES[0], do_sample=True, max_new_tokens=3)
    vqa(SAMPLES[0], generate_kwargs={"num_beams": 2})
    assert [call["do_sample"] for call in calls] == [False, True, False]
    assert [call["max_new_tokens"] for call in calls] == [6, 3, 6]
    assert calls[2]["num_beams"] == 2


def test_sixty_four_new_tokens_are_the_default():
    model, processor = make_model_and_processor()
    vqa = SpatialVQAPipeline(model=model, processor=processor, device="cpu")
    assert vqa._prepare_generate_kwargs({})["max_new_tokens"] == 64


def test_beams_answer_and_several_answers_are_refused(vqa):
    assert vqa(SAMPLES[:2], batch_size=2, num_beams=2, early_stopping=True)[0]["generated_text"]
    with pytest.raises(ValueError, match=r"`num_return_sequences` must be 1.*got 2 answers for 1 questions"):
        vqa(SAMPLES[0], num_beams=2, num_return_sequences=2)


def test_the_task_is_registered():
    assert PIPELINE_REGISTRY.check_task("spatial-vqa")[1]["impl"] is SpatialVQAPipeline


def test_a_saved_pipeline_answers_again(vqa, single_answers, tmp_path):
    vqa.save_pretrained(tmp_path)
    assert (tmp_path / "processor_config.json").is_file()
    assert (tmp_path / "pipeline_sr3d.py").is_file()
    again = spatial_vqa_pipeline(tmp_path, device="cpu", **talkative(vqa.processor))
    assert again(SAMPLES, batch_size=2) == single_answers


def test_a_region_that_the_question_does_not_mention_carries_a_warning(vqa):
    (warning,) = vqa(depth_sample(text="Which thing is region 0?"))["provenance"]["warnings"]
    assert warning.startswith("Region 0 was given, but the question does not mention it. Write <region0>")

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The processor as a whole. One tile is 4 image tokens and a line break; 64 x 48 pictures are one tile."""

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from scenes import box_room, flat_wall, orbiting_cameras
from tiny import make_tiny_processor, make_tiny_tokenizer
from tiny_model import make_tiny_config
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from transformers_sr3d.batching_sr3d import SR3DBatchFeature
from transformers_sr3d.image_processing_sr3d import SR3DImageProcessor
from transformers_sr3d.processing_sr3d import SR3DProcessor


TILE = "<image>" * 4 + "\n"
QUESTION = "How far is <region0> from <region1>?"


@pytest.fixture(scope="module")
def processor():
    return make_tiny_processor()


def picture(seed: int = 0, size_hw: tuple[int, int] = (48, 64)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (*size_hw, 3), dtype=np.uint8))


def wall_sample(distance_m: float = 2.0) -> dict:
    """A picture of a wall with depth and two regions; the text mentions both."""
    wall = flat_wall(distance_m, tilt=0.3)
    return {
        "images": [picture()],
        "depths": [wall["depth"].numpy()],
        "intrinsics": wall["intrinsics"].numpy(),
        "regions": [{"box_xyxy": [0, 0, 32, 48]}, {"box_xyxy": [32, 0, 64, 24]}],
    }


def room_sample(num_views: int = 3) -> dict:
    views = [box_room(pose) for pose in orbiting_cameras(num_views)]
    return {
        "images": [picture(seed) for seed in range(num_views)],
        "depths": [view["depth"].numpy() for view in views],
        "intrinsics": views[0]["intrinsics"].numpy(),
        "camera_to_world": [view["camera_to_world"].numpy() for view in views],
        "world_up": "+z",
        "regions": [{"box_xyxy": [5, 5, 40, 40], "view": 1}],
    }


# One sample


def test_a_sample_becomes_tiles_tokens_and_mentions(processor):
    out = processor(text="<image>" + QUESTION, **wall_sample(), return_tensors="pt")
    assert processor.decode(out["input_ids"][0]) == TILE + "How far is Region 0 <region> from Region 1 <region>?"
    shapes = {name: tuple(value.shape) for name, value in out.items() if name not in ("input_ids", "attention_mask")}
    assert shapes == {
        "pixel_values": (1, 3, 56, 56),
        "patch_points": (1, 4, 4, 3),
        "patch_valid": (1, 4, 4),
        "metric_scale": (1, 1),
        "region_coverage": (1, 2, 4, 4),
        "region_descriptors": (1, 2, 13),
    }
    assert set(out) == set(processor.model_input_names)
    assert {out[name].dtype for name in shapes} == {torch.float32, torch.bool}


def test_every_item_of_a_tiled_image_has_its_tokens(processor):
    out = processor(picture(size_hw=(112, 112)), "<image>What?", return_tensors="pt")
    assert processor.decode(out["input_ids"][0]) == TILE * 5 + "What?"
    assert len(out["pixel_values"]) == 5


def test_several_views_take_one_tile_each(processor):
    out = processor([picture(size_hw=(112, 112))] * 2, "<image><image>What?", return_tensors="pt")
    assert processor.decode(out["input_ids"][0]) == TILE * 2 + "What?"
    out = processor([picture(size_hw=(112, 112))] * 2, "<image><image>?", max_tiles=4, return_tensors="pt")
    assert len(out["pixel_values"]) == 2


def test_the_limit_of_several_views_is_stronger_than_the_fewest_tiles():
    out = make_tiny_processor(min_tiles=2)([picture()] * 2, "<image><image>?", return_tensors="pt")
    assert len(out["pixel_values"]) == 2


def test_views_may_be_tiled_by_configuration(processor):
    tiled = SR3DProcessor(processor.image_processor, processor.tokenizer, downsample=2, max_tiles_per_view=4)
    out = tiled([picture(size_hw=(112, 112))] * 2, "<image><image>?", return_tensors="pt")
    assert len(out["pixel_values"]) == 10


def test_mentions_are_gathered_in_the_order_of_the_text(processor):
    sample = wall_sample()
    encoded = processor.encode_views(**sample)
    out = processor.batch_encoded("<image><region1><region0><region1>", [encoded], return_tensors="pt")
    assert torch.equal(out["region_coverage"], encoded["region_coverage"][:, [1, 0, 1]])
    assert torch.equal(out["region_descriptors"][0], encoded["region_descriptors"][[1, 0, 1]])
    assert (out["input_ids"] == processor.region_token_id).sum() == 3


def test_there_are_no_region_inputs_without_mentions(processor):
    out = processor(text="<image>What?", **wall_sample(), return_tensors="pt", return_provenance=True)
    assert "region_coverage" not in out
    assert [region["mentioned"] for region in out["provenance"][0]["regions"]] == [False, False]


def test_provenance_says_what_the_geometry_rests_on(processor):
    out = processor(text="<image><region1>", **wall_sample(), return_provenance=True, return_tensors="pt")
    assert out["provenance"] == [
        {
            "geometry": "metric",
            "gravity": "unknown",
            "regions": [
                {"region": 0, "valid": 1.0, "kept": 1.0, "views": 1, "mentioned": False},
                {"region": 1, "valid": 1.0, "kept": 1.0, "views": 1, "mentioned": True},
            ],
        }
    ]


def test_text_alone_is_only_tokenised(processor):
    out = processor(text=["Hello", "Which is taller?"], padding=True, return_tensors="pt")
    assert set(out) == {"input_ids", "attention_mask"}


def test_images_alone_are_only_cut(processor):
    out = processor(images=picture(), return_tensors="pt")
    expected = processor.image_processor(picture(), return_tensors="pt")
    assert set(out) == {"pixel_values"}
    assert torch.equal(out["pixel_values"], expected["pixel_values"])


def test_without_return_tensors_there_are_lists(processor):
    out = processor(text="<image>" + QUESTION, **wall_sample())
    assert all(isinstance(value, list) for value in out.values())
    assert out["region_coverage"][0].shape == (2, 4, 4)


def test_the_text_given_is_not_changed(processor):
    text = ["<image>" + QUESTION]
    processor(text=text, **wall_sample())
    assert text == ["<image>" + QUESTION]


# Batches


def make_batch() -> tuple[list[str], list[dict]]:
    texts = ["<image><region1> or <region0>?", "Hello", "<image>" * 3 + "How wide is <region0>?", "<image>What is it?"]
    return texts, [wall_sample(), {}, room_sample(), {"images": [picture(7, (112, 112))]}]


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_a_batch_equals_its_samples_one_by_one(processor, padding_side):
    texts, samples = make_batch()
    nested = {name: [sample.get(name) for sample in samples] for name in ("depths", "camera_to_world")}
    nested["images"] = [sample.get("images", []) for sample in samples]
    nested["intrinsics"] = [[sample.get("intrinsics")] * len(sample.get("images", [])) for sample in samples]
    batch = processor(
        text=texts,
        **nested,
        world_up=[sample.get("world_up") for sample in samples],
        regions=[sample.get("regions") for sample in samples],
        padding=True,
        padding_side=padding_side,
        return_tensors="pt",
    )
    first = 0
    for row, (text, sample) in enumerate(zip(texts, samples, strict=True)):
        single = processor(text=text, **sample, return_tensors="pt")
        assert torch.equal(batch["input_ids"][row][batch["attention_mask"][row].bool()], single["input_ids"][0])
        tiles = slice(first, first + len(single.get("pixel_values", [])))
        for name in set(single) - {"input_ids", "attention_mask"}:
            part = batch[name][tiles]
            if name.startswith("region_"):
                mentions = single[name].shape[1]
                assert not part[:, mentions:].any()
                part = part[:, :mentions]
            assert torch.equal(part, single[name]), name
        first = tiles.stop
    assert first == len(batch["pixel_values"])


def test_flat_images_equal_nested_images(processor):
    sample = wall_sample()
    flat = {"images": sample["images"] * 2, "depths": sample["depths"] * 2, "intrinsics": sample["intrinsics"]}
    nested = {name: [[value], [value]] for name, value in (("images", picture()), ("depths", sample["depths"][0]))}
    texts = ["<image>a", "<image>a"]
    first = processor(text=texts, **flat, return_tensors="pt")
    second = processor(text=texts, **nested, intrinsics=sample["intrinsics"], return_tensors="pt")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_encoding_once_serves_many_questions(processor):
    sample = wall_sample()
    encoded = processor.encode_views(**sample)
    texts = ["<image>" + QUESTION, "<image>Is <region1> small?"]
    shared = processor.batch_encoded(texts, [encoded, encoded], padding=True, return_tensors="pt")
    called = processor(
        text=texts,
        **{
            **sample,
            "images": sample["images"] * 2,
            "depths": sample["depths"] * 2,
            "regions": [sample["regions"]] * 2,
        },
        padding=True,
        return_tensors="pt",
    )
    assert all(torch.equal(shared[name], called[name]) for name in called)


def test_padding_follows_the_tokenizer_unless_told(processor):
    texts = ["Hello", "Which of the two is closer?"]
    left = processor(text=texts, padding=True, return_tensors="pt")["attention_mask"][0]
    right = processor(text=texts, padding=True, padding_side="right", return_tensors="pt")["attention_mask"][0]
    assert (left[0], left[-1], right[0], right[-1]) == (0, 1, 1, 0)


# Chat


def make_conversation() -> list[dict]:
    sample = wall_sample()
    image = {"type": "image", "image": picture(), "depth": sample["depths"][0], "intrinsics": sample["intrinsics"]}
    return [
        {"role": "user", "content": [{"type": "text", "text": "How wide is "}, {"type": "region", "region":
            sample["regions"][0]}, {"type": "text", "text": "?"}, image]},
        {"role": "assistant", "content": [{"type": "text", "text": "Region 0 is 1.3 meters wide."}]},
        {"role": "user", "content": [{"type": "text", "text": "And "}, {"type": "region", "region":
            sample["regions"][1]}, {"type": "text", "text": "? Is <region0> taller?"}]},
        {"role": "assistant", "content": "Region 1 is 0.2 meters wide."},
    ]  # fmt: skip


def test_chat_messages_equal_a_call(processor):
    conversation, sample = make_conversation(), wall_sample()
    chat = processor.apply_chat_template(conversation, tokenize=True, return_dict=True, return_tensors="pt")
    called = processor(text=processor.apply_chat_template(conversation), **sample, return_tensors="pt")
    assert set(chat) == set(called)
    assert all(torch.equal(chat[name], called[name]) for name in called)
    assert chat["region_coverage"].shape[1] == 3


@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_assistant_mask_stays_on_the_answers(processor, padding_side):
    text_only = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "No."}]
    out = processor.apply_chat_template(
        [make_conversation(), text_only],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        return_assistant_tokens_mask=True,
        processor_kwargs={"padding": True, "padding_side": padding_side},
    )
    answers = [
        processor.decode(ids[mask.bool()]) for ids, mask in zip(out["input_ids"], out["assistant_masks"], strict=True)
    ]
    assert answers == [
        "Region 0 is 1.3 meters wide.<|im_end|>Region 1 is 0.2 meters wide.<|im_end|>",
        "No.<|im_end|>",
    ]
    assert "text_replacement_offsets" not in out


def test_a_batch_of_chats_keeps_geometry_with_its_image(processor):
    sample = wall_sample()
    plain = {"type": "image", "image": picture(3)}
    deep = {"type": "image", "image": picture(), "depth": sample["depths"][0], "intrinsics": sample["intrinsics"]}
    chats = [[{"role": "user", "content": [image, {"type": "text", "text": "?"}]}] for image in (plain, deep)]
    out = processor.apply_chat_template(
        chats, tokenize=True, return_dict=True, return_tensors="pt", processor_kwargs={"padding": True}
    )
    assert out["patch_valid"].flatten(1).all(1).tolist() == [False, True]
    assert (out["metric_scale"] > 0).flatten().tolist() == [False, True]


def test_settings_of_the_sample_go_with_a_chat(processor):
    depth_mm = np.full((48, 64), 2000, dtype=np.uint16)
    image = {"type": "image", "image": picture(), "depth": depth_mm, "intrinsics": flat_wall(1.0)["intrinsics"]}
    out = processor.apply_chat_template(
        [{"role": "user", "content": [image]}],
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"depth_unit": "mm"},
    )
    assert out["metric_scale"].item() == pytest.approx(1.5, abs=0.15)


# Counting, saving


def test_token_counts_are_those_of_a_call(processor):
    sizes = [(48, 64), (112, 112), (56, 200)]
    counted = [processor._get_num_multimodal_tokens(image_sizes=[size]) for size in sizes]
    called = [
        processor(picture(0, size), "<image>", return_mm_token_type_ids=True, return_tensors="pt") for size in sizes
    ]
    assert [c.num_image_tokens[0] for c in counted] == [int(out["mm_token_type_ids"].sum()) for out in called]
    assert [c.num_image_patches[0] for c in counted] == [len(out["pixel_values"]) for out in called]
    views = processor._get_num_multimodal_tokens(image_sizes=sizes)
    assert (views.num_image_tokens, views.num_image_patches) == ([4, 4, 4], [1, 1, 1])


def test_incomplete_token_rows_count_whole():
    wide = SR3DProcessor(SR3DImageProcessor(size={"height": 448, "width": 448}), make_tiny_tokenizer(), downsample=3)
    assert wide.image_tokens_per_tile == 121  # ceil(32 / 3) squared


def test_a_processor_fits_its_config(processor):
    config = make_tiny_config(
        vocab_size=len(processor.tokenizer),
        image_token_id=processor.image_token_id,
        region_token_id=processor.region_token_id,
        tile_then_stitch=False,
        min_tiles=2,
        max_tiles_per_view=3,
    )
    made = SR3DProcessor.from_config(config, processor.tokenizer)
    assert made.image_tokens_per_tile == config.image_tokens_per_tile
    assert made.image_processor.tile_then_stitch is False
    assert (made.image_processor.min_tiles, made.image_processor.max_tiles) == (2, config.max_tiles)
    assert made.max_tiles_per_view == 3
    config.image_token_id = 3
    with pytest.raises(ValueError, match=r"`tokenizer` must give <image> and <region> the ids .*\(3, \d+\), got"):
        SR3DProcessor.from_config(config, processor.tokenizer)


def test_a_saved_processor_gives_the_same_inputs(processor, tmp_path):
    made = SR3DProcessor(
        processor.image_processor, processor.tokenizer, downsample=4, max_tiles_per_view=2, keep_dominant_cluster=False
    )
    made.save_pretrained(tmp_path)
    loaded = SR3DProcessor.from_pretrained(tmp_path)
    assert (loaded.downsample, loaded.max_tiles_per_view, loaded.keep_dominant_cluster) == (4, 2, False)
    assert loaded.chat_template == made.chat_template
    first, second = (each(text="<image>" + QUESTION, **wall_sample(), return_tensors="pt") for each in (made, loaded))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_processor_can_be_pickled(processor):
    copy = pickle.loads(pickle.dumps(processor))
    first, second = (
        each(text="<image>" + QUESTION, **wall_sample(), return_tensors="pt") for each in (processor, copy)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_path_is_read_with_its_depth(processor, tmp_path):
    picture().save(tmp_path / "color.png")
    out = processor(str(tmp_path / "color.png"), "<image>", return_tensors="pt")
    assert torch.equal(out["pixel_values"], processor(picture(), "<image>", return_tensors="pt")["pixel_values"])


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "What?"}, r"Got 0 <image> in 1 texts and 1 images"),
        ({"text": "<image><image>"}, r"Got 2 <image> in 1 texts and 1 images"),
        ({"text": "<image><region2>"}, r"`text\[0\]` mentions <region2>.* 2 regions: <region0> to <region1>"),
        ({"text": "<image><region0>", "regions": None}, r"mentions <region0>, but its sample has no regions"),
        ({"text": "<image> the <region>"}, r"`text\[0\]` must mention regions as .* got '<region>' at character 12"),
        ({"text": "<image>", "depths": []}, r"`depths` must have one entry per image \(1\), got 0"),
        ({"text": "<image>", "world_up": ["+z", "+z"]}, r"`world_up` must be one value .* \(1\), got a list of 2"),
        ({"text": None, "images": None}, r"`images` or `text` must be given, got neither"),
        (
            {"text": "<image><region0>?", "truncation": True, "max_length": 3},
            r"`max_length` must leave room for all <image> tokens, \[4\] in the texts, but \[\d\] are left",
        ),
    ],
    ids=[
        "no placeholder",
        "too many",
        "region",
        "no regions",
        "literal",
        "depths",
        "world up",
        "nothing",
        "truncated",
    ],
)
def test_what_does_not_fit_is_refused(processor, arguments, message):
    with pytest.raises(ValueError, match=message):
        processor(**{**wall_sample(), **arguments}, return_tensors="pt")


def test_truncation_may_not_cut_region_tokens(processor):
    sample = wall_sample()
    length = processor(text="<image><region0>", **sample, return_tensors="pt")["input_ids"].shape[1]
    settings = {"truncation": True, "return_tensors": "pt"}
    processor(text="<image><region0> is cut here", **sample, max_length=length, **settings)
    with pytest.raises(ValueError, match=r"room for all <region> tokens, \[1\] in the texts, but \[0\] are left"):
        processor(text="<image><region0>", **sample, max_length=length - 1, **settings)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": ["<image>", 3]}, r"`text\[1\]` must be a string, got int"),
        ({"text": "<image>", "depth": 1}, r"`depth` must be an argument .* Did you mean `depths`"),
    ],
    ids=["text", "keyword"],
)
def test_wrong_kinds_are_refused(processor, arguments, message):
    with pytest.raises(TypeError, match=message):
        processor(**{**wall_sample(), **arguments})


def test_encoded_samples_must_fit_the_texts(processor):
    encoded = processor.encode_views(picture())
    with pytest.raises(ValueError, match=r"`encoded` must have one entry per text \(1\), got 2"):
        processor.batch_encoded("<image>", [encoded, encoded])
    with pytest.raises(ValueError, match=r"`encoded` must fit `text`.* Got 0 <image> and 1 images in text 0"):
        processor.batch_encoded(["What?"], [encoded])


def test_a_literal_placeholder_in_a_chat_is_refused(processor):
    with pytest.raises(ValueError, match=r"`messages\[0\]` must not hold the special token <image>"):
        processor.apply_chat_template([{"role": "user", "content": "Look at <image>"}])


def test_a_literal_added_special_token_in_a_chat_is_refused():
    processor = make_tiny_processor()
    processor.tokenizer.add_tokens([AddedToken("<|vision_start|>", special=True)])
    with pytest.raises(ValueError, match=r"must not hold the special token <\|vision_start\|>"):
        processor.apply_chat_template([{"role": "user", "content": "What is <|vision_start|>?"}])


def test_a_tokenizer_without_placeholders_is_refused(processor):
    bare = PreTrainedTokenizerFast(tokenizer_object=make_bare_tokenizer())
    with pytest.raises(ValueError, match=r"`tokenizer` must hold the token <image>, got 1 tokens without it"):
        SR3DProcessor(processor.image_processor, bare)


def make_bare_tokenizer():
    from tokenizers import Tokenizer, models

    return Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))


def test_geometry_stays_in_float32_when_a_batch_is_cast():
    batch = SR3DBatchFeature(
        {
            name: torch.full((2, 3), 1 / 3)
            for name in ("pixel_values", "patch_points", "metric_scale", "region_coverage")
        }
    ).to("cpu", torch.bfloat16)
    dtypes = {name: tensor.dtype for name, tensor in batch.items()}
    assert dtypes.pop("patch_points") == dtypes.pop("metric_scale") == torch.float32
    assert set(dtypes.values()) == {torch.bfloat16}

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, text: the chat template, what messages may hold, and placeholders."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from tiny import make_tiny_processor

from transformers_sr3d.chat_sr3d import (
    check_conversation,
    check_mentions,
    conversation_inputs,
    expand_placeholders,
    mention_index,
    regions_of_conversation,
)
from transformers_sr3d.image_files_sr3d import load_image_rgb


SYSTEM = "<|im_start|>system\nYou are a helpful assistant<|im_end|>\n"
BOX = {"box_xyxy": [0, 0, 4, 4]}
SPECIAL = ["<image>", "<region>", "<|im_end|>"]


@pytest.fixture(scope="module")
def render():
    return make_tiny_processor().apply_chat_template


def user(*content) -> dict:
    return {"role": "user", "content": list(content)}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def region(mark) -> dict:
    return {"type": "region", "region": mark}


# The template


def test_a_question_is_rendered_as_chatml_with_a_default_system_block(render):
    prompt = render([{"role": "user", "content": "Hello"}], add_generation_prompt=True)
    assert prompt == SYSTEM + "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_a_system_message_replaces_the_default(render):
    prompt = render([{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hi"}])
    assert prompt == "<|im_start|>system\nBe brief<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"


def test_images_of_a_message_come_first_and_regions_stay_in_place(render):
    prompt = render([user(text("Is "), region(BOX), text(" left of "), region(BOX), {"type": "image"}, text("?"))])
    assert prompt == SYSTEM + "<|im_start|>user\n<image>Is <region0> left of <region1>?<|im_end|>\n"


def test_an_answer_is_rendered_with_its_end(render):
    turns = [user(text("Hi")), {"role": "assistant", "content": [text("Region 0.")]}]
    assert render(turns).endswith("<|im_start|>assistant\nRegion 0.<|im_end|>\n")


def test_an_empty_message_is_rendered_empty(render):
    assert render([{"role": "user", "content": None}]) == SYSTEM + "<|im_start|>user\n<|im_end|>\n"


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([BOX, BOX], "<region0><region1>"),
        ([BOX, 0, BOX], "<region0><region0><region1>"),
        ([{**BOX, "region": 7}, {**BOX, "region": 3}], "<region7><region3>"),
        ([[BOX, BOX], BOX], "<region0><region1>"),
        ([{**BOX, "region": None}, BOX], "<region0><region1>"),
    ],
    ids=["by place", "mentioned again", "by number", "several views", "None is no number"],
)
def test_template_and_dictionaries_number_regions_alike(render, marks, expected):
    conversation = [user(*map(region, marks))]
    assert render(conversation).split("user\n")[1].startswith(expected + "<|im_end|>")
    numbers = {mark["region"] for mark in regions_of_conversation(check_conversation(conversation, SPECIAL))}
    assert {f"<region{number}>" for number in numbers} == set(expected.replace("><", "> <").split())


def test_numbering_continues_over_messages():
    turns = [user(region(BOX)), {"role": "assistant", "content": "Yes"}, user(region(BOX))]
    assert [mark["region"] for mark in regions_of_conversation(turns)] == [0, 1]


# What messages carry


def test_geometry_of_images_is_collected_per_image():
    first = {"type": "image", "image": "a.png", "depth": "a_mm.png", "intrinsics": {"fx": 1.0}}
    second = {"type": "image", "path": "b.png", "camera_to_world": np.eye(4)}
    images, arguments = conversation_inputs([[user(first, second, text("?"))], [user(text("?"))]])
    assert images == [["a.png", "b.png"], []]
    assert arguments["depths"] == [["a_mm.png", None], []]
    assert arguments["intrinsics"] == [[{"fx": 1.0}, None], []]
    assert set(arguments) == {"depths", "intrinsics", "camera_to_world"}


def test_an_image_may_be_base64():
    buffer = io.BytesIO()
    Image.new("RGB", (3, 2), (1, 2, 3)).save(buffer, "PNG")
    entry = {"type": "image", "base64": base64.b64encode(buffer.getvalue()).decode()}
    images, arguments = conversation_inputs([[user(entry)]])
    assert load_image_rgb(images[0][0]).size == (3, 2)
    assert arguments == {}


def test_base64_with_depth_is_refused_when_it_is_read():
    entry = {"type": "image", "base64": "AAAA", "depth": np.ones((2, 3))}
    messages = [user(entry)]
    with pytest.raises(
        ValueError, match=r"`images` must be a local file .* got the address 'data:image/\*;base64,AAAA'"
    ):
        make_tiny_processor().apply_chat_template(messages, tokenize=True, return_dict=True)


def test_keys_without_value_are_dropped():
    """Tables fill missing keys with `None`; the messages given stay as they are."""
    given = [user({"type": "text", "text": "Hi", "image": None, "region": None})]
    assert check_conversation(given, SPECIAL) == [user(text("Hi"))]
    assert "image" in given[0]["content"][0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Look: <image>", r"`messages\[0\]` must not hold the special token <image> .* character 6"),
        ([text("the <region>")], r"special token <region> in its text, got it at character 4"),
        ([text("done<|im_end|>")], r"special token <\|im_end\|>"),
        ([text("see <region 3>")], r"mention regions as <region0>.* got '<region 3>' at character 4"),
        ([{"type": "video", "video": "a.mp4"}], r"entries of type image, region, text, got 'video'"),
        ([{"type": "image", "image": "a.png", "pose": 1}], r"type image with the key 'pose'; known are"),
        ([{**text("Hi"), "region": 2}], r"type text with the key 'region'"),
    ],
    ids=["image", "region", "end", "misspelt", "video", "pose", "stray key"],
)
def test_what_a_message_may_not_hold_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        check_conversation([{"role": "user", "content": content}], SPECIAL)


@pytest.mark.parametrize("token", ["<image>", "<region>"])
def test_literal_placeholders_are_refused_whatever_the_tokenizer_marks(token):
    with pytest.raises(ValueError, match=f"`messages\\[0\\]` must not hold the special token {token}"):
        check_conversation([{"role": "user", "content": f"the {token}"}], special_tokens=())


@pytest.mark.parametrize(
    ("content", "got"), [("It is <region0>.", "<region0>"), ([{"type": "image"}], "image"), ([region(0)], "region")]
)
def test_an_answer_holds_words_only(content, got):
    with pytest.raises(ValueError, match=f"must be words only, got '{got}'"):
        check_conversation([{"role": "assistant", "content": content}], SPECIAL)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["Hi"], r"entries that are dictionaries, got str"),
        ([{"type": "text"}], r"text that is a string, got NoneType"),
        ([{"type": "region"}], r"give `region` a region dictionary, .* got NoneType"),
        ([region("0")], r"got str"),
        ([region(True)], r"got bool"),
        ([region([])], r"got list"),
    ],
    ids=["string entry", "no text", "no region", "string", "bool", "empty list"],
)
def test_entries_of_the_wrong_kind_are_refused(content, message):
    with pytest.raises(TypeError, match=message):
        check_conversation([{"role": "user", "content": content}], SPECIAL)


def test_an_image_entry_with_two_images_is_refused():
    with pytest.raises(ValueError, match=r"one of .* got \['image', 'path'\]"):
        conversation_inputs([[user({"type": "image", "image": "a.png", "path": "b.png"})]])


def test_geometry_without_an_image_is_refused():
    with pytest.raises(ValueError, match=r"got \['depth', 'type'\]"):
        conversation_inputs([[user({"type": "image", "depth": "d.png"})]])


def test_half_numbered_regions_are_refused():
    with pytest.raises(ValueError, match="in all region dictionaries or in none"):
        regions_of_conversation([user(region({**BOX, "region": 1}), region(BOX))])


def test_one_entry_marks_one_region():
    with pytest.raises(ValueError, match=r"one region entry one number, got \[1, 2\]"):
        regions_of_conversation([user(region([{**BOX, "region": 1}, {**BOX, "region": 2}]))])


# Placeholders


def test_placeholders_are_expanded_and_their_places_reported():
    sample = "<image>Is <region0> near <region12>?"
    expanded, offsets = expand_placeholders(sample, ["<image><image>\n"], "<region>")
    assert expanded == "<image><image>\nIs Region 0 <region> near Region 12 <region>?"
    assert [item.get("number") for item in offsets] == [None, 0, 12]
    for item in offsets:
        assert sample[slice(*item["span"])] == item["text"]
        assert expanded[slice(*item["new_span"])] == item["replacement"]


def test_images_without_replacement_stay():
    assert expand_placeholders("<image><image>", ["x"], "<region>")[0] == "x<image>"


@pytest.mark.parametrize("words", ["<region>", "< region0>", "<region 0>", "<Region0>", "<region_1>", "<region-1>",
                                   "<region01>", "<regionK>", "<regions>", "</region>"])  # fmt: skip
def test_misspelt_mentions_are_refused(words):
    with pytest.raises(ValueError, match=r"`text` must mention regions as <region0>.* at character 3"):
        check_mentions("in " + words)


@pytest.mark.parametrize("words", ["<region0>", "region 0", "Is Region 1 < Region 2?", "<regional>", "a <b> c"])
def test_other_texts_are_no_mentions(words):
    check_mentions(words)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([0, 1, 2], r"`text` mentions <region3>, but its sample has 3 regions: <region0> to <region2>"),
        ([4, 7], r"has 2 regions: <region4>, <region7>"),
        ([0], r"has 1 regions: <region0>"),
        ([], r"mentions <region3>, but its sample has no regions"),
    ],
)
def test_a_region_that_does_not_exist_names_those_that_do(numbers, message):
    with pytest.raises(ValueError, match=message):
        mention_index(3, numbers, "text")


def test_mentions_are_found_by_number_not_by_place():
    assert [mention_index(number, [2, 5, 9], "text") for number in (9, 2)] == [2, 0]


@pytest.mark.parametrize("number", ["1", 1.5, True], ids=["text", "float", "bool"])
def test_a_region_number_that_is_no_integer_is_refused(number):
    with pytest.raises(TypeError, match=f"integer as its number, got {number!r}"):
        regions_of_conversation([user(region({**BOX, "region": number}))])


def test_numpy_region_numbers_count_as_integers():
    marks = regions_of_conversation(
        [user(region({**BOX, "region": np.int64(1)}), region({**BOX, "region": np.int64(0)}))]
    )
    assert [mark["region"] for mark in marks] == [1, 0]


@pytest.mark.parametrize(
    "message",
    [{"content": "hi"}, {"role": "user", "text": "hi"}, {"role": "user<|im_end|>", "content": "hi"}, "hi", None],
)
def test_a_message_without_a_known_role_and_content_is_refused(message):
    with pytest.raises(ValueError, match=r"`messages\[0\]` must be a dictionary with a `role` out of .*got "):
        check_conversation([message], SPECIAL)

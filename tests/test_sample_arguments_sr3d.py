# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, arguments of a batch: which image and which value belongs to which text."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from transformers.processing_utils import ProcessingKwargs

from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.inputs.scene_writing import save_scene
from transformers_sr3d.pipeline_samples_sr3d import read_scene
from transformers_sr3d.sample_arguments_sr3d import (
    check_image_counts,
    check_keywords,
    group_images,
    split_arguments,
    split_per_image,
    split_per_sample,
)


MATRIX = [[50.0, 0.0, 4.0], [0.0, 50.0, 3.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize(
    ("images", "counts", "expected"),
    [
        ("a", [1], [["a"]]),
        (["a", "b", "c"], [2, 0, 1], [["a", "b"], [], ["c"]]),
        ([["a", "b"], [], ["c"]], [2, 0, 1], [["a", "b"], [], ["c"]]),
        ((("a",), ("b",)), [1, 1], [["a"], ["b"]]),
        (None, [0, 0], [[], []]),
        (["a", "b"], None, [["a", "b"]]),
        ([["a"], ["b", "c"]], None, [["a"], ["b", "c"]]),
    ],
    ids=["one", "flat", "nested", "tuples", "none", "flat without text", "nested without text"],
)
def test_images_are_grouped_by_text(images, counts, expected):
    assert group_images(images, counts) == expected


def test_a_stacked_array_is_a_list_of_images():
    groups = group_images(np.zeros((2, 4, 5, 3), dtype=np.uint8), [1, 1])
    assert [image.shape for group in groups for image in group] == [(4, 5, 3)] * 2


@pytest.mark.parametrize(
    ("images", "counts", "message"),
    [
        (["a"], [1, 1], r"Got 2 <image> in 2 texts and 1 images"),
        ([["a", "b"], []], [1, 1], r"Got 1 <image> and 2 images in text 0"),
        ([["a"], ["b"], ["c"]], [1, 1], r"`images` must have one entry per text \(2\), got 3"),
        ("a", [0], r"Got 0 <image> in 1 texts and 1 images\. Write <image> once"),
    ],
    ids=["flat", "nested", "lists", "no placeholder"],
)
def test_images_that_do_not_fit_the_texts_are_refused(images, counts, message):
    with pytest.raises(ValueError, match=message):
        group_images(images, counts)


def test_the_message_names_the_argument():
    with pytest.raises(ValueError, match=r"`encoded` must have one entry per text \(1\), got 2"):
        check_image_counts([1], [1, 1], name="encoded")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["x", "y", "z"], [["x", "y"], None, ["z"]]),
        ([["x", None], [], ["z"]], [["x", None], None, ["z"]]),
        ([["x", "y"], None, None], [["x", "y"], None, None]),
        (None, [None, None, None]),
    ],
    ids=["flat", "nested", "with None", "absent"],
)
def test_entries_per_image_are_split(value, expected):
    assert split_per_image("depths", value, [2, 0, 1]) == expected


@pytest.mark.parametrize("matrix", [MATRIX, {"fx": 50.0}, "numpy", "torch"])
def test_one_camera_serves_all_images(matrix):
    matrix = {"numpy": np.array(MATRIX), "torch": torch.tensor(MATRIX)}.get(str(matrix), matrix)
    split = split_per_image("intrinsics", matrix, [2, 0, 1])
    assert split[0] is matrix
    assert split[1] is None
    assert split[2] is matrix


def test_one_camera_per_text_may_be_given():
    assert split_per_image("intrinsics", [[MATRIX, {"fx": 1.0}], MATRIX], [2, 1]) == [[MATRIX, {"fx": 1.0}], MATRIX]


def test_stacked_matrices_are_one_per_image():
    split = split_per_image("camera_to_world", torch.eye(4).expand(3, 4, 4), [2, 1])
    assert [len(poses) for poses in split] == [2, 1]
    assert split[0][0].shape == (4, 4)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (["x"], r"`depths` must have one entry per image \(3\), got 1"),
        ("x", r"`depths` must have one entry per image, got a single value for 2 texts with 3 images"),
        ([["x"], ["y"]], r"`depths\[0\]` must have one entry per image of text 0 \(2\), got 1"),
        ([["x", "y"]], r"`depths` must have one list per text \(2\) where it is nested, got 1"),
    ],
    ids=["too few", "single", "in one text", "lists"],
)
def test_entries_that_do_not_fit_the_images_are_refused(value, message):
    with pytest.raises(ValueError, match=message):
        split_per_image("depths", value, [2, 1])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("depth_unit", "mm", ["mm", "mm"]),
        ("depth_unit", ["mm", None], ["mm", None]),
        ("gravity_camera", [0.0, 1.0, 0.0], [[0.0, 1.0, 0.0]] * 2),
        ("gravity_camera", [[0.0, 1.0, 0.0], None], [[0.0, 1.0, 0.0], None]),
        ("regions", [{"a": 1}, {"b": 2}], [[{"a": 1}, {"b": 2}]] * 2),
        ("regions", [[{"a": 1}], []], [[{"a": 1}], []]),
        ("regions", [None, [{"b": 2}]], [None, [{"b": 2}]]),
    ],
)
def test_values_per_sample_are_one_for_all_or_a_list(name, value, expected):
    assert split_per_sample(name, value, 2) == expected


def test_a_list_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"`world_up` must be one value .* one per text \(2\), got a list of 3"):
        split_per_sample("world_up", ["+z"] * 3, 2)


def test_regions_of_each_text_may_all_be_absent():
    assert split_per_sample("regions", [None, None], 2) == [None, None]


def test_gravity_has_three_numbers():
    assert split_per_sample("gravity_camera", [0.0, 1.0, 0.0], 2) == [[0.0, 1.0, 0.0]] * 2
    with pytest.raises(ValueError, match=r"`gravity_camera` must be one value .* got a list of 2"):
        split_per_sample("gravity_camera", [0.0, 1.0], 1)


def test_absent_values_are_left_out():
    split = split_arguments({"depths": [["x"], [None]], "depth_unit": ["mm", None], "world_up": None}, [1, 1])
    assert split == [{"depths": ["x"], "depth_unit": "mm"}, {}]


@pytest.mark.parametrize(
    ("name", "near"),
    [("depth", "depths"), ("intrinsic", "intrinsics"), ("world_ups", "world_up"), ("paddin", "padding")],
)
def test_an_unknown_keyword_is_refused_with_a_hint(name, near):
    with pytest.raises(TypeError, match=f"`{name}` must be an argument .* Did you mean `{near}`"):
        check_keywords({name: 1}, ProcessingKwargs)


def test_known_keywords_are_accepted_flat_and_grouped():
    check_keywords(
        {"padding": True, "text_kwargs": {}, "do_rescale": True, "common_kwargs": {}, "videos": None}, ProcessingKwargs
    )


def test_videos_are_refused():
    with pytest.raises(ValueError, match=r"`videos` must be absent, got a value\. Pass the frames"):
        check_keywords({"videos": [1]}, ProcessingKwargs)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_depth_in_colours_is_one_value_whose_reader_refuses_it(channels):
    picture = np.zeros((6, 8, channels), dtype=np.uint16)
    assert split_per_image("depths", picture, [1])[0] is picture
    assert split_per_image("depths", [picture], [1])[0][0] is picture
    stacked = split_per_image("depths", np.zeros((2, 6, 8, channels)), [2])[0]
    assert [entry.shape for entry in stacked] == [(6, 8, channels)] * 2
    assert [entry.shape for entry in split_per_image("depths", np.zeros((2, 6, 8)), [2])[0]] == [(6, 8)] * 2


@pytest.mark.parametrize(
    ("shared", "name"),
    [
        ({"depth_unit": "mm"}, "depths"),
        ({"depth_kind": "relative"}, "depths"),
        ({"horizontal_fov_deg": 60.0}, "depths"),
        ({"camera_axes": "opengl", "world_up": "+z"}, "camera_to_world"),
    ],
)
def test_one_value_for_all_leaves_samples_alone_that_cannot_use_it(shared, name):
    assert split_arguments({name: [["x"], [None]], **shared}, [1, 1]) == [{name: ["x"], **shared}, {}]


def test_a_shared_value_that_no_sample_can_use_stays_to_be_refused():
    assert split_arguments({"depth_unit": "mm"}, [1, 1]) == [{"depth_unit": "mm"}] * 2


def test_a_value_of_its_own_stays_to_be_refused():
    split = split_arguments({"depths": [["x"], [None]], "depth_unit": ["mm", "cm"]}, [1, 1])
    assert split == [{"depths": ["x"], "depth_unit": "mm"}, {"depth_unit": "cm"}]


def test_axes_are_dropped_with_the_gravity_that_is_dropped():
    shared = {"camera_axes": "opengl", "gravity_camera": [0.0, 1.0, 0.0]}
    assert split_arguments({"depths": [["x"], None], **shared}, [1, 1]) == [{"depths": ["x"], **shared}, {}]


@pytest.mark.parametrize(
    ("arguments", "counts", "message"),
    [
        ({"depths": np.ones((4, 5))}, [0], r"`depths` belongs to images, got it for text 0, which has none"),
        ({"depths": [["x"], "y"]}, [1, 0], r"`depths` belongs to images, got it for text 1"),
        ({"regions": [{"a": 1}]}, [0, 0], r"`regions` belongs to images, got it for text 0"),
        ({"regions": [[{"a": 1}], [{"a": 1}]]}, [1, 0], r"`regions` belongs to images, got it for text 1"),
        ({"intrinsics": {"fx": 1.0}}, [0], r"`intrinsics` belongs to images"),
    ],
)
def test_what_belongs_to_images_is_refused_without_them(arguments, counts, message):
    with pytest.raises(ValueError, match=message):
        split_arguments(arguments, counts)


def test_regions_for_all_texts_are_those_of_texts_with_images():
    regions = [{"a": 1}]
    assert split_arguments({"regions": regions}, [1, 0]) == [{"regions": regions}, {}]
    assert split_arguments({"regions": [regions, []]}, [1, 0]) == [{"regions": regions}, {"regions": []}]


def test_one_list_of_regions_for_several_texts_with_images_is_refused():
    with pytest.raises(ValueError, match=r"`regions` must be a list with one list .* got one list for 2 texts"):
        split_arguments({"regions": [{"a": 1}, {"b": 2}]}, [1, 1])


@pytest.fixture
def scene(tmp_path):
    view = {"image": Image.new("RGB", (8, 6)), "depth": np.full((6, 8), 1500, np.uint16), "intrinsics": MATRIX}
    save_scene(tmp_path / "room", [view], world_up=None)
    return tmp_path / "room"


def test_a_scene_is_its_views_with_depth_in_metres(scene):
    for given in (scene, str(scene), open_source(scene)):
        sample = read_scene({"text": "What?", "scene": given}, ("images", "depths"))
        assert sorted(sample) == ["depths", "images", "intrinsics", "text"]
        assert (sample["images"][0].size, sample["text"]) == ((8, 6), "What?")
        assert sample["depths"][0].max() == pytest.approx(1.5)


def test_what_a_scene_states_itself_must_be_left_out(scene):
    with pytest.raises(ValueError, match=r"`depths` must be left out beside a `scene`, which states it, got both"):
        read_scene({"scene": scene, "depths": [], "images": []}, ("images", "depths"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_scene({"scene": scene / "nowhere"}, ())
    with pytest.raises(TypeError, match="`scene` must be a path or an opened source, got list"):
        read_scene({"scene": [scene]}, ())


def test_a_path_may_name_few_views_and_a_source_many(tmp_path):
    for index in range(33):
        Image.new("RGB", (8, 6)).save(tmp_path / f"{index}.png")
    with pytest.raises(ValueError, match=r"`scene` must have at most 32 views, got 33 in .*sr3d scene import"):
        read_scene({"scene": tmp_path}, ())
    assert len(read_scene({"scene": open_source(tmp_path)}, ())["images"]) == 33
    (tmp_path / "0.png").unlink()
    assert len(read_scene({"scene": tmp_path}, ())["images"]) == 32


def test_a_scene_needs_the_package(scene, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers_sr3d.inputs.open_source", None)
    with pytest.raises(ImportError, match="`scene` must be read by the package transformers-sr3d, got only the code"):
        read_scene({"scene": scene}, ())

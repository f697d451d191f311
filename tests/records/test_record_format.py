# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""The record format: what is read, what is written, and every refusal with file and line."""

import json
from pathlib import Path

import pytest

from transformers_sr3d.records.format import read_records, write_records


TURN = [{"role": "user", "content": "How tall is it?"}, {"role": "assistant", "content": "0.9 meters."}]
PHOTO = {"images": ["photo.png"], "regions": [{"box_xyxy": [1, 2, 3, 4]}], "messages": TURN}


def write(folder, *lines):
    path = folder / "my.jsonl"
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def asks(text):
    return [{"role": "user", "content": text}, TURN[1]]


def test_record_is_read_with_paths_inside_the_root(tmp_path):
    line = PHOTO | {"id": "a", "depths": ["d/depth.png"], "depth_unit": "mm", "category": "height"}
    [record] = read_records(write(tmp_path, line | {"truth": {"value": 0.9, "unit": "m"}}))
    assert (record.id, record.where, record.category) == ("a", "my.jsonl:1", "height")
    assert record.sample["images"] == [str(tmp_path / "photo.png")]
    assert record.sample["depths"] == [str(tmp_path / "d" / "depth.png")]
    assert record.turns == [("How tall is it?", "0.9 meters.")]
    assert record.truth == {"value": 0.9, "unit": "m"}


def test_written_records_are_read_back(tmp_path):
    lines = [PHOTO | {"id": name, "messages": asks(f"How wide is <region0>, {name}?")} for name in ("é", "b")]
    records = read_records(write_records(tmp_path / "out" / "x.jsonl", lines))
    assert [record.id for record in records] == ["é", "b"]
    assert [list(record.messages) for record in records] == [line["messages"] for line in lines]


def test_failed_write_leaves_the_old_file(tmp_path):
    path = write_records(tmp_path / "x.jsonl", [PHOTO])
    before = path.read_text()
    with pytest.raises(ValueError, match="JSON compliant"):
        write_records(path, [PHOTO, {"id": float("nan")}])
    assert path.read_text() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.jsonl"]


def test_root_may_lie_above_the_file(tmp_path):
    (tmp_path / "lists").mkdir()
    path = write(tmp_path / "lists", PHOTO)
    [record] = read_records(path, root=tmp_path)
    assert record.sample["images"] == [str(tmp_path / "photo.png")]


def test_link_that_leaves_the_root_is_refused(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photo.png").symlink_to(Path("/etc/hostname"))
    with pytest.raises(ValueError, match=r"my\.jsonl:1.*inside"):
        read_records(write(tmp_path / "data", PHOTO))


def test_text_alone_is_a_record(tmp_path):
    [record] = read_records(write(tmp_path, {"messages": TURN}))
    assert record.sample == {}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "must be JSON"),
        ("[1]", "must hold an object"),
        ('{"id": "a", "id": "b"}', "twice"),
        ('{"id": NaN}', "NaN"),
        (PHOTO | {"region": []}, "Did you mean `regions`"),
        (PHOTO | {"id": ""}, "`id` must be text"),
        (PHOTO | {"scene": "s"}, "beside a `scene`"),
        ({"depth_unit": "mm", "messages": TURN}, "needs `images`"),
        (PHOTO | {"images": "photo.png"}, "must be a list"),
        (PHOTO | {"images": [3]}, "must be a path"),
        (PHOTO | {"images": ["../photo.png"]}, "inside"),
        (PHOTO | {"images": ["/etc/hostname"]}, "inside"),
        (PHOTO | {"images": ["C:\\photo.png"]}, "inside"),
        (PHOTO | {"regions": [3]}, "must be an object"),
        (PHOTO | {"regions": [{"mask": "/etc/hostname"}]}, "inside"),
        ({"regions": [{"box_xyxy": [1, 2, 3, 4]}], "messages": TURN}, "needs `scene` or `images`"),
        ({"images": ["photo.png"]}, "questions and answers"),
        (PHOTO | {"messages": TURN[:1]}, "questions and answers"),
        (PHOTO | {"messages": TURN[::-1]}, "take turns"),
        (PHOTO | {"messages": [TURN[0], {"role": "assistant", "content": " "}]}, "must hold text"),
        (PHOTO | {"messages": [TURN[0], {"role": "assistant", "content": "<region0>"}]}, "words only"),
        (PHOTO | {"messages": asks("How tall is <region1>?")}, "mentions <region1>"),
        (PHOTO | {"messages": asks("How tall is <region 0>?")}, "right after the word"),
        (PHOTO | {"messages": asks("What is in <image>?")}, "special token"),
        (PHOTO | {"truth": {"value": 1.0}}, "unit 'm'"),
        (PHOTO | {"truth": {"value": -1.0, "unit": "m"}}, "positive"),
        (PHOTO | {"truth": {"value": 1.0, "unit": "m", "text": "x"}}, "one of"),
        (PHOTO | {"truth": {"choice": 2}}, "must be text"),
    ],
)
def test_bad_line_is_refused_with_file_line_and_advice(tmp_path, line, words):
    with pytest.raises(ValueError, match=r"my\.jsonl:2") as caught:
        read_records(write(tmp_path, PHOTO | {"id": "good"}, line))
    assert words in str(caught.value)


def test_id_that_occurs_twice_names_both_lines(tmp_path):
    with pytest.raises(ValueError, match=r"my\.jsonl:3.*my\.jsonl:1"):
        read_records(write(tmp_path, PHOTO | {"id": "a"}, "", PHOTO | {"id": "a"}))


def test_missing_empty_and_binary_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="none there"):
        read_records(tmp_path / "none.jsonl")
    with pytest.raises(ValueError, match="at least one record"):
        read_records(write(tmp_path, ""))
    (tmp_path / "my.jsonl").write_bytes(b'{"id": "\xff"}\n')
    with pytest.raises(ValueError, match="UTF-8"):
        read_records(tmp_path / "my.jsonl")

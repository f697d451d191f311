# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Official files in which any one value is something else: read and shown, or refused by a message that says where."""

import json

import official_files
import pyarrow
import pytest
from damage import MISSING, TOO_LARGE, VALUES
from pyarrow import parquet

from transformers_sr3d.evaluation.benchmarks.predictions import check_ids
from transformers_sr3d.evaluation.benchmarks.shown import Shown, ShowSettings
from transformers_sr3d.evaluation.benchmarks.tasks import TASKS


WRITERS = {
    "scanqa": official_files.write_scanqa,
    "sqa3d": official_files.write_sqa3d,
    "scan2cap": official_files.write_scan2cap,
    "vsi-bench": official_files.write_vsi_bench,
    "spatialrgpt-bench": official_files.write_spatial_rgpt,
    "blink-depth": lambda folder: official_files.write_blink(folder, "Relative_Depth"),
    "blink-spatial": official_files.write_blink,
    "coco-regions": official_files.write_coco,
    "realworldqa": official_files.write_realworldqa,
    "embspatial": official_files.write_embspatial,
    "sat": official_files.write_sat,
}


def load(path):
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    return json.loads(path.read_text())


def save(path, content):
    """Whether there can be such a file: a column of Parquet has one type."""
    if path.suffix != ".parquet":
        lines = content if path.suffix == ".jsonl" else [content]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        path.write_text(text.replace(f'"{TOO_LARGE}"', "1e400"))
        return True
    try:
        official_files.write_parquet(path, content)
    except (pyarrow.ArrowException, OverflowError, AttributeError, TypeError):
        return False
    return True


def places(node, at=()):
    """Paths to all values, of lists only to the first one."""
    keys = list(node) if isinstance(node, dict) else range(len(node[:1])) if isinstance(node, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(node[key], (*at, key))


def put(content, at, value):
    *above, last = at
    for key in above:
        content = content[key]
    if value == MISSING:
        del content[last]
    else:
        content[last] = value


def read_and_show(task, folder, switches):
    records = task.read(folder, task.read_switches(switches))
    check_ids(records)
    shown = Shown(task, folder, ShowSettings())
    for record in records:
        if not task.uses_scenes:
            shown.arguments(record)
        assert isinstance(task.score(record.truth, "A", task.read_switches(switches))["right"], bool)


@pytest.mark.parametrize(
    ("name", "switches"),
    [(name, []) for name in WRITERS]
    + [("coco-regions", ["prompt=mask", "crop=reference"]), ("spatialrgpt-bench", ["regions=boxes"])],
)
def test_any_damaged_value_is_named_or_does_no_harm(name, switches, tmp_path):
    WRITERS[name](tmp_path)
    refused = 0
    for path in sorted(path for path in tmp_path.rglob("*") if path.suffix in (".json", ".jsonl", ".parquet")):
        whole = path.read_bytes()
        for at in list(places(load(path))):
            for value in VALUES:
                content = load(path)
                put(content, at, value)
                try:
                    if save(path, content):
                        read_and_show(TASKS[name], tmp_path, switches)
                except (ValueError, FileNotFoundError) as error:
                    assert " must " in str(error), (path.name, at, value)  # noqa: PT017 (many damages in one test)
                    refused += 1
                path.write_bytes(whole)
    assert refused > 10

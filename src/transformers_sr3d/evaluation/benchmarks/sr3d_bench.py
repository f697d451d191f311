# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""sr3d-bench-rebuilt: the categories and counts of SR-3D-Bench, asked anew from EmbodiedScan's boxes.

Templates, threshold and judge of SR-3D-Bench are unpublished, so figures of the two do not belong into one table.
`sr3d data rebuild-bench` builds it (`sr3d_bench_builder`).

Source: Cheng et al., 3D aware region prompted vision language model, 2025, section 4.3 and appendices C and D.

May import: siblings.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers_sr3d.answers_sr3d import parse_quantity
from transformers_sr3d.evaluation.benchmarks.figures import ALL, Figure, by_group, macro, mean, share
from transformers_sr3d.evaluation.benchmarks.files import find_files
from transformers_sr3d.evaluation.benchmarks.task import Switches, Task
from transformers_sr3d.evaluation.metrics import mean_relative_accuracy
from transformers_sr3d.evaluation.own_records import is_record_right
from transformers_sr3d.records.format import Record, read_records


QUALITATIVE = {"wide_thin": 219, "tall_short": 231, "big_small": 231, "multi_simple": 117, "multi_complex": 500}
QUANTITATIVE = {"width": 496, "distance": 242, "height": 464}
COUNTS = {**QUALITATIVE, **QUANTITATIVE}
QUESTIONS_FILE, STRUCTURE_FILE, MANIFEST_FILE = "questions.jsonl", "structure.jsonl", "manifest.json"
SOURCE = (
    "Build it: sr3d data rebuild-bench embodiedscan_infos_val.pkl --data-root DIR --out DIR. The info file comes from "
    "https://github.com/OpenRobotLab/EmbodiedScan, the scans from ScanNet, 3RScan and Matterport3D, whose terms have "
    "to be accepted."
)
LAYOUT = f"{QUESTIONS_FILE}, {STRUCTURE_FILE}, {MANIFEST_FILE} and scenes/ in --data, as the builder writes them."
RATIO, WITHIN = "ratio-1.25", "within-25"


def read_sr3d_bench(data: Path, switches: Switches) -> list[Record]:
    """Read the questions.

    Args:
        data (`Path`):
            What the builder wrote.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Record]`: Scenes are named relative to the folder.

    Raises:
        FileNotFoundError: If it was not built.
        ValueError: If a question is refused, or is of no category of the benchmark.
    """
    del switches
    records = read_records(find_files(data, [QUESTIONS_FILE], SOURCE)[0])
    for record in records:
        if record.category not in COUNTS or record.truth is None:
            raise ValueError(
                f"{record.where}: `category` must be one of {', '.join(COUNTS)}, with a truth, got "
                f"{record.category!r}. Build it again."
            )
        record.sample["scene"] = Path(record.sample["scene"]).relative_to(data).as_posix()
    return records


def score_sr3d_bench(truth: Mapping[str, Any], answer: str, switches: Switches) -> dict[str, Any]:
    """Score an answer.

    Args:
        truth (`Mapping[str, Any]`):
            `value` in metres, `choice` or `text`.
        answer (`str`):
            What the model wrote.
        switches (`Switches`):
            `threshold`: the larger of two lengths at most 1.25 times the smaller, or within 25 % of the truth.

    Returns:
        `dict[str, Any]`: `right`, and `mra` of lengths.
    """
    if "value" not in truth:
        return {"right": is_record_right(dict(truth), answer)}
    stated = parse_quantity(answer)
    value = None if stated is None else stated["value"]
    accuracy = mean_relative_accuracy(value, truth["value"])
    if switches["threshold"] == RATIO:
        return {"right": is_record_right(dict(truth), answer), "mra": accuracy}
    close = value is not None and 0.75 * truth["value"] <= value <= 1.25 * truth["value"]
    return {"right": close, "mra": accuracy}


def sr3d_bench_rows(samples: Sequence[dict[str, Any]], switches: Switches) -> list[Figure]:
    """Make the table.

    Args:
        samples (`Sequence[dict]`):
            Scored samples.
        switches (`Switches`):
            Not used.

    Returns:
        `list[Figure]`: Averages over categories, as the paper's, each category, and mean relative accuracy of lengths.
    """
    del switches
    groups = by_group(samples)
    right = {name: [float(sample["right"]) for sample in group] for name, group in groups.items()}
    rows = []
    for half, names in (("qualitative", QUALITATIVE), ("quantitative", QUANTITATIVE), (ALL, COUNTS)):
        parts = [right[name] for name in names if name in right]
        if parts:
            rows.append(macro("success, average of categories", half, parts))
    rows += [share("success", name, [sample["right"] for sample in groups[name]]) for name in COUNTS if name in groups]
    lengths = [name for name in QUANTITATIVE if name in groups]
    return rows + [mean("MRA", name, [sample["mra"] for sample in groups[name]]) for name in lengths]


SR3D_BENCH = Task(
    name="sr3d-bench-rebuilt",
    about="sizes, choices and distances of marked 3D boxes, after SR-3D-Bench",
    source=SOURCE,
    layout=LAYOUT,
    read=read_sr3d_bench,
    score=score_sr3d_bench,
    rows=sr3d_bench_rows,
    switches={"threshold": (RATIO, WITHIN)},
    uses_scenes=True,
)

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Two reports about the same questions -> the paired difference, with its interval.

Asking both checkpoints the same questions tells smaller differences from chance than two intervals side by side: only
questions count that one got right and the other wrong.

May import: the standard library and siblings.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from transformers_sr3d.evaluation.metrics import Z_95
from transformers_sr3d.json_files import read_object, take, take_list, take_text


ALL = "all"
# What two reports may differ in without being measured in another way.
OF_A_RUN = {"model", "weights_sha256", "hub_commit", "predictions_sha256", "date", "machine", "limit"}
# Scores from 0 to 1 that a sample may have beside `right`.
GRADED = ("mra", "rouge_l")


def read_report(path: str | Path) -> dict[str, Any]:
    """Read a report of `sr3d eval`.

    Args:
        path (`str` or `Path`):
            What `--json` wrote.

    Returns:
        `dict[str, Any]`: With `manifest` and `samples`, each of which has `category` and `right`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such report; the message names file and key.
    """
    report = read_object(Path(path))
    take_text(take(report, "manifest", str(path)), "benchmark", f"{path} manifest")
    for place, sample in enumerate(take_list(report, "samples", str(path), least=1)):
        where = f"{path} samples[{place}]"
        take_text(sample, "category", where)
        if not isinstance(take(sample, "right", where), bool):
            raise ValueError(f"`{where}.right` must be true or false, got {sample['right']!r}. Measure again.")
    return report


def compare_reports(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Compare two reports of `sr3d eval` sample by sample.

    Args:
        before (`Mapping`):
            A report with `manifest` and `samples`.
        after (`Mapping`):
            Another about the same questions, in any order.

    Returns:
        `dict[str, Any]`: `before` and `after` (names of the models), `differ_in` (other settings) and `rows`, by
        category, then all: `category`, `total`, `before` and `after` in percent, `gained` and `lost` questions,
        `difference` in points and its 95 % `interval`. Where samples have graded scores (`GRADED`) also `graded`:
        `score`, `total`, `before`, `after`, `difference` and `interval` of their means.

    Raises:
        ValueError: If the reports are of other tasks or questions, or name a question twice.

    Source: Agresti and Min, Simple improved confidence intervals for comparing matched proportions, 2005 (half a
    question is added to each of the four counts).
    """
    tasks = [report["manifest"].get("benchmark") for report in (before, after)]
    if tasks[0] != tasks[1]:
        raise ValueError(f"Both reports must be of one task, got {tasks[0]!r} and {tasks[1]!r}. Compare others.")
    switches = [report["manifest"].get("switches") for report in (before, after)]
    if switches[0] != switches[1]:
        raise ValueError(
            f"Both reports must be scored by one protocol, got the switches {switches[0]} and {switches[1]}. Measure "
            "both with the same --switch."
        )
    ours, theirs = _by_question(before["samples"]), _by_question(after["samples"])
    differing = sorted(set(ours) ^ set(theirs), key=str)
    if differing:
        raise ValueError(
            f"Both reports must answer the same questions, got {len(differing)} that stand in one only, the first is "
            f"{differing[0]!r}. Measure both with the same files and settings."
        )
    for key, sample in ours.items():
        if any(sample.get(name) != theirs[key].get(name) for name in ("question", "truth")):
            raise ValueError(
                f"Both reports must answer the same questions, got another {key!r} in each. Measure both with the "
                "same files."
            )
    pairs = [(sample["category"], sample["right"], theirs[key]["right"]) for key, sample in ours.items()]
    names = sorted({category for category, _, _ in pairs})
    rows = [_row(name, [pair[1:] for pair in pairs if pair[0] == name]) for name in names if name != ALL]
    rows.append(_row(ALL, [pair[1:] for pair in pairs]))
    names_of_models = {"before": before["manifest"].get("model"), "after": after["manifest"].get("model")}
    manifests = before["manifest"], after["manifest"]
    keys = sorted((manifests[0].keys() | manifests[1].keys()) - OF_A_RUN)
    differ = [key for key in keys if manifests[0].get(key) != manifests[1].get(key)]
    return {
        **names_of_models,
        "differ_in": differ,
        "rows": rows,
        "graded": _graded_rows([(ours[key], theirs[key]) for key in ours]),
    }


def _graded_rows(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Paired differences of scores from 0 to 1."""
    rows = []
    for name in GRADED:
        values = [
            (100.0 * a[name], 100.0 * b[name]) for a, b in pairs if a.get(name) is not None and b.get(name) is not None
        ]
        if not values:
            continue
        differences = [b - a for a, b in values]
        middle, count = fmean(differences), len(values) + 1
        # A question is added that is half gained and half lost as a whole, so that a few alike do not look certain.
        variance = (sum((value - middle) ** 2 for value in differences) + 100.0**2) / count
        half = Z_95 * math.sqrt(variance / count)
        rows.append(
            {
                "score": name,
                "total": len(values),
                "before": fmean(a for a, _ in values),
                "after": fmean(b for _, b in values),
                "difference": middle,
                "interval": [max(-100.0, middle - half), min(100.0, middle + half)],
            }
        )
    return rows


def _by_question(samples: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    """Name samples by their id, else by scene and question, with a number for what is asked twice."""
    found: dict[Any, Mapping[str, Any]] = {}
    for sample in samples:
        if "id" in sample:
            if sample["id"] in found:
                raise ValueError(
                    f"A report must answer each question once, got {sample['id']!r} twice. Measure again."
                )
            found[sample["id"]] = sample
            continue
        key = (sample.get("scene"), sample.get("question"), sample.get("region_kind"))
        found[(*key, sum(other[:3] == key for other in found))] = sample
    return found


def _row(name: str, pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    total = len(pairs)
    gained = sum(after and not before for before, after in pairs)
    lost = sum(before and not after for before, after in pairs)
    middle = (gained - lost) / (total + 2)
    spread = gained + lost + 1 - (gained - lost) ** 2 / (total + 2)
    half = Z_95 * math.sqrt(spread) / (total + 2)
    return {
        "category": name,
        "total": total,
        "before": 100.0 * sum(before for before, _ in pairs) / total,
        "after": 100.0 * sum(after for _, after in pairs) / total,
        "gained": gained,
        "lost": lost,
        "difference": 100.0 * (gained - lost) / total,
        "interval": [100.0 * max(-1.0, middle - half), 100.0 * min(1.0, middle + half)],
    }


def format_comparison(comparison: Mapping[str, Any]) -> str:
    """Write a comparison as a table.

    Args:
        comparison (`Mapping`):
            Of `compare_reports`.

    Returns:
        `str`: Lines.
    """
    head = f"{'category':24}{'of':>6}{'before':>8}{'after':>8}{'gained':>8}{'lost':>6}{'points':>8}{'95 %':>18}"
    lines = [f"before: {comparison['before']}", f"after:  {comparison['after']}"]
    lines += [f"measured with other settings: {', '.join(comparison['differ_in'])}"] if comparison["differ_in"] else []
    lines.append(head)
    for row in comparison["rows"]:
        interval = "{:+.1f} to {:+.1f}".format(*row["interval"])
        lines.append(
            f"{row['category']:24}{row['total']:>6}{row['before']:>8.1f}{row['after']:>8.1f}{row['gained']:>8}"
            f"{row['lost']:>6}{row['difference']:>+8.1f}{interval:>18}"
        )
    for row in comparison["graded"]:
        interval = "{:+.1f} to {:+.1f}".format(*row["interval"])
        lines.append(
            f"{row['score']:24}{row['total']:>6}{row['before']:>8.1f}{row['after']:>8.1f}{'':>14}"
            f"{row['difference']:>+8.1f}{interval:>18}"
        )
    return "\n".join(lines)

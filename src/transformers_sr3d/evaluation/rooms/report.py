# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Report of rooms-bench: scored samples -> shares with intervals, averages over categories, tables.

Every column is measured over the same samples: the model, and beside it what it must beat or may be held against.
"majority" is the commonest answer of the very samples that are reported (per category, views and form), so it is a
little better than a majority learned elsewhere.

This module may import the standard library and `metrics`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from transformers_sr3d.evaluation.metrics import is_within_ratio, wilson_interval


QUALITATIVE = ("wide_thin", "tall_short", "big_small", "multi_simple", "multi_complex")
QUANTITATIVE = ("width", "height", "distance")
SINGLE_VIEW_RELATIONS = ("left_right", "above_below", "front_behind", "depth_order")
NAMING = "naming"
MIN_MODELS_OF_CLASS = 4
# Who answered: the key of a sample that says whether the answer was right.
ANSWERERS = {
    "model": "right",
    "majority": "majority_right",
    "blind": "blind_right",
    "no_depth": "no_depth_right",
    "oracle": "oracle_right",
}
BASELINES = tuple(ANSWERERS)[1:]
VIEW_GROUPS = ("single", "multi")
TABLE_ORDER = (*SINGLE_VIEW_RELATIONS, *QUALITATIVE, *QUANTITATIVE)
WORDING_ORDER = ("words of training", "words of the test split")
KIND_ORDER = ("masks", "mask", "boxes", "box", "box_3d")


def view_group(sample: Mapping[str, Any]) -> str:
    """Give the half of the table that a sample belongs to.

    Args:
        sample (`Mapping[str, Any]`):
            With `views`, the number of views of its scene.

    Returns:
        `str`: `"single"` or `"multi"`.
    """
    return "multi" if sample["views"] > 1 else "single"


def add_majority(samples: Sequence[dict]) -> None:
    """Add `majority_right`: what the commonest answer of a sample's kind would have scored.

    Samples of one category, one half of the table and one form are one kind. Their commonest `majority_key` is the
    answer to all of them; for quantities it is the median of `quantity`, right within the ratio.

    Args:
        samples (`Sequence[dict]`):
            Each with `majority_key` (text: a place among the options, a name, yes or no, a count) or `quantity` (a
            positive number); changed in place.
    """
    groups: dict[tuple, list[dict]] = {}
    for sample in samples:
        groups.setdefault((view_group(sample), sample["category"], sample["form"]), []).append(sample)
    for members in groups.values():
        if members[0]["quantity"] is not None:
            middle = median(sample["quantity"] for sample in members)
            for sample in members:
                sample["majority_right"] = is_within_ratio(middle, sample["quantity"])
            continue
        counts = Counter(sample["majority_key"] for sample in members)
        commonest = min(counts, key=lambda key: (-counts[key], key))
        for sample in members:
            sample["majority_right"] = sample["majority_key"] == commonest


def summarize(samples: Sequence[dict], model_counts: Mapping[str, int]) -> dict[str, Any]:
    """Average scored samples.

    Args:
        samples (`Sequence[dict]`):
            With `scene`, `views`, `region_kind`, `held_out`, `category`, `name`, `right`, `mra`, and of the columns
            that were measured `majority_right`, `blind_right`, `no_depth_right` and `oracle_right` (a bool, or None
            where the oracle has no answer by design).
        model_counts (`Mapping[str, int]`):
            Furniture models of each class; see `naming_macro_top1`.

    Returns:
        `dict[str, Any]`: Percentages: `averages` (per answerer `qualitative`, `quantitative`, `single_view_relations`
        and `naming_macro_top1`; None where there is nothing to average), the model's four once more at the top,
        `scenes` (how many of each half of the table, and their views), `missing` (categories of the averages without
        a sample), `naming_classes`, `categories` (see `category_rows`), `region_kinds` (see `region_kind_rows`),
        `wordings` (see `wording_rows`) and `all` (such a row over all samples).
    """
    classes = [name for name, count in model_counts.items() if count >= MIN_MODELS_OF_CLASS]
    averages = {answerer: _averages(samples, key, classes) for answerer, key in ANSWERERS.items()}
    present = {(view_group(sample), sample["category"]) for sample in samples}
    wanted = [("multi", name) for name in (*QUALITATIVE, *QUANTITATIVE)]
    wanted += [("single", name) for name in SINGLE_VIEW_RELATIONS]
    return {
        **averages["model"],
        "averages": averages,
        "scenes": _count_scenes(samples),
        "missing": [f"{views} {name}" for views, name in wanted if (views, name) not in present],
        "naming_classes": sorted({sample["name"] for sample in _named(samples, classes)}),
        "categories": category_rows(samples),
        "region_kinds": region_kind_rows(samples),
        "wordings": wording_rows(samples),
        "all": _row(samples),
    }


def _count_scenes(samples: Sequence[dict]) -> dict[str, int]:
    views = {sample["scene"]: sample["views"] for sample in samples}
    singles = sum(count == 1 for count in views.values())
    return {
        "single": singles,
        "multi": len(views) - singles,
        "views": sum(views.values()),
        "most_views": max(views.values()),
    }


def _averages(samples: Sequence[dict], key: str, classes: Iterable[str]) -> dict[str, float | None]:
    single = [sample for sample in samples if view_group(sample) == "single"]
    multi = [sample for sample in samples if view_group(sample) == "multi"]
    named = _named(samples, classes)
    return {
        "qualitative": _mean_of_groups(multi, key, "category", QUALITATIVE),
        "quantitative": _mean_of_groups(multi, key, "category", QUANTITATIVE),
        "single_view_relations": _mean_of_groups(single, key, "category", SINGLE_VIEW_RELATIONS),
        "naming_macro_top1": _mean_of_groups(named, key, "name", sorted({sample["name"] for sample in named})),
    }


def _named(samples: Sequence[dict], classes: Iterable[str]) -> list[dict]:
    """Questions for the name of an object of the given classes; rarer names are seen too seldom to be learned."""
    allowed = set(classes)
    return [sample for sample in samples if sample["category"] == NAMING and sample["name"] in allowed]


def _mean_of_groups(samples: Sequence[dict], key: str, group: str, names: Iterable[str]) -> float | None:
    """Mean over the groups that have an answered sample, so that none counts more for being asked more often."""
    shares = [_percent([sample for sample in samples if sample[group] == name], key) for name in names]
    measured = [share for share in shares if share is not None]
    return fmean(measured) if measured else None


def _percent(samples: Sequence[dict], key: str) -> float | None:
    answered = [sample[key] for sample in samples if sample.get(key) is not None]
    return 100.0 * fmean(answered) if answered else None


def category_rows(samples: Sequence[dict]) -> list[dict[str, Any]]:
    """Count samples per half of the table and category.

    Args:
        samples (`Sequence[dict]`):
            As for `summarize`.

    Returns:
        `list[dict[str, Any]]`: Each with `views` ("single" or "multi"), `category`, `n`, `right`, `percent`,
        `interval` (95 % Wilson, percent), `mra` (mean relative accuracy in percent, None for what is no quantity) and
        the percentages `majority`, `blind`, `no_depth` and `oracle`, None where not measured.
    """
    return _rows(samples, "category", TABLE_ORDER)


def region_kind_rows(samples: Sequence[dict]) -> list[dict[str, Any]]:
    """Count samples per half of the table and the way in which regions are given.

    Args:
        samples (`Sequence[dict]`):
            As for `summarize`.

    Returns:
        `list[dict[str, Any]]`: As `category_rows`, with `region_kind` in place of `category`.
    """
    return _rows(samples, "region_kind", KIND_ORDER)


def wording_rows(samples: Sequence[dict]) -> list[dict[str, Any]]:
    """Count samples per half of the table and whether only the test split asks in their words.

    Args:
        samples (`Sequence[dict]`):
            As for `summarize`.

    Returns:
        `list[dict[str, Any]]`: As `category_rows`, with `wording`, one of `WORDING_ORDER`, in place of `category`.
    """
    return _rows(
        [{"wording": WORDING_ORDER[sample["held_out"]], **sample} for sample in samples], "wording", WORDING_ORDER
    )


def _rows(samples: Sequence[dict], key: str, order: Sequence[str]) -> list[dict[str, Any]]:
    """Rows per half of the table and value of a key: first those named in the order, then others by alphabet."""
    rows = []
    for views in VIEW_GROUPS:
        here = [sample for sample in samples if view_group(sample) == views]
        names = {sample[key] for sample in here}
        for name in [*(name for name in order if name in names), *sorted(names.difference(order))]:
            rows.append({"views": views, key: name, **_row([sample for sample in here if sample[key] == name])})
    return rows


def _row(samples: Sequence[dict]) -> dict[str, Any]:
    total, right = len(samples), sum(sample["right"] for sample in samples)
    accuracies = [sample["mra"] for sample in samples if sample["mra"] is not None]
    return {
        "n": total,
        "right": right,
        "percent": 100.0 * right / total,
        "interval": [100.0 * end for end in wilson_interval(right, total)],
        "mra": 100.0 * fmean(accuracies) if accuracies else None,
        **{answerer: _percent(samples, ANSWERERS[answerer]) for answerer in BASELINES},
    }


# Head of a column and how its cell is written from a row.
COLUMNS: dict[str, Callable[[dict], str]] = {
    "questions": lambda row: str(row["n"]),
    "right": lambda row: _cell(row["percent"]),
    "95 % interval": lambda row: " - ".join(_cell(end) for end in row["interval"]),
    "MRA": lambda row: _cell(row["mra"]),
    "majority": lambda row: _cell(row["majority"]),
    "blind": lambda row: _cell(row["blind"]),
    "no depth": lambda row: _cell(row["no_depth"]),
    "oracle": lambda row: _cell(row["oracle"]),
}
AVERAGE_NAMES = {
    "qualitative": "qualitative (multi-view)",
    "quantitative": "quantitative (multi-view)",
    "single_view_relations": "single-view relations",
    "naming_macro_top1": "naming, mean over classes",
}


def _cell(percent: float | None) -> str:
    return "-" if percent is None else f"{percent:.1f}"


def report_tables(summary: Mapping[str, Any]) -> list[list[list[str]]]:
    """Lay a summary out as tables of text.

    Args:
        summary (`Mapping[str, Any]`):
            From `summarize`.

    Returns:
        `list[list[list[str]]]`: Four tables, each with its head first: averages over categories, categories,
        wordings, region kinds. Percentages; "-" is not measured.
    """
    averages = [["average over categories", *("model", "majority", "blind", "no depth", "oracle")]]
    for key, name in AVERAGE_NAMES.items():
        averages.append([name, *(_cell(summary["averages"][answerer][key]) for answerer in ANSWERERS)])
    categories = [["views", "category", *COLUMNS]]
    for row in summary["categories"]:
        categories.append([row["views"], row["category"], *(write(row) for write in COLUMNS.values())])
    wordings = [["views", "asked in", *COLUMNS]]
    for row in summary["wordings"]:
        wordings.append([row["views"], row["wording"], *(write(row) for write in COLUMNS.values())])
    kinds = [["views", "regions given as", *COLUMNS]]
    for row in [*summary["region_kinds"], {"views": "all", "region_kind": "", **summary["all"]}]:
        kinds.append([row["views"], row["region_kind"], *(write(row) for write in COLUMNS.values())])
    return [averages, categories, wordings, kinds]


def format_text(summary: Mapping[str, Any]) -> str:
    """Write a summary for a terminal.

    Args:
        summary (`Mapping[str, Any]`):
            From `summarize`.

    Returns:
        `str`: Aligned tables with an empty line between them.
    """
    blocks = []
    for table in report_tables(summary):
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        words = _word_columns(table)
        lines = [
            "  ".join(
                cell.ljust(width) if place < words else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        ]
        lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def format_markdown(summary: Mapping[str, Any]) -> str:
    """Write a summary for a document.

    Args:
        summary (`Mapping[str, Any]`):
            From `summarize`.

    Returns:
        `str`: Markdown tables, numbers aligned right, with an empty line between them.
    """
    blocks = []
    for table in report_tables(summary):
        words = _word_columns(table)
        rule = ["---" if place < words else "---:" for place in range(len(table[0]))]
        blocks.append("\n".join(f"| {' | '.join(line)} |" for line in [table[0], rule, *table[1:]]))
    return "\n\n".join(blocks)


def _word_columns(table: Sequence[Sequence[str]]) -> int:
    return 2 if table[0][0] == "views" else 1

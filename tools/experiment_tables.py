# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Tables of the experiments: reports of rooms-bench per arm and seed -> means, paired differences, Markdown.

All arms answer the same questions, so an arm is compared with the reference question by question and seed by seed.
Questions about one room are alike; the bootstrap therefore draws rooms, with all their questions, and seeds. With two
or three seeds it sees little of what another seed would change, so its intervals are a little narrow.

This module may import numpy and `transformers_sr3d.evaluation`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from transformers_sr3d.evaluation.rooms.report import (
    NAMING,
    QUALITATIVE,
    QUANTITATIVE,
    SINGLE_VIEW_RELATIONS,
    view_group,
)


RESAMPLES = 4000
INTERVAL = (2.5, 97.5)  # percentiles of the resamples
MIN_SEEDS = 3  # with which a difference may be called clear
STUDENT_T = {2: 12.71, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 10: 2.262}  # 97.5th percentile, by the number of values
REGION_SHARES = (0.01, 0.04)  # of a picture's pixels; borders between small, middling and large regions
NOT_MEASURED = "-"

Samples = Sequence[Mapping[str, Any]]
Reports = Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Column:
    """A number of a table: the mean over groups of the share of right answers in each.

    Attributes:
        name (`str`): Its head.
        group (`Callable`): From a sample of a report to the name of its group; None where it does not count here.
    """

    name: str
    group: Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True)
class Difference:
    """An arm minus the reference, in percentage points.

    Attributes:
        mean (`float`): Over seeds.
        low (`float`): Lower end of the 95 % interval.
        high (`float`): Upper end.
        seeds (`int`): How many there are.
    """

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True)
class ArmResult:
    """What was measured of an arm.

    Attributes:
        name (`str`): In the first column.
        reports (`Mapping[int, Mapping]`): Reports of `run_benchmark` by seed; may lack some or all.
        minutes (`float`, *optional*): Trained, all stages together, mean over seeds; None if nothing was trained.
        code (`frozenset[str]`): Versions of the code that trained it.
    """

    name: str
    reports: Reports
    minutes: float | None
    code: frozenset[str] = frozenset()


def categories(views: str, names: Sequence[str]) -> Callable[[Mapping[str, Any]], str | None]:
    """Choose the questions of some categories, each category a group.

    Args:
        views (`str`): `"single"` or `"multi"`.
        names (`Sequence[str]`): The categories.

    Returns:
        `Callable`: The `group` of a `Column`.
    """
    return lambda sample: sample["category"] if view_group(sample) == views and sample["category"] in names else None


def region_size(low: float, high: float) -> Callable[[Mapping[str, Any]], str | None]:
    """Choose the questions about single photos by the smallest region that they mention, as one group.

    Args:
        low (`float`): Share of the photo's pixels, included.
        high (`float`): The same, not included.

    Returns:
        `Callable`: The `group` of a `Column`.
    """

    def group(sample: Mapping[str, Any]) -> str | None:
        if view_group(sample) != "single" or not sample["regions"]:
            return None
        if "region_share" not in sample:
            raise ValueError(
                "`reports` must have `region_share` in their samples, got one without. Delete the reports and "
                "measure again."
            )
        return "any" if low <= sample["region_share"] < high else None

    return group


QUALITATIVE_COLUMN = Column("qualitative", categories("multi", QUALITATIVE))
QUANTITATIVE_COLUMN = Column("quantitative", categories("multi", QUANTITATIVE))
NAMING_COLUMN = Column("naming", lambda sample: NAMING if sample["category"] == NAMING else None)
MULTI_VIEW_NAMING_COLUMN = Column("naming (multi-view)", categories("multi", (NAMING,)))
MAIN_COLUMNS = (
    QUALITATIVE_COLUMN,
    QUANTITATIVE_COLUMN,
    Column("single-view relations", categories("single", SINGLE_VIEW_RELATIONS)),
    NAMING_COLUMN,
)
MULTI_VIEW_COLUMNS = (QUALITATIVE_COLUMN, QUANTITATIVE_COLUMN, MULTI_VIEW_NAMING_COLUMN)
REGION_SIZE_COLUMNS = (
    Column(f"below {REGION_SHARES[0]:.0%}", region_size(0.0, REGION_SHARES[0])),
    Column(f"{REGION_SHARES[0]:.0%} to {REGION_SHARES[1]:.0%}", region_size(*REGION_SHARES)),
    Column(f"{REGION_SHARES[1]:.0%} and more", region_size(REGION_SHARES[1], np.inf)),
    Column("naming (photos)", categories("single", (NAMING,))),
)


def group_mean(samples: Samples, column: Column, key: str = "right") -> float | None:
    """Average a column of one report.

    Args:
        samples (`Sequence[Mapping]`): Of a report.
        column (`Column`): Which questions.
        key (`str`, defaults to `"right"`): Whose answers.

    Returns:
        `float` or `None`: Percent; None without a question.
    """
    groups: dict[str, list[bool]] = {}
    for sample in samples:
        name = column.group(sample)
        if name is not None:
            groups.setdefault(name, []).append(sample[key])
    return 100.0 * float(np.mean([np.mean(right) for right in groups.values()])) if groups else None


def paired_difference(
    differences: np.ndarray, groups: np.ndarray, rooms: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Difference:
    """Give the mean over groups and seeds of paired differences, and its interval.

    Questions vary by the room, training by the seed. The first part of the interval is a bootstrap over rooms, the
    second Student's t over the means of the seeds; both are added as squares. One seed has no second part.

    Args:
        differences (`np.ndarray` of shape `(S, Q)`): Arm minus reference, per seed and question.
        groups (`np.ndarray` of shape `(Q,)`): Number of each question's group.
        rooms (`np.ndarray` of shape `(Q,)`): Number of each question's room; rooms are drawn as a whole.
        resamples (`int`, defaults to 4000): Draws.
        seed (`int`, defaults to 0): Of the draws.

    Returns:
        `Difference`: In percentage points, of `differences` of 0 and 1.
    """
    rng = np.random.default_rng(seed)
    _, room_numbers = np.unique(rooms, return_inverse=True)
    num_rooms = room_numbers.max() + 1
    drawn = rng.multinomial(num_rooms, np.full(num_rooms, 1 / num_rooms), size=resamples)  # (B, rooms)
    means, totals, counts = [], np.zeros(resamples), np.zeros(resamples)
    for number in np.unique(groups):
        members = groups == number
        weights = drawn[:, room_numbers[members]]  # (B, questions of the group)
        present = weights.sum(1) > 0  # a group that was not drawn does not count
        totals[present] += (weights @ differences[:, members].mean(0))[present] / weights.sum(1)[present]
        counts += present
        means.append(differences[:, members].mean(1))
    of_seeds = np.mean(means, axis=0)  # (S,)
    low, high = np.percentile(totals[counts > 0] / counts[counts > 0], INTERVAL)
    spread, mean = _half_width(of_seeds), float(of_seeds.mean())
    low, high = mean - float(np.hypot(mean - low, spread)), mean + float(np.hypot(high - mean, spread))
    return Difference(100.0 * mean, 100.0 * low, 100.0 * high, len(of_seeds))


def _half_width(values: np.ndarray) -> float:
    """Half the 95 % interval of the mean of a few values, by Student's t."""
    if len(values) == 1:
        return 0.0
    width = STUDENT_T[max(number for number in STUDENT_T if number <= len(values))]
    return width * float(values.std(ddof=1)) / len(values) ** 0.5


def compare(arm: Reports, reference: Reports, column: Column) -> Difference | None:
    """Compare an arm with the reference over the seeds that both have.

    Args:
        arm (`Mapping[int, Mapping]`): Reports by seed.
        reference (`Mapping[int, Mapping]`): The same.
        column (`Column`): Which questions.

    Returns:
        `Difference` or `None`: None without a common seed or a question.

    Raises:
        ValueError: If two reports are about different questions.
    """
    seeds = sorted(arm.keys() & reference.keys())
    if not seeds:
        return None
    questions = _questions(reference[seeds[0]])
    for report in (reports[seed] for reports in (arm, reference) for seed in seeds):
        if _questions(report) != questions:
            raise ValueError(
                f"`reports` must be about the same questions, got others from {report['manifest']['model']!r}. "
                "Delete its report and measure again."
            )
    samples = reference[seeds[0]]["samples"]
    names = [column.group(sample) for sample in samples]
    chosen = [place for place, name in enumerate(names) if name is not None]
    if not chosen:
        return None
    differences = np.stack([_right(arm[seed])[chosen] - _right(reference[seed])[chosen] for seed in seeds])
    _, groups = np.unique([names[place] for place in chosen], return_inverse=True)
    rooms = np.array([samples[place]["scene"] for place in chosen])
    return paired_difference(differences, groups, rooms)


def _questions(report: Mapping[str, Any]) -> list[tuple]:
    return [(sample["scene"], sample["question"], sample["reference"]) for sample in report["samples"]]


def _right(report: Mapping[str, Any]) -> np.ndarray:
    return np.array([sample["right"] for sample in report["samples"]], dtype=float)


def write_table(arms: Sequence[ArmResult], columns: Sequence[Column]) -> str:
    """Write the table of a row of experiments.

    Args:
        arms (`Sequence[ArmResult]`): The reference first.
        columns (`Sequence[Column]`): What is measured.

    Returns:
        `str`: Markdown. Behind the reference stand the means over seeds in percent; behind another arm also the
        paired difference with its interval, bold where the interval leaves out zero and there are at least
        `MIN_SEEDS` seeds. "-" is not measured.

    Raises:
        ValueError: If arms were trained by different code.
    """
    code = {version for arm in arms for version in arm.code}
    if len(code) > 1:
        raise ValueError(
            f"`arms` must be trained by the same code, got the versions {', '.join(sorted(code))}. Delete the folders "
            "of the older ones and train them again."
        )
    reference = arms[0].reports
    lines = [["arm", "seeds", *(column.name for column in columns), "minutes"]]
    for number, arm in enumerate(arms):
        cells = [_cell(arm.reports, reference if number else None, column) for column in columns]
        seeds = ", ".join(map(str, sorted(arm.reports))) or NOT_MEASURED
        lines.append([arm.name, seeds, *cells, NOT_MEASURED if arm.minutes is None else f"{arm.minutes:.1f}"])
    any_report = next(iter(reference.values()), None)
    if any_report is not None:
        cells = [_percent(group_mean(any_report["samples"], column, "majority_right")) for column in columns]
        lines.append(["*majority answer*", NOT_MEASURED, *cells, NOT_MEASURED])
    lines.insert(1, ["---", "---", *("---:" for _ in columns), "---:"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(reports: Reports, reference: Reports | None, column: Column) -> str:
    measured = [group_mean(report["samples"], column) for report in reports.values()]
    means = [mean for mean in measured if mean is not None]
    if not means:
        return NOT_MEASURED
    difference = None if reference is None else compare(reports, reference, column)
    mean = _percent(float(np.mean(means)))
    return mean if difference is None else f"{mean} ({_difference(difference)})"


def _percent(share: float | None) -> str:
    return NOT_MEASURED if share is None else f"{share:.1f}"


def _difference(difference: Difference) -> str:
    mean = f"{difference.mean:+.1f}"
    is_clear = difference.seeds >= MIN_SEEDS and (difference.low > 0 or difference.high < 0)
    return f"{f'**{mean}**' if is_clear else mean} [{difference.low:+.1f}, {difference.high:+.1f}]"


def write_caption(arms: Sequence[ArmResult], command: str) -> str:
    """Say what a table was measured with.

    Args:
        arms (`Sequence[ArmResult]`): At least one with a report.
        command (`str`): What writes the table.

    Returns:
        `str`: A paragraph.
    """
    reports = [report for arm in arms for report in arm.reports.values()]
    manifests = [report["manifest"] for report in reports]
    dates = sorted(manifest["date"][:10] for manifest in manifests)
    parts = (
        f"{_listed(len(report['samples']) for report in reports)} questions",
        f"split {_listed(manifest['split'] for manifest in manifests)}",
        dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}",
        f"commit {_listed(str(manifest['commit'])[:10] for manifest in manifests)}",
        _listed(f"{manifest['machine']['device']}, {manifest['machine']['cpus']} cores" for manifest in manifests),
    )
    return f"{'; '.join(parts)}. `{command}`"


def _listed(values: Iterable[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, values)))


def replace_section(text: str, name: str, content: str) -> str:
    """Put a text between the marks of a row.

    Args:
        text (`str`): A document with a line `<!-- row NAME -->` and, below it, a line `<!-- end -->`.
        name (`str`): The row.
        content (`str`): What shall stand between them.

    Returns:
        `str`: The document; all else is the same.

    Raises:
        ValueError: If the marks are not there exactly once.
    """
    start, end = f"<!-- row {name} -->\n", "<!-- end -->"
    before, found, rest = text.partition(start)
    _, ended, after = rest.partition(end)
    is_own_end = "<!-- row " not in rest.partition(end)[0]
    if not (found and ended and is_own_end) or start in after:
        raise ValueError(
            f"`text` must hold '{start.strip()}' once, with '{end}' below it, got another document. Add the marks."
        )
    return f"{before}{start}{content.strip()}\n{end}{after}"

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 4 of the examination: views that contradict each other -> the correction that explains it.

Every family of corrections is tried with few pixels, its best with many. Families come in the order of how often they
are met; the search ends with the first correction under which views agree as those of a sound scene do. Where none
does, the best counts if it lowers the cost enough, and a second correction is looked for on top of it.

The limits stand between what sound and faulty rooms of the training split showed; `benchmarks/bench_doctor.py --split
train` writes these figures for every room and fault into its file of results.

May import: NumPy and siblings in `doctor`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from transformers_sr3d.doctor.correction import Correction, correct_views
from transformers_sr3d.doctor.evidence import GRID_SIDE, Evidence, compare_views, weigh
from transformers_sr3d.doctor.sampling import SampledViews


# Views of a sound scene with exact depth: the mean cost of agreeing pixels stays below the first, contradictions among
# clear cases below the second. With a noisy sensor the search goes through all families, and decides by the rest.
SOUND_AGREED_COST = 0.06
SOUND_CONTRADICTIONS = 0.01
# A correction must bring the cost below this share of what it was.
NEEDED_COST_RATIO = 0.8
# Where fewer of the landed pixels agree, views may be merely hidden from one another.
MIN_AGREED = 0.3
# Below this overlap (landed pixels per pixel and other view) agreement proves little.
ENOUGH_OVERLAP = 0.03
COARSE_SIDE = 12
MIN_VIEWS_AFTER_SHIFT = 3
MAX_SHIFT = 4
MAX_ROUNDS = 2
# Smallest effects that are reported; what users are promised to be told starts at about twice these.
MIN_INTRINSICS_LOG = np.log(1.1)
MIN_PRINCIPAL_SHIFT = 0.025
MIN_UNIT_LOG = np.log(1.5)

# Factors between units that are met, and a grid for the others.
NAMED_UNITS = (10.0, 100.0, 1000.0, 5.0, 4.0, 3.28084, 39.3701, 5000.0, 256.0, 2.0)
UNIT_FACTORS = (*NAMED_UNITS, *(1 / factor for factor in NAMED_UNITS), *np.exp(np.arange(-6, 6.1, 0.375)))
INTRINSICS_FACTORS = tuple(np.exp(np.linspace(np.log(1 / 3), np.log(3), 15)))
PRINCIPAL_STEPS = (-0.14, -0.07, 0.0, 0.07, 0.14)
REFINEMENTS = 4
# Faults of poses, and whether they are inverted and of the other camera axes then.
POSE_OPTIONS: dict[tuple[str, ...], tuple[bool, bool]] = {
    ("pose_direction",): (True, False),
    ("camera_axes",): (False, True),
    ("pose_direction", "camera_axes"): (True, True),
}


@dataclass(frozen=True)
class Candidate:
    """A correction and what it does to the views.

    Attributes:
        names (`tuple[str, ...]`): Faults that it would mend.
        correction (`Correction`): What is changed.
        evidence (`Evidence`): Of the corrected views.
    """

    names: tuple[str, ...]
    correction: Correction
    evidence: Evidence

    @property
    def cost(self) -> float:
        """Mean cost of a landed pixel, higher where few landed; 0 is best, 1 is worst."""
        trust = min(1.0, self.evidence.overlap / ENOUGH_OVERLAP)
        return 1 - (1 - self.evidence.mean_cost) * trust

    @property
    def is_sound(self) -> bool:
        """Whether views agree as those of a sound scene do."""
        evidence = self.evidence
        return evidence.mean_agreed_cost < SOUND_AGREED_COST and evidence.contradicted_share < SOUND_CONTRADICTIONS


def search_correction(views: SampledViews) -> tuple[Candidate, Candidate]:
    """Find out whether a correction makes the views agree.

    Args:
        views (`SampledViews`):
            At least two, with poses.

    Returns:
        `tuple[Candidate, Candidate]`: The views as they are, and the best; the same one twice where nothing helps.
    """
    start = best = _try(views, (), Correction())
    for _ in range(MAX_ROUNDS):
        found = None if best.is_sound else _search_round(views, best)
        if found is None:
            break
        best = found
    return start, best


def try_correction(views: SampledViews, correction: Correction | None = None) -> Candidate:
    """Look at the views under one correction.

    Args:
        views (`SampledViews`):
            At least two, with poses.
        correction (`Correction`, *optional*):
            None by default.

    Returns:
        `Candidate`: Without names.
    """
    return _try(views, (), correction or Correction())


def _search_round(views: SampledViews, before: Candidate) -> Candidate | None:
    """Try every family on top of a correction."""
    found = []
    for name, family in FAMILIES.items():
        if name in before.names:
            continue
        fine = family(views, before, name)
        if fine is None or fine.cost > NEEDED_COST_RATIO * before.cost or fine.evidence.agreed_share < MIN_AGREED:
            continue
        found.append(fine)
        if fine.is_sound:
            break
    if not found and not before.names:
        found = [fine for fine in _try_poses_with_units(views, before) if fine.evidence.agreed_share >= MIN_AGREED]
    return min(found, key=lambda candidate: candidate.cost, default=None)


def _try(views: SampledViews, names: tuple[str, ...], correction: Correction, grid_side: int = GRID_SIDE) -> Candidate:
    corrected = correct_views(views, correction)
    return Candidate(names, correction, weigh(compare_views(corrected, grid_side=grid_side)))


def _best_of(views: SampledViews, names: tuple[str, ...], corrections: Iterator[Correction]) -> Candidate:
    """The one of lowest cost, by few pixels."""
    return min(
        (_try(views, names, correction, COARSE_SIDE) for correction in corrections),
        key=lambda candidate: candidate.cost,
    )


def _settle(views: SampledViews, coarse: Candidate) -> Candidate:
    return _try(views, coarse.names, coarse.correction)


def _try_poses_with_units(views: SampledViews, before: Candidate) -> list[Candidate]:
    """Both at once, which hide each other: poses of another direction agree at no unit, and other units at no pose."""
    found = []
    for names, (invert, opengl) in POSE_OPTIONS.items():
        turned = Candidate(names, Correction(invert_poses=invert, opengl_axes=opengl), before.evidence)
        fine = _try_units(views, turned, "depth_unit")
        found += [fine] if fine is not None and fine.cost <= NEEDED_COST_RATIO * before.cost else []
    return found


def _try_poses(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """Inverted, in the other camera frame, or both."""
    if before.correction.invert_poses or before.correction.opengl_axes:
        return None
    tried = [
        _try(
            views,
            (*before.names, *names),
            replace(before.correction, invert_poses=invert, opengl_axes=opengl),
            COARSE_SIDE,
        )
        for names, (invert, opengl) in POSE_OPTIONS.items()
    ]
    return _settle(views, min(tried, key=lambda candidate: candidate.cost))


def _try_shifts(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """Poses of other moments."""
    stride = max(1, int(np.median(np.diff(views.indices)))) if len(views.indices) > 1 else 1
    lengths = sorted({*range(1, MAX_SHIFT + 1), *(stride * number for number in (1, 2))})
    shifts = [sign * length for length in lengths for sign in (-1, 1)]
    kept = [shift for shift in shifts if _count_posed(views, shift) >= MIN_VIEWS_AFTER_SHIFT]
    if not kept:
        return None
    corrections = (replace(before.correction, pose_shift=shift) for shift in kept)
    return _settle(views, _best_of(views, (*before.names, name), corrections))


def _count_posed(views: SampledViews, shift: int) -> int:
    return sum(index + shift in views.poses for index in views.indices)


def _try_rays(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """Depth along rays."""
    return _try(views, (*before.names, name), replace(before.correction, ray_distance=True))


def _try_units(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """Depth times a factor: the usual ones, then finely around the best."""
    names = (*before.names, name)

    def of(factor: float) -> Correction:
        return replace(before.correction, depth_factor=float(factor))

    best = _best_of(views, names, (of(factor) for factor in UNIT_FACTORS))
    best = _refine(views, best, lambda base, step: of(base.depth_factor * np.exp(step)), start=0.15)
    if abs(np.log(best.correction.depth_factor)) < MIN_UNIT_LOG:
        return None
    return _settle(views, best)


def _try_sizes(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """Intrinsics of a picture of another size."""
    names = (*before.names, name)

    def of(factor: float) -> Correction:
        return replace(before.correction, intrinsics_factor=float(factor))

    best = _best_of(views, names, (of(factor) for factor in INTRINSICS_FACTORS))
    best = _refine(views, best, lambda base, step: of(base.intrinsics_factor * np.exp(step)), start=0.07)
    if abs(np.log(best.correction.intrinsics_factor)) < MIN_INTRINSICS_LOG:
        return None
    return _settle(views, best)


def _refine(
    views: SampledViews, best: Candidate, step_by: Callable[[Correction, float], Correction], *, start: float
) -> Candidate:
    """Walk downhill along one number in ever smaller steps."""
    step = start
    for _ in range(REFINEMENTS):
        around = _best_of(views, best.names, (step_by(best.correction, side * step) for side in (-1, 1)))
        best = min(best, around, key=lambda candidate: candidate.cost)
        step /= 2
    return best


def _try_centres(views: SampledViews, before: Candidate, name: str) -> Candidate | None:
    """The optical centre elsewhere: a coarse grid, then downhill in ever smaller steps."""
    names = (*before.names, name)

    def of(right: float, down: float) -> Correction:
        return replace(before.correction, principal_shift=(float(right), float(down)))

    best = _best_of(views, names, (of(right, down) for right in PRINCIPAL_STEPS for down in PRINCIPAL_STEPS))
    step = (PRINCIPAL_STEPS[1] - PRINCIPAL_STEPS[0]) / 2
    for _ in range(REFINEMENTS):
        right, down = best.correction.principal_shift
        moves = [(right + a * step, down + b * step) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
        best = min(best, _best_of(views, names, (of(*move) for move in moves)), key=lambda candidate: candidate.cost)
        step /= 2
    if np.hypot(*best.correction.principal_shift) < MIN_PRINCIPAL_SHIFT:
        return None
    return _settle(views, best)


FAMILIES: dict[str, Callable[[SampledViews, Candidate, str], Candidate | None]] = {
    "pose_direction": _try_poses,
    "time_shift": _try_shifts,
    "ray_distance": _try_rays,
    "depth_unit": _try_units,
    "resolution": _try_sizes,
    "principal_point": _try_centres,
}

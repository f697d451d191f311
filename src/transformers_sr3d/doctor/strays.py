# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 4 of the examination: views that share nothing with the others, or of which one pose is wrong.

May import: siblings in `doctor`.
"""

from dataclasses import replace

import numpy as np

from transformers_sr3d.doctor.correction import PosedViews, correct_views
from transformers_sr3d.doctor.evidence import Evidence
from transformers_sr3d.doctor.sampling import SampledViews
from transformers_sr3d.doctor.search import Candidate, search_correction, try_correction


# Agreeing pixels of a view with all others together, both ways; fewer mean that it shares nothing.
MIN_SHARED_PIXELS = 12
# With fewer pixels taken from a view, nothing is said about what it shares.
MIN_TAKEN_PIXELS = 150
# A view does not fit if more of its clear pixels than this contradict the others.
STRAY_CONTRADICTIONS = 0.3
# Views that agree with one another as far as noise allows have a smaller share of contradictions.
FEW_CONTRADICTIONS = 0.1
# How far a view sees: most of its depth, along rays towards the corners.
FAR_PERCENTILE, RAY_PER_DEPTH = 90, 1.2
# At most this share of the views may be left out to explain what does not fit.
MAX_STRAY_SHARE = 0.34


def search_without_strays(views: SampledViews) -> tuple[Candidate, Candidate, tuple[int, ...], tuple[int, ...]]:
    """Look for a correction, and for views that no correction can bring together with the others.

    That few views stand apart is tried first: it changes nothing about the others.

    Args:
        views (`SampledViews`):
            At least two, with poses.

    Returns:
        `tuple[Candidate, Candidate, tuple[int, ...], tuple[int, ...]]`: The views as they are and at best, without the
        strays; the numbers of the strays in the source; and those of views that share nothing either, but may well
        stand in the same place.
    """
    start = try_correction(views)
    strays = find_strays(start.evidence, correct_views(views, start.correction))
    limit = MAX_STRAY_SHARE * len(views.indices)
    if not start.is_sound and len(strays) <= limit:
        strays += _worst_views(start, strays, int(limit) - len(strays))
    whole = start
    if not _without(start, strays).is_sound or len(strays) > limit:
        start, whole = search_correction(views)
        strays = find_strays(whole.evidence, correct_views(views, whole.correction))
    # One bad view among many hardly shows in figures of all.
    if _without(whole, strays).evidence.contradicted_share < FEW_CONTRADICTIONS:
        strays += _contradicting_views(whole, strays, int(limit) - len(strays))
    best = _without(whole, strays)
    if whole is start:
        start = best
    posed = correct_views(views, best.correction)
    numbers = tuple(views.indices[posed.places[row]] for row in strays)
    hidden = [row for row in np.flatnonzero(_shares_nothing(whole.evidence)) if row not in strays]
    return start, best, numbers, tuple(views.indices[posed.places[row]] for row in hidden)


def find_strays(evidence: Evidence, posed: PosedViews) -> list[int]:
    """Find views that share no surface with any other and stand too far from all others to see one.

    Args:
        evidence (`Evidence`):
            Of all views.
        posed (`PosedViews`):
            The same views.

    Returns:
        `list[int]`: Their rows.
    """
    reach = np.zeros(len(posed.places))
    for row, place in enumerate(posed.places):
        measured = posed.maps.depth[place][posed.maps.depth[place] > 0]
        reach[row] = (
            np.percentile(measured, FAR_PERCENTILE) * posed.depth_factor * RAY_PER_DEPTH if len(measured) else 0
        )
    places = posed.poses[:, :3, 3]
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    can_share = distances <= reach[:, None] + reach[None]
    np.fill_diagonal(can_share, val=False)
    return np.flatnonzero(_shares_nothing(evidence) & ~can_share.any(axis=1)).tolist()


def _shares_nothing(evidence: Evidence) -> np.ndarray:
    return (_both_ways(evidence.agreed) < MIN_SHARED_PIXELS) & (evidence.num_taken >= MIN_TAKEN_PIXELS)


def _both_ways(table: np.ndarray) -> np.ndarray:
    return table.sum(axis=0) + table.sum(axis=1)


def _worst_views(candidate: Candidate, strays: list[int], most: int) -> list[int]:
    """The few views without which the others are sound; none where that takes too many."""
    worst: list[int] = []
    for _ in range(most):
        rest = [place for place in range(len(candidate.evidence.landed)) if place not in (*strays, *worst)]
        evidence = candidate.evidence.of(rest)
        contradicted, agreed = _both_ways(evidence.contradicted), _both_ways(evidence.agreed)
        shares = contradicted / np.maximum(agreed + contradicted, 1)
        if shares.max() < STRAY_CONTRADICTIONS:
            return []
        worst.append(rest[int(np.argmax(shares))])
        if _without(candidate, [*strays, *worst]).is_sound:
            return worst
    return []


def _contradicting_views(candidate: Candidate, strays: list[int], most: int) -> list[int]:
    """Views that contradict the others, which agree: the worst one first, until no more is."""
    found: list[int] = []
    while len(found) < most:
        rest = [place for place in range(len(candidate.evidence.landed)) if place not in (*strays, *found)]
        evidence = candidate.evidence.of(rest)
        contradicted, compared = _both_ways(evidence.contradicted), _both_ways(evidence.agreed + evidence.contradicted)
        shares = np.where(compared < MIN_TAKEN_PIXELS, 0.0, contradicted / np.maximum(compared, 1))
        if shares.max(initial=0.0) < STRAY_CONTRADICTIONS:
            break
        found.append(rest[int(np.argmax(shares))])
    return found


def _without(candidate: Candidate, strays: list[int]) -> Candidate:
    kept = [place for place in range(len(candidate.evidence.landed)) if place not in strays]
    return replace(candidate, evidence=candidate.evidence.of(kept)) if strays else candidate

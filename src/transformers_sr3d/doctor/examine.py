# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Step 7 of the examination: a source of views -> what is wrong with it, and what would mend it.

The geometry comes first, because up and scale mean nothing before views fit together. Whatever cannot be checked is
said, with the reason, and never counts as sound.

May import: NumPy, `inputs` and siblings in `doctor`.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from transformers_sr3d.doctor.colours import match_colours
from transformers_sr3d.doctor.correction import Correction, PosedViews, correct_views
from transformers_sr3d.doctor.report import FAULTS, Finding, Mending, Report
from transformers_sr3d.doctor.sampling import MAX_VIEWS, SampledViews, sample_views
from transformers_sr3d.doctor.search import Candidate
from transformers_sr3d.doctor.strays import MIN_SHARED_PIXELS, search_without_strays
from transformers_sr3d.doctor.wording import describe_geometry
from transformers_sr3d.doctor.world import check_scale, check_up
from transformers_sr3d.inputs.source import Source


MIN_MEASURED_SHARE = 0.4
# Of the largest depth. Steps of a sensor on a flat wall are larger.
MAX_CONSTANT_SPREAD = 1e-3
# Pixels whose neighbours are measured too, in at least two of the maps that are compared.
MIN_SMOOTH_PIXELS = 100
# More contradictions than any sensor makes, among agreements and contradictions.
MAX_CONTRADICTED_SHARE = 0.1
ESTIMATED = "depth was estimated from the pictures: where the estimate is wrong, views contradict each other"
BETWEEN_VIEWS = (
    "pose_direction",
    "camera_axes",
    "time_shift",
    "ray_distance",
    "depth_unit",
    "resolution",
    "principal_point",
    "no_overlap",
    "contradiction",
)


@dataclass
class _Notes:
    """What has been found so far."""

    findings: list[Finding] = field(default_factory=list)
    not_checked: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    mending: Mending = field(default_factory=Mending)


def examine_source(source: Source, *, max_views: int = MAX_VIEWS) -> Report:
    """Look for everything that is commonly wrong with a scene.

    Args:
        source (`Source`):
            From `open_source`.
        max_views (`int`, defaults to 12):
            How many views are loaded and compared at most.

    Returns:
        `Report`: What was found.

    Raises:
        ValueError: If a view does not load.
    """
    views = sample_views(source, max_views=max_views)
    notes = _Notes()
    if not views.indices:
        notes.not_checked |= dict.fromkeys(FAULTS, "no view has depth and intrinsics")
        return _report(source, views, notes)
    _check_holes(views, notes)
    posed = None
    if _check_constant(views, notes):
        notes.not_checked |= dict.fromkeys((*BETWEEN_VIEWS, "up_axis", "scale"), "depth is one value everywhere")
        return _report(source, views, notes)
    if not views.poses:
        notes.not_checked |= dict.fromkeys((*BETWEEN_VIEWS, "up_axis"), "there are no poses")
    elif len(views.indices) < 2:
        one_view = "one view; it takes two that see the same surfaces"
        notes.not_checked |= dict.fromkeys((*BETWEEN_VIEWS, "up_axis"), one_view)
    else:
        posed = _check_geometry(views, notes)
    if views.unstated:
        _note_unstated(views, notes, fits=posed is not None and len(views.indices) > 1)
    _check_world(source, views, posed, notes)
    return _report(source, views, notes)


def _report(source: Source, views: SampledViews, notes: _Notes) -> Report:
    return Report(
        source=str(source.path),
        kind=source.kind,
        num_views=len(source.views),
        num_compared=len(views.indices),
        findings=tuple(notes.findings),
        not_checked=notes.not_checked,
        figures=notes.figures,
        mending=notes.mending,
        notes=(ESTIMATED,) if source.depth_is_estimated else (),
    )


def _check_holes(views: SampledViews, notes: _Notes) -> None:
    shares = [
        float((depth[: size[0], : size[1]] > 0).mean())
        for depth, size in zip(views.maps.depth, views.maps.sizes_hw, strict=True)
    ]
    notes.figures["measured_share"] = measured = float(np.mean(shares))
    if measured < MIN_MEASURED_SHARE:
        message = f"{measured:.0%} of the depth pixels are measured; what the others show has no place and no size"
        remedy = "check range, confidence threshold and alignment of the depth, or fill it"
        notes.findings.append(Finding("depth_holes", message, remedy))


def _check_constant(views: SampledViews, notes: _Notes) -> bool:
    """Tell whether all depth is one value, to which cameras of any kind can be fitted."""
    measured = views.maps.depth[views.maps.depth > 0]
    if measured.size < MIN_SMOOTH_PIXELS or np.ptp(measured) > MAX_CONSTANT_SPREAD * measured.max():
        return False
    message = f"all measured depth is {float(np.median(measured)):.4g}, which is no depth of a place"
    notes.findings.append(Finding("constant_depth", message, "check how depth was written; is it a placeholder?"))
    return True


def _check_geometry(views: SampledViews, notes: _Notes) -> PosedViews | None:
    """Compare views; give them corrected, or None where they do not fit together."""
    num_smooth = views.maps.is_smooth.sum(axis=(1, 2))
    if np.sort(num_smooth)[-2] < MIN_SMOOTH_PIXELS:
        notes.not_checked |= dict.fromkeys(BETWEEN_VIEWS, "depth is too sparse to compare: no measured neighbours")
        return correct_views(views, Correction())
    start, best, strays, hidden = search_without_strays(views)
    notes.figures |= _figures(start, "") | ({} if best is start else _figures(best, "corrected_"))
    if len(best.evidence.landed) < 2 or best.evidence.agreed.sum() < MIN_SHARED_PIXELS:
        message = "no two of the views that were compared see the same surface"
        notes.findings.append(Finding("no_overlap", message, "check poses and units, or take views closer together"))
        others = [name for name in BETWEEN_VIEWS if name != "no_overlap"]
        notes.not_checked |= dict.fromkeys(others, "no two views overlap")
        return None
    notes.findings += describe_geometry(start, best)
    notes.mending = replace(notes.mending, geometry=best.correction, left_out=strays)
    contradicted = best.evidence.contradicted_share
    if contradicted > MAX_CONTRADICTED_SHARE:
        message = f"{contradicted:.0%} of the pixels that two views share contradict each other; no correction helps"
        notes.findings.append(Finding("contradiction", message, "check poses, depth and intrinsics view by view"))
        notes.mending = Mending()
        return None
    if strays:
        message = f"views {_numbers(strays)} share no surface with the others, or their poses or depth are wrong"
        notes.findings.append(Finding("no_overlap", message, "leave them out, or correct them"))
    if hidden:
        message = (
            f"views {_numbers(hidden)} see nothing that another one sees; look whether they stand where they should"
        )
        notes.not_checked["no_overlap"] = message
    posed = correct_views(views, best.correction)
    kept = [row for row, place in enumerate(posed.places) if views.indices[place] not in strays]
    posed = replace(
        posed,
        places=tuple(posed.places[row] for row in kept),
        intrinsics=posed.intrinsics[kept],
        poses=posed.poses[kept],
    )
    _check_colours(views, posed, notes)
    return posed


def _figures(candidate: Candidate, prefix: str) -> dict[str, float]:
    evidence = candidate.evidence
    figures = {
        "agreeing_share": evidence.agreed_share,
        "contradicting_share": evidence.contradicted_share,
        "overlap": evidence.overlap,
        "cost": candidate.cost,
        "cost_of_agreeing": evidence.mean_agreed_cost,
    }
    return {prefix + name: float(value) for name, value in figures.items()}


def _numbers(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _check_colours(views: SampledViews, posed: PosedViews, notes: _Notes) -> None:
    """Find out which of pictures, depth and poses is out of step."""
    match = match_colours(views, posed)
    if match is None:
        return
    notes.figures["colour_difference"] = match.difference
    stride = max(1, int(np.median(np.diff(views.indices))))
    pose_shift, image_shift = notes.mending.geometry.pose_shift, match.shift * stride
    if image_shift == 0:
        return
    notes.mending = replace(notes.mending, image_shift=image_shift)
    fewer = f"colours of the same surface then differ by {match.best_difference:.3f} instead of {match.difference:.3f}"
    if pose_shift == 0:
        message = f"pictures are {abs(image_shift)} views out of step with depth and poses: {fewer}"
        remedy = f"give view i the picture of view i{image_shift:+d}; check how time stamps were matched"
        notes.findings.append(Finding("time_shift", message, remedy))


def _note_unstated(views: SampledViews, notes: _Notes, *, fits: bool) -> None:
    message = (
        f"depth maps of {len(views.unstated)} views have another size than their images, and nothing says how they "
        "belong together"
    )
    remedy = "pass `depth_intrinsics`, or `depth_field_of_view='same'`"
    remedy += ", under which views fit together" if fits else ""
    notes.findings.append(Finding("resolution", message, remedy))
    if fits:
        notes.mending = replace(notes.mending, same_field_of_view=True)


def _check_world(source: Source, views: SampledViews, posed: PosedViews | None, notes: _Notes) -> None:
    measured = views.maps.depth[views.maps.depth > 0]
    factor = notes.mending.geometry.depth_factor
    notes.figures["median_depth"] = median = float(np.median(measured)) * factor if measured.size else None
    height = None
    if posed is None:
        notes.not_checked.setdefault("up_axis", "views do not fit together")
    elif source.world_up in (None, "unknown"):
        notes.not_checked["up_axis"] = "the source says that up is unknown"
    else:
        up, height, finding = check_up(posed, str(source.world_up))
        notes.figures["camera_height"] = height
        if finding is not None:
            notes.findings.append(finding)
            notes.mending = replace(notes.mending, world_up=up)
    if source.world_unit != "m" or median is None:
        notes.not_checked["scale"] = "the unit of the source is unknown" if median else "no depth is measured"
        return
    scale, finding = check_scale(median, height, factor)
    if not any(found.name == "contradiction" for found in notes.findings):  # a copy of it would look mended
        notes.mending = replace(notes.mending, scale=scale)
    if finding is not None:
        notes.findings.append(finding)

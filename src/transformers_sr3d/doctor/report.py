# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What an examination says: faults with what would mend them, what could not be checked, and figures.

May import: siblings in `doctor`.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from transformers_sr3d.doctor.correction import Correction


FAULT, SOUND, NOT_CHECKED = "fault", "sound", "not checked"
# Every fault that has a name, and what it means.
FAULTS = {
    "pose_direction": "poses are world to camera where camera to world is declared, or the other way round",
    "camera_axes": "poses are of OpenGL cameras where OpenCV is declared, or the other way round",
    "time_shift": "pictures, depth and poses are not of the same moments",
    "ray_distance": "depth is the distance from the camera, not along its axis",
    "depth_unit": "depth and poses are not in the same unit",
    "resolution": "intrinsics and depth map belong to pictures of different sizes",
    "principal_point": "the optical centre is elsewhere",
    "up_axis": "another axis of the world points up",
    "scale": "the whole scene is too large or too small for a place that people walk in",
    "depth_holes": "most pixels of the depth maps are not measured",
    "constant_depth": "depth is one value everywhere",
    "no_overlap": "views share nothing with the others",
    "contradiction": "views contradict each other, and no single correction explains it",
}


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes:
        name (`str`): A key of `FAULTS`.
        message (`str`): What is wrong, with numbers.
        remedy (`str`): What to do.
    """

    name: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Mending:
    """Everything that is changed to correct a source; the defaults change nothing.

    Attributes:
        geometry (`Correction`): Poses, depth and intrinsics.
        image_shift (`int`): View number i gets the picture of number i + `image_shift`.
        world_up (`str`, *optional*): The axis that points up, instead of the declared one.
        scale (`float`): What depth (after its own factor) and translations are multiplied by.
        left_out (`tuple[int, ...]`): Numbers of views that are dropped.
        same_field_of_view (`bool`): Depth maps of another size show what the images show.
    """

    geometry: Correction = field(default_factory=Correction)
    image_shift: int = 0
    world_up: str | None = None
    scale: float = 1.0
    left_out: tuple[int, ...] = ()
    same_field_of_view: bool = False

    @property
    def changes_anything(self) -> bool:
        """Whether a mended source differs."""
        return self != Mending()


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        source (`str`): Where the source is.
        kind (`str`): Which reader read it.
        num_views (`int`): How many views it has.
        num_compared (`int`): How many were looked at.
        findings (`tuple[Finding, ...]`): Faults, the geometry first; empty for a sound scene.
        not_checked (`dict[str, str]`): Names of faults that could not be looked for, and why.
        figures (`dict[str, Any]`): Shares of agreeing and contradicting pixels before and after the correction,
            overlap, colour difference, measured share, median depth, camera height; plain values or None.
        mending (`Mending`): What `--fix` does.
        notes (`tuple[str, ...]`): What else a reader of the report should know.
    """

    source: str
    kind: str
    num_views: int
    num_compared: int
    findings: tuple[Finding, ...]
    not_checked: dict[str, str]
    figures: dict[str, Any]
    mending: Mending
    notes: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether views were compared with one another, and nothing was found."""
        return self.verdict == SOUND

    @property
    def verdict(self) -> str:
        """`"fault"`, `"sound"`, or `"not checked"` where nothing was found and views could not be compared."""
        if self.findings:
            return FAULT
        return NOT_CHECKED if "contradiction" in self.not_checked else SOUND

    def to_json(self) -> dict[str, Any]:
        """Give the report as plain values.

        Returns:
            `dict[str, Any]`: Everything, and `verdict` and `is_sound`.
        """
        return {"verdict": self.verdict, "is_sound": self.is_sound, **asdict(self)}

    def to_text(self) -> str:
        """Write the report for people.

        Returns:
            `str`: Several lines.
        """
        lines = [f"{self.source}: kind {self.kind}, {self.num_views} views, {self.num_compared} compared"]
        for finding in self.findings:
            lines += [f"  fault        {finding.name}: {finding.message}", f"  what to do   {finding.remedy}"]
        if self.verdict == SOUND:
            lines.append("  nothing wrong was found")
        if self.verdict == NOT_CHECKED:
            lines.append(
                "  nothing wrong was found, but views could not be compared: this scene is not known to be sound"
            )
        lines += [f"  note         {note}" for note in self.notes]
        by_reason: dict[str, list[str]] = {}
        for name, reason in self.not_checked.items():
            by_reason.setdefault(reason, []).append(name)
        lines += [f"  not checked  {', '.join(names)}: {reason}" for reason, names in by_reason.items()]
        shown = {name: value for name, value in self.figures.items() if value is not None}
        lines += [f"  {name.replace('_', ' '):<32} {value:.3g}" for name, value in shown.items()]
        return "\n".join(lines)

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""What a model is shown of a question: scenes found by name, views chosen, geometry official, estimated or none.

May import: NumPy, PIL and the whole package.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.camera_inputs_sr3d import prepare_views
from transformers_sr3d.evaluation.benchmarks.files import MissingDataError, open_picture
from transformers_sr3d.evaluation.benchmarks.task import Task
from transformers_sr3d.inputs.open_source import open_source
from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.inputs.source import Source, SourceView
from transformers_sr3d.records.format import Record
from transformers_sr3d.region_masks_sr3d import box_mask, decode_rle, polygon_mask
from transformers_sr3d.region_prompts_sr3d import read_regions


OFFICIAL, ESTIMATOR, NONE = "official", "estimator", "none"
GEOMETRIES = (OFFICIAL, ESTIMATOR, NONE)
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv")
KEPT_SCENES = 2
GREY, BLIND_SIZE = 128, 64  # of the picture that a blind model is shown
NO_DEPTH, BLIND = "no_depth", "blind"


@dataclass(frozen=True)
class ShowSettings:
    """What to show.

    Attributes:
        geometry (`str`, *optional*): `"official"` (depth and poses of the data), `"estimator"` or `"none"`; by default
            official for scenes, and none for pictures, which have none.
        frames (`int`, defaults to 32): Most views of a scene, spread evenly.
        scenes (`str`, *optional*): Folder with one source of views per scene; that of the data by default.
        depth_model (`str`, *optional*): Depth estimation model of Transformers, for `"estimator"`.
        structure_from_motion (`bool`, defaults to `False`): Estimate poses as well (COLMAP).
        horizontal_fov_deg (`float`, *optional*): Degrees across pictures whose focal length nothing else tells.

    Raises:
        ValueError: If a value is unknown or out of range, or the estimator is missing or has no effect.
    """

    geometry: str | None = None
    frames: int = 32
    scenes: str | None = None
    depth_model: str | None = None
    structure_from_motion: bool = False
    horizontal_fov_deg: float | None = None

    def __post_init__(self) -> None:
        if self.geometry not in (None, *GEOMETRIES):
            raise ValueError(f"`--geometry` must be one of {', '.join(GEOMETRIES)}, got {self.geometry!r}.")
        if self.frames < 1:
            raise ValueError(f"`--frames` must be at least 1, got {self.frames}. Raise it.")
        has_estimator = self.depth_model is not None or self.structure_from_motion
        if self.horizontal_fov_deg is not None and self.depth_model is None:
            raise ValueError(
                f"`--horizontal-fov-deg` has no effect without --depth-model, got {self.horizontal_fov_deg}. Drop it."
            )
        if (self.geometry == ESTIMATOR) != has_estimator:
            raise ValueError(
                "`--geometry estimator` and --depth-model or --structure-from-motion must come together, got "
                f"geometry {self.geometry!r}, depth model {self.depth_model!r}. Give both or neither."
            )


@dataclass
class Shown:
    """Opens what questions show.

    Attributes:
        task (`Task`): Whose questions.
        data (`Path`): Folder of its files.
        settings (`ShowSettings`): What to show.
    """

    task: Task
    data: Path
    settings: ShowSettings
    _load: Callable[[str], dict[str, Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.geometry == OFFICIAL and not self.task.uses_scenes:
            raise ValueError(
                f"`--geometry official` must be left out for {self.task.name}, whose pictures have no depth. Say "
                "--geometry estimator --depth-model MODEL, or none."
            )
        if not self.task.uses_scenes and (self.settings.scenes, self.settings.frames) != (None, ShowSettings.frames):
            raise ValueError(
                f"`--scenes` and `--frames` have no effect on {self.task.name}, whose questions show pictures."
            )
        self._load = lru_cache(maxsize=KEPT_SCENES)(self._load_scene)

    @property
    def geometry(self) -> str:
        """Where depth and poses come from."""
        return self.settings.geometry or (OFFICIAL if self.task.uses_scenes else NONE)

    def describe(self) -> dict[str, Any]:
        """Say for a manifest what is shown.

        Returns:
            `dict[str, Any]`: Ready for JSON.
        """
        about: dict[str, Any] = {"geometry": self.geometry}
        if self.task.uses_scenes:
            about |= {"frames": self.settings.frames, "views": "uniform"}
        if self.geometry == ESTIMATOR:
            about["estimator"] = {
                "depth_model": self.settings.depth_model,
                "structure_from_motion": self.settings.structure_from_motion,
                "horizontal_fov_deg": self.settings.horizontal_fov_deg,
            }
        return about

    def check(self, records: Sequence[Record]) -> None:
        """Refuse questions whose scenes are not there, before the first is asked.

        Args:
            records (`Sequence[Record]`):
                The questions.

        Raises:
            MissingDataError: If a scene is missing; the message counts them.
        """
        names = sorted({record.sample["scene"] for record in records if "scene" in record.sample})
        missing = [name for name in names if self._find(name) is None]
        if missing:
            raise MissingDataError(
                f"`--scenes` must hold each of {len(names)} scenes, got none for {missing[0]} and {len(missing) - 1} "
                f"others in {self._root}. {self.task.layout} {self.task.source}"
            )

    def arguments(self, record: Record) -> dict[str, Any]:
        """Open what a question shows.

        Args:
            record (`Record`):
                The question.

        Returns:
            `dict[str, Any]`: Keyword arguments of `SR3DProcessor.encode_views`.

        Raises:
            ValueError: If something is refused; the message names file and entry.
        """
        try:
            scene = record.sample.get("scene")
            views = self._pictures(record) if scene is None else self._load(scene)
            regions = self._regions(record)
        except (ValueError, TypeError, OSError) as error:
            raise ValueError(f"{record.where}: {error}") from error
        return views | {"regions": regions} if regions else dict(views)

    @property
    def _root(self) -> Path:
        return self.data if self.settings.scenes is None else Path(self.settings.scenes)

    def _find(self, name: str) -> Path | None:
        """The source of a scene, inside the folder of scenes."""
        base = self._root / name
        try:
            is_inside = base.resolve().is_relative_to(self._root.resolve())
            candidates = [base, *(base.with_name(base.name + suffix) for suffix in VIDEO_SUFFIXES)]
            found = next((path for path in candidates if path.exists()), None)
        except (OSError, ValueError):  # too long, or with letters that no name may have
            is_inside, found = False, None
        if not is_inside:
            raise ValueError(f"`scene` must be a name inside {self._root}, got {name!r:.80}. Take the official file.")
        return found

    def _load_scene(self, name: str) -> dict[str, Any]:
        path = self._find(name)
        if path is None:
            raise MissingDataError(f"`--scenes` must hold {name}, got none in {self._root}. {self.task.layout}")
        source = open_source(path)
        if self.geometry == OFFICIAL:
            whole = [index for index, view in enumerate(source.views) if _has_geometry(view)]
            if not whole:
                raise ValueError(
                    f"`--geometry official` must find depth and poses, got no view with both in {path}. Import the "
                    "scan with them, or say --geometry estimator or none."
                )
            source = source.select(whole)
        source = source.select(select_uniform(len(source.views), min(self.settings.frames, len(source.views))))
        return self._with_geometry(source).arguments()

    def _pictures(self, record: Record) -> dict[str, Any]:
        crop = record.sample.get("crop")
        images = [open_picture(image, record.where) for image in record.sample["images"]]
        stated = record.sample.get("size_wh")
        if stated is not None and images[0].size != tuple(stated):
            raise ValueError(
                f"the picture must be {stated[0]} x {stated[1]} as its regions are, got {images[0].size}. Take the "
                "official one, neither resized nor cropped."
            )
        if crop is not None:
            images = [image.crop((crop[0], crop[1], crop[2], crop[3])) for image in images]
        if self.geometry == NONE:
            return {"images": images}
        if len(images) > 1:
            raise ValueError("several pictures without poses must be shown without depth. Say --geometry none.")
        view = SourceView(record.where, partial(Image.Image.copy, images[0]))
        return self._with_geometry(Source("picture", self.data / "pictures", (view,))).arguments()

    def _regions(self, record: Record) -> list[dict[str, Any]]:
        """Regions as `encode_views` takes them, of a cropped picture within the crop."""
        regions, crop = record.sample.get("regions", []), record.sample.get("crop")
        if crop is None and not any("polygon" in mark for mark in regions):
            return regions
        size_wh = open_picture(record.sample["images"][0], record.where).size
        return [_region_in_crop(mark, crop or (0, 0, *size_wh), size_wh) for mark in regions]

    def _field_of_view(self, source: Source) -> float | None:
        """The stated one, where it is not known better."""
        return None if all(view.intrinsics is not None for view in source.views) else self.settings.horizontal_fov_deg

    def _with_geometry(self, source: Source) -> Source:
        """Replace or drop what the source knows of geometry."""
        if self.geometry == OFFICIAL:
            return source
        poses_stay = self.geometry == ESTIMATOR and not self.settings.structure_from_motion
        views = tuple(_bare(view, with_camera=poses_stay) for view in source.views)
        has_poses = any(view.camera_to_world is not None for view in views)
        bare = replace(source, views=views, world_up=source.world_up if has_poses else None, depth_field_of_view=None)
        if self.geometry == NONE:
            return bare
        from transformers_sr3d.estimators.geometry import estimate_geometry
        from transformers_sr3d.estimators.reconstruction import complete_depth, reconstruct_source

        model = self.settings.depth_model
        if not self.settings.structure_from_motion:
            return estimate_geometry(bare, str(model), horizontal_fov_deg=self._field_of_view(bare))
        bare = reconstruct_source(bare)
        return bare if model is None else complete_depth(bare, model)


def _has_geometry(view: SourceView) -> bool:
    return view.load_depth is not None and view.camera_to_world is not None


def _bare(view: SourceView, *, with_camera: bool) -> SourceView:
    """The view without depth, and without its camera unless that stays."""
    bare = SourceView(view.name, view.load_image, time_s=view.time_s)
    return replace(bare, intrinsics=view.intrinsics, camera_to_world=view.camera_to_world) if with_camera else bare


def _region_in_crop(mark: Mapping[str, Any], crop: Sequence[int], size_wh: tuple[int, int]) -> dict[str, Any]:
    """Move a region into the cropped picture; of one that covers no pixel there, the nearest one stands for it."""
    left, top, right, bottom = crop
    size_hw = size_wh[::-1]
    if "box_xyxy" in mark:
        pixels = box_mask(mark["box_xyxy"], size_hw)
    elif "polygon" in mark:
        pixels = polygon_mask(mark["polygon"], size_hw)
    else:
        pixels = decode_rle(mark["mask"])
    inside = pixels[top:bottom, left:right].copy()
    if not inside.any():
        x, y = _middle(mark, pixels)
        inside[int(np.clip(y - top, 0, bottom - top - 1)), int(np.clip(x - left, 0, right - left - 1))] = True
    return {name: value for name, value in mark.items() if name in ("region", "view")} | {"mask": inside}


def _middle(mark: Mapping[str, Any], pixels: np.ndarray) -> tuple[float, float]:
    """Column and row of the middle of a region, however small it is."""
    if "polygon" in mark:
        corners = np.concatenate([np.reshape(ring, (-1, 2)) for ring in mark["polygon"]])
        return float(corners[:, 0].mean()), float(corners[:, 1].mean())
    rows, columns = np.nonzero(pixels)
    return (float(columns.mean()), float(rows.mean())) if rows.size else (0.0, 0.0)


def show_less(arguments: dict[str, Any], less: str) -> dict[str, Any]:
    """Show the model less than there is, for a baseline.

    Args:
        arguments (`dict[str, Any]`):
            Keyword arguments of `SR3DProcessor.encode_views`.
        less (`str`):
            `"no_depth"` (pictures and regions, without depth and cameras) or `"blind"` (one grey picture, which every
            region covers as a whole).

    Returns:
        `dict[str, Any]`: Such arguments.
    """
    regions = arguments.get("regions", [])
    if less == NO_DEPTH:
        shown: dict[str, Any] = {"images": arguments["images"]}
        return shown | {"regions": _as_pixels(arguments)} if regions else shown
    shown = {"images": [np.full((BLIND_SIZE, BLIND_SIZE, 3), GREY, dtype=np.uint8)]}
    numbers = list(dict.fromkeys(mark.get("region", place) for place, mark in enumerate(regions)))
    whole = [0, 0, BLIND_SIZE, BLIND_SIZE]
    return shown | {"regions": [{"region": number, "box_xyxy": whole, "view": 0} for number in numbers]}


def _as_pixels(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Regions as marks on pictures: 3D boxes need the geometry that is to be left out."""
    regions = arguments["regions"]
    if not any("box_3d" in mark for mark in regions):
        return regions
    views = prepare_views(**{name: value for name, value in arguments.items() if name != "regions"})
    return [
        {"region": region["number"], "mask": mask.numpy(), "view": view}
        for region in read_regions(regions, views)
        for view, mask in enumerate(region["masks"])
        if mask is not None
    ]

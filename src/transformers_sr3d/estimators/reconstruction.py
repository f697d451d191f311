# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""A source of pictures without poses -> poses, intrinsics and sparse depth by COLMAP; then dense depth by a model.

    reconstruct_source   any source of 3 to 200 pictures by one camera: photos, a video. Views that cannot be placed
                         are left out, and counted. Pictures are those without distortion that COLMAP makes.
    complete_depth       the sparse depth of such a source replaced, view by view, by the map of a depth model that is
                         brought into the unit of the reconstruction (`depth_alignment`)

    focal length         that of the source, which is then kept; else EXIF as a first guess; else COLMAP's own

Neither the unit nor the up of the world is known unless the caller says so. A reconstruction is kept in the hidden
folder of the source, under a digest of every pixel, of the settings and of the version of COLMAP.

May import: NumPy, PIL, tqdm and siblings; pycolmap by `inputs.structure_from_motion`.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from transformers_sr3d.estimators.array_files import default_cache_folder, digest_of
from transformers_sr3d.estimators.depth import DepthEstimator
from transformers_sr3d.estimators.depth_alignment import align_depth
from transformers_sr3d.estimators.depth_cache import DepthCache
from transformers_sr3d.estimators.focal_length import FocalLength, exif_focal_length
from transformers_sr3d.estimators.geometry import KINDS, CachedDepth, make_estimator
from transformers_sr3d.estimators.multi_view import check_one_size
from transformers_sr3d.inputs.colmap import read_colmap
from transformers_sr3d.inputs.source import Source, SourceView
from transformers_sr3d.inputs.structure_from_motion import (
    MAX_IMAGES,
    MIN_IMAGES,
    NOT_REGISTERED,
    RECIPE,
    KnownCamera,
    check_registered,
    import_pycolmap,
    move_result,
    reconstruct,
    some_names,
)


SAME_CAMERA_TOLERANCE = 0.02
# Dense depth is kept up to this many times the farthest point of its view; beyond, nothing supports it.
MAX_BEYOND_POINTS = 3.0
PNG_COMPRESSION = 1


class _Fit(NamedTuple):
    """How the map of a model was brought into the unit of a view: units per unit of the map, and the median error."""

    scale: float
    error: float


def reconstruct_source(
    source: Source, *, world_up: str = "unknown", world_unit: str = "unknown", cache_folder: str | Path | None = None
) -> Source:
    """Estimate poses, intrinsics and sparse depth of the pictures of a source.

    Args:
        source (`Source`):
            From 3 to 200 pictures by one camera, all of one size, without depth and poses; intrinsics are kept.
        world_up (`str`, defaults to `"unknown"`):
            `"+x"` to `"-z"` where the caller knows the axis of the reconstruction that points up.
        world_unit (`str`, defaults to `"unknown"`):
            `"m"` where the caller knows that the unit of the reconstruction is the metre.
        cache_folder (`str` or `Path`, *optional*):
            Where the reconstruction is kept; a hidden folder beside the source by default.

    Returns:
        `Source`: Its views that could be placed; the others are in `left_out`, and counted in `conventions`.

    Raises:
        ImportError: If pycolmap is not installed.
        ValueError: If the source has depth or poses, too few or too many pictures, several sizes or cameras, or less
            than half of its pictures fit together; the message names the others.
    """
    _check_source(source)
    folder = default_cache_folder(source.path) if cache_folder is None else Path(cache_folder)
    size, exif = _survey(source)
    camera, origin = _known_camera(source, size, exif)
    workspace = _workspace(source, camera, folder)
    found = read_colmap(workspace, world_up=world_up, world_unit=world_unit)
    views = [
        replace(view, name=source.views[_index(view.name)].name, time_s=source.views[_index(view.name)].time_s)
        for view in found.views
    ]
    placed = {_index(view.name) for view in found.views}
    lost = [view.name for index, view in enumerate(source.views) if index not in placed]
    return replace(
        found,
        kind=source.kind,
        path=source.path,
        views=tuple(views),
        depth_is_estimated=True,
        left_out={**(source.left_out or {}), **dict.fromkeys(lost, NOT_REGISTERED)} or None,
        conventions=(*source.conventions, *_sentences(source, lost, origin, world_up, world_unit)),
    )


def complete_depth(
    source: Source,
    model: str | DepthEstimator,
    *,
    depth_kind: str | None = None,
    revision: str | None = None,
    device: str | None = None,
    cache_folder: str | Path | None = None,
) -> Source:
    """Replace the sparse depth of a reconstruction by dense depth of a model, in the same unit.

    Args:
        source (`Source`):
            From `reconstruct_source`, or any other with poses, intrinsics and sparse depth.
        model (`str` or `DepthEstimator`):
            Folder or Hub repository of a depth estimation model of Transformers, or an estimator; of any kind.
        depth_kind (`str`, *optional*):
            `"metric"`, `"relative"` or `"disparity"`, where the checkpoint does not tell; see `TransformersDepth`.
        revision (`str`, *optional*):
            Of the repository.
        device (`str`, *optional*):
            For example `"cpu"`; an accelerator if there is one.
        cache_folder (`str` or `Path`, *optional*):
            Where estimates are kept; a hidden folder beside the source by default.

    Returns:
        `Source`: Views whose map does not fit their points keep these, and are counted in `conventions`.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        ValueError: If an option has no effect, or no map fits.
    """
    estimator = make_estimator(model, depth_kind=depth_kind, revision=revision, device=device)
    folder = default_cache_folder(source.path) if cache_folder is None else Path(cache_folder)
    cached = CachedDepth(estimator, DepthCache(folder, estimator.identity, estimator.kind))
    views, fits, misfits = [], [], {}
    for view in tqdm(source.views, unit="view", desc="fit depth", disable=None):
        try:
            _, fit = _dense_depth(view, cached)
        except ValueError as error:
            misfits[view.name] = str(error)
            views.append(view)
        else:
            fits.append(fit)
            views.append(replace(view, load_depth=_dense_loader(view, cached)))
    if not fits:
        name, why = next(iter(misfits.items()))
        raise ValueError(
            f"`model` must give depth that fits the points of some view, got none of {len(views)} by {estimator.name}."
            f" Of {name}: {why}"
        )
    return replace(
        source,
        views=tuple(views),
        depth_is_estimated=True,
        conventions=(*source.conventions, *_fit_sentences(estimator, fits, list(misfits))),
    )


def _check_source(source: Source) -> None:
    for view in source.views:
        for name in ("load_depth", "camera_to_world"):
            if getattr(view, name) is not None:
                raise ValueError(
                    f"`source` must have neither depth nor poses for structure from motion, got "
                    f"{name.removeprefix('load_')} of {view.name} in {source.path}. Use what was measured, or make a "
                    "folder of the pictures alone."
                )
    if not MIN_IMAGES <= len(source.views) <= MAX_IMAGES:
        raise ValueError(
            f"`source` must have from {MIN_IMAGES} to {MAX_IMAGES} views for structure from motion, which compares "
            f"all pairs, got {len(source.views)} of {source.path}. Take more pictures, or fewer with `--views`."
        )


def _survey(source: Source) -> tuple[tuple[int, int], list[FocalLength]]:
    """Size of the pictures, columns first, and what EXIF tells of their focal lengths."""
    sizes, found = set(), []
    for view in source.views:
        image = view.load_image()
        sizes.add(image.size)
        told = exif_focal_length(image)
        if isinstance(told, FocalLength):
            found.append(told)
    check_one_size(sizes, source)
    return sizes.pop(), found


def _known_camera(source: Source, size: tuple[int, int], exif: list[FocalLength]) -> tuple[KnownCamera | None, str]:
    """What is known of the camera, and who knows it."""
    known = [np.asarray(view.intrinsics, dtype=np.float64) for view in source.views if view.intrinsics is not None]
    if known:
        _check_same([float(matrix[0, 0]) for matrix in known], len(source.views), "intrinsics of the source", source)
        return KnownCamera(np.median(known, axis=0), is_exact=True), "given with the source, and kept"
    if len(exif) < len(source.views):
        return None, "estimated by COLMAP"
    lengths = [focal.fx for focal in exif]
    _check_same(lengths, len(source.views), "EXIF tags", source)
    middle = exif[int(np.argsort(lengths)[len(lengths) // 2])]
    camera = KnownCamera(middle.intrinsics(size[::-1]), is_exact=False)
    return camera, f"{middle.origin} as a first guess, refined by COLMAP"


def _check_same(focal_px: list[float], num_views: int, who: str, source: Source) -> None:
    if len(focal_px) < num_views or max(focal_px) > (1 + SAME_CAMERA_TOLERANCE) * min(focal_px):
        raise ValueError(
            f"`source` must have pictures by one camera at one zoom, got {len(focal_px)} focal lengths from "
            f"{min(focal_px):.4g} to {max(focal_px):.4g} pixels by the {who} for {num_views} views of {source.path}. "
            "Leave out those of another lens or zoom."
        )


def _workspace(source: Source, camera: KnownCamera | None, folder: Path) -> Path:
    """Folder of the reconstruction, made if it is not there; until it is complete it has another name."""
    known = None if camera is None else [camera.intrinsics.tolist(), camera.is_exact]
    images = (view.load_image().convert("RGB") for view in source.views)
    key = ["structure_from_motion", RECIPE, import_pycolmap().__version__, known]
    workspace = folder / f"colmap-{digest_of(key, images)[:16]}"
    if workspace.is_dir():
        return workspace
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{index:06d}.png" for index in range(len(source.views))]
    with tempfile.TemporaryDirectory(dir=folder, prefix=".colmap-") as scratch:
        pictures = Path(scratch, "pictures")
        pictures.mkdir()
        for name, view in zip(names, source.views, strict=True):
            view.load_image().convert("RGB").save(pictures / name, compress_level=PNG_COMPRESSION)
        move_result(reconstruct(pictures, names, camera, scratch, _registration_check(source)), workspace)
    return workspace


def _registration_check(source: Source) -> Callable[[list[str]], None]:
    names = [view.name for view in source.views]
    return lambda registered: check_registered(source.path, names, [names[_index(name)] for name in registered])


def _index(name: str) -> int:
    """Number of a view by the name of its picture in the workspace, which may have another suffix."""
    return int(Path(name).stem)


def _sentences(source: Source, lost: list[str], origin: str, world_up: str, world_unit: str) -> list[str]:
    unit = "metres, as the caller said" if world_unit == "m" else "a unit that nobody knows"
    up = world_up if world_up == "unknown" else f"{world_up}, as the caller said"
    num_views, version = len(source.views), import_pycolmap().__version__
    sentences = [
        f"Poses and the depth of points were estimated by COLMAP {version} from the pictures alone, in {unit}; up is "
        f"{up}.",
        f"Focal length: {origin}; pictures are without distortion.",
        f"{num_views - len(lost)} of {num_views} views could be placed.",
    ]
    if lost:
        sentences.append(f"Left out because they could not be placed: {some_names(lost)}.")
    return sentences


def _dense_depth(view: SourceView, cached: CachedDepth) -> tuple[np.ndarray, _Fit]:
    """Depth of a model in the unit of the points of a view; raises a `ValueError` where the two do not fit."""
    if view.load_depth is None or view.intrinsics is None:
        raise ValueError(f"`source` must have points in {view.name}, got none. Leave the view out.")
    image, sparse = view.load_image().convert("RGB"), np.asarray(view.load_depth())
    _check_points_fit(view, sparse, (image.height, image.width))
    estimate = cached.estimate(image, float(view.intrinsics[0, 0]))
    aligned = align_depth(estimate.depth, sparse, estimate.kind)
    depth = np.where(aligned.depth <= MAX_BEYOND_POINTS * sparse.max(), aligned.depth, 0)
    return depth.astype(np.float32), _Fit(aligned.scale, aligned.error)


def _check_points_fit(view: SourceView, sparse: np.ndarray, size_hw: tuple[int, int]) -> None:
    if sparse.shape != size_hw:
        raise ValueError(
            f"`load_depth` of {view.name} must give points at the pixels of its picture, {size_hw}, got "
            f"{sparse.shape}. Pass a source whose depth is sparse points, such as a reconstruction."
        )


def _dense_loader(view: SourceView, cached: CachedDepth) -> Callable[[], np.ndarray]:
    return lambda: _dense_depth(view, cached)[0]


def _fit_sentences(estimator: DepthEstimator, fits: list[_Fit], misfits: list[str]) -> list[str]:
    error = float(np.median([fit.error for fit in fits]))
    sentences = [
        f"Depth of {len(fits)} of {len(fits) + len(misfits)} views is that of single images by {estimator.name} "
        f"({KINDS[estimator.kind].split(',')[0]}), brought to the points of each view; its median distance to them is "
        f"{error:.1%}.",
        estimator.licence.sentence(),
    ]
    if estimator.kind == "metric":
        metres = 1 / np.array([fit.scale for fit in fits])
        sentences.append(
            f"By that model one unit of the world is {np.median(metres):.3g} m (views say {metres.min():.3g} to "
            f"{metres.max():.3g} m); nothing was scaled by it."
        )
    if misfits:
        sentences.append(f"Views whose map does not fit keep their points: {some_names(misfits)}.")
    return sentences

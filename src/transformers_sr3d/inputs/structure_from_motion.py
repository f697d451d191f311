# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, structure from motion: pictures by one camera -> intrinsics, poses and sparse depth, by COLMAP.

    <images>/                        the pictures
    <images>.colmap-<12 digits>/     what COLMAP made of them: undistorted pictures and a model of pinhole cameras

The classical path needs no weights: SIFT keypoints, matches of all pairs, incremental mapping, bundle adjustment,
undistortion. It needs texture, and pictures that overlap and are taken from different places; a camera that only turns
gives nothing. The result is kept beside the pictures, by a digest of their names, sizes and times, of the settings and
of the version of COLMAP, and read by the reader of COLMAP.

The unit of the world and its axes have no meaning. Sparse depth is the z of the points at their pixels; `align_depth`
brings a dense map of an estimator into the unit of the reconstruction.

Seeds are fixed and there is one thread, so the same pictures give the same numbers on the same machine.

Sources: Schönberger and Frahm, Structure-from-motion revisited, CVPR 2016; pycolmap 4 (python/examples/example.py).

May import: the standard library, NumPy, the checks of images, and siblings in `inputs`; pycolmap when it is used.
"""

import hashlib
import importlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.depth_files_sr3d import DEPTH_KINDS
from transformers_sr3d.input_checks_sr3d import check_choice
from transformers_sr3d.inputs.colmap import read_colmap
from transformers_sr3d.inputs.files import IMAGE_SUFFIXES, natural_key
from transformers_sr3d.inputs.headers import picture_size_hw
from transformers_sr3d.inputs.named_files import check_size
from transformers_sr3d.inputs.source import Source


KIND = "structure_from_motion"
SEED = 0
MIN_IMAGES, MAX_IMAGES = 3, 200  # all pairs are matched, so time grows with the square
MIN_REGISTERED_SHARE = 0.5
NAMES_IN_MESSAGE = 10
LOG_ERRORS_ONLY = 2
NOT_REGISTERED = "not registered: too few matches with the other pictures"
# Goes into the digest: raise it when the steps below change.
RECIPE = 1
MIN_ALIGNMENT_POINTS = 20
MAX_ALIGNMENT_ERROR = 0.25
NUM_LINES = 500
# Residuals up to this many standard deviations, taken from their median, are no outliers.
INLIER_DEVIATIONS, DEVIATIONS_PER_MEDIAN = 2.5, 1.4826


class AlignedDepth(NamedTuple):
    """A depth map in the unit of a reconstruction.

    Attributes:
        depth (`np.ndarray` of shape `(h, w)`, float32): 0 where not measured.
        scale (`float`): What the map was multiplied by; of disparity, before `shift` was added and the inverse taken.
            Of metric depth, one unit of the reconstruction is `1 / scale` metres.
        shift (`float`): What was added to disparity; 0 otherwise.
        error (`float`): Median difference to the sparse depth, as a share of it.
    """

    depth: np.ndarray
    scale: float
    shift: float
    error: float


def estimate_structure(images: str | Path, *, horizontal_fov_deg: float | None = None) -> Source:
    """Estimate cameras, poses and sparse depth of pictures.

    Args:
        images (`str` or `Path`):
            Folder of pictures of one scene, by one camera, all of one size.
        horizontal_fov_deg (`float`, *optional*):
            Degrees across the pictures of a camera without distortion. Focal length and one factor of distortion are
            estimated unless given, and the pictures undistorted.

    Returns:
        `Source`: One view per registered picture, in an unknown unit and with an unknown up; the others are in
        `left_out`.

    Raises:
        FileNotFoundError: If there is no such folder, or too few pictures in it.
        ImportError: If pycolmap is not installed.
        ValueError: If sizes differ, there are too many pictures, or most are not registered; the message names them.
    """
    images = Path(os.path.abspath(images))  # so that "." has a name too
    names = _picture_names(images)
    size_hw = _common_size(images, names)
    if horizontal_fov_deg is not None and not 0 < horizontal_fov_deg < 180:
        raise ValueError(f"`horizontal_fov_deg` must be between 0 and 180, got {horizontal_fov_deg}. Pass degrees.")
    pycolmap = _import_pycolmap()
    workspace = images.with_name(f"{images.name}.colmap-{_digest(images, names, horizontal_fov_deg, pycolmap)}")
    if not workspace.is_dir():
        with tempfile.TemporaryDirectory(dir=images.parent, prefix=f".{images.name}.colmap-") as scratch:
            made = _reconstruct(
                pycolmap, images, names, _camera_options(pycolmap, size_hw, horizontal_fov_deg), scratch
            )
            _move(made, workspace)
    source = read_colmap(workspace)
    registered = {view.name for view in source.views}
    return replace(
        source,
        kind=KIND,
        path=images,
        left_out={name: NOT_REGISTERED for name in names if name not in registered},
        conventions=(*source.conventions, f"Estimated by COLMAP {pycolmap.__version__} from the pictures alone."),
    )


def _picture_names(images: Path) -> list[str]:
    files = images.iterdir() if images.is_dir() else ()
    names = sorted((file.name for file in files if file.suffix.lower() in IMAGE_SUFFIXES), key=natural_key)
    if len(names) < MIN_IMAGES:
        raise FileNotFoundError(
            f"`{images}` must be a folder with at least {MIN_IMAGES} pictures ({', '.join(IMAGE_SUFFIXES)}), got "
            f"{len(names)}. Check the path, or take more pictures."
        )
    if len(names) > MAX_IMAGES:
        raise ValueError(
            f"`{images}` must hold at most {MAX_IMAGES} pictures, got {len(names)}: every pair is matched. Choose "
            "some that overlap, for example every tenth of a video."
        )
    return names


def _common_size(images: Path, names: list[str]) -> tuple[int, int]:
    size_hw = picture_size_hw(images / names[0])
    for name in names[1:]:
        check_size(images / name, picture_size_hw(images / name), size_hw, names[0])
    return size_hw


def _import_pycolmap() -> ModuleType:
    try:
        return importlib.import_module("pycolmap")
    except ImportError as error:
        raise ImportError(
            "`pycolmap` must be installed to estimate cameras from pictures, got none. Run "
            "`pip install transformers-sr3d[colmap]`."
        ) from error


def _digest(images: Path, names: list[str], horizontal_fov_deg: float | None, pycolmap: ModuleType) -> str:
    status = [(images / name).stat() for name in names]
    files = [[name, one.st_size, one.st_mtime_ns] for name, one in zip(names, status, strict=True)]
    content = json.dumps([RECIPE, pycolmap.__version__, horizontal_fov_deg, files])
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _camera_options(
    pycolmap: ModuleType, size_hw: tuple[int, int], horizontal_fov_deg: float | None
) -> dict[str, Any]:
    """How the pictures are read, and whether the camera is estimated."""
    reader = pycolmap.ImageReaderOptions()
    if horizontal_fov_deg is None:
        reader.camera_model = "SIMPLE_RADIAL"
        return {"reader": reader, "refine": True}
    height, width = size_hw
    focal_px = width / 2 / np.tan(np.radians(horizontal_fov_deg) / 2)
    reader.camera_model = "SIMPLE_PINHOLE"
    reader.camera_params = ",".join(str(float(value)) for value in (focal_px, width / 2, height / 2))
    return {"reader": reader, "refine": False}


def _reconstruct(pycolmap: ModuleType, images: Path, names: list[str], camera: dict[str, Any], scratch: str) -> Path:
    """Run all steps in a scratch folder, and give the folder of undistorted pictures and model in it."""
    database, models, made = (Path(scratch, name) for name in ("database.db", "models", "undistorted"))
    models.mkdir()
    with _quiet(pycolmap):
        pycolmap.set_random_seed(SEED)
        _match(pycolmap, database, images, names, camera["reader"])
        found = pycolmap.incremental_mapping(database, images, models, _mapping_options(pycolmap, camera["refine"]))
        # Models are worlds of their own: the largest counts, and of two the first.
        best = max(found, key=lambda number: (found[number].num_reg_images(), -number), default=None)
        registered = [] if best is None else [image.name for image in found[best].images.values() if image.has_pose]
        _check_registered(images, names, registered)
        pycolmap.undistort_images(made, models / str(best), images, num_threads=1)
    return made


def _match(pycolmap: ModuleType, database: Path, images: Path, names: list[str], reader: Any) -> None:
    extraction, matching = pycolmap.FeatureExtractionOptions(), pycolmap.FeatureMatchingOptions()
    verification = pycolmap.TwoViewGeometryOptions()
    extraction.num_threads = matching.num_threads = verification.ransac.num_threads = 1
    verification.ransac.random_seed = SEED
    pycolmap.extract_features(
        database,
        images,
        image_names=names,
        camera_mode=pycolmap.CameraMode.SINGLE,
        reader_options=reader,
        extraction_options=extraction,
        device=pycolmap.Device.cpu,
    )
    pycolmap.match_exhaustive(
        database, matching_options=matching, verification_options=verification, device=pycolmap.Device.cpu
    )


def _mapping_options(pycolmap: ModuleType, refine_camera: bool) -> Any:
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed, options.num_threads = SEED, 1
    options.min_model_size = MIN_IMAGES
    options.extract_colors = False
    options.ba_refine_focal_length = options.ba_refine_extra_params = refine_camera
    return options


@contextmanager
def _quiet(pycolmap: ModuleType) -> Iterator[None]:
    """Log errors only."""
    before = pycolmap.logging.minloglevel
    pycolmap.logging.minloglevel = LOG_ERRORS_ONLY
    try:
        yield
    finally:
        pycolmap.logging.minloglevel = before


def _check_registered(images: Path, names: list[str], registered: list[str]) -> None:
    missing = sorted(set(names) - set(registered), key=natural_key)
    if len(registered) < max(MIN_IMAGES, MIN_REGISTERED_SHARE * len(names)):
        more = f" and {len(missing) - NAMES_IN_MESSAGE} more" if len(missing) > NAMES_IN_MESSAGE else ""
        raise ValueError(
            f"`{images}` must hold pictures of which at least half, and {MIN_IMAGES}, fit together, got "
            f"{len(registered)} of {len(names)}; COLMAP could not place {', '.join(missing[:NAMES_IN_MESSAGE])}{more}."
            " Take sharp pictures with texture, from different places, each of which shows most of what the one "
            "before showed; or pass poses."
        )


def _move(made: Path, workspace: Path) -> None:
    try:
        os.replace(made, workspace)
    except OSError:
        if not workspace.is_dir():  # otherwise another process was faster, and has the same
            raise


def align_depth(depth: np.ndarray, sparse_depth: np.ndarray, kind: str) -> AlignedDepth:
    """Bring a dense depth map into the unit of a reconstruction.

    Metric and relative depth are multiplied by the median ratio to the sparse depth. Disparity has a scale and a
    shift, found by least median of squares over lines through two points, and then by least squares over what is near
    the best of them.

    Args:
        depth (`np.ndarray` of shape `(h, w)`):
            Of an estimator. Not measured where not finite, and, unless disparity, where not positive.
        sparse_depth (`np.ndarray` of shape `(h, w)`):
            Of the same view and size; 0 where not measured.
        kind (`str`):
            `"metric"`, `"relative"` or `"disparity"`.

    Returns:
        `AlignedDepth`: In the unit of `sparse_depth`.

    Raises:
        ValueError: If shapes differ, too few points are measured in both, or the maps do not fit.

    Source: Rousseeuw, Least median of squares regression, 1984.
    """
    check_choice(kind, "kind", DEPTH_KINDS)
    depth, sparse = np.asarray(depth, dtype=np.float64), np.asarray(sparse_depth, dtype=np.float64)
    if depth.shape != sparse.shape or depth.ndim != 2:
        raise ValueError(
            f"`depth` must have the shape of `sparse_depth`, (h, w), got {depth.shape} and {sparse.shape}. Resize the "
            "dense map."
        )
    measured = np.isfinite(depth) & ((depth > 0) | (kind == "disparity"))
    points = measured & np.isfinite(sparse) & (sparse > 0)
    if np.count_nonzero(points) < MIN_ALIGNMENT_POINTS:
        raise ValueError(
            f"`sparse_depth` must have at least {MIN_ALIGNMENT_POINTS} pixels where `depth` is measured too, got "
            f"{np.count_nonzero(points)}. Choose a view that observes more points."
        )
    seen, known, shift = depth[points], sparse[points], 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "disparity":
            scale, shift = _fit_line(seen, 1 / known)
            inverse = scale * depth + shift
            aligned = np.where(measured & (inverse > 0), 1 / inverse, 0)
        else:
            scale = float(np.exp(np.median(np.log(known / seen))))
            aligned = np.where(measured, scale * depth, 0)
    error = float(np.median(np.abs(aligned[points] / known - 1)))
    if not error <= MAX_ALIGNMENT_ERROR:
        raise ValueError(
            f"`depth` must fit `sparse_depth` to {MAX_ALIGNMENT_ERROR:.0%} in the median, got {error:.0%} as {kind}. "
            "Check the kind, and that both are of the same view."
        )
    return AlignedDepth(aligned.astype(np.float32), scale, shift, error)


def _fit_line(seen: np.ndarray, inverse: np.ndarray) -> tuple[float, float]:
    """Scale and shift that turn disparity into inverse depth; residuals count as shares of it."""
    rng = np.random.default_rng(SEED)
    first, second = rng.integers(len(seen), size=(2, NUM_LINES))
    scales = (inverse[first] - inverse[second]) / (seen[first] - seen[second])
    shifts = inverse[first] - scales * seen[first]
    usable = np.isfinite(scales) & (scales > 0)
    if not usable.any():
        raise ValueError(
            "`depth` must grow where things are nearer, as disparity does, got a map in which it never does. Pass "
            '`kind="relative"` if it is depth.'
        )
    scales, shifts = scales[usable], shifts[usable]
    medians = [np.median(np.abs(a * seen + b - inverse) / inverse) for a, b in zip(scales, shifts, strict=True)]
    best = int(np.argmin(medians))
    residuals = np.abs(scales[best] * seen + shifts[best] - inverse) / inverse
    limit = INLIER_DEVIATIONS * DEVIATIONS_PER_MEDIAN * medians[best]
    near = residuals <= max(limit, np.finfo(np.float32).eps)
    columns = np.stack((seen[near], np.ones(int(near.sum()))), axis=1) / inverse[near, None]
    scale, shift = np.linalg.lstsq(columns, np.ones(len(columns)), rcond=None)[0]
    return float(scale), float(shift)

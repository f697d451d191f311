# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, structure from motion: pictures by one camera -> intrinsics, poses and sparse depth, by COLMAP.

    <images>/                        the pictures
    <images>.colmap-<12 digits>/     what COLMAP made of them: undistorted pictures and a model of pinhole cameras

The classical path needs no weights: SIFT keypoints, matches of all pairs, incremental mapping, bundle adjustment,
undistortion. It needs texture, and pictures that overlap and are taken from different places; a camera that only turns
gives nothing. The result is kept beside the pictures, by a digest of their names, sizes and times, of the settings and
of the version of COLMAP, and read by the reader of COLMAP.

The unit of the world and its axes have no meaning. Sparse depth is the z of the points at their pixels;
`estimators.reconstruction` takes any source of pictures, and brings dense maps of a depth model into that unit.

Seeds are fixed and there is one thread, so the same pictures give the same numbers on the same machine.

Sources: Schönberger and Frahm, Structure-from-motion revisited, CVPR 2016; pycolmap 4 (python/examples/example.py).

May import: the standard library, NumPy, the geometry, the checks of images, and siblings in `inputs`; pycolmap in a
function.
"""

import hashlib
import importlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from transformers_sr3d.geometry_sr3d import intrinsics_from_fov
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
RECIPE = 2


class KnownCamera(NamedTuple):
    """What is known of the one camera that took all pictures.

    Attributes:
        intrinsics (`np.ndarray` of shape `(3, 3)`): Pixels.
        is_exact (`bool`): Whether they are kept, and the pictures have no distortion; otherwise the focal length is a
            first guess.
    """

    intrinsics: np.ndarray
    is_exact: bool


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
    camera = None
    if horizontal_fov_deg is not None:
        camera = KnownCamera(intrinsics_from_fov(horizontal_fov_deg, size_hw).double().numpy(), is_exact=True)
    pycolmap = import_pycolmap()
    workspace = images.with_name(f"{images.name}.colmap-{_digest(images, names, horizontal_fov_deg, pycolmap)}")
    if not workspace.is_dir():
        with tempfile.TemporaryDirectory(dir=images.parent, prefix=f".{images.name}.colmap-") as scratch:
            made = reconstruct(images, names, camera, scratch, lambda found: check_registered(images, names, found))
            move_result(made, workspace)
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


def import_pycolmap() -> ModuleType:
    """Import the package.

    Returns:
        `ModuleType`: pycolmap.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
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


def _camera_options(pycolmap: ModuleType, camera: KnownCamera | None) -> tuple[Any, bool]:
    """How the pictures are read, and whether the camera is estimated."""
    reader = pycolmap.ImageReaderOptions()
    reader.camera_model = "SIMPLE_RADIAL"
    if camera is None:
        return reader, True
    # COLMAP counts from the corner of the picture.
    fx, fy = camera.intrinsics[0, 0], camera.intrinsics[1, 1]
    cx, cy = camera.intrinsics[:2, 2] + 0.5
    if camera.is_exact:
        reader.camera_model = "PINHOLE"
    parameters = (fx, fy, cx, cy) if camera.is_exact else ((fx + fy) / 2, cx, cy, 0)
    reader.camera_params = ",".join(str(float(value)) for value in parameters)
    return reader, not camera.is_exact


def reconstruct(
    images: Path,
    names: list[str],
    camera: KnownCamera | None,
    scratch: str | Path,
    check: Callable[[list[str]], None],
) -> Path:
    """Run all steps in a scratch folder.

    Args:
        images (`Path`):
            Folder of the pictures.
        names (`list[str]`):
            Which of them, all of one size.
        camera (`KnownCamera`, *optional*):
            What is known of it.
        scratch (`str` or `Path`):
            Folder for everything that is made.
        check (`Callable[[list[str]], None]`):
            Refuses the names of the pictures that could be placed, if they are too few.

    Returns:
        `Path`: Folder in `scratch` of the undistorted pictures and the model, for `read_colmap`.

    Raises:
        ImportError: If pycolmap is not installed.
        ValueError: As `check`.
    """
    pycolmap = import_pycolmap()
    reader, is_refined = _camera_options(pycolmap, camera)
    database, models, made = (Path(scratch, name) for name in ("database.db", "models", "undistorted"))
    models.mkdir()
    with _quiet(pycolmap):
        pycolmap.set_random_seed(SEED)
        _match(pycolmap, database, images, names, reader)
        found = pycolmap.incremental_mapping(database, images, models, _mapping_options(pycolmap, is_refined))
        # Models are worlds of their own: the largest counts, and of two the first.
        best = max(found, key=lambda number: (found[number].num_reg_images(), -number), default=None)
        check([] if best is None else [image.name for image in found[best].images.values() if image.has_pose])
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


def check_registered(where: Path, names: Sequence[str], registered: Sequence[str]) -> None:
    """Refuse a reconstruction of too few pictures.

    Args:
        where (`Path`):
            What the message calls the pictures.
        names (`Sequence[str]`):
            All of them.
        registered (`Sequence[str]`):
            Those that could be placed.

    Raises:
        ValueError: If fewer than half, or than three, could be placed; the message names the others.
    """
    missing = sorted(set(names) - set(registered), key=natural_key)
    if len(registered) < max(MIN_IMAGES, MIN_REGISTERED_SHARE * len(names)):
        raise ValueError(
            f"`{where}` must hold pictures of which at least half, and {MIN_IMAGES}, fit together, got "
            f"{len(registered)} of {len(names)}; COLMAP could not place {some_names(missing)}."
            " Take sharp pictures with texture, from different places, each of which shows most of what the one "
            "before showed; or pass poses."
        )


def some_names(names: Sequence[str]) -> str:
    """List names for a message.

    Args:
        names (`Sequence[str]`):
            Any number of them.

    Returns:
        `str`: The first ten, and how many more there are.
    """
    more = f" and {len(names) - NAMES_IN_MESSAGE} more" if len(names) > NAMES_IN_MESSAGE else ""
    return f"{', '.join(names[:NAMES_IN_MESSAGE])}{more}"


def move_result(made: Path, workspace: Path) -> None:
    """Put what was made in its place at once.

    Args:
        made (`Path`):
            Complete folder.
        workspace (`Path`):
            Its place, on the same disk.

    Raises:
        OSError: If that is not possible.
    """
    try:
        os.replace(made, workspace)
    except OSError:
        if not workspace.is_dir():  # otherwise another process was faster, and has the same
            raise

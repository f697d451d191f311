# Copyright 2026 The transformers-sr3d contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Stage 0 of 5, image files: a path, PIL image, array or tensor -> RGB picture or boolean mask, checked.

Local files that the user named are opened after their number of pixels is checked. A colour picture may also be an
address (http, https, data); the loader of transformers fetches it, turned upright as its EXIF tag asks. That loses the
stored orientation, so an address is refused where depth or a camera refers to the pixels: the price is a download by
the caller.

This file is copied to the Hub next to the weights: it may import only torch, NumPy, PIL, transformers and sibling
`*_sr3d` files.
"""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from transformers.image_utils import load_image

from .input_checks_sr3d import MAX_IMAGE_PIXELS, check_pixel_count, describe_value, shorten_path, to_array


DEPTH_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
EXIF_ORIENTATION = 0x0112
REMOTE_PREFIXES = ("http://", "https://", "data:")
# Orientations that turn or mirror the picture; 1 is upright, and other numbers mean nothing.
TURNED_ORIENTATIONS = range(2, 9)
# What decoders raise on damaged files: AVIF a RuntimeError, the header of a `.npy` file a TokenError or OverflowError.
DECODE_ERRORS = (
    *(OSError, EOFError, SyntaxError, ValueError, RuntimeError, OverflowError, MemoryError),
    *(struct.error, zlib.error, TokenError),
)
# What Pillow raises, beside a ValueError, where the file of a picture was closed.
CLOSED_ERRORS = (AssertionError, AttributeError)

ImageLike = str | Path | Image.Image | np.ndarray | torch.Tensor


def local_file(path: str | Path, name: str) -> Path:
    """Check that a path names a local file with at least one byte.

    Raises:
        ValueError: For a URL, a folder or an empty file.
        FileNotFoundError: If there is no such file.
    """
    text = str(path)
    if text.lower().startswith(("http:", "https:", "ftp:", "data:", "file:", "s3:")):
        raise ValueError(
            f"`{name}` must be a local file, got the URL {text[:100]!r}. Download it first and pass its path."
        )
    if os.path.isdir(text):
        raise ValueError(f"`{name}` must be a file, got the folder {shorten_path(text)!r}. Pass one path per view.")
    if not os.path.isfile(text):
        raise FileNotFoundError(
            f"`{name}` must be an existing file, got {shorten_path(text)!r}. Check the path; a relative path starts "
            "at the current folder."
        )
    if os.path.getsize(text) == 0:
        raise ValueError(
            f"`{name}` must be an image file, got {shorten_path(text)!r} with 0 bytes. Copy or save it again."
        )
    return Path(text)


def _decode(action: Callable, name: str, shown: str, *, may_be_closed: bool = False) -> Any:
    """Run one step of a decoder and name the argument if it fails; the file of a PIL image may be closed."""
    try:
        return action()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(
            f"`{name}` may have at most {MAX_IMAGE_PIXELS} pixels, got {shown}: {error} Make it smaller first."
        ) from error
    except (*DECODE_ERRORS, *CLOSED_ERRORS) as error:
        if may_be_closed and (isinstance(error, CLOSED_ERRORS) or "closed" in str(error)):
            raise ValueError(
                f"`{name}` must be a picture whose pixels can still be read, got {shown}, which was closed before it "
                "was decoded. Call `.load()` before the file is closed, or pass the path."
            ) from error
        raise ValueError(
            f"`{name}` must be a complete image file that Pillow can read, got {shown}: {str(error)[:200]}. "
            "The file is damaged, truncated or of another kind; save it again, for example as PNG."
        ) from error


def _load(image: Image.Image) -> int:
    """Decode the pixels; the EXIF orientation is read first, because Pillow turns TIFF files while it decodes them."""
    orientation = image.getexif().get(EXIF_ORIENTATION, 1)
    image.load()
    return orientation


def open_image(image: str | Path | Image.Image, name: str) -> tuple[Image.Image, int]:
    """Open and decode a local file or a PIL image; the pixel count is checked before decoding.

    Args:
        image (`str`, `Path` or `PIL.Image.Image`):
            What the user gave.
        name (`str`):
            How messages call it.

    Returns:
        `tuple[PIL.Image.Image, int]`: the picture, decoded, in the mode of the file, and the EXIF orientation that it
        asked for. Pillow has turned a TIFF file already, and no other.

    Raises:
        TypeError: If `image` is of another type.
        ValueError: If the file is a URL, empty, truncated, damaged, too large or closed.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(image, Image.Image):
        check_pixel_count((image.height, image.width), name)
        return image, _decode(lambda: _load(image), name, describe_value(image), may_be_closed=True)
    if not isinstance(image, str | Path):
        raise TypeError(
            f"`{name}` must be a path, a PIL image, an array or a tensor, got {describe_value(image)}. "
            "Load it into one of these first."
        )
    with local_file(image, name).open("rb") as handle:
        opened = _decode(lambda: Image.open(handle), name, describe_value(image))
        check_pixel_count((opened.height, opened.width), name)
        return opened, _decode(lambda: _load(opened), name, describe_value(image))


def load_image_rgb(image: ImageLike, name: str = "images", *, pixel_aligned: bool = False) -> Image.Image:
    """Read one colour picture.

    A picture whose EXIF tag asks for a rotation is turned upright, as viewers show it, and regions then refer
    to the upright picture. With depth, intrinsics or poses (`pixel_aligned=True`) it is refused instead: nobody can
    know whether these belong to the stored or to the shown orientation. So is an address, fetched without them.

    Args:
        image (`str`, `Path`, `PIL.Image.Image`, `np.ndarray` or `torch.Tensor`):
            A local file, an address, a PIL image of any 8-bit mode, a uint8 array of shape `(H, W, 3)`, or a uint8
            tensor of shape `(3, H, W)` or `(H, W, 3)`.
        name (`str`, defaults to `"images"`):
            How messages call it.
        pixel_aligned (`bool`, defaults to `False`):
            Whether other arguments refer to the pixels as stored.

    Returns:
        `PIL.Image.Image` of mode RGB.

    Raises:
        TypeError: If `image` is of another type or dtype.
        ValueError: If it cannot be read, is too large, has 16 bits or a mode that is no picture, or asks for a
            rotation with `pixel_aligned`.
    """
    if isinstance(image, np.ndarray | torch.Tensor):
        return Image.fromarray(_rgb_array(image, name))
    if isinstance(image, str) and image.startswith(REMOTE_PREFIXES):
        return _fetch(image, name, pixel_aligned=pixel_aligned)
    opened, orientation = open_image(image, name)
    if opened.mode in DEPTH_MODES:
        raise ValueError(
            f"`{name}` must be an 8-bit picture, got {describe_value(opened)}. "
            "If it is a depth map, pass it as `depths`; otherwise convert it to RGB."
        )
    upright = _upright(opened, orientation, name, pixel_aligned=pixel_aligned)
    return upright if upright.mode == "RGB" else _convert_to_rgb(upright, name)


def _upright(picture: Image.Image, orientation: int, name: str, *, pixel_aligned: bool) -> Image.Image:
    if orientation not in TURNED_ORIENTATIONS:
        return picture
    if pixel_aligned:
        raise ValueError(
            f"`{name}` must be stored upright when depth, intrinsics or poses are given, got EXIF orientation "
            f"{orientation}. Apply `PIL.ImageOps.exif_transpose` or drop the tag, whichever fits the camera data."
        )
    return _decode(lambda: ImageOps.exif_transpose(picture), name, describe_value(picture))


def _convert_to_rgb(picture: Image.Image, name: str) -> Image.Image:
    try:
        return picture.convert("RGB")
    except ValueError as error:
        raise ValueError(
            f"`{name}` must have a mode that Pillow turns into RGB, got {describe_value(picture)}. "
            "Convert it first; for mode La that is `.convert('LA')`."
        ) from error


def _fetch(address: str, name: str, *, pixel_aligned: bool) -> Image.Image:
    if pixel_aligned:
        raise ValueError(
            f"`{name}` must be a local file or a loaded picture when depth, intrinsics, poses or a field of view are "
            f"given, got the address {address[:100]!r}, which would be turned as its EXIF tag asks. Download it first "
            "and pass its path."
        )
    fetched = _decode(lambda: load_image(address), name, describe_value(address))
    check_pixel_count((fetched.height, fetched.width), name)
    return fetched


def _rgb_array(image: np.ndarray | torch.Tensor, name: str) -> np.ndarray:
    array = to_array(image, name)
    if isinstance(image, torch.Tensor) and array.ndim == 3 and array.shape[0] == 3:
        array = array.transpose(1, 2, 0)
    if array.dtype != np.uint8:
        raise TypeError(
            f"`{name}` must have dtype uint8 (0 to 255), got {describe_value(image)}. "
            "Multiply by 255, round and cast if it is a float in 0 to 1."
        )
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(
            f"`{name}` must have shape (H, W, 3), or (3, H, W) as a tensor, got {describe_value(image)}. "
            "Pass one RGB picture per view."
        )
    check_pixel_count(array.shape[:2], name)
    return np.ascontiguousarray(array)


def load_npy(path: str | Path, name: str) -> np.ndarray:
    """Read a `.npy` file without unpickling; its shape is checked before the data is read.

    Args:
        path (`str` or `Path`):
            Local file.
        name (`str`):
            How messages call it.

    Returns:
        `np.ndarray` with the dtype of the file.

    Raises:
        ValueError: If it holds Python objects, is damaged, or is too large.
    """
    file = local_file(path, name)
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except DECODE_ERRORS as error:
        raise ValueError(
            f"`{name}` must be a `.npy` file with a plain array of numbers, got {describe_value(path)}: "
            f"{str(error)[:200]}. Save it with `np.save(path, array)`; pickled objects are never loaded."
        ) from error
    if mapped.ndim >= 2:
        check_pixel_count(mapped.shape[:2], name)
    # Anything but one map is refused by the caller for its shape, so it need not be read.
    return np.array(mapped) if mapped.ndim == 2 else mapped


def load_mask(mask: ImageLike, name: str = "mask", *, pixel_aligned: bool = False) -> np.ndarray:
    """Read a two-valued mask from a bool array, a 0/1 or 0/255 array, a PIL image of mode 1 or L, or a file of these.

    A rotation that its EXIF tag asks for is treated as that of its picture, see `load_image_rgb`.

    Args:
        mask (`str`, `Path`, `PIL.Image.Image`, `np.ndarray` or `torch.Tensor`):
            One mask of shape `(H, W)`.
        name (`str`, defaults to `"mask"`):
            How messages call it.
        pixel_aligned (`bool`, defaults to `False`):
            Whether depth or a camera refers to the pixels of its picture as stored.

    Returns:
        `np.ndarray` of shape `(H, W)`, boolean.

    Raises:
        TypeError: If `mask` is of another type.
        ValueError: If its shape, mode or values are not those of a mask, or it asks for a rotation with
            `pixel_aligned`.
    """
    if isinstance(mask, np.ndarray | torch.Tensor):
        array = to_array(mask, name)
    elif isinstance(mask, str | Path) and str(mask).lower().endswith(".npy"):
        array = load_npy(mask, name)
    else:
        opened, orientation = open_image(mask, name)
        if opened.mode not in ("1", "L"):
            raise ValueError(
                f"`{name}` must be a black-and-white image of mode 1 or L, got {describe_value(opened)}. "
                "Convert it, or pass a boolean array."
            )
        array = np.asarray(_upright(opened, orientation, name, pixel_aligned=pixel_aligned))
    if array.ndim != 2:
        raise ValueError(
            f"`{name}` must be one mask of shape (H, W), got {describe_value(array)}. "
            "Pass one dictionary per region and view; drop axes of size one."
        )
    check_pixel_count(array.shape, name)
    if array.dtype == bool:
        return array
    return _two_valued(array, name)


def _two_valued(array: np.ndarray, name: str) -> np.ndarray:
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be boolean or hold the integers 0 and 1, or 0 and 255, got {describe_value(array)}. "
            "Threshold it first, for example `mask > 0.5`."
        )
    values = set(np.unique(array).tolist())
    if not (values <= {0, 1} or values <= {0, 255}):
        raise ValueError(
            f"`{name}` must hold only 0 and 1, or only 0 and 255, got {len(values)} values: {sorted(values)[:6]}. "
            "Threshold a soft mask (`mask > 127`), or select one instance of a label map (`mask == 3`)."
        )
    return array > 0

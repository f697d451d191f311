# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Reader, a video file: MP4, MOV, MKV, WebM, AVI and what else FFmpeg decodes -> one view per frame.

A video has no depth and no poses, and the focal length in its metadata, if any, is not standardised, so views have
intrinsics only if the caller gives the field of view.

    frames    all of them, or some at equal steps; found by key frame and time stamp when they are loaded
    time      presentation time of the container, in seconds; frame rates may vary
    upright   frames are turned and mirrored as the display matrix of the container says, as players do
    colours   RGB by the matrix and range that the video states; HDR is shown without tone mapping

The packets of the file are listed when it is opened, and one frame is decoded, to know that this works.

May import: NumPy, the geometry and siblings in `inputs`; `video_decoding` needs the package `av`.
"""

import os
from functools import partial
from pathlib import Path

import numpy as np

from transformers_sr3d.geometry_sr3d import intrinsics_from_fov
from transformers_sr3d.inputs.selection import select_uniform
from transformers_sr3d.inputs.source import Source, SourceView
from transformers_sr3d.inputs.video_decoding import VideoDecoder


KIND = "video"
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".webm", ".avi"),
    *(".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv", ".asf", ".ogv"),
)
MAX_VIEWS = 100_000
MIN_FOV_DEG, MAX_FOV_DEG = 5.0, 170.0


def is_video(path: Path) -> bool:
    """Tell whether a path is a video file.

    Args:
        path (`Path`):
            Anything.

    Returns:
        `bool`: Whether it is a file with the suffix of one.
    """
    return path.suffix.lower() in VIDEO_SUFFIXES and os.path.isfile(path)


def read_video(path: str | Path, *, num_frames: int | None = None, horizontal_fov_deg: float | None = None) -> Source:
    """Read a video file.

    Args:
        path (`str` or `Path`):
            The file.
        num_frames (`int`, *optional*):
            How many frames become views, from the first to the last at equal steps; all if not given, or if there
            are fewer.
        horizontal_fov_deg (`float`, *optional*):
            Degrees across the frames as they are shown, upright; the camera then has square pixels and its centre in
            the middle.

    Returns:
        `Source`: One view per frame.

    Raises:
        ImportError: If the package `av` is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If the file is broken, truncated, encrypted, without video or frames, too large, or an option is
            out of range.
    """
    if num_frames is not None and num_frames < 1:
        raise ValueError(f"`num_frames` must be at least 1, got {num_frames!r}. Leave it out for all frames.")
    decoder = VideoDecoder(Path(path))
    if num_frames is None and len(decoder.times) > MAX_VIEWS:
        raise ValueError(
            f"`num_frames` must be given for a video of more than {MAX_VIEWS} frames, got {len(decoder.times)} in "
            f"{path}. Pass how many are wanted."
        )
    total = len(decoder.times)
    indices = range(total) if num_frames is None else select_uniform(total, num_frames)
    shown = decoder.picture(indices[0])
    intrinsics = _intrinsics(horizontal_fov_deg, (shown.height, shown.width))
    lost = "before the first key frame, so that nothing can decode it"
    return Source(
        KIND,
        decoder.path,
        tuple(_view(decoder, index, intrinsics) for index in indices),
        left_out={f"undecodable frame {number}": lost for number in range(decoder.num_lost)} or None,
        conventions=_conventions(decoder, intrinsics),
    )


def _view(decoder: VideoDecoder, index: int, intrinsics: np.ndarray | None) -> SourceView:
    return SourceView(
        name=f"frame {index}",
        load_image=partial(decoder.picture, index),
        intrinsics=intrinsics,
        time_s=float(decoder.times[index] * decoder.time_base),
    )


def _intrinsics(horizontal_fov_deg: float | None, size_hw: tuple[int, int]) -> np.ndarray | None:
    if horizontal_fov_deg is None:
        return None
    if not MIN_FOV_DEG <= horizontal_fov_deg <= MAX_FOV_DEG:
        raise ValueError(
            f"`horizontal_fov_deg` must be degrees between {MIN_FOV_DEG:g} and {MAX_FOV_DEG:g}, got "
            f"{horizontal_fov_deg!r}. Convert radians to degrees."
        )
    return intrinsics_from_fov(float(horizontal_fov_deg), size_hw).numpy()


def _conventions(decoder: VideoDecoder, intrinsics: np.ndarray | None) -> tuple[str, ...]:
    sentences = [
        f"Frames are those of the video ({decoder.stream}), turned as its display matrix says.",
        "Time is the presentation time of the container, in seconds.",
        "A video has neither poses nor depth.",
    ]
    if intrinsics is not None:
        sentences.append("Intrinsics are those of the field of view that the caller gave, across the upright frame.")
    if decoder.hdr is not None:
        sentences.append(f"Colours are HDR ({decoder.hdr}) and shown without tone mapping.")
    return tuple(sentences)

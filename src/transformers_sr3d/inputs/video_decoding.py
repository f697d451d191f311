# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, frames of a video: a file -> a table of time stamps -> one upright RGB picture at a time, by number.

The packets are listed once, without decoding a picture, because nothing else tells when a frame is shown: rates vary,
frames are stored in another order than they are shown, and the count that a container states is wrong for some (an AVI
file of 60 frames says 6000). A frame is then found by going to the key frame at or before it and decoding up to its
time stamp; frames in ascending order are decoded in one run.

Decoders go on after an error and paint over it. Here a frame is refused if it, or one that it may build on since its
key frame, was damaged or is missing.

Needs: PyAV (FFmpeg), imported when a video is opened. Playlists and other containers that name further files or
addresses are not opened, whatever their suffix.

May import: NumPy, PIL, and siblings in `inputs`.
"""

import importlib
import os
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from transformers_sr3d.input_checks_sr3d import MAX_IMAGE_PIXELS, check_pixel_count
from transformers_sr3d.inputs.video_containers import check_complete


FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,asf,ogg"
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file", "max_pixels": str(MAX_IMAGE_PIXELS)}
MAX_FRAMES = 1_000_000
DECODER_THREADS = 4
ENCRYPTED = ("encryption_info", "encryption_init_info")
SQUARE_TOLERANCE = 0.01
# Of the transfer functions of HDR video: SMPTE ST 2084 (PQ) and ARIB STD-B67 (HLG), as FFmpeg numbers them.
HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
RECTILINEAR = 4  # AV_SPHERICAL_RECTILINEAR
UPRIGHT = (1, 0, 0, 1)
# The display matrix takes the place (x, y) in the stored picture, y down, to x' = a x + c y, y' = b x + d y of the
# shown one, up to a shift (ISO/IEC 14496-12, 6.2.2; FFmpeg, libavutil/display.h). (a, b, c, d) -> what Pillow does.
TURNS = {
    UPRIGHT: None,
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
MATRIX_ONE = 1 << 16  # of its first two columns, fixed point
MATRIX_TOLERANCE = 1e-3
# Containers whose threads belong to a process that this one was forked from: freeing them would wait for ever.
_inherited: list[Any] = []


class VideoDecoder:
    """Frames of one video file by number.

    The file is opened on first use, closed with the object, and opened anew in another process. Access is serial.

    Args:
        path (`Path`):
            Of the file.

    Raises:
        ImportError: If PyAV is not installed.
        FileNotFoundError: If there is no such file.
        ValueError: If it is broken, truncated or encrypted, has no video stream, no frame, no usable time stamps, too
            many pixels or frames, or pixels that are not square.

    Attributes:
        path (`Path`): Of the file.
        times (`tuple[int, ...]`): When each frame is shown, ascending, in units of `time_base`.
        time_base (`Fraction`): Seconds.
        num_lost (`int`): Frames before the first key frame, which nothing can decode; they are not in `times`.
        stream (`str`): Which stream of the file it is, for people.
        hdr (`str`, *optional*): Transfer function of HDR colours.
    """

    def __init__(self, path: Path):
        if not path.is_file():
            raise FileNotFoundError(f"`{path}` must be a video file, got no file there. Check the path.")
        check_complete(path)
        self.path = path
        self._forget()
        try:
            with _open(path) as container:
                stream = _choose_stream(container, path)
                _check_stream(stream, path)
                self.time_base: Fraction = stream.time_base
                self.hdr = HDR_TRANSFERS.get(stream.codec_context.color_trc)
                self.stream = f"{stream.codec_context.name}, stream {stream.index} of {len(container.streams)}"
                times, keys, broken = _list_packets(container, stream, path)
        except _ffmpeg_errors() as error:
            raise ValueError(_undecodable(str(path), error)) from error
        self._keys, self._stored = zip(*keys, strict=True)
        self.num_lost = bisect_right(times, self._keys[0] - 1)
        self.times = tuple(times[self.num_lost :])
        # Packets that the container knows to be damaged; every frame of their group may build on them.
        self._damaged_groups = {bisect_right(self._keys, time) for time in broken}
        self._layout: tuple[Any, ...] | None = None

    def picture(self, index: int) -> Image.Image:
        """Load one frame.

        Args:
            index (`int`):
                Its number, in the order in which frames are shown.

        Returns:
            `Image.Image`: RGB, upright.

        Raises:
            ValueError: If it cannot be decoded without error; the message names file, number and time.
        """
        if self._process != os.getpid():
            _inherited.append(self._container)
            self._forget()
        try:
            with self._lock, ExitStack() as after_error:
                after_error.callback(self._forget, keep_lock=True)  # where the decoder stands is not known then
                picture = self._picture(index, self.name(index))
                after_error.pop_all()
                return picture
        except _ffmpeg_errors() as error:
            raise ValueError(_undecodable(self.name(index), error)) from error

    def name(self, index: int) -> str:
        """Call a frame by file, number and time, for messages."""
        return f"{self.path} frame {index} at {float(self.times[index] * self.time_base):.3f} s"

    def __getstate__(self) -> dict[str, Any]:
        live = ("_container", "_frames", "_shown", "_lock")
        return {name: value for name, value in self.__dict__.items() if name not in live}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self, *, keep_lock: bool = False) -> None:
        if not keep_lock:
            self._lock = threading.Lock()
        self._process = os.getpid()
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._shown: Any = None  # the frame that was decoded last
        self._is_damaged = False

    def _picture(self, index: int, name: str) -> Image.Image:
        target = self.times[index]
        group = bisect_right(self._keys, target)
        if group in self._damaged_groups:
            raise ValueError(_damaged(name))
        last = -1 if self._shown is None else bisect_right(self.times, self._shown.pts) - 1
        first = bisect_left(self.times, self._keys[group - 1])
        if not (self._shown is not None and last <= index and first <= last + 1):  # going on would decode more
            self._go_before(target, group - 1, name)
        while self._shown.pts < target:
            self._advance(name)
        if self._shown.pts != target or self._is_damaged:
            raise ValueError(_damaged(name))
        return self._upright(self._shown, name)

    def _go_before(self, target: int, key: int, name: str) -> None:
        """Decode the first frame of the target's group, or one before it.

        Some containers are searched by the time of storage and others by the time of showing, so that one try may land
        behind the target; then farther back, and at last from the start of the file.
        """
        for place in self._places_before(key):
            self._shown = self._restart(place)
            if self._shown is None or self._shown.pts is None or self._shown.pts > target:
                continue
            # Some key frames need others before them after all (recovery points of streams that refresh gradually).
            self._is_damaged = self._shown.is_corrupt or not self._starts_group(self._shown.pts)
            if not self._is_damaged or place is None:
                return
        raise ValueError(_damaged(name))

    def _restart(self, place: int | None) -> Any:
        """Decode the first frame from a place on, or from the start of the file; None if that fails."""
        if place is None or self._container is None:
            self._container = _open(self.path)
        stream = _choose_stream(self._container, self.path)
        if place is not None:
            self._container.seek(place, stream=stream)
        self._frames = self._container.decode(stream)
        try:
            return next(self._frames, None)
        except _ffmpeg_errors():
            return None

    def _places_before(self, key: int) -> Iterator[int | None]:
        yield self._keys[key]
        step = 1
        while key >= 0:
            yield self._stored[key]
            key, step = key - step, 2 * step
        yield None

    def _advance(self, name: str) -> None:
        """Decode the next frame; if it is not the next one of the table, its group has lost some."""
        expected = self.times[bisect_right(self.times, self._shown.pts)]
        frame = next(self._frames, None)
        if frame is None or frame.pts is None:
            raise ValueError(_damaged(name))
        has_gap = self._is_damaged or frame.pts != expected
        self._is_damaged = frame.is_corrupt or (has_gap and not self._starts_group(frame.pts))
        self._shown = frame

    def _starts_group(self, time: int) -> bool:
        """Tell whether a frame is the first one that is shown of those that build on the same key frame."""
        key = bisect_right(self._keys, time) - 1
        return key >= 0 and self.times[bisect_left(self.times, self._keys[key])] == time

    def _upright(self, frame: Any, name: str) -> Image.Image:
        check_pixel_count((frame.height, frame.width), name)
        side_data = {entry.type.name: np.frombuffer(entry, dtype=np.int32) for entry in frame.side_data
                     if entry.type.name in ("SPHERICAL", "DISPLAYMATRIX")}  # fmt: skip
        if side_data.get("SPHERICAL", (RECTILINEAR,))[0] != RECTILINEAR:
            raise ValueError(
                f"`{name}` must be a plain picture, got one that is marked as spherical (360 degrees or fisheye), "
                "which no pinhole camera makes. Render a flat view of it first."
            )
        layout = (frame.width, frame.height, _turn(side_data.get("DISPLAYMATRIX"), name))
        if self._layout not in (None, layout):
            raise ValueError(
                f"`{name}` must have the size and orientation of the first frame, got {layout[:2]} after "
                f"{(self._layout or ())[:2]} or another rotation. Cut the video where they change."
            )
        self._layout = layout
        picture = frame.to_image()
        return picture if layout[2] is None else picture.transpose(layout[2])


def _import_av() -> Any:
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ImportError(
            "`av` (PyAV) is needed to read a video, got no such package. Install it: "
            "pip install 'transformers-sr3d[inputs]'"
        ) from error


def _ffmpeg_errors() -> type[Exception]:
    return _import_av().error.FFmpegError


def _open(path: Path) -> Any:
    # "file:" keeps names such as "concat:x" or "pipe:0" from being taken as something else than a file.
    return _import_av().open(f"file:{path}", options=OPTIONS, metadata_errors="replace")


def _choose_stream(container: Any, path: Path) -> Any:
    """Take the video stream that is meant, set up to decode."""
    flags = importlib.import_module("av.stream").Disposition
    streams = [
        stream for stream in container.streams.video
        if not stream.disposition & (flags.attached_pic | flags.timed_thumbnails)
    ]  # fmt: skip
    found = ", ".join(f"{stream.type} stream {stream.index}" for stream in container.streams) or "no stream"
    if not streams:
        raise ValueError(f"`{path}` must have a video stream, got {found} (pictures of a cover do not count).")
    marked = [stream for stream in streams if stream.disposition & flags.default]
    if len(streams) > 1 and len(marked) != 1:
        raise ValueError(
            f"`{path}` must have one video stream or one that is marked as default, got {found} with {len(marked)} "
            "marked. Keep one: ffmpeg -i IN -map 0:v:0 -c copy OUT.mp4"
        )
    stream = marked[0] if len(streams) > 1 else streams[0]
    if stream.codec_context is None:
        raise ValueError(
            f"`{path}` must have a codec that FFmpeg decodes, got an unknown one in stream {stream.index}. "
            "Convert the video to H.264."
        )
    if not stream.codec_context.is_open:
        stream.codec_context.options = {"max_pixels": OPTIONS["max_pixels"]}
        stream.codec_context.thread_type, stream.codec_context.thread_count = "AUTO", DECODER_THREADS
    return stream


def _check_stream(stream: Any, path: Path) -> None:
    size_hw = (stream.codec_context.height, stream.codec_context.width)
    if not all(size_hw):
        raise ValueError(
            f"`{path}` must have frames of 1 to {MAX_IMAGE_PIXELS} pixels, got a size that FFmpeg cannot tell or that "
            "is larger. Make it smaller, or convert it."
        )
    check_pixel_count(size_hw, str(path))
    if stream.codec_context.codec_tag in ("encv", "drmi"):
        raise ValueError(_encrypted(path))
    aspect = stream.sample_aspect_ratio
    if aspect and abs(float(aspect) - 1) > SQUARE_TOLERANCE:
        raise ValueError(
            f"`{path}` must have square pixels, got pixels of width to height {aspect}. Convert it: "
            "ffmpeg -i IN -vf scale=iw*sar:ih,setsar=1 OUT.mp4"
        )
    if stream.container.format.name == "avi" and stream.codec_context.has_b_frames:
        raise ValueError(
            f"`{path}` must tell when each frame is shown, got an AVI file with frames out of order (B-frames), whose "
            "format cannot. Convert it: ffmpeg -i IN OUT.mp4"
        )


def _list_packets(container: Any, stream: Any, path: Path) -> tuple[list[int], list[tuple[int, int]], list[int]]:
    """Times of the frames that are shown, of key frames with their times of storage, and of damaged packets."""
    times: list[int] = []
    keys: list[tuple[int, int]] = []
    broken: list[int] = []
    for packet in container.demux(stream):
        if packet.size == 0:  # the frame before it goes on, or the end
            continue
        if any(packet.has_sidedata(kind) for kind in ENCRYPTED):
            raise ValueError(_encrypted(path))
        if packet.pts is None:
            raise ValueError(
                f"`{path}` must tell when each frame is shown, got none for packet {len(times)}. Convert it: "
                "ffmpeg -fflags +genpts -i IN OUT.mp4"
            )
        times += [packet.pts] * (not packet.is_discard)  # an edit list cuts frames away that others build on
        keys += [(packet.pts, packet.pts if packet.dts is None else packet.dts)] * packet.is_keyframe
        broken += [packet.pts] * packet.is_corrupt
        if len(times) > MAX_FRAMES:
            raise ValueError(f"`{path}` may have at most {MAX_FRAMES} frames, got more. Cut the video.")
    if not keys or not times or max(times) < min(keys)[0]:
        raise ValueError(
            f"`{path}` must have at least one frame that can be decoded, got {len(times)} frames and {len(keys)} key "
            "frames. Record or convert the video again."
        )
    if len(set(times)) < len(times):
        raise ValueError(
            f"`{path}` must show every frame at a time of its own, got {len(set(times))} times for {len(times)} "
            "frames. Convert it: ffmpeg -fflags +genpts -i IN OUT.mp4"
        )
    return sorted(times), sorted(keys), broken


def _turn(matrix: np.ndarray | None, name: str) -> Image.Transpose | None:
    if matrix is None:
        return None
    rows = matrix.reshape(3, 3)[:2, :2] / MATRIX_ONE
    rounded = np.round(rows)
    turn = (int(rounded[0, 0]), int(rounded[0, 1]), int(rounded[1, 0]), int(rounded[1, 1]))
    if np.abs(rows - rounded).max() > MATRIX_TOLERANCE or turn not in TURNS:
        raise ValueError(
            f"`{name}` must be turned by quarter turns, got the display matrix {rows.tolist()}. "
            "Convert the video so that it is stored upright."
        )
    return TURNS[turn]


def _undecodable(name: str, error: Exception) -> str:
    return (
        f"`{name}` must be video that FFmpeg decodes, got {str(error)[:200]}. It is damaged, truncated, encrypted or "
        "no video: record, copy or convert it again."
    )


def _damaged(name: str) -> str:
    return (
        f"`{name}` must decode without error from its key frame on, got damaged or missing data. Copy or convert the "
        "video again, or choose frames of another part of it."
    )


def _encrypted(path: Path) -> str:
    return f"`{path}` must not be encrypted, got a protected video stream. Use a copy without protection."

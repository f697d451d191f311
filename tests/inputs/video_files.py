# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Video files for tests: each frame shows its number, and bytes of the containers are changed by hand."""

import random
from fractions import Fraction

import av
import numpy as np
from av.stream import Disposition
from PIL import Image


SIZE_HW = (48, 64)
BITS = 8
FRAME_MS = 40
# Variable: 17 to 400 ms apart.
TIMES_MS = np.cumsum([0, *random.Random(0).choices((17, 33, 34, 100, 400), k=23)]).tolist()
CODECS = {
    "mp4": {},
    "mov": {"codec": "mpeg4", "options": {"bf": "2"}},
    "mkv": {"options": {"x264-params": "open-gop=1:bframes=3:scenecut=0"}},
    "webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "avi": {"codec": "mjpeg"},
    "ts": {"options": {"x264-params": "keyint=2:bframes=1:scenecut=0"}},
}
FASTSTART = {"container": {"movflags": "faststart"}}
# Corners of every frame, so that it is seen which way it is turned: top left, top right, bottom left, bottom right.
CORNERS = ((200, 60, 60), (60, 200, 60), (60, 60, 200), (190, 190, 60))


def picture(number, size_hw=SIZE_HW):
    """A frame whose middle row of blocks says its number in black and white, in four coloured corners."""
    height, width = size_hw
    array = np.empty((height, width, 3), dtype=np.uint8)
    for index, colour in enumerate(CORNERS):
        rows = slice(height // 2) if index < 2 else slice(height // 2, None)
        columns = slice(width // 2) if index % 2 == 0 else slice(width // 2, None)
        array[rows, columns] = colour
    block = width // BITS
    for bit in range(BITS):
        array[height // 3 : 2 * height // 3, bit * block : (bit + 1) * block] = 255 * (number >> bit & 1)
    return array


def number_of(image):
    """Read the number of a frame."""
    grey = np.asarray(image.convert("L"), dtype=float)
    height, width = grey.shape
    row = grey[height // 3 + 2 : 2 * height // 3 - 2].mean(axis=0)
    block = width // BITS
    return sum(1 << bit for bit in range(BITS) if row[bit * block + 2 : (bit + 1) * block - 2].mean() > 127)


def write_video(path, num_frames=24, **settings):
    """Encode frames that are shown at `times_ms`, by default 40 ms apart."""
    settings = {"codec": "libx264", "options": {}, "container": {}, "size_hw": SIZE_HW, "gop": 6} | settings
    times_ms = settings.get("times_ms") or [FRAME_MS * index for index in range(num_frames)]
    with av.open(str(path), "w", format=settings.get("format"), options=settings["container"]) as container:
        stream = container.add_stream(settings["codec"], rate=25, options={"threads": "1"} | settings["options"])
        stream.height, stream.width = settings["size_hw"]
        stream.pix_fmt = "yuvj420p" if settings["codec"] == "mjpeg" else "yuv420p"
        stream.gop_size = settings["gop"]
        stream.codec_context.time_base = Fraction(1, 1000)
        for name, value in settings.get("context", {}).items():
            setattr(stream.codec_context, name, value)
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(picture(index % 256, settings["size_hw"]), "rgb24")
            frame.pts, frame.time_base = times_ms[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_cover(path):
    """A clip with a cover picture in front."""
    with av.open(str(path), "w") as container:
        streams = [container.add_stream(codec, rate=25) for codec in ("mjpeg", "libx264")]
        streams[0].disposition = Disposition.attached_pic
        for stream in streams:
            (stream.height, stream.width), stream.pix_fmt = SIZE_HW, "yuvj420p" if stream is streams[0] else "yuv420p"
        for index in range(6):
            frame = av.VideoFrame.from_ndarray(picture(index), "rgb24")
            frame.pts = index
            container.mux(streams[1].encode(frame))
        container.mux(streams[1].encode())
        container.mux(streams[0].encode(frame.reformat(format="yuvj420p")))
        container.mux(streams[0].encode())
    return path


def write_sound(path):
    """A file that video players open and that has no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), dtype=np.int16), "s16", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def remux(path, target, **settings):
    """Copy the packets of the video, changed one by one, into one stream for each of `flags`; None drops a packet."""
    change = settings.get("change", lambda number, packet: packet)
    with av.open(str(path)) as source, av.open(str(target), "w", format=settings.get("format")) as container:
        copies = [container.add_stream_from_template(source.streams.video[0]) for _ in settings.get("flags", "1")]
        for stream, flags in zip(copies, settings.get("flags", ()), strict=False):
            stream.disposition = flags
        container.start_encoding()  # so that there is a file without packets, too
        for number, packet in enumerate(source.demux(source.streams.video[0])):
            if packet.size == 0 or (packet := change(number, packet)) is None:
                continue
            for stream in copies:
                packet.stream = stream
                container.mux(packet)
    return target


def boxes(data, start, end):
    """Boxes of an MP4 file between two places: kind -> where it starts and ends."""
    found = {}
    while start < end:
        size = int.from_bytes(data[start : start + 4], "big")
        found[bytes(data[start + 4 : start + 8])] = (start, start + size)
        start += size
    return found


def box(data, *kinds):
    """Where a box starts and ends, by its path."""
    start, end = 0, len(data)
    for kind in kinds:
        start, end = boxes(data, start, end)[kind]
        start += 8
    return start - 8, end


def set_display_matrix(path, a, b, c, d):
    """Write the matrix of the track's header: version 0 has it 40 bytes into the box (ISO/IEC 14496-12, 8.3.2)."""
    data = bytearray(path.read_bytes())
    start, _ = box(data, b"moov", b"trak", b"tkhd")
    matrix = [a, b, 0, c, d, 0, 0, 0, 1 << 14]
    numbers = [round(value * (1 << 16)) for value in matrix]
    data[start + 48 : start + 84] = b"".join(number.to_bytes(4, "big", signed=True) for number in numbers)
    path.write_bytes(data)
    return path


def turn_by_matrix(array, a, b, c, d):
    """Put every pixel where the matrix says: x' = a x + c y, y' = b x + d y, then shifted to start at 0."""
    height, width = array.shape[:2]
    y, x = np.mgrid[:height, :width]
    new_x, new_y = a * x + c * y, b * x + d * y
    new_x, new_y = new_x - new_x.min(), new_y - new_y.min()
    turned = np.empty((new_y.max() + 1, new_x.max() + 1, 3), dtype=array.dtype)
    turned[new_y, new_x] = array
    return turned


def insert_into_track(path, payload):
    """Add a box at the end of the track; the tables lie behind the pictures, so that no place changes."""
    data = bytearray(path.read_bytes())
    (moov, _), (trak, end) = box(data, b"moov"), box(data, b"moov", b"trak")
    for start in (moov, trak):
        size = int.from_bytes(data[start : start + 4], "big") + len(payload)
        data[start : start + 4] = size.to_bytes(4, "big")
    path.write_bytes(data[:end] + payload + data[end:])
    return path


def array_of(image):
    return np.asarray(image if isinstance(image, Image.Image) else image.to_image())


def write_clips(folder):
    """Write one video of 24 frames in each container, shown at `TIMES_MS`; those of the AVI are 40 ms apart."""
    for suffix, settings in CODECS.items():
        times = {} if suffix == "avi" else {"times_ms": TIMES_MS}
        write_video(folder / f"clip.{suffix}", **settings, **times)
    return folder


def numbers(source):
    return [number_of(view.load_image()) for view in source.views]

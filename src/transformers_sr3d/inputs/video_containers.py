# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, video files that end too early: the sizes that a container states for itself -> complete, or refused.

Decoders play what is left of a truncated file without a word. Three families of containers state where they end,
each by nested lengths of which the outermost ones are read here:

    MP4, MOV, 3GP    boxes: 32-bit size, type, 64-bit size where the first is 1; 0 is "to the end" (ISO/IEC 14496-12,
                     4.2)
    MKV, WebM        elements: identifier, length of variable width; all ones is "unknown" (RFC 8794, RFC 9559)
    AVI              RIFF chunks: identifier, 32-bit size, padded to 2 bytes

MPEG transport and program streams, FLV, ASF and Ogg do not: there a missing end is a shorter video.

May import: the standard library.
"""

import os
from pathlib import Path
from typing import BinaryIO


# Boxes that hold pictures or their tables; what else stands at the end of a file (junk, a trailer) is passed over.
MEDIA_BOXES = (b"ftyp", b"moov", b"moof", b"mdat")
FIRST_BOXES = (*MEDIA_BOXES, b"styp", b"wide", b"free", b"skip")
EBML_ID, SEGMENT_ID = 0x1A45DFA3, 0x18538067
BOX_HEAD_BYTES, LONG_BOX_HEAD_BYTES = 8, 16


def check_complete(path: Path) -> None:
    """Refuse a video file that is shorter than it says.

    Args:
        path (`Path`):
            Of the file, of any container.

    Raises:
        ValueError: If it is empty or truncated; the message names it and both sizes.
    """
    size = os.path.getsize(path)
    if size == 0:
        raise ValueError(f"`{path}` must be a video file, got 0 bytes. Copy or record it again.")
    with path.open("rb") as file:
        head = file.read(BOX_HEAD_BYTES)
        file.seek(0)
        if head[:4] == b"RIFF":
            end = _end_of_chunks(file, size)
        elif head[:4] == EBML_ID.to_bytes(4, "big"):
            end = _end_of_segment(file)
        else:
            end = _end_of_boxes(file, size) if head[4:] in FIRST_BOXES else 0
    if end > size:
        raise ValueError(
            f"`{path}` must be a complete video file of at least {end} bytes, as it says itself, got {size} bytes. It "
            "was cut off while it was copied or recorded: copy it again."
        )


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    start = 0
    while start + BOX_HEAD_BYTES <= size:
        file.seek(start)
        head = file.read(LONG_BOX_HEAD_BYTES)
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if kind not in MEDIA_BOXES and start + length > size:
            return start
        if length < BOX_HEAD_BYTES:  # 0 is "to the end"; less than its own head is no box
            return start
        start += length
    return start


def _end_of_segment(file: BinaryIO) -> int:
    end = 0
    for wanted in (EBML_ID, SEGMENT_ID):
        file.seek(end)
        number = int.from_bytes(file.read(4), "big")
        first = file.read(1)
        if number != wanted or not first or not first[0]:
            return 0
        width = 9 - first[0].bit_length()
        length = int.from_bytes(first + file.read(width - 1), "big") & ((1 << (7 * width)) - 1)
        if length == (1 << (7 * width)) - 1:  # recorded live: the length was not known
            return 0
        end = file.tell() + length
    return end


def _end_of_chunks(file: BinaryIO, size: int) -> int:
    """Follow RIFF after RIFF, of which a large file has several (OpenDML)."""
    start = 0
    while start + BOX_HEAD_BYTES <= size:
        file.seek(start)
        head = file.read(BOX_HEAD_BYTES)
        length = int.from_bytes(head[4:], "little")
        if head[:4] != b"RIFF" or length == 0:  # other bytes behind it; or the recorder never came back to fill it in
            return start
        start += BOX_HEAD_BYTES + length
    return start

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, LZFSE, Apple's compression: bytes -> bytes, of a length that is known beforehand.

The package `lzfse` makes room for as many bytes as the stream says. A stream is therefore walked through first, block
by block, and refused unless its blocks add up to the length that the caller expects.

    bvx-   raw bytes of the block (u32), then these
    bvxn   raw bytes (u32), bytes of the payload (u32), then the payload
    bvx2   raw bytes (u32), three u64, then tables and payloads; the first has the bytes of the literals in bits 20-39,
           the second those of the matches in bits 40-59, the third those of the whole head in bits 0-31
    bvx$   the end

A fourth kind, bvx1, is written by no encoder. Source: lzfse/lzfse 1.0, `lzfse_internal.h` and `lzfse_decode_base.c`.

May import: the standard library, and `lzfse` when it is needed.
"""

import importlib
import struct
from typing import Any


END, RAW, LZVN, LZFSE = b"bvx$", b"bvx-", b"bvxn", b"bvx2"
MIN_HEAD_BYTES = 32
EXTRA = "record3d"


def lzfse_module() -> Any:
    """Import the package.

    Returns:
        `Any`: The module `lzfse`.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return importlib.import_module("lzfse")
    except ImportError as error:
        raise ImportError(
            f"`lzfse` must be installed to read depth that is compressed with LZFSE, got {error}. "
            f"Run `pip install 'transformers-sr3d[{EXTRA}]'`, or `pip install lzfse`."
        ) from error


def lzfse_size(data: bytes, name: str) -> int:
    """Add up how long the blocks of a stream say that they are.

    Args:
        data (`bytes`):
            The stream.
        name (`str`):
            How messages call it.

    Returns:
        `int`: Bytes after decompression.

    Raises:
        ValueError: If it is no LZFSE stream, or not complete.
    """
    position = size = 0
    while (magic := data[position : position + 4]) != END:
        try:
            raw_bytes, block_bytes = _block(data, position, magic)
        except (struct.error, KeyError) as error:
            kind = "no complete head of a block" if isinstance(error, struct.error) else f"{magic!r}"
            raise ValueError(
                f"`{name}` must be a complete LZFSE stream, got {kind} at byte {position} of {len(data)}. "
                "The file is damaged or truncated: export it again."
            ) from error
        position, size = position + block_bytes, size + raw_bytes
    if position + len(END) != len(data):
        raise ValueError(
            f"`{name}` must end with its LZFSE stream, got {len(data) - position - len(END)} bytes behind it. "
            "The file is damaged: export it again."
        )
    return size


def _block(data: bytes, position: int, magic: bytes) -> tuple[int, int]:
    """Bytes of a block after decompression, and before."""
    if magic == RAW:
        (raw_bytes,) = struct.unpack_from("<I", data, position + 4)
        return raw_bytes, 8 + raw_bytes
    if magic == LZVN:
        raw_bytes, payload_bytes = struct.unpack_from("<II", data, position + 4)
        return raw_bytes, 12 + payload_bytes
    if magic == LZFSE:
        raw_bytes, literals, matches, head = struct.unpack_from("<IQQQ", data, position + 4)
        bits_20, head_bytes = (1 << 20) - 1, head & 0xFFFFFFFF
        return raw_bytes, max(head_bytes, MIN_HEAD_BYTES) + (literals >> 20 & bits_20) + (matches >> 40 & bits_20)
    if len(magic) < len(END):
        raise struct.error
    raise KeyError(magic)


def lzfse_decompress(data: bytes, num_bytes: int, name: str) -> bytes:
    """Decompress a stream of known length.

    Args:
        data (`bytes`):
            The stream.
        num_bytes (`int`):
            How long it must be after decompression.
        name (`str`):
            How messages call it.

    Returns:
        `bytes`: `num_bytes` of them.

    Raises:
        ImportError: If `lzfse` is not installed.
        ValueError: If it is no LZFSE stream, has another length, or is damaged.
    """
    module = lzfse_module()
    size = lzfse_size(data, name)
    if size != num_bytes:
        raise ValueError(
            f"`{name}` must be {num_bytes} bytes after decompression, got a stream of {size}. "
            "Check the size of the maps in the metadata, or export the file again."
        )
    try:
        decompressed = module.decompress(data)
    except (module.error, MemoryError) as error:  # it makes room for a damaged stream until there is none
        raise ValueError(f"`{name}` must be an intact LZFSE stream, got a damaged one. Export it again.") from error
    if len(decompressed) != num_bytes:
        raise ValueError(
            f"`{name}` must be {num_bytes} bytes after decompression, got {len(decompressed)}. Export it again."
        )
    return decompressed

# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Stage 0, a pickle that somebody else wrote -> lists, dictionaries, tuples, numbers, texts, bytes and NumPy arrays.

`pickle.load` imports and calls whatever a file names, so opening one is running it. Here

    opcodes   are those of `ADMITTED`, with which `pickle.dumps` writes such values in protocols 0 to 5: no persistent
              ids, no registered extensions, no `__new__`, nothing that is called but by `REDUCE` and `BUILD`
    names     are those of `CALLABLES`, each of which stands for a function below that checks what it is given; nothing
              that a file names is imported
    states    go to arrays and dtypes only, and are checked first: that of a dtype can turn bytes into pointers
    sizes     never lead beyond the end of the file; an array shares the bytes that it was made from, and no more texts
              are turned into bytes than the file is long, so the values take at most some hundred times its memory
    keys      of dictionaries are flat: to hash tuples that share their parts takes time exponential in their depth

This is a subclass of `pickle._Unpickler`, the standard library's own interpreter in Python, because its table of
opcodes can be cut down; joblib changes the same table. `pickle.Unpickler` with another `find_class` is no shorter,
since arrays need the same checks, and not as safe: it admits every opcode, looks registered extensions up past
`find_class`, hands states to whatever has a `__setstate__`, and makes its memo and its buffers as large as a number in
the file says. The price is speed: it is many times slower than the one in C.

Refused though harmless: sets, complex numbers, Python 2 strings, big-endian numbers, dates, `OrderedDict`.

Sources: the documentation of `pickle`, "Restricting Globals"; PEP 574; NumPy, numpy/_core/src/multiarray/methods.c and
descriptor.c (`array_reduce`, `array_setstate`, `arraydescr_reduce`, `arraydescr_setstate`).

May import: the standard library and NumPy.
"""

import io
import pickle
import pickletools
import re
import reprlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


MAX_PICKLE_BYTES = 1024**3
MAX_DIMENSIONS = 32
DAMAGE = (
    *(IndexError, KeyError, TypeError, ValueError, OverflowError, AttributeError, EOFError),
    *(struct.error, pickle.UnpicklingError),
)
# Plain numbers and texts, in the byte order of most machines: no objects, no fields, no dates.
PLAIN_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9][0-9]{0,5}")
DTYPE_STATE_VERSION, ARRAY_STATE_VERSION = 3, 1
KEY_TYPES = (str, bytes, int, float, type(None), np.generic)
# What a file passes to `_reconstruct`; nobody calls it.
ARRAY_CLASS = "numpy.ndarray"
ADMITTED = (
    *(
        "PROTO",
        "STOP",
        "MARK",
        "POP",
        "POP_MARK",
        "DUP",
        "PUT",
        "BINPUT",
        "LONG_BINPUT",
        "MEMOIZE",
        "GET",
        "BINGET",
        "LONG_BINGET",
    ),
    *(
        "NONE",
        "NEWTRUE",
        "NEWFALSE",
        "INT",
        "BININT",
        "BININT1",
        "BININT2",
        "LONG",
        "LONG1",
        "LONG4",
        "FLOAT",
        "BINFLOAT",
    ),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_DICT"),
    *("GLOBAL", "STACK_GLOBAL", "REDUCE"),
)


# A tuple is hashed anew each time it is a key.
MAX_KEY_PARTS = 8


class _RefusalError(Exception):
    """What a pickle asks for and does not get: what it must be, and what came."""


def load_restricted_pickle(path: Path) -> Any:
    """Read a pickle without running anything that it names.

    Args:
        path (`Path`):
            Of the file.

    Returns:
        `Any`: Lists, dictionaries, tuples, numbers, texts, bytes, NumPy arrays, scalars and dtypes. Arrays may share
        memory and be read-only.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it asks for anything else, is damaged or too large; the message names file and byte.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a pickle, got no file there. Check the path.")
    size = path.stat().st_size
    if size > MAX_PICKLE_BYTES:
        raise ValueError(f"`{path}` must be a pickle of at most {MAX_PICKLE_BYTES} bytes, got {size}. Check the file.")
    # In memory, because a file would allocate what it is asked to read before it looks for the end.
    stream = io.BytesIO(path.read_bytes())
    try:
        value = _PlainUnpickler(stream, size).load()
        if stream.tell() != size:
            raise _RefusalError(f"must end, got {size - stream.tell()} bytes more")
    except _RefusalError as error:
        raise ValueError(
            f"`{path}` up to byte {stream.tell()} {error}. Nothing in it was run; do not open it with `pickle` "
            "either, unless you know who made it."
        ) from error
    except DAMAGE as error:
        raise ValueError(
            f"`{path}` up to byte {stream.tell()} must be a pickle, got {type(error).__name__}: {str(error)[:200]}. "
            "The file is cut off or damaged: get it again."
        ) from error
    return value


class _PlainUnpickler(pickle._Unpickler):
    """Plain values from a stream of so many bytes."""

    stack: list[Any]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, stream: io.BytesIO, num_bytes: int) -> None:
        super().__init__(stream)
        self.bytes_left = num_bytes

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("_codecs", "encode"):
            return self.encode_latin1
        if (module, name) not in CALLABLES:
            raise _RefusalError(f"must name nothing but arrays, got {reprlib.repr(f'{module}.{name}')}")
        return CALLABLES[module, name]

    def encode_latin1(self, text: Any, encoding: Any) -> bytes:
        """Stand in for `_codecs.encode`, by which protocols 0 to 2 store bytes."""
        if not isinstance(text, str) or encoding != "latin1":
            raise _RefusalError(f"must store bytes as latin1, got {reprlib.repr(encoding)}")
        self.bytes_left -= len(text)
        if self.bytes_left < 0:
            raise _RefusalError("must store every byte once, got more bytes than it has")
        return text.encode("latin1")

    def load_frame(self) -> None:
        """Pass over the length of a frame: what is in it stands behind it, framed or not."""
        self.read(8)

    def load_dict(self) -> None:
        pairs = self.pop_mark()
        self.stack.append({})
        self._set_items(pairs)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def _set_items(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(pairs) % 2:
            raise _RefusalError(f"must set pairs in a dict, got {len(pairs)} values in a {type(target).__name__}")
        for key in pairs[::2]:
            parts = key if type(key) is tuple else (key,)
            if len(parts) > MAX_KEY_PARTS or not all(isinstance(part, KEY_TYPES) for part in parts):
                raise _RefusalError(f"must have keys of numbers and texts, got {reprlib.repr(key)}")
        target.update(zip(pairs[::2], pairs[1::2], strict=True))

    def load_build(self) -> None:
        state, value = self.stack.pop(), self.stack[-1]
        if type(value) is np.ndarray:
            _fill_array(value, state)
        elif isinstance(value, np.dtype):
            _check_dtype_state(value, state)
        else:
            raise _RefusalError(f"must give a state to arrays and dtypes only, got a {type(value).__name__}")


class _Opcodes(dict[int, Callable[[Any], None]]):
    """What to do, by code."""

    def __missing__(self, code: int) -> Callable[[Any], None]:
        name = next((opcode.name for opcode in pickletools.opcodes if ord(opcode.code) == code), hex(code))
        raise _RefusalError(f"must be a pickle of plain values, got the opcode {name}")


_PlainUnpickler.dispatch = _Opcodes(
    {
        ord(opcode.code): pickle._Unpickler.dispatch[ord(opcode.code)]
        for opcode in pickletools.opcodes
        if opcode.name in ADMITTED
    }
    | {
        pickle.FRAME[0]: _PlainUnpickler.load_frame,
        pickle.DICT[0]: _PlainUnpickler.load_dict,
        pickle.SETITEM[0]: _PlainUnpickler.load_setitem,
        pickle.SETITEMS[0]: _PlainUnpickler.load_setitems,
        pickle.BUILD[0]: _PlainUnpickler.load_build,
        # Writable arrays in protocol 5. The bytes stand there in the same way.
        pickle.BYTEARRAY8[0]: pickle._Unpickler.dispatch[pickle.BINBYTES8[0]],
    }
)


def _make_empty_bytes() -> bytes:
    """Stand in for `bytes`, which protocols 0 to 2 call where there are none."""
    return b""


def _make_dtype(code: Any, _align: Any = False, _copy: Any = False) -> np.dtype:
    """Stand in for `numpy.dtype`."""
    if not isinstance(code, str) or not PLAIN_DTYPE.fullmatch(code):
        raise _RefusalError(f"must hold arrays of plain numbers or texts, got the dtype {reprlib.repr(code)}")
    return np.dtype(code).newbyteorder("<")


def _check_dtype_state(dtype: np.dtype, state: Any) -> None:
    """Stand in for `numpy.dtype.__setstate__`, which says nothing new of plain numbers.

    The state is `(3, byte order, None, None, None, bytes, alignment, flags)`; the three are sub-array, names, fields.
    """
    if not isinstance(state, tuple) or len(state) != 8 or state[0] != DTYPE_STATE_VERSION:
        raise _RefusalError(f"must hold dtypes without metadata, version 3, got the state {reprlib.repr(state)}")
    if state[1] not in ("<", "|", "="):
        raise _RefusalError(f"must hold little-endian numbers, got the byte order {reprlib.repr(state[1])}")
    if state[2:5] != (None, None, None) or state[5] not in (-1, dtype.itemsize):
        raise _RefusalError(f"must hold dtypes without fields, got the state {reprlib.repr(state)} for {dtype}")


def _make_blank_array(kind: Any, shape: Any, _code: Any) -> np.ndarray:
    """Stand in for `_reconstruct`, which makes an array that `BUILD` fills."""
    if kind != ARRAY_CLASS or shape != (0,):
        raise _RefusalError(f"must make {ARRAY_CLASS} of shape (0,), got {reprlib.repr((kind, shape))}")
    return np.ndarray((0,), dtype=np.int8)


def _fill_array(array: np.ndarray, state: Any) -> None:
    """Stand in for `numpy.ndarray.__setstate__`; the state is `(1, shape, dtype, whether by columns, bytes)`."""
    if not isinstance(state, tuple) or len(state) != 5 or state[0] != ARRAY_STATE_VERSION or array.size:
        raise _RefusalError(f"must fill empty arrays with a state of version 1, got {reprlib.repr(state)}")
    _, shape, dtype, by_columns, raw = state
    _check_buffer(shape, dtype, raw)
    checked: Any = (ARRAY_STATE_VERSION, shape, dtype, by_columns is True, raw)
    array.__setstate__(checked)


def _check_buffer(shape: Any, dtype: Any, raw: Any) -> None:
    if not isinstance(dtype, np.dtype) or not isinstance(raw, bytes):
        raise _RefusalError(f"must hold arrays of bytes with a dtype, got {type(raw).__name__}, {reprlib.repr(dtype)}")
    sides = shape if isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS else (None,)
    wanted = dtype.itemsize
    for side in sides:
        if type(side) is not int or not 0 <= side < 2**40:
            raise _RefusalError(f"must hold arrays of at most {MAX_DIMENSIONS} sides, got {reprlib.repr(shape)}")
        wanted *= side
    if wanted != len(raw):
        raise _RefusalError(f"must hold {wanted} bytes for shape {shape} and {dtype}, got {len(raw)}")


def _make_buffer_array(raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """Stand in for `_frombuffer`, by which protocol 5 stores arrays."""
    _check_buffer(shape, dtype, raw)
    if order not in ("C", "F"):
        raise _RefusalError(f"must hold arrays by rows or by columns, got the order {reprlib.repr(order)}")
    return np.ndarray(shape, dtype=dtype, buffer=raw, order=order)


def _make_scalar(dtype: Any, raw: Any) -> np.generic:
    """Stand in for `scalar`."""
    _check_buffer((), dtype, raw)
    return np.frombuffer(raw, dtype=dtype)[0]


# By the name in the file, for NumPy 1 and 2.
CALLABLES: dict[tuple[str, str], Any] = {
    ("__builtin__", "bytes"): _make_empty_bytes,
    ("numpy", "ndarray"): ARRAY_CLASS,
    ("numpy", "dtype"): _make_dtype,
    **dict.fromkeys(((f"numpy.{core}.multiarray", "_reconstruct") for core in ("core", "_core")), _make_blank_array),
    **dict.fromkeys(((f"numpy.{core}.multiarray", "scalar") for core in ("core", "_core")), _make_scalar),
    **dict.fromkeys(((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")), _make_buffer_array),
}

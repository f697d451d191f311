# SPDX-FileCopyrightText: 2026 The transformers-sr3d contributors
# SPDX-License-Identifier: Apache-2.0
"""Pickles of strangers: plain values come back as `pickle` gives them, and nothing that a file names is ever run.

Each malicious pickle is first given to `pickle.loads`, which must run it (a marker appears), and then to ours.
"""

import builtins
import copyreg
import functools
import operator
import os
import pickle
import pickletools
import random
import struct
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

from transformers_sr3d.inputs import restricted_pickle
from transformers_sr3d.inputs.restricted_pickle import load_restricted_pickle


RNG = np.random.default_rng(7)
SHARED = [1, 2]
VALUES = [
    None,
    True,
    [0, 1, 255, 256, 65536, -1, 2**31, -(2**40), 2**2100, 10**300],
    [0.0, -1.5, 1e300, float("inf")],
    ["", "a", "ä\n\\u00e9 \U0001f600", "x" * 300, "\udc80"],
    [b"", b"abc", bytes(range(256)), b"y" * 70000],
    [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], {}],
    {"a": 1, 2: [3], None: {}, (0, "b"): 4.0, 5.0: b"6"},
    [SHARED, SHARED, {"again": SHARED}],
    np.float32(1.5),
    [np.int64(-3), np.bool_(True), np.str_("text")],
    np.dtype("f8"),
    np.eye(4),
    np.eye(4, dtype=np.float32),
    np.asfortranarray(RNG.normal(size=(3, 5))),
    np.zeros((0, 3)),
    np.array(3.25),
    np.arange(2000, dtype=np.uint16).reshape(2, 10, 100),
    np.array([[True, False]]),
    np.array(["ab", "ä"]),
    np.array([b"ab", b"c"]),
    {"images": [{"path": "a.jpg", "pose": RNG.normal(size=(4, 4)), "ids": [1, 2]} for _ in range(3)]},
]


def same(value, expected):
    if isinstance(expected, np.ndarray):
        return (
            type(value) is np.ndarray
            and value.dtype == expected.dtype
            and value.flags.f_contiguous == expected.flags.f_contiguous
            and np.array_equal(value, expected)
        )
    if isinstance(expected, dict):
        return list(value) == list(expected) and all(same(value[key], expected[key]) for key in expected)
    if isinstance(expected, list):
        return len(value) == len(expected) and all(map(same, value, expected))
    return type(value) is type(expected) and value == expected


def loads(folder, data):
    path = folder / "file.pkl"
    path.write_bytes(data)
    return load_restricted_pickle(path)


def refusal(folder, data):
    try:
        loads(folder, data)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_come_back_as_they_are(tmp_path, value, protocol):
    data = pickle.dumps(value, protocol=protocol)
    assert same(loads(tmp_path, data), value)
    assert same(loads(tmp_path, pickletools.optimize(data)), value)


@pytest.mark.parametrize("old", [True, False])
def test_names_of_both_numpy_versions(tmp_path, old):
    new_name, old_name = b"numpy._core.multiarray", b"numpy.core.multiarray"
    data = pickle.dumps([np.eye(2), np.float32(2)], protocol=2)
    assert new_name in data or old_name in data
    data = data.replace(new_name, old_name) if old else data.replace(old_name, new_name)
    eye, two = loads(tmp_path, data)
    assert np.array_equal(eye, np.eye(2))
    assert two == 2


def test_what_is_shared_stays_shared(tmp_path):
    shared = loads(tmp_path, pickle.dumps([SHARED, SHARED]))
    assert shared[0] is shared[1]
    cycle = []
    cycle.append(cycle)
    assert (found := loads(tmp_path, pickle.dumps(cycle)))[0] is found
    array = np.eye(2)
    first, second = loads(tmp_path, pickle.dumps([array, array]))
    assert first is second


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class WithState:
    """Runs when its state is set."""

    def __setstate__(self, state):
        touch(state)


class New:
    """Runs when it is made."""

    def __new__(cls, path):
        touch(path)
        return super().__new__(cls)

    def __getnewargs__(self):
        return (self.path,)


def touch(path):
    with open(path, "w"):
        pass


def saved_npy(folder, marker):
    path = folder / "inner.npy"
    np.save(path, np.array([Call(touch, marker)], dtype=object), allow_pickle=True)
    return str(path)


def with_state(marker):
    value = WithState.__new__(WithState)
    value.__dict__["path"] = marker
    data = pickle.dumps(value, protocol=2)
    return data[: data.index(b"}")] + text(marker) + b"b."  # its state is the path instead of a dictionary


def made_new(marker):
    value = object.__new__(New)
    value.path = marker
    return pickle.dumps(value, protocol=4)


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


SYSTEM = os.system.__module__  # posix or nt
TOUCH = f"import {__name__}; {__name__}.touch"
MALICIOUS = {
    "os.system": lambda folder, m: pickle.dumps(Call(os.system, f"touch {m}")),
    "builtins.eval": lambda folder, m: pickle.dumps(Call(eval, f"open({m!r}, 'w').close()")),
    "builtins.exec": lambda folder, m: pickle.dumps(Call(exec, f"open({m!r}, 'w').close()")),
    "builtins.getattr": lambda folder, m: pickle.dumps(
        Call(operator.call, Call(getattr, Call(__import__, "os"), "mkdir"), m)
    ),
    "builtins.__import__": lambda folder, m: pickle.dumps(
        [Call(__import__, "os"), Call(functools.partial(touch, m))], protocol=2
    ),
    "subprocess.Popen": lambda folder, m: pickle.dumps(Call(subprocess.run, ["touch", m])),
    "builtins.open": lambda folder, m: pickle.dumps(Call(open, m, "w")),
    "numpy.load": lambda folder, m: pickle.dumps(Call(np.load, saved_npy(folder, m), None, True)),
    "numpy.memmap": lambda folder, m: pickle.dumps(Call(np.memmap, m, "u1", "w+", 0, (1,))),
    "numpy.savetxt": lambda folder, m: pickle.dumps(Call(np.savetxt, m, [1.0])),
    "numpy.testing": lambda folder, m: pickle.dumps(
        Call(np.testing._private.utils.runstring, f"open({m!r}, 'w').close()", {})
    ),
    "numpy.lib.format": lambda folder, m: pickle.dumps(
        Call(np.lib.format.open_memmap, m, "w+", np.dtype("u1"), (1,))
    ),
    "pickle.loads": lambda folder, m: pickle.dumps(Call(pickle.loads, pickle.dumps(Call(touch, m)))),
    "in a list, after plain values": lambda folder, m: pickle.dumps([np.eye(3), {"a": [Call(touch, m)]}]),
    "in an object array": lambda folder, m: pickle.dumps(np.array([1, Call(touch, m)], dtype=object)),
    "in the metadata of a dtype": lambda folder, m: pickle.dumps(np.dtype("f8", metadata={"a": Call(touch, m)})),
    "as the key of a dictionary": lambda folder, m: b"\x80\x02}" + pickle.dumps(Call(touch, m), 2)[2:-1] + b"Ns.",
    "GLOBAL": lambda folder, m: f"c{SYSTEM}\nsystem\n(Vtouch {m}\ntR.".encode(),
    "INST": lambda folder, m: f"(Vtouch {m}\ni{SYSTEM}\nsystem\n.".encode(),
    "OBJ": lambda folder, m: f"(c{SYSTEM}\nsystem\nVtouch {m}\no.".encode(),
    "STACK_GLOBAL": lambda folder, m: (
        b"\x80\x04" + short(SYSTEM) + short("system") + b"\x93" + text(f"touch {m}") + b"\x85R."
    ),
    "STACK_GLOBAL from the memo": lambda folder, m: (
        b"\x80\x04" + short(SYSTEM) + b"q\x000" + short("system") + b"q\x010h\x00h\x01\x93"
        + text(f"touch {m}") + b"\x85R."
    ),
    "a dotted name": lambda folder, m: (
        b"\x80\x04" + short("numpy") + short("lib.format.open_memmap") + b"\x93(" + text(m) + text("w+")
        + text("u1") + b"K\x01\x85tR."
    ),
    "BUILD with __setstate__": lambda folder, m: with_state(m),
    "NEWOBJ": lambda folder, m: made_new(m),
}  # fmt: skip


@pytest.mark.parametrize("name", MALICIOUS)
def test_nothing_is_run(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, "__main__", sys.modules[__name__])
    marker = tmp_path / "marker"
    data = MALICIOUS[name](tmp_path, str(marker))
    pickle.loads(data)
    assert marker.exists(), "this pickle is harmless, so the test would prove nothing"
    marker.rmdir() if marker.is_dir() else marker.unlink()
    with pytest.raises(ValueError, match=r"file\.pkl` up to byte \d+ must .* got "):
        loads(tmp_path, data)
    assert not marker.exists()


@pytest.mark.parametrize("code", [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"])
def test_registered_extensions_are_not_looked_up(tmp_path, code):
    copyreg.add_extension(__name__, "touch", 1)
    marker = tmp_path / "marker"
    data = b"\x80\x02" + code + text(str(marker)) + b"\x85R."
    try:
        pickle.loads(data)
        assert marker.exists()
        marker.unlink()
        with pytest.raises(ValueError, match=r"byte 3 must be a pickle of plain values, got the opcode EXT"):
            loads(tmp_path, data)
    finally:
        copyreg.remove_extension(__name__, "touch", 1)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x02Nq\x00Q.", "byte 6 must be .* got the opcode BINPERSID"),
        (b"Pan id\n.", "byte 1 must be .* got the opcode PERSID"),
        (b"\x80\x05\x97.", "got the opcode NEXT_BUFFER"),
        (b"\x80\x05\x97\x98.", "got the opcode NEXT_BUFFER"),
        (b"\x80\x06N.", "must be a pickle, got ValueError: unsupported pickle protocol: 6"),
        (b"\xffN.", "got the opcode 0xff"),
        (b"S'python 2'\n.", "got the opcode STRING"),
        (b"cnumpy\nfromfile\n.", r"byte 16 must name nothing but arrays, got 'numpy\.fromfile'"),
        (b"cnumpy.testing\nrundocs\n.", r"got 'numpy\.testing\.rundocs'"),
        (b"cnumpy\nndarray.tofile\n.", r"got 'numpy\.ndarray\.tofile'"),
        (b"c_codecs\ndecode\n.", r"got '_codecs\.decode'"),
        (b"cbuiltins\nobject\n.", r"got 'builtins\.object'"),
        (b"ccollections\nOrderedDict\n.", r"got 'collections\.OrderedDict'"),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "must store bytes as latin1, got 'rot13'"),
        (b"cnumpy\nndarray\n(I1000000000\ntR.", "got TypeError: 'str' object is not callable"),
        (b"(l)R.", "got TypeError: 'list' object is not callable"),
        (b"(lNR.", "must be a pickle, got TypeError"),
        (b"\x80\x02]N\x93.", "got UnpicklingError: STACK_GLOBAL requires str"),
        (b"\x80\x04\x8f.", "got the opcode EMPTY_SET"),
        (b"cbuiltins\nset\n((lp0\ntR.", r"got 'builtins\.set'"),
        (b"cnumpy\ndtype\n(VO\ntR.", "must hold arrays of plain numbers or texts, got the dtype 'O'"),
        (b"cnumpy\ndtype\n(VV8\ntR.", "got the dtype 'V8'"),
        (b"cnumpy\ndtype\n(VM8[ns]\ntR.", "got the dtype"),
        (b"cnumpy\ndtype\n(Vi4,f8\ntR.", "got the dtype 'i4,f8'"),
        (b"cnumpy\ndtype\n((lp0\ntR.", r"got the dtype \[\]"),
        (b"cnumpy\ndtype\n(VU9999999\ntR.", "got the dtype 'U9999999'"),
        (b"cnumpy\ndtype\n(Vf8\ntR(I3\nV>\nNNNI-1\nI-1\nI0\ntb.", "must hold little-endian numbers, got .* '>'"),
        (b"cnumpy\ndtype\n(Vf8\ntR(I3\nV<\n(VO\nI2\ntNNI-1\nI-1\nI0\ntb.", "must hold dtypes without fields"),
        (b"cnumpy\ndtype\n(Vf8\ntR(I3\nV<\nNNNI4096\nI8\nI0\ntb.", "must hold dtypes without fields"),
        (b"cnumpy\ndtype\n(Vf8\ntR(I4\nV<\nNNNI-1\nI-1\nI0\n(dtb.", "must hold dtypes without metadata"),
        (
            b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I999\ntVb\ntR.",
            "must make numpy.ndarray of shape",
        ),
        (b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntVb\ntR.", "must make numpy.ndarray of shape"),
        (b"(l(lb.", "must give a state to arrays and dtypes only, got a list"),
        (b"(lp0\n0(dp1\n0g0\nNa.}", "byte 18 must end, got 1 bytes more"),
        (b"NNa.", "got AttributeError: 'NoneType' object has no attribute 'append'"),
        (b"\x80\x02}]Ns.", r"must have keys of numbers and texts, got \[\]"),
        (b"\x80\x02]NNs.", "must set pairs in a dict, got 2 values in a list"),
        (b"(Nd.", "must set pairs in a dict, got 1 values in a dict"),
        (b"\x80\x02N\x87.", "must be a pickle, got IndexError"),
        (b"g5\n.", "must be a pickle, got UnpicklingError: Memo value not found at index 5"),
        (b"a.", "must be a pickle, got IndexError"),
        (b"t.", "must be a pickle, got IndexError"),
        (b"Ione\n.", "must be a pickle, got ValueError"),
        (b"I" + b"9" * 5000 + b"\n.", "must be a pickle, got ValueError"),
        (b"X\x01\x00\x00\x00\xff.", "must be a pickle, got UnicodeDecodeError"),
        (b"", "byte 0 must be a pickle, got EOFError"),
        (b"PK\x03\x04 a zip file", "got the opcode PERSID"),
    ],
)
def test_bad_pickles_are_refused_by_byte(tmp_path, data, message):
    with pytest.raises(ValueError, match=r"file\.pkl` up to byte \d+") as error:
        loads(tmp_path, data)
    assert error.match(message)


@pytest.mark.parametrize("stated", [2**20, 2**31 - 1, 2**32 - 1, 2**62])
@pytest.mark.parametrize("opcode", [b"B", b"X", b"\x8a", b"\x8b", b"\x8d", b"\x8e", b"\x96", b"\x95"])
def test_lengths_beyond_the_file_allocate_nothing(tmp_path, opcode, stated):
    width = {b"B": 4, b"X": 4, b"\x8a": 1, b"\x8b": 4}.get(opcode, 8)
    length = min(stated, 256**width - 1).to_bytes(width, "little")
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"byte \d+ must be a pickle, got"):
        loads(tmp_path, b"\x80\x05" + opcode + length + b"abc.")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**19


def arrays_from_the_same_bytes(size, count):
    """A tuple of arrays, whose parts are all taken from the memo."""
    parts = (
        b"cnumpy._core.multiarray\n_reconstruct\nq\x000cnumpy\nndarray\nq\x010cnumpy\ndtype\n" + text("u1")
        + b"\x85Rq\x020B" + struct.pack("<I", size) + bytes(size) + b"q\x030"
    )  # fmt: skip
    array = b"h\x00h\x01K\x00\x85C\x01b\x87R(K\x01J" + struct.pack("<i", size) + b"\x85h\x02\x89h\x03tb"
    return b"\x80\x04(" + parts + array * count + b"t."


def test_arrays_from_the_same_bytes_share_them(tmp_path):
    data = arrays_from_the_same_bytes(1_000_000, 50)
    assert [len(found) for found in pickle.loads(data)] == [1_000_000] * 50
    tracemalloc.start()
    found = loads(tmp_path, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(array) for array in found] == [1_000_000] * 50
    assert peak < 4_000_000


def test_a_text_becomes_bytes_once(tmp_path):
    def data(count):
        parts = b"c_codecs\nencode\nq\x000" + text("a" * 1000) + b"q\x010" + text("latin1") + b"q\x020"
        return b"\x80\x02(" + parts + b"h\x00h\x01h\x02\x86R" * count + b"t."

    assert loads(tmp_path, data(1)) == (b"a" * 1000,)
    assert pickle.loads(data(9)) == (b"a" * 1000,) * 9
    with pytest.raises(ValueError, match="must store every byte once, got more bytes than it has"):
        loads(tmp_path, data(9))


def test_a_large_memo_number_allocates_nothing(tmp_path):
    tracemalloc.start()
    assert loads(tmp_path, b"\x80\x02Nr\xff\xff\xff\xff0j\xff\xff\xff\xff.") is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**19


def nested_tuples(depth):
    """Each tuple has the one before it twice: small in a file, of 2^depth parts for a hash, a text or a copy."""
    return b")" + b"".join(b"q" + bytes([level]) + b"h" + bytes([level]) + b"\x86" for level in range(depth))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\x80\x04}", b"Ns."),
        (b"\x80\x04\x8f(", b"\x90."),
        (b"\x80\x04\x8c\x05numpy", b"\x93."),
        (b"\x80\x04", b"\x8c\x05dtype\x93."),
        (b"\x80\x04cnumpy\ndtype\n", b"\x85R."),
        (b"\x80\x04cnumpy\ndtype\nVf8\n\x85R", b"b."),
        (b"\x80\x04cnumpy._core.multiarray\n_reconstruct\n", b"K\x00\x85Vb\n\x87R."),
        (b"\x80\x04cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nVf8\n\x85R", b"\x86R."),
        (b"\x80\x04c_codecs\nencode\nVx\n", b"\x86R."),
    ],
)
def test_values_that_share_their_parts_do_not_hang(tmp_path, before, after):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"byte \d+ must"):
        loads(tmp_path, before + nested_tuples(60) + after)
    assert time.perf_counter() - start < 5
    assert isinstance(loads(tmp_path, b"\x80\x04" + nested_tuples(60) + b"."), tuple)


def test_deep_nesting_is_no_recursion(tmp_path):
    found = loads(tmp_path, b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b".")
    assert isinstance(found, list)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_every_cut_is_refused(tmp_path, protocol):
    data = pickle.dumps({"a": [1, 2.5, "text", b"bytes"], "b": np.eye(2), "c": (None, True)}, protocol=protocol)
    for length in range(len(data)):
        with pytest.raises(ValueError, match=r"file\.pkl` up to byte \d+"):
            loads(tmp_path, data[:length])


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_damage_is_a_value_error_or_another_value(tmp_path, protocol):
    data = pickle.dumps({"a": [1, 2.5, "text", (3,)], "b": np.eye(3), "c": np.float32(1)}, protocol=protocol)
    chance = random.Random(protocol)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            damaged[chance.randrange(len(data))] = chance.randrange(256)
        message = refusal(tmp_path, bytes(damaged))
        assert message is None or message.startswith(f"`{tmp_path}")
        refused += message is not None
    assert 300 < refused < 1500


def test_nothing_is_imported_or_called(tmp_path, monkeypatch):
    data = pickle.dumps([np.eye(2), np.float32(1), b"bytes"], protocol=2)
    imported = []

    def note(name, *arguments, **settings):
        imported.append(name)
        return import_module(name, *arguments, **settings)

    import_module = builtins.__import__
    path = tmp_path / "file.pkl"
    path.write_bytes(data)
    with monkeypatch.context() as patch:
        patch.setattr(pickle, "Unpickler", None)
        patch.setattr(builtins, "__import__", note)
        found = load_restricted_pickle(path)
    assert np.array_equal(found[0], np.eye(2))
    assert imported == []


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"none\.pkl` must be a pickle, got no file there"):
        load_restricted_pickle(tmp_path / "none.pkl")
    with pytest.raises(FileNotFoundError, match="must be a pickle"):
        load_restricted_pickle(tmp_path)
    monkeypatch.setattr(restricted_pickle, "MAX_PICKLE_BYTES", 3)
    with pytest.raises(ValueError, match="must be a pickle of at most 3 bytes, got 4"):
        loads(tmp_path, b"\x80\x02N.")

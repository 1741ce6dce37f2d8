"""Pickles: plain data as from Python's reader; anything else is refused by name, and no code runs."""

import bz2
import gzip
import io
import os
import pickle
import tracemalloc
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError
from nasbench.importers.formats.pickle import TORCH_MAGIC, loads, read

FLAT = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
KEYS = st.integers() | st.text() | st.tuples(st.text(), st.integers())
DATA = st.recursive(FLAT, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.tuples(inner, inner))


class Call:
    """An object that is pickled as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.made = function, arguments

    def __reduce__(self) -> Any:
        return self.made


@pytest.mark.parametrize("protocol", range(2, 6))
@settings(max_examples=40, deadline=None)
@given(DATA)
def test_plain_data_as_python_reads_it(protocol: int, data: object) -> None:
    assert loads(pickle.dumps(data, protocol), "p")[0] == data


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_numpy_and_collections(protocol: int) -> None:
    table = defaultdict(list, {"a": [1]})
    scalar = np.float64(0.1)
    value, _ = loads(pickle.dumps([scalar, np.arange(6).reshape(2, 3), table], protocol), "p")
    assert value[0] == 0.1
    np.testing.assert_array_equal(value[1], [[0, 1, 2], [3, 4, 5]])
    assert value[2] == {"a": [1]}
    pair, _ = loads(pickle.dumps((np.arange(2), 1), protocol), "p")
    assert pair[0].tolist() == [0, 1]
    assert loads(pickle.dumps(OrderedDict(b=1, a=2), protocol), "p")[0] == {"b": 1, "a": 2}


@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_numbers_in_a_row(n: int) -> None:
    numbers = [0.5 + number for number in range(n)]
    content = pickle.dumps([numbers, (*numbers, 1)], 2)
    assert loads(content, "p")[0] == [numbers, (*numbers, 1)]
    with pytest.raises(FileError, match="it is cut off"):
        loads(content[: content.index(b"G") + 9 * n - 1], "p")


class Pair:
    """An object with attributes."""

    def __init__(self, left: Any, right: Any) -> None:
        self.left, self.right = left, right


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_records_are_read_as_dictionaries_where_they_are_named(protocol: int) -> None:
    shared = Pair(1, np.float64(0.5))
    content = pickle.dumps({"a": shared, "b": [shared, (Pair("x", None), 2)]}, protocol)
    known = f"{Pair.__module__}.Pair"
    one, other = {"left": 1, "right": 0.5}, {"left": "x", "right": None}
    assert loads(content, "p", records=[known])[0] == {"a": one, "b": [one, (other, 2)]}
    with pytest.raises(FileError, match=rf"it asks for '{known}'"):
        loads(content, "p")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04cm\nC\nK\x01\x85\x81.", "it makes 'm.C' from"),
        (b"\x80\x04cm\nC\n)R.", "it calls 'm.C'"),
        (b"\x80\x04cbuiltins\nset\n)\x81.", "it makes 'builtins.set' from"),
        (b"\x80\x04K\x01)\x81.", "it makes 'what has no name'"),
        (b"\x80\x04cm\nC\n)\x81}K\x01K\x01sb.", "the state of a record is not a dictionary of names"),
        (b"\x80\x04cm\nC\n)\x81Nb.", "the state of a record is not a dictionary of names"),
        (b"\x80\x04}cm\nC\n)\x81K\x01s.", "a key is a Record"),
    ],
    ids=["arguments", "call", "other", "number", "names", "nothing", "key"],
)
def test_records_are_made_of_nothing_but_attributes(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        loads(content, "p", records=["m.C"])


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    ("data", "name"),
    [
        (Call(os.system, "touch hacked"), "system"),
        (Call(eval, "1"), "builtins.eval"),
        (Call(getattr, {}, "keys"), "builtins.getattr"),
        (Call(np.zeros, 10**12), "zeros"),
        (Path("x"), "pathlib"),
        (Call(np.load, "x"), "numpy.load"),
        (slice(1), "builtins.slice"),
    ],
)
def test_what_asks_for_more_is_refused_by_name(
    data: object, name: str, protocol: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=f"x.p, byte .* it asks for .*{name}"):
        loads(pickle.dumps(data, protocol), "x.p")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is cut off"),
        (b"N", "it is cut off"),
        (b".", "lacks its operand"),
        (b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.", "it is cut off"),  # a text of 2^63 bytes
        (b"h\x05.", "lacks its operand"),
        (b"P1\n.", "it holds tensors"),
        (b"NQ.", "it holds tensors"),
        (b"\x82\x01.", "unknown or forbidden instruction 0x82"),  # extension registry
        (b"cbuiltins\nlist\n.", "it keeps 'builtins.list' as a value"),
        (b"cbuiltins\nlist\n)R.", "it calls 'builtins.list'"),
        (b"ccollections\nOrderedDict\n}b.", "it sets the state of a Name"),
        (b"(ios\nsystem\n.", "unknown or forbidden instruction 0x69"),
        (b"ccollections\nOrderedDict\n)\x81.", "it makes .collections.OrderedDict. from"),
        (b"c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00zip\x86R.", "not written as latin1"),
        (b"cnumpy\ndtype\nX\x01\x00\x00\x00OK\x00K\x01\x87R.", "is not a plain one"),
        (b"}]Ns.", "a key is a list"),
        (b"NNs.", "lacks its operand"),
        (b"Na.", "lacks its operand"),
        (b"N(Ne.", "it adds to a NoneType as to a list"),
    ],
)
def test_malformed(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=f"p, byte .*{message}"):
        loads(content, "p")


def test_shape_and_bytes_of_an_array_must_agree() -> None:
    honest = pickle.dumps(np.zeros((3, 2), dtype=np.int8), 2)
    huge = honest.replace(b"K\x03K\x02\x86", b"J\xff\xff\xff\x7fK\x02\x86")
    assert huge != honest
    with pytest.raises(FileError, match=r"a numpy array of shape .* has 6 bytes"):
        loads(huge, "p")


def test_depth_and_memo_numbers_are_harmless() -> None:
    deep = b"N" + b"\x85" * 200_000
    with pytest.raises(FileError, match="lists more than 200 deep"):
        loads(deep + b".", "p")
    assert loads(b"N" + b"\x85" * 200 + b".", "p")[0]
    with pytest.raises(FileError, match="a key is a tuple"):
        loads(b"}" + deep + b"Ns.", "p")
    assert loads(b"Nr\xff\xff\xff\xff.", "p")[0] is None


DOUBLED = b"\x8c\x01a\x85" + b"2\x86" * 34
"""A tuple of 2^34 texts, if it is walked through."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DOUBLED, "expand to far more than the file holds"),
        (b"]q\x00" + b"h\x00h\x00\x86q\x00" * 100, "expand to far more"),
        (b"}q\x00K\x01h\x00s", "lists more than 200 deep"),  # a mapping in itself
        (b"](X\x00\x00\x01\x00" + b"a" * 2**16 + b"q\x00" + b"h\x00" * 999 + b"e", "expand to far more"),
        (b"cbuiltins\nset\n" + DOUBLED + b"\x81", "it makes 'builtins.set' from arguments"),
        (b"cbuiltins\nset\n" + DOUBLED + b"R", "takes from .* arguments"),
        (b"}" + DOUBLED + b"Ns", "a key is a tuple"),
        (pickle.dumps({k * (2**61 - 1) + 1: None for k in range(60)}, 2)[:-1], "more than 16 keys have the same hash"),
        (pickle.dumps({(k * (2**61 - 1), 2) for k in range(60)}, 2)[:-1], "more than 16 keys have the same hash"),
        (pickle.dumps({k * (2**61 - 1) for k in range(60)}, 4)[:-1], "more than 16 keys have the same hash"),
    ],
    ids=["tuple", "memo", "itself", "text", "arguments", "set", "key", "integers", "tuples", "set of integers"],
)
def test_few_bytes_that_ask_for_much(content: bytes, message: str) -> None:
    tracemalloc.start()
    with pytest.raises(FileError, match=message) as caught:
        loads(content + b".", "p", records=["m.C"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(str(caught.value)) < 300
    assert peak < 2**25


def test_the_same_keys_in_many_dictionaries() -> None:
    data = [{("digits", 777): 1, 2**61: 2, 0.5: 3} for _ in range(100)]
    assert loads(pickle.dumps(data, 4), "p")[0] == data


def test_files_and_bombs(tmp_path: Path) -> None:
    content = pickle.dumps({"a": 1})
    for name, packed in {"a": content, "b": bz2.compress(content), "c": gzip.compress(content)}.items():
        (tmp_path / name).write_bytes(packed)
        assert read(tmp_path / name) == {"a": 1}
    (tmp_path / "cut").write_bytes(bz2.compress(content)[:-5])
    with pytest.raises(FileError, match="cannot be unpacked"):
        read(tmp_path / "cut")
    packer = bz2.BZ2Compressor()
    (tmp_path / "bomb").write_bytes(b"".join(packer.compress(bytes(2**24)) for _ in range(17)) + packer.flush())
    with pytest.raises(FileError, match="unpacks to more than 268,435,456 bytes"):
        read(tmp_path / "bomb")


def test_an_array_alone_is_data(tmp_path: Path) -> None:
    (tmp_path / "a.p").write_bytes(pickle.dumps(np.arange(3), 4))
    assert read(tmp_path / "a.p").tolist() == [0, 1, 2]


def test_what_torch_saves(tmp_path: Path) -> None:
    parts: tuple[Any, ...] = (TORCH_MAGIC, 1001, {"little_endian": True}, {"a": 1.5}, [])
    (tmp_path / "old.pth").write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    assert read(tmp_path / "old.pth") == {"a": 1.5}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": 1.5}, 2))
    (tmp_path / "new.pth").write_bytes(packed.getvalue())
    assert read(tmp_path / "new.pth") == {"a": 1.5}
    (tmp_path / "bad.pth").write_bytes(packed.getvalue()[:40])
    with pytest.raises(FileError, match="damaged zip archive"):
        read(tmp_path / "bad.pth")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_bytes_are_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(pickle.dumps({"a": [1.5, np.float64(2)], ("b", 1): np.arange(3)}, 4))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        loads(bytes(content), "p")
    except FileError as error:
        assert "\n" not in str(error)

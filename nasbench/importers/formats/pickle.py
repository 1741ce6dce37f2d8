"""A safe reader of pickles: a virtual machine that can build only plain data.

A pickle is a program. Python's reader runs any function that it names, and a list of allowed names is not enough: large
memo numbers exhaust memory, and the hash of a deeply nested key overflows the C stack. So this module executes the
instructions itself (`pickletools` documents them), and bounds their results by the bytes they come from: numbers,
texts, lists, and dicts with flat keys. A few bytes can still refer to one list again and again, so that whatever walks
the result never ends, or write keys with one hash; the machine counts both. It calls only the functions in `CALLS` and
imports nothing that a pickle names: objects of classes that the caller lists as records become dictionaries of their
attributes. Protocols 2 to 5 are supported, except instructions that only protocols 0 and 1 write, and arrays of
protocol 5.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nasbench.errors import FileError
from nasbench.importers.formats.unpack import bounded, unpacked
from nasbench.printable import MOST, brief, printable

TORCH_MAGIC = 0x1950A86A20F9469CFC6C
"""First pickle of a file in the format of `torch.save` before zip archives."""
DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, OSError)
"""Errors of Python's reader of zip archives at a broken or encrypted archive."""
MAX_EXPANSION, MAX_REFERRED = 16, 2**20
"""A pickle may expand to `MAX_REFERRED` values and characters, or to `MAX_EXPANSION` for each of its bytes."""
MAX_DEPTH = 200
"""Most lists inside each other, fewer than Python's functions can descend."""
MAX_SAME_HASH = 16
"""Different keys with one hash; each is compared with the others when one is stored."""
FLAT = (str, int, float, bytes, type(None), np.number)
MAX_FLOATS_AT_ONCE = 16
"""Maximum of consecutive numbers read in one step."""
TEXTS, CONTAINERS = (str, bytes), (list, tuple, dict)
SIMPLE_DTYPE = re.compile(r"[<>|=]?([biufc]\d{1,2}|[SU]\d{1,6})")


class Name(NamedTuple):
    """A name in a pickle; it is only looked up in `CALLS`, when it is called."""

    text: str


class DType:
    """A numpy type of numbers or texts under construction."""

    def __init__(self, text: str) -> None:
        if not SIMPLE_DTYPE.fullmatch(text):
            raise ValueError(f"numpy dtype {brief(text)} is not a plain one")
        self.text = text

    @property
    def numpy(self) -> np.dtype[Any]:
        """The finished type."""
        return np.dtype(self.text)

    def build(self, state: Any) -> None:
        """Set the byte order, the only state of a plain type."""
        if not (isinstance(state, tuple) and len(state) >= 5 and state[1] in ("<", ">", "|", "=")):
            raise ValueError("the state of a numpy dtype is malformed")
        if any(part is not None for part in state[2:5]):
            raise ValueError("a numpy dtype with fields is not a plain one")
        self.text = state[1] + self.text.lstrip("<>|=")


class Array:
    """A numpy array under construction; `values` is the array."""

    def __init__(self) -> None:
        self.values: Any = np.zeros(0)

    def build(self, state: Any) -> None:
        """Set the state that numpy writes: version, shape, type, order, bytes. Bytes and shape must agree."""
        if not (isinstance(state, tuple) and len(state) == 5):
            raise ValueError("the state of a numpy array is malformed")
        _, shape, dtype, fortran, raw = state
        if not (isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape) and len(shape) <= 32):
            raise ValueError("a numpy shape is not a tuple of at most 32 lengths")
        if not (isinstance(dtype, DType) and isinstance(raw, bytes)):
            raise ValueError("a numpy array holds values other than plain numbers")
        size = dtype.numpy.itemsize
        for length in shape:
            size *= length
        if size != len(raw):
            raise ValueError(f"a numpy array of shape {shape} has {len(raw)} bytes")
        self.values = np.frombuffer(raw, dtype.numpy).reshape(shape, order="F" if fortran else "C")


class Record:
    """An object under construction; `values` are its attributes by name."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def build(self, state: Any) -> None:
        """Set the attributes, as written by objects without slots."""
        if not (type(state) is dict and all(type(name) is str for name in state)):
            raise ValueError("the state of a record is not a dictionary of names")
        self.values.update(state)


def _scalar(dtype: Any, raw: Any) -> Any:
    if not (isinstance(dtype, DType) and isinstance(raw, bytes) and len(raw) == dtype.numpy.itemsize):
        raise ValueError("a numpy number is malformed")
    return np.frombuffer(raw, dtype.numpy)[0].item()


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise ValueError("bytes are not written as latin1")
    return text.encode("latin1")


def _dtype(text: Any, *_: Any) -> DType:
    if not isinstance(text, str):
        raise ValueError("a numpy dtype is not a text")
    return DType(text)


def _array(kind: Any, *_: Any) -> Array:
    if kind != Name("numpy.ndarray"):
        raise ValueError("an array is of an unknown class")
    return Array()


def _mapping(*args: Any) -> dict[Any, Any]:
    if not args or (len(args) == 1 and isinstance(args[0], Name)):  # the factory of a defaultdict is never called
        return {}
    raise ValueError("a mapping is made from arguments; pickle it with a newer Python")


def _bytes() -> bytes:
    return b""  # as protocol 2 writes empty bytes


CALLS: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
    "builtins.dict": _mapping,
    "builtins.bytes": _bytes,
    "_codecs.encode": _encode,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy._core.multiarray._reconstruct": _array,
}
"""Functions that a pickle may call. Ordered and default dictionaries become dictionaries, numpy numbers numbers."""
SETS = ("builtins.set", "builtins.frozenset")
"""Classes that a pickle may call with their elements."""
INERT = ("numpy.ndarray", "builtins.list", "builtins.int", "builtins.float", "builtins.str")
"""Names that may be arguments, but are not called."""


def _key(value: Any) -> Any:
    """The value if it may be a key: a flat value, or a tuple of flat values."""
    if isinstance(value, FLAT) and not isinstance(value, Name):
        return value
    if type(value) is tuple and all(isinstance(part, FLAT) for part in value):
        return value
    raise ValueError(f"a key is a {type(value).__name__}, expected a number, a text or a tuple of them")


def read(path: Path, records: Collection[str] = ()) -> Any:
    """The plain data in a pickle, compressed or not, or in a file of `torch.save` without tensors.

    Args:
        path: The file.
        records: Classes, as `module.name`, whose objects are read as dictionaries.

    Raises:
        FileError: The file is not a pickle, is damaged, asks for more than plain data, or unpacks to too much.
    """
    content = unpacked(path)
    if content[:4] == b"PK\x03\x04":
        content = _zipped(content, path)
    value, end = loads(content, path.name, records=records)
    if type(value) is int and value == TORCH_MAGIC:  # then protocol, machine, data, and the keys of storages
        for _ in range(3):
            value, end = loads(content, path.name, end, records)
    return value


def _zipped(content: bytes, path: Path) -> bytes:
    """The pickle in an archive of `torch.save`."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
            if len(names) != 1:
                raise FileError(f"{path} is a zip archive without one data.pkl")
            with archive.open(names[0]) as stream:
                return bounded(stream, len(content), path)
    except FileError:
        raise
    except DAMAGED as error:
        raise FileError(f"{path} is a damaged zip archive: {error}") from error


def loads(content: bytes, name: str, start: int = 0, records: Collection[str] = ()) -> tuple[Any, int]:
    """The plain data of one pickle, and the position of its end.

    Args:
        content: Bytes with the pickle.
        name: Name of the file in messages.
        start: Position of the first byte of the pickle.
        records: Classes, as `module.name`, whose objects are read as dictionaries.

    Raises:
        FileError: The pickle is damaged, or asks for more than plain data.
    """
    machine = _Machine(content, start, records)
    try:
        return machine.run(), machine.at
    except (ValueError, IndexError, KeyError, TypeError, struct.error, OverflowError, AttributeError) as error:
        reason = "an instruction lacks its operand" if isinstance(error, IndexError | KeyError) else str(error)
        reason = printable(" ".join(reason.split()), MOST)
        raise FileError(f"{name}, byte {machine.at}: not a plain pickle: {reason}") from error


class _Machine:
    """Virtual machine for the instructions of one pickle."""

    def __init__(self, content: bytes, start: int, records: Collection[str]) -> None:
        self.content, self.at, self.records = content, start, records
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.keys: dict[int, list[Any]] = {}  # by hash, where hashes can be chosen
        self.left = max(MAX_REFERRED, MAX_EXPANSION * len(content))

    def run(self) -> Any:
        """The value at the stop instruction."""
        content, steps = self.content, _STEPS
        while True:
            if self.at >= len(content):
                raise ValueError("it is cut off")
            code = content[self.at]
            self.at += 1
            if code == 0x2E:  # STOP
                return self.checked(_plain(self.stack.pop()))
            step = steps[code]
            if step is None:
                raise ValueError(f"it has an unknown or forbidden instruction 0x{code:02x}")
            step(self)

    def checked(self, value: Any) -> Any:
        """A finished value that can be walked through: neither deep, nor large when its shared parts are repeated."""
        depth, level = 0, [value] if type(value) in CONTAINERS else []
        while level:
            depth, below = depth + 1, []
            if depth > MAX_DEPTH:
                raise ValueError(f"it holds lists more than {MAX_DEPTH} deep")
            for container in level:
                parts = container.values() if type(container) is dict else container
                self.spend(len(parts) + sum([len(part) for part in parts if type(part) in TEXTS]))
                below += [part for part in parts if type(part) in CONTAINERS]
            level = below
        return value

    def spend(self, size: int) -> None:
        """Count values or characters of the result."""
        self.left -= size
        if self.left < 0:
            raise ValueError("its values refer to each other too often, and expand to far more than the file holds")

    # --- bytes --------------------------------------------------------------------------------------------------

    def take(self, n: int) -> bytes:
        end = self.at + n
        if n < 0 or end > len(self.content):
            raise ValueError("it is cut off")
        part = self.content[self.at : end]
        self.at = end
        return part

    def number(self, n: int) -> int:
        """An unsigned number of `n` bytes."""
        return int.from_bytes(self.take(n), "little")

    def line(self) -> str:
        end = self.content.find(b"\n", self.at)
        if end < 0:
            raise ValueError("it is cut off")
        text = self.content[self.at : end].decode("utf-8")
        self.at = end + 1
        return text

    def floats(self) -> None:
        """A number and the numbers that follow directly, as in most tables of numbers."""
        content, start = self.content, self.at
        end, last = start + 8, min(len(content), start + 9 * MAX_FLOATS_AT_ONCE)
        while end < last and content[end] == 0x47:  # BINFLOAT
            end += 9
        if end > len(content):
            raise ValueError("it is cut off")
        self.stack.extend(struct.unpack(f">{'dx' * ((end - start) // 9)}d", content[start:end]))
        self.at = end

    # --- stack --------------------------------------------------------------------------------------------------

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def popped(self) -> list[Any]:
        """Remove and return all values above the last mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def top(self, kind: type) -> Any:
        """The last value, which must be of the given type."""
        value = self.stack[-1]
        if type(value) is not kind:
            raise ValueError(f"it adds to a {type(value).__name__} as to a {kind.__name__}")
        return value

    def set_items(self, items: list[Any]) -> None:
        target = self.top(dict)
        if len(items) % 2:
            raise ValueError("a key has no value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[self.key(key)] = _plain(value)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.top(dict)[self.key(key)] = _plain(value)

    def append(self, items: list[Any]) -> None:
        self.top(list).extend([item if type(item) is float else _plain(item) for item in items])

    def append_one(self) -> None:
        value = self.stack.pop()
        self.top(list).append(_plain(value))

    def add(self) -> None:
        items = self.popped()
        self.top(set).update([self.key(item) for item in items])

    def key(self, value: Any) -> Any:
        """The value if it may be a key, and not too many others have its hash; hashes of texts cannot be chosen."""
        if type(value) in TEXTS:
            return value
        same = self.keys.setdefault(hash(_key(value)), [])
        if value not in same:
            same.append(value)
            if len(same) > MAX_SAME_HASH:
                raise ValueError(f"more than {MAX_SAME_HASH} keys have the same hash")
        return value

    def set_of(self, items: Any = ()) -> set[Any]:
        """A set of keys."""
        if not isinstance(items, list | tuple):
            raise ValueError("a set is not made from a list")
        return {self.key(item) for item in items}

    def tuple_of(self, n: int) -> None:
        if len(self.stack) < n:
            raise IndexError
        items = self.stack[len(self.stack) - n :]
        del self.stack[len(self.stack) - n :]
        self.stack.append(_tuple(items))

    def remember(self, number: int) -> None:
        self.memo[number] = self.stack[-1]

    # --- names --------------------------------------------------------------------------------------------------

    def ask(self, module: Any, name: Any) -> None:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("a name is not a text")
        text = f"{'builtins' if module == '__builtin__' else module}.{name}"
        if text not in CALLS and text not in SETS and text not in INERT and text not in self.records:
            raise ValueError(f"it asks for {brief(text)}, and only plain data is read")
        self.push(Name(text))

    def ask_stacked(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.ask(module, name)

    def call(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        text = name.text if isinstance(name, Name) else ""
        function = self.set_of if text in SETS else CALLS.get(text)
        if function is None or type(arguments) is not tuple:
            raise ValueError(f"it calls {text or 'what is not a name'!r}")
        self.push(function(*arguments))

    def new(self) -> None:
        arguments, name = self.stack.pop(), self.stack.pop()
        if not (isinstance(name, Name) and name.text in self.records and arguments == ()):
            made = name.text if isinstance(name, Name) else "what has no name"
            given = "nothing" if arguments == () else "arguments"
            raise ValueError(f"it makes {made!r} from {given}, and only plain data is read")
        self.push(Record())

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, DType | Array | Record):
            raise ValueError(f"it sets the state of a {type(target).__name__}")
        target.build(state)

    def tensor(self) -> NoReturn:
        raise ValueError("it holds tensors, and only plain data is read; save it without weights")


def _plain(value: Any) -> Any:
    """A finished value: arrays and records without their wrapper; names are refused."""
    if isinstance(value, Array | Record):
        return value.values
    if isinstance(value, Name):
        raise ValueError(f"it keeps {value.text!r} as a value")
    return value


def _tuple(items: list[Any]) -> tuple[Any, ...]:
    """A tuple of data or of arguments, which may be names."""
    return tuple([item.values if isinstance(item, Array | Record) else item for item in items])


def _long(raw: bytes) -> int:
    if len(raw) > 1024:
        raise ValueError("an integer is longer than 1,024 bytes")
    return int.from_bytes(raw, "little", signed=True)


_BY_NAME: Mapping[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.take(1),  # PROTO
    b"\x95": lambda m: m.take(8),  # FRAME
    b"(": _Machine.mark,
    b"0": lambda m: m.stack.pop() if m.stack else m.popped(),
    b"1": _Machine.popped,
    b"2": lambda m: m.push(m.stack[-1]),
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number(1)),
    b"M": lambda m: m.push(m.number(2)),
    b"J": lambda m: m.push(_long(m.take(4))),
    b"\x8a": lambda m: m.push(_long(m.take(m.number(1)))),
    b"\x8b": lambda m: m.push(_long(m.take(m.number(4)))),
    b"G": _Machine.floats,
    b"\x8c": lambda m: m.push(str(m.take(m.number(1)), "utf-8", "surrogatepass")),
    b"X": lambda m: m.push(str(m.take(m.number(4)), "utf-8", "surrogatepass")),
    b"\x8d": lambda m: m.push(str(m.take(m.number(8)), "utf-8", "surrogatepass")),
    b"C": lambda m: m.push(m.take(m.number(1))),
    b"B": lambda m: m.push(m.take(m.number(4))),
    b"\x8e": lambda m: m.push(m.take(m.number(8))),
    b"U": lambda m: m.push(m.take(m.number(1)).decode("latin1")),  # texts of Python 2
    b"T": lambda m: m.push(m.take(m.number(4)).decode("latin1")),
    b"]": lambda m: m.push([]),
    b"l": lambda m: m.push([_plain(item) for item in m.popped()]),
    b"a": _Machine.append_one,
    b"e": lambda m: m.append(m.popped()),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(_tuple(m.popped())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"}": lambda m: m.push({}),
    b"s": _Machine.set_item,
    b"u": lambda m: m.set_items(m.popped()),
    b"\x8f": lambda m: m.push(set()),
    b"\x90": _Machine.add,
    b"\x91": lambda m: m.push(m.set_of(m.popped())),
    b"q": lambda m: m.remember(m.number(1)),
    b"r": lambda m: m.remember(m.number(4)),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"h": lambda m: m.push(m.memo[m.number(1)]),
    b"j": lambda m: m.push(m.memo[m.number(4)]),
    b"c": lambda m: m.ask(m.line(), m.line()),
    b"\x93": _Machine.ask_stacked,
    b"R": _Machine.call,
    b"\x81": _Machine.new,  # NEWOBJ
    b"b": _Machine.build,
    b"P": _Machine.tensor,
    b"Q": _Machine.tensor,
}
_STEPS: list[Callable[[_Machine], Any] | None] = [_BY_NAME.get(bytes([code])) for code in range(256)]

"""A ledger of long work: values, durable line by line, so that the same call goes on after a stop.

A line is the CRC-32 of a JSON text and the text. The first says what the others are of; a last line that was cut off
counts as not written. Once the results are written, the file is deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from nasbench.errors import FileError
from nasbench.evaluate.results import json_values
from nasbench.printable import brief
from nasbench.registry import Registry


class Ledger:
    """Lines of one call. As a context manager it is closed at the end, and deleted if nothing is in it.

    Args:
        path: The file; created if missing.
        header: First line besides `format`: all that must be equal for another call to go on.

    Raises:
        FileError: The file cannot be written, is in use, is no ledger, is damaged, or is of other settings.

    Attributes:
        rows: Values that were there when it was opened.
    """

    format: ClassVar[str]
    """Name and version of the kind of ledger."""
    one: ClassVar[str]
    """What a line is, in the singular."""
    whose: ClassVar[str]
    """What writes such a ledger."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.rows: list[Any] = []
        self._file = _locked(path, self.whose)
        try:
            self._read(json_values({"format": self.format, **header}))
        except BaseException:
            os.close(self._file)
            raise

    def _read(self, header: Mapping[str, Any]) -> None:
        """Read what is there and cut a torn last line off; start anew if nothing is there."""
        content = self.path.read_bytes()
        lines = content.split(b"\n")[:-1]
        values = [_value(line) for line in lines]
        if values and values[-1] is None:  # the machine stopped before all of it was written
            values.pop()
        if None in values:
            raise FileError(f"{self.path} is damaged at line {values.index(None) + 1}, or no ledger; delete or move it")
        torn = content == _line(header)[: len(content)]
        if not (torn if not values else isinstance(values[0], dict) and values[0].get("format") == self.format):
            raise FileError(f"{self.path} is no ledger of {self.whose}; move it or write to another file")
        if len(values) < 2:
            os.ftruncate(self._file, 0)
            self.append(header)
            return
        there, *self.rows = values
        self.check_same(there, header)
        os.ftruncate(self._file, sum(len(line) + 1 for line in lines[: len(values)]))

    def check_same(self, there: Any, here: Any) -> None:
        """Refuse to go on with other settings.

        Raises:
            FileError: They differ; says how.
        """
        differing = first_difference(there, json_values(here))
        if differing:
            finished = f"{self.count} finished {self.one}{'' if self.count == 1 else 's'}"
            raise FileError(
                f"{self.path} holds {finished} of other settings: {differing}; repeat those settings, write to another "
                "file, or delete this one"
            )

    @property
    def count(self) -> int:
        """Number of finished pieces of work when the ledger was opened."""
        return len(self.rows)

    def append(self, value: Any) -> None:
        """Write a value, durably.

        Raises:
            FileError: The disk is full or the file cannot be written.
        """
        line = _line(value)
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            raise FileError(f"cannot write {self.path}: {error.strerror}; what is finished is kept") from error

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; delete it if it holds nothing but its first line."""
        if os.pread(self._file, os.fstat(self._file).st_size, 0).count(b"\n") < 2:
            self.remove()
        os.close(self._file)


def checksum(arrays: Sequence[np.ndarray[Any, Any]]) -> str:
    """SHA-256 of arrays, with their shapes and types."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(repr((array.shape, array.dtype.str)).encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def code_of(components: Mapping[str, Any], registry: Registry[Any]) -> dict[str, str]:
    """SHA-256 of the file of each component, by name; empty where it was typed into a session."""
    files = {}
    for name, component in components.items():
        try:
            file = _file_of(component, registry)
            files[name] = hashlib.sha256(file.read_bytes()).hexdigest()
        except (OSError, TypeError):
            files[name] = ""
    return files


def _file_of(component: Any, registry: Registry[Any]) -> Path:
    """The file of a component; one that is named `module:Class` is not imported for it."""
    if isinstance(component, str) and ":" in (place := component.partition("+")[0]):
        spec = find_spec(place.partition(":")[0])
        return Path(spec.origin if spec and spec.origin else "")
    return Path(inspect.getfile(type(registry.create(component))))


def _locked(path: Path, whose: str) -> int:
    """A descriptor of the file, which no other process has; freed by the system when its holder dies."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise FileError(f"cannot write {path}: {error.strerror}; name another file") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except FileNotFoundError:  # deleted by who held it
            pass
        except BlockingIOError as error:
            os.close(file)
            raise FileError(
                f"{path} is in use by another {whose.rpartition(' ')[2]}; wait for it or write elsewhere"
            ) from error
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _line(value: Any) -> bytes:
    text = json.dumps(value, default=float).encode()  # NaN stays NaN, as records are made of it
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _value(line: bytes) -> Any:
    """The value of a line without its end; None if it is damaged."""
    crc, _, text = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def first_difference(there: Any, here: Any, name: str = "") -> str:
    """The first difference of nested mappings in words; empty if there is none."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            text = first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
            if text:
                return text
        return ""
    return "" if there == here else f"{name} is {brief(there)} there and {brief(here)} here"

"""Small files of a folder, tar archive or zip archive, one at a time and without unpacking to disk."""

from __future__ import annotations

import gzip
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from nasbench.errors import FileError
from nasbench.importers.base import files_of
from nasbench.importers.formats.unpack import OPENERS, unpacked_limit

MAX_FILE_BYTES = 2**24
"""Largest size of one file."""
DAMAGED = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, gzip.BadGzipFile),
    *(EOFError, OSError, ValueError, OverflowError, RecursionError, RuntimeError, NotImplementedError),
)
"""Errors of Python's archive readers at a broken or encrypted archive."""


class Document(NamedTuple):
    """One file.

    Attributes:
        name: Path in the folder (beginning with the name of the folder) or in the archive, with '/' as separator.
        content: Its bytes.
    """

    name: str
    content: bytes


def documents(path: Path, pattern: re.Pattern[str]) -> Iterator[Document]:
    """The files whose base names match a pattern, in no particular order.

    Raises:
        FileError: No file matches, a file is too large or occurs twice, or the archive is damaged or unpacks to more
            than `unpacked_limit`.
    """
    if not path.exists():
        raise FileError(f"no file or folder {path}")
    seen: set[str] = set()
    for name, content in _folder(path, pattern) if path.is_dir() else _archive(path, pattern):
        if name in seen:
            raise FileError(f"{path.name} holds {name} twice")
        if len(content) > MAX_FILE_BYTES:
            raise FileError(f"{path.name}: {name} has more than {MAX_FILE_BYTES:,} bytes")
        seen.add(name)
        yield Document(name, content)
    if not seen:
        raise FileError(f"{path} holds no file like {pattern.pattern}")


def _folder(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    root = path.resolve()  # gives '.' a name
    for file in files_of(root):
        if pattern.fullmatch(file.name):
            try:
                with file.open("rb") as stream:
                    content = stream.read(MAX_FILE_BYTES + 1)
            except OSError as error:
                raise FileError(f"{file} cannot be read: {error.strerror}") from error
            yield file.relative_to(root.parent).as_posix(), content


def _archive(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        yield from _zip(path, pattern) if start == b"PK\x03\x04" else _tar(path, start, pattern)
    except FileError:
        raise
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileError(f"{path} cannot be read as a tar or zip archive: {reason}") from error


def _zip(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    left = unpacked_limit(path.stat().st_size)
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if pattern.fullmatch(_last(entry.filename)):
                with archive.open(entry) as stream:
                    content = stream.read(MAX_FILE_BYTES + 1)
                left -= len(content)
                if left < 0:
                    raise _bomb(path)
                yield entry.filename, content


def _tar(path: Path, start: bytes, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), open)
    with ExitStack() as stack:
        stream: Any = _Bounded(stack.enter_context(opener(path, "rb")), path)
        archive = stack.enter_context(tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header))
        for member in archive:
            if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and pattern.fullmatch(_last(member.name)):
                inside = archive.extractfile(member)
                assert inside is not None  # it is a regular file
                yield member.name, inside.read(MAX_FILE_BYTES + 1)
        while stream.read(2**16):  # reads up to the checksum of a compressed archive
            pass


class _Bounded:
    """A stream that raises an error after `unpacked_limit` bytes."""

    def __init__(self, stream: Any, path: Path) -> None:
        self.stream, self.path, self.left = stream, path, unpacked_limit(path.stat().st_size)

    def read(self, size: int) -> bytes:
        content: bytes = self.stream.read(size)
        self.left -= len(content)
        if self.left < 0:
            raise _bomb(self.path)
        return content


class _Header(tarfile.TarInfo):
    """A header that raises an error if it is damaged or missing, instead of ending the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Header:
        """The next header."""
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]
                raise
            raise tarfile.ReadError(f"{error} at byte {archive.offset:,}") from error


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _bomb(path: Path) -> FileError:
    return FileError(
        f"{path} unpacks to more than {unpacked_limit(path.stat().st_size):,} bytes; unpack it yourself if you trust it"
    )

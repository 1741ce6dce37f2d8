"""Compressed files in bounded memory: a small file that unpacks to a huge one is refused."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from nasbench.errors import FileError

OPENERS: Mapping[bytes, Any] = {b"BZh": bz2.open, b"\x1f\x8b": gzip.open, b"\xfd7z": lzma.open}
"""Openers of compressed files by their first bytes."""
MIN_LIMIT, MAX_RATIO = 2**28, 200
"""A file may unpack to `MIN_LIMIT` bytes, or to `MAX_RATIO` times its own size if that is more."""


def unpacked_limit(packed: int) -> int:
    """Largest number of bytes to which `packed` compressed bytes may unpack."""
    return max(MIN_LIMIT, MAX_RATIO * packed)


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked if its first bytes are those of a compressed file.

    Raises:
        FileError: The file cannot be read, or unpacks to more than `unpacked_limit`.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
        opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), None)
        if opener is None:
            return path.read_bytes()
        with opener(path, "rb") as stream:
            return bounded(stream, path.stat().st_size, path)
    except FileError:
        raise
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError) as error:
        raise FileError(f"{path} cannot be unpacked: {error}") from error


def bounded(stream: IO[bytes], packed: int, path: Path) -> bytes:
    """The content of a stream of `packed` compressed bytes.

    Raises:
        FileError: It is more than `unpacked_limit`.
    """
    limit = unpacked_limit(packed)
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{path} unpacks to more than {limit:,} bytes; unpack it yourself if you trust it")
    return content

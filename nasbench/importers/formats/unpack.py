"""Compressed files in bounded memory: a small file that unpacks to a huge one is taken for an attack."""

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
"""How a file that begins so is unpacked."""
SMALL, RATIO = 2**28, 200
"""A file may unpack to this many bytes, or to this many times its own size."""


def unpacked(path: Path) -> bytes:
    """The bytes of a file, unpacked if it begins as a compressed one, whatever its name.

    Raises:
        FileError: It cannot be read, or unpacks to far more than such a file can honestly hold.
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
    """All that a stream of `packed` compressed bytes holds.

    Raises:
        FileError: It is more than `SMALL` and `RATIO` allow.
    """
    limit = max(SMALL, RATIO * packed)
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise FileError(f"{path} unpacks to more than {limit:,} bytes; unpack it yourself if you trust it")
    return content

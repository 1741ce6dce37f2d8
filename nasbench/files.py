"""Files that appear whole or not at all, and JSON in which no name occurs twice."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nasbench.errors import FileError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block ends well, and vanishes when it does not.

    Raises:
        FileError: The folder does not exist or cannot be written, the disk is full, or the name is that of a folder or
            a device.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        if path.exists() and not path.is_file():
            raise FileError(f"cannot write {path}: it is not a regular file; name another")
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}; nothing was written") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def strict_json(content: str | bytes) -> Any:
    """What the content holds.

    Raises:
        ValueError: It is no JSON, a number in it is too long, or an object in it has a name twice.
        RecursionError: It is nested too deep.
    """
    return json.loads(content, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object in which no name occurs twice, of which the last would win without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return content

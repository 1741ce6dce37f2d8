"""Atomic file writes through symbolic links, and strict JSON without duplicate names."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nasbench.errors import FileError


def followed(path: Path) -> Path:
    """The file that a path stands for: a symbolic link is followed, also to a file that is not there yet.

    Raises:
        FileError: The links lead in a circle.
    """
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise FileError(f"{path} is a symbolic link that leads in a circle; name another file")
    return target


def one_file(path: Path, other: Path) -> bool:
    """Whether two paths, links or not, are one file, or will be; links in a circle are files of their own."""
    return os.path.realpath(path) == os.path.realpath(other) or (
        path.exists() and other.exists() and path.samefile(other)
    )


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path that replaces `path` when the block succeeds, and is deleted when it fails.

    Of a symbolic link the file it leads to is replaced.

    Raises:
        FileError: The folder does not exist or cannot be written, the disk is full, or `path` is a folder or device.
    """
    target = followed(path)
    temporary = target.parent / f".{target.name}.{secrets.token_urlsafe(6)}"  # named before a signal may find it there
    try:
        if target.exists() and not target.is_file():
            raise FileError(f"cannot write {path}: it is not a regular file; name another")
        temporary.touch(0o600, exist_ok=False)
        yield temporary
        descriptor = os.open(temporary, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror or error}; nothing was written") from error
    finally:
        with suppress(OSError):  # the error above says more
            temporary.unlink(missing_ok=True)


def strict_json(content: str | bytes) -> Any:
    """The value of a JSON document.

    Raises:
        ValueError: The content is not JSON, has a too long number, or has a duplicate name in an object.
        RecursionError: The content is nested too deeply.
    """
    return json.loads(content, object_pairs_hook=_unique_names)


def _unique_names(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object without duplicate names; plain `json` silently keeps the last one."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return content

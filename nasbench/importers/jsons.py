"""JSON from outside: objects in which no name occurs twice, numbers that are numbers, and errors of one line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from nasbench.errors import FileError, InputError
from nasbench.importers.unpack import unpacked


def read_json(path: Path) -> Any:
    """What a file holds, compressed or not.

    Raises:
        FileError: There is no such file, it is no JSON, or an object in it has a name twice.
    """
    if not path.is_file():
        raise FileError(f"no file {path}")
    return parse_json(unpacked(path), str(path))


def parse_json(content: bytes, place: str) -> Any:
    """What some bytes hold; `place` says in a message where they are from.

    Raises:
        FileError: They are no JSON, or an object in them has a name twice.
    """
    try:
        return json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{place} cannot be read as json: {' '.join(str(error).split())[:200]}") from error


def number(value: Any, what: str) -> float:
    """A value as a number, NaN where it is null or not a number (as JSON writes it).

    Raises:
        InputError: It is something else, or not finite; `what` says what it should be.
    """
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise InputError(f"{what}: {str(value)[:80]!r} is not a finite number")
    return float(value)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object in which no name occurs twice, of which the last would win without a word."""
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a name occurs twice in one object")
    return content

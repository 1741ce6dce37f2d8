"""JSON in which no name occurs twice in one object."""

from __future__ import annotations

import json
from typing import Any


def loads(content: str | bytes) -> Any:
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

"""Foreign text in messages and on terminals: without control characters, and cut to a length that can be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

MOST = 200
"""Characters of a foreign text that a message quotes."""
MOST_OF_LINE = 2000
"""Characters of a whole message."""


def printable(text: str, most: int | None = None, keep: str = "") -> str:
    r"""Text in which whatever does not print is written as an escape, cut to `most` characters.

    Escape sequences could clear a terminal or fake its lines, and marks of direction turn text around.

    Args:
        text: Any text.
        most: Length above which the text is cut; None for no cut.
        keep: Characters that stay although they do not print, such as the end of a line.

    >>> printable("per\x1b[2Jcent")
    'per\\x1b[2Jcent'
    """
    if most is not None:
        text = cut(text, most)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def cut(text: str, most: int) -> str:
    """The first `most` characters of a text that is longer, and its length."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def brief(value: object) -> str:
    """A foreign value for a message: its representation on one line, cut to about `MOST` characters.

    No more of it is rendered, as tuples of twice the same tuple, and so on, may stand for any amount of text.

    >>> brief(list(range(10**6)))
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...] (1,000,000 values)'
    """
    pieces = list(islice(_pieces(value), MOST + 1))
    text = "".join(pieces)
    whole = len(pieces) <= MOST and len(text) <= MOST
    if isinstance(value, str | bytes):
        whole = whole and len(value) <= MOST
    shown = printable(text if whole else f"{text[:MOST]}...")
    if isinstance(value, str | bytes) and not whole:
        return f"{shown} ({len(value):,} characters)"
    many = isinstance(value, COLLECTIONS) and len(value) > FIRST
    return f"{shown} ({len(value):,} values)" if many else shown  # type: ignore[arg-type]


def _pieces(value: object) -> Iterator[str]:
    """The representation of a value, piece by piece: `FIRST` values of each collection, the beginning of a text."""
    if isinstance(value, COLLECTIONS) and value:
        begin, end = next(marks for kind, marks in MARKS.items() if isinstance(value, kind))
        yield begin
        parts = value.items() if isinstance(value, dict) else value
        for at, part in enumerate(islice(parts, FIRST)):
            yield ", " if at else ""
            if isinstance(value, dict):
                yield from _pieces(part[0])
                yield ": "
                part = part[1]
            yield from _pieces(part)
        yield (
            f", ...{end}" if len(value) > FIRST else f",{end}" if isinstance(value, tuple) and len(value) == 1 else end
        )
    elif isinstance(value, str | bytes):
        yield repr(value[:MOST])
    elif isinstance(value, int) and value.bit_length() > MOST:  # Python refuses to write very long ones
        yield f"an integer of {value.bit_length():,} bits"
    else:
        yield repr(value)


COLLECTIONS = (list, tuple, dict, set, frozenset)
MARKS = {list: "[]", tuple: "()", dict: "{}", set: "{}", frozenset: ("frozenset({", "})")}
"""Before and after the values of a collection."""
FIRST = 10
"""Values of a collection that a message quotes."""

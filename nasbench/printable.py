"""Foreign text in messages and on terminals: without control characters, and cut to a length that can be read."""

from __future__ import annotations

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
    """A foreign value for a message: its representation on one line, cut to `MOST` characters.

    >>> brief(list(range(10**6)))[:40]
    '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...] (1,0'
    """
    if isinstance(value, list | tuple | dict | set | frozenset) and len(value) > FIRST:
        first = list(value)[:FIRST] if not isinstance(value, dict) else list(value.items())[:FIRST]
        return f"{printable(repr(first), MOST)[:-1]}, ...] ({len(value):,} values)"
    return printable(repr(value), MOST)


FIRST = 10
"""Values of a collection that a message quotes."""

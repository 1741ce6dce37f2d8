"""Numbers and lists on the command line."""

from __future__ import annotations

from nasbench.errors import InputError
from nasbench.registry import split_outside


def number(text: str, name: str, *words: str) -> int | str:
    """A whole number, or one of the words allowed instead."""
    if text.strip() in words:
        return text.strip()
    try:
        return int(text)
    except ValueError:
        wanted = " or ".join(["a whole number", *map(repr, words)])
        raise InputError(f"{name} must be {wanted}, got {text!r}") from None


def whole(text: str, name: str) -> int:
    """A whole number."""
    return int(number(text, name))


def separated(text: str) -> list[str]:
    """Names of a comma-separated list, without blanks and duplicates; commas inside JSON do not separate."""
    names = list(dict.fromkeys(name.strip() for name in split_outside(text, ",") if name.strip()))
    if not names:
        raise InputError(f"expected names separated by commas, got {text!r}")
    return names

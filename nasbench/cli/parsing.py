"""Numbers and lists that the user wrote."""

from __future__ import annotations

from nasbench.errors import InputError


def number(text: str, what: str, word: str | None = None) -> int | str:
    """A whole number, or the one word that may stand in its place."""
    if text.strip() == word:
        return word
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{what} is a whole number{f' or {word!r}' if word else ''}, got {text!r}") from None


def whole(text: str, what: str) -> int:
    """A whole number."""
    return int(number(text, what))


def separated(text: str) -> list[str]:
    """The names in a comma-separated list, without blanks and repetitions."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise InputError(f"expected names separated by commas, got {text!r}")
    return names

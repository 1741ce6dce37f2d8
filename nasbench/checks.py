"""Checks of settings that many components share."""

from __future__ import annotations

from nasbench.errors import InputError


def check_whole(name: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Check that a setting is a whole number within bounds; a truth value is none.

    >>> check_whole("pool", 0)
    Traceback (most recent call last):
    ...
    nasbench.errors.InputError: pool must be a whole number of at least 1, got 0

    Raises:
        InputError: It is not; the message has its name.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name} must be a whole number {bounds}, got {value!r}")

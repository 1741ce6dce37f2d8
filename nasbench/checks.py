"""Checks of settings: whole numbers, numbers and flags within bounds, each refused in one line."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nasbench.errors import InputError


def check_whole(name: str, value: Any, least: int | None = 1, most: int | None = None) -> None:
    """Refuse what is no whole number from `least` to `most`.

    >>> check_whole("population", 2.5)
    Traceback (most recent call last):
    nasbench.errors.InputError: population must be a whole number of at least 1, got 2.5

    Raises:
        InputError: It is none; the message gives the bounds.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or (least is not None and value < least) or (most is not None and value > most):
        bounds = f" of at least {least}" if most is None else f" from {least} to {most}"
        raise InputError(f"{name} must be a whole number{'' if least is None else bounds}, got {value!r}")


def check_number(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> None:
    """Refuse what is no finite number, or not within the bounds.

    >>> check_number("decay", 2, least=0, below=1)
    Traceback (most recent call last):
    nasbench.errors.InputError: decay must be a number at least 0 and below 1, got 2

    Raises:
        InputError: It is none; the message gives the bounds.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not (above < value < below and least <= value <= most):
        bounds = {"above": above, "at least": least, "below": below, "at most": most}
        given = {words: bound for words, bound in bounds.items() if math.isfinite(bound)}
        stated = " and ".join(f"{words} {bound:g}" for words, bound in given.items())
        if given.keys() == {"at least", "at most"}:
            stated = f"from {least:g} to {most:g}"
        raise InputError(f"{name} must be a number {stated}".rstrip() + f", got {value!r}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is neither true nor false.

    Raises:
        InputError: It is neither.
    """
    if not isinstance(value, bool | np.bool_):
        raise InputError(f"{name} must be true or false, got {value!r}")

"""A time limit for steps of anybody's code: a process notes when a step begins, and its parent reads the note."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from time import monotonic
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Step(ctypes.Structure):
    """The step that a process is in, in memory that it shares with its parent.

    Attributes:
        begun: When it began, in seconds of `time.monotonic`, one clock for all processes; 0 between steps.
        what: What the step is to bring, in ASCII.
    """

    begun: float
    what: bytes
    _fields_ = (("begun", ctypes.c_double), ("what", ctypes.c_char * 32))


_step: Step | None = None


def note_steps(step: Step | None) -> None:
    """Note the steps of this process from now on; with None, none."""
    global _step
    _step = step


def watched(what: str, call: Callable[P, R]) -> Callable[P, R]:
    """A function, each call of which is a step; the function itself where nobody limits the time of steps.

    A call costs less than half a microsecond more. Steps do not nest.

    Args:
        what: What the step is to bring, as "proposal": at most 31 ASCII characters, for the message of its failure.
        call: Somebody's code.
    """
    step = _step
    if step is None:
        return call
    name = what.encode("ascii")

    def noted(*args: P.args, **kwargs: P.kwargs) -> R:
        step.what = name
        step.begun = monotonic()
        try:
            return call(*args, **kwargs)
        finally:
            step.begun = 0.0

    return noted

"""No component lets others write to what it goes on using: arrays that it returns are copies, or read-only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt


def check_apart(first: Any, second: Any, fault: str) -> None:
    """Check that two results of equal calls have no memory in common that can be written to.

    Args:
        first: An array, or tuples, lists and iterators of arrays; other values are not looked at.
        second: Of the same form.
        fault: Message.

    Raises:
        AssertionError: They have.
    """
    for a, b in zip(_arrays_in(first), _arrays_in(second), strict=True):
        writable = a.flags.writeable or b.flags.writeable
        assert not (writable and np.may_share_memory(a, b)), fault


def _arrays_in(value: Any) -> Iterator[npt.NDArray[Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list | Iterator):
        for part in value:
            yield from _arrays_in(part)

"""How long work tells how far it is."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of finished and of all parts of the work."""


def silent(done: int, total: int) -> None:
    """Tell nobody."""

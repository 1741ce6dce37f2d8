"""Progress callbacks of long-running work."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the number of finished items and the total."""


def silent(done: int, total: int) -> None:
    """Ignore progress."""

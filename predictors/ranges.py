"""Ranges of constructor arguments: whole numbers, numbers on a logarithmic scale, or one of several values."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias


class WholeRange(NamedTuple):
    """Whole numbers from `least` to `most`, equally likely.

    >>> 3 in WholeRange(1, 8), 3.5 in WholeRange(1, 8), 9 in WholeRange(1, 8)
    (True, False, False)
    """

    least: int
    most: int

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of the numbers."""
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most


class LogRange(NamedTuple):
    """Positive numbers from `least` to `most`, their logarithms equally likely.

    >>> 0.1 in LogRange(0.01, 0.5), 0 in LogRange(0.01, 0.5)
    (True, False)
    """

    least: float
    most: float

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of the numbers."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.least <= value <= self.most


class OneOf(NamedTuple):
    """One of several values, without an order.

    >>> "onehot" in OneOf(("default", "onehot"))
    True
    """

    values: tuple[Any, ...]

    def __contains__(self, value: object) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Range: TypeAlias = WholeRange | LogRange | OneOf


def ranges(**arguments: Range) -> Mapping[str, Range]:
    """Ranges of constructor arguments by name, for `Predictor.tunable`; read-only.

    >>> dict(ranges(k=WholeRange(1, 9)))
    {'k': WholeRange(least=1, most=9)}
    """
    return MappingProxyType(arguments)


GRAPH_FEATURES = OneOf(("default", "default@1", "onehot"))
"""Encodings that every space has, for predictors that learn from features of graphs."""

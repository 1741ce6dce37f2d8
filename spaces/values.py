"""Values that a space takes and gives: named options, labelled graphs as arrays, network sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from nasbench.types import BoolArray, GenotypeArray

Option: TypeAlias = str | int | float
"""An option as people see it: its name, or the number it stands for."""


class AdjacencyArrays(NamedTuple):
    """Labelled graphs of `n` architectures, padded to `v` nodes.

    Attributes:
        adjacency: `adjacency[a, i, j]` is true where architecture `a` has the edge i -> j; shape `(n, v, v)`.
        ops: Index of each node's label in `Space.ops`, 0 where there is no node; shape `(n, v)`.
        mask: True where there is a node; shape `(n, v)`.
    """

    adjacency: BoolArray
    ops: GenotypeArray
    mask: BoolArray


@dataclass(frozen=True)
class NetworkSettings:
    """Size of the network built around a cell.

    Attributes:
        channels: Channels after the stem; doubled at each reduction.
        cells: Cells per stage.
        stages: Stages; between two stages the image is halved and the channels are doubled.
    """

    channels: int = 16
    cells: int = 5
    stages: int = 3

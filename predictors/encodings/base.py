"""Base class of encodings: a name that `features` may list, and the columns that it makes of architectures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import numpy as np

from nasbench.arrays import read_only
from nasbench.predictors.encodings.flow import Flow, flow
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray, IntArray


class Block(NamedTuple):
    """Columns that one name of `features` stands for.

    Attributes:
        values: Shape `(n, f)`.
        groups: Group of each column, from 0, increasing; shape `(f,)`. A Gaussian process has one weight a group.
    """

    values: FloatArray
    groups: IntArray

    @classmethod
    def together(cls, values: FloatArray) -> Block:
        """Columns `(n, f)` that are one group."""
        return cls(values, np.zeros(values.shape[1], dtype=np.int64))

    @classmethod
    def apart(cls, values: FloatArray) -> Block:
        """Columns `(n, f)` each of which is a group of its own."""
        return cls(values, np.arange(values.shape[1]))


class Cells:
    """Architectures of one space, whose flow is computed once for all encodings that read it: its arrays are read-only.

    Attributes:
        space: The search space.
        genotypes: The architectures; shape `(n, d)`.
    """

    def __init__(self, space: Space, genotypes: GenotypeArray) -> None:
        self.space, self.genotypes = space, genotypes

    @cached_property
    def flow(self) -> Flow:
        """What passes through the cells."""
        return Flow._make(map(read_only, flow(self.space, self.genotypes)))

    @cached_property
    def labels_by_cell(self) -> FloatArray:
        """Operation of each node, one-hot for each cell of the network that it may belong to: `(n, v, cells * ops)`."""
        labels, cell = self.flow.labels, self.flow.cells
        among = cell[:, :, None] == np.arange(max(self.space.node_cells) + 1)  # (n, v, cells)
        n, v, ops = labels.shape
        by_cell: FloatArray = (among[:, :, :, None] * labels[:, :, None, :]).reshape(n, v, among.shape[2] * ops)
        return read_only(by_cell)


class Encoding(ABC):
    """Base class of encodings of graphs; a subclass writes `encode` and, if not for every space, `applies`."""

    def applies(self, space: Space) -> bool:
        """Whether the encoding is defined for a space."""
        return True

    @abstractmethod
    def encode(self, cells: Cells) -> Block:
        """The columns of `n` architectures, each row by itself."""

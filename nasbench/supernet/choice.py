"""Choices: which operations of a supernet are computed, and with which weights they are summed (Liu et al., 2019)."""

from __future__ import annotations

from typing import NamedTuple, Self

from torch import Tensor

from nasbench.types import GenotypeArray


class Choice(NamedTuple):
    """Operations that each edge of every cell computes.

    Attributes:
        active: Indices of the operations that are computed, for each edge.
        weights: Factors `(edges, operations)` of their outputs; None for 1.
        edge_weights: Factors `(edges,)` of the sums; None for 1.
    """

    active: tuple[tuple[int, ...], ...]
    weights: Tensor | None = None
    edge_weights: Tensor | None = None

    @classmethod
    def of(cls, genotype: GenotypeArray) -> Self:
        """The operations of one genotype `(edges,)`."""
        return cls(tuple((operation,) for operation in genotype.tolist()))

    @classmethod
    def mixed(cls, weights: Tensor, edge_weights: Tensor | None = None) -> Self:
        """All operations with weights `(edges, operations)`."""
        edges, operations = weights.shape
        return cls((tuple(range(operations)),) * edges, weights, edge_weights)

    def detached(self) -> Self:
        """The same numbers without their gradients."""
        weights, edges = (None if part is None else part.detach() for part in (self.weights, self.edge_weights))
        return self._replace(weights=weights, edge_weights=edges)

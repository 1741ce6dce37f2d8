"""Relaxation of the choice of an operation to a softmax over all of them (Liu et al., ICLR 2019, Equation 2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from nasbench.supernet.choice import Choice
from nasbench.types import FloatArray, GenotypeArray

FIRST_SPREAD = 1e-3
"""Standard deviation of the first architecture parameters, as published."""


class Softmax:
    """Architecture parameters, and the choices that they stand for. Other relaxations are derived from it.

    Args:
        edges: Source and target of each edge.
        operations: Number of candidate operations.
        generator: Draws the first parameters, and whatever a relaxation draws later.

    Attributes:
        alpha: Parameters; shape `(edges, operations)`.
    """

    weight_decay: ClassVar[float] = 1e-3
    """L2 penalty on the parameters, as published."""

    def __init__(self, edges: Sequence[tuple[int, int]], operations: int, generator: torch.Generator) -> None:
        self.edges, self.generator = tuple(edges), generator
        self.alpha = self._first(len(self.edges), operations)

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters that are learnt."""
        return [self.alpha]

    def choice(self, progress: float) -> Choice:
        """What the supernet computes.

        Args:
            progress: Share of the training that is done, in [0, 1).
        """
        return Choice.mixed(self.alpha.softmax(dim=1))

    def probabilities(self) -> FloatArray:
        """How likely each operation of each edge is; shape `(edges, operations)`."""
        result: FloatArray = self.alpha.detach().double().softmax(dim=1).numpy()
        return result

    def penalty(self) -> Tensor:
        """Regulariser that is added to the validation loss; a scalar."""
        return torch.zeros(())

    def _first(self, *shape: int) -> Tensor:
        return (FIRST_SPREAD * torch.randn(shape, generator=self.generator)).requires_grad_()


def discretised(probabilities: FloatArray) -> GenotypeArray:
    """Most probable operation of each edge: genotypes of `(..., edges, operations)`."""
    genotypes: GenotypeArray = probabilities.argmax(axis=-1).astype(np.int8)
    return genotypes

"""Base of gradient-based searches: architecture parameters learn with the weights of a supernet (Liu et al., 2019)."""

from __future__ import annotations

import numpy as np
import torch

from nasbench.checks import check_number
from nasbench.search.shared_weights import SharedWeights, best_first
from nasbench.supernet.bilevel import train_bilevel
from nasbench.supernet.network import Supernet
from nasbench.supernet.relaxation import Softmax, discretised
from nasbench.supernet.shared import SharedTraining
from nasbench.types import FloatArray, GenotypeArray


class DifferentiableSearch(SharedWeights):
    """Proposes the architecture that a relaxation ends with, those of earlier epochs, and all others by probability.

    An architecture has the most probable operation on each edge, `none` included. Earlier epochs come newest first;
    the rest of the space follows by the product of the probabilities of the last epoch, nothing twice.

    Args:
        dataset: See `SharedWeights`.
        epochs: As there.
        channels: As there.
        cells: As there.
        stages: As there.
        batch: As there.
        learning_rate: As there.
        architecture_rate: Learning rate of Adam for the architecture. The default reaches in some hundred steps what
            the published 0.0003 reaches in some ten thousand.

    Attributes:
        history: Probabilities after each epoch of the last run, `(epochs, edges, operations)`; before its first
            proposal of its own `(0, edges, operations)`.
    """

    history: FloatArray

    def __init__(
        self,
        dataset: str,
        epochs: int,
        channels: int,
        cells: int,
        stages: int,
        batch: int,
        learning_rate: float,
        architecture_rate: float,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate)
        check_number("architecture_rate", architecture_rate, above=0)
        self.architecture_rate = architecture_rate

    def _start(self) -> None:
        super()._start()
        self.history = np.empty((0, len(self.space.cardinalities), self.space.cardinalities[0]))

    def _train(self, shared: SharedTraining) -> GenotypeArray:
        relaxation = self._relaxation(shared.network, shared.generator)
        self.history = self._learn(shared, relaxation)
        return proposals(self.history, self.space.unique())

    def _relaxation(self, network: Supernet, generator: torch.Generator) -> Softmax:
        """The architecture parameters of a run; here those of DARTS."""
        return Softmax(network.edges, network.operations, generator)

    def _learn(self, shared: SharedTraining, relaxation: Softmax) -> FloatArray:
        """Train; probabilities after each epoch."""
        return train_bilevel(shared, relaxation, self.architecture_rate)


def proposals(history: FloatArray, genotypes: GenotypeArray) -> GenotypeArray:
    """Architectures of all epochs, newest first, then `(n, edges)` genotypes by falling probability.

    Args:
        history: Probabilities `(epochs, edges, operations)`.
        genotypes: The space.
    """
    with np.errstate(divide="ignore"):
        log_p = np.log(history[-1])[np.arange(genotypes.shape[1]), genotypes].sum(axis=1)  # (n,)
    return np.concatenate([discretised(history[::-1]), best_first(genotypes, log_p)])

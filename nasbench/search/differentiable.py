"""Base of gradient-based searches: architecture parameters learn with the weights of a supernet (Liu et al., 2019)."""

from __future__ import annotations

import numpy as np
import torch

from nasbench.checks import check_flag, check_number
from nasbench.search.shared_weights import SharedWeights, best_first
from nasbench.spaces.edge_cell import NONE
from nasbench.supernet.bilevel import train_bilevel
from nasbench.supernet.network import Supernet
from nasbench.supernet.relaxation import Softmax, discretised
from nasbench.supernet.shared import SharedTraining
from nasbench.types import FloatArray, GenotypeArray


class DifferentiableSearch(SharedWeights):
    """Proposes the architecture that a relaxation ends with, those of earlier epochs, and all others by probability.

    An architecture has the most probable operation on each edge. Earlier epochs come newest first;
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
        none: Whether an edge can end with `none`, as in the search of Dong & Yang (2020). If not, as in that of Liu et
            al. (2019), because its strength says little, architectures with it come last. It is mixed in either way.

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
        none: bool,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate)
        check_number("architecture_rate", architecture_rate, above=0)
        check_flag("none", none)
        self.architecture_rate, self.none = architecture_rate, none

    def _start(self) -> None:
        super()._start()
        self.history = np.empty((0, len(self.space.cardinalities), self.space.cardinalities[0]))

    def _train(self, shared: SharedTraining) -> GenotypeArray:
        relaxation = self._relaxation(shared.network, shared.generator)
        self.history = self._learn(shared, relaxation)
        return proposals(self.history, self.space.unique(), self.none)

    def _relaxation(self, network: Supernet, generator: torch.Generator) -> Softmax:
        """The architecture parameters of a run; here those of DARTS."""
        return Softmax(network.edges, network.operations, generator)

    def _learn(self, shared: SharedTraining, relaxation: Softmax) -> FloatArray:
        """Train; probabilities after each epoch."""
        return train_bilevel(shared, relaxation, self.architecture_rate)


def proposals(history: FloatArray, genotypes: GenotypeArray, none: bool = True) -> GenotypeArray:
    """Architectures of all epochs, newest first, then `(n, edges)` genotypes by falling probability.

    Args:
        history: Probabilities `(epochs, edges, operations)`.
        genotypes: The space.
        none: Whether the first operation, `none`, counts; if not, its probability is 0.
    """
    if not none:
        history = np.where(np.arange(history.shape[2]) == NONE, 0.0, history)
    with np.errstate(divide="ignore"):
        log_p = np.log(history[-1])[np.arange(genotypes.shape[1]), genotypes].sum(axis=1)  # (n,)
    return np.concatenate([discretised(history[::-1]), best_first(genotypes, log_p)])

"""DARTS: gradient descent on a softmax over the operations of each edge (Liu et al., ICLR 2019)."""

from __future__ import annotations

from nasbench.checks import check_flag
from nasbench.search.differentiable import DifferentiableSearch
from nasbench.supernet.bilevel import train_bilevel
from nasbench.supernet.relaxation import Softmax
from nasbench.supernet.shared import SharedTraining
from nasbench.types import FloatArray


class DARTS(DifferentiableSearch):
    """Every edge computes all operations, weighted by a softmax of its parameters.

    Args:
        dataset: See `SharedWeights`.
        epochs: As there.
        channels: As there.
        cells: As there.
        stages: As there.
        batch: As there.
        learning_rate: As there.
        architecture_rate: See `DifferentiableSearch`.
        none: As there.
        second_order: Whether the gradient goes through a step of the weights, at their learning rate and without
            momentum (Equation 7).
    """

    def __init__(
        self,
        dataset: str = "digits",
        epochs: int = 20,
        channels: int = 8,
        cells: int = 1,
        stages: int = 1,
        batch: int = 64,
        learning_rate: float = 0.1,
        architecture_rate: float = 0.03,
        none: bool = True,
        second_order: bool = False,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate, architecture_rate, none)
        check_flag("second_order", second_order)
        self.second_order = second_order

    def _learn(self, shared: SharedTraining, relaxation: Softmax) -> FloatArray:
        return train_bilevel(shared, relaxation, self.architecture_rate, second_order=self.second_order)

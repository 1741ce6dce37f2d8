"""GDAS: one operation an edge, sampled by a Gumbel-softmax with straight-through gradients (Dong & Yang, CVPR 2019)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from nasbench.checks import check_number
from nasbench.search.differentiable import DifferentiableSearch
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Supernet
from nasbench.supernet.relaxation import Softmax


class GDAS(DifferentiableSearch):
    """Every edge computes one sampled operation; the temperature of the softmax falls linearly.

    As published, it trains for more epochs than DARTS: they are cheaper, and learn less.

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
        temperature: First temperature, as published.
        last_temperature: Temperature at the end, as published.
    """

    def __init__(
        self,
        dataset: str = "digits",
        epochs: int = 100,
        channels: int = 8,
        cells: int = 1,
        stages: int = 1,
        batch: int = 64,
        learning_rate: float = 0.1,
        architecture_rate: float = 0.03,
        none: bool = True,
        temperature: float = 10.0,
        last_temperature: float = 0.1,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate, architecture_rate, none)
        check_number("temperature", temperature, above=0)
        check_number("last_temperature", last_temperature, above=0)
        self.temperature, self.last_temperature = temperature, last_temperature

    def _relaxation(self, network: Supernet, generator: torch.Generator) -> Softmax:
        temperatures = self.temperature, self.last_temperature
        return GumbelSoftmax(network.edges, network.operations, generator, temperatures)


class GumbelSoftmax(Softmax):
    """Hard samples forward, soft ones backward (Dong & Yang, 2019, Equations 3 to 5).

    Args:
        edges: See `Softmax`.
        operations: As there.
        generator: As there.
        temperatures: The first and the last.
    """

    def __init__(
        self,
        edges: Sequence[tuple[int, int]],
        operations: int,
        generator: torch.Generator,
        temperatures: tuple[float, float],
    ) -> None:
        super().__init__(edges, operations, generator)
        self.temperatures = temperatures

    def choice(self, progress: float) -> Choice:
        """One operation an edge, weighted by 1 with the gradient of its soft weight."""
        first, last = self.temperatures
        gumbel = -torch.empty_like(self.alpha).exponential_(generator=self.generator).log()
        soft = ((self.alpha.log_softmax(dim=1) + gumbel) / (first + progress * (last - first))).softmax(dim=1)
        chosen = soft.argmax(dim=1)
        hard = torch.nn.functional.one_hot(chosen, soft.shape[1]) - soft.detach() + soft
        return Choice(tuple((index,) for index in chosen.tolist()), hard)

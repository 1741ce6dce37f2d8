"""DrNAS: operation weights drawn from Dirichlet distributions whose concentrations learn (Chen et al., ICLR 2021)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Dirichlet, kl_divergence
from torch.nn.functional import elu

from nasbench.checks import check_number
from nasbench.search.differentiable import DifferentiableSearch
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Supernet
from nasbench.supernet.relaxation import Softmax
from nasbench.training.device import seeded
from nasbench.types import FloatArray


class DrNAS(DifferentiableSearch):
    """Every edge computes all operations, with weights from a Dirichlet distribution.

    The progressive scheme of the paper, which widens the supernet by stages, is left out.

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
        anchor: Weight of the divergence from the uniform distribution, as published.
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
        anchor: float = 0.001,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate, architecture_rate, none)
        check_number("anchor", anchor, least=0)
        self.anchor = anchor

    def _relaxation(self, network: Supernet, generator: torch.Generator) -> Softmax:
        return DirichletWeights(network.edges, network.operations, generator, self.anchor)


class DirichletWeights(Softmax):
    """Concentrations `elu(alpha) + 1` of a Dirichlet distribution for each edge (Chen et al., 2021, Section 3.1).

    Args:
        edges: See `Softmax`.
        operations: As there.
        generator: As there.
        anchor: Weight of the divergence from a concentration of 1.
    """

    weight_decay = 0.0  # the anchor is the regulariser

    def __init__(
        self, edges: Sequence[tuple[int, int]], operations: int, generator: torch.Generator, anchor: float
    ) -> None:
        super().__init__(edges, operations, generator)
        self.anchor = anchor

    @property
    def concentration(self) -> Tensor:
        """Positive; shape `(edges, operations)`."""
        return elu(self.alpha) + 1

    def choice(self, progress: float) -> Choice:
        """All operations with drawn weights, differentiable by the concentrations."""
        seed = int(torch.randint(2**31, (), generator=self.generator))
        with seeded(seed, torch.device("cpu")):  # distributions draw from the global generator
            return Choice.mixed(Dirichlet(self.concentration).rsample())

    def probabilities(self) -> FloatArray:
        """Means of the distributions."""
        concentration = self.concentration.detach().double()
        result: FloatArray = (concentration / concentration.sum(dim=1, keepdim=True)).numpy()
        return result

    def penalty(self) -> Tensor:
        """`anchor` times the divergence from the uniform distribution, summed over edges (Equation 6)."""
        uniform = Dirichlet(torch.ones_like(self.alpha))
        return self.anchor * kl_divergence(Dirichlet(self.concentration), uniform).sum()

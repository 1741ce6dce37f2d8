"""PC-DARTS: operations on part of the channels, and normalised edges (Xu et al., ICLR 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nasbench.checks import check_number, check_whole
from nasbench.search.differentiable import DifferentiableSearch
from nasbench.supernet.bilevel import train_bilevel
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Supernet
from nasbench.supernet.relaxation import Softmax
from nasbench.supernet.shared import SharedTraining
from nasbench.types import FloatArray


class PCDARTS(DifferentiableSearch):
    """DARTS on `1 / share` of the channels, with a softmax over the edges into each node, after a warm-up of weights.

    Every edge of the space is kept, so edge weights shape the training and not the discretised architecture.

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
        share: Divisor of the channels that go through operations; divides `channels`.
        warm_up: Share of the epochs in which only weights learn; as published, 15 of 50.
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
        share: int = 4,
        warm_up: float = 0.3,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate, architecture_rate, none)
        check_whole("share", share)
        check_number("warm_up", warm_up, least=0, below=1)
        self.share, self.warm_up = share, warm_up

    def _share(self) -> int:
        return self.share

    def _relaxation(self, network: Supernet, generator: torch.Generator) -> Softmax:
        return EdgeNormalisation(network.edges, network.operations, generator)

    def _learn(self, shared: SharedTraining, relaxation: Softmax) -> FloatArray:
        return train_bilevel(shared, relaxation, self.architecture_rate, warm_up=self.warm_up)


class EdgeNormalisation(Softmax):
    """A softmax over operations, and one over the edges into each node (Xu et al., 2020, Equation 2).

    Args:
        edges: See `Softmax`.
        operations: As there.
        generator: As there.

    Attributes:
        beta: Parameters of the edges; shape `(edges,)`.
    """

    def __init__(self, edges: Sequence[tuple[int, int]], operations: int, generator: torch.Generator) -> None:
        super().__init__(edges, operations, generator)
        self.beta = self._first(len(edges))
        targets = torch.tensor([target for _, target in edges])
        self._elsewhere = targets[:, None] != targets  # (edges, edges)

    @property
    def parameters(self) -> list[Tensor]:
        """Those of operations and of edges."""
        return [self.alpha, self.beta]

    def choice(self, progress: float) -> Choice:
        """All operations; the weights of the edges into a node add up to 1."""
        logits = self.beta.expand(len(self.beta), -1).masked_fill(self._elsewhere, -torch.inf)
        return Choice.mixed(self.alpha.softmax(dim=1), logits.softmax(dim=1).diagonal())

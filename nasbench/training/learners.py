"""Learners: one network, or many side by side, behind one interface for training and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import torch

from nasbench.tasks import Outputs, Tallies, Tally, Task
from nasbench.training.device import image_layout
from nasbench.training.fusion import FusedNetwork

Tensors: TypeAlias = Mapping[str, tuple[torch.Tensor, torch.Tensor]]
"""Inputs `(n, ...)` and targets `(n, ...)` of each part of a data set."""


class Learner(Protocol):
    """The differences between training one network and training `k` side by side."""

    count: int

    @property
    def network(self) -> torch.nn.Module:
        """The module whose parameters are trained."""

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Rows `(b, k)` of inputs and targets `(n, ...)`, in the form that the network and the loss take."""

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The same inputs and targets `(b, ...)` for every network, in the form that the network and the loss take."""

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Loss of the single network, a scalar, or of each network, shape `(k,)`."""

    def tally(self) -> Tally | Tallies:
        """An empty accumulator of scores and losses."""

    def results(self, tally: Any) -> list[tuple[float, float]]:
        """Score and loss of each network."""


class SingleLearner:
    """One network by itself."""

    count = 1

    def __init__(self, network: torch.nn.Module, task: Task) -> None:
        self.network, self.loss, self.tally = network, task.loss, task.tally

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Inputs and targets of the rows, shape `(b, ...)`."""
        return inputs[rows[:, 0]], targets[rows[:, 0]]

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Inputs and targets unchanged."""
        return inputs, targets

    def results(self, tally: Tally) -> list[tuple[float, float]]:
        """Score and loss of the network."""
        return [tally.result()]


class FusedLearner:
    """Many networks side by side.

    Args:
        networks: Map images `(b, channels, height, width)` to features.
        task: Loss and score.
        images: A batch that each of them accepts; only the shape matters.
        device: Where to train.

    Raises:
        Unfusable: A network cannot run side by side with others.
    """

    def __init__(
        self, networks: Sequence[torch.nn.Module], task: Task, images: torch.Tensor, device: torch.device
    ) -> None:
        self.task, self.layout = task, image_layout(device)
        self.network = FusedNetwork(networks, images).to(device)
        self.network.to(memory_format=self.layout)  # type: ignore[call-overload]
        self.count = self.network.count

    def batch(self, inputs: torch.Tensor, targets: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images stacked along the channels, and targets of each network."""
        images = inputs[rows].flatten(1, 2).contiguous(memory_format=self.layout)
        return images, targets[rows]  # (b, k * c, h, w), (b, k, ...)

    def shared(self, inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images `(b, k * c, h, w)` and targets `(b, k, ...)`, repeated for each network."""
        x, y = (part[:, None].expand(-1, self.count, *part.shape[1:]) for part in (inputs, targets))
        return x.flatten(1, 2).contiguous(memory_format=self.layout), y

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each network, shape `(k,)`."""
        assert not isinstance(outputs, list), "networks side by side answer with one tensor"
        return self.task.losses(outputs, targets)

    def tally(self) -> Tallies:
        """An empty accumulator of the scores and losses of all networks."""
        return self.task.tallies(self.count)

    def results(self, tally: Tallies) -> list[tuple[float, float]]:
        """Score and loss of each network."""
        return tally.results()

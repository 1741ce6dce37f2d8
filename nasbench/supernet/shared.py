"""Training with shared weights: a supernet with its data, its optimiser and a count of its arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from nasbench.datasets import datasets
from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.values import NetworkSettings
from nasbench.supernet.choice import Choice
from nasbench.supernet.network import Arithmetic, build_supernet
from nasbench.training.device import seeded
from nasbench.training.schedules import learning_rate_factor
from nasbench.training.settings import TrainSettings
from nasbench.training.steps import make_optimiser

CPU = torch.device("cpu")
MAX_NORM = 5.0
"""Gradients of the weights are scaled down to this norm, as published (Liu et al., 2019)."""
FORWARD, STEP = 1, 3
"""Arithmetic of an evaluation and of a gradient, in forward passes: a backward pass counts as two."""


@dataclass(frozen=True)
class SupernetSettings:
    """How a supernet is trained.

    Attributes:
        dataset: Specification of the data set: weights learn on its training split, architectures on validation.
        network: Width and depth.
        train: Length, batches and learning rate of the weights.
    """

    dataset: str = "digits"
    network: NetworkSettings = field(default_factory=lambda: NetworkSettings(16, 1, 1))
    train: TrainSettings = field(default_factory=lambda: TrainSettings(epochs=25))


class SharedTraining:
    """A supernet that is being trained, on the CPU.

    Attributes:
        network: The supernet.
        generator: All random numbers of the training, besides the first weights.
        multiply_adds: Multiply-adds that were spent so far; a backward pass counts as two forward passes.

    Args:
        space: The search space.
        settings: How to train.
        rng: Seeds the first weights and the generator.
        share: See `MixedCell`.

    Raises:
        InputError: The space has no supernet, or does not fit the data.
    """

    def __init__(self, space: Space, settings: SupernetSettings, rng: np.random.Generator, share: int = 1) -> None:
        weights_seed, seed = map(int, rng.integers(2**31, size=2))
        data = datasets.create(settings.dataset).load()
        self.settings, self.task = settings.train, data.task
        tensors: Mapping[str, tuple[Tensor, Tensor]] = data.tensors(CPU)
        self.training, self.validation = tensors["train"], tensors["validation"]
        with seeded(weights_seed, CPU):
            self.network = build_supernet(space, self.task, settings.network, share)
            alone = self.network if share == 1 else build_supernet(space, self.task, settings.network)
        self.generator = torch.Generator().manual_seed(seed)
        self.optimiser = make_optimiser(self.network, self.settings)
        self.multiply_adds = 0.0
        self._arithmetic = Arithmetic(self.network, self.task)
        self._mean = Arithmetic(alone, self.task).mean
        self._steps_done = 0

    @property
    def epochs(self) -> int:
        """What was spent, in epochs of training a mean architecture of the space by itself; rounded up.

        It has the same width, depth and training images. The number is the same on every machine.
        """
        return math.ceil(self.multiply_adds / (STEP * len(self.training[0]) * self._mean))

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.settings.steps_per_epoch(len(self.training[0]))

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step: half a cosine to 0."""
        factor = learning_rate_factor(self._steps_done, self.settings.epochs * self.steps, 0)
        return self.settings.learning_rate * factor

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The training images and targets of an epoch, in random order."""
        images, targets = self.training
        for rows in torch.randperm(len(images), generator=self.generator).tensor_split(self.steps):
            yield images[rows], targets[rows]

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of validation images and targets in random order, without end."""
        images, targets = self.validation
        while True:
            for rows in torch.split(torch.randperm(len(images), generator=self.generator), self.settings.batch_size):
                yield images[rows], targets[rows]

    def outputs(self, images: Tensor, choice: Choice, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Outputs of a choice, with weights by name in place of those of the network if they are given."""
        if weights is None:
            result: Tensor = self.network(images, choice)
            return result
        return torch.func.functional_call(self.network, dict(weights), (images, choice))  # type: ignore[no-any-return]

    def spend(self, images: Tensor, choice: Choice, passes: int) -> None:
        """Count passes of a batch through a choice."""
        self.multiply_adds += passes * len(images) * self._arithmetic.of(choice)

    def loss(self, batch: tuple[Tensor, Tensor], choice: Choice, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """Loss of a batch, whose gradient will be taken."""
        self.spend(batch[0], choice, STEP)
        return self.task.loss(self.outputs(batch[0], choice, weights), batch[1])

    def step(self, batch: tuple[Tensor, Tensor], choices: Sequence[Choice]) -> None:
        """One update of the weights by the sum of the gradients of several choices; others keep their weights.

        Raises:
            InputError: The training diverges.
        """
        self.optimiser.param_groups[0]["lr"] = self.learning_rate
        self.optimiser.zero_grad(set_to_none=True)
        for choice in choices:
            self.loss(batch, choice.detached()).backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), MAX_NORM)
        if not norm.isfinite():
            rate = self.settings.learning_rate
            raise InputError(f"the supernet diverges in step {self._steps_done + 1}; lower its learning_rate of {rate}")
        self.optimiser.step()
        self._steps_done += 1

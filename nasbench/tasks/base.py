"""Base class of tasks: inputs and targets of a network, its loss, and the score that a table records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from nasbench.errors import InputError

if TYPE_CHECKING:
    import torch

Outputs: TypeAlias = "torch.Tensor | list[torch.Tensor]"
"""Output of a network for a batch: one tensor, or one per pyramid level."""


class Tally(ABC):
    """Accumulator of score and loss over batches; nothing leaves the device before `result`."""

    @abstractmethod
    def add(self, outputs: Outputs, targets: torch.Tensor, loss: torch.Tensor) -> None:
        """Add one batch: outputs, targets, and their `Task.loss`."""

    @abstractmethod
    def result(self) -> tuple[float, float]:
        """Score in percent and mean loss over all batches."""


class Tallies:
    """Accumulator of score and loss of each of `k` networks.

    Args:
        tallies: An empty tally per network.
    """

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.tallies = tallies

    def add(self, outputs: torch.Tensor, targets: torch.Tensor, losses: torch.Tensor) -> None:
        """Add one batch: outputs `(b, k, ...)`, targets `(b, k, ...)`, and their `Task.losses`."""
        for index, tally in enumerate(self.tallies):
            tally.add(outputs[:, index], targets[:, index], losses[index])

    def results(self) -> list[tuple[float, float]]:
        """Score in percent and mean loss of each network."""
        return [tally.result() for tally in self.tallies]


class Task(ABC):
    """A problem with its sizes, which networks are built for. Subclasses are frozen dataclasses.

    Loss and score compare outputs with targets of a batch on one device; the first axis of inputs and targets is the
    batch. A task has no random or learnt state.
    """

    name: ClassVar[str]
    """Name in the registry."""
    score: ClassVar[str]
    """Name of the score in tables, after the name of the split: `accuracy` for `validation_accuracy`. In percent."""
    training: ClassVar[Mapping[str, Any]] = {}
    """Recommended training settings (`nasbench.training.settings.TrainSettings`) that differ from the defaults."""
    scored: ClassVar[str]
    """Description of the score, as the start of a sentence: "Images classified correctly"."""
    lost: ClassVar[str]
    """Description of the loss, likewise: "Mean cross-entropy"."""
    loss_units: ClassVar[str]
    """Unit of the loss: `nats`."""

    @classmethod
    def expect(cls, task: Task) -> Self:
        """Return `task` itself after checking that it is of this class.

        Raises:
            InputError: It is of another class.
        """
        if not isinstance(task, cls):
            raise InputError(
                f"these networks are made for {cls.name}, not for {task.name}; take a data set of that task"
            )
        return task

    @classmethod
    @abstractmethod
    def small(cls) -> Self:
        """A problem with a few small inputs, for trying networks."""

    @abstractmethod
    def inputs(self, n: int) -> torch.Tensor:
        """A batch of `n` valid inputs, the same in every call, for measuring costs and trying networks."""

    @abstractmethod
    def targets(self, n: int) -> torch.Tensor:
        """Valid targets for `inputs(n)`, the same in every call."""

    @abstractmethod
    def check(self, outputs: Outputs, n: int) -> None:
        """Check the form of a network's outputs for `n` inputs.

        Raises:
            AssertionError: The form is wrong; says what came.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Training objective: a scalar, the mean over a batch."""

    @abstractmethod
    def tally(self) -> Tally:
        """An empty accumulator of score and loss."""

    # --- many networks at once: subclasses may vectorise these ---------------------------------------------------

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """`loss` of each of `k` networks, from outputs `(b, k, ...)` and targets `(b, k, ...)`; shape `(k,)`."""
        import torch

        pairs = zip(outputs.unbind(1), targets.unbind(1), strict=True)
        return torch.stack([self.loss(output, target) for output, target in pairs])

    def tallies(self, count: int) -> Tallies:
        """An empty accumulator for `count` networks."""
        return Tallies([self.tally() for _ in range(count)])

"""What a task is: inputs and targets of a network, the loss that it minimises, and the score that a table records."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

from nasbench.errors import InputError

if TYPE_CHECKING:
    import torch

Outputs: TypeAlias = "torch.Tensor | list[torch.Tensor]"
"""What a network answers for a batch: one tensor, or one for each level of a pyramid."""


class Tally(ABC):
    """Score and loss over many batches, collected one after the other; nothing leaves the device before `result`."""

    @abstractmethod
    def add(self, outputs: Outputs, targets: torch.Tensor, loss: torch.Tensor) -> None:
        """Take in one batch: what the network answered, what was right, and `Task.loss` of both."""

    @abstractmethod
    def result(self) -> tuple[float, float]:
        """Score in percent and mean loss over all that was taken in."""


class Tallies:
    """Score and loss of each of `k` networks, collected one after the other.

    Args:
        tallies: An empty one for each network.
    """

    def __init__(self, tallies: Sequence[Tally]) -> None:
        self.tallies = tallies

    def add(self, outputs: torch.Tensor, targets: torch.Tensor, losses: torch.Tensor) -> None:
        """Take in one batch: answers `(b, k, ...)`, what was right `(b, k, ...)`, and `Task.losses` of both."""
        for index, tally in enumerate(self.tallies):
            tally.add(outputs[:, index], targets[:, index], losses[index])

    def results(self) -> list[tuple[float, float]]:
        """Score in percent and mean loss of each network."""
        return [tally.result() for tally in self.tallies]


class Task(ABC):
    """One problem in its sizes: what a network is built for. Subclasses are frozen dataclasses.

    Loss and score are of a batch of outputs and targets, both on one device; the first axis of inputs and targets is
    the batch. Everything that is random or learnt lies in the network.
    """

    name: ClassVar[str]
    """Name in the registry."""
    score: ClassVar[str]
    """What tables call the score, after the name of the part: `accuracy` makes `validation_accuracy`. In percent."""
    training: ClassVar[Mapping[str, Any]] = {}
    """Settings of training (`nasbench.training.settings.TrainSettings`) that suit it better than the usual ones."""
    scored: ClassVar[str]
    """What the score is, as the beginning of a sentence: "Images classified correctly"."""
    lost: ClassVar[str]
    """What the loss is, likewise: "Mean cross-entropy"."""
    loss_units: ClassVar[str]
    """Unit of the loss: `nats`."""

    @classmethod
    def expect(cls, task: Task) -> Self:
        """`task` itself, known to be of this kind.

        Raises:
            InputError: It is of another kind.
        """
        if not isinstance(task, cls):
            raise InputError(
                f"these networks are made for {cls.name}, not for {task.name}; take a data set of that task"
            )
        return task

    @classmethod
    @abstractmethod
    def small(cls) -> Self:
        """A problem of a few small inputs, to try networks on."""

    @abstractmethod
    def inputs(self, n: int) -> torch.Tensor:
        """A batch of `n` valid inputs, the same in every call: to measure costs on, and to try a network."""

    @abstractmethod
    def targets(self, n: int) -> torch.Tensor:
        """Valid targets for `inputs(n)`, the same in every call."""

    @abstractmethod
    def check(self, outputs: Outputs, n: int) -> None:
        """Test that a network has answered `n` inputs in the form that the task asks for.

        Raises:
            AssertionError: It has not; says what came.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """What training minimises: a scalar, the mean over a batch."""

    @abstractmethod
    def tally(self) -> Tally:
        """An empty collection of scores and losses."""

    # --- of many networks: whoever can compute these at once may do so ------------------------------------------

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """`loss` of each of `k` networks, from outputs `(b, k, ...)` and targets `(b, k, ...)`; shape `(k,)`."""
        import torch

        pairs = zip(outputs.unbind(1), targets.unbind(1), strict=True)
        return torch.stack([self.loss(answer, right) for answer, right in pairs])

    def tallies(self, count: int) -> Tallies:
        """`tally` for each of so many networks."""
        return Tallies([self.tally() for _ in range(count)])

"""Base class of measures: one or more numbers of a network, trained or untrained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np

from nasbench.types import Direction, FloatArray, Subset

if TYPE_CHECKING:
    import torch

    from nasbench.datasets import Data
    from nasbench.tasks import Task
    from nasbench.training.settings import TrainSettings


class Measurement(NamedTuple):
    """Outcome of one piece of work: numbers, or the reason why there are none.

    Attributes:
        values: Measured numbers, shape `(names,)` or `(names, epochs)`, NaN where one is missing; None if all are.
        reason: Why numbers are missing, or None.
    """

    values: FloatArray | None
    reason: str | None = None

    @classmethod
    def of(cls, *values: float) -> Self:
        """A measurement without missing numbers."""
        return cls(np.array(values, dtype=np.float64))


class Quantity(NamedTuple):
    """One recorded number.

    Attributes:
        name: Name of its column, below the name of the data set.
        units: Unit.
        direction: Which way is better.
        description: One sentence.
        split: Part of the data set on which it is measured.
    """

    name: str
    units: str
    direction: Direction
    description: str
    split: Subset = "none"


@dataclass(frozen=True)
class Subject:
    """A network and the context of its measurement.

    Attributes:
        network: On the CPU; with the initial weights of the first seed, or trained.
        data: The data set.
        tensors: By split: inputs `(n, ...)` and targets `(n, ...)`; on the CPU for an untrained network.
        training: Training settings of the table.
        repeats: Timed passes, whose median is the latency.
    """

    network: torch.nn.Module
    data: Data
    tensors: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    training: TrainSettings
    repeats: int

    @property
    def task(self) -> Task:
        """The task that the network is built for."""
        return self.data.task


class Measure(ABC):
    """Base class: called with a subject, it returns its numbers. A subclass writes `_take`."""

    trained: ClassVar[bool] = False
    """Whether it is taken of trained networks, once per training; otherwise of the untrained network."""
    alone: ClassVar[bool] = False
    """Whether other work on the machine would disturb it."""
    quantities: tuple[Quantity, ...]
    """The recorded numbers, in order."""

    def ready(self) -> None:
        """Check that it can be taken on this machine.

        Raises:
            MissingExtraError: A package is missing.
        """

    def __call__(self, subject: Subject) -> Measurement:
        """Take the measure of one network; an exception counts as a failure with that reason.

        Raises:
            ValueError: `_take` returned another number of values than there are `quantities`, an infinite one, or none
                without a reason.
        """
        values, reason = self._take(subject)
        name = type(self).__name__
        if values is not None and np.shape(values) != (len(self.quantities),):
            raise ValueError(f"{name} must return {len(self.quantities)} values, got shape {np.shape(values)}")
        if (values is None or not np.isfinite(values).all()) and not (reason and reason.strip()):
            raise ValueError(f"{name} gave {values}; say why a number is missing")
        if values is not None and np.isinf(values).any():
            raise ValueError(f"{name} gave {values}; a missing number is NaN")
        return Measurement(None if values is None else np.asarray(values, dtype=np.float64), reason)

    @abstractmethod
    def _take(self, subject: Subject) -> Measurement:
        """The numbers, shape `(quantities,)`, and why some are missing."""

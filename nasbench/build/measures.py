"""What a table records of a network besides its training curves; a new measure is one class here and one line below."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch

from nasbench.benchmark.base import Direction
from nasbench.errors import InputError
from nasbench.measure import flops, latency, parameters
from nasbench.tasks import Task


class Quantity(NamedTuple):
    """One number: its name within the data set, unit, which way is better, and one sentence."""

    name: str
    units: str
    direction: Direction
    description: str


@dataclass(frozen=True)
class Subject:
    """A network and what it is measured with.

    Attributes:
        network: On the CPU, with the initial weights of the first seed.
        task: What it is made for.
        data: By split: inputs `(n, ...)` and targets `(n, ...)`, on the CPU.
        repeats: Timed passes of which a latency is the median.
    """

    network: torch.nn.Module
    task: Task
    data: Mapping[str, tuple[torch.Tensor, torch.Tensor]]
    repeats: int


class Measure(ABC):
    """One or more numbers of a network."""

    alone: ClassVar[bool] = False
    """Whether other work on the machine would disturb it."""
    quantities: ClassVar[tuple[Quantity, ...]]
    """What its numbers are, in order."""

    @abstractmethod
    def __call__(self, subject: Subject) -> Sequence[float]:
        """The numbers."""


class Costs(Measure):
    """Parameters, multiply-adds, latency."""

    alone = True
    quantities = (
        Quantity("parameters", "count", "minimise", "Trainable parameters."),
        Quantity(
            "flops", "count", "minimise", "Multiply-adds of convolutions, matrix products and biases for one input."
        ),
        Quantity(
            "latency",
            "milliseconds",
            "minimise",
            "Time of answering one input on one thread of the CPU in float32: median.",
        ),
    )

    def __call__(self, subject: Subject) -> Sequence[float]:
        """On one input."""
        network, one = subject.network, subject.task.inputs(1)
        return parameters(network), flops(network, one), latency(network, one, subject.repeats)


MEASURES: Mapping[str, type[Measure]] = {"costs": Costs}


def measure(name: str) -> Measure:
    """The measure of that name.

    Raises:
        InputError: There is none.
    """
    if name not in MEASURES:
        raise InputError(f"unknown measure {name!r}: known are {', '.join(MEASURES)}")
    return MEASURES[name]()

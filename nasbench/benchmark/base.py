"""What a benchmark answers: a metric of an architecture, at an epoch, for a seed policy, and what that cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError, NotFoundError
from nasbench.spaces.base import Space
from nasbench.types import Architecture, Direction, GenotypeArray, Subset

SeedPolicy: TypeAlias = int | Literal["mean"] | np.random.Generator
"""`"mean"` over the recorded seeds (the default), one recorded seed, or a generator that draws one."""
Epoch: TypeAlias = int | Literal["last"]
"""Number of finished epochs of training, or the last recorded."""


POINTS = "percentage points"
TRAINING_TIME = "train_seconds"
"""Name of the metric of training times, in each data set."""


def difference(units: str) -> str:
    """Unit of a difference between values in `units`: percentage points between percentages."""
    return POINTS if units == "percent" else units


@dataclass(frozen=True)
class Metric:
    """What one column of numbers means.

    Attributes:
        dataset: Data set it was measured on; empty where it depends on none (parameters).
        name: Name within the data set, such as `validation_accuracy`.
        split: Part of the data it was measured on; `"none"` for costs.
        units: `"percent"`, `"seconds"`, `"milliseconds"`, `"count"`, `"nats"`, ...
        direction: Which way is better.
        dims: Leading part of `("architecture", "seed", "epoch")`.
        description: One sentence.
        resumable: Whether a longer training continues a shorter one, as along a learning curve; False where each number
            of epochs is a training of its own, with its own schedule.
    """

    dataset: str
    name: str
    split: Subset
    units: str
    direction: Direction
    dims: tuple[str, ...]
    description: str = ""
    resumable: bool = True

    @property
    def path(self) -> str:
        """Full name: `dataset/name`, or `name` where there is no data set."""
        return f"{self.dataset}/{self.name}" if self.dataset else self.name

    @property
    def seeded(self) -> bool:
        """Whether it has a number for each training seed."""
        return "seed" in self.dims

    @property
    def trained(self) -> bool:
        """Whether it came of training: a score, a loss, a time of training, and not what a network costs untrained."""
        return self.split != "none" or self.seeded

    @property
    def static(self) -> bool:
        """Whether it is known without training: parameters, FLOPs, a latency, a zero-cost proxy."""
        return self.dims == ("architecture",) and self.split == "none" and self.name != TRAINING_TIME

    @property
    def cost_path(self) -> str:
        """Full name of the metric of what its training takes, from the start up to and including each epoch."""
        return f"{self.dataset}/{TRAINING_TIME}" if self.dataset else TRAINING_TIME


class Answer(NamedTuple):
    """One measured number and what it is.

    Attributes:
        value: In `units`; NaN where it is missing, and then `reason` says why.
        metric: Full name of the metric.
        split: Part of the data it was measured on.
        units: Unit of the value.
        epoch: Finished epochs of training at which it was measured; None where the metric has no epochs.
        seeds: The training seeds that the value is the mean of; empty where the metric has no seeds.
        cost: Seconds of training that one run costs up to that epoch (mean over `seeds`); NaN where not recorded.
        reason: Why the value is missing, or None.
    """

    value: float
    metric: str
    split: Subset
    units: str
    epoch: int | None
    seeds: tuple[int, ...]
    cost: float
    reason: str | None


class Answers(NamedTuple):
    """Measured numbers of `n` architectures.

    Attributes:
        values: In `units`, shape `(n,)`; masked where missing.
        metric: Full name of the metric.
        split: Part of the data they were measured on.
        units: Unit of the values.
        epoch: Finished epochs of training; None where the metric has no epochs.
        seed: The seed policy, as asked: `"mean"`, `"random"` or a seed.
    """

    values: np.ma.MaskedArray[tuple[int], np.dtype[np.float64]]
    metric: str
    split: Subset
    units: str
    epoch: int | None
    seed: int | str


class Benchmark(ABC):
    """Base class of tabular and surrogate benchmarks.

    Metrics are named in full (`digits/validation_accuracy`) or, where that is unambiguous, without the data set.
    """

    kind: ClassVar[str]
    """`"tabular"` or `"surrogate"`."""
    name: str
    """Name for messages and results: that of the file it came from."""
    path: Path | None = None
    """File that it was loaded from, which other processes can open; None where it is in memory only."""
    space: Space
    metrics: Mapping[str, Metric]
    """The metrics by full name."""

    @abstractmethod
    def query(
        self, architecture: Architecture, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One metric of one architecture.

        Args:
            architecture: Genotype, graph or published string.
            metric: Name of the metric; the split is part of it.
            epoch: Finished epochs.
            seed: Which of the recorded training seeds to answer with.

        Raises:
            InputError: The architecture is not in the space.
            NotFoundError: The architecture, metric, epoch or seed is not in the benchmark; says what is.
        """

    @abstractmethod
    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """One metric of `n` architectures `(n, d)`; raises as `query` does, naming the first offender."""

    @abstractmethod
    def architectures(self) -> GenotypeArray:
        """The architectures `(n, d)` that were trained (those a surrogate was fitted on)."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether every architecture of the space has an answer, so that a strategy can search it."""

    @abstractmethod
    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """Epochs at which a metric can be asked; empty where it has none."""

    @abstractmethod
    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Seeds with which a metric can be asked; empty where it has none."""

    def takes_seed(self, metric: str) -> bool:
        """Whether a metric can be asked for with a seed."""
        return bool(self.recorded_seeds(metric))

    def answered(self, architecture: Architecture) -> list[str]:
        """Full names of the metrics that answer for an architecture.

        Raises:
            NotFoundError: None does.
        """
        return list(self.metrics)

    def metric(self, name: str) -> Metric:
        """The metric that a full or unambiguous short name stands for.

        Raises:
            NotFoundError: No metric has that name, or several data sets do; says which there are.
        """
        if name in self.metrics:
            return self.metrics[name]
        matches = [path for path in self.metrics if path.rpartition("/")[2] == name]
        if len(matches) == 1:
            return self.metrics[matches[0]]
        if matches:
            raise NotFoundError(f"metric {name!r} is ambiguous: name one of {', '.join(matches)}")
        raise NotFoundError(f"unknown metric {name!r}; this benchmark has {', '.join(self.metrics)}")

    def score(self, dataset: str | None = None) -> Metric:
        """The metric that ranks architectures where none is named: on validation data, and rather a score than a loss.

        Args:
            dataset: Data set that it is of; any, if all such metrics belong to one.

        Raises:
            NotFoundError: There is none, or there are several data sets; says which.
        """
        ranking = [m for m in self.metrics.values() if m.direction != "none" and dataset in (None, m.dataset)]
        for split in ("validation", "test"):
            for direction in ("maximise", "minimise"):
                found = [m for m in ranking if (m.split, m.direction) == (split, direction)]
                if len({m.dataset for m in found}) > 1:
                    raise NotFoundError(
                        f"several metrics rank architectures; name one of {', '.join(m.path for m in found)}"
                    )
                if found:
                    return next((m for m in found if m.name == f"{split}_accuracy"), found[0])
        raise NotFoundError(
            f"no metric says which architecture is better; this benchmark has {', '.join(self.metrics)}"
        )

    def partner(self, metric: str, split: Subset) -> Metric:
        """The same quantity on another split: the test accuracy for a validation accuracy.

        Raises:
            InputError: The metric belongs to no split.
            NotFoundError: The other split was not recorded.
        """
        found = self.metric(metric)
        if found.split == "none":
            raise InputError(f"metric {found.path!r} belongs to no split, so it has no {split} counterpart")
        other = replace(found, name=found.name.replace(f"{found.split}_", f"{split}_", 1), split=split)
        match = self.metrics.get(other.path)
        if match is None or match.split != split:
            raise NotFoundError(
                f"{found.path!r} has no counterpart of split {split!r}; this benchmark has {', '.join(self.metrics)}"
            )
        return match

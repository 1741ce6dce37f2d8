"""Base class of benchmarks: they answer one metric of an architecture, at an epoch and for a seed policy."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError, NotFoundError
from nasbench.spaces.base import Space
from nasbench.types import Architecture, Direction, GenotypeArray, Subset

if TYPE_CHECKING:
    from nasbench.benchmark.table import Table

SeedPolicy: TypeAlias = int | Literal["mean"] | np.random.Generator
"""`"mean"` over the recorded seeds (the default), one recorded seed, or a generator that draws one."""
Epoch: TypeAlias = int | Literal["last"]
"""Number of finished epochs of training, or the last recorded epoch."""
POINTS = "percentage points"
TRAINING_TIME = "train_seconds"
"""Name of the metric of training times within a data set."""
COSTS = ("seconds", "latency", "energy", "memory", "parameters", "flops")
"""Ends of names of metrics that are costs, which belong to no split."""


def difference(units: str) -> str:
    """Unit of a difference between values in `units`: percentage points between percentages."""
    return POINTS if units == "percent" else units


@dataclass(frozen=True)
class Metric:
    """Meaning of one column of numbers.

    Attributes:
        dataset: Data set it was measured on; empty if it depends on none (parameters).
        name: Name within the data set, such as `validation_accuracy`.
        split: Part of the data it was measured on; `"none"` for costs.
        units: `"percent"`, `"seconds"`, `"milliseconds"`, `"count"`, `"nats"`, ...
        direction: Whether more or less is better.
        dims: Leading part of `("architecture", "seed", "epoch")`.
        description: One sentence.
        resumable: Whether a longer training continues a shorter one, as along a learning curve; False if each number
            of epochs is a separate training with its own schedule.
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
        """Full name: `dataset/name`, or `name` without a data set."""
        return f"{self.dataset}/{self.name}" if self.dataset else self.name

    @property
    def seeded(self) -> bool:
        """Whether there is a number for each training seed."""
        return "seed" in self.dims

    @property
    def trained(self) -> bool:
        """Whether it results from training (score, loss, training time), unlike costs of the network."""
        return self.split != "none" or self.seeded or self.name == TRAINING_TIME

    @property
    def static(self) -> bool:
        """Whether it is known without training: parameters, FLOPs, a latency, a zero-cost proxy."""
        return self.dims == ("architecture",) and not self.trained

    @property
    def cost_path(self) -> str:
        """Full name of the metric of its training time, from the start up to and including each epoch."""
        return f"{self.dataset}/{TRAINING_TIME}" if self.dataset else TRAINING_TIME


class Answer(NamedTuple):
    """One measured number with its meaning.

    Attributes:
        value: In `units`; NaN if missing, then `reason` says why.
        metric: Full name of the metric.
        split: Part of the data it was measured on.
        units: Unit of the value.
        epoch: Finished epochs of training; None for a metric without epochs.
        seeds: Training seeds averaged by the value; empty for a metric without seeds.
        cost: Seconds of one training up to that epoch (mean over `seeds`); NaN if not recorded.
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


def static_metric(metrics: Mapping[str, Metric], name: str) -> Metric:
    """The static metric with a full name, or a short one that no other static metric has.

    Features and constraints may write `:` in the place of `/`.

    Args:
        metrics: Metrics of a benchmark by full name.
        name: As a person wrote it.

    Raises:
        InputError: No static metric is meant, or several are; says which there are.
    """
    static = [path for path, metric in metrics.items() if metric.static]
    spelled = {path.replace("/", ":"): path for path in static}  # a colon may belong to the name itself
    path, known = spelled.get(name, name.replace(":", "/")), ", ".join(spelled) or "(none)"
    matches = _meant(name, static) or _meant(path, static)
    if len(matches) == 1:
        return metrics[matches[0]]
    trained = [] if matches else _meant(path, metrics)
    if trained:
        raise InputError(f"{trained[0]!r} comes of training, so it is not known before; static metrics are {known}")
    raise InputError(f"{name!r} is not one static metric of this benchmark; it has {known}")


def _meant(name: str, paths: Collection[str]) -> list[str]:
    """The full names that a full or a short name may mean: one alone if it is full."""
    return [name] if name in paths else [path for path in paths if path.rpartition("/")[2] == name]


class Answers(NamedTuple):
    """Measured numbers of `n` architectures.

    Attributes:
        values: In `units`, shape `(n,)`; masked where missing.
        metric: Full name of the metric.
        split: Part of the data they were measured on.
        units: Unit of the values.
        epoch: Finished epochs of training; None for a metric without epochs.
        seed: The seed policy of the query: `"mean"`, `"random"` or a seed.
    """

    values: np.ma.MaskedArray[tuple[int], np.dtype[np.float64]]
    metric: str
    split: Subset
    units: str
    epoch: int | None
    seed: int | str


def row_number(space: Space, architecture: Architecture | int) -> int | None:
    """The row that is meant by a whole number, or by its text where that is no string of the space; else None."""
    if isinstance(architecture, int | np.integer) and not isinstance(architecture, bool):
        return int(architecture)
    if isinstance(architecture, str) and re.fullmatch("-?[0-9]{1,18}", architecture.strip()):
        try:
            space.genotype(architecture)
        except InputError:
            return int(architecture)
    return None


def check_row(row: int, rows: int, name: str) -> None:
    """Refuse a row that a benchmark does not have.

    Raises:
        NotFoundError: There is no such row.
    """
    if not 0 <= row < rows:
        raise NotFoundError(f"{name} has no row {row}; its rows are 0 to {rows - 1}")


class Benchmark(ABC):
    """Base class of tabular and surrogate benchmarks.

    Metrics are named in full (`digits/validation_accuracy`) or, if unambiguous, without the data set.
    """

    kind: ClassVar[str]
    """`"tabular"` or `"surrogate"`."""
    name: str
    """Name in messages and results: the name of its file."""
    path: Path | None = None
    """File it was loaded from, for other processes to open; None if it is in memory only."""
    space: Space
    table: Table
    """The measurements; of a surrogate, what its models were fitted on."""
    metrics: Mapping[str, Metric]
    """The metrics by full name."""

    @abstractmethod
    def query(
        self, architecture: Architecture | int, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One metric of one architecture.

        Args:
            architecture: In any form that `genotype` takes.
            metric: Name of the metric, which includes the split.
            epoch: Finished epochs.
            seed: Which training seed to answer with.

        Raises:
            InputError: The architecture is not in the space.
            NotFoundError: The architecture, metric, epoch or seed is not in the benchmark; says which are.
        """

    @abstractmethod
    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """One metric of `n` architectures `(n, d)`; raises as `query` does, naming the first offender."""

    def genotype(self, architecture: Architecture | int) -> GenotypeArray:
        """The checked genotype `(d,)` of an architecture in any form.

        Args:
            architecture: What `Space.genotype` takes, or the number of a row of `architectures()`: a whole number, or
                its text where that is no string of the space.

        Raises:
            InputError: It is not in the space.
            NotFoundError: There is no such row.
        """
        row = row_number(self.space, architecture)
        if row is None:
            return self.space.genotype(cast(Architecture, architecture))
        check_row(row, len(self.table.genotypes), self.name)
        genotype: GenotypeArray = self.table.genotypes[row].copy()
        return genotype

    def architectures(self) -> GenotypeArray:
        """The architectures `(n, d)` that were trained, in the order of the table."""
        return self.table.genotypes.copy()

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether every architecture of the space has an answer, so that a strategy can search the space."""

    @abstractmethod
    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """Epochs at which a metric can be queried; empty for a metric without epochs."""

    @abstractmethod
    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Seeds with which a metric can be queried; empty for a metric without seeds."""

    def takes_seed(self, metric: str) -> bool:
        """Whether a metric can be queried with a seed."""
        return bool(self.recorded_seeds(metric))

    def quality_records(self) -> list[dict[str, Any]]:
        """Held-out scores of a surrogate, one record for each metric; empty for a tabular benchmark."""
        return []

    def answered(self, architecture: Architecture) -> list[str]:
        """Full names of the metrics with an answer for an architecture.

        Raises:
            NotFoundError: No metric has one.
        """
        return list(self.metrics)

    def metric(self, name: str) -> Metric:
        """The metric with a full or an unambiguous short name.

        Raises:
            InputError: The name is not a string.
            NotFoundError: No metric has that name, or metrics of several data sets do; says which there are.
        """
        if not isinstance(name, str):
            raise InputError(f"the name of a metric is a string such as 'validation_accuracy', got {name!r}")
        matches = _meant(name, self.metrics)
        if len(matches) == 1:
            return self.metrics[matches[0]]
        if matches:
            raise NotFoundError(f"metric {name!r} is ambiguous: name one of {', '.join(matches)}")
        raise NotFoundError(f"unknown metric {name!r}; this benchmark has {', '.join(self.metrics)}")

    def score(self, dataset: str | None = None) -> Metric:
        """Default metric to rank architectures by: a score before a loss, on validation before test data.

        Args:
            dataset: Its data set; if None, the only data set with such metrics.

        Raises:
            NotFoundError: There is none, or several data sets have one; says which.
        """
        ranking = [m for m in self.metrics.values() if m.direction != "none" and dataset in (None, m.dataset)]
        for split in ("validation", "test"):
            for direction in ("maximise", "minimise"):
                matches = [m for m in ranking if (m.split, m.direction) == (split, direction)]
                if len({m.dataset for m in matches}) > 1:
                    raise NotFoundError(
                        f"several metrics rank architectures; name one of {', '.join(m.path for m in matches)}"
                    )
                if matches:
                    return next((m for m in matches if m.name == f"{split}_accuracy"), matches[0])
        raise NotFoundError(
            f"no metric says which architecture is better; this benchmark has {', '.join(self.metrics)}"
        )

    def partner(self, metric: str, split: Subset) -> Metric:
        """The same quantity on another split: the test accuracy for a validation accuracy.

        Raises:
            InputError: The metric belongs to no split.
            NotFoundError: It was not recorded on the other split.
        """
        facts = self.metric(metric)
        if facts.split == "none":
            raise InputError(f"metric {facts.path!r} belongs to no split, so it has no {split} counterpart")
        other = replace(facts, name=facts.name.replace(f"{facts.split}_", f"{split}_", 1), split=split)
        match = self.metrics.get(other.path)
        if match is None or match.split != split:
            raise NotFoundError(
                f"{facts.path!r} has no counterpart of split {split!r}; this benchmark has {', '.join(self.metrics)}"
            )
        return match

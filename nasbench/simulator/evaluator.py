"""What the referee of a search knows: validation value and training time of a trial, test value of an architecture."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, Epoch, Metric, SeedPolicy
from nasbench.errors import InputError, NotFoundError
from nasbench.search.base import Trial
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray

ENUMERABLE = 2_000_000
"""Most genotypes of a space that is looked up as a whole before a comparison."""
CHUNK = 65_536
"""Architectures asked for at a time."""


class Referee(ABC):
    """Answers trials on one validation metric of a benchmark; the test split is for scoring alone.

    A training whose time is not recorded, as it failed, takes the median time of the trainings of that length.

    Attributes:
        space: The search space.
        metric: The validation metric.
        epochs: The epochs that a trial can ask for; the last is a full training.
        timed: Whether what training costs is recorded; if not, every trial takes one unit of time.
    """

    space: Space
    metric: Metric
    epochs: tuple[int, ...]
    timed: bool

    @property
    def maximise(self) -> bool:
        """Whether more of the metric is better."""
        return self.metric.direction == "maximise"

    @abstractmethod
    def evaluate(self, trial: Trial) -> tuple[float, float]:
        """Validation value (NaN where the training failed) and seconds of training of a trial.

        Raises:
            InputError: The architecture is not in the space, or the epochs cannot be asked for.
        """

    @abstractmethod
    def test(self, architecture: GenotypeArray) -> float:
        """Test value after a full training of an architecture that was evaluated; NaN where it is missing."""

    @staticmethod
    def _paid(seconds: float, trial: Trial) -> float:
        if not seconds > 0:
            cell = np.asarray(trial.architecture).tolist()
            raise InputError(
                f"the time of training {cell} for {trial.epochs} epochs is {seconds}; it has to be positive"
            )
        return seconds

    def _unknown(self, epochs: Any) -> InputError:
        known = ", ".join(map(str, self.epochs))
        return InputError(f"a trial of {epochs!r} epochs cannot be answered; {self.metric.path} has epochs {known}")


class Asking(Referee):
    """Asks the benchmark for each trial: for one run, or a space too large to enumerate."""

    def __init__(self, benchmark: Benchmark, metric: str, seed: SeedPolicy = "mean") -> None:
        self.benchmark, self.seed, self.space = benchmark, seed, benchmark.space
        self.metric, self._test, self._cost, self._epochs = searchable(benchmark, metric)
        self.epochs, self.timed = tuple(self._epochs), self._cost is not None
        self._usual: dict[int, float] = {}

    def evaluate(self, trial: Trial) -> tuple[float, float]:
        """Query the benchmark for a trial."""
        if trial.epochs not in self._epochs:
            raise self._unknown(trial.epochs)
        epoch = self._epochs[trial.epochs]
        architecture = np.asarray(trial.architecture)
        answer = self.benchmark.query(architecture, self.metric.path, epoch=epoch, seed=self.seed)
        if not self.timed:
            return answer.value, 1.0
        return answer.value, self._paid(self._usual_seconds(trial) if math.isnan(answer.cost) else answer.cost, trial)

    def _usual_seconds(self, trial: Trial) -> float:
        """What a training as long as that of the trial usually takes."""
        if self._cost is not None and trial.epochs not in self._usual:
            at = _timed_at(self.benchmark, self._cost, self._epochs, trial.epochs)
            self._usual[trial.epochs] = _usual_seconds(self.benchmark, self._cost, at)
        return self._usual[trial.epochs]

    def test(self, architecture: GenotypeArray) -> float:
        """Query the benchmark for the test value."""
        return self.benchmark.query(architecture, self._test.path).value


class LookUp(Referee):
    """Holds the answers for the whole space as arrays, so that a look-up takes about a microsecond.

    Needs no benchmark once it is made: this is what a comparison hands to its processes.

    Attributes:
        codes: `Space.code` of each architecture, increasing; shape `(n,)`.
        values: Validation values; shape `(epochs, n)`.
        seconds: Training times; shape `(epochs, n)`.
        tests: Test values after a full training; shape `(n,)`.
    """

    def __init__(self, benchmark: Benchmark, metric: str, seed: SeedPolicy = "mean") -> None:
        self.space = benchmark.space
        self.metric, test, cost, epochs = searchable(benchmark, metric)
        self.epochs = tuple(epochs)
        genotypes = np.concatenate(list(self.space.enumerate()))
        self.codes = self.space.code(genotypes)
        back: slice | npt.NDArray[np.intp] = slice(None)
        if benchmark.kind == "surrogate":  # predictors see canonical genotypes: one question for all isomorphic ones
            _, first, back = np.unique(self.space.key(genotypes), return_index=True, return_inverse=True)
            genotypes = genotypes[first]
        chunks = np.array_split(genotypes, range(CHUNK, len(genotypes), CHUNK))

        def ask(path: str, epoch: Epoch, seed: SeedPolicy) -> FloatArray:
            answers = [benchmark.query_many(chunk, path, epoch=epoch, seed=seed) for chunk in chunks]
            return np.concatenate([answer.values.filled(np.nan) for answer in answers])[back]

        self.tests = ask(test.path, "last", "mean")
        self.values = np.array([ask(self.metric.path, epoch, seed) for epoch in epochs.values()])
        self.seconds = np.ones_like(self.values)
        if cost is not None:
            for row, number in enumerate(epochs):
                at = _timed_at(benchmark, cost, epochs, number)
                self.seconds[row] = np.nan if at is None else ask(cost.path, at, "mean")
                unknown = np.isnan(self.seconds[row])
                if unknown.any():
                    self.seconds[row, unknown] = _usual_seconds(benchmark, cost, at)
        self.timed = cost is not None and bool((self.seconds[-1] > 0).all())
        if not self.timed:
            self.seconds[:] = 1.0
        self._rows: dict[bytes, int] = {}
        self._position = {epoch: position for position, epoch in enumerate(self.epochs)}

    def evaluate(self, trial: Trial) -> tuple[float, float]:
        """Look a trial up."""
        row = self._row(trial.architecture)
        position = self._position.get(trial.epochs)
        if position is None:
            raise self._unknown(trial.epochs)
        return self.values.item(position, row), self._paid(self.seconds.item(position, row), trial)

    def test(self, architecture: GenotypeArray) -> float:
        """Look the test value up."""
        return self.tests.item(self._row(architecture))

    def _row(self, architecture: GenotypeArray) -> int:
        """Row of an architecture; checked and looked for once, then remembered."""
        name = np.asarray(architecture).tobytes()
        row = self._rows.get(name)
        if row is None:
            code = self.space.code(self.space.check([architecture]))[0]
            row = self._rows[name] = int(np.searchsorted(self.codes, code))
        return row


def _timed_at(benchmark: Benchmark, cost: Metric, epochs: Mapping[int, Epoch], number: int) -> Epoch | None:
    """The epoch to ask a training time for, of a trial of so many epochs; None where that was not timed."""
    timed = benchmark.recorded_epochs(cost.path)
    if not timed:
        return "last" if number == max(epochs) else None
    return epochs[number] if epochs[number] == "last" or number in timed else None


def _usual_seconds(benchmark: Benchmark, cost: Metric, at: Epoch | None) -> float:
    """Median time of the trainings that a benchmark holds, up to an epoch; NaN where none was timed."""
    if at is None:
        return math.nan
    known = benchmark.query_many(benchmark.architectures(), cost.path, epoch=at).values.compressed()
    return float(np.median(known)) if len(known) else math.nan


def searchable(benchmark: Benchmark, metric: str) -> tuple[Metric, Metric, Metric | None, dict[int, Epoch]]:
    """The validation metric, its test counterpart, the training time where recorded, and the epochs to ask for.

    Raises:
        InputError: The metric is not measured on the validation split or has no direction, or the benchmark does not
            answer for every architecture of its space.
        NotFoundError: The metric or its test counterpart is not in the benchmark.
    """
    found = benchmark.metric(metric)
    if found.split != "validation":
        others = ", ".join(m.path for m in benchmark.metrics.values() if m.split == "validation")
        raise InputError(
            f"a search is guided by a validation metric, but {found.path!r} belongs to split {found.split!r}"
            f"; name one of: {others or '(this benchmark has none)'}"
        )
    if found.direction == "none":
        raise InputError(f"metric {found.path!r} has no better direction, so it cannot guide a search")
    if not benchmark.complete:
        raise InputError(
            f"the benchmark answers for {len(benchmark.architectures()):,} of the {benchmark.space.size:,} "
            f"architectures of {benchmark.space.name}, so a search would leave it; fit a surrogate that answers "
            f"for all: nasbench surrogate FILE --predictor P --metric {found.path} --out FILE"
        )
    try:
        cost: Metric | None = benchmark.metric(f"{found.dataset}/train_seconds" if found.dataset else "train_seconds")
    except NotFoundError:
        cost = None
    recorded = benchmark.recorded_epochs(found.path)
    epochs: dict[int, Epoch] = {epoch: epoch for epoch in recorded} if recorded else {1: "last"}
    return found, benchmark.partner(found.path, "test"), cost, epochs

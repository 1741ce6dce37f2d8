"""A surrogate benchmark: predictors fitted on a table answer for the whole space (Zela et al., 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Answer, Answers, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.benchmark.noise import Noise, deviates
from nasbench.benchmark.table import Table
from nasbench.errors import InputError, NotFoundError
from nasbench.predictors import Inputs, Prediction, Predictor
from nasbench.types import Architecture, FloatArray, GenotypeArray

Transform: TypeAlias = Literal["identity", "log"]
Score: TypeAlias = Callable[[FloatArray, FloatArray], float]

WHOLE = 2**18
"""Spaces with at most this many codes are predicted as a whole, at the first question."""
REMEMBERED = 2**20
"""Architectures and, in larger spaces, predictions remembered at most."""


@dataclass(frozen=True)
class Model:
    """What answers for one metric.

    Attributes:
        predictor: Fitted on the transformed targets.
        transform: `"log"` where the predictor learnt the logarithm of a positive quantity (a cost).
        epoch: Finished epochs of training of the targets; None where the metric has none.
        quality: How well held-out targets were predicted; see `cross_validate` and `noise_quality`.
        held_out: Predictions for the trained architectures that have a target, in their order, each by a model that
            was fitted without it; unit of the metric, shape `(n,)`.
        noise: How trainings with different seeds differ; None where the table does not say.
    """

    predictor: Predictor
    transform: Transform
    epoch: int | None
    quality: Mapping[str, Any]
    held_out: FloatArray
    noise: Noise | None = None

    def predict(self, genotypes: GenotypeArray) -> Prediction:
        """Mean and standard deviation for `(n, d)` genotypes in the unit of the metric.

        Where the predictor learnt logarithms these are the moments of the log-normal distribution, so that a predicted
        cost is positive.
        """
        found = self.predictor.predict(Inputs(self.predictor.space_, genotypes))
        return found if self.transform == "identity" else from_log(found)

    @property
    def log(self) -> bool:
        """Whether the predictor and the noise are of logarithms."""
        return self.transform == "log"


def from_log(prediction: Prediction) -> Prediction:
    """Moments of a quantity whose logarithm is normally distributed with the given ones."""
    spread = np.expm1(prediction.std**2)
    mean = np.exp(prediction.mean) * np.sqrt(1 + spread)
    return Prediction(mean, mean * np.sqrt(spread))


class Question(NamedTuple):
    """A metric, the epoch of its answers, and the metric that says what they cost."""

    metric: Metric
    epoch: int | None
    time: str | None


class SurrogateBenchmark(Benchmark):
    """Answers with predictions for every architecture of the space.

    A prediction stands for the mean over training seeds at the epoch at which the targets were measured, the only one
    that can be asked. With a seed, the noise is added that the seeds of the table show. A whole number is the seed of
    one training of every architecture: asked again, whenever and in whatever order, it gives the same answer, and
    isomorphic architectures share it. A generator draws new trainings. The noise of one metric says nothing about that
    of another.

    Predictions are not clamped: a percentage may exceed 100, as cutting it off would make architectures equal that are
    not. Answers never mix: trained architectures are answered with predictions too.

    Args:
        table: What the models were fitted on: one target for each architecture and metric.
        models: By full name of the metric.
        name: Name of the benchmark, for messages and results.
    """

    kind = "surrogate"

    def __init__(self, table: Table, models: Mapping[str, Model], name: str = "the surrogate") -> None:
        if models.keys() != table.columns.keys():
            odd = sorted(models.keys() ^ table.columns.keys())
            raise InputError(f"a surrogate has one model for each metric that has targets; check {', '.join(odd)}")
        self.table, self.models, self.name, self.space = table, dict(models), name, table.space
        self.metrics: Mapping[str, Metric] = {path: column.metric for path, column in table.columns.items()}
        self._whole: dict[str, FloatArray] = {}
        self._remembered: dict[tuple[str, bytes], float] = {}
        self._genotypes: dict[str | bytes, GenotypeArray] = {}
        self._questions: dict[Any, Question] = {}

    def query(
        self, architecture: Architecture, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One prediction; see `Benchmark.query`."""
        found, at, time = self._question(metric, epoch, seed)
        genotype = self._genotype(architecture)
        if self._small:
            code = self.space.code(genotype)
            value = self._all(found.path).item(code)
            cost = math.nan if time is None else self._all(time).item(code)
        else:
            value = self._one(found.path, genotype)
            cost = math.nan if time is None else self._one(time, genotype)
        seeds: tuple[int, ...] = ()
        if not isinstance(seed, str):
            value = self._trained(found.path, genotype[None], np.array([value]), seed).item()
            if time is not None and self.models[time].noise is not None:
                cost = self._trained(time, genotype[None], np.array([cost]), seed).item()
            if not isinstance(seed, np.random.Generator):
                seeds = (int(seed),)
        return Answer(value, found.path, found.split, found.units, at, seeds, cost, None)

    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """Many predictions; see `Benchmark.query_many`. None is masked."""
        policy: int | str
        found, at, _ = self._question(metric, epoch, seed)
        checked = self.space.check(genotypes)
        values, policy = self._many(found.path, checked), "mean"
        if not isinstance(seed, str):
            values = self._trained(found.path, checked, values, seed)
            policy = "random" if isinstance(seed, np.random.Generator) else int(seed)
        masked = np.ma.MaskedArray(values, mask=np.zeros(len(values), dtype=bool), fill_value=np.nan)
        return Answers(masked, found.path, found.split, found.units, at, policy)

    def noise(self, genotypes: npt.ArrayLike, metric: str) -> FloatArray:
        """Standard deviation of one training about the mean over seeds, of `(n, d)` architectures; unit of the metric.

        Raises:
            NotFoundError: The table that the surrogate was fitted on does not say.
        """
        found = self.metric(metric)
        model, checked = self.models[found.path], self.space.check(genotypes)
        return self._noise(found.path).std(self._many(found.path, checked), model.log)

    def predict(self, genotypes: npt.ArrayLike, metric: str) -> Prediction:
        """Mean and standard deviation for architectures `(n, d)`, in the unit of the metric."""
        return self.models[self.metric(metric).path].predict(self.space.check(genotypes))

    def architectures(self) -> GenotypeArray:
        """The architectures `(n, d)` that the models were fitted on."""
        return self.table.genotypes.copy()

    @property
    def complete(self) -> bool:
        """True: there is a prediction for every architecture."""
        return True

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """The one epoch that was learnt; none where the metric has no epochs."""
        epoch = self.models[self.metric(metric).path].epoch
        return () if epoch is None else (epoch,)

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """None: a prediction stands for the mean over seeds, and any seed can be asked where there is noise."""
        self.metric(metric)
        return ()

    def takes_seed(self, metric: str) -> bool:
        """Whether it is known how trainings with different seeds differ."""
        return self.models[self.metric(metric).path].noise is not None

    def quality_records(self) -> list[dict[str, Any]]:
        """How far each metric can be trusted: scores on held-out cells with their 95 % intervals, one record each."""
        return [
            {"metric": path, "units": self.metrics[path].units, "epoch": model.epoch, **model.quality}
            for path, model in self.models.items()
        ]

    def _question(self, metric: str, epoch: Any, seed: Any) -> Question:
        """What is asked for, checked once and remembered."""
        if type(epoch) not in (str, int) or type(seed) is not str:
            return self._checked(metric, epoch, seed)
        name = metric, epoch, seed
        if name not in self._questions:
            self._questions[name] = self._checked(metric, epoch, seed)
        return self._questions[name]

    def _checked(self, metric: str, epoch: Any, seed: Any) -> Question:
        found = self.metric(metric)
        known = self.models[found.path].epoch
        if isinstance(seed, np.random.Generator) or (_is_whole(seed) and seed >= 0):
            self._noise(found.path)
        elif not isinstance(seed, str) or seed != "mean":
            raise InputError(
                "the seed of a question to a surrogate is 'mean', a whole number from 0 on, or a generator; "
                f"got {seed!r}"
            )
        if isinstance(epoch, str) and epoch == "last":
            return Question(found, known, self._time(found))
        if not _is_whole(epoch):
            raise InputError(f"an epoch is a number of finished epochs or 'last'; got {epoch!r}")
        if epoch != known:
            has = "has no epochs" if known is None else f"was learnt at epoch {known} only"
            raise NotFoundError(f"{found.path!r} of {self.name} {has}; ask for it with epoch='last'")
        return Question(found, known, self._time(found))

    def _noise(self, path: str) -> Noise:
        noise = self.models[path].noise
        if noise is None:
            raise NotFoundError(
                f"{self.name} does not know how trainings with different seeds differ in {path!r}: too few "
                "architectures of the table that it was fitted on have several seeds, or it was fitted before noise "
                "was learnt; ask with seed='mean'"
            )
        return noise

    def _trained(
        self, path: str, genotypes: GenotypeArray, means: FloatArray, seed: int | np.random.Generator
    ) -> FloatArray:
        """What one training of each architecture would give: the means `(n,)` with noise."""
        if isinstance(seed, np.random.Generator):
            drawn = seed.standard_normal(len(means))
        else:
            drawn = deviates(self.space.key(genotypes), path, int(seed))
        return self._noise(path).add(means, drawn, self.models[path].log)

    def _time(self, found: Metric) -> str | None:
        """The metric that says what an answer cost, or None where it needs no training or time was not recorded."""
        path = found.cost_path
        trained = found.split != "none" or self.models[found.path].epoch is not None
        return path if trained and path in self.models else None

    def _genotype(self, architecture: Architecture) -> GenotypeArray:
        """The checked genotype, remembered for texts and for arrays of the right type."""
        name: str | bytes
        if isinstance(architecture, str):
            name = architecture
        elif isinstance(architecture, np.ndarray) and architecture.dtype == np.int8 and architecture.ndim == 1:
            name = architecture.tobytes()
        else:
            return self.space.genotype(architecture)
        genotype = self._genotypes.get(name)
        if genotype is None:
            genotype = self.space.genotype(architecture)
            if len(self._genotypes) < REMEMBERED:
                self._genotypes[name] = genotype
        return genotype

    def _one(self, path: str, genotype: GenotypeArray) -> float:
        name = path, genotype.tobytes()
        if name not in self._remembered:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            self._remembered[name] = float(self.models[path].predict(genotype[None]).mean[0])
        return self._remembered[name]

    def _many(self, path: str, genotypes: GenotypeArray) -> FloatArray:
        if self._small:
            return self._all(path)[self.space.code(genotypes)]
        return self.models[path].predict(genotypes).mean

    @cached_property
    def _small(self) -> bool:
        return math.prod(self.space.cardinalities) <= WHOLE

    def _all(self, path: str) -> FloatArray:
        """Predictions by code for the whole space."""
        if path not in self._whole:
            values = np.full(math.prod(self.space.cardinalities), np.nan)
            for chunk in self.space.enumerate():
                values[self.space.code(chunk)] = self.models[path].predict(chunk).mean
            self._whole[path] = values
        return self._whole[path]


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)

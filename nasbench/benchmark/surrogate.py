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

MAX_TABULATED_CODES = 2**18
"""Spaces with at most this many codes are predicted completely at the first question."""
MAX_CACHED = 2**20
"""Most genotypes, and in larger spaces most predictions, that are cached."""


@dataclass(frozen=True)
class Model:
    """The model of one metric.

    Attributes:
        predictor: Fitted on the transformed targets.
        transform: `"log"` if the predictor learnt the logarithm of a positive quantity (a cost).
        epoch: Finished epochs of the targets; None for a metric without epochs.
        quality: Scores of held-out predictions; see `cross_validate` and `noise_quality`.
        held_out: Held-out predictions for the architectures that have a target, in their order; in the unit of the
            metric, shape `(n,)`.
        noise: Variation between training seeds; None if the table does not determine it.
    """

    predictor: Predictor
    transform: Transform
    epoch: int | None
    quality: Mapping[str, Any]
    held_out: FloatArray
    noise: Noise | None = None

    def predict(self, genotypes: GenotypeArray) -> Prediction:
        """Mean and standard deviation for `(n, d)` genotypes in the unit of the metric.

        For a predictor of logarithms these are the moments of the log-normal distribution, so a predicted cost is
        positive.
        """
        prediction = self.predictor.predict(Inputs(self.predictor.space_, genotypes))
        return prediction if self.transform == "identity" else from_log(prediction)

    @property
    def log(self) -> bool:
        """Whether the predictor and the noise work on logarithms."""
        return self.transform == "log"


def from_log(prediction: Prediction) -> Prediction:
    """Moments of a log-normal quantity from the moments of its logarithm."""
    relative_variance = np.expm1(prediction.std**2)
    mean = np.exp(prediction.mean) * np.sqrt(1 + relative_variance)
    return Prediction(mean, mean * np.sqrt(relative_variance))


class Question(NamedTuple):
    """A metric, the epoch of its answers, and the metric of their cost."""

    metric: Metric
    epoch: int | None
    time: str | None


class SurrogateBenchmark(Benchmark):
    """Answers with predictions for every architecture of the space.

    A prediction stands for the mean over training seeds at the epoch of the targets, the only one available. With a
    seed, noise is added as the seeds of the table show it. An integer is the seed of one training of every
    architecture: its answers are reproducible in any order, and isomorphic architectures share them. A generator draws
    new trainings. The noise of different metrics is independent.

    Predictions are not clamped: a percentage may exceed 100, because clamping would tie different architectures.
    Trained architectures are answered with predictions too, never with measurements.

    Args:
        table: The training data of the models: one target for each architecture and metric.
        models: Models by full name of the metric.
        name: Name of the benchmark in messages and results.
    """

    kind = "surrogate"

    def __init__(self, table: Table, models: Mapping[str, Model], name: str = "the surrogate") -> None:
        if models.keys() != table.columns.keys():
            odd = sorted(models.keys() ^ table.columns.keys())
            raise InputError(f"a surrogate has one model for each metric that has targets; check {', '.join(odd)}")
        self.table, self.models, self.name, self.space = table, dict(models), name, table.space
        self.metrics: Mapping[str, Metric] = {path: column.metric for path, column in table.columns.items()}
        self._tabulated: dict[str, FloatArray] = {}
        self._predictions: dict[tuple[str, bytes], float] = {}
        self._genotypes: dict[str | bytes, GenotypeArray] = {}
        self._questions: dict[Any, Question] = {}

    def query(
        self, architecture: Architecture | int, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One prediction; see `Benchmark.query`."""
        facts, at, time = self._question(metric, epoch, seed)
        genotype = self._genotype(architecture)
        if self._is_tabulated:
            code = self.space.code(genotype)
            value = self._predict_all(facts.path).item(code)
            cost = math.nan if time is None else self._predict_all(time).item(code)
        else:
            value = self._predict_one(facts.path, genotype)
            cost = math.nan if time is None else self._predict_one(time, genotype)
        seeds: tuple[int, ...] = ()
        if not isinstance(seed, str):
            value = self._with_noise(facts.path, genotype[None], np.array([value]), seed).item()
            if time is not None and self.models[time].noise is not None:
                cost = self._with_noise(time, genotype[None], np.array([cost]), seed).item()
            if not isinstance(seed, np.random.Generator):
                seeds = (int(seed),)
        return Answer(value, facts.path, facts.split, facts.units, at, seeds, cost, None)

    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """Many predictions, none of them masked; see `Benchmark.query_many`."""
        policy: int | str
        facts, at, _ = self._question(metric, epoch, seed)
        checked = self.space.check(genotypes)
        values, policy = self._predict_many(facts.path, checked), "mean"
        if not isinstance(seed, str):
            values = self._with_noise(facts.path, checked, values, seed)
            policy = "random" if isinstance(seed, np.random.Generator) else int(seed)
        masked = np.ma.MaskedArray(values, mask=np.zeros(len(values), dtype=bool), fill_value=np.nan)
        return Answers(masked, facts.path, facts.split, facts.units, at, policy)

    def noise(self, genotypes: npt.ArrayLike, metric: str) -> FloatArray:
        """Standard deviation between trainings of architectures `(n, d)`, in the unit of the metric.

        Raises:
            NotFoundError: The surrogate was fitted without noise.
        """
        facts = self.metric(metric)
        model, checked = self.models[facts.path], self.space.check(genotypes)
        return self._noise(facts.path).std(self._predict_many(facts.path, checked), model.log)

    def predict(self, genotypes: npt.ArrayLike, metric: str) -> Prediction:
        """Mean and standard deviation for architectures `(n, d)`, in the unit of the metric."""
        return self.models[self.metric(metric).path].predict(self.space.check(genotypes))

    @property
    def complete(self) -> bool:
        """True: there is a prediction for every architecture."""
        return True

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """The epoch of the targets; empty for a metric without epochs."""
        epoch = self.models[self.metric(metric).path].epoch
        return () if epoch is None else (epoch,)

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Always empty: a prediction stands for the mean over seeds; with noise, any seed can be queried."""
        self.metric(metric)
        return ()

    def takes_seed(self, metric: str) -> bool:
        """Whether the noise of the metric is known."""
        return self.models[self.metric(metric).path].noise is not None

    def quality_records(self) -> list[dict[str, Any]]:
        """Scores on held-out cells with their 95 % intervals, one record for each metric."""
        return [
            {"metric": path, "units": self.metrics[path].units, "epoch": model.epoch, **model.quality}
            for path, model in self.models.items()
        ]

    def _question(self, metric: str, epoch: Any, seed: Any) -> Question:
        """The checked question, cached."""
        if type(epoch) not in (str, int) or not (type(metric) is type(seed) is str):
            return self._checked_question(metric, epoch, seed)
        key = metric, epoch, seed
        if key not in self._questions:
            self._questions[key] = self._checked_question(metric, epoch, seed)
        return self._questions[key]

    def _checked_question(self, metric: str, epoch: Any, seed: Any) -> Question:
        facts = self.metric(metric)
        known = self.models[facts.path].epoch
        if isinstance(seed, np.random.Generator) or (_is_whole(seed) and seed >= 0):
            self._noise(facts.path)
        elif not isinstance(seed, str) or seed != "mean":
            raise InputError(
                "the seed of a question to a surrogate is 'mean', a whole number from 0 on, or a generator; "
                f"got {seed!r}"
            )
        if isinstance(epoch, str) and epoch == "last":
            return Question(facts, known, self._time_metric(facts))
        if not _is_whole(epoch):
            raise InputError(f"an epoch is a number of finished epochs or 'last'; got {epoch!r}")
        if epoch != known:
            has = "has no epochs" if known is None else f"was learnt at epoch {known} only"
            raise NotFoundError(f"{facts.path!r} of {self.name} {has}; ask for it with epoch='last'")
        return Question(facts, known, self._time_metric(facts))

    def _noise(self, path: str) -> Noise:
        noise = self.models[path].noise
        if noise is None:
            raise NotFoundError(
                f"{self.name} does not know how trainings with different seeds differ in {path!r}: too few "
                "architectures of the table that it was fitted on have several seeds, or it was fitted before noise "
                "was learnt; ask with seed='mean'"
            )
        return noise

    def _with_noise(
        self, path: str, genotypes: GenotypeArray, means: FloatArray, seed: int | np.random.Generator
    ) -> FloatArray:
        """Results of one training of each architecture: the means `(n,)` with noise."""
        if isinstance(seed, np.random.Generator):
            drawn = seed.standard_normal(len(means))
        else:
            drawn = deviates(self.space.key(genotypes), path, int(seed))
        return self._noise(path).add(means, drawn, self.models[path].log)

    def _time_metric(self, metric: Metric) -> str | None:
        """The metric of the cost of an answer; None if it needs no training or time was not recorded."""
        path = metric.cost_path
        trained = metric.split != "none" or self.models[metric.path].epoch is not None
        return path if trained and path in self.models else None

    def _genotype(self, architecture: Architecture | int) -> GenotypeArray:
        """The checked genotype, cached for strings and int8 arrays."""
        key: str | bytes
        if isinstance(architecture, str):
            key = architecture
        elif isinstance(architecture, np.ndarray) and architecture.dtype == np.int8 and architecture.ndim == 1:
            key = architecture.tobytes()
        else:
            return self.genotype(architecture)
        genotype = self._genotypes.get(key)
        if genotype is None:
            genotype = self.genotype(architecture)
            if len(self._genotypes) < MAX_CACHED:
                self._genotypes[key] = genotype
        return genotype

    def _predict_one(self, path: str, genotype: GenotypeArray) -> float:
        key = path, genotype.tobytes()
        prediction = self._predictions.get(key)
        if prediction is None:
            prediction = float(self.models[path].predict(genotype[None]).mean[0])
            if len(self._predictions) >= MAX_CACHED:
                self._predictions.clear()
            self._predictions[key] = prediction
        return prediction

    def _predict_many(self, path: str, genotypes: GenotypeArray) -> FloatArray:
        if self._is_tabulated:
            return self._predict_all(path)[self.space.code(genotypes)]
        return self.models[path].predict(genotypes).mean

    @cached_property
    def _is_tabulated(self) -> bool:
        return math.prod(self.space.cardinalities) <= MAX_TABULATED_CODES

    def _predict_all(self, path: str) -> FloatArray:
        """Predictions for the whole space by code; shape `(codes,)`."""
        if path not in self._tabulated:
            values = np.full(math.prod(self.space.cardinalities), np.nan)
            for chunk in self.space.enumerate():
                values[self.space.code(chunk)] = self.models[path].predict(chunk).mean
            self._tabulated[path] = values
        return self._tabulated[path]


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)

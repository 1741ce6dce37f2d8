"""The measurements of a benchmark on one data set as arrays, ready to be described and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, Metric
from nasbench.errors import NotFoundError
from nasbench.report.document import format_value, words
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray


@dataclass(frozen=True)
class Measurements:
    """Measurements on one data set, of the `n` cells that have a final value.

    Attributes:
        space: The search space.
        dataset: Name of the data set.
        genotypes: The cells; shape `(n, d)`.
        unmeasured: Number of cells that are left out because their final value is missing.
        metric: The validation metric, or a test metric if there is none.
        epochs: Epochs of the learning curves; empty without curves.
        curves: Mean over seeds; shape `(n, epochs)`.
        final: Last value, mean over seeds; shape `(n,)`.
        by_seed: Last value of each seed, NaN where missing; shape `(n, seeds)`.
        seeds: The training seeds.
        test_metric: The same quantity on the test split; None if not recorded.
        test: Last value of `test_metric`, or else of `metric`, mean over seeds; shape `(n,)`.
        costs: Costs of the cells by metric, of which less is better: last value, mean over seeds; shape `(n,)` each.
    """

    space: Space
    dataset: str
    genotypes: GenotypeArray
    unmeasured: int
    metric: Metric
    epochs: tuple[int, ...]
    curves: FloatArray
    final: FloatArray
    by_seed: FloatArray
    seeds: tuple[int, ...]
    test_metric: Metric | None
    test: FloatArray
    costs: Mapping[Metric, FloatArray]

    @property
    def name(self) -> str:
        """The metric in words."""
        return words(self.metric.name)

    def value(self, row: int | np.int64) -> str:
        """Final value of a cell with its unit."""
        return format_value(float(self.final[row]), self.metric.units, 2)

    @property
    def sign(self) -> float:
        """1 if more is better, else -1."""
        return -1.0 if self.metric.direction == "minimise" else 1.0

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Rows sorted from the best to the worst final value."""
        return np.argsort(-self.sign * self.final, kind="stable")

    @property
    def better_half(self) -> BoolArray:
        """Whether a cell's final value is at least as good as the median; shape `(n,)`."""
        score = self.sign * self.final
        return np.asarray(score >= np.median(score))


def measurements_of(benchmark: Benchmark, dataset: str) -> Measurements | None:
    """Measurements on a data set; None if no metric ranks its cells or no cell has a value."""
    try:
        metric = benchmark.score(dataset)
    except NotFoundError:
        return None
    genotypes = benchmark.architectures()
    final = _values(benchmark, genotypes, metric)
    known = np.isfinite(final)
    if not known.any():
        return None
    genotypes, final = genotypes[known], final[known]
    epochs = benchmark.recorded_epochs(metric.path)
    seeds = benchmark.recorded_seeds(metric.path)
    curves = [benchmark.query_many(genotypes, metric.path, epoch=epoch).values.filled(np.nan) for epoch in epochs]
    by_seed = [benchmark.query_many(genotypes, metric.path, seed=seed).values.filled(np.nan) for seed in seeds]
    try:
        test_metric = benchmark.partner(metric.path, "test") if metric.split == "validation" else None
    except NotFoundError:
        test_metric = None
    costs = {
        m: _values(benchmark, genotypes, m)
        for m in benchmark.metrics.values()
        if m.split == "none" and m.direction == "minimise" and m.dataset in ("", dataset)
    }
    n = len(genotypes)
    return Measurements(
        space=benchmark.space,
        dataset=dataset,
        genotypes=genotypes,
        unmeasured=int((~known).sum()),
        metric=metric,
        epochs=epochs,
        curves=np.array(curves).reshape(len(epochs), n).T,
        final=final,
        by_seed=np.array(by_seed).reshape(len(seeds), n).T,
        seeds=seeds,
        test_metric=test_metric,
        test=final if test_metric is None else _values(benchmark, genotypes, test_metric),
        costs={m: values for m, values in costs.items() if len(np.unique(values[np.isfinite(values)])) > 1},
    )


def _values(benchmark: Benchmark, genotypes: GenotypeArray, metric: Metric) -> FloatArray:
    return benchmark.query_many(genotypes, metric.path).values.filled(np.nan)

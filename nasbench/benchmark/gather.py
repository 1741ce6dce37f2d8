"""Inputs of predictors from a benchmark: static columns, and learning curves with their cost."""

from __future__ import annotations

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric, static_metric
from nasbench.errors import InputError, NotFoundError
from nasbench.predictors import Inputs, Needs
from nasbench.types import FloatArray, GenotypeArray


def gather(benchmark: Benchmark, genotypes: GenotypeArray, needs: Needs, metric: str) -> Inputs:
    """Inputs of `n` architectures for a predictor of a metric; NaN where a number is missing.

    A column is a static metric by its name, with `:` in place of `/`. The curve belongs to the metric, or to its
    validation counterpart if the metric is of another split. It holds means over the recorded training seeds, at all
    epochs up to the last one if the metric is resumable, else at the last one only. Its cost is the recorded training
    time up to that epoch.

    Args:
        benchmark: Source of the numbers.
        genotypes: The architectures; shape `(n, d)`, checked.
        needs: What the predictor reads.
        metric: Full name of the predicted metric.

    Raises:
        InputError: A column is not a static metric, or the curve is not recorded at that epoch; says what is.
    """
    names = [name for name in needs.columns if name not in benchmark.space.feature_kinds]
    columns = {name: _values(benchmark, genotypes, _static(benchmark, name)) for name in names}
    if not needs.epochs:
        return Inputs(benchmark.space, genotypes, columns)
    source = curve_metric(benchmark, metric)
    recorded = benchmark.recorded_epochs(source.path)
    if needs.epochs not in recorded:
        has = f"has epochs {', '.join(map(str, recorded))}" if recorded else "has no learning curve"
        raise InputError(f"curve@{needs.epochs} cannot be read: {source.path!r} of {benchmark.name} {has}")
    epochs = tuple(epoch for epoch in recorded if epoch <= needs.epochs) if source.resumable else (needs.epochs,)
    curve = np.stack([_values(benchmark, genotypes, source, epoch) for epoch in epochs], axis=1)
    cost = _cost(benchmark, genotypes, source, needs.epochs)
    return Inputs(benchmark.space, genotypes, columns, curve, epochs, cost)


def curve_metric(benchmark: Benchmark, metric: str) -> Metric:
    """The metric whose learning curve a predictor of `metric` may read, on validation data if recorded."""
    facts = benchmark.metric(metric)
    if facts.split in ("none", "validation"):
        return facts
    try:
        return benchmark.partner(facts.path, "validation")
    except NotFoundError:
        return facts


def _static(benchmark: Benchmark, name: str) -> Metric:
    try:
        return static_metric(benchmark.metrics, name)
    except InputError as error:
        space, kinds = benchmark.space.name, ", ".join(benchmark.space.feature_kinds)
        raise InputError(
            f"{name!r} is no encoding of {space} ({kinds}, ...) and no column of {benchmark.name}: {error}; partial "
            "curves are written curve@EPOCHS"
        ) from error


def _values(benchmark: Benchmark, genotypes: GenotypeArray, metric: Metric, epoch: int | None = None) -> FloatArray:
    answers = benchmark.query_many(genotypes, metric.path, epoch="last" if epoch is None else epoch)
    values: FloatArray = answers.values.filled(np.nan)
    return values


def _cost(benchmark: Benchmark, genotypes: GenotypeArray, metric: Metric, epoch: int) -> FloatArray | None:
    cost = benchmark.metrics.get(metric.cost_path)
    if cost is None or epoch not in benchmark.recorded_epochs(cost.path):
        return None
    return _values(benchmark, genotypes, cost, epoch)

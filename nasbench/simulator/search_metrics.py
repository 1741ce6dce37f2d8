"""Metrics behind the objectives of a search: which they are, and where a benchmark has their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch, Metric
from nasbench.errors import InputError, NotFoundError
from nasbench.types import FloatArray, GenotypeArray


class SearchMetrics(NamedTuple):
    """Metrics behind the objectives of a search.

    Attributes:
        guides: What each objective is told: a validation metric, or a static metric such as latency.
        tests: What each objective is scored with: the test counterpart, None where it was not recorded, or the static
            metric itself.
        cost: Training time of the first objective; None where it is not recorded.
        epochs: By number of epochs that a trial can ask for, the epoch to ask the benchmark for.
    """

    guides: tuple[Metric, ...]
    tests: tuple[Metric | None, ...]
    cost: Metric | None
    epochs: dict[int, Epoch]


def search_metrics(benchmark: Benchmark, names: Sequence[str]) -> SearchMetrics:
    """The metrics behind objectives: the first on validation data, others on validation data or static.

    Raises:
        InputError: A metric is no objective or is named twice, or the benchmark does not answer for its whole space.
        NotFoundError: A metric is not in the benchmark.
    """
    guides = tuple(benchmark.metric(name) for name in names)
    for number, guide in enumerate(guides):
        if guide.split != "validation" and not (number and guide.static):
            others = [m.path for m in benchmark.metrics.values() if m.split == "validation" or (number and m.static)]
            allowed = "a validation metric" if not number else "a validation metric or a static one"
            if not others:
                raise InputError(
                    f"a search is guided by {allowed}, and this benchmark has none; others stand for it with "
                    "--guide METRIC@SEEDS --judge METRIC@SEEDS"
                )
            raise InputError(
                f"a search is guided by {allowed}, but {guide.path!r} belongs to split {guide.split!r}"
                f"; name one of: {', '.join(others)}"
            )
        if guide.direction == "none":
            raise InputError(f"metric {guide.path!r} has no better direction, so it cannot guide a search")
        if guide in guides[:number]:
            raise InputError(f"the objective {guide.path!r} is named twice; name each once")
    found = guides[0]
    if not benchmark.complete:
        raise InputError(
            f"the benchmark answers for {len(benchmark.architectures()):,} of the {benchmark.space.size:,} "
            f"architectures of {benchmark.space.name}, so a search would leave it; fit a surrogate that answers "
            f"for all: nasbench surrogate FILE --predictor P --metric {found.path} --out FILE"
        )
    for guide in guides[1:]:
        if guide.static:
            static_values(benchmark, guide, next(iter(benchmark.space.enumerate(1024))))
    recorded = benchmark.recorded_epochs(found.path)
    for guide in guides[1:]:
        missing = [] if guide.static else sorted(set(recorded) - set(benchmark.recorded_epochs(guide.path)))
        if missing:
            raise InputError(f"{guide.path!r} has no number at epoch {missing[0]}, at which {found.path!r} has one")
    tests = tuple(guide if guide.static else _test_of(benchmark, guide) for guide in guides)
    epochs: dict[int, Epoch] = {epoch: epoch for epoch in recorded} if recorded else {1: "last"}
    return SearchMetrics(guides, tests, benchmark.metrics.get(found.cost_path), epochs)


def _test_of(benchmark: Benchmark, guide: Metric) -> Metric | None:
    try:
        return benchmark.partner(guide.path, "test")
    except NotFoundError:
        return None


def static_values(benchmark: Benchmark, metric: Metric, genotypes: GenotypeArray) -> FloatArray:
    """A static metric of architectures `(n, d)`, all of which have one."""
    try:
        values: FloatArray = benchmark.query_many(genotypes, metric.path).values.filled(np.nan)
    except NotFoundError as error:
        raise InputError(
            f"{metric.path!r} is known only for the {len(benchmark.architectures()):,} architectures of the table, and "
            "a search needs it for the whole space"
        ) from error
    return values


def epoch_tested(benchmark: Benchmark, test: Metric | None, epochs: int, full: int) -> Epoch | None:
    """Epoch to ask a test metric for, after some of `full` epochs of training; None where it was not tested there."""
    if test is None:
        return None
    if test.static or epochs == full:
        return "last"
    return epochs if epochs in benchmark.recorded_epochs(test.path) else None


def epoch_timed(
    benchmark: Benchmark, cost: Metric, epochs: dict[int, Epoch], number: int, resumable: bool
) -> tuple[Epoch | None, float]:
    """Epoch to ask a training time for, and the share of it that `number` epochs take.

    Where only whole trainings were timed, a part of one takes its share of the epochs, if trainings continue.
    """
    timed = benchmark.recorded_epochs(cost.path)
    if not timed:
        whole = max(epochs)
        return ("last", number / whole) if resumable or number == whole else (None, 1.0)
    at: Any = epochs[number]
    return (at if at == "last" or number in timed else None), 1.0


def median_cost(benchmark: Benchmark, cost: Metric, at: Epoch | None) -> float:
    """Median time of the trainings that a benchmark holds, up to an epoch; NaN where none was timed."""
    if at is None:
        return math.nan
    known = benchmark.query_many(benchmark.architectures(), cost.path, epoch=at).values.compressed()
    return float(np.median(known)) if len(known) else math.nan

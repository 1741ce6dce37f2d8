"""Other tables that predictors learn from before they are given any architecture of the table they are scored on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric
from nasbench.benchmark.gather import gather
from nasbench.benchmark.load import load, shipped
from nasbench.errors import InputError
from nasbench.evaluate.splits import targets
from nasbench.predictors import Inputs, Needs
from nasbench.predictors.base import same_space
from nasbench.types import Direction, FloatArray

SIGN: dict[Direction, float] = {"maximise": 1.0, "minimise": -1.0, "none": np.nan}
"""What a metric is multiplied with so that more is better; without a direction, nothing is best."""
Sources: TypeAlias = tuple[tuple[Inputs, FloatArray], ...]
"""What `Predictor.pretrain` takes."""
Source: TypeAlias = Benchmark | tuple[Benchmark, str]
"""A benchmark whose score is learnt (`Benchmark.score`), or one and the name of the metric that is."""


def shipped_sources(benchmark: Benchmark) -> list[Benchmark]:
    """The benchmarks that come with the package, but the one that is given."""
    others = [load(name) for name in shipped()]
    return [
        other
        for other in others
        if not any(_same(other, name, benchmark, name) for name in other.metrics if name in benchmark.metrics)
    ]


def check_sources(sources: Sequence[Source], benchmark: Benchmark, metric: str) -> None:
    """Refuse the numbers that predictors are scored on.

    Raises:
        InputError: The metric of one of the sources has the numbers of the metric that is predicted.
        NotFoundError: A source has several metrics that could be its score, or not the one that is named.
    """
    for source in sources:
        table, name = named(source)
        if _same(table, name, benchmark, metric):
            raise InputError(f"{name} of {table.name} is what predictors are scored on, and so no source")


def named(source: Source) -> tuple[Benchmark, str]:
    """The benchmark of a source, and the metric that is learnt."""
    table, metric = (source, source.score().path) if isinstance(source, Benchmark) else source
    return table, table.metric(metric).path


def _same(one: Benchmark, metric: str, other: Benchmark, others_metric: str) -> bool:
    """Whether metrics of two benchmarks have the same numbers for the same architectures."""
    if not same_space(one.space, other.space):
        return False
    mine = one.architectures()
    return np.array_equal(mine, other.architectures()) and bool(
        np.ma.allequal(one.query_many(mine, metric).values, other.query_many(mine, others_metric).values)
    )


def gathered(sources: Sequence[Source], needs: Needs, metric: Metric, strict: bool) -> Sources:
    """Inputs and targets of each source, the targets with the sign that makes better mean what it does for a metric.

    Args:
        sources: Tables of any spaces.
        needs: What the predictor reads.
        metric: What it will predict.
        strict: Whether a source that lacks an input is an error; otherwise it is left out.

    Raises:
        InputError: A source lacks an input, and `strict` is true.
        NotFoundError: It has several metrics that could be its score, or not the one that is named.
    """
    found = []
    for source in sources:
        table, name = named(source)
        facts, part = table.metric(name), targets(table, name)
        try:
            inputs = gather(table, part.genotypes, needs, name)
        except InputError as error:
            if strict:
                raise InputError(f"source {table.name}: {error}") from error
            continue
        found.append((inputs, SIGN[facts.direction] * SIGN[metric.direction] * part.values))
    return tuple(found)

"""What one number ranks alone, without any label: layers and cost of the graph, each static column of the table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric
from nasbench.evaluate.leaders import vary
from nasbench.evaluate.metrics import kendall_tau
from nasbench.evaluate.splits import Split, Targets
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode
from nasbench.predictors.encodings.statistics import NAMES
from nasbench.types import FloatArray, GenotypeArray

STRUCTURAL = ("layers", "cost")
"""Statistics of graphs that every space has: trainable layers, and the cost of the convolutions."""


def baselines(
    benchmark: Benchmark,
    metric: Metric,
    targets: Targets,
    held_out: Mapping[str, Sequence[Split]],
    seed: int,
) -> list[dict[str, Any]]:
    """Kendall's tau of single numbers with targets, over the test architectures of the same splits as of predictors.

    They learn nothing, so they are the same at every training size, and the sign of tau says which way they rank: it is
    positive where more of the number goes with better targets. Only architectures whose number is known are ranked.

    Args:
        benchmark: Source of the static columns; a static `metric` is no baseline of itself.
        metric: The metric that is predicted.
        targets: Its values.
        held_out: Splits by the name of the held-out part ("" for random splits).
        seed: Of the bootstrap.

    Returns:
        For each number and held-out part `name`, `left_out` (unless ""), and `kendall_tau`: `mean`, `low` and `high`
        over the `n` splits where it is defined. Those come first that rank best, whichever way; those that rank nothing
        (constants, columns without values) are left out.
    """
    tested = np.unique(np.concatenate([test for parts in held_out.values() for _, test in parts]))
    worth = -targets.values if metric.direction == "minimise" else targets.values
    rows = []
    for name, numbers in _numbers(benchmark, metric, targets.genotypes[tested]).items():
        of_all = np.full(len(worth), np.nan)
        of_all[tested] = numbers
        for left_out, parts in held_out.items():
            taus = np.array([_tau(worth[test], of_all[test]) for _, test in parts])
            taus = taus[np.isfinite(taus)]
            if len(taus):
                ends = bootstrap_interval(taus, np.random.default_rng(seed)) if vary(taus) else (math.nan, math.nan)
                score = {"mean": taus.mean(), "low": float(ends[0]), "high": float(ends[1]), "n": len(taus)}
                rows.append({"name": name, **({"left_out": left_out} if left_out else {}), "kendall_tau": score})
    return sorted(rows, key=lambda row: -abs(row["kendall_tau"]["mean"]))


def _numbers(benchmark: Benchmark, metric: Metric, genotypes: GenotypeArray) -> dict[str, FloatArray]:
    """Each number of architectures `(n, d)`, NaN where missing; shape `(n,)`."""
    statistics, _ = encode(Inputs(benchmark.space, genotypes, {}), "statistics")
    columns = {
        path: benchmark.query_many(genotypes, path).values.filled(np.nan)
        for path, other in benchmark.metrics.items()
        if other.static and path != metric.path
    }
    return {name: statistics[:, NAMES.index(name)] for name in STRUCTURAL if name not in columns} | columns


def _tau(worth: FloatArray, numbers: FloatArray) -> float:
    known = np.isfinite(numbers)
    return kendall_tau(worth[known], numbers[known])

"""Noise ceiling: the Kendall tau that knowing every expected value would reach, as targets are noisy themselves."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch
from nasbench.evaluate.metrics import kendall_tau
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.types import FloatArray, GenotypeArray

MAX_DRAWS = 3
"""Most pairs of trainings that are drawn for each architecture, to use more than two seeds."""
MAX_ARCHITECTURES = 10_000
"""Most architectures whose trainings are compared."""
MAX_GROUPS, MIN_IN_GROUP = 20, 20
"""Most groups of architectures whose agreement varies, and fewest architectures of a group."""


class Ceiling(NamedTuple):
    """Estimate of the noise ceiling of a table.

    Attributes:
        tau: Kendall's tau of the expected values with the targets.
        low: Lower end of its 95 % interval, NaN for fewer than two groups of architectures.
        high: Upper end.
        agreement: Kendall's tau between two trainings of the same architectures, from which it is estimated.
        architectures: Architectures whose trainings were compared.
        trainings: Trainings of a target: harmonic mean, as the variance of a mean falls with their number.
    """

    tau: float
    low: float
    high: float
    agreement: float
    architectures: int
    trainings: float


def noise_ceiling(
    benchmark: Benchmark, genotypes: GenotypeArray, metric: str, epoch: Epoch, rng: np.random.Generator
) -> Ceiling | None:
    """The noise ceiling of targets that are means over the recorded seeds; None without two trainings of anything.

    Args:
        benchmark: Source of the numbers.
        genotypes: Architectures with a target; shape `(n, d)`.
        metric: The metric that is predicted.
        epoch: Epoch at which it is taken.
        rng: Draws trainings and groups.
    """
    answers = [benchmark.query_many(genotypes, metric, epoch=epoch, seed=s) for s in benchmark.recorded_seeds(metric)]
    if len(answers) < 2:
        return None
    return ceiling(np.stack([np.ma.filled(answer.values, np.nan) for answer in answers], axis=1), rng)


def ceiling(by_seed: FloatArray, rng: np.random.Generator) -> Ceiling | None:
    """The noise ceiling of the means of rows.

    Pairs of trainings of each architecture are drawn, and their Kendall tau is the mean over groups of architectures,
    whose bootstrap gives the interval. Were values and noise normal, or made so by one increasing function, two
    trainings with a tau of t would have the correlation, and one training the reliability, r = sin(pi t / 2) (Greiner,
    1909); means of k trainings r_k = r / (r + (1 - r) / k) (Spearman, 1910; Brown, 1910); and expected values the tau
    (2 / pi) asin(sqrt(r_k)) with them. Without any such assumption, the ceiling of single trainings is at most sqrt(t),
    and at least t where no values are tied.

    Args:
        by_seed: Values, NaN where missing; shape `(n, seeds)`. Each row has a value.
        rng: Draws trainings and groups.

    Returns:
        The estimate; None where fewer than two architectures have two values, or these are constant.
    """
    counts = np.isfinite(by_seed).sum(axis=1)
    several = rng.permutation(np.flatnonzero(counts > 1))[:MAX_ARCHITECTURES]
    groups = np.array_split(several, min(MAX_GROUPS, max(len(several) // MIN_IN_GROUP, 1)))
    draws = min(MAX_DRAWS, by_seed.shape[1] - 1)
    taus = np.mean([[_agreement(by_seed[rows], rng) for rows in groups] for _ in range(draws)], axis=0)
    taus = taus[np.isfinite(taus)]
    if not len(taus):
        return None
    ends = bootstrap_interval(taus, rng) if len(taus) > 1 else (math.nan, math.nan)
    trainings = float(1 / (1 / counts).mean())
    tau, low, high = (from_agreement(float(value), trainings) for value in (taus.mean(), *ends))
    return Ceiling(tau, low, high, float(taus.mean()), len(several), trainings)


def _agreement(by_seed: FloatArray, rng: np.random.Generator) -> float:
    """Kendall's tau between two values of each row, drawn without replacement."""
    order = np.argsort(np.where(np.isfinite(by_seed), rng.random(by_seed.shape), np.inf), axis=1)
    drawn = np.take_along_axis(by_seed, order[:, :2], axis=1)
    return kendall_tau(drawn[:, 0], drawn[:, 1])


def from_agreement(agreement: float, trainings: float = 1) -> float:
    """Tau of expected values with means of several trainings, from the tau between two trainings, as `ceiling` says."""
    if math.isnan(agreement):
        return math.nan
    reliability = math.sin(math.pi / 2 * min(max(agreement, 0.0), 1.0))
    return 2 / math.pi * math.asin(math.sqrt(reliability / (reliability + (1 - reliability) / trainings)))

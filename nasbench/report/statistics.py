"""Statistics of the report: deviation and agreement between seeds, Pareto fronts, limits of axes."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.noise import spread
from nasbench.evaluate.metrics import magnitude
from nasbench.types import FloatArray


def seed_deviation(by_seed: FloatArray) -> float:
    """Standard deviation between seeds, pooled by degrees of freedom; `(n, seeds)`, NaN if no cell has two."""
    unit = magnitude(by_seed)
    return unit * math.sqrt(spread(by_seed / unit).pooled)


def seed_agreement(by_seed: FloatArray) -> tuple[float, float, float, int]:
    """Kendall's tau between seeds, averaged over their pairs, with its 95 % interval and the number of cells.

    Args:
        by_seed: Shape `(n, seeds)`; cells with a missing value are left out.
    """
    from nasbench.evaluate.metrics import kendall_tau

    rows = by_seed[np.isfinite(by_seed).all(axis=1)]
    pairs = list(combinations(range(rows.shape[1]), 2))
    taus = [kendall_tau(rows[:, a], rows[:, b]) for a, b in pairs] if len(rows) > 1 else []
    tau = float(np.mean(taus)) if taus else math.nan
    return (tau, *tau_interval(tau, len(rows)), len(rows))


def tau_interval(tau: float, n: int) -> tuple[float, float]:
    """95 % interval of Kendall's tau over `n` pairs (Fieller, Hartley & Pearson, 1957); NaN for n < 5."""
    if n < 5 or not math.isfinite(tau):
        return math.nan, math.nan
    if abs(tau) == 1:
        return tau, tau
    half = 1.96 * math.sqrt(0.437 / (n - 4))
    return math.tanh(math.atanh(tau) - half), math.tanh(math.atanh(tau) + half)


def pareto_front(cost: FloatArray, value: FloatArray, maximise: bool = True) -> npt.NDArray[np.int64]:
    """Rows that no other row equals or beats in both lower cost and better value, by increasing cost.

    Args:
        cost: Shape `(n,)`; a row with NaN is never on the front.
        value: Shape `(n,)`; the same holds.
        maximise: Whether a larger value is better.
    """
    score = value if maximise else -value
    known = np.flatnonzero(np.isfinite(cost) & np.isfinite(score))
    order = known[np.lexsort((-score[known], cost[known]))]
    best = np.concatenate([[-np.inf], np.maximum.accumulate(score[order])])[:-1]
    return order[score[order] > best]


def limits_without_outliers(values: FloatArray, maximise: bool) -> tuple[tuple[float, float] | None, int]:
    """Limits of an axis that leave out the few bad values which would squeeze all others, and their number.

    A value is bad if it lies more than six interquartile ranges beyond the worse quartile, as cells that learn nothing
    do. Bad values are left out only where the others fill less than half of the axis; else the limits are None.
    """
    score = values if maximise else -values
    lower, upper = np.quantile(score, [0.25, 0.75])
    outlying = score < lower - 6 * (upper - lower)
    near = values[~outlying]
    if not outlying.any() or np.ptp(near) > 0.5 * np.ptp(values) or not np.ptp(near) > 0:
        return None, 0
    margin = 0.06 * float(np.ptp(near))
    return (float(near.min()) - margin, float(near.max()) + margin), int(outlying.sum())

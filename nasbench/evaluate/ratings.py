"""Who beats whom, over benchmarks: win rates, ratings (Bradley & Terry, 1952), robust means and critical differences.

Less is better in all arrays, as regret is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from nasbench.evaluate.statistics import percentile_ends, resampling_weights
from nasbench.types import FloatArray

CENTRE, SCALE = 1000.0, 400 / math.log(10)
"""Mean of all ratings, and points for a factor e of the odds: 400 points are odds of 10 to 1 (Elo, 1978)."""
TOLERANCE, MOST_STEPS = 1e-10, 100
"""Largest Newton step of log-strengths at which ratings have converged, and most steps."""


def superiority(values: Mapping[str, npt.ArrayLike]) -> FloatArray:
    """Chance that a run of one is better than a run of another, a tie counting half: "probability of improvement".

    The share of all pairs of runs, U / (n m) of Mann & Whitney (1947); Agarwal et al., NeurIPS 2021, section 4.2.

    Args:
        values: Final value of each run, by name; shape `(n,)`, finite.

    Returns:
        Shape `(k, k)`, row against column, in the order of the names; one half on the diagonal.
    """
    arrays = [np.sort(np.asarray(row, dtype=np.float64)) for row in values.values()]
    wins = np.full((len(arrays), len(arrays)), 0.5)
    for i, mine in enumerate(arrays):
        for j, other in enumerate(arrays[:i]):
            worse, not_better = (np.searchsorted(other, mine, side).sum() for side in ("left", "right"))
            wins[j, i] = (worse + not_better) / (2 * len(mine) * len(other))  # of `other`, the smaller
            wins[i, j] = 1 - wins[j, i]
    return wins


def by_pair(names: Sequence[str], wins: FloatArray) -> dict[str, dict[str, float]]:
    """Entries `(k, k)` by the name of the row and of the column."""
    return {name: dict(zip(names, row, strict=True)) for name, row in zip(names, wins.tolist(), strict=True)}


def bradley_terry(wins: FloatArray) -> FloatArray:
    """Ratings under which i beats j with the odds `10 ** ((r_i - r_j) / 400)`; most likely, with mean 1,000.

    Each pair is given one draw beside its games: without it, who always wins would have no finite rating.

    Args:
        wins: Games won by the row against the column, a draw as half; shape `(..., k, k)`, the diagonal is not read.

    Returns:
        Shape `(..., k)`, more is better.
    """
    k = wins.shape[-1]
    apart = 1 - np.eye(k)
    won = (wins + 0.5) * apart
    games = won + won.swapaxes(-1, -2)
    strength: FloatArray = np.zeros(wins.shape[:-1])
    for _ in range(MOST_STEPS):  # Newton; the likelihood is concave, and the draws bound its maximum
        chance = 1 / (1 + np.exp(strength[..., None, :] - strength[..., :, None]))
        gradient = (won - games * chance).sum(axis=-1)
        weights = games * chance * (1 - chance)
        curvature = weights.sum(axis=-1)[..., None] * np.eye(k) - weights + 1 / k  # the last: the mean stays
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        step *= np.minimum(1, 1 / np.maximum(np.abs(step).max(axis=-1, keepdims=True), 1e-300))
        strength += step
        if np.abs(step).max() < TOLERANCE:
            break
    found: FloatArray = CENTRE + SCALE * (strength - strength.mean(axis=-1, keepdims=True))
    return found


def ratings(names: Sequence[str], wins: FloatArray, rng: np.random.Generator) -> dict[str, Any]:
    """Ratings over benchmarks, each of which is one game of every pair, won by parts.

    Args:
        names: Of `k` contestants.
        wins: `superiority` on each benchmark; shape `(benchmarks, k, k)`.
        rng: Draws the resamples of the benchmarks, for 95 % intervals.

    Returns:
        By name `{"rating", "low", "high"}`, best first; both ends are the rating where there is one benchmark.
    """
    n = len(wins)
    found = bradley_terry(wins.sum(axis=0))
    drawn = bradley_terry(np.tensordot(resampling_weights(n, rng) * n, wins, axes=1))
    low, high = percentile_ends(drawn, n)
    order = np.argsort(-found, kind="stable")
    return {names[i]: {"rating": float(found[i]), "low": float(low[i]), "high": float(high[i])} for i in order}


def interquartile_mean(values: npt.ArrayLike) -> FloatArray:
    """Mean of the middle half of `(..., n)` values, which outliers do not move; a quarter is left out at each end.

    As `scipy.stats.trim_mean`, the number that is left out is rounded down (Agarwal et al., NeurIPS 2021).
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    cut = ordered.shape[-1] // 4
    result: FloatArray = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    return result


def robust_means(values: Mapping[str, npt.ArrayLike], rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Interquartile mean of the runs of each, with a 95 % bootstrap interval; `{"mean", "low", "high"}` by name.

    Args:
        values: Final value of each run, by name; shape `(n,)`.
        rng: Draws the resamples, the same for all names of one length.
    """
    found = {}
    drawn: dict[int, npt.NDArray[np.int64]] = {}
    for name, row in values.items():
        array = np.asarray(row, dtype=np.float64)
        n = len(array)
        if n not in drawn:
            drawn[n] = rng.integers(n, size=(2000, n))
        low, high = percentile_ends(interquartile_mean(array[drawn[n]]), n)
        found[name] = {"mean": float(interquartile_mean(array)), "low": float(low), "high": float(high)}
    return found


def critical_difference(contestants: int, blocks: int, level: float = 0.05) -> float:
    """Difference of mean ranks above which two of all contestants differ (Nemenyi, 1963; Demšar, JMLR 2006, eq. 5.1).

    Args:
        contestants: Number of contestants that are ranked, at least two.
        blocks: Number of benchmarks, or of repeats, in each of which all are ranked.
        level: Chance of any false claim among all pairs.
    """
    studentized = float(stats.studentized_range.isf(level, contestants, math.inf)) / math.sqrt(2)
    return studentized * math.sqrt(contestants * (contestants + 1) / (6 * blocks))

"""How well predictions find the best architectures, as functions of arrays.

More is better in both arrays: negate what is minimised. Tied predictions are ordered at random, and a score is its
exact expectation over these orders (McSherry & Najork, 2008): a constant prediction scores what chance does. Scores are
NaN where every architecture would be chosen, where the measured values are constant, and where a value is NaN.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from nasbench.evaluate.metrics import paired
from nasbench.types import BoolArray, FloatArray


def ndcg(y: FloatArray, prediction: FloatArray, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k` (Järvelin & Kekäläinen, 2002).

    The gain is linear: `y` scaled to [0, 1] by its least and largest value. Place i, from 1, is discounted by
    log2(i + 1).

    Args:
        y: Measured values, more is better; shape `(n,)`.
        prediction: Predicted values; shape `(n,)`.
        k: How many are chosen, those with the highest predictions.

    Returns:
        From 0 to 1, more is better; chance reaches about the mean gain of all over that of the best `k`.
    """
    y, prediction = paired(y, prediction)
    if _undefined(y, prediction, k):
        return math.nan
    low, high = y.min(), y.max()
    gain = (y - low) / (high - low)
    discount = 1 / np.log2(np.arange(2, k + 2))
    _, tied = np.unique(-prediction, return_inverse=True)
    expected = (np.bincount(tied, gain) / np.bincount(tied))[np.sort(tied)[:k]]  # gain at each place
    return min(1.0, float(expected @ discount / (np.sort(gain)[::-1][:k] @ discount)))


def precision(y: FloatArray, prediction: FloatArray, k: int) -> float:
    """Share of the `k` highest predicted that are among the `k` best, or tied with the last of these; as `ndcg`."""
    y, prediction = paired(y, prediction)
    if _undefined(y, prediction, k):
        return math.nan
    chosen, tied, drawn = _chosen(prediction, k)
    best = y >= np.partition(y, -k)[-k]
    return float((best[chosen].sum() + drawn * best[tied].mean()) / k)


def precision_at_1_percent(y: FloatArray, prediction: FloatArray) -> float:
    """`precision` of the first 1 % of all, rounded down to a whole number but at least one."""
    return precision(y, prediction, max(1, len(y) // 100))


def best_rank(y: FloatArray, prediction: FloatArray, k: int) -> float:
    """Measured rank of the best among the `k` highest predicted: N@K of Ning et al. (2020).

    Arguments as of `ndcg`.

    Returns:
        At least 1, the rank of the best of all; less is better. Equal values share the least of their ranks.
    """
    y, prediction = paired(y, prediction)
    if _undefined(y, prediction, k):
        return math.nan
    return max(1.0, -_best_chosen(-stats.rankdata(-y, "min").astype(np.float64), prediction, k))


def regret(y: FloatArray, prediction: FloatArray, k: int) -> float:
    """Best of all less the best among the `k` highest predicted, in the unit of `y`.

    Arguments as of `ndcg`. At least 0, less is better.
    """
    y, prediction = paired(y, prediction)
    return math.nan if _undefined(y, prediction, k) else max(0.0, -_best_chosen(y - y.max(), prediction, k))


def _undefined(y: FloatArray, prediction: FloatArray, k: int) -> bool:
    return len(y) <= k or not y.min() < y.max() or bool(np.isnan(prediction).any())


def _chosen(prediction: FloatArray, k: int) -> tuple[BoolArray, BoolArray, int]:
    """Which of `n` are surely chosen, which are tied for the last places, and how many of these are drawn."""
    cut = np.partition(prediction, -k)[-k]
    chosen = prediction > cut
    return chosen, prediction == cut, k - int(chosen.sum())


def _best_chosen(worth: FloatArray, prediction: FloatArray, k: int) -> float:
    """Expectation of the largest worth `(n,)` among the `k` highest predicted."""
    chosen, tied, drawn = _chosen(prediction, k)
    falling = np.sort(worth[tied])[::-1]
    place = np.arange(len(falling) - drawn + 1)  # of the first that is drawn
    reached = np.cumprod(np.append(1.0, 1 - drawn / (len(falling) - place[:-1])))
    chance = reached * drawn / (len(falling) - place)
    return float(chance @ np.maximum(falling[: len(place)], worth[chosen].max(initial=-np.inf)))

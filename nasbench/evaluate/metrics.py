"""How well predicted numbers agree with measured ones, as functions of arrays.

Where a score is undefined - a rank correlation with a constant, R2 of constant targets, fewer than two values, a value
that is NaN - it is NaN, never a number that could be mistaken for a measurement. Correlations keep their sign.
"""

import math

import numpy as np
from scipy import stats
from scipy.special import ndtr

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.types import FloatArray

NORMAL_90 = 1.6448536269514722
"""95 % quantile of the standard normal distribution: half the width of its central 90 % interval."""
LEVELS = read_only(np.arange(1, 100) / 100)
"""Nominal coverages of the central intervals that `calibration_error` looks at."""


def kendall_tau(y: FloatArray, prediction: FloatArray) -> float:
    """Kendall's tau-b (Kendall, 1945): pairs in the same order less pairs in the opposite, corrected for ties.

    Args:
        y: Measured values; shape `(n,)`.
        prediction: Predicted values; shape `(n,)`.

    Returns:
        From -1 to 1, more is better; NaN where either is constant.
    """
    y, prediction = paired(y, prediction)
    return math.nan if _constant(y, prediction) else float(stats.kendalltau(y, prediction).statistic)


def sparse_kendall_tau(y: FloatArray, prediction: FloatArray, units: str = "percent") -> float:
    """`kendall_tau` of predictions rounded to 0.1 percentage points (Yu et al., 2020; Zela et al., 2022).

    Differences smaller than those between two trainings count as ties. As in the code of NAS-Bench-301, the measured
    values are not rounded. NaN where `units`, which both are in, is not percent.
    """
    return kendall_tau(y, np.round(prediction, 1)) if units == "percent" else math.nan


def spearman(y: FloatArray, prediction: FloatArray) -> float:
    """Spearman's rho: the Pearson correlation of the ranks, ties sharing their mean rank; as `kendall_tau`."""
    y, prediction = paired(y, prediction)
    return pearson(stats.rankdata(y), stats.rankdata(prediction))


def pearson(y: FloatArray, prediction: FloatArray) -> float:
    """Pearson's linear correlation, with its sign; arguments and range as of `kendall_tau`."""
    y, prediction = paired(y, prediction)
    if _constant(y, prediction):
        return math.nan
    a, b = y - y.mean(), prediction - prediction.mean()
    a, b = a / np.abs(a).max(), b / np.abs(b).max()  # so that squares of small numbers do not vanish
    return float(np.clip(a @ b / math.sqrt((a @ a) * (b @ b)), -1, 1))


def r2(y: FloatArray, prediction: FloatArray) -> float:
    """Coefficient of determination: 1 less the squared error relative to that of the mean of `y` (the test targets).

    Returns:
        At most 1, more is better, negative where worse than the mean of `y`; NaN where `y` is constant.
    """
    y, prediction = paired(y, prediction)
    if _constant(y):
        return math.nan
    errors, deviations = y - prediction, y - y.mean()
    a, b = magnitude(errors), magnitude(deviations)
    return 1 - float(((errors / a) ** 2).sum() / ((deviations / b) ** 2).sum()) * (a / b) * (a / b)


def rmse(y: FloatArray, prediction: FloatArray) -> float:
    """Root of the mean squared error, in the unit of `y`; less is better."""
    y, prediction = paired(y, prediction)
    if not len(y):
        return math.nan
    unit = magnitude(y - prediction)
    return unit * float(np.sqrt(np.mean(((y - prediction) / unit) ** 2)))


def magnitude(values: FloatArray) -> float:
    """A power of two near the largest size of numbers, in which their squares neither overflow nor vanish.

    Dividing by it is exact. NaN is left out; where nothing but 0 is left, it is 1.

    >>> magnitude(np.array([-5e160, 1.0])) <= 5e160 < 2 * magnitude(np.array([-5e160, 1.0]))
    True
    """
    largest = float(np.max(np.abs(values), initial=0, where=np.isfinite(values)))
    return math.ldexp(0.5, math.frexp(largest)[1]) if largest else 1.0


def normal_kl(mean: FloatArray, std: FloatArray, other_mean: FloatArray, other_std: FloatArray) -> FloatArray:
    """Kullback-Leibler divergence of normal distributions from others, pair by pair, in nats; shape `(n,)`.

    NAS-Bench-301 gives its mean over architectures for what the trainings of each show from what a surrogate draws.

    Args:
        mean: Means of the distributions; shape `(n,)`.
        std: Their standard deviations, positive; shape `(n,)`.
        other_mean: Means of those they are coded with; shape `(n,)`.
        other_std: Standard deviations of these, positive; shape `(n,)`.
    """
    z, other_std = _residuals(mean, other_mean, other_std)
    _, ratio = _residuals(mean, mean, std)
    ratio = ratio / other_std
    return 0.5 * (ratio**2 + z**2 - 1) - np.log(ratio)


def nll(y: FloatArray, mean: FloatArray, std: FloatArray) -> float:
    """Mean negative log density of `y` under independent normal distributions, in nats; less is better.

    Args:
        y: Measured values; shape `(n,)`.
        mean: Predicted means; shape `(n,)`.
        std: Predicted standard deviations, positive; shape `(n,)`.
    """
    z, std = _residuals(y, mean, std)
    return float(np.mean(0.5 * z**2 + np.log(std) + 0.5 * math.log(2 * math.pi))) if len(z) else math.nan


def crps(y: FloatArray, mean: FloatArray, std: FloatArray) -> float:
    """Mean continuous ranked probability score of normal predictions (Gneiting & Raftery, 2007, eq. 21).

    Arguments as of `nll`; in the unit of `y`, less is better, and the absolute error where `std` goes to 0.
    """
    z, std = _residuals(y, mean, std)
    if not len(z):
        return math.nan
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return float(np.mean(std * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))))


def coverage_90(y: FloatArray, mean: FloatArray, std: FloatArray) -> float:
    """Share of `y` inside the central 90 % interval of the predicted normal distribution; 0.9 is right."""
    z, _ = _residuals(y, mean, std)
    return float(np.mean(np.where(np.isnan(z), np.nan, np.abs(z) <= NORMAL_90))) if len(z) else math.nan


def calibration_error(y: FloatArray, mean: FloatArray, std: FloatArray) -> float:
    """Mean absolute difference between the nominal and the observed coverage of central intervals.

    The levels are `LEVELS`. After Kuleshov et al. (2018, eq. 9), with central intervals in place of quantiles and
    absolute differences in place of squares. Arguments as of `nll`; from 0 (right at all levels) to about 0.5.
    """
    z, _ = _residuals(y, mean, std)
    if not len(z) or np.isnan(z).any():
        return math.nan
    needed = np.sort(2 * ndtr(np.abs(z)) - 1)  # level of the narrowest central interval that holds each value
    observed = np.searchsorted(needed, LEVELS, side="right") / len(z)
    return float(np.abs(observed - LEVELS).mean())


def paired(y: FloatArray, prediction: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both as float64, of one shape `(n,)`.

    Raises:
        InputError: They are not; says what came.
    """
    y, prediction = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    if y.ndim != 1 or y.shape != prediction.shape:
        raise InputError(f"expected two arrays of the same length, got shapes {y.shape} and {prediction.shape}")
    return y, prediction


def _constant(*arrays: FloatArray) -> bool:
    return any(len(array) < 2 or not np.ptp(array) > 0 for array in arrays)


def _residuals(y: FloatArray, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
    y, mean = paired(y, mean)
    y, std = paired(y, std)
    if not (std > 0).all():
        row = int(np.argmin(std > 0))
        raise InputError(f"standard deviations must be positive: number {row} is {std[row]}")
    return (y - mean) / std, std

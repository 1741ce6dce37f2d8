"""How trainings of one architecture with different seeds differ: learnt from a table, drawn by a surrogate.

The deviation depends on the predicted mean alone: networks that learn badly also learn less alike. Its logarithm would
be what to regress, but the variance of two or three seeds is far from that which they were drawn with, and its
logarithm far too small on average; so the likelihood of the variances themselves is maximised, which are distributed as
chi-squared (McCullagh & Nelder, 1989, chapter 10: a gamma model of the dispersion).
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.types import FloatArray, KeyArray

KNOTS = 8
"""Most points between which the deviation is a straight line."""
LEAST_FREEDOM = 10
"""Fewest degrees of freedom (numbers less architectures) from which a deviation is learnt: known within a quarter."""
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
"""Weights of the squared steps of the log deviation from knot to knot, of which cross-validation takes one."""
FOLDS = 5
MOST, MOST_LOG = 1e100, 10.0
"""Greatest deviations that are believed, of numbers and of logarithms."""


class Noise(NamedTuple):
    """Standard deviation of one training about the mean over seeds, by the predicted mean.

    A straight line between knots and constant beyond them; in the unit of the metric, or, where a predictor learnt
    logarithms, of the logarithm.

    Attributes:
        knots: Predicted means, increasing; shape `(k,)`, in the unit of the metric.
        deviations: At least 0; shape `(k,)`.
    """

    knots: FloatArray
    deviations: FloatArray

    def check(self, log: bool) -> None:
        """Test what a file says of a noise; `log` where it is of logarithms.

        Raises:
            InputError: It breaks a rule; says which.
        """
        knots, deviations = self
        if knots.ndim != 1 or knots.shape != deviations.shape or not 0 < len(knots) <= KNOTS:
            raise InputError(f"noise has 1 to {KNOTS} knots and as many deviations, got {knots.shape}")
        if not (np.isfinite(knots).all() and (np.diff(knots) > 0).all()):
            raise InputError("knots of noise are finite and increasing")
        most = MOST_LOG if log else MOST
        if not ((deviations >= 0) & (deviations <= most)).all():
            raise InputError(f"deviations of noise are from 0 to {most:g}")

    def at(self, mean: FloatArray) -> FloatArray:
        """The deviation at predicted means `(n,)`."""
        return np.interp(mean, self.knots, self.deviations)

    def std(self, mean: FloatArray, log: bool) -> FloatArray:
        """The deviation at predicted means `(n,)` in the unit of the metric; `log` where it is of logarithms."""
        deviation = self.at(mean)
        return mean * np.sqrt(np.expm1(deviation**2)) if log else deviation

    def add(self, mean: FloatArray, deviates: FloatArray, log: bool) -> FloatArray:
        """Predicted means `(n,)` with standard normal deviates `(n,)` as noise, which leaves the mean as it is."""
        deviation = self.at(mean)
        return mean * np.exp(deviation * deviates - deviation**2 / 2) if log else mean + deviation * deviates


class Spread(NamedTuple):
    """How trainings of each of `n` architectures differ.

    Attributes:
        variance: Unbiased variance over the seeds; shape `(n,)`, 0 where there is at most one.
        freedom: Numbers less one, at least 0; shape `(n,)`.
        residuals: Numbers less their mean, times the root of k / (k - 1) for k numbers, which gives each the variance
            of one training; shape `(n, seeds)`, NaN where missing or alone.
    """

    variance: FloatArray
    freedom: FloatArray
    residuals: FloatArray


def spread(values: FloatArray) -> Spread:
    """What numbers `(n, seeds)`, NaN where missing, say about the noise."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    several = count > 1
    total = np.where(known, values, 0).sum(axis=1)
    apart = np.where(known & several[:, None], values - (total / np.maximum(count, 1))[:, None], np.nan)
    freedom = np.maximum(count - 1, 0).astype(np.float64)
    variance = np.nansum(apart**2, axis=1) / np.maximum(freedom, 1)
    return Spread(variance, freedom, apart * np.sqrt(count / np.maximum(freedom, 1))[:, None])


def fit_noise(predicted: FloatArray, found: Spread, group: npt.NDArray[np.intp]) -> Noise | None:
    """The noise that seeds show, by predicted mean; None where they say too little.

    Args:
        predicted: Means predicted for the architectures without having seen them, as for those that will be asked for;
            shape `(n,)`.
        found: Of their trainings.
        group: Architectures with the same number are in one part of the cross-validation; shape `(n,)`.
    """
    rows = found.freedom > 0
    x, variance, freedom, group = predicted[rows], found.variance[rows], found.freedom[rows], group[rows]
    if freedom.sum() < LEAST_FREEDOM:
        return None
    pooled = float(freedom @ variance / freedom.sum())
    spots = np.quantile(x, np.linspace(0.02, 0.98, KNOTS))
    knots = spots[np.concatenate([[True], np.diff(spots) > 1e-9 * max(1.0, float(np.abs(spots).max()))])]
    if pooled <= (1e-12 * float(np.abs(x).max())) ** 2 or len(knots) == 1:
        return Noise(knots[:1], np.array([np.sqrt(pooled)]))
    weights, ratio = _hats(x, knots), variance / pooled
    penalty = _penalty(weights, ratio, freedom, group)
    return Noise(knots, np.sqrt(pooled) * np.exp(_maximise(weights, ratio, freedom, penalty)))


def deviates(keys: KeyArray, name: str, seed: int) -> FloatArray:
    """A standard normal number for each key, always the same one for the same key, name and seed; shape `(n,)`.

    The finaliser of SplitMix64 (Steele et al., 2014) makes one of 2**53 equidistant probabilities of each, and the
    normal quantile a number of that.
    """
    from scipy.special import ndtri

    salt = hashlib.sha256(f"{name}\0{seed}".encode()).digest()
    bits = np.ascontiguousarray(keys, dtype=np.int64).view(np.uint64) ^ np.uint64(int.from_bytes(salt[:8], "little"))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits = bits ^ (bits >> np.uint64(31))
    result: FloatArray = ndtri(((bits >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53)
    return result


# --- fitting --------------------------------------------------------------------------------------------------------


def _hats(x: FloatArray, knots: FloatArray) -> FloatArray:
    """Weights `(n, k)` with which a number at each knot makes the straight line between them at `x`."""
    return np.stack([np.interp(x, knots, row) for row in np.eye(len(knots))], axis=1)


def _loss(deviation: FloatArray, ratio: FloatArray, freedom: FloatArray) -> float:
    """Negative log likelihood of variances, but for a constant, where the true deviations are these."""
    return float(freedom @ (np.log(deviation) + ratio / (2 * deviation**2)))


def _maximise(weights: FloatArray, ratio: FloatArray, freedom: FloatArray, penalty: float) -> FloatArray:
    """Log deviations `(k,)` at the knots of highest penalised likelihood."""
    from scipy.optimize import minimize  # takes long to import

    def objective(theta: FloatArray) -> tuple[float, FloatArray]:
        at_knots = np.exp(theta)
        deviation, steps = weights @ at_knots, np.diff(theta)
        slope = freedom * (1 / deviation - ratio / deviation**3)
        gradient = (slope @ weights) * at_knots
        gradient[1:] += penalty * steps
        gradient[:-1] -= penalty * steps
        return _loss(deviation, ratio, freedom) + penalty / 2 * float(steps @ steps), gradient

    start = np.zeros(weights.shape[1])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(-12.0, 12.0)] * len(start))
    result: FloatArray = found.x
    return result


def _penalty(weights: FloatArray, ratio: FloatArray, freedom: FloatArray, group: npt.NDArray[np.intp]) -> float:
    """The penalty under which architectures that were left out are likeliest; equal functions are left out together."""
    part = np.unique(group, return_inverse=True)[1] % FOLDS
    losses = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        out = part == fold
        if out.any() and not out.all():
            for number, penalty in enumerate(PENALTIES):
                theta = _maximise(weights[~out], ratio[~out], freedom[~out], penalty)
                losses[number] += _loss(weights[out] @ np.exp(theta), ratio[out], freedom[out])
    return PENALTIES[int(np.argmin(losses))]

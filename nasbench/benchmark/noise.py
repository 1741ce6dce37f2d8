"""Noise between training seeds: a gamma model of the dispersion (McCullagh & Nelder, 1989, chapter 10).

It is learnt from a table and drawn by a surrogate. The deviation depends on the predicted mean alone: bad networks also
vary more. A regression on log variances would be biased, because the logarithm of the variance of two or three seeds is
far too small on average. So the likelihood of the variances is maximised, which have a scaled chi-squared distribution.
"""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.types import BoolArray, FloatArray, KeyArray

MAX_KNOTS = 8
"""Largest number of knots of the piecewise linear deviation."""
MIN_FREEDOM = 10
"""Minimum degrees of freedom (observations - architectures) to fit noise: standard error about 25 %."""
PENALTIES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
"""Candidate smoothing penalties on differences of log deviation between knots; cross-validation picks one."""
FOLDS = 5
"""Folds of that cross-validation."""
MAX_POOLS = 10_000
"""Most predictions at which the likelihood is computed; of more architectures, neighbours are pooled."""
MAX_DEVIATION, MAX_LOG_DEVIATION = 1e100, 10.0
"""Largest deviations accepted from a file: of values, and of their logarithms."""


class Noise(NamedTuple):
    """Standard deviation of one training around the mean over seeds, as a function of the predicted mean.

    It is linear between knots and constant beyond them, in the unit of the metric; for a predictor of logarithms, it is
    the deviation of the logarithm.

    Attributes:
        knots: Increasing predicted means in the unit of the metric; shape `(k,)`.
        deviations: Deviations at the knots, at least 0; shape `(k,)`.
    """

    knots: FloatArray
    deviations: FloatArray

    def check(self, log: bool) -> None:
        """Test values from a file; `log` says whether the deviations are of logarithms.

        Raises:
            InputError: A rule is broken; says which.
        """
        knots, deviations = self
        if knots.ndim != 1 or knots.shape != deviations.shape or not 0 < len(knots) <= MAX_KNOTS:
            raise InputError(f"noise has 1 to {MAX_KNOTS} knots and as many deviations, got {knots.shape}")
        if not (np.isfinite(knots).all() and (np.diff(knots) > 0).all()):
            raise InputError("knots of noise are finite and increasing")
        largest = MAX_LOG_DEVIATION if log else MAX_DEVIATION
        if not ((deviations >= 0) & (deviations <= largest)).all():
            raise InputError(f"deviations of noise are from 0 to {largest:g}")

    def at(self, mean: FloatArray) -> FloatArray:
        """The deviation at predicted means `(n,)`."""
        return np.interp(mean, self.knots, self.deviations)

    def std(self, mean: FloatArray, log: bool) -> FloatArray:
        """The deviation at predicted means `(n,)`, in the unit of the metric also if `log`."""
        deviation = self.at(mean)
        return mean * np.sqrt(np.expm1(deviation**2)) if log else deviation

    def add(self, mean: FloatArray, deviates: FloatArray, log: bool) -> FloatArray:
        """Predicted means `(n,)` with noise from standard normal deviates `(n,)`; the expectation stays."""
        deviation = self.at(mean)
        return mean * np.exp(deviation * deviates - deviation**2 / 2) if log else mean + deviation * deviates


class Spread(NamedTuple):
    """Variation between the trainings of each of `n` architectures.

    Attributes:
        variance: Unbiased variance over the seeds, 0 for fewer than two; shape `(n,)`.
        freedom: Degrees of freedom, the number of trainings - 1 but at least 0; shape `(n,)`.
        residuals: Differences from the mean over k seeds, times sqrt(k / (k - 1)) so that each has the variance of one
            training; shape `(n, seeds)`, NaN where missing or the only one.
    """

    variance: FloatArray
    freedom: FloatArray
    residuals: FloatArray

    @property
    def pooled(self) -> float:
        """Variance of one training, pooled over the architectures by degrees of freedom; NaN without any."""
        total = float(self.freedom.sum())
        return float(self.freedom @ self.variance / total) if total else math.nan


def spread(values: FloatArray) -> Spread:
    """Variation of values `(n, seeds)`, NaN where missing."""
    known = np.isfinite(values)
    count = known.sum(axis=1)
    several = count > 1
    total = np.where(known, values, 0).sum(axis=1)
    differences = np.where(known & several[:, None], values - (total / np.maximum(count, 1))[:, None], np.nan)
    freedom = np.maximum(count - 1, 0).astype(np.float64)
    variance = np.nansum(differences**2, axis=1) / np.maximum(freedom, 1)
    return Spread(variance, freedom, differences * np.sqrt(count / np.maximum(freedom, 1))[:, None])


def fit_noise(predicted: FloatArray, observed: Spread, group: npt.NDArray[np.intp]) -> Noise | None:
    """Fit the noise between seeds to the predicted mean; None if there are too few observations.

    Args:
        predicted: Held-out predictions of the means, as unseen architectures will have them; shape `(n,)`.
        observed: Variation between the trainings of the architectures.
        group: Architectures with the same number share a fold of the cross-validation; shape `(n,)`.
    """
    rows = np.flatnonzero(observed.freedom > 0)
    rows = rows[np.argsort(predicted[rows], kind="stable")]
    x, variance, freedom, group = predicted[rows], observed.variance[rows], observed.freedom[rows], group[rows]
    if freedom.sum() < MIN_FREEDOM:
        return None
    pooled = Spread(variance, freedom, observed.residuals[rows]).pooled
    quantiles = np.quantile(x, np.linspace(0.02, 0.98, MAX_KNOTS))
    knots = quantiles[np.concatenate([[True], np.diff(quantiles) > 1e-9 * max(1.0, float(np.abs(quantiles).max()))])]
    if pooled <= (1e-12 * float(np.abs(x).max())) ** 2 or len(knots) == 1:
        return Noise(knots[:1], np.array([np.sqrt(pooled)]))
    variations = _Variations(x, variance / pooled, freedom)
    penalty = _penalty(variations, knots, group)
    return Noise(knots, np.sqrt(pooled) * np.exp(_maximise(variations.pools(), knots, penalty)))


def deviates(keys: KeyArray, name: str, seed: int) -> FloatArray:
    """A standard normal number for each key, determined by the key, the name and the seed; shape `(n,)`.

    The finaliser of SplitMix64 (Steele et al., 2014) maps each key to one of 2**53 equidistant probabilities, and the
    normal quantile function maps that to a number.
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


class _Variations(NamedTuple):
    """Variances relative to the pooled one, of `n` architectures in the order of their predicted means; each `(n,)`."""

    x: FloatArray
    ratio: FloatArray
    freedom: FloatArray

    def rows(self, chosen: BoolArray) -> _Variations:
        """Some of them."""
        return _Variations(*(array[chosen] for array in self))

    def pools(self) -> _Variations:
        """At most `MAX_POOLS`, each of neighbours that count as having their mean prediction, so nearly the same fit.

        At one prediction, the likelihood depends on the variances through their mean alone.
        """
        size = -(-len(self.x) // MAX_POOLS)
        if size == 1:
            return self
        starts = np.arange(0, len(self.x), size)
        freedom = np.add.reduceat(self.freedom, starts)
        x, ratio = (np.add.reduceat(self.freedom * array, starts) / freedom for array in (self.x, self.ratio))
        return _Variations(x, ratio, freedom)

    def weights(self, knots: FloatArray) -> FloatArray:
        """Weights `(n, k)` of the knots in linear interpolation at the predicted means."""
        return np.stack([np.interp(self.x, knots, row) for row in np.eye(len(knots))], axis=1)


def _loss(deviation: FloatArray, ratio: FloatArray, freedom: FloatArray) -> float:
    """Negative log likelihood of the variances given the true deviations, up to a constant."""
    return float(freedom @ (np.log(deviation) + ratio / (2 * deviation**2)))


def _maximise(variations: _Variations, knots: FloatArray, penalty: float) -> FloatArray:
    """Log deviations `(k,)` at the knots that maximise the penalised likelihood."""
    from scipy.optimize import minimize  # slow to import

    (_, ratio, freedom), weights = variations, variations.weights(knots)

    def objective(theta: FloatArray) -> tuple[float, FloatArray]:
        at_knots = np.exp(theta)
        deviation, steps = weights @ at_knots, np.diff(theta)
        slope = freedom * (1 / deviation - ratio / deviation**3)
        gradient = (slope @ weights) * at_knots
        gradient[1:] += penalty * steps
        gradient[:-1] -= penalty * steps
        return _loss(deviation, ratio, freedom) + penalty / 2 * float(steps @ steps), gradient

    start = np.zeros(len(knots))
    result: FloatArray = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(-12.0, 12.0)] * len(start)).x
    return result


def _penalty(variations: _Variations, knots: FloatArray, group: npt.NDArray[np.intp]) -> float:
    """The penalty with the highest likelihood of held-out architectures; a group is held out as a whole."""
    fold_of = np.unique(group, return_inverse=True)[1] % FOLDS
    losses = np.zeros(len(PENALTIES))
    for fold in range(FOLDS):
        out = fold_of == fold
        if out.any() and not out.all():
            learnt, held_out = variations.rows(~out).pools(), variations.rows(out).pools()
            weights = held_out.weights(knots)
            for number, penalty in enumerate(PENALTIES):
                theta = _maximise(learnt, knots, penalty)
                losses[number] += _loss(weights @ np.exp(theta), held_out.ratio, held_out.freedom)
    return PENALTIES[int(np.argmin(losses))]

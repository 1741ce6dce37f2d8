"""Bootstrap aggregation (Breiman, 1996): spread between members, and noise estimated from out-of-bag errors."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import numpy.typing as npt

from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray

MIN_NOISE_VARIANCE = 1e-3
"""Smallest noise variance, relative to the targets."""
SLOPE_PULL, MIN_SLOPE = 1.0, 0.01
"""Pull of a calibration to slope 1, in architectures whose scores are 1 from their mean; and its smallest slope."""


class Bagging(Predictor):
    """Base class of means of members; the variance is their spread plus `noise_`, which `_fit` sets."""

    noise_: float

    @abstractmethod
    def _members(self, inputs: Inputs) -> FloatArray:
        """Transformed targets `(members, n)` that each member predicts."""

    def _predict(self, inputs: Inputs) -> Prediction:
        members = self._members(inputs)
        return Prediction(members.mean(axis=0), np.sqrt(members.var(axis=0) + self.noise_))

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        return sample_members(self._members(inputs), self.noise_, k, rng)


def bootstrap(n: int, members: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each member of an ensemble sees each of `n` rows; shape `(members, n)`, each member sees n in all."""
    return rng.multinomial(n, np.full(n, 1 / n), size=members)


def out_of_bag_noise(predictions: FloatArray, counts: npt.NDArray[np.int64], z: FloatArray) -> float:
    """Noise variance that explains out-of-bag errors beyond the spread of the members.

    Args:
        predictions: Of each member for each training row; shape `(members, n)`.
        counts: What `bootstrap` drew; shape `(members, n)`.
        z: Targets of variance 1; shape `(n,)`.

    Returns:
        At least `MIN_NOISE_VARIANCE`; 1, the variance of the targets, where no row is unseen by two members.
    """
    unseen = counts == 0
    voters = unseen.sum(axis=0)
    rows = voters > 1
    if not rows.any():
        return 1.0
    mean = np.where(unseen, predictions, 0).sum(axis=0)[rows] / voters[rows]
    spread = (np.where(unseen[:, rows], predictions[:, rows] - mean, 0) ** 2).sum(axis=0) / voters[rows]
    return max(float(np.mean((z[rows] - mean) ** 2 - spread)), MIN_NOISE_VARIANCE)


def out_of_bag_error(predictions: FloatArray, counts: npt.NDArray[np.int64], z: FloatArray) -> float:
    """Mean squared out-of-bag error of the mean of the members; arguments as of `out_of_bag_noise`.

    1, the error of the mean of the targets, where every row is seen by all members.
    """
    unseen = counts == 0
    voters = unseen.sum(axis=0)
    rows = voters > 0
    mean = np.where(unseen, predictions, 0).sum(axis=0)[rows] / voters[rows]
    return float(np.mean((z[rows] - mean) ** 2)) if rows.any() else 1.0


def calibrated(scores: FloatArray, counts: npt.NDArray[np.int64], z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lines that take scores, which only rank, to the unit of the targets.

    Each member's scores are standardised over the training rows. One line for all, fitted by least squares to the
    out-of-bag means of these, takes them to the targets; it is pulled to slope 1 and always increases.

    Args:
        scores: Of each member for each training row; shape `(members, n)`.
        counts: What `bootstrap` drew; shape `(members, n)`.
        z: Targets of variance 1; shape `(n,)`.

    Returns:
        Intercepts and slopes `(members, 1)`: intercept + slope * score is the prediction. For constant targets the
        slope is 0.
    """
    centre, spread = scores.mean(axis=1, keepdims=True), scores.std(axis=1, keepdims=True)
    spread = np.where(spread > 0, spread, 1.0)
    standard, unseen = (scores - centre) / spread, counts == 0
    voters = unseen.sum(axis=0)
    rows = voters > 0
    if not np.ptp(z) > 0 or not rows.any():
        slope, intercept = float(np.ptp(z) > 0), float(z.mean())
    else:
        mean = np.where(unseen, standard, 0).sum(axis=0)[rows] / voters[rows]
        deviation = mean - mean.mean()
        slope = float((deviation @ z[rows] + SLOPE_PULL) / (deviation @ deviation + SLOPE_PULL))
        slope = max(slope, MIN_SLOPE)
        intercept = float(z[rows].mean() - slope * mean.mean())
    return intercept - slope * centre / spread, slope / spread


def sample_members(predictions: FloatArray, noise: float, k: int, rng: np.random.Generator) -> FloatArray:
    """`k` joint draws `(k, n)`: one member's predictions `(members, n)` a draw, with noise of a variance added."""
    drawn = predictions[rng.integers(len(predictions), size=k)]
    noisy: FloatArray = drawn + np.sqrt(noise) * rng.standard_normal(drawn.shape)
    return noisy

"""Support vector regression on structure and the start of the learning curve (Baker et al., 2017, NIPS workshop)."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.svm import NuSVR

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.encodings import DEFAULT, encode, needs_of, units, variances
from nasbench.predictors.inputs import CURVE, Inputs, Needs
from nasbench.types import BoolArray, FloatArray

COSTS = (1.0, 10.0)
"""Candidate weights of an error against flatness (C of support vector machines)."""
STEEPNESSES = (0.03, 0.1, 0.3)
"""Candidate gammas of the kernel exp(-gamma d^2), where d^2 is 1 on average over pairs of training architectures."""
SHARES = (0.3, 0.7)
"""Candidate shares of the structure in d^2, where there is a curve, which has the rest."""
NU = 0.5
"""Largest share of training architectures that lie outside the tube without error, and smallest of support vectors."""
CHOSEN = 3
"""Hyperparameters that the held-out errors were used to choose, which the noise allows for."""
FOLDS = 5
"""Parts that are held out in turn; single architectures, if there are fewer."""
MAX_LEARNING_ROWS, MAX_NOISE_ROWS = 200, 2000
"""Most architectures, the first ones, from which hyperparameters and the noise are learnt; predictions use all."""
MIN_NOISE_VARIANCE = 1e-3
"""Smallest noise variance, relative to the targets."""
TARGET_DIGITS = 6
"""Decimals of transformed targets: with more, rounding would decide between equally good hyperparameters."""


class SVR(Predictor):
    """Nu-SVR with a Gaussian kernel on what is known of an architecture and of the start of its training.

    The curve gives its numbers, their first and their second differences, as far as its epochs go. Cost, steepness and
    share of the structure minimise the squared error of held-out folds; the standard deviation is the same for all, the
    root of that error's mean.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        epochs: Length of the partial training whose curve is read besides; 0 for none.
        seed: Seed of the folds.
    """

    def __init__(self, features: str = DEFAULT, epochs: int = 0, seed: int = 0) -> None:
        self.features, self.epochs, self.seed = features, epochs, seed

    @property
    def needs(self) -> Needs:
        """What the features name, and the curve."""
        at_least(self, 0, "epochs")
        return needs_of(self.features) | Needs(epochs=self.epochs)

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 0, "seed")
        x, structure = self._encoded(inputs)
        if not x.shape[1]:
            raise InputError("svr has nothing to learn from; name features, or the epochs of a curve")
        z = np.round(z, TARGET_DIGITS)
        self.centre_, spread = x.mean(axis=0), np.sqrt(variances(x))
        unit = units(spread, self.centre_)
        varying = np.where(structure, (spread[structure] > 0).sum(), (spread[~structure] > 0).sum())
        self.unit_ = unit * np.sqrt(2 * np.maximum(varying, 1))  # mean squared distance 1 by structure, 1 by curve
        scaled = (x - self.centre_) / self.unit_
        some = slice(MAX_LEARNING_ROWS)
        cost, gamma, share = self._chosen(scaled[some], structure, z[some])
        self.unit_ = self.unit_ / np.sqrt(gamma * np.where(structure, share, 1 - share))
        scaled = (x - self.centre_) / self.unit_
        some = slice(MAX_NOISE_ROWS)
        errors = held_out_errors(kernel(scaled[some], scaled[some]), z[some], self._folds(len(z[some])), cost)
        freedom = max(len(errors) - CHOSEN, 1)
        self.variance_ = max(float((errors**2).sum()) / freedom, MIN_NOISE_VARIANCE)
        model = machine(cost, kernel="rbf", gamma=1.0).fit(scaled, z)
        self.vectors_, self.weight_ = model.support_vectors_, model.dual_coef_[0]
        self.level_ = float(model.intercept_[0])

    def _encoded(self, inputs: Inputs) -> tuple[FloatArray, BoolArray]:
        """Features `(n, f)` of the structure and the curve, and which of them `(f,)` belong to the structure."""
        structure, _ = encode(inputs, self.features)
        if not self.epochs:
            return structure, np.ones(structure.shape[1], dtype=bool)
        curve, _ = encode(inputs, f"{CURVE}{self.epochs}")
        x = np.concatenate([structure, curve, np.diff(curve), np.diff(curve, n=2)], axis=1)
        return x, np.arange(x.shape[1]) < structure.shape[1]

    def _chosen(self, x: FloatArray, structure: BoolArray, z: FloatArray) -> tuple[float, float, float]:
        """Cost, steepness and share of the least held-out squared error."""
        sides = [cdist(x[:, side], x[:, side], "sqeuclidean") for side in (structure, ~structure)]
        shares = SHARES if structure.any() and not structure.all() else (float(structure.any()),)
        folds = self._folds(len(z))
        scores = []
        for share, gamma in product(shares, STEEPNESSES):
            similarity = np.exp(-gamma * (share * sides[0] + (1 - share) * sides[1]))
            for cost in COSTS:
                error = float((held_out_errors(similarity, z, folds, cost) ** 2).sum())
                scores.append((error, cost, gamma, share))
        _, cost, gamma, share = min(scores)
        return cost, gamma, share

    def _folds(self, n: int) -> npt.NDArray[np.int64]:
        """The fold `(n,)` of each of `n` architectures."""
        return np.random.default_rng(self.seed).permutation(n) % min(FOLDS, n)

    def _predict(self, inputs: Inputs) -> Prediction:
        x = (self._encoded(inputs)[0] - self.centre_) / self.unit_
        mean = kernel(x, self.vectors_) @ self.weight_ + self.level_
        return Prediction(mean, np.full(len(mean), np.sqrt(self.variance_)))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "centre": self.centre_,
            "unit": self.unit_,
            "vectors": self.vectors_,
            "weight": self.weight_,
            "level": np.array(self.level_),
            "variance": np.array(self.variance_),
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.centre_, self.unit_, self.vectors_ = state["centre"], state["unit"], state["vectors"]
        self.weight_, self.level_, self.variance_ = state["weight"], float(state["level"]), float(state["variance"])


def kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """exp(-d^2) of the distances of `n` and `m` rows; shape `(n, m)`."""
    similarity: FloatArray = np.exp(-cdist(a, b, "sqeuclidean"))
    return similarity


def machine(cost: float, **arguments: Any) -> NuSVR:
    """An unfitted nu-SVR."""
    model = NuSVR(nu=NU, C=cost, **arguments)
    model.random_state = 0  # which regression never reads, but would be drawn from numpy's global generator
    return model


def held_out_errors(similarity: FloatArray, z: FloatArray, folds: npt.NDArray[np.int64], cost: float) -> FloatArray:
    """Errors of targets `(n,)`, each predicted from the other folds, given the kernel `(n, n)`; same shape."""
    errors = np.empty(len(z))
    for number in range(folds.max() + 1):
        out = folds == number
        model = machine(cost, kernel="precomputed").fit(similarity[np.ix_(~out, ~out)], z[~out])
        errors[out] = z[out] - model.predict(similarity[np.ix_(out, ~out)])
    return errors

"""Predictors weighted by how well they predict held-out training cells (Wolpert, 1992; Breiman, 1996)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from nasbench.predictors.base import Prediction, at_least
from nasbench.predictors.encodings import DEFAULT
from nasbench.predictors.ensemble import Ensemble
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, ranges
from nasbench.types import FloatArray

FOLDED_ROWS = 1000
"""Architectures that all folds together may fit, within 2 to `folds` folds: more folds for few architectures."""
PULL = 20.0
"""Strength of the pull to equal weights, in architectures of squared error 1."""
SUM_COUNTS = 1e4
"""How much the equation for the sum counts, relative to the size of all others."""
PULL_OF_SCALE = 10.0
"""The same for the scale of the standard deviations, in architectures whose standardised error is 1."""


class Stacking(Ensemble):
    """What we recommend where nothing is known of a table: members, weighted by cross-validation in the training set.

    Weights are not negative, add up to 1 and minimise the squared error of the weighted mean of held-out predictions.
    The prediction is the mixture of the members' normal distributions; its deviations are multiplied by the root of
    the mean squared standardised held-out error. With fewer architectures than cross-validation needs, members have
    equal weights. `weights_` and `scale_` tell what was chosen.

    Args:
        members: Names of predictors joined by `/`; each is constructed with `features` and `seed` if it takes them.
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        folds: Maximum number of folds; two where more are slow, from 334 architectures on.
        seed: Seed of the members and the folds.
    """

    tunable = ranges(features=GRAPH_FEATURES)

    def __init__(
        self,
        members: str = "ridge/gp-wl/gp-unlabelled/xgb/forest",
        features: str = DEFAULT,
        folds: int = 3,
        seed: int = 0,
    ) -> None:
        super().__init__(members, features, seed)
        self.folds = folds

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 2, "folds")
        inputs = inputs.encoded_once
        super()._fit(inputs, z)
        self.weights_, self.scale_ = np.full(len(self.members_), 1 / len(self.members_)), 1.0
        folds = min(self.folds, max(2, FOLDED_ROWS // len(z)), len(z))
        if len(z) - -(-len(z) // folds) < self.min_samples:
            return
        held_out = self._held_out(inputs, z, folds)
        self.weights_ = _weights(held_out.mean, z)
        error = (z - (mixed := self._mixture(held_out)).mean) / mixed.std
        self.scale_ = float(np.sqrt(((error**2).sum() + PULL_OF_SCALE) / (len(z) + PULL_OF_SCALE)))

    def _held_out(self, inputs: Inputs, z: FloatArray, folds: int) -> Prediction:
        """Moments `(members, n)` of each architecture, predicted from those of other folds."""
        fold = np.random.default_rng(self.seed).permutation(len(z)) % folds
        moments = Prediction(*np.empty((2, len(self.members_), len(z))))
        for number in range(folds):
            outside = fold == number
            centre = z[~outside].mean()  # members expect a mean of 0
            for row, member in enumerate(self._create_members()):
                fitted = member.fit_transformed(inputs[~outside], z[~outside] - centre)
                mean, std = fitted.predict_transformed(inputs[outside])
                moments.mean[row, outside], moments.std[row, outside] = mean + centre, std
        return moments

    def _mixture(self, moments: Prediction) -> Prediction:
        """Mean and standard deviation `(n,)` of the weighted mixture of members `(members, n)`."""
        mean = self.weights_ @ moments.mean
        return Prediction(mean, np.sqrt(self.weights_ @ (moments.std**2 + (moments.mean - mean) ** 2)))

    def _predict(self, inputs: Inputs) -> Prediction:
        inputs = inputs.encoded_once
        each = [member.predict_transformed(inputs) for member in self.members_]
        mean, std = self._mixture(Prediction(*map(np.stack, zip(*each, strict=True))))
        return Prediction(mean, self.scale_ * std)

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        inputs = inputs.encoded_once
        draws = np.stack([member.sample(inputs, k, rng) for member in self.members_])  # (members, k, n)
        chosen = draws[rng.choice(len(draws), size=k, p=self.weights_), np.arange(k)]
        mean = self._predict(inputs).mean
        result: FloatArray = mean + self.scale_ * (chosen - mean)
        return result

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"weights": self.weights_, "own_scale": np.array(self.scale_), **super()._state()}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        super()._restore(state)
        self.weights_, self.scale_ = state["weights"], float(state["own_scale"])


def _weights(predicted: FloatArray, z: FloatArray) -> FloatArray:
    """Weights `(members,)` of predictions `(members, n)` of targets `(n,)`: 0 or more, of sum 1, pulled to equal ones.

    Least squares with one more equation, that the sum is 1, which counts so much that rounding alone breaks it.
    """
    members = len(predicted)
    equal = np.full(members, 1 / members)
    certain = SUM_COUNTS * (np.linalg.norm(predicted) + np.linalg.norm(z) + 1)
    rows = np.concatenate([predicted.T, np.sqrt(PULL) * np.eye(members), np.full((1, members), certain)])
    weights, _ = nnls(rows, np.concatenate([z, np.sqrt(PULL) * equal, [certain]]))
    normalised: FloatArray = weights / weights.sum()
    return normalised

"""Conformal calibration: held-out errors scale the deviations of any predictor (Papadopoulos, 2008; Barber, 2021)."""

from __future__ import annotations

from math import ceil
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.types import FloatArray

LEVEL = 0.9
"""Share of targets that the calibrated interval is to hold."""
HALF_WIDTH = NormalDist().inv_cdf((1 + LEVEL) / 2)
"""Half the width of that interval, in standard deviations of a normal distribution: 1.645."""
MIN_FACTOR = 1e-2
"""Smallest factor, which keeps deviations positive where held-out targets are met exactly."""
MIN_STD = 1e-6
"""Smallest standard deviation, relative to that of the targets, that an error is divided by."""
INNER = "inner_"
"""Begins the names of the inner predictor's arrays."""


class Conformal(Predictor):
    """Another predictor, whose standard deviations are multiplied by one factor; its means stay as they are.

    What is calibrated is the interval mean ± 1.645 std, in the unit of the targets: it holds about 90 % of new targets,
    whether or not they are normal. The predictor is fitted to all folds but one and predicts that one, for each fold;
    the factor is the ceil(0.9 (n + 1))-th smallest of the n errors (the largest, if there are fewer), in predicted
    standard deviations, over 1.645. CV+ (Barber et al., 2021) joins intervals over the folds instead, which has a
    guarantee for every predictor, but gives no standard deviation. Architectures to predict must be drawn as those to
    learn from are: at random, not by a search.

    Targets are transformed by the inner predictor alone, anew in each fold, as held-out targets must not be seen. So
    `predict_transformed` is on the standardised scale of the targets, on which predictions may be skewed.

    Args:
        predictor: Specification of the inner predictor ("gp", "xgb+rounds=100").
        folds: Number of parts that are held out in turn; more where too few would be left to learn from.
        seed: Seed of the folds and of the inner predictor, if it takes one.
    """

    transforms_targets = False
    transforms_columns = False

    def __init__(self, predictor: str = "gp", folds: int = 5, seed: int = 0) -> None:
        self.predictor, self.folds, self.seed = predictor, folds, seed

    @property
    def needs(self) -> Needs:
        """The needs of the inner predictor."""
        return self._create_inner().needs

    @property
    def min_samples(self) -> int:  # type: ignore[override]
        """One more than the inner predictor needs: one architecture is held out."""
        return self._create_inner().min_samples + 1

    def _create_inner(self) -> Predictor:
        """The inner predictor, not fitted."""
        from nasbench.predictors import predictors  # which names this file

        return predictors.create(self.predictor, seed=self.seed)

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 2, "folds")
        at_least(self, 0, "seed")
        self.factor_ = factor(self._errors(inputs, z))
        self.inner_ = self._create_inner().fit(inputs, z)

    def _errors(self, inputs: Inputs, z: FloatArray) -> FloatArray:
        """Held-out error of each of `n` training architectures, in predicted standard deviations; shape `(n,)`."""
        n = len(z)
        spare = n - self._create_inner().min_samples
        folds = min(max(self.folds, ceil(n / spare)), n)
        fold = np.random.default_rng(self.seed).permutation(n) % folds
        errors: FloatArray = np.empty(n)
        for number in range(folds):
            held_out = fold == number
            inner = self._create_inner().fit(inputs[~held_out], z[~held_out])
            mean, std = inner.predict(inputs[held_out])
            errors[held_out] = np.abs(z[held_out] - mean) / np.maximum(std, MIN_STD)
        return errors

    def _predict(self, inputs: Inputs) -> Prediction:
        mean, std = self.inner_.predict(inputs)
        return Prediction(mean, self.factor_ * std)

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        mean, _ = self.inner_.predict(inputs)
        return mean + self.factor_ * (self.inner_.sample(inputs, k, rng) - mean)

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        inner = {INNER + name: array for name, array in self.inner_.state().items()}
        return {"factor": np.array(self.factor_), **inner}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.factor_ = float(state["factor"])
        own = {name.removeprefix(INNER): array for name, array in state.items() if name.startswith(INNER)}
        self.inner_ = self._create_inner().restore(self.space_, own)


def factor(errors: FloatArray) -> float:
    """What standard deviations are multiplied by, from held-out errors `(n,)` in standard deviations.

    >>> factor(np.arange(1.0, 20.0)) * HALF_WIDTH  # the 18th of 19
    18.0
    """
    rank = min(ceil(LEVEL * (len(errors) + 1)), len(errors))
    return max(float(np.sort(errors)[rank - 1]) / HALF_WIDTH, MIN_FACTOR)

"""One number of each architecture, such as its FLOPs, as the whole predictor: isotonic regression (Barlow, 1972)."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.isotonic import isotonic_regression

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import encode, needs_of, units
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.types import FloatArray

RISE = 0.01
"""How much the function rises over the numbers learnt from where it would be flat, relative to the targets."""
MAX_FOLDS = 100
"""Most parts that are left out in turn: single architectures, if there are no more."""
MIN_NOISE_VARIANCE = 1e-3
"""Smallest noise variance, relative to the targets."""


class Monotone(NamedTuple):
    """A strictly monotone function of one number, linear between knots and bounded beyond them.

    Attributes:
        knots: Different numbers, increasing; shape `(m,)`.
        levels: The function there; shape `(m,)`.
        rise: How much it rises beyond each end; negative if it falls.
        units: Distance below the first and above the last knot at which half of that is reached; shape `(2,)`.
    """

    knots: FloatArray
    levels: FloatArray
    rise: float
    units: FloatArray

    @classmethod
    def fit(cls, x: FloatArray, z: FloatArray) -> Self:
        """Least squares for targets `(n,)` at numbers `(n,)`; increasing unless their ranks correlate negatively."""
        rising = float((rankdata(x) - (len(x) + 1) / 2) @ rankdata(z)) >= 0
        knots, at, counts = np.unique(x, return_inverse=True, return_counts=True)
        means = np.bincount(at, z) / counts
        levels = isotonic_regression(means, sample_weight=counts, increasing=rising)
        rise = RISE if rising else -RISE
        position = np.arange(len(knots)) - (len(knots) - 1) / 2
        ties_apart = rise * position / max(len(knots) - 1, 1)
        ends = np.abs(np.median(knots) - knots[[0, -1]])  # which may be of other orders of magnitude
        return cls(knots, levels + ties_apart, rise, units(ends, knots[[0, -1]]))

    def __call__(self, x: FloatArray) -> FloatArray:
        """The function at numbers `(n,)`; same shape."""
        below, above = np.maximum(self.knots[0] - x, 0), np.maximum(x - self.knots[-1], 0)
        risen = above / (self.units[1] + above) - below / (self.units[0] + below)
        values: FloatArray = np.interp(x, self.knots, self.levels) + self.rise * risen
        return values


class SingleColumn(Predictor):
    """Isotonic regression on one column, rising or falling as the ranks of the training architectures say.

    It ranks exactly as the column does, forwards or backwards: where the regression is flat, a small slope keeps
    architectures apart. The standard deviation is the same for all: the root of the mean squared error for
    architectures that were left out.

    Args:
        name: The column ("flops"), or an encoding that is one number.
    """

    transforms_columns = False

    def __init__(self, name: str = "flops") -> None:
        self.name = name

    @property
    def needs(self) -> Needs:
        """The column."""
        return needs_of(self.name)

    def _numbers(self, inputs: Inputs) -> FloatArray:
        """The column `(n,)`."""
        x, _ = encode(inputs, self.name)
        if x.shape[1] != 1:
            raise InputError(f"column predicts from one number, and {self.name!r} are {x.shape[1]}; name one column")
        return x[:, 0]

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        x = self._numbers(inputs)
        folds = min(len(z), MAX_FOLDS)
        fold = np.arange(len(z)) % folds
        errors = np.empty(len(z))
        for number in range(folds):
            left_out = fold == number
            errors[left_out] = z[left_out] - Monotone.fit(x[~left_out], z[~left_out])(x[left_out])
        self.function_ = Monotone.fit(x, z)
        self.variance_ = max(float((errors**2).mean()), MIN_NOISE_VARIANCE)

    def _predict(self, inputs: Inputs) -> Prediction:
        mean = self.function_(self._numbers(inputs))
        return Prediction(mean, np.full(len(mean), np.sqrt(self.variance_)))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"variance": np.array(self.variance_), **{k: np.array(v) for k, v in self.function_._asdict().items()}}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.variance_ = float(state["variance"])
        self.function_ = Monotone(state["knots"], state["levels"], float(state["rise"]), state["units"])

"""Learning-curve extrapolation by power laws, calibrated on finished trainings (Domhan et al., 2015, IJCAI)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.encodings import finite
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.types import FloatArray

DECAYS = read_only(np.linspace(0.1, 2.0, 20))
"""Candidate exponents of the power law."""
MIN_NOISE_VARIANCE = 1e-6
"""Smallest residual variance, relative to the targets."""


class PowerLaw(Predictor):
    """Fits y(t) = a - b t^-c to each partial curve and predicts a line in the asymptote a and the last value.

    The exponent c is the one, shared by all, under which finished trainings are predicted best.

    Args:
        epochs: Length of the partial training.
    """

    min_samples = 4
    transforms_targets = False
    transforms_columns = False

    def __init__(self, epochs: int = 4) -> None:
        self.epochs = epochs
        at_least(self, 1, "epochs")

    @property
    def needs(self) -> Needs:
        """The curve."""
        return Needs(epochs=self.epochs)

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "epochs")
        fits = [(decay, *self._line(self._features(inputs, decay), z)) for decay in DECAYS]
        self.decay_, self.line_, self.variance_ = min(fits, key=lambda fit: fit[2])

    def _line(self, x: FloatArray, z: FloatArray) -> tuple[FloatArray, float]:
        """Least-squares coefficients `(3,)`, and the residual variance."""
        line: FloatArray = np.linalg.lstsq(x, z, rcond=None)[0].astype(np.float64)
        degrees = max(len(z) - np.linalg.matrix_rank(x), 1)
        return line, max(float(((z - x @ line) ** 2).sum() / degrees), MIN_NOISE_VARIANCE)

    def _features(self, inputs: Inputs, decay: float) -> FloatArray:
        """A constant, the asymptote and the last value of each curve; shape `(n, 3)`."""
        if inputs.curve is None or self.epochs not in inputs.epochs:
            raise InputError(f"power-law reads the curve of {self.epochs} epochs, and the inputs lack it")
        read = [at for at, epoch in enumerate(inputs.epochs) if 1 <= epoch <= self.epochs]  # t^-c has no value at 0
        curve = finite(inputs.curve[:, read], f"the curve up to epoch {self.epochs}")
        t = np.array(inputs.epochs, dtype=np.float64)[read]
        basis = np.stack([np.ones(len(t)), -(t**-decay)], axis=1)  # (e, 2)
        asymptote = curve @ np.linalg.pinv(basis)[0]
        return np.stack([np.ones(len(curve)), asymptote, curve[:, -1]], axis=1)

    def _predict(self, inputs: Inputs) -> Prediction:
        mean = self._features(inputs, self.decay_) @ self.line_
        return Prediction(mean, np.full(len(mean), np.sqrt(self.variance_)))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"decay": np.array(self.decay_), "line": self.line_, "variance": np.array(self.variance_)}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.decay_, self.line_, self.variance_ = float(state["decay"]), state["line"], float(state["variance"])

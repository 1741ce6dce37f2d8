"""Mean and standard deviation of the training targets for every architecture: the floor for predictors."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray


class Mean(Predictor):
    """Predictive distribution of a normal sample with unknown mean and variance (Gelman et al., 2013, sec. 3.2).

    Its scale is given as the standard deviation, which Student's t has only from four architectures on.
    """

    transforms_targets = False

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        n = len(z)
        self.std_ = float(np.sqrt((1 + 1 / n) * n / (n - 1)))  # z has variance 1 with divisor n

    def _predict(self, inputs: Inputs) -> Prediction:
        n = len(inputs)
        return Prediction(np.zeros(n), np.full(n, self.std_))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"std": np.array(self.std_)}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.std_ = float(state["std"])

"""Bayesian linear regression with evidence-maximising precisions (MacKay, 1992; Tipping, 2001, appendix A)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import BayesianRidge

from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import DEFAULT, encode, learnable, units, variances
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray


class Ridge(Predictor):
    """Linear in standardised features, with a normal prior on the weights and normal noise.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
    """

    def __init__(self, features: str = DEFAULT) -> None:
        self.features = features

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        x, _ = learnable(inputs, self.features)
        self.centre_, spread = x.mean(axis=0), np.sqrt(variances(x))
        self.unit_ = units(spread, self.centre_)
        model = BayesianRidge(fit_intercept=False).fit((x - self.centre_) / self.unit_, z)  # z has mean 0
        self.weight_, self.covariance_, self.noise_ = model.coef_, model.sigma_, 1 / float(model.alpha_)

    def _predict(self, inputs: Inputs) -> Prediction:
        x = (encode(inputs, self.features)[0] - self.centre_) / self.unit_
        variance = self.noise_ + ((x @ self.covariance_) * x).sum(axis=1)
        return Prediction(x @ self.weight_, np.sqrt(variance))

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        x = (encode(inputs, self.features)[0] - self.centre_) / self.unit_
        weights = rng.multivariate_normal(self.weight_, self.covariance_, size=k, method="cholesky")  # (k, f)
        draws: FloatArray = weights @ x.T + np.sqrt(self.noise_) * rng.standard_normal((k, len(x)))
        return draws

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {
            "centre": self.centre_,
            "unit": self.unit_,
            "weight": self.weight_,
            "covariance": self.covariance_,
            "noise": np.array(self.noise_),
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.centre_, self.unit_ = state["centre"], state["unit"]
        self.weight_, self.covariance_, self.noise_ = state["weight"], state["covariance"], float(state["noise"])

"""Bayesian linear regression with evidence-maximising precisions (MacKay, 1992; Tipping, 2001, appendix A)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import DEFAULT, encode, learnable, units, variances
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, ranges
from nasbench.types import FloatArray

MAX_STEPS, TOLERANCE = 300, 1e-3
"""Most updates of the precisions, and the sum of changes of the weights at which they end."""
GAMMA = 1e-6
"""Shape and rate of the gamma priors of the precisions, which keep both finite."""


def posterior(x: FloatArray, z: FloatArray) -> tuple[FloatArray, FloatArray, float]:
    """Mean `(f,)` and covariance `(f, f)` of the weights, and variance of the noise.

    The updates are those of scikit-learn's `BayesianRidge`, but on the eigenvectors of X'X that belong to eigenvalues
    above 0, found from XX' where that is the smaller one. In all other directions weights keep their prior.

    Args:
        x: Features; shape `(n, f)`.
        z: Targets of mean 0; shape `(n,)`.
    """
    eigenvalues, vectors = _spectrum(x)
    projected = vectors.T @ (x.T @ z)
    precision, noise = 1.0, float(z.var()) + float(np.finfo(np.float64).eps)
    before = np.full(x.shape[1], np.inf)
    for _ in range(MAX_STEPS):
        weight = vectors @ (projected / (eigenvalues + precision * noise))
        determined = float((eigenvalues / (eigenvalues + precision * noise)).sum())
        precision = (determined + 2 * GAMMA) / (float(weight @ weight) + 2 * GAMMA)
        noise = (float(((z - x @ weight) ** 2).sum()) + 2 * GAMMA) / (len(z) - determined + 2 * GAMMA)
        if np.abs(before - weight).sum() < TOLERANCE:
            break
        before = weight
    spread = eigenvalues + precision * noise
    covariance = (vectors * (-eigenvalues / (precision * spread))) @ vectors.T  # what the targets tell
    covariance[np.diag_indices(len(covariance))] += 1 / precision
    return vectors @ (projected / spread), covariance, noise


def _spectrum(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues `(k,)` of X'X that are above 0 but for rounding, and their eigenvectors `(f, k)`."""
    n, f = x.shape
    values, vectors = np.linalg.eigh(x.T @ x if f <= n else x @ x.T)
    known = values > max(n, f) * float(np.finfo(np.float64).eps) * values[-1]  # or more is determined than targets
    values, vectors = values[known], vectors[:, known]
    return values, vectors if f <= n else x.T @ (vectors / np.sqrt(values))


class Ridge(Predictor):
    """Linear in standardised features, with a normal prior on the weights and normal noise.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
    """

    tunable = ranges(features=GRAPH_FEATURES)

    def __init__(self, features: str = DEFAULT) -> None:
        self.features = features

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        x, _ = learnable(inputs, self.features)
        self.centre_, spread = x.mean(axis=0), np.sqrt(variances(x))
        self.unit_ = units(spread, self.centre_)
        x -= self.centre_  # in place, as `x` may be the largest array of all
        x /= self.unit_
        self.weight_, self.covariance_, self.noise_ = posterior(x, z)  # z has mean 0

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

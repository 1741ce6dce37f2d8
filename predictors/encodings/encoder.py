"""Transformer of scikit-learn from inputs to features, for pipelines that end in any regressor."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, TransformerMixin

from nasbench.predictors.encodings import DEFAULT, encode
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray


class Encoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """`Pipeline([("encode", Encoder("default/flops")), ("forest", RandomForestRegressor())])` fits on `Inputs`.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
    """

    def __init__(self, features: str = DEFAULT) -> None:
        self.features = features

    def fit(self, inputs: Inputs, targets: Any = None) -> Encoder:
        """Learn nothing; encodings have no parameters."""
        return self

    def transform(self, inputs: Inputs) -> FloatArray:
        """Features `(n, f)` of the canonical genotypes of `n` inputs."""
        return encode(inputs.canonical, self.features)[0]

    def __sklearn_is_fitted__(self) -> bool:
        """True: there is nothing to fit."""
        return True

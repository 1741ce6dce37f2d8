"""Bagged gradient-boosted trees (Chen & Guestrin, 2016; Breiman, 1996): their spread and their out-of-bag error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from nasbench.predictors.bagging import bootstrap, out_of_bag_noise
from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import DEFAULT, encode
from nasbench.spaces.base import FloatArray, GenotypeArray


class XGBoost(Predictor):
    """Mean of boosters, each trained on a bootstrap sample.

    The variance is that between the boosters plus a noise learnt from out-of-bag errors.

    Args:
        features: Encodings joined by `/`; see `nasbench.predictors.encodings.encode`.
        boosters: Number of boosters.
        rounds: Trees of each.
        depth: Greatest depth of a tree.
        rate: Learning rate.
        columns: Share of the features that a tree is grown from.
        seed: Seed of the bootstrap samples and of the boosters.
    """

    def __init__(
        self,
        features: str = DEFAULT,
        boosters: int = 10,
        rounds: int = 60,
        depth: int = 4,
        rate: float = 0.1,
        columns: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.features, self.boosters, self.rounds = features, boosters, rounds
        self.depth, self.rate, self.columns, self.seed = depth, rate, columns, seed

    def _fit(self, genotypes: GenotypeArray, z: FloatArray) -> None:
        x, _ = encode(self.space_, genotypes, self.features)
        counts = bootstrap(len(z), self.boosters, np.random.default_rng(self.seed))
        self.models_ = [self._train(x, z, count, member) for member, count in enumerate(counts)]
        self.noise_ = out_of_bag_noise(self._members(x), counts, z)

    def _train(self, x: FloatArray, z: FloatArray, count: npt.NDArray[np.int64], member: int) -> xgboost.Booster:
        settings = {
            "max_depth": self.depth,
            "eta": self.rate,
            "colsample_bytree": self.columns,
            "base_score": 0.0,
            "tree_method": "hist",
            "nthread": 1,
            "seed": self.seed + member,
        }
        rows = count > 0
        data = xgboost.DMatrix(x[rows], z[rows], weight=count[rows], nthread=1)
        return xgboost.train(settings, data, num_boost_round=self.rounds)

    def _members(self, x: FloatArray) -> FloatArray:
        """Predictions `(boosters, n)`."""
        data = xgboost.DMatrix(x, nthread=1)
        return np.stack([model.predict(data) for model in self.models_]).astype(np.float64)

    def _predict(self, genotypes: GenotypeArray) -> Prediction:
        members = self._members(encode(self.space_, genotypes, self.features)[0])
        return Prediction(members.mean(axis=0), np.sqrt(members.var(axis=0) + self.noise_))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        models = [np.frombuffer(model.save_raw("ubj"), dtype=np.uint8) for model in self.models_]
        return {
            "noise": np.array(self.noise_),
            "models": np.concatenate(models),
            "lengths": np.array([len(model) for model in models]),
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_ = float(state["noise"])
        ends = np.cumsum(state["lengths"])
        self.models_ = []
        for model in np.split(state["models"], ends[:-1]):
            booster = xgboost.Booster({"nthread": 1})
            booster.load_model(bytearray(model.tobytes()))
            self.models_.append(booster)

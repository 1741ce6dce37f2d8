"""Bagged gradient-boosted trees (Chen & Guestrin, 2016; Breiman, 1996): grown as long as out-of-bag errors fall."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xgboost

from nasbench.errors import InputError
from nasbench.predictors.bagging import Bagging, bootstrap, calibrated, out_of_bag_error, out_of_bag_noise
from nasbench.predictors.base import at_least, between
from nasbench.predictors.encodings import DEFAULT, encode, learnable
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, LogRange, WholeRange, ranges
from nasbench.types import FloatArray

TREES_BETWEEN_CHECKS, PATIENCE = 20, 5
"""Trees between two out-of-bag checks, and checks without improvement before stopping."""
MAX_ERROR_RATIO = 0.999
"""An error improves on the lowest so far if their ratio is below this."""
PAIRS_PER_ROW = 8
"""Pairs that each row of a ranked sample is compared in, for each tree."""
OBJECTIVES: dict[str, dict[str, Any]] = {
    "squared": {},
    "pairwise": {
        "objective": "rank:pairwise",
        "lambdarank_pair_method": "mean",
        "lambdarank_num_pair_per_sample": PAIRS_PER_ROW,
    },
}
"""Settings of xgboost by the names that `xgb+objective=` takes."""
TARGET_DIGITS = 6
"""Decimals of targets that are ranked: rounding orders no equal targets."""


class XGBoost(Bagging):
    """Mean of boosters, each trained on a bootstrap sample.

    The number of trees minimises the out-of-bag error: a hundred for some dozen architectures, a thousand for
    thousands. Boosters that only rank (LambdaMART; Burges, 2010) leave scores without a unit: a line fitted to
    out-of-bag scores takes them to the targets. The variance is the spread between boosters plus noise estimated from
    the same errors.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        boosters: Number of boosters.
        rounds: Maximum number of trees of each.
        depth: Maximum depth of a tree.
        rate: Learning rate.
        columns: Share of the features that each tree may split on.
        objective: What boosting minimises: "squared" error, or the cross-entropy of the order of pairs ("pairwise").
        seed: Seed of the bootstrap samples and of the boosters.
    """

    tunable = ranges(
        features=GRAPH_FEATURES, depth=WholeRange(1, 8), rate=LogRange(0.01, 0.5), columns=LogRange(0.05, 1.0)
    )

    def __init__(
        self,
        features: str = DEFAULT,
        boosters: int = 10,
        rounds: int = 2000,
        depth: int = 3,
        rate: float = 0.1,
        columns: float = 0.3,
        objective: str = "squared",
        seed: int = 0,
    ) -> None:
        self.features, self.boosters, self.rounds = features, boosters, rounds
        self.depth, self.rate, self.columns, self.objective, self.seed = depth, rate, columns, objective, seed

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "boosters", "rounds")
        at_least(self, 0, "depth", "seed")
        between(self, 0, 1, "rate", "columns")
        if self.objective not in OBJECTIVES:
            raise InputError(f"objective of XGBoost is one of {', '.join(OBJECTIVES)}; got {self.objective!r}")
        x, _ = learnable(inputs, self.features)
        counts = bootstrap(len(z), self.boosters, np.random.default_rng(self.seed))
        everything, total = xgboost.DMatrix(x, nthread=1), np.zeros((self.boosters, len(z)))
        models = [self._booster(x, z, count, member) for member, count in enumerate(counts)]
        lowest, best, at_best = np.inf, 0, total
        intercept, slope = np.zeros((self.boosters, 1)), np.ones((self.boosters, 1))
        for start in range(0, self.rounds, TREES_BETWEEN_CHECKS):
            stop = min(start + TREES_BETWEEN_CHECKS, self.rounds)
            for model, data in models:
                for tree in range(start, stop):
                    model.update(data, tree)
            total = total + [model.predict(everything, iteration_range=(start, stop)) for model, _ in models]
            if self.objective != "squared":
                intercept, slope = calibrated(total, counts, z)
            predicted = intercept + slope * total
            error = out_of_bag_error(predicted, counts, z)
            if error < MAX_ERROR_RATIO * lowest:
                lowest, best, at_best = error, stop, predicted
                self.intercept_, self.slope_ = intercept, slope
            elif stop - best >= PATIENCE * TREES_BETWEEN_CHECKS:
                break
        self.models_ = [model[:best] for model, _ in models]
        self.noise_ = out_of_bag_noise(at_best, counts, z)

    def _booster(
        self, x: FloatArray, z: FloatArray, count: npt.NDArray[np.int64], member: int
    ) -> tuple[xgboost.Booster, xgboost.DMatrix]:
        """A booster without trees, and the sample that it is trained on."""
        settings = {
            **OBJECTIVES[self.objective],
            "max_depth": self.depth,
            "eta": self.rate,
            "colsample_bytree": self.columns,
            "base_score": 0.0,
            "tree_method": "hist",
            "nthread": 1,
            "seed": self.seed + member,
        }
        if self.objective == "squared":
            rows = count > 0
            data = xgboost.DMatrix(x[rows], z[rows], weight=count[rows], nthread=1)
        else:  # weights would be those of whole lists
            rows = np.repeat(np.arange(len(z)), count)
            data = xgboost.DMatrix(x[rows], np.round(z, TARGET_DIGITS)[rows], qid=np.zeros(len(rows)), nthread=1)
        return xgboost.Booster(settings, [data]), data

    def _members(self, inputs: Inputs) -> FloatArray:
        data = xgboost.DMatrix(encode(inputs, self.features)[0], nthread=1)
        scores = np.stack([model.predict(data) for model in self.models_]).astype(np.float64)
        members: FloatArray = self.intercept_ + self.slope_ * scores
        return members

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        models = [np.frombuffer(model.save_raw("ubj"), dtype=np.uint8) for model in self.models_]
        return {
            "noise": np.array(self.noise_),
            "intercept": np.array(self.intercept_),
            "slope": np.array(self.slope_),
            "models": np.concatenate(models),
            "lengths": np.array([len(model) for model in models]),
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_ = float(state["noise"])
        self.intercept_, self.slope_ = state.get("intercept", np.zeros(1)), state.get("slope", np.ones(1))
        ends = np.cumsum(state["lengths"])
        self.models_ = []
        for model in np.split(state["models"], ends[:-1]):
            booster = xgboost.Booster({"nthread": 1})
            booster.load_model(bytearray(model.tobytes()))
            self.models_.append(booster)

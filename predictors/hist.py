"""Bagged boosted trees that grow leaf by leaf on histograms of the features (LightGBM; Ke et al., 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from nasbench.predictors.bagging import Bagging, bootstrap, out_of_bag_error, out_of_bag_noise
from nasbench.predictors.base import at_least, between
from nasbench.predictors.encodings import DEFAULT, encode, learnable
from nasbench.predictors.forest import TARGET_DIGITS, Trees
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray, IntArray

TREES_BETWEEN_CHECKS, PATIENCE = 20, 2
"""Trees between two out-of-bag checks, and checks without improvement before stopping."""
MAX_ERROR_RATIO = 0.999
"""An error improves on the lowest so far if their ratio is below this."""
MAX_BINS = 32
"""Most bins of a feature: what is counted has few values, and a tree takes as long as bins are many."""
WEIGHT_PENALTY = 1.0
"""Penalty of the squared value of a leaf, in architectures."""


class HistogramBoosting(Bagging):
    """Mean of boosters of scikit-learn, each trained on a bootstrap sample.

    A tree splits the leaf that gains most, where those of `xgb` split all of a level. The number of trees minimises the
    out-of-bag error; the variance is the spread between boosters plus noise estimated from the same errors.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        boosters: Number of boosters.
        rounds: Maximum number of trees of each.
        leaves: Maximum number of leaves of a tree.
        leaf: Fewest different training architectures in a leaf. The usual 20 would not divide ten labels.
        rate: Learning rate.
        columns: Share of the features, of those that vary, among which each split is chosen.
        seed: Seed of the bootstrap samples and of the boosters.
    """

    def __init__(
        self,
        features: str = DEFAULT,
        boosters: int = 5,
        rounds: int = 500,
        leaves: int = 4,
        leaf: int = 1,
        rate: float = 0.2,
        columns: float = 0.3,
        seed: int = 0,
    ) -> None:
        self.features, self.boosters, self.rounds, self.leaves = features, boosters, rounds, leaves
        self.leaf, self.rate, self.columns, self.seed = leaf, rate, columns, seed

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "boosters", "rounds", "leaf")
        at_least(self, 2, "leaves")
        at_least(self, 0, "seed")
        between(self, 0, 1, "rate", "columns")
        x, _ = learnable(inputs, self.features)
        z = np.round(z, TARGET_DIGITS)
        counts = bootstrap(len(z), self.boosters, np.random.default_rng(self.seed))
        varying = np.flatnonzero(np.ptp(x, axis=0) > 0)
        varying = varying if len(varying) else np.zeros(1, dtype=np.int64)
        x = x[:, varying].astype(np.float32).astype(np.float64)  # as `Trees` compares
        models = [self._booster(member) for member in range(self.boosters)]
        lowest, best, at_best = np.inf, 0, np.zeros((self.boosters, len(z)))
        for start in range(0, self.rounds, TREES_BETWEEN_CHECKS):
            stop = min(start + TREES_BETWEEN_CHECKS, self.rounds)
            for model, count in zip(models, counts, strict=True):
                rows = count > 0
                with threadpool_limits(1, user_api="openmp"):  # threads would wait for each other at every node
                    model.set_params(max_iter=stop).fit(x[rows], z[rows], sample_weight=count[rows])
            predicted = np.stack([model.predict(x) for model in models])
            error = out_of_bag_error(predicted, counts, z)
            if error < MAX_ERROR_RATIO * lowest:
                lowest, best, at_best = error, stop, predicted
            elif stop - best >= PATIENCE * TREES_BETWEEN_CHECKS:
                break
        self.trees_ = trees_of([model._predictors[:best] for model in models], varying)
        self.levels_ = np.concatenate([model._baseline_prediction[0] for model in models])
        self.noise_ = out_of_bag_noise(at_best, counts, z)

    def _booster(self, member: int) -> HistGradientBoostingRegressor:
        """A booster without trees, to which a fit adds some."""
        return HistGradientBoostingRegressor(
            learning_rate=self.rate,
            max_leaf_nodes=self.leaves,
            min_samples_leaf=self.leaf,
            l2_regularization=WEIGHT_PENALTY,
            max_features=self.columns,
            max_bins=MAX_BINS,
            early_stopping=False,
            warm_start=True,
            random_state=self.seed + member,
        )

    def _members(self, inputs: Inputs) -> FloatArray:
        x, _ = encode(inputs, self.features)
        steps = self.trees_.predict(x).reshape(len(self.levels_), -1, len(x))  # (boosters, trees, n)
        members: FloatArray = self.levels_[:, None] + steps.sum(axis=1)
        return members

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"noise": np.array(self.noise_), "levels": self.levels_, **self.trees_._asdict()}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_, self.levels_ = float(state["noise"]), state["levels"]
        self.trees_ = Trees(*(state[name] for name in Trees._fields))


def trees_of(boosters: list[Any], features: IntArray) -> Trees:
    """The trees of boosters of scikit-learn, one booster after the other; `features` are the columns they see."""
    arrays: list[Trees] = []
    first = 0
    for stages in boosters:
        for (tree,) in stages:
            nodes = tree.nodes
            leaf = nodes["is_leaf"].astype(bool)
            below = np.stack([nodes["left"], nodes["right"]]).astype(np.int64)
            children = first + np.where(leaf, np.arange(len(nodes)), below)
            feature = np.where(leaf, 0, features[np.where(leaf, 0, nodes["feature_idx"])])
            threshold = np.where(leaf, 0.0, nodes["num_threshold"])
            arrays.append(Trees(np.array([first]), feature, threshold, children, nodes["value"]))
            first += len(nodes)
    return Trees(*(np.concatenate(parts, axis=-1) for parts in zip(*arrays, strict=True)))

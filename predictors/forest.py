"""Random forest: trees on bootstrap samples, each split the best among some features (Breiman, 2001)."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeRegressor

from nasbench.predictors.bagging import Bagging, bootstrap, out_of_bag_noise
from nasbench.predictors.base import at_least, between
from nasbench.predictors.encodings import DEFAULT, encode, learnable
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import GRAPH_FEATURES, LogRange, WholeRange, ranges
from nasbench.types import FloatArray

TARGET_DIGITS = 6
"""Decimals of transformed targets: with more, rounding would decide between equally good splits."""


class Trees(NamedTuple):
    """Binary trees as arrays over all their nodes; a leaf is its own child.

    Attributes:
        roots: First node of each tree; shape `(trees,)`.
        feature: Feature that a node splits on, 0 in leaves; shape `(nodes,)`.
        threshold: Largest number of that feature, in float32, that goes to the left; shape `(nodes,)`.
        children: Left and right child; shape `(2, nodes)`.
        value: Mean target of the node; shape `(nodes,)`.
    """

    roots: npt.NDArray[np.int64]
    feature: npt.NDArray[np.int64]
    threshold: FloatArray
    children: npt.NDArray[np.int64]
    value: FloatArray

    @classmethod
    def of(cls, models: list[Any]) -> Self:
        """The trees of fitted regressors of scikit-learn."""
        trees = [model.tree_ for model in models]
        roots = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])
        children = []
        for tree, root in zip(trees, roots, strict=True):
            below = np.stack([tree.children_left, tree.children_right])
            children.append(root + np.where(below < 0, np.arange(tree.node_count), below))
        feature = np.concatenate([tree.feature for tree in trees]).clip(min=0)
        threshold = np.concatenate([tree.threshold for tree in trees])
        value = np.concatenate([tree.value[:, 0, 0] for tree in trees])
        return cls(roots, feature, threshold, np.concatenate(children, axis=1), value)

    def predict(self, x: FloatArray) -> FloatArray:
        """Targets `(trees, n)` at features `(n, f)`."""
        columns, n = np.ascontiguousarray(x.T, dtype=np.float32).ravel(), len(x)
        return np.stack([self.value[self._leaves(columns, n, root)] for root in self.roots])

    def _leaves(self, columns: npt.NDArray[np.float32], n: int, root: int) -> npt.NDArray[np.int64]:
        """Leaf `(n,)` of one tree that each row ends in; `columns` are its features `(f * n,)`, one after the other."""
        node = np.full(n, root)
        rows = np.arange(n)
        while len(rows):
            at = node[rows]
            right = columns[self.feature[at] * n + rows] > self.threshold[at]
            below = self.children[right.astype(np.int64), at]
            node[rows] = below
            rows = rows[below != at]
        return node


class Forest(Bagging):
    """Mean of trees, each grown on a bootstrap sample until its leaves are pure.

    The variance is the spread between trees plus noise estimated from out-of-bag errors. Single trees err more than
    their mean does, so that from some hundred architectures the deviation is rather too large.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        trees: Number of trees.
        columns: Share of the features among which each split is chosen; at least one feature.
        leaf: Fewest different training architectures in a leaf.
        seed: Seed of the bootstrap samples and of the trees.
    """

    tunable = ranges(features=GRAPH_FEATURES, columns=LogRange(0.05, 1.0), leaf=WholeRange(1, 10))

    def __init__(
        self, features: str = DEFAULT, trees: int = 100, columns: float = 1 / 3, leaf: int = 1, seed: int = 0
    ) -> None:
        self.features, self.trees, self.columns, self.leaf, self.seed = features, trees, columns, leaf, seed

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "trees", "leaf")
        at_least(self, 0, "seed")
        between(self, 0, 1, "columns")
        x, _ = learnable(inputs, self.features)
        z = np.round(z, TARGET_DIGITS)
        counts = bootstrap(len(z), self.trees, np.random.default_rng(self.seed))
        self.trees_ = Trees.of([self._tree(x, z, count, number) for number, count in enumerate(counts)])
        self.noise_ = out_of_bag_noise(self.trees_.predict(x), counts, z)

    def _tree(self, x: FloatArray, z: FloatArray, count: npt.NDArray[np.int64], number: int) -> Any:
        """A tree grown on rows of `(n, f)` features, as often as they are counted."""
        among = max(1, round(self.columns * x.shape[1]))
        model = DecisionTreeRegressor(max_features=among, min_samples_leaf=self.leaf, random_state=self.seed + number)
        return model.fit(x, z, sample_weight=count)

    def _members(self, inputs: Inputs) -> FloatArray:
        return self.trees_.predict(encode(inputs, self.features)[0])

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"noise": np.array(self.noise_), **self.trees_._asdict()}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.noise_ = float(state["noise"])
        self.trees_ = Trees(*(state[name] for name in Trees._fields))

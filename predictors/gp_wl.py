"""Gaussian process with features and subtrees: `gp` plus a Weisfeiler-Lehman kernel (NAS-BOWL, Ru et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
import torch

from nasbench.predictors.base import at_least
from nasbench.predictors.encodings import DEFAULT
from nasbench.predictors.encodings.subtrees import Subtrees, similarities, subtrees_of
from nasbench.predictors.evidence import Evidence, Hyperparameters
from nasbench.predictors.gp import GaussianProcess, Points
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import WholeRange, ranges
from nasbench.types import FloatArray, IntArray


class SubtreeGaussianProcess(GaussianProcess):
    """`gp` whose Matérn remainder depends on the subtrees of cells besides their features.

    The squared distance of two cells is the one of their weighted features plus, for each Weisfeiler-Lehman iteration
    t = 0 .. h, a weight times 2 - 2 k_t. Here k_t is the normalised kernel of iteration t alone, the cosine of the
    counts of labels, so this is the squared distance of normalised counts. The weights maximise the marginal likelihood
    together with the other hyperparameters, so h need not be chosen with care. Labels that no training cell has move a
    cell away from all of them.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        steps: Maximum iterations of L-BFGS.
        iterations: Weisfeiler-Lehman iterations h: how many edges away from a node its label sees.
    """

    tunable = ranges(**GaussianProcess.tunable, iterations=WholeRange(1, 5))

    def __init__(self, features: str = DEFAULT, steps: int = 30, iterations: int = 3) -> None:
        super().__init__(features, steps)
        self.iterations = iterations

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 0, "iterations")
        super()._fit(inputs, z)

    def _points(self, inputs: Inputs, x: FloatArray) -> Points:
        return (*super()._points(inputs, x), *subtrees_of(inputs, self.iterations))

    def _evidence(self, points: Points, z: torch.Tensor, groups: torch.Tensor) -> Evidence:
        squares = torch.stack([*_squared_distances(points, points)])
        return Evidence(torch.from_numpy(points[0]), z, groups, squares)

    def _learn(self, learnt: Hyperparameters, groups: IntArray) -> None:
        super()._learn(learnt, groups)
        self.subtree_weight_ = torch.exp(learnt.log_distance_weight).numpy()

    def _distance(self, a: Points, b: Points, apart: torch.Tensor) -> torch.Tensor:
        squares: torch.Tensor = apart.square_()
        for weight, square in zip(self.subtree_weight_.tolist(), _squared_distances(a, b), strict=True):
            squares.add_(square, alpha=weight)
        return squares.sqrt_()

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        _, labels, nodes = self.points_
        return {**super()._state(), "labels": labels, "nodes": nodes, "subtree_weight": self.subtree_weight_}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        super()._restore(state)
        self.points_ = (state["x"], state["labels"], state["nodes"])
        self.subtree_weight_ = state["subtree_weight"]


def _squared_distances(a: Points, b: Points) -> Iterator[torch.Tensor]:
    """Squared distance of the normalised counts of labels, iteration by iteration; shape `(n, m)`."""
    for similarity in similarities(Subtrees(*a[1:]), Subtrees(*b[1:])):
        similarity *= -2
        similarity += 2
        yield torch.from_numpy(similarity)

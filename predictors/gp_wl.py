"""Gaussian process with features and subtrees: `gp` plus a Weisfeiler-Lehman kernel (NAS-BOWL, Ru et al., 2021)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy.typing as npt
import torch

from nasbench.predictors.base import at_least
from nasbench.predictors.encodings import DEFAULT
from nasbench.predictors.encodings.subtrees import Subtrees, similarities, subtrees
from nasbench.predictors.gp import GaussianProcess, Model, Points, matern
from nasbench.predictors.inputs import Inputs
from nasbench.predictors.ranges import WholeRange, ranges
from nasbench.types import FloatArray

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
    from gpytorch.priors import NormalPrior

LOG_WEIGHT, LOG_WEIGHT_SPREAD = -3.0, 1.5
"""Mean and standard deviation of the normal prior of the log weight of an iteration."""
MIN_SQUARED_DISTANCE = 1e-30
"""Where the square root is cut off while learning, as its slope at 0 is infinite."""


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
        return (*super()._points(inputs, x), *subtrees(inputs.space, inputs.genotypes, self.iterations))

    def _model(self, points: Points, z: torch.Tensor, groups: torch.Tensor) -> Model:
        squares = torch.stack([*_squared_distances(points, points)])
        return _SubtreeModel(torch.from_numpy(points[0]), z, groups, squares)

    def _learn(self, model: Model) -> None:
        super()._learn(model)
        self.subtree_weight_ = torch.exp(model.log_subtree_weight.detach()).numpy()

    def _distance(self, a: Points, b: Points, apart: torch.Tensor) -> torch.Tensor:
        squares: torch.Tensor = apart**2
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


class _SubtreeModel(Model):
    """The prior with a weight for each iteration.

    Args:
        squares: Squared distances of the training cells after each iteration; shape `(1 + h, n, n)`.
    """

    def __init__(self, x: torch.Tensor, z: torch.Tensor, groups: torch.Tensor, squares: torch.Tensor) -> None:
        super().__init__(x, z, groups)
        self.squares = squares
        start = torch.full((len(squares),), LOG_WEIGHT, dtype=torch.float64)
        self.log_subtree_weight = torch.nn.Parameter(start)
        self.register_prior("subtree_weight_prior", NormalPrior(LOG_WEIGHT, LOG_WEIGHT_SPREAD), "log_subtree_weight")

    def remainder(self, x: torch.Tensor) -> torch.Tensor:
        squares = torch.cdist(x, x) ** 2 + torch.tensordot(torch.exp(self.log_subtree_weight), self.squares, dims=1)
        covariance: torch.Tensor = self.kernel.outputscale * matern(squares.clamp_min(MIN_SQUARED_DISTANCE).sqrt())
        return covariance


def _squared_distances(a: Points, b: Points) -> Iterator[torch.Tensor]:
    """Squared distance of the normalised counts of labels, iteration by iteration; shape `(n, m)`."""
    for similarity in similarities(Subtrees(*a[1:]), Subtrees(*b[1:])):
        yield torch.from_numpy(2 - 2 * similarity)

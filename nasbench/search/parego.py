"""ParEGO: Bayesian optimisation of randomly weighted objectives (Knowles, 2006, IEEE TEC 10, 50-66)."""

from __future__ import annotations

import sys

import numpy as np

from nasbench.predictors import Predictor
from nasbench.search.bayesian import BayesianOptimisation
from nasbench.types import FloatArray

AUGMENTATION = 0.05
"""Weight of the sum of weighted costs (rho of the paper)."""


class ParEGO(BayesianOptimisation):
    """Expected improvement of an augmented Tchebycheff function whose weights are drawn anew for every fit.

    The weights are uniform on the simplex, where the paper takes evenly spaced ones. Objectives are scaled to [0, 1] by
    what was told so far. With one objective this is `bayesian`.

    Args:
        predictor: A predictor, or its specification; as all arguments of `bayesian`.
        acquisition: Expected improvement in the paper.
        batch: What trials that still run count as.
        interval: Proposals between two fits; one in the paper.
        first_fit: Finished evaluations before the first fit; random samples complete the initial designs.
        parents: Number of best architectures, under the weights, that are mutated.
        mutations: Candidates made by mutation, half of them by two mutations.
        samples: Candidates sampled at random.
    """

    max_objectives = sys.maxsize

    def __init__(
        self,
        predictor: str | Predictor = "gp-wl",
        acquisition: str = "ei",
        batch: str = "believer",
        interval: int = 1,
        first_fit: int = 10,
        parents: int = 10,
        mutations: int = 200,
        samples: int = 200,
    ) -> None:
        super().__init__(predictor, acquisition, batch, interval, first_fit, parents, mutations, samples)

    def _targets(self, scores: FloatArray) -> FloatArray:
        return scalarised(scores, self.rng.dirichlet(np.ones(scores.shape[1])))


def scalarised(scores: FloatArray, weights: FloatArray) -> FloatArray:
    """Augmented Tchebycheff function `(n,)` of scores `(n, m)` under weights `(m,)`; more is better in both.

    Each objective costs 0 at its best score and 1 at its worst; the result is minus the largest weighted cost and
    minus `AUGMENTATION` times the sum of weighted costs.
    """
    best, span = scores.max(axis=0), np.ptp(scores, axis=0)
    costs = weights * (best - scores) / np.where(span > 0, span, 1.0)
    result: FloatArray = -(costs.max(axis=1) + AUGMENTATION * costs.sum(axis=1))
    return result

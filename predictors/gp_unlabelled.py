"""Gaussian process on what flows through cells, in units learnt from architectures without labels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from nasbench.arrays import read_only
from nasbench.predictors.base import at_least
from nasbench.predictors.encodings import (
    DEFAULT,
    STRUCTURE,
    encode,
    encodings,
    is_default,
    split_names,
    units,
    variances,
)
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.inputs import Inputs
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, IntArray

SPREADS_IN_CACHE = 64
"""Encodings of spaces whose spread is remembered."""


class UnlabelledGP(GaussianProcess):
    """The process of `gp` with one weight for all features of graphs, each in units of its spread over the space.

    Few labels tell neither how much a feature varies nor which of hundreds matter. Architectures drawn from the space
    cost nothing and tell the first, and with a single weight nothing depends on the second. Columns and points of a
    curve keep a weight and a unit of their own, as in `gp`.

    Args:
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`. `default` stands for
            what flows through cells, without what is there but dead.
        steps: Maximum iterations of L-BFGS.
        drawn: Number of architectures drawn from the space, always the same ones.
    """

    def __init__(self, features: str = DEFAULT, steps: int = 30, drawn: int = 2000) -> None:
        super().__init__(features, steps)
        self.drawn = drawn

    @property
    def _names(self) -> str:
        if self.space_.attributes:  # networks whose nodes have sizes are no cells
            return self.features
        return "/".join(STRUCTURE if is_default(name) else name for name in split_names(self.features))

    def _units(self, inputs: Inputs, x: FloatArray, groups: IntArray) -> tuple[FloatArray, IntArray]:
        at_least(self, 2, "drawn")
        spread, of_graphs = self._spreads(inputs, np.sqrt(variances(x)))
        merged = np.unique(np.where(of_graphs, -1, groups), return_inverse=True)[1]
        varying = np.bincount(merged, spread > 0)  # features that share the distance of their group
        return units(spread * np.sqrt(2 * varying[merged]), self.centre_), merged

    def _spreads(self, inputs: Inputs, at_fit: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Standard deviation `(f,)` of each feature, over the space where it is of graphs; and whether it is."""
        spreads, of_graphs, start = at_fit.copy(), np.zeros(len(at_fit), dtype=bool), 0
        for name in split_names(self._names):
            stop = start + encode(inputs[:1], name)[0].shape[1]
            if is_default(name) or name in (*encodings, *self.space_.feature_kinds):
                spreads[start:stop] = spread_over_space(self.space_, name, self.drawn)
                of_graphs[start:stop] = True
            start = stop
        return spreads, of_graphs


@lru_cache(maxsize=SPREADS_IN_CACHE)
def spread_over_space(space: Space, features: str, drawn: int) -> FloatArray:
    """Standard deviation `(f,)` of features of graphs over architectures drawn from a space with a fixed seed.

    Args:
        space: The search space.
        features: Names of encodings joined by `/`.
        drawn: Number of architectures.
    """
    genotypes = space.canonical(space.sample(drawn, np.random.default_rng(0)))
    return read_only(np.sqrt(variances(encode(Inputs(space, genotypes), features)[0])))

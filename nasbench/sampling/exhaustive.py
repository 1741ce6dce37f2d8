"""The whole space without isomorphic duplicates, in order of `Space.code`."""

from __future__ import annotations

import numpy as np

from nasbench.sampling.base import OneRound, first
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Exhaustive(OneRound):
    """All architectures of an enumerable space, or the first `cells` of them."""

    source = "exhaustive training (Dong & Yang, ICLR 2020)"

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """Rows of `Space.unique`."""
        return first(cells, space.unique(), space.name)

"""The whole space: one architecture of each class of isomorphic ones, in order of their code."""

from __future__ import annotations

import numpy as np

from nasbench.sampling.base import OneRound, first
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Exhaustive(OneRound):
    """All of a space that can be enumerated; with a number of cells, the first of them."""

    source = "exhaustive training (Dong & Yang, ICLR 2020)"

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """Rows of `Space.unique`."""
        return first(cells, space.unique(), f"{space.name} has different ones:")

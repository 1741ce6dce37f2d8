"""Uniform over classes: every network that computes something else has the same chance, however often it is written."""

from __future__ import annotations

import numpy as np

from nasbench.sampling.base import OneRound, first
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Unique(OneRound):
    """One architecture of each class in random order: the first of the class in order of `Space.code`.

    Args:
        by: `"function_key"`, networks that compute the same family of functions are one, or `"key"`, isomorphic ones.
    """

    source = "random sampling without repeating what is equal (Ying et al., ICML 2019, section 2.2)"

    def __init__(self, by: str = "function_key") -> None:
        self.by = by

    @property
    def distinct_by(self) -> str:
        """By which classes they are."""
        return self.by

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` classes of the order; the space must be one that can be enumerated."""
        classes = space.unique(self.by)
        order = np.argsort(rng.random(len(classes)), kind="stable")
        return first(cells, classes[order], f"{space.name} has classes of {self.by}:")

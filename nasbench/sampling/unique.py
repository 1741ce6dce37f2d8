"""Uniform sampling without duplicates: one architecture for each distinct function, all equally likely."""

from __future__ import annotations

import numpy as np

from nasbench.sampling.base import OneRound, first
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Unique(OneRound):
    """One architecture of each equivalence class, in random order: the one with the smallest `Space.code`.

    Args:
        by: `"function_key"`: equivalent networks compute the same family of functions; `"key"`: they are isomorphic.
    """

    source = "random sampling without duplicates (Ying et al., ICML 2019, section 2.2)"

    def __init__(self, by: str = "function_key") -> None:
        self.by = by

    @property
    def distinct_by(self) -> str:
        """The method of `Space` that defines the classes."""
        return self.by

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` classes in random order; the space must be enumerable."""
        classes = space.unique(self.by)
        order = np.argsort(rng.random(len(classes)), kind="stable")
        return first(cells, classes[order], f"{space.name} (by {self.by})")

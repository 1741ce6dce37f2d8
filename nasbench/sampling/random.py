"""Random sampling of genotypes without isomorphic duplicates, the usual choice in the literature."""

from __future__ import annotations

import numpy as np

from nasbench.errors import InputError
from nasbench.sampling.base import OneRound
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray

DRAWS = 1024
"""Genotypes drawn at once."""
PATIENCE = 64
"""Draws without a new architecture, as a multiple of the sample size, before the space counts as exhausted."""


class Random(OneRound):
    """Canonical genotypes of `Space.sample` with distinct `key`; cells that compute a constant are included.

    Architectures with many isomorphic genotypes tend to come early.
    """

    source = "random sampling (Li & Talwalkar, UAI 2019)"

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` distinct architectures."""
        if cells is None:
            raise InputError("random sampling has no end; say how many cells, or take the sampler 'exhaustive'")
        distinct: dict[int, GenotypeArray] = {}
        barren, limit = 0, PATIENCE * max(cells, DRAWS)
        while len(distinct) < cells:
            draws = space.canonical(space.sample(DRAWS, rng))
            before = len(distinct)
            for key, genotype in zip(space.key(draws).tolist(), draws, strict=True):
                distinct.setdefault(key, genotype)
            barren = 0 if len(distinct) > before else barren + DRAWS
            if barren > limit or cells > space.size:
                raise InputError(
                    f"{cells} cells were asked for, but {space.name} has "
                    + (f"only {space.size}" if cells > space.size else f"no more than {len(distinct)} distinct ones")
                    + "; ask for fewer"
                )
        return np.array(list(distinct.values())[:cells])

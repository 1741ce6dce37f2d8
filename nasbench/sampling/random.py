"""Draws of the space's own sampling, without repetition: the usual random sample of the literature."""

from __future__ import annotations

import numpy as np

from nasbench.errors import InputError
from nasbench.sampling.base import OneRound
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray

CHUNK = 1024


class Random(OneRound):
    """`Space.sample` made canonical, without those whose `key` came before; cells that compute a constant included.

    A class of isomorphic architectures comes the earlier the more genotypes it has.
    """

    source = "random sampling (Li & Talwalkar, UAI 2019)"

    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The first `cells` different ones."""
        if cells is None:
            raise InputError("random sampling has no end; say how many cells, or take the sampler 'exhaustive'")
        kept: dict[int, GenotypeArray] = {}
        barren, patience = 0, 64 * max(cells, CHUNK)
        while len(kept) < cells:
            draws = space.canonical(space.sample(CHUNK, rng))
            before = len(kept)
            for key, genotype in zip(space.key(draws).tolist(), draws, strict=True):
                kept.setdefault(key, genotype)
            barren = 0 if len(kept) > before else barren + CHUNK
            if barren > patience or cells > space.size:
                raise InputError(
                    f"{cells} cells were asked for, but {space.name} has "
                    + (f"only {space.size}" if cells > space.size else f"no more than {len(kept)} different ones")
                    + "; ask for fewer"
                )
        return np.array(list(kept.values())[:cells])

"""Neighbours by single changes, where every combination of options is an architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nasbench.types import GenotypeArray, KeyArray

if TYPE_CHECKING:
    from nasbench.spaces.base import Space

NEIGHBOURHOODS_PER_BATCH = 256
"""Architectures whose neighbours, some hundred each, are found together."""


def neighbours_of(space: Space, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
    """See `Space.neighbours_of`."""
    if space.batched_neighbours:
        starts = range(0, len(genotypes), NEIGHBOURHOODS_PER_BATCH)
        batches = [space._neighbours_of(genotypes[start : start + NEIGHBOURHOODS_PER_BATCH]) for start in starts]
        neighbours = [batch for batch, _ in batches]
        rows = [start + row for start, (_, row) in zip(starts, batches, strict=True)]
    else:
        neighbours = [space.neighbours(genotype) for genotype in genotypes]
        rows = [np.full(len(near), row) for row, near in enumerate(neighbours)]
    return np.concatenate([genotypes[:0], *neighbours]), np.concatenate([np.zeros(0, dtype=np.int64), *rows])


def single_changes(genotypes: GenotypeArray, cardinalities: KeyArray) -> tuple[GenotypeArray, KeyArray]:
    """Copies of `(n, d)` genotypes in which one position takes each other option; shape `(n k, d)`.

    Returns:
        The copies, in the order of the genotypes, and the row of `genotypes` each belongs to.
    """
    positions = np.repeat(np.arange(len(cardinalities)), cardinalities - 1)
    others = np.concatenate([np.arange(options - 1, dtype=np.int8) for options in cardinalities.tolist()])
    changed = np.repeat(genotypes[:, None], len(positions), axis=1)  # (n, k, d)
    changed[:, np.arange(len(positions)), positions] = others + (others >= genotypes[:, positions])
    return changed.reshape(-1, len(cardinalities)), np.repeat(np.arange(len(genotypes)), len(positions))


def random_change(genotypes: GenotypeArray, cardinalities: KeyArray, rng: np.random.Generator) -> GenotypeArray:
    """Copies of `(n, d)` genotypes in which one uniform position takes a uniform other option."""
    changed = genotypes.copy()
    position_draw, option_draw = rng.random((2, len(changed)))
    free = np.flatnonzero(cardinalities > 1)
    positions = free[(position_draw * len(free)).astype(np.int64)]
    options = cardinalities[positions]
    at = np.arange(len(changed)), positions
    changed[at] = (changed[at] + 1 + (option_draw * (options - 1)).astype(np.int64)) % options
    return changed

"""Genotypes as points of the unit cube, for searches that move in it (Awad et al., 2020, arXiv:2012.06400)."""

from __future__ import annotations

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

MARGIN = 2.0**-20
"""Distance from the ends of an option's interval, as a share of it, that keeps its points inside when rounded."""


def to_points(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> FloatArray:
    """A random point of the cube `[0, 1)` for each of `(n, d)` genotypes, which `to_genotypes` takes back to it.

    Each position's interval is divided evenly among its options.
    """
    offsets = MARGIN + (1 - 2 * MARGIN) * rng.random(genotypes.shape)
    result: FloatArray = (genotypes + offsets) / np.array(space.cardinalities)
    return result


def to_genotypes(space: Space, points: FloatArray) -> tuple[GenotypeArray, BoolArray]:
    """Genotypes `(n, d)` of points `(n, d)` in `[0, 1)`, repaired, and which of them are valid `(n,)`."""
    choices = np.array(space.cardinalities)
    options = np.minimum((points * choices).astype(np.int64), choices - 1)  # a product may round up to the next
    return space.repair(options.astype(np.int8))


def inside(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Points `(n, d)` whose coordinates outside `[0, 1)` are drawn anew, uniformly."""
    return np.where((points >= 0) & (points < 1), points, rng.random(points.shape))


def crossed(targets: FloatArray, mutants: FloatArray, crossover: float, rng: np.random.Generator) -> FloatArray:
    """Targets `(n, d)`, or one `(d,)`, with each position from the mutant `(n, d)` by chance; one always is."""
    n, d = mutants.shape
    taken = rng.random((n, d)) < crossover
    taken[np.arange(n), rng.integers(d, size=n)] = True
    return np.where(taken, mutants, targets)

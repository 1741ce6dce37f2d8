"""Checks of moves: neighbours are mutual, mutants are neighbours, children mix their parents."""

from __future__ import annotations

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


def check_neighbours(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Neighbours are different architectures, and each counts the other."""
    for genotype in genotypes[:4]:
        neighbours = space.neighbours(genotype)
        assert len(neighbours) or space.size == 1, f"leaves {space.to_string(genotype)} without neighbours"
        space.check(neighbours)
        keys, centre = space.key(neighbours), space.key(genotype[None])[0]
        assert centre not in keys, f"counts {space.to_string(genotype)} among its own neighbours"
        assert len(np.unique(keys)) == len(keys), f"lists a neighbour of {space.to_string(genotype)} twice"
        around, rows = space.neighbours_of(neighbours)
        mutual = np.isin(np.arange(len(neighbours)), rows[space.key(around) == centre])
        if not mutual.all():
            other = space.to_string(neighbours[np.argmin(mutual)])
            raise AssertionError(f"has a one-sided neighbour: {space.to_string(genotype)} of {other}")


def check_neighbours_of(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Neighbours in batches equal those one by one, for more genotypes (with repetition) than fit a likely batch."""
    alone = [np.sort(space.code(space.neighbours(genotype))) for genotype in genotypes[:8]]
    drawn = rng.integers(0, len(alone), 300)
    neighbours, rows = space.neighbours_of(genotypes[drawn])
    assert neighbours.dtype == np.int8 and neighbours.shape == (len(rows), genotypes.shape[1]), "changes dtype or shape"
    assert np.issubdtype(rows.dtype, np.integer) and (np.diff(rows) >= 0).all(), "is not in the order of the rows"
    codes = space.code(neighbours)
    for row, number in enumerate(drawn):
        assert np.array_equal(np.sort(codes[rows == row]), alone[number]), (
            f"has other neighbours in a batch than alone for {space.to_string(genotypes[number])}, row {row}"
        )


def check_mutate(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Mutants are neighbours, drawn at random."""
    mutants = space.mutate(genotypes, rng)
    assert mutants.dtype == np.int8 and mutants.shape == genotypes.shape, "changes dtype or shape"
    space.check(mutants)
    keys = space.key(mutants)
    assert (keys != space.key(genotypes)).all(), "leaves an architecture unchanged"
    near, rows = space.neighbours_of(genotypes[:16])
    known = space.key(near)
    for row, (genotype, key) in enumerate(zip(genotypes[:16], keys, strict=False)):
        assert key in known[rows == row], f"returns a mutant that is no neighbour of {space.to_string(genotype)}"
    if (rows == 0).sum() > 1:
        drawn = space.key(space.mutate(np.repeat(genotypes[:1], 64, axis=0), rng))
        assert len(np.unique(drawn)) > 1, f"returns the same one of {(rows == 0).sum()} neighbours 64 times"


def check_repair(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Architectures stay as they are, and repaired choices are architectures."""
    same, ok = space.repair(genotypes)
    assert ok.all() and np.array_equal(same, genotypes), "changes architectures of the space"
    raw = rng.integers(0, space.cardinalities, size=(256, len(space.cardinalities)), dtype=np.int8)
    repaired, ok = space.repair(raw.copy())
    assert repaired.shape == raw.shape and repaired.dtype == np.int8, "changes dtype or shape"
    assert ok.shape == (len(raw),) and ok.dtype == bool, "does not state which rows are repaired"
    space.check(repaired[ok])


def check_crossover(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Children are architectures that mix their parents."""
    others = space.sample(len(genotypes), rng)
    children = space.crossover(genotypes, others, rng)
    assert children.dtype == np.int8 and children.shape == genotypes.shape, "changes dtype or shape"
    space.check(children)
    clones = space.crossover(genotypes, genotypes, rng)
    assert np.array_equal(space.key(clones), space.key(genotypes)), "returns another architecture from equal parents"
    _mixes(space, rng)


def _mixes(space: Space, rng: np.random.Generator) -> None:
    """Some child takes from both parents; of parents that differ at one position only, some take from either."""
    a, b = space.sample(256, rng), space.sample(256, rng)
    apart = (a != b).sum(axis=1)
    rows = np.resize(np.flatnonzero(apart >= min(2, apart.max())), 256)
    a, b = a[rows], b[rows]
    children = space.crossover(a, b, rng)
    from_a, from_b = (((children == own) & (a != b)).any(axis=1) for own in (a, b))
    mixed = (from_a & from_b).any() if apart.max() > 1 else from_a.any() and from_b.any()
    assert mixed or not apart.any(), "returns children that take from one of their parents only"


def check_distance(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Distances are symmetric, and 0 for equal architectures only."""
    forward, backward = space.distance(genotypes, genotypes[::-1]), space.distance(genotypes[::-1], genotypes)
    assert (space.distance(genotypes, genotypes) == 0).all(), "has a non-zero distance from a genotype to itself"
    assert np.array_equal(forward, backward), "has an asymmetric distance"
    assert (forward >= 0).all(), "has a negative distance"
    different = space.key(genotypes) != space.key(genotypes[::-1])
    assert (forward[different] > 0).all(), "has a distance of 0 between different architectures"

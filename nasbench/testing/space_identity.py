"""Checks of identity: keys are equal exactly for isomorphic graphs, and one form stands for each class."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from nasbench.spaces.base import Space
from nasbench.testing.space_forms import renumbered
from nasbench.types import GenotypeArray


def check_key(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Keys are equal exactly where networkx finds an isomorphism."""
    import networkx as nx

    near, rows = space.neighbours_of(genotypes[:2])
    pool = [*genotypes[:16], *near[rows == 0][:12], *near[rows == 1][:12]]
    pool += [space.genotype(renumbered(space.graph(genotype), rng)) for genotype in pool[:16]]
    keys = space.key(np.array(pool))
    assert keys.dtype == np.int64 and keys.shape == (len(pool),), f"has keys {keys.dtype} {keys.shape}"
    single = [space.key(genotype[None])[0] for genotype in pool]
    assert np.array_equal(keys, single), "has keys that depend on the other rows"
    graphs = [space.graph(genotype) for genotype in pool]
    for i, j in combinations(range(len(pool)), 2):
        same = nx.is_isomorphic(graphs[i], graphs[j], node_match=lambda a, b: a == b)  # `op` and numeric attributes
        pair = f"{space.to_string(pool[i])} and {space.to_string(pool[j])}"
        assert not same or keys[i] == keys[j], f"gives isomorphic graphs different keys: {pair}"
        assert same or keys[i] != keys[j], f"gives non-isomorphic graphs the same key: {pair}"


def check_function_key(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Equal keys have equal function keys, and not all architectures share one."""
    genotypes = np.concatenate([genotypes, space.neighbours_of(genotypes[:8])[0]])
    again = [space.genotype(renumbered(space.graph(genotype), rng)) for genotype in genotypes[:32]]
    genotypes = np.concatenate([genotypes, again])
    pairs = np.stack([space.key(genotypes), space.function_key(genotypes)], axis=1)
    distinct = np.unique(pairs, axis=0)
    assert len(distinct) == len(np.unique(pairs[:, 0])), "has different function keys for one key"
    assert len(distinct) == 1 or len(np.unique(pairs[:, 1])) > 1, (
        f"has one function key for all of {len(distinct)} different architectures"
    )


def check_canonical(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Isomorphic architectures have one canonical form."""
    canonical = space.canonical(genotypes)
    assert canonical.dtype == np.int8 and canonical.shape == genotypes.shape, "changes dtype or shape"
    assert space.contains(canonical).all(), "has a canonical form outside the space"
    assert np.array_equal(space.key(canonical), space.key(genotypes)), "has a canonical form with another key"
    assert np.array_equal(space.canonical(canonical), canonical), "changes canonical genotypes"
    again = np.array([space.genotype(renumbered(space.graph(genotype), rng)) for genotype in genotypes[:32]])
    assert np.array_equal(space.canonical(again), canonical[:32]), "has two canonical forms for one class"

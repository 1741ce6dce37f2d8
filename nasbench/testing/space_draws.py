"""Checks of draws: what is enumerated is drawn, equally often and by the passed generator alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.enumeration import MAX_ENUMERATED
from nasbench.types import GenotypeArray, KeyArray

DRAWS = 20_000
"""Architectures that are drawn to compare frequencies."""


def check_sample(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Samples are architectures of the space, uniform and with replacement."""
    assert genotypes.shape[1:] == (len(space.cardinalities),), f"samples shape {genotypes.shape}"
    assert genotypes.dtype == np.int8, f"samples {genotypes.dtype}, not int8"
    assert np.array_equal(space.check(genotypes), genotypes), "changes a genotype in check"
    assert space.contains(genotypes).all(), "samples genotypes that it does not contain"
    if space.size > 1:
        assert len(np.unique(space.code(space.sample(256, rng)))) > 1, "samples one architecture only"
    _uniform_positions(space, rng)


def _uniform_positions(space: Space, rng: np.random.Generator) -> None:
    """At each position, options are drawn as often as the genotypes of the space have them."""
    if space.every_combination:
        shares = [np.full(options, 1 / options) for options in space.cardinalities]
    elif space.size <= MAX_ENUMERATED:
        every = np.concatenate(list(space.enumerate()))
        shares = [
            np.bincount(column, minlength=options) / len(every)
            for column, options in zip(every.T, space.cardinalities, strict=True)
        ]
    else:
        return
    for position, (share, column) in enumerate(zip(shares, space.sample(DRAWS, rng).T, strict=True)):
        expected, drawn = share * DRAWS, np.bincount(column, minlength=len(share))
        common = expected >= 5  # rarer options do not follow the normal distribution that chi-square supposes
        statistic = float(((drawn - expected)[common] ** 2 / expected[common]).sum())
        freedom = int(common.sum())
        assert statistic <= freedom + _chance(freedom), (
            f"does not sample uniformly: of {DRAWS:,}, options at position {position} are drawn {drawn.tolist()} times"
        )


def check_determinism(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Equal generators give equal draws."""
    seed = int(rng.integers(1 << 32))
    draws: dict[str, Callable[[np.random.Generator], GenotypeArray]] = {
        "sample": lambda rng: space.sample(50, rng),
        "mutate": lambda rng: space.mutate(genotypes, rng),
        "crossover": lambda rng: space.crossover(genotypes, genotypes[::-1], rng),
    }
    for name, draw in draws.items():
        first, second = (draw(np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first, second), f"has a {name} that differs between equal generators"


def check_enumerate(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """All genotypes of spaces of up to `MAX_ENUMERATED`, otherwise the first thousand."""
    complete = space.size <= MAX_ENUMERATED
    last, known = -1, set[bytes]()
    for chunk in space.enumerate(65_536 if complete else 1_000):
        assert chunk.dtype == np.int8 and len(chunk) <= 65_536, f"enumerates {len(chunk)} rows of {chunk.dtype} at once"
        assert space.contains(chunk).all(), "enumerates genotypes that it does not contain"
        if space.countable:  # else codes are hashes, in no order
            codes = space.code(chunk)
            assert codes[0] > last and (np.diff(codes) > 0).all(), "does not enumerate in order of code"
            last = codes[-1]
        if not complete:
            return
        before = len(known)
        known.update(row.tobytes() for row in chunk)
        assert len(known) == before + len(chunk), "enumerates a genotype twice"
    assert len(known) == space.size, f"enumerates {len(known)} genotypes but has size {space.size}"
    for genotype in genotypes:
        assert genotype.tobytes() in known, f"samples {space.to_string(genotype)} but does not enumerate it"


def check_sample_unique(space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
    """Classes are equally likely."""
    keys: dict[str, Callable[[GenotypeArray], KeyArray]] = {"key": space.key, "function_key": space.function_key}
    for by, key in keys.items():
        if space.size > MAX_ENUMERATED:
            try:
                space.sample_unique(1, rng, by)
            except InputError:
                continue
            raise AssertionError(f"enumerates {space.size} genotypes to sample by {by}")
        unique, n = space.unique(by), DRAWS
        known = key(unique)
        classes = len(np.unique(known))
        assert classes == len(unique), f"lists a class of {by} twice"
        assert np.array_equal(space.canonical(unique), unique), f"has representatives by {by} that are not canonical"
        assert np.isin(key(genotypes), known).all(), f"lacks a representative by {by} of a sampled genotype"
        seed = int(rng.integers(1 << 32))
        drawn, again = (space.sample_unique(n, np.random.default_rng(seed), by) for _ in range(2))
        assert drawn.dtype == np.int8 and drawn.shape == (n, len(space.cardinalities)), "has a wrong dtype or shape"
        assert np.array_equal(drawn, again), "differs between equal generators"
        counts = np.unique(key(drawn), return_counts=True)[1]
        statistic, expected = classes / n * (counts**2).sum() - n, classes - 1
        assert abs(statistic - expected) <= _chance(expected), f"draws some classes by {by} too often"


def _chance(freedom: float) -> float:
    """Distance of a chi-square statistic from its mean that all but 10^-7 of seeds stay below.

    Laurent & Massart (2000), Lemma 1, with x = 18.
    """
    return 6 * math.sqrt(2 * freedom) + 36

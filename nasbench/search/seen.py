"""Architectures that were proposed already, so that none is evaluated twice."""

from __future__ import annotations

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray

SAMPLES_AT_ONCE = 256
SAMPLES_FOR_ONE = 32
"""Uniform samples of which the first new one is taken."""


class Seen:
    """Set of architectures up to isomorphism, by their key.

    Args:
        space: The search space.
        genotypes: Architectures `(k, d)` that are in it from the start.
    """

    def __init__(self, space: Space, genotypes: GenotypeArray) -> None:
        self._space = space
        self._keys: set[int] = set(space.key(genotypes).tolist())

    def add(self, genotypes: GenotypeArray) -> None:
        """Add architectures `(n, d)`."""
        self._keys.update(self._space.key(genotypes).tolist())

    def new(self, genotypes: GenotypeArray, most: int | None = None) -> GenotypeArray:
        """The first `most` of `(n, d)` architectures that are not in the set, each once, in their order.

        They are added by `add`, or by `take`, which does both.
        """
        return genotypes[list(self._new(genotypes, most).values())]

    def take(self, genotypes: GenotypeArray, most: int | None = None) -> GenotypeArray:
        """As `new`, and the architectures are in the set from then on."""
        rows = self._new(genotypes, most)
        self._keys.update(rows)
        return genotypes[list(rows.values())]

    def take_or_repeat(self, genotypes: GenotypeArray, most: int) -> GenotypeArray:
        """As `take`; the first of all where none is new."""
        new = self.take(genotypes, most)
        return new if len(new) else genotypes[:1]

    def sample(self, rng: np.random.Generator) -> GenotypeArray:
        """A new architecture `(d,)`, which is taken: the first such of some uniform samples, or one of them."""
        sample: GenotypeArray = self.take_or_repeat(self._space.sample(SAMPLES_FOR_ONE, rng), 1)[0]
        return sample

    def _new(self, genotypes: GenotypeArray, most: int | None) -> dict[int, int]:
        """Row of each new key, in the order of the rows."""
        rows: dict[int, int] = {}
        for row, key in enumerate(self._space.key(genotypes).tolist()):
            if key not in self._keys and key not in rows:
                rows[key] = row
                if len(rows) == most:
                    break
        return rows


class FreshSamples:
    """Uniform samples without replacement; repeats only when a block of samples holds nothing new.

    Args:
        space: The search space.
        genotypes: Architectures `(k, d)` that are not drawn.
        rng: All randomness of the samples.
    """

    def __init__(self, space: Space, genotypes: GenotypeArray, rng: np.random.Generator) -> None:
        self._space, self._seen, self._rng = space, Seen(space, genotypes), rng
        self._block: list[GenotypeArray] = []

    def draw(self) -> GenotypeArray:
        """The next architecture `(d,)`."""
        if not self._block:  # drawn in a block because one call for many is cheap
            samples = self._space.sample(SAMPLES_AT_ONCE, self._rng)
            new = self._seen.take(samples)
            self._block = list(new if len(new) else samples)
        return self._block.pop()

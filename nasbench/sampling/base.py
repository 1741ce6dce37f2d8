"""What a sampler is: it names the architectures to train, at once or in rounds that know what came of the earlier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Sampler(ABC):
    """Base class of samplers. Arguments of the constructor are kept as attributes."""

    source: ClassVar[str]
    """The method, and the paper that it is from."""

    @property
    def distinct_by(self) -> str:
        """What no two of its architectures share, a method of `Space`: `"key"`, or the coarser `"function_key"`."""
        return "key"

    @abstractmethod
    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """Architectures of different `key` in rounds `(m, d)`, `cells` in all.

        After each round it is sent the scores of all architectures so far, in order, the higher the better, NaN of
        those whose training failed; shape `(n,)`. With the same generator, more cells begin with those of fewer.

        Args:
            space: The search space.
            cells: How many; None for all that there are.
            rng: Source of all randomness.

        Raises:
            InputError: The space has not so many, or all of it is asked of a sampler that knows no end.
        """


class OneRound(Sampler):
    """A sampler that does not look at results."""

    @abstractmethod
    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """The architectures `(cells, d)`, of different `key`."""

    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """All of them at once."""
        yield self.sample(space, cells, rng)


def first(cells: int | None, genotypes: GenotypeArray, what: str) -> GenotypeArray:
    """The first `cells` of genotypes `(n, d)`, all of them for None.

    Raises:
        InputError: There are not so many.
    """
    if cells is not None and cells > len(genotypes):
        raise InputError(f"{cells} cells were asked for, but {what} {len(genotypes)}; ask for fewer")
    return genotypes[:cells]

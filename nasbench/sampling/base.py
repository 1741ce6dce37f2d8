"""Base classes of samplers: choose architectures to train, at once or in rounds that use earlier scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import ClassVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Sampler(ABC):
    """Base class of samplers. The constructor stores its arguments as attributes."""

    source: ClassVar[str]
    """Method and paper."""

    @property
    def distinct_by(self) -> str:
        """The method of `Space` whose values are distinct: `"key"`, or the coarser `"function_key"`."""
        return "key"

    @abstractmethod
    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """Architectures with distinct `key` in rounds `(m, d)`, `cells` in total.

        After each round the caller sends the scores of all architectures so far, in order; shape `(n,)`, higher is
        better, NaN for failed trainings. With the same generator, a smaller sample is the beginning of a larger one.

        Args:
            space: The search space.
            cells: Number of architectures; None for all.
            rng: Source of randomness.

        Raises:
            InputError: The space has fewer architectures, or the sampler needs a number and got None.
        """


class OneRound(Sampler):
    """A sampler that does not use scores."""

    @abstractmethod
    def sample(self, space: Space, cells: int | None, rng: np.random.Generator) -> GenotypeArray:
        """Architectures `(cells, d)` with distinct `key`."""

    def rounds(
        self, space: Space, cells: int | None, rng: np.random.Generator
    ) -> Generator[GenotypeArray, FloatArray, None]:
        """One round with all architectures."""
        yield self.sample(space, cells, rng)


def first(cells: int | None, genotypes: GenotypeArray, source: str) -> GenotypeArray:
    """The first `cells` genotypes of `(n, d)`; all of them for None.

    Raises:
        InputError: There are fewer; the message names their source.
    """
    if cells is not None and cells > len(genotypes):
        raise InputError(
            f"{cells} cells were asked for, but {source} has only {len(genotypes)} distinct ones; ask for fewer"
        )
    return genotypes[:cells]

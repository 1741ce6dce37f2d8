"""All genotypes of a space, and one representative of each class of equal networks or functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.types import GenotypeArray

if TYPE_CHECKING:
    from nasbench.spaces.base import Space

MAX_ENUMERATED = 2_000_000
"""Largest number of genotypes that are enumerated to find the classes of a space."""
ROWS_PER_CHUNK = 65_536
"""Genotypes in one array of an enumeration."""


def combinations(space: Space, chunk: int) -> Iterator[GenotypeArray]:
    """Every combination of options in arrays of at most `chunk` rows, in order of `code`."""
    for start in range(0, space.size, chunk):
        numbers = np.arange(min(chunk, space.size - start))
        if space.countable:
            yield space.decode(start + numbers)
        else:
            yield _digits(start + numbers.astype(object), space.cardinalities)


def _digits(numbers: npt.NDArray[Any], cardinalities: tuple[int, ...]) -> GenotypeArray:
    """The genotypes `(n, d)` of some numbers `(n,)`, which are Python integers of any size."""
    columns = []
    for options in reversed(cardinalities):
        columns.append(numbers % options)
        numbers = numbers // options
    return np.stack(columns[::-1], axis=1).astype(np.int8)


def unique_networks(space: Space) -> GenotypeArray:
    """The rows of `enumerate_unique` in one read-only array `(m, d)`.

    Raises:
        InputError: The space has more than `MAX_ENUMERATED` genotypes.
    """
    if space.size > MAX_ENUMERATED:
        raise InputError(
            f"{space.name} has {space.size:,} genotypes, more than the {MAX_ENUMERATED:,} that are enumerated "
            "to find its classes; use `sample`, which is uniform over genotypes"
        )
    unique = np.concatenate(list(space.enumerate_unique()))
    unique.flags.writeable = False
    return unique


def unique_functions(space: Space, networks: GenotypeArray) -> GenotypeArray:
    """The first of some networks `(m, d)` of each `function_key`, in one read-only array `(k, d)`."""
    starts = range(0, len(networks), ROWS_PER_CHUNK)
    keys = [space.function_key(networks[start : start + ROWS_PER_CHUNK]) for start in starts]
    unique = networks[np.sort(np.unique(np.concatenate(keys), return_index=True)[1])]
    unique.flags.writeable = False
    return unique

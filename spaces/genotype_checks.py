"""Checks of foreign genotypes and table indices, with errors that name the first offender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.types import GenotypeArray, KeyArray

if TYPE_CHECKING:
    from nasbench.spaces.base import Space

ROWS_PER_CHECK = 2**16
"""Genotypes checked at a time, which bounds the memory."""


def checked(space: Space, genotypes: npt.ArrayLike, cardinalities: KeyArray) -> GenotypeArray:
    """See `Space.check`; `cardinalities` are those of the space as an array `(d,)`."""
    try:
        array = np.asarray(genotypes)
    except ValueError as error:
        raise InputError(f"genotypes of {space.name} have rows of one length; got rows of several") from error
    if array.ndim != 2 or array.shape[1] != len(cardinalities):
        raise InputError(
            f"genotypes of {space.name} have shape (n, {len(cardinalities)}), got {array.shape}"
            f"; pass one row of {len(cardinalities)} integers for each architecture"
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"genotypes of {space.name} are integers, got {array.dtype}; convert them first")
    result = np.empty(array.shape, dtype=np.int8)
    for start in range(0, len(array), ROWS_PER_CHECK):
        rows = slice(start, start + ROWS_PER_CHECK)
        result[rows] = _checked_rows(space, array[rows], cardinalities, start)
    return result


def _checked_rows(
    space: Space, array: npt.NDArray[np.integer[Any]], cardinalities: KeyArray, first: int
) -> GenotypeArray:
    """Checked rows of an integer array `(n, d)`; `first` is the number of the first row in error messages."""
    if array.dtype == np.int8 and max(space.cardinalities) < 128:  # read as unsigned, negative options are large
        outside = array.view(np.uint8) >= cardinalities.astype(np.uint8)
    else:
        outside = (array < 0) | (array >= cardinalities)
    if outside.any():
        row, position = map(int, np.argwhere(outside)[0])
        raise InputError(
            f"genotype {first + row} {array[row].tolist()} is not in {space.name}: position {position} is "
            f"{array[row, position]}, allowed are 0 to {space.cardinalities[position] - 1}"
        )
    result = array.astype(np.int8)
    inside = space.contains(result)
    if not inside.all():
        row = int(np.argmin(inside))
        reason = space.invalid(result[row : row + 1])[0]
        raise InputError(f"genotype {first + row} {array[row].tolist()} is not in {space.name}: {reason}")
    return result


def checked_one(space: Space, vector: Any) -> GenotypeArray:
    """The checked genotype `(d,)` of one vector of integers; see `Space.genotype`."""
    if space.every_combination and type(vector) is list and len(vector) == len(space.cardinalities):
        for value, options in zip(vector, space.cardinalities, strict=True):
            if type(value) is not int or not 0 <= value < options:
                break
        else:
            return np.array(vector, dtype=np.int8)  # quicker than the checks of arrays
    if vector is None or isinstance(vector, dict | set | int | float):
        raise InputError(
            f"an architecture of {space.name} is a genotype of {len(space.cardinalities)} integers, a networkx graph "
            f"or a string, got {type(vector).__name__}"
        )
    genotype: GenotypeArray = space.check([vector])[0]
    return genotype


def checked_indices(space: Space, indices: npt.ArrayLike) -> KeyArray:
    """Indices of architectures in a published table as an array `(n,)`.

    Raises:
        InputError: They are not a vector of integers from 0 to `space.size - 1`.
    """
    array = np.asarray(indices)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"indices are a vector of integers, got {array.dtype} of shape {array.shape}")
    outside = (array < 0) | (array >= space.size)
    if outside.any():
        raise InputError(f"index {array[outside][0]} is not in {space.name}; it has 0 to {space.size - 1}")
    return array.astype(np.int64)

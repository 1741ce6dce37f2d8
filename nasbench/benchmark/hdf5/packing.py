"""Packing of arrays in a file: short decimals become integers, which compress to a quarter."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.types import BoolArray, FloatArray

CHUNK_BYTES = 2**19
"""Size of a compressed chunk."""
DECIMALS = range(7)
"""Numbers of decimal places with which numbers are stored as integers."""
INTEGER_TYPES = (np.dtype(np.int16), np.dtype(np.int32))
"""Types of these integers; the smallest integer of each type marks a missing number."""
SAMPLE_SIZE = 1000
"""Numbers that are tried first to find the decimal places."""


class Packed(NamedTuple):
    """Numbers as they are stored.

    Attributes:
        array: float64, or integers of one of `INTEGER_TYPES`.
        divisor: Power of ten to divide the integers by; None for float64.
    """

    array: npt.NDArray[Any]
    divisor: int | None

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes in the file, named by the CF conventions, which xarray and netCDF tools follow."""
        if self.divisor is None:
            return {}
        return {"scale_factor": 1 / self.divisor, "_FillValue": self.array.dtype.type(np.iinfo(self.array.dtype).min)}


def pack(values: FloatArray, missing: BoolArray) -> Packed:
    """Pack numbers, NaN where missing, into the smallest type that restores them exactly."""
    if values.size:
        known = values[~missing][:SAMPLE_SIZE] if missing.any() else values.ravel()[:SAMPLE_SIZE]
        for decimals in DECIMALS:
            divisor = 10**decimals
            if _exact(known, divisor):
                packed = _integers(values, missing, divisor)
                if packed is not None:
                    return Packed(packed, divisor)
    return Packed(values, None)


def unpack(array: npt.NDArray[Any], divisor: int | None) -> FloatArray:
    """The original numbers, NaN where missing."""
    if divisor is None:
        return np.asarray(array, dtype=np.float64)
    values: FloatArray = array / float(divisor)
    values[array == np.iinfo(array.dtype).min] = np.nan
    return values


def divisor_of(scale: Any) -> int | None:
    """The divisor of an attribute `scale_factor`; None if `pack` never writes that value."""
    return next((10**k for k in DECIMALS if isinstance(scale, float) and scale == 1 / 10**k), None)


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunk shape of an array by architecture, seed and epoch: many architectures rather than many epochs.

    Most queries are about one epoch, whose numbers are then read without those of the other epochs.
    """
    row = itemsize * math.prod(shape[1:2])
    rows = min(shape[0], max(1, CHUNK_BYTES // row))
    epochs = max(1, CHUNK_BYTES // (rows * row))
    return rows, *shape[1:2], *(min(epochs, length) for length in shape[2:])


def _exact(values: FloatArray, divisor: int) -> bool:
    scaled = np.rint(values * divisor)
    return bool(((scaled / divisor == values) & ~(np.signbit(values) & (values == 0))).all())


def _integers(values: FloatArray, missing: BoolArray, divisor: int) -> npt.NDArray[Any] | None:
    """The numbers times the divisor as integers; None if they are no integers or none of the types fits."""
    scaled = np.where(missing, 0.0, values)
    if not _exact(scaled, divisor):
        return None
    scaled *= divisor
    np.rint(scaled, out=scaled)
    largest = max(float(scaled.max()), -float(scaled.min()))
    dtype = next((dtype for dtype in INTEGER_TYPES if largest <= np.iinfo(dtype).max), None)
    if dtype is None:
        return None
    packed = scaled.astype(dtype)
    packed[missing] = np.iinfo(dtype).min
    return packed

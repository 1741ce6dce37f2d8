"""How numbers lie in a file: decimals of few digits as integers, which compress to a quarter, and in which pieces."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.types import BoolArray, FloatArray

PIECE = 2**19
"""Bytes of a compressed piece."""
DECIMALS = range(7)
"""Numbers with at most so many decimals are stored as integers."""
TYPES = (np.dtype(np.int16), np.dtype(np.int32))
"""Of such integers; the least of each stands for a missing number."""
SAMPLE = 1000


class Packed(NamedTuple):
    """Numbers as they are stored.

    Attributes:
        array: float64, or integers of one of `TYPES`.
        divisor: What the integers are to be divided by, a power of ten; None of float64.
    """

    array: npt.NDArray[Any]
    divisor: int | None

    @property
    def attributes(self) -> dict[str, Any]:
        """What says so in the file, in the words of the CF conventions, which xarray and netCDF tools follow."""
        if self.divisor is None:
            return {}
        return {"scale_factor": 1 / self.divisor, "_FillValue": self.array.dtype.type(np.iinfo(self.array.dtype).min)}


def pack(values: FloatArray, missing: BoolArray) -> Packed:
    """Numbers, NaN where missing, in the smallest type that gives back exactly what it was given."""
    if values.size:
        known = values[~missing][:SAMPLE] if missing.any() else values.ravel()[:SAMPLE]
        for decimals in DECIMALS:
            divisor = 10**decimals
            if _exact(known, divisor):
                packed = _integers(values, missing, divisor)
                if packed is not None:
                    return Packed(packed, divisor)
    return Packed(values, None)


def unpack(array: npt.NDArray[Any], divisor: int | None) -> FloatArray:
    """The numbers that were packed, NaN where missing."""
    if divisor is None:
        return np.asarray(array, dtype=np.float64)
    values: FloatArray = array / float(divisor)
    values[array == np.iinfo(array.dtype).min] = np.nan
    return values


def divisor_of(scale: Any) -> int | None:
    """The divisor that an attribute `scale_factor` stands for; None where it is none of those that are written."""
    return next((10**k for k in DECIMALS if isinstance(scale, float) and scale == 1 / 10**k), None)


def pieces(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """The pieces of an array by architecture, seed and epoch: rather all architectures than many epochs.

    So the numbers at one epoch, which most questions are about, are read without those at the others.
    """
    row = itemsize * math.prod(shape[1:2])
    rows = min(shape[0], max(1, PIECE // row))
    deep = max(1, PIECE // (rows * row))
    return rows, *shape[1:2], *(min(deep, length) for length in shape[2:])


def _exact(values: FloatArray, divisor: int) -> bool:
    scaled = np.rint(values * divisor)
    return bool(((scaled / divisor == values) & ~(np.signbit(values) & (values == 0))).all())


def _integers(values: FloatArray, missing: BoolArray, divisor: int) -> npt.NDArray[Any] | None:
    """The numbers times the divisor; None where they are no integers that fit."""
    scaled = np.where(missing, 0.0, values)
    if not _exact(scaled, divisor):
        return None
    scaled *= divisor
    np.rint(scaled, out=scaled)
    most = max(float(scaled.max()), -float(scaled.min()))
    dtype = next((dtype for dtype in TYPES if most <= np.iinfo(dtype).max), None)
    if dtype is None:
        return None
    packed = scaled.astype(dtype)
    packed[missing] = np.iinfo(dtype).min
    return packed

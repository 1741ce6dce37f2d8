"""Column transform: numbers of any unit and with long tails, such as zero-cost proxies, on one scale.

A proxy is often thousands of its usual spreads away for a few architectures: without a transform, these would decide
what the others are worth.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np

from nasbench.types import FloatArray

LARGEST_FEATURE = 1e30
"""Largest size of a number that is a feature: trees and networks compute in float32, which ends at 3e38."""
QUARTILES_APART = 1.349
"""Distance of the quartiles of a standard normal distribution."""
LEAST_UNIT = 1e-200
"""Numbers up to `LARGEST_FEATURE` are finite in this unit."""


class ColumnTransform(NamedTuple):
    """An increasing function of one column: standardised by median and quartiles, then nearly a logarithm far out.

    Attributes:
        centre: Where it is 0: the median.
        unit: The spread, in the unit of the column; see `fit`.
    """

    centre: float
    unit: float

    @classmethod
    def fit(cls, x: FloatArray) -> Self:
        """The transform for numbers `(n,)`; what is no number, or too large for a feature, does not count.

        The unit is the standard deviation that the distance of the quartiles tells of a normal distribution, or else
        the standard deviation; for a constant its size, or 1 if that is less.
        """
        known = x[np.abs(x) <= LARGEST_FEATURE]
        if not len(known):
            return cls(0.0, 1.0)
        low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
        unit = (high - low) / QUARTILES_APART or known.std() * (np.ptp(known) > 0) or max(abs(centre), 1.0)
        return cls(float(centre), max(float(unit), LEAST_UNIT))

    def __call__(self, x: FloatArray) -> FloatArray:
        """Transformed numbers `(n,)`; what is no number, or too large for a feature, stays as it is."""
        usable = np.abs(x) <= LARGEST_FEATURE
        scaled = (np.where(usable, x, self.centre) - self.centre) / self.unit
        result: FloatArray = np.where(usable, np.arcsinh(scaled), x)
        return result

"""A monotone change of scale that brings skewed targets near to a normal distribution (Yeo & Johnson, 2000).

Accuracies have a long lower tail: a few cells that do not learn at all would otherwise decide what is fitted.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from scipy.special import boxcox1p, inv_boxcox1p

from nasbench.types import FloatArray

PRIOR_STD = 3.0
"""How far the exponent is expected to lie from 1, which changes nothing."""
NODES = np.linspace(-5, 5, 33)
"""Where a standard normal distribution is looked at; evenly, as Gauss-Hermite's nodes miss the ends of the targets."""
WEIGHTS = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()


class Warp(NamedTuple):
    """Standardised targets `z` to warped `w` of mean 0 and standard deviation 1, and back.

    Attributes:
        exponent: Yeo & Johnson's lambda; 1 changes nothing, more stretches the upper end.
        location: Mean of the transformed targets.
        scale: Standard deviation of the transformed targets.
        low: Least target seen.
        high: Greatest target seen.
    """

    exponent: float = 1.0
    location: float = 0.0
    scale: float = 1.0
    low: float = -np.inf
    high: float = np.inf

    @classmethod
    def fit(cls, z: FloatArray) -> Self:
        """The exponent of highest posterior density under a normal prior around 1 (Yeo & Johnson, 2000, eq. 3.1)."""
        from scipy.optimize import minimize_scalar  # takes long to import

        slope = (np.sign(z) * np.log1p(np.abs(z))).sum()

        def loss(exponent: float) -> float:
            deviation = _transform(z, exponent).std()
            if not deviation > 0:
                return np.inf
            likelihood = -len(z) * np.log(deviation) + (exponent - 1) * slope
            return float(0.5 * ((exponent - 1) / PRIOR_STD) ** 2 - likelihood)

        exponent = float(minimize_scalar(loss, bounds=(-8, 10), method="bounded").x)
        w = _transform(z, exponent)
        return cls(exponent, float(w.mean()), float(w.std()), float(z.min()), float(z.max()))

    def forward(self, z: FloatArray) -> FloatArray:
        """Warped targets of `(n,)` seen ones."""
        return (_transform(z, self.exponent) - self.location) / self.scale

    def inverse(self, w: FloatArray) -> FloatArray:
        """Inverse of `forward`; beyond the targets seen a straight line, no steeper than on the mean between them.

        Without that line a lower tail would end in minus infinity.
        """
        ends = np.array([self.low, self.high])
        w_low, w_high = self.forward(ends)
        local = self.scale * (1 + np.abs(ends)) ** ((1 - self.exponent) * np.sign(ends))
        below, above = np.minimum(local, (self.high - self.low) / (w_high - w_low))
        inside = np.clip(w, w_low, w_high)
        z = _inverse(inside * self.scale + self.location, self.exponent)
        z += below * np.minimum(w - w_low, 0) + above * np.maximum(w - w_high, 0)
        return z

    def moments(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation `(n,)` of `z` where `w` is normal with those; by the trapezoidal rule."""
        if self.exponent == 1:
            return mean, std
        z = self.inverse(mean[:, None] + std[:, None] * NODES)  # (n, nodes)
        centre = z @ WEIGHTS
        deviation = np.sqrt((z - centre[:, None]) ** 2 @ WEIGHTS)
        return centre, np.copysign(deviation, std)  # a wrong sign stays visible


def _transform(z: FloatArray, exponent: float) -> FloatArray:
    upper, lower = boxcox1p(np.maximum(z, 0), exponent), boxcox1p(np.maximum(-z, 0), 2 - exponent)
    result: FloatArray = np.where(z >= 0, upper, -lower)
    return result


def _inverse(w: FloatArray, exponent: float) -> FloatArray:
    upper, lower = inv_boxcox1p(np.maximum(w, 0), exponent), inv_boxcox1p(np.maximum(-w, 0), 2 - exponent)
    result: FloatArray = np.where(w >= 0, upper, -lower)
    return result

"""Target transform: standardised, then brought near to a normal distribution (Yeo & Johnson, 2000).

Accuracies have a long lower tail: without a transform, a few cells that do not learn would decide the fit.
"""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.types import FloatArray

EXPONENT_PRIOR_STD = 3.0
"""Prior standard deviation of the exponent around 1 (the identity)."""
QUADRATURE_NODES = read_only(np.linspace(-5, 5, 33))
"""Nodes in standard deviations; equally spaced, because Gauss-Hermite nodes are sparse where targets end."""
QUADRATURE_WEIGHTS = read_only(np.exp(-0.5 * QUADRATURE_NODES**2) / np.exp(-0.5 * QUADRATURE_NODES**2).sum())


class YeoJohnson(NamedTuple):
    """Power transform from standardised targets `z` to `w` of mean 0 and standard deviation 1, and back.

    Attributes:
        exponent: Yeo & Johnson's lambda; 1 is the identity, more stretches the upper end.
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
            return float(0.5 * ((exponent - 1) / EXPONENT_PRIOR_STD) ** 2 - likelihood)

        exponent = float(minimize_scalar(loss, bounds=(-8, 10), method="bounded").x)
        w = _transform(z, exponent)
        return cls(exponent, float(w.mean()), float(w.std()), float(z.min()), float(z.max()))

    def forward(self, z: FloatArray) -> FloatArray:
        """Transformed targets `(n,)` of standardised ones."""
        return (_transform(z, self.exponent) - self.location) / self.scale

    def inverse(self, w: FloatArray) -> FloatArray:
        """Inverse of `forward`, continued beyond the targets seen by a straight line of at most the mean slope.

        Without that line a lower tail would end in minus infinity.
        """
        if self.exponent == 1:
            return w * self.scale + self.location
        ends = np.array([self.low, self.high])
        w_low, w_high = self.forward(ends)
        local = self.scale * (1 + np.abs(ends)) ** ((1 - self.exponent) * np.sign(ends))
        below, above = np.minimum(local, (self.high - self.low) / (w_high - w_low))
        inside = np.clip(w, w_low, w_high)
        z = _inverse(inside * self.scale + self.location, self.exponent)
        z += below * np.minimum(w - w_low, 0) + above * np.maximum(w - w_high, 0)
        return z

    def moments(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moments `(n,)` of `z` where `w` is normal with these moments, by the trapezoidal rule."""
        if self.exponent == 1:
            return mean, std
        z = self.inverse(mean[:, None] + std[:, None] * QUADRATURE_NODES)  # (n, nodes)
        centre = z @ QUADRATURE_WEIGHTS
        deviation = np.sqrt((z - centre[:, None]) ** 2 @ QUADRATURE_WEIGHTS)
        return centre, np.copysign(deviation, std)  # a wrong sign stays visible


class TargetTransform(NamedTuple):
    """Invertible transform from targets in their unit to the scale on which predictors learn.

    Attributes:
        location: Mean of the targets.
        scale: Standard deviation of the targets.
        power: Transform of the standardised targets.
    """

    location: float = 0.0
    scale: float = 1.0
    power: YeoJohnson = YeoJohnson()

    @classmethod
    def fit(cls, y: FloatArray, power: bool = True) -> Self:
        """Transform for targets `(n,)`; without `power` they are only standardised."""
        size = power_of_two(y)
        location, scale = size * float((y / size).mean()), size * float((y / size).std())
        if scale <= 1e-12 * np.abs(y).max():  # constant up to rounding
            return cls(location, 1e-3 * (abs(location) or 1.0))
        return cls(location, scale, YeoJohnson.fit((y - location) / scale) if power else YeoJohnson())

    def forward(self, y: npt.ArrayLike) -> FloatArray:
        """Transformed targets; an increasing function, same shape."""
        return self.power.forward((np.asarray(y, dtype=np.float64) - self.location) / self.scale)

    def inverse(self, w: FloatArray) -> FloatArray:
        """Inverse of `forward`, same shape."""
        return self.power.inverse(w) * self.scale + self.location

    def moments(self, mean: FloatArray, std: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Moments `(n,)` in the unit of the targets where the transformed target is normal with these moments."""
        mean, std = self.power.moments(mean, std)
        return mean * self.scale + self.location, std * self.scale


def power_of_two(values: FloatArray) -> float:
    """The least above all sizes: divided by it, values change no digit, and their squares stay numbers."""
    return 2.0 ** int(np.frexp(np.abs(values).max())[1])


def _transform(z: FloatArray, exponent: float) -> FloatArray:
    from scipy.special import boxcox1p  # takes long to import

    upper, lower = boxcox1p(np.maximum(z, 0), exponent), boxcox1p(np.maximum(-z, 0), 2 - exponent)
    result: FloatArray = np.where(z >= 0, upper, -lower)
    return result


def _inverse(w: FloatArray, exponent: float) -> FloatArray:
    from scipy.special import inv_boxcox1p  # takes long to import

    upper, lower = inv_boxcox1p(np.maximum(w, 0), exponent), inv_boxcox1p(np.maximum(-w, 0), 2 - exponent)
    result: FloatArray = np.where(w >= 0, upper, -lower)
    return result

"""Kernel density over categorical choices, a product over positions (Aitchison & Aitken, 1976, Biometrika 63)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import logsumexp

from nasbench.types import FloatArray, GenotypeArray, IntArray

MIN_BANDWIDTH = 1e-3
"""Least chance of another option than the one of a data point."""


class CategoricalDensity:
    """Mean over data points of the chance that each position keeps its option or takes another.

    At a position with c options, a kernel keeps the option of its data point with the chance 1 - h, and takes each
    other one with h / (c - 1). The bandwidth h is the Gini impurity of the data at this position, which measures how
    much they differ and does not depend on how options are numbered, times n^(-1 / (4 + d)) as in the rule of Scott
    (1992) for n points of d positions; never below `MIN_BANDWIDTH`.

    Args:
        genotypes: Data points `(n, d)`, at least one.
        cardinalities: Number of options at each position, `(d,)`.
    """

    def __init__(self, genotypes: GenotypeArray, cardinalities: IntArray) -> None:
        n, d = genotypes.shape
        self._genotypes, self._cardinalities = genotypes, np.asarray(cardinalities)
        shares = (genotypes[:, :, None] == np.arange(self._cardinalities.max())).mean(axis=0)  # (d, options)
        self.bandwidths: FloatArray = np.maximum((1 - (shares**2).sum(axis=1)) * n ** (-1 / (4 + d)), MIN_BANDWIDTH)
        self.bandwidths[self._cardinalities == 1] = 0.0  # there is no other option

    def log_density(self, genotypes: GenotypeArray) -> FloatArray:
        """Logarithm of the chance of each of `(m, d)` genotypes; shape `(m,)`."""
        with np.errstate(divide="ignore"):  # of positions with one option, which are never different
            keeps = np.log1p(-self.bandwidths)
            takes = np.log(self.bandwidths / np.maximum(self._cardinalities - 1, 1))
        same = genotypes[:, None] == self._genotypes  # (m, n, d)
        kernels = np.where(same, keeps, takes).sum(axis=2)  # (m, n)
        result: FloatArray = logsumexp(kernels, axis=1) - math.log(len(self._genotypes))
        return result

    def sample(self, n: int, rng: np.random.Generator, widening: float = 1.0) -> GenotypeArray:
        """Draw `n` genotypes `(n, d)`, with bandwidths multiplied by `widening`, up to where all options are equal."""
        widest = 1 - 1 / self._cardinalities
        bandwidths = np.minimum(self.bandwidths * widening, widest)
        points = self._genotypes[rng.integers(len(self._genotypes), size=n)]
        others = rng.integers(1, np.maximum(self._cardinalities, 2), size=points.shape)  # steps to another option
        changed = (points + others) % self._cardinalities
        return np.where(rng.random(points.shape) < bandwidths, changed, points).astype(np.int8)

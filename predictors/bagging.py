"""Bootstrap aggregation (Breiman, 1996): the spread of an ensemble, and the noise that its out-of-bag errors show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.types import FloatArray

LEAST_NOISE = 1e-3
"""Variance of the noise, relative to the targets', that no out-of-bag error goes below."""


def bootstrap(n: int, members: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """How often each member of an ensemble sees each of `n` rows; shape `(members, n)`, each member sees n in all."""
    return rng.multinomial(n, np.full(n, 1 / n), size=members)


def out_of_bag_noise(predictions: FloatArray, counts: npt.NDArray[np.int64], z: FloatArray) -> float:
    """Variance that must be added to the spread of the members to match the squared error on rows they did not see.

    Args:
        predictions: Of each member for each training row; shape `(members, n)`.
        counts: What `bootstrap` drew; shape `(members, n)`.
        z: Targets of variance 1; shape `(n,)`.

    Returns:
        At least `LEAST_NOISE`; 1, the variance of the targets, where no row is unseen by two members.
    """
    unseen = counts == 0
    voters = unseen.sum(axis=0)
    rows = voters > 1
    if not rows.any():
        return 1.0
    mean = np.where(unseen, predictions, 0).sum(axis=0)[rows] / voters[rows]
    spread = (np.where(unseen[:, rows], predictions[:, rows] - mean, 0) ** 2).sum(axis=0) / voters[rows]
    return max(float(np.mean((z[rows] - mean) ** 2 - spread)), LEAST_NOISE)


def out_of_bag_error(predictions: FloatArray, counts: npt.NDArray[np.int64], z: FloatArray) -> float:
    """Mean squared error of the mean of the members that did not see a row; arguments as of `out_of_bag_noise`.

    1, that of the mean of the targets, where every row is seen by all members.
    """
    unseen = counts == 0
    voters = unseen.sum(axis=0)
    rows = voters > 0
    mean = np.where(unseen, predictions, 0).sum(axis=0)[rows] / voters[rows]
    return float(np.mean((z[rows] - mean) ** 2)) if rows.any() else 1.0

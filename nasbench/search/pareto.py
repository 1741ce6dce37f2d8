"""Pareto fronts and their hypervolume, exactly (Zitzler & Thiele, 1999; While et al., 2012)."""

from __future__ import annotations

import numpy as np

from nasbench.types import BoolArray, FloatArray


def non_dominated(points: FloatArray) -> BoolArray:
    """Which of `n` points `(n, m)`, more being better, no other point beats; of equal points all, NaN none.

    A point beats another if it is nowhere worse and somewhere better.

    >>> non_dominated(np.array([[1.0, 3.0], [2.0, 1.0], [1.0, 1.0]])).tolist()
    [True, True, False]
    """
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    order = known[np.lexsort(-points[known].T[::-1])]  # best first objective first: only earlier ones can dominate
    result = np.zeros(len(points), dtype=bool)
    if points.shape[1] == 2 and len(order):
        x, y = points[order].T
        best = np.concatenate([[-np.inf], np.maximum.accumulate(y)[:-1]])  # among earlier points
        equal = np.concatenate([[False], (np.diff(x) == 0) & (np.diff(y) == 0)])
        first = np.maximum.accumulate(np.where(equal, 0, np.arange(len(x))))  # of each run of equal points
        result[order] = (y > best)[first]
        return result
    front: list[int] = []
    for row in order.tolist():
        point = points[row]
        others = points[front]
        if not ((others >= point).all(axis=1) & (others > point).any(axis=1)).any():
            front.append(row)
            result[row] = True
    return result


def hypervolume(points: FloatArray, reference: FloatArray) -> float:
    """Volume that `n` points `(n, m)`, more being better, dominate above a reference point `(m,)`.

    Exact: a sweep for two objectives, slices along the last objective for more. Points that are not above the
    reference in every objective add nothing.

    >>> hypervolume(np.array([[1.0, 3.0], [2.0, 1.0]]), np.zeros(2))  # a column of 3 and one of 1
    4.0
    """
    above = points[(points > reference).all(axis=1)] - reference
    return _volume(above[non_dominated(above)]) if len(above) else 0.0


def _volume(front: FloatArray) -> float:
    """Volume between the origin and points `(n, m)` that do not dominate each other."""
    if front.shape[1] == 1:
        return float(front.max())
    if front.shape[1] == 2:
        x, y = np.unique(front, axis=0).T  # x increases, so y decreases
        return float((np.diff(x, prepend=0.0) * y).sum())
    heights = np.unique(front[:, -1])
    total = 0.0
    for height, thickness in zip(heights, np.diff(heights, prepend=0.0), strict=True):
        slab = front[front[:, -1] >= height, :-1]
        total += float(thickness) * _volume(slab[non_dominated(slab)])
    return total

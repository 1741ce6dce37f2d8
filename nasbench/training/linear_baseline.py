"""Linear baseline: a ridge classifier on raw inputs, the accuracy that networks must beat."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import Data


def linear_accuracy(data: Data, penalty: float = 1.0) -> dict[str, float] | None:
    """Accuracy of least squares on class indicators, in percent, on the validation and test parts.

    Inputs are standardised by mean and standard deviation of the training part (Hastie, Tibshirani & Friedman, 2009,
    section 4.2, with an L2 penalty). The solution is in closed form, so it is deterministic and fast. With fewer
    training rows than inputs it is that of the dual problem, x' (x x' + penalty I)^-1 y.

    Args:
        data: The data set.
        penalty: Weight of the squared coefficients relative to the sum of squared training residuals.

    Returns:
        Accuracy by split; None if a linear model does not apply.
    """
    flattened = data.flat()
    if flattened is None:
        return None
    flat, labels = flattened
    train = data.splits["train"]
    location, scale = flat[train].mean(axis=0), flat[train].std(axis=0)
    flat = (flat - location) / np.where(scale > 0, scale, 1.0)
    targets = np.eye(int(labels.max()) + 1)[labels[train]]  # (n, classes)
    x, offset = flat[train], targets.mean(axis=0)
    primal = len(x) >= x.shape[1]
    gram = x.T @ x if primal else x @ x.T  # the smaller of (f, f) and (n, n)
    gram[np.diag_indices_from(gram)] += penalty
    residuals = targets - offset
    solved = np.linalg.solve(gram, x.T @ residuals if primal else residuals)
    weights = solved if primal else x.T @ solved  # (f, classes)
    return {
        split: 100.0 * float(np.mean((flat[rows] @ weights + offset).argmax(axis=1) == labels[rows]))
        for split, rows in data.splits.items()
        if split != "train"
    }

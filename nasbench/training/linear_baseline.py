"""What a linear model gets on the same data: a ridge classifier on raw inputs, the floor that networks must beat."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import Data


def linear_accuracy(data: Data, penalty: float = 1.0) -> dict[str, float] | None:
    """Accuracy in percent, on validation and test part, of least squares on class indicators.

    Inputs are standardised by their mean and standard deviation over the training part (Hastie, Tibshirani &
    Friedman, 2009, section 4.2, with an L2 penalty). Closed form, so it is deterministic and fast.

    Args:
        data: What networks are trained on.
        penalty: Weight of the squared coefficients against the squared residuals summed over the training part.

    Returns:
        By split; None where a linear model does not apply.
    """
    found = data.flat()
    if found is None:
        return None
    flat, labels = found
    train = data.splits["train"]
    location, scale = flat[train].mean(axis=0), flat[train].std(axis=0)
    flat = (flat - location) / np.where(scale > 0, scale, 1.0)
    targets = np.eye(int(labels.max()) + 1)[labels[train]]  # (n, classes)
    x, offset = flat[train], targets.mean(axis=0)
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (targets - offset))  # (f, classes)
    return {
        split: 100.0 * float(np.mean((flat[rows] @ weights + offset).argmax(axis=1) == labels[rows]))
        for split, rows in data.splits.items()
        if split != "train"
    }

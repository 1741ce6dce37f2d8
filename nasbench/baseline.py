"""What a linear model gets on the same data: a ridge classifier on raw pixels, the floor that cells must beat."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import ImageData


def linear_accuracy(data: ImageData, penalty: float = 1.0) -> dict[str, float]:
    """Accuracy in percent, on validation and test images, of least squares on class indicators.

    Pixels are standardised by their mean and standard deviation over the training images (Hastie, Tibshirani &
    Friedman, 2009, section 4.2, with an L2 penalty). Closed form, so it is deterministic and fast.

    Args:
        data: Images with their splits.
        penalty: Weight of the squared coefficients against the squared residuals summed over training images.
    """
    flat = data.images.reshape(len(data.images), -1).astype(np.float64)
    train = data.splits["train"]
    location, scale = flat[train].mean(axis=0), flat[train].std(axis=0)
    flat = (flat - location) / np.where(scale > 0, scale, 1.0)
    targets = np.eye(data.classes)[data.labels[train]]  # (n, classes)
    x, offset = flat[train], targets.mean(axis=0)
    gram = x.T @ x + penalty * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (targets - offset))  # (pixels, classes)
    return {
        split: 100.0 * float(np.mean((flat[rows] @ weights + offset).argmax(axis=1) == data.labels[rows]))
        for split, rows in data.splits.items()
        if split != "train"
    }

"""Handwritten digits as a graph: each is joined to the digits that look most like it, and few are labelled."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import Dataset
from nasbench.datasets.graphs import GraphData, both_ways
from nasbench.datasets.splits import split
from nasbench.errors import InputError


class DigitsGraph(Dataset):
    """The 1,797 images of scikit-learn, joined by nearest neighbours: a task in which few labels have to go far.

    A node's features are its 64 pixels. Distances are of whole numbers, so they are exact, and of equally near images
    the one that comes first is nearer: the graph is the same on every machine.

    Why 40 labels: of 16 random networks of NAS-Bench-Graph (16 channels, 100 epochs, 2 seeds each) 10 beat the linear
    model's test accuracy of 71.5 %, and networks differ by 4.6 points (standard deviation) where seeds differ by 2.8.
    With 100 labels all beat its 78.4 %, but they lie closer together: 2.4 points where seeds differ by 1.3, and in a
    sample of 6 networks 0.9 by 1.4.

    Args:
        train: Images whose class is known.
        validation: Validation images.
        test: Test images; None takes all that are left.
        neighbours: To how many others each image is joined (and more, where others are joined to it).
    """

    name = "digits_graph"
    source = (
        "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI Machine Learning Repository, 1998)"
        ", test part, from scikit-learn, joined by nearest neighbours"
    )

    def __init__(self, train: int = 40, validation: int = 600, test: int | None = None, neighbours: int = 5) -> None:
        self.train, self.validation, self.test, self.neighbours = train, validation, test, neighbours

    def load(self) -> GraphData:
        """Read, join and cut."""
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)  # intensities are whole numbers from 0 to 16
        n, labels = len(pixels), labels.astype(np.int64)
        k = self.neighbours
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k < n:
            raise InputError(f"neighbours must be a whole number from 1 to {n - 1}, got {k!r}")
        squares = (pixels**2).sum(axis=1)
        distances = squares[:, None] + squares - 2 * pixels @ pixels.T  # exact: whole numbers below 2^53
        np.fill_diagonal(distances, np.inf)
        nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
        edges = both_ways(np.stack([np.repeat(np.arange(n), k), nearest.ravel()]))
        test = n - self.train - self.validation if self.test is None else self.test
        splits = split({"train": labels}, self.train, self.validation, test)
        return GraphData((pixels / 16).astype(np.float32), edges, labels, splits, 10)

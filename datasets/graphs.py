"""One graph with a class for each node, for node classification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import Data, Splits
from nasbench.tasks.nodes import NodeClassification

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class GraphData(Data):
    """A graph with the classes and the splits of its nodes.

    Attributes:
        features: Features of each node; float32, shape `(nodes, f)`.
        edges: Source and target of each edge, in both directions; int64, shape `(2, e)`.
        labels: Class of each node; int64, shape `(nodes,)`.
        splits: Node numbers of each split.
        classes: Number of classes.
    """

    features: npt.NDArray[np.float32]
    edges: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    splits: Splits
    classes: int

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.labels)

    @property
    def task(self) -> NodeClassification:
        """Transductive node classification: the whole graph is known, and the classes of training nodes."""
        return NodeClassification(self.features, self.edges, self.classes)

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Features, edges and labels."""
        return self.features, self.edges, self.labels

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Features and labels."""
        return self.features.astype(np.float64), self.labels

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Node numbers and classes of each split, both int64 `(n,)`."""
        import torch

        return {
            split: (torch.tensor(rows, device=device), torch.from_numpy(self.labels[rows]).to(device))
            for split, rows in self.splits.items()
        }


def both_ways(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Directed edges `(2, e)`, sorted and unique, of connected pairs of nodes `(2, p)`."""
    edges = np.concatenate([pairs, pairs[::-1]], axis=1)
    unique: npt.NDArray[np.int64] = np.unique(edges, axis=1)
    return unique

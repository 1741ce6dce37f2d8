"""One graph whose nodes have classes: what networks for node classification are trained on."""

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
    """A graph, the classes of its nodes, and which of them belong to which split.

    Attributes:
        features: Of each node; float32, shape `(nodes, f)`.
        edges: Source and target of each edge, both directions of what is joined; int64, shape `(2, e)`.
        labels: Class of each node; int64, shape `(nodes,)`.
        splits: Numbers of the nodes of each part.
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
        """One class for each node; the graph is known, and the classes of the training nodes are."""
        return NodeClassification(self.features, self.edges, self.classes)

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Features, edges and labels."""
        return self.features, self.edges, self.labels

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Features and labels."""
        return self.features.astype(np.float64), self.labels

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Each split's numbers of nodes and their classes, both int64 `(n,)`."""
        import torch

        return {
            split: (torch.from_numpy(rows).to(device), torch.from_numpy(self.labels[rows]).to(device))
            for split, rows in self.splits.items()
        }


def both_ways(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The edges `(2, e)` of pairs of joined nodes `(2, p)`, in both directions, each once, in order."""
    edges = np.concatenate([pairs, pairs[::-1]], axis=1)
    unique: npt.NDArray[np.int64] = np.unique(edges, axis=1)
    return unique

"""Node classification: one class per node of a graph, in the transductive setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from nasbench.tasks.classification import Classification

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, eq=False)
class NodeClassification(Classification):
    """Inputs are indices of nodes `(b,)`, int64; outputs are logits `(b, classes)`.

    The graph is part of the problem and the same for all inputs (the transductive setting of Kipf & Welling, 2017): a
    network holds it, computes all nodes, and returns the logits of the requested ones. It never sees the classes.

    Attributes:
        features: Features of each node; float32, shape `(nodes, f)`.
        edges: Source and target of each edge, in both directions; int64, shape `(2, e)`.
        classes: Number of classes.
    """

    features: npt.NDArray[np.float32]
    edges: npt.NDArray[np.int64]
    classes: int

    name: ClassVar[str] = "node_classification"
    scored: ClassVar[str] = "Nodes classified correctly"
    training: ClassVar[dict[str, Any]] = {"optimiser": "adamw", "learning_rate": 0.01, "weight_decay": 0.01}

    @classmethod
    def small(cls) -> Self:
        """A ring of twelve nodes with four chords, in three classes."""
        around, across = np.arange(12), np.arange(4)
        pairs = np.concatenate([[around, (around + 1) % 12], [across, across + 6]], axis=1)
        features = np.stack([np.cos(around), np.sin(around), around % 3 == 0, around % 2], axis=1)
        return cls(features.astype(np.float32), np.concatenate([pairs, pairs[::-1]], axis=1), 3)

    def inputs(self, n: int) -> torch.Tensor:
        """The first `n` nodes, cyclically."""
        import torch

        return torch.arange(n) % len(self.features)

    def targets(self, n: int) -> torch.Tensor:
        """Classes `(n,)` in turn."""
        import torch

        return torch.arange(n) % self.classes

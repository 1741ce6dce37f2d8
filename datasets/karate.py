"""Zachary's karate club: 34 members, who knows whom, and which of two clubs each joined when it split (1977)."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import Dataset
from nasbench.datasets.graphs import GraphData, both_ways
from nasbench.datasets.splits import split


class Karate(Dataset):
    """The smallest real graph there is: one member more or less right is 8 percentage points. To try things on.

    A node's feature is who it is (one-hot), so a linear model knows nothing of members it has not seen.

    Les Miserables, the other small graph that is often shown, is no data set here: its characters have no classes.

    Args:
        train: Members whose club is known.
        validation: Members for validation.
        test: Members for the test.
    """

    name = "karate"
    source = "Zachary, An information flow model for conflict and fission in small groups (1977), from networkx"

    def __init__(self, train: int = 10, validation: int = 12, test: int = 12) -> None:
        self.train, self.validation, self.test = train, validation, test

    def load(self) -> GraphData:
        """Read and cut."""
        import networkx as nx

        graph = nx.karate_club_graph()
        clubs = [club for _, club in graph.nodes(data="club")]
        labels = np.array([club == "Officer" for club in clubs]).astype(np.int64)
        splits = split({"train": labels}, self.train, self.validation, self.test)
        edges = both_ways(np.array(graph.edges, dtype=np.int64).T)
        return GraphData(np.eye(len(labels), dtype=np.float32), edges, labels, splits, 2)

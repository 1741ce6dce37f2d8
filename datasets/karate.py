"""Zachary's karate club (1977): friendships of 34 members, and the club each joined after the split."""

from __future__ import annotations

import numpy as np

from nasbench.datasets.base import Dataset
from nasbench.datasets.graphs import GraphData, both_ways
from nasbench.datasets.splits import split


class Karate(Dataset):
    """The smallest real graph, for quick trials: one test member is 8 percentage points of accuracy.

    A node's features are its one-hot number, so a linear model knows nothing about members outside the training set.

    Les Miserables, the other popular small graph, is not offered: its characters have no classes.

    Args:
        train: Members with a known club.
        validation: Validation members.
        test: Test members.
    """

    name = "karate"
    source = "Zachary, An information flow model for conflict and fission in small groups (1977), from networkx"

    def __init__(self, train: int = 10, validation: int = 12, test: int = 12) -> None:
        self.train, self.validation, self.test = train, validation, test

    def load(self) -> GraphData:
        """Read and split."""
        import networkx as nx

        graph = nx.karate_club_graph()
        clubs = [club for _, club in graph.nodes(data="club")]
        labels = np.array([club == "Officer" for club in clubs]).astype(np.int64)
        splits = split({"train": labels}, self.train, self.validation, self.test)
        edges = both_ways(np.array(graph.edges, dtype=np.int64).T)
        return GraphData(np.eye(len(labels), dtype=np.float32), edges, labels, splits, 2)

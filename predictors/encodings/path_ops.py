"""Operations on the paths of the flow: the most, the fewest and the mean on a path (Kadlecová et al., 2024, GRAF)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding
from nasbench.predictors.encodings.flow import Flow
from nasbench.spaces.base import Space
from nasbench.types import FloatArray

MAX_OPS = 4
"""Most operations of which all sets are counted; of more, each by itself and all together."""
ENDS = ("input", "output")


class PathOps(Encoding):
    """For each set of operations and each cell, how many of its nodes lie on a path from input to output.

    Over all paths: the most, the fewest, and the mean; each is a group. With all convolutions as the set, the most is
    their number on the deepest path, and so tells how far a network sees. -1 where no path is.
    """

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, 3 * cells * sets)`."""
        sets = _sets(cells.space)
        number = max(cells.space.node_cells) + 1
        weights = np.kron(np.eye(number), sets.T)  # (cells * ops, cells * sets)
        return Block.apart(np.concatenate(on_paths(cells.flow, cells.labels_by_cell @ weights), axis=1))


def _sets(space: Space) -> FloatArray:
    """Sets of operations that do something, each as a row of ones and zeros over `space.ops`; shape `(sets, ops)`."""
    idle = (*space.zero_ops, *space.identity_ops, *ENDS)
    ops = [op for op, name in enumerate(space.ops) if name not in idle]
    sizes = range(1, len(ops) + 1) if len(ops) <= MAX_OPS else sorted({1, len(ops)})
    chosen = [list(members) for size in sizes for members in combinations(ops, size)]
    rows = np.zeros((len(chosen), len(space.ops)))
    for row, members in zip(rows, chosen, strict=True):
        row[members] = 1
    return rows


def on_paths(flow: Flow, amounts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Largest, smallest and mean total of `amounts` `(n, v, s)` of the nodes of a path; each `(n, s)`, -1 without one.

    Nodes are taken in the order of the flow, in which edges lead forwards (the recursion for longest paths). Cells lie
    along the last axis, on which arithmetic is fast.
    """
    edges = np.ascontiguousarray(flow.edges.transpose(1, 2, 0))  # (v, v, n)
    amounts = np.ascontiguousarray(amounts.transpose(1, 2, 0))  # (v, s, n)
    most, fewest = amounts.copy(), amounts.copy()
    paths = np.ascontiguousarray(flow.inputs.T).astype(np.float64)  # from an input to each node
    total = amounts * paths[:, None]
    for node in range(1, len(paths)):
        highest, lowest = np.full(amounts.shape[1:], -np.inf), np.full(amounts.shape[1:], np.inf)
        summed, arriving = np.zeros(amounts.shape[1:]), np.zeros(paths.shape[1])
        for source in np.flatnonzero(edges[:node, node].any(axis=1)):
            ways = edges[source, node]
            absent = np.where(ways > 0, 0.0, np.inf)
            np.maximum(highest, most[source] - absent, out=highest)
            np.minimum(lowest, fewest[source] + absent, out=lowest)
            summed += ways * total[source]
            arriving += ways * paths[source]
        most[node] += np.where(np.isfinite(highest), highest, 0)
        fewest[node] += np.where(np.isfinite(lowest), lowest, 0)
        paths[node] += arriving
        total[node] += summed + arriving * amounts[node]
    outputs = np.ascontiguousarray(flow.outputs.T)
    beyond = np.where(outputs, 0.0, np.inf)[:, None]
    number = (paths * outputs).sum(axis=0)
    mean = (total * outputs[:, None]).sum(axis=0) / np.maximum(number, 1)
    extremes = ((most - beyond).max(axis=0), (fewest + beyond).min(axis=0))
    return tuple(np.where(number > 0, values, -1.0).T for values in (*extremes, mean))  # type: ignore[return-value]

"""Statistics of graphs that mean the same in every space: depth, width, paths, reach and cost of what flows."""

from __future__ import annotations

import numpy as np

from nasbench.predictors.encodings.base import Block, Cells, Encoding
from nasbench.predictors.encodings.path_ops import on_paths
from nasbench.spaces.base import Space
from nasbench.spaces.operations import operations
from nasbench.types import BoolArray, FloatArray

AMOUNTS = ("layers", "poolings", "depthwise", "reach", "cost")
"""What is summed over live nodes, and along paths; see `nasbench.spaces.operations`."""
SIZES = {
    "width": ("channels", "embed", "hidden"),
    "inner": ("expansion", "feed_forward", "heads", "cross_heads", "stacked", "repeats", "level"),
    "resolution": ("resolution",),
}
"""Attributes of nodes whose totals are one statistic."""
NAMES = (
    *AMOUNTS,
    *(f"{kind}_{amount}" for kind in ("most", "fewest", "mean") for amount in AMOUNTS),
    *("longest", "shortest", "mean_length", "paths", "alive", "nodes", "edges", "direct", "fan_in", "parallel"),
    *("bottlenecks", "bottleneck_layers"),
    *SIZES,
)
"""Name of each column."""


class Statistics(Encoding):
    """Numbers that every space has, in the order of `NAMES`; each is a group.

    Amounts (`AMOUNTS`) of all live operations, and their largest, smallest and mean total along a path from input to
    output: with `reach` the receptive field, with `layers` the trainable layers on the deepest path. Then the length of
    the longest and the shortest path and the mean length, log(1 + number of paths), whether there is one, the number of
    live operations, log(1 + edges), the edges from input to output, the log of the most edges into a node, and layers
    in parallel (all over those of the deepest path). Then operations and layers on every path, which dominate the
    output, and the sums over nodes of log(1 + attribute), of widths, inner sizes and resolutions. A path without
    operations has length 0; where there is no path, it is -1.
    """

    def encode(self, cells: Cells) -> Block:
        """Shape `(n, len(NAMES))`."""
        flow, facts = cells.flow, operations(cells.space)
        per_op = np.stack([np.asarray(fact, dtype=np.float64) for fact in facts], axis=1)  # (ops, amounts)
        ends = np.isin(cells.space.ops, ["input", "output"])
        live = flow.live & ~flow.identity & ~flow.labels[:, :, ends].any(axis=2)
        of_nodes: FloatArray = (flow.labels * live[:, :, None]) @ per_op  # (n, v, amounts)
        most, fewest, mean = on_paths(flow, of_nodes)
        lengths = [length[:, 0] for length in on_paths(flow, live[:, :, None].astype(np.float64))]
        before = _paths(flow.edges, flow.inputs)
        after = _paths(flow.edges.transpose(0, 2, 1)[:, ::-1, ::-1], flow.outputs[:, ::-1])[:, ::-1]
        paths = (before * flow.outputs).sum(axis=1)
        always = live & (before * after == paths[:, None])
        weighted = of_nodes[:, :, 0] > 0
        directly = flow.inputs[:, :, None] & flow.outputs[:, None, :]
        others = [
            *lengths,
            np.log1p(paths),
            paths > 0,
            live.sum(axis=1),
            np.log1p(flow.edges.sum(axis=(1, 2))),
            (flow.edges * directly).sum(axis=(1, 2)),
            np.log1p(flow.edges.sum(axis=1).max(axis=1)),
            weighted.sum(axis=1) / np.maximum(most[:, 0], 1),
            always.sum(axis=1),
            (always & weighted).sum(axis=1),
        ]
        return Block.apart(
            np.concatenate([of_nodes.sum(axis=1), most, fewest, mean, np.stack(others, axis=1), _sizes(cells)], axis=1)
        )


def _paths(edges: FloatArray, starts: BoolArray) -> FloatArray:
    """Number of paths from a start to each node; shape `(n, v)`. Edges `(n, v, v)` lead to later nodes."""
    paths = starts.astype(np.float64)
    for node in range(1, paths.shape[1]):
        paths[:, node] += (edges[:, :node, node] * paths[:, :node]).sum(axis=1)
    return paths


def _sizes(cells: Cells) -> FloatArray:
    """Totals of the attributes of `SIZES`, 0 where a space has none; shape `(n, 3)`."""
    space: Space = cells.space
    if not space.attributes:
        return np.zeros((len(cells.genotypes), len(SIZES)))
    values = np.log1p(np.maximum(space.node_values(cells.genotypes), 0))  # (n, v, attributes)
    chosen = [[space.attributes.index(name) for name in names if name in space.attributes] for names in SIZES.values()]
    return np.stack([values[:, :, columns].sum(axis=(1, 2)) for columns in chosen], axis=1)

"""Encodings of what a cell computes, for every space and whatever the numbering of its nodes.

An operation that no information passes through says nothing about accuracy, and an identity only says who is connected
with whom. So the *flow* of a cell is its graph without dead nodes, in which identities are replaced by the connections
they make; it is encoded by its operations, by which operation feeds which, and by how many ways lead through it. On
NAS-Bench-201 this explains far more per training architecture than the one-hot encoding does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

FLOW = ("live", "pairs", "ways")
"""Encodings of the flow; `Space.feature_kinds` names those of a space."""
SUMS, STAGE = "sums", "stage"
"""The encoding of sizes, and the attribute that says which part of a network a node belongs to."""
CELL = "live/pairs/ways/counts/onehot"
"""What flows, for accuracies, and what is there, for costs: dead operations take time and memory too."""
SIZED = "onehot/sums"
"""What is chosen, and how large that makes the network."""
DEFAULT = "default"
"""Stands for `CELL`, or for `SIZED` where the nodes of a space have sizes: `Space.attributes`."""


class Flow(NamedTuple):
    """What passes through `n` cells of at most `v` nodes.

    Attributes:
        edges: Number of ways from node to node on which all between is an identity; shape `(n, v, v)`.
        labels: Each node's operation, one-hot; zero where there is no node; shape `(n, v, ops)`.
        live: Nodes on a way from an input to an output that nothing blocks; shape `(n, v)`.
        inputs: Live nodes that nothing leads to; shape `(n, v)`.
        outputs: Live nodes that lead to nothing; shape `(n, v)`.
        identity: Live nodes whose operation is the identity; shape `(n, v)`.
    """

    edges: FloatArray
    labels: FloatArray
    live: BoolArray
    inputs: BoolArray
    outputs: BoolArray
    identity: BoolArray


def flow(space: Space, genotypes: GenotypeArray) -> Flow:
    """The flow of `(n, d)` genotypes."""
    adjacency, ops, mask = space.adjacency_arrays(genotypes)
    inputs, outputs = mask & ~adjacency.any(axis=1), mask & ~adjacency.any(axis=2)
    passing = mask & ~np.isin(ops, [space.ops.index(op) for op in space.zero_ops])
    edges = adjacency & passing[:, :, None] & passing[:, None, :]
    forward, backward = inputs & passing, outputs & passing
    for _ in range(space.max_nodes - 1):
        forward = forward | (edges & forward[:, :, None]).any(axis=1)
        backward = backward | (edges & backward[:, None, :]).any(axis=2)
    live = forward & backward
    identity = live & np.isin(ops, [space.ops.index(op) for op in space.identity_ops])
    direct = (edges & live[:, :, None] & live[:, None, :]).astype(np.float64)
    total = step = direct
    while (step := (step * identity[:, None, :]) @ direct).any():  # one more identity on the way
        total = total + step
    total = total * ~identity[:, :, None] * ~identity[:, None, :]
    labels = ((ops[:, :, None] == np.arange(len(space.ops))) & mask[:, :, None]).astype(np.float64)
    return Flow(total, labels, live, inputs & live, outputs & live, identity)


def encode(space: Space, genotypes: GenotypeArray, kinds: str) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Encode `(n, d)` genotypes, one kind of features after another.

    Args:
        space: Their space.
        genotypes: The architectures.
        kinds: Names joined by `/`, as in `"live/pairs/onehot"`: of `space.feature_kinds`, or `live` (live nodes by
            operation), `pairs` (connections by the operations at their ends), `ways` (ways from input to output by
            length, as log(1 + number)), `sums` (number of nodes, and sum over them of each numeric attribute, as
            log(1 + sum) with its sign: of the whole network and, where nodes say their `stage`, of each), or `default`.

    Returns:
        Features `(n, f)`, and for each the group `(f,)` it belongs to: a position of `onehot`, an operation of `live`
        and `counts` and a sum are groups of their own, other kinds are one group.

    Raises:
        InputError: A kind is unknown for this space.
    """
    names = (default(space) if kinds == DEFAULT else kinds).split("/")
    allowed = (*FLOW, *((SUMS,) if space.attributes else ()), *space.feature_kinds)
    for name in names:
        if name not in allowed:
            known = ", ".join(allowed)
            raise InputError(f"unknown encoding {name!r} for {space.name}; known are {known}, joined by '/'")
    cells = flow(space, genotypes) if set(names) & set(FLOW) else None
    columns, groups, first = [], [], 0
    for name in names:
        block = (
            _flow_features(cells, name)
            if cells and name in FLOW
            else sums(space, genotypes)
            if name == SUMS
            else space.features(genotypes, name)
        )
        width = block.shape[1]
        if name == "onehot":
            group = np.repeat(np.arange(len(space.cardinalities)), space.cardinalities)
        else:
            group = np.arange(width) if name in ("live", "counts", SUMS) else np.zeros(width, dtype=np.int64)
        columns.append(block)
        groups.append(group + first)
        first += int(group[-1]) + 1
    return np.concatenate(columns, axis=1), np.concatenate(groups)


def default(space: Space) -> str:
    """The encodings that `"default"` stands for in a space."""
    return SIZED if space.attributes else CELL


def sums(space: Space, genotypes: GenotypeArray) -> FloatArray:
    """The encoding `sums` of `(n, d)` genotypes of a space whose nodes have numeric attributes; see `encode`."""
    values, mask = space.node_values(genotypes), space.adjacency_arrays(genotypes).mask
    added = np.concatenate([mask[:, :, None].astype(np.float64), values], axis=2)  # (n, v, 1 + attributes)
    parts = [added.sum(axis=1)]
    if STAGE in space.attributes:
        at = space.attributes.index(STAGE)
        stage, layer = values[:, :, at], values.any(axis=2)
        number = int(stage.max()) + 1  # the same for all architectures, as each has a layer in the last stage
        parts += [(added * (layer & (stage == s))[:, :, None]).sum(axis=1) for s in range(number)]
    total = np.concatenate(parts, axis=1)
    result: FloatArray = np.copysign(np.log1p(np.abs(total)), total)
    return result


def variances(features: FloatArray) -> FloatArray:
    """Variance of each column of `(n, f)`, exactly 0 where it is constant: rounding would make it tiny, not 0."""
    return np.where(np.ptp(features, axis=0) > 0, features.var(axis=0), 0.0)


def _flow_features(cells: Flow, kind: str) -> FloatArray:
    n = len(cells.live)
    if kind == "live":
        live: FloatArray = (cells.labels * cells.live[:, :, None]).sum(axis=1)
        return live
    if kind == "pairs":
        pairs: FloatArray = cells.labels.transpose(0, 2, 1) @ cells.edges @ cells.labels  # (n, ops, ops)
        return pairs.reshape(n, -1)
    arrived, ways = cells.inputs[:, None, :].astype(np.float64), []
    for _ in range(cells.live.shape[1] - 1):
        arrived = arrived @ cells.edges  # (n, 1, v)
        ways.append((arrived[:, 0] * cells.outputs).sum(axis=1))
    lengths: FloatArray = np.log1p(np.stack(ways, axis=1))
    return lengths

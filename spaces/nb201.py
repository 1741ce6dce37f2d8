"""NAS-Bench-201, the topology space of NATS-Bench: an operation on each of six edges (Dong & Yang, 2020)."""

from __future__ import annotations

import random
import re
from difflib import get_close_matches
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import (
    BoolArray,
    CellTensors,
    FloatArray,
    GenotypeArray,
    KeyArray,
    NetworkSettings,
    Space,
)

if TYPE_CHECKING:
    import networkx as nx
    import torch

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL = range(5)
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""Source and target of each operation, in the order of the published string and of the genotype."""
PATHS = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""The four ways from input to output, as positions of a genotype."""


class NB201(Space):
    """The 15,625 cells of NAS-Bench-201 (Dong & Yang, ICLR 2020, arXiv:2001.00326).

    A genotype holds the operation of each of `EDGES`, as its index in `OPERATIONS`. The graph has a node for the
    input, for each of the six operations and for the output (nodes 0 to 7); an edge runs between operations that
    follow each other. A `none` stays a node.

    Which cells are *the same* depends on the question; from fine to coarse:

    - `key`: the labelled graphs are isomorphic: 15,625 classes. Same cost.
    - `pruned_key`: they are, once operations that no information passes through are taken for `none`: 9,445 classes.
    - `function_key`: with the same weights they answer the same: 5,044 classes.

    `published_key` compares the strings in which the authors counted 6,466 classes. It lies across the others: it
    splits cells of one function (by zeros that are left in sums, and by nesting) and joins cells of two (where one
    convolution is used twice, and where two are used once).
    """

    name = "nb201"
    paper = "Dong & Yang (2020), NAS-Bench-201, arXiv:2001.00326"
    blocking = ("none",)
    identity = ("skip_connect",)
    feature_kinds = ("onehot", "counts", "adjacency", "paths")

    def __init__(self) -> None:
        self.choices = (len(OPERATIONS),) * len(EDGES)
        self.ops = ("input", *OPERATIONS, "output")
        self.max_nodes = len(EDGES) + 2

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The cell `(6,)` as a directed graph of 8 nodes with attribute `op`."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.DiGraph()
        labels = ("input", *(OPERATIONS[op] for op in genotype), "output")
        graph.add_nodes_from((node, {"op": label}) for node, label in enumerate(labels))
        graph.add_edges_from(_GRAPH_EDGES)
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        if len(graph) != self.max_nodes:
            raise InputError(
                f"a cell graph of {self.name} has {self.max_nodes} nodes (input, six operations, output), "
                f"got {len(graph)}; an operation `none` is a node too"
            )
        labels = dict(graph.nodes(data="op"))
        for node, label in labels.items():
            if label not in self.ops:
                raise InputError(f"node {node!r} has op {label!r}; ops of {self.name} are {', '.join(self.ops)}")
        template: nx.DiGraph[int] = nx.DiGraph(_GRAPH_EDGES)
        matcher = nx.algorithms.isomorphism.DiGraphMatcher(template, graph) if graph.is_directed() else None
        if matcher is None or not matcher.is_isomorphic():
            raise InputError(
                f"the graph is not a cell of {self.name}: its edges must join the operations that follow each other "
                "in the complete graph of four nodes, as in `graph`"
            )
        # Without its labels the graph has no symmetry, so there is one match only.
        source, *operations, sink = (labels[matcher.mapping[node]] for node in range(self.max_nodes))
        if source != "input" or sink != "output" or not set(operations) <= set(OPERATIONS):
            raise InputError(
                f"a cell graph of {self.name} has op 'input' on its first node only and 'output' on its last only"
            )
        return [OPERATIONS.index(op) for op in operations]

    def text(self, genotype: GenotypeArray) -> str:
        """The published string `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`: operation and source, by target node."""
        return _FORM.format(*(OPERATIONS[op] for op in genotype))

    def _parse(self, text: str) -> list[int]:
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise InputError(f"expected a cell of {self.name} as {_FORM.replace('{}', 'op')!r}, got {text!r}")
        for op in match.groups():
            if op not in OPERATIONS:
                close = get_close_matches(op, OPERATIONS, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise InputError(f"unknown operation {op!r} in {text!r}: {hint}known are {', '.join(OPERATIONS)}")
        return [OPERATIONS.index(op) for op in match.groups()]

    # --- published numbering ------------------------------------------------------------------------------------

    def index(self, genotypes: GenotypeArray) -> npt.NDArray[np.int64]:
        """Number of each of `(n, 6)` genotypes in the published tables, 0 to 15,624; shape `(n,)`."""
        return _published_order()[1][self.code(genotypes)]

    def from_index(self, indices: npt.ArrayLike) -> GenotypeArray:
        """Genotypes `(n, 6)` of the cells with these numbers in the published tables; inverse of `index`.

        Raises:
            InputError: A number is not an integer from 0 to 15,624.
        """
        array = np.asarray(indices)
        if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
            raise InputError(f"indices are a vector of integers, got {array.dtype} of shape {array.shape}")
        outside = (array < 0) | (array >= self.size)
        if outside.any():
            raise InputError(f"index {array[outside][0]} is not in {self.name}; it has cells 0 to {self.size - 1}")
        return self.decode(_published_order()[0][array])

    # --- identity -----------------------------------------------------------------------------------------------

    def live(self, genotypes: GenotypeArray) -> BoolArray:
        """Which operations of `(n, 6)` genotypes lie on a way from input to output without `none`; `(n, 6)`."""
        passes = genotypes != NONE
        live = np.zeros(passes.shape, dtype=bool)
        for path in PATHS:
            live[:, path] |= passes[:, path].all(axis=1, keepdims=True)
        return live

    def prune(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The genotypes `(n, 6)` with `none` for every operation that is not `live`."""
        return np.where(self.live(genotypes), genotypes, np.int8(NONE))

    def is_constant(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of `(n, 6)` cells answer the same whatever the image, as nothing passes; `(n,)`. There are 341."""
        return np.logical_not(self.live(genotypes).any(axis=1))

    def pruned_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where the cells are equal after `prune`; `(n,)`, 9,445 classes."""
        return self.code(self.prune(genotypes))

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where the convolutions can be matched so that, with the same weights, both answer the same.

        The rules, which are all that is used:

        1. What no information from the input reaches, or what does not reach the output, is left out: zero added is
           nothing, and an operation on zero gives zero. (The one simplification: a convolution of zero is the shift
           of its batch normalisation, which starts at zero but is trained.)
        2. `skip_connect` is the identity.
        3. Sums are commutative and associative, and count how often a term occurs: `x + x` is not `x`.
        4. `avg_pool_3x3` is linear: the mean of a sum is the sum of the means.
        5. Each convolution has weights of its own: two of a kind on the same input are two different terms, while one
           convolution whose output is used twice is the same term twice.

        Without rule 4 there would be 5,260 classes; without rule 5, 4,660; without both, 4,930.

        Returns:
            The `code` of the first cell of the class; shape `(n,)`, 5,044 classes.
        """
        return _function_classes()[self.code(genotypes)]

    def published_string(self, genotype: GenotypeArray) -> str:
        """The string by which the authors tell cells apart (their `to_unique_str` that considers zeros).

        Not canonical: zero terms, written `#`, stay inside sums, and a sum keeps the nesting it arose in.
        """
        nodes = ["0"]
        for target in range(1, 4):
            terms = []
            for op, (source, end) in zip(genotype, EDGES, strict=True):
                if end == target:
                    value = nodes[source]
                    if op == NONE or value == "#":
                        value = "#"
                    elif op != SKIP:
                        value = f"({value})@{OPERATIONS[op]}"
                    terms.append(value)
            nodes.append("+".join(sorted(terms)))
        return nodes[-1]

    def published_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where `published_string` is; `(n,)`, the published 6,466 classes."""
        return _published_classes()[self.code(genotypes)]

    # --- encodings ----------------------------------------------------------------------------------------------

    def tensors(self, genotypes: GenotypeArray) -> CellTensors:
        """The graphs of `(n, 6)` genotypes as dense arrays; all have the same 8 nodes and edges."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.zeros((n, v, v), dtype=bool)
        adjacency[:, *np.array(_GRAPH_EDGES).T] = True
        ops = np.empty((n, v), dtype=np.int8)
        ops[:, 0], ops[:, 1:-1], ops[:, -1] = 0, genotypes + 1, v - 2
        return CellTensors(adjacency, ops, np.ones((n, v), dtype=bool))

    def _features(self, genotypes: GenotypeArray, kind: str) -> FloatArray:
        """Path encoding (White et al., 2021): whether some way to the output is each sequence of operations.

        Sequences of one, two and three operations other than `none`: 4 + 16 + 64 features.
        """
        present = np.zeros((len(genotypes), 4 + 16 + 64))
        rows = np.arange(len(genotypes))
        for path in PATHS:
            operations = genotypes[:, path].astype(np.int64) - 1  # `none` is -1
            column = operations @ 4 ** np.arange(len(path))[::-1] + (0, 4, 20)[len(path) - 1]
            passes = (operations >= 0).all(axis=1)
            present[rows[passes], column[passes]] = 1.0
        return present

    # --- network ------------------------------------------------------------------------------------------------

    def network(
        self, genotype: GenotypeArray, image: tuple[int, int, int], classes: int, settings: NetworkSettings
    ) -> torch.nn.Module:
        """The published macro skeleton: stem, stages of cells with a residual reduction between them, head.

        Operations that do not reach the output are computed all the same, as in the published measurements.
        """
        from torch import nn

        from nasbench.spaces import layers

        def operation(name: str, channels: int) -> nn.Module | None:
            if name == "none":
                return None
            if name == "skip_connect":
                return nn.Identity()
            if name == "avg_pool_3x3":
                return layers.avg_pool(3)
            return layers.relu_conv_bn(channels, channels, kernel=1 if name == "nor_conv_1x1" else 3)

        channels = settings.channels
        blocks: list[nn.Module] = [layers.conv_bn(image[0], channels, 3)]
        for stage in range(settings.stages):
            if stage > 0:
                blocks.append(layers.ResidualReduction(channels, 2 * channels))
                channels *= 2
            for _ in range(settings.cells):
                blocks.append(layers.EdgeCell(EDGES, [operation(OPERATIONS[op], channels) for op in genotype]))
        return nn.Sequential(*blocks, nn.BatchNorm2d(channels), nn.ReLU(), layers.head(channels, classes))


_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
_PATTERN = re.compile(re.escape(_FORM).replace(r"\{\}", r"([^|~]+)"))
_GRAPH_EDGES = (
    *((0, 1 + p) for p, (source, _) in enumerate(EDGES) if source == 0),
    *((1 + p, 1 + q) for p, (_, end) in enumerate(EDGES) for q, (source, _) in enumerate(EDGES) if end == source),
    *((1 + p, len(EDGES) + 1) for p, (_, end) in enumerate(EDGES) if end == 3),
)


@lru_cache(maxsize=1)
def _published_order() -> tuple[KeyArray, KeyArray]:
    """The code of each published number, and its inverse: all codes, shuffled as the authors did, with seed 88."""
    shuffled = list(range(len(OPERATIONS) ** len(EDGES)))
    random.Random(88).shuffle(shuffled)
    codes = np.array(shuffled)
    return codes, np.argsort(codes)


def _first_of_class(values: npt.ArrayLike) -> KeyArray:
    """For each code, the smallest code that has the same value."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return first[inverse]


@lru_cache(maxsize=1)
def _published_classes() -> KeyArray:
    space = NB201()
    return _first_of_class([space.published_string(genotype) for chunk in space.enumerate() for genotype in chunk])


@lru_cache(maxsize=1)
def _function_classes() -> KeyArray:
    """The class of every code, found by computing all cells with numbers modulo 2^64 in the place of images.

    The sum is the sum, the average a multiplication by a constant (as both are linear), and each convolution a hash
    of its number and its input. Which weights a convolution has carries no meaning, so the outputs under every
    numbering of the convolutions are added up, each hashed.
    """
    space = NB201()
    genotypes = space.prune(space.decode(np.arange(space.size)))
    convolution = (genotypes == CONV_1X1) | (genotypes == CONV_3X3)
    place = np.cumsum(convolution, axis=1) - 1  # counts the convolutions of a cell
    fingerprint = np.zeros(space.size, dtype=np.uint64)
    for k in range(len(EDGES) + 1):
        rows = np.flatnonzero(convolution.sum(axis=1) == k)
        for numbering in permutations(range(k)):
            numbers = np.array((*numbering, 0))[place[rows]]
            fingerprint[rows] += _mix(_output(genotypes[rows], numbers))
    return _first_of_class(fingerprint)


def _output(genotypes: GenotypeArray, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """The output of `(n, 6)` cells whose convolutions are hashes that depend on `numbers` `(n, 6)`; `(n,)`."""
    nodes = np.zeros((len(EDGES) - 2, len(genotypes)), dtype=np.uint64)
    nodes[0] = 0x9E3779B97F4A7C15
    for (source, end), op, number in zip(EDGES, genotypes.T, numbers.T, strict=True):
        x = nodes[source]
        weights = (8 * op.astype(np.int64) + number).astype(np.uint64)
        convolved = np.where(x == 0, x, _mix(x + _mix(weights + np.uint64(1))))
        averaged = x * np.uint64(0xD1342543DE82EF95)
        nodes[end] += np.select([op == NONE, op == SKIP, op == AVG_POOL], [np.uint64(0), x, averaged], convolved)
    output: npt.NDArray[np.uint64] = nodes[-1]
    return output


def _mix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al., 2014): a bijection that looks random."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return mixed

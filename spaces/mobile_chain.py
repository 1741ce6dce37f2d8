"""Chains of inverted residual layers in stages of a chosen length, as in MnasNet and MobileNetV3 (Tan et al., 2019)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx

LAYER = ("expansion", "kernel", "channels", "stride", "se", "stage")
"""Numeric attributes of a layer: `channels` of its output, `se` 1 with squeeze-excitation and 0 without."""
SMALLEST = 4
"""Pixels in each direction that the last stage sees at least: what it has in the smallest published images."""


class Stage(NamedTuple):
    """What the layers of a stage have in common.

    Attributes:
        channels: Channels of their outputs, in the published network.
        stride: Stride of the first of them; that of the others is 1.
        layers: Fewest and most layers.
    """

    channels: int
    stride: int
    layers: tuple[int, int]


class Layers(NamedTuple):
    """The `m` layers that `n` architectures can have at most, stage by stage; each array is `(n, m)`.

    Attributes:
        present: Which of them there are.
        expansion: Channels inside the layer for each of its input.
        kernel: Width of the convolution.
        se: 1 with squeeze-excitation, 0 without.
    """

    present: BoolArray
    expansion: KeyArray
    kernel: KeyArray
    se: KeyArray


class MobileChain(Space):
    """Inverted residual layers one after the other, in stages whose number of layers is chosen.

    The graph is the directed path of input, layers and output; layers that are not chosen have no node. The `op` of a
    layer says its expansion, its kernel and whether it has squeeze-excitation, as in `MB6_K5_SE`, and `LAYER` names its
    numeric attributes, `stage` (counted from 0) among them. What all networks of a space share has no node.

    A subclass states `stages`, `expansions` and `kernels` and writes `_layers` and `_read`.
    """

    stages: ClassVar[tuple[Stage, ...]]
    """The stages, in order."""
    expansions: ClassVar[tuple[int, ...]]
    """Expansions of a layer."""
    kernels: ClassVar[tuple[int, ...]]
    """Kernels of a layer."""
    attributes: tuple[str, ...] = LAYER
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        self.kinds = {
            f"MB{expansion}_K{kernel}{'_SE' if se else ''}": (expansion, kernel, se)
            for expansion, kernel, se in product(self.expansions, self.kernels, (0, 1))
        }
        self.ops = ("input", *self.kinds, "output")
        most = [stage.layers[1] for stage in self.stages]
        self.max_nodes = sum(most) + 2
        self._stage = np.repeat(np.arange(len(most)), most)  # (m,)
        self._place = np.concatenate([np.arange(layers) for layers in most])  # (m,), from 0 in each stage
        self._channels = np.array([stage.channels for stage in self.stages])[self._stage]
        self._stride = np.where(self._place == 0, np.array([stage.stride for stage in self.stages])[self._stage], 1)

    @abstractmethod
    def _layers(self, genotypes: GenotypeArray) -> Layers:
        """The layers of `(n, d)` genotypes."""

    @abstractmethod
    def _read(self, graph: nx.DiGraph[Any], stages: list[list[Any]]) -> list[int]:
        """The genotype of a graph whose layers, by stage, are these nodes; their `ops` and numbers are allowed."""

    # --- graph --------------------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(d,)` as a directed path with attribute `op`; layers have those of `LAYER` too."""
        import networkx as nx

        _, ops, mask = self.adjacency_arrays(genotype[None])
        values = self.node_values(genotype[None])[0].astype(np.int64).tolist()
        nodes = int(mask.sum())
        graph: nx.DiGraph[int] = nx.path_graph(nodes, create_using=nx.DiGraph)
        for node in range(nodes):
            graph.nodes[node]["op"] = self.ops[ops[0, node]]
            if 0 < node < nodes - 1:
                graph.nodes[node].update(zip(LAYER, values[node], strict=False))
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        nodes = directed_path(graph, self.name)
        stages = self._by_stage(graph, nodes[1:-1])
        genotype = self._read(graph, stages)
        check_attributes(graph, nodes, self.graph(self.check([genotype])[0]), self.name)
        return genotype

    def _by_stage(self, graph: nx.DiGraph[Any], nodes: list[Any]) -> list[list[Any]]:
        """The layers of each stage, tested to follow each other in order and to be neither too few nor too many."""
        numbers: list[Any] = [graph.nodes[node].get("stage") for node in nodes]
        for node, number in zip(nodes, numbers, strict=True):
            if number not in range(len(self.stages)):
                raise InputError(
                    f"node {node!r} has stage {number!r}; layers of {self.name} have one from 0 to "
                    f"{len(self.stages) - 1}"
                )
        for (_, before), (node, number) in pairwise(zip(nodes, numbers, strict=True)):
            if number < before:
                raise InputError(f"node {node!r} of stage {number} follows a layer of stage {before}")
        stages: list[list[Any]] = [[] for _ in self.stages]
        for node, number in zip(nodes, numbers, strict=True):
            stages[int(number)].append(node)
        for number, (layers, stage) in enumerate(zip(stages, self.stages, strict=True)):
            fewest, most = stage.layers
            if not fewest <= len(layers) <= most:
                raise InputError(f"stage {number} has {len(layers)} layers; {self.name} allows {fewest} to {most}")
        return stages

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as dense arrays; all are paths, of as many nodes as there are layers."""
        n, v = len(genotypes), self.max_nodes
        layers = self._layers(genotypes)
        expansion, kernel = (
            np.searchsorted(options, values)
            for options, values in ((self.expansions, layers.expansion), (self.kernels, layers.kernel))
        )
        ops = np.zeros((n, v), dtype=np.int8)
        ops[:, 1:-1] = self._to_front(layers, 1 + (expansion * len(self.kernels) + kernel) * 2 + layers.se)
        last = 1 + layers.present.sum(axis=1)
        ops[np.arange(n), last] = len(self.ops) - 1
        mask = np.arange(v) <= last[:, None]
        return AdjacencyArrays(np.eye(v, k=1, dtype=bool) & mask[:, None], ops, mask)

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """The `attributes` of the nodes of `(n, d)` genotypes; those that are no layer have none of `LAYER`."""
        values = np.zeros((len(genotypes), self.max_nodes, len(self.attributes)))
        layers = self._layers(genotypes)
        columns = layers.expansion, layers.kernel, self._channels, self._stride, layers.se, self._stage
        for number, column in enumerate(columns):
            values[:, 1:-1, number] = self._to_front(layers, np.broadcast_to(column, layers.present.shape))
        return values

    @staticmethod
    def _to_front(layers: Layers, values: KeyArray) -> KeyArray:
        """Those of `(n, m)` values whose layers are present, in their order, then zeros."""
        order = np.argsort(~layers.present, axis=1, kind="stable")
        return np.take_along_axis(np.where(layers.present, values, 0), order, axis=1)


def directed_path(graph: nx.DiGraph[Any], space: str) -> list[Any]:
    """The nodes of a chain from the input to the output, one after the other.

    Raises:
        InputError: The graph is no such path; says where. `space` is the name of the space that it should be of.
    """
    import networkx as nx

    for node in graph:
        for what, number in ("successors", graph.out_degree(node)), ("predecessors", graph.in_degree(node)):
            if number > 1:
                raise InputError(f"node {node!r} has {number} {what}; a graph of {space} is a directed path")
    if graph.number_of_edges() != len(graph) - 1:
        loose = len(graph) - graph.number_of_edges()
        raise InputError(f"the graph falls into {loose} pieces; a graph of {space} is one directed path")
    nodes = list(nx.topological_sort(graph))
    ends = {0: "input", len(nodes) - 1: "output"}
    for place, node in enumerate(nodes):
        label = graph.nodes[node]["op"]
        if label != ends.get(place, label) or (place not in ends and label in ends.values()):
            raise InputError(f"node {node!r} has op {label!r}; the path leads from 'input' over layers to 'output'")
    return nodes


def scaled(width: int, channels: int, published: int) -> int:
    """A width of the published network where `channels` of its first layer replace `published`; at least one."""
    return max(1, round(width * channels / published))


def kept_strides(strides: Sequence[int], sides: Sequence[int]) -> list[int]:
    """Strides with the first ones 1 where the image is too small for all of them.

    The published networks halve the image five times, of which one of 8 pixels is a single pixel after the third. So
    images of less than 128 pixels are halved as often as leaves the last stage at least `SMALLEST` in each direction.

    Args:
        strides: 1 or 2, from the first layer of the network to the last.
        sides: Height and width of the images.
    """
    halvings = max(0, (min(sides) // SMALLEST).bit_length() - 1)
    result = []
    for stride, left in zip(strides, np.cumsum(np.array(strides)[::-1] == 2)[::-1], strict=True):
        result.append(stride if left <= halvings else 1)
    return result


def check_attributes(graph: nx.DiGraph[Any], nodes: list[Any], own: nx.DiGraph[int], space: str) -> None:
    """Test that the nodes of a path say of themselves what those of `own`, in its order, do.

    Raises:
        InputError: One does not; says which. `space` is the name of the space that it should be of.
    """
    for node, expected in zip(nodes, own, strict=True):
        for name, value in own.nodes[expected].items():
            found = graph.nodes[node].get(name)
            if found != value:
                raise InputError(f"node {node!r} has {name} {found!r}; at its place {space} has {value!r}")

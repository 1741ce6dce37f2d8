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
MIN_LAST_SIDE = 4
"""Minimum height and width in pixels at the last stage: its size for the smallest published images."""


class Stage(NamedTuple):
    """Common properties of the layers of a stage.

    Attributes:
        channels: Output channels in the published network.
        stride: Stride of the first layer; all others have stride 1.
        layers: Minimum and maximum number of layers.
    """

    channels: int
    stride: int
    layers: tuple[int, int]


class Layers(NamedTuple):
    """All `m` possible layers of `n` architectures, stage by stage; each array has shape `(n, m)`.

    Attributes:
        present: Whether the layer is present.
        expansion: Inner channels per input channel.
        kernel: Width of the convolution.
        se: 1 with squeeze-excitation, 0 without.
    """

    present: BoolArray
    expansion: KeyArray
    kernel: KeyArray
    se: KeyArray


class MobileChain(Space):
    """Chains of inverted residual layers, in stages with a variable number of layers.

    The graph is the directed path of input, present layers and output. The `op` of a layer states its expansion, kernel
    and squeeze-excitation, as in `MB6_K5_SE`; `LAYER` lists its numeric attributes, `stage` (counted from 0) among
    them. Parts that all networks of a space share have no node.

    A subclass states `stages`, `expansions` and `kernels` and writes `_layers` and `_read`.
    """

    stages: ClassVar[tuple[Stage, ...]]
    """The stages, in order."""
    expansions: ClassVar[tuple[int, ...]]
    """Possible expansions of a layer."""
    kernels: ClassVar[tuple[int, ...]]
    """Possible kernels of a layer."""
    attributes: tuple[str, ...] = LAYER
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        self.kinds = {
            f"MB{expansion}_K{kernel}{'_SE' if se else ''}": (expansion, kernel, se)
            for expansion, kernel, se in product(self.expansions, self.kernels, (0, 1))
        }
        self.ops = ("input", *self.kinds, "output")
        depths = [stage.layers[1] for stage in self.stages]
        self.max_nodes = sum(depths) + 2
        self._stage = np.repeat(np.arange(len(depths)), depths)  # (m,)
        self._place = np.concatenate([np.arange(layers) for layers in depths])  # (m,), from 0 in each stage
        self._channels = np.array([stage.channels for stage in self.stages])[self._stage]
        self._stride = np.where(self._place == 0, np.array([stage.stride for stage in self.stages])[self._stage], 1)

    @abstractmethod
    def _layers(self, genotypes: GenotypeArray) -> Layers:
        """The layers of `(n, d)` genotypes."""

    @abstractmethod
    def _read(self, graph: nx.DiGraph[Any], stages: list[list[Any]]) -> list[int]:
        """The genotype of a graph with these layer nodes by stage; their ops and numbers per stage are valid."""

    # --- graph --------------------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(d,)` as a directed path with attribute `op`; layers also have those of `LAYER`."""
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
        """The layer nodes of each stage, checked for order and number."""
        numbers: list[Any] = [graph.nodes[node].get("stage") for node in nodes]
        for node, number in zip(nodes, numbers, strict=True):
            if number not in range(len(self.stages)):
                raise InputError(
                    f"node {node!r} has stage {number!r}; stages of {self.name} are 0 to {len(self.stages) - 1}"
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
        """The graphs of `(n, d)` genotypes as dense arrays: paths through the present layers."""
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
        """Numeric `attributes` of the nodes of `(n, d)` genotypes; 0 for `LAYER` attributes of input and output."""
        values = np.zeros((len(genotypes), self.max_nodes, len(self.attributes)))
        layers = self._layers(genotypes)
        columns = layers.expansion, layers.kernel, self._channels, self._stride, layers.se, self._stage
        for number, column in enumerate(columns):
            values[:, 1:-1, number] = self._to_front(layers, np.broadcast_to(column, layers.present.shape))
        return values

    @staticmethod
    def _to_front(layers: Layers, values: KeyArray) -> KeyArray:
        """Values `(n, m)` of the present layers in order, padded with zeros."""
        order = np.argsort(~layers.present, axis=1, kind="stable")
        return np.take_along_axis(np.where(layers.present, values, 0), order, axis=1)


def directed_path(graph: nx.DiGraph[Any], space: str) -> list[Any]:
    """The nodes of a chain, in order from input to output; `space` is the name of the space, for messages.

    Raises:
        InputError: The graph is no such path; the message says where.
    """
    import networkx as nx

    for node in graph:
        for relation, number in ("successors", graph.out_degree(node)), ("predecessors", graph.in_degree(node)):
            if number > 1:
                raise InputError(f"node {node!r} has {number} {relation}; a graph of {space} is a directed path")
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
    """A published width, scaled from `published` to `channels` channels in the first layer; at least one."""
    return max(1, round(width * channels / published))


def kept_strides(strides: Sequence[int], sides: Sequence[int]) -> list[int]:
    """Strides for small images: the first strides become 1 if the image is too small for all of them.

    The published networks halve the image five times, but 8 pixels are a single pixel after three halvings. So images
    of less than 128 pixels are halved only while the last stage keeps at least `MIN_LAST_SIDE` pixels per side.

    Args:
        strides: Published strides, 1 or 2, from the first layer of the network to the last.
        sides: Height and width of the images.
    """
    halvings = max(0, (min(sides) // MIN_LAST_SIDE).bit_length() - 1)
    result = []
    for stride, remaining in zip(strides, np.cumsum(np.array(strides)[::-1] == 2)[::-1], strict=True):
        result.append(stride if remaining <= halvings else 1)
    return result


def check_attributes(graph: nx.DiGraph[Any], nodes: list[Any], expected: nx.DiGraph[int], space: str) -> None:
    """Check that the nodes of a path have the attributes of the nodes of `expected`, in order.

    Raises:
        InputError: A node has another attribute; the message names it. `space` is the name of the space.
    """
    for node, like in zip(nodes, expected, strict=True):
        for name, value in expected.nodes[like].items():
            actual = graph.nodes[node].get(name)
            if actual != value:
                raise InputError(f"node {node!r} has {name} {actual!r}; at its place {space} has {value!r}")

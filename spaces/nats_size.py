"""The size space of NATS-Bench: the channels of five layers around one fixed cell (Dong et al., 2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.edge_cell import EDGES
from nasbench.spaces.genotype_checks import checked_indices
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import FloatArray, GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

CHANNELS = tuple(range(8, 65, 8))
LAYERS = 5
"""Cell, reduction (a residual block that halves the image), cell, reduction, cell."""
CELL = ("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "nor_conv_3x3")
"""The operations of every cell on `EDGES`: `genotype` in the published records."""


class NATSSize(Space):
    """The 32,768 sizes of NATS-Bench (Dong et al., TPAMI 2021, arXiv:2009.00437).

    A genotype holds the index in `CHANNELS` of the width of each of five layers. The graph is the chain of input, five
    layers and output; the width of a layer is its numeric attribute `channels`, and part of its `op` (`c8` to `c64`),
    so encodings of operations alone distinguish sizes too. Every genotype is a network of its own.
    """

    name = "nats_size"
    paper = "Dong et al. (2021), NATS-Bench, arXiv:2009.00437"
    attributes = ("channels",)
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        self.cardinalities = (len(CHANNELS),) * LAYERS
        self.ops = ("input", *(f"c{channels}" for channels in CHANNELS), "output")
        self.max_nodes = LAYERS + 2

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`channels_1` to `channels_5`, one per layer."""
        return tuple(f"channels_{layer}" for layer in range(1, LAYERS + 1))

    def option_names(self, position: int) -> tuple[int, ...]:
        """Numbers of channels."""
        return CHANNELS

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The network `(5,)` as a directed path of 7 nodes with attribute `op`; layers have `channels` and `stage` too.

        The first layer of the second and of the third stage halves the image.
        """
        import networkx as nx

        graph: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        graph.nodes[0]["op"], graph.nodes[self.max_nodes - 1]["op"] = "input", "output"
        for node, option in enumerate(genotype, start=1):
            graph.nodes[node].update(op=f"c{CHANNELS[option]}", channels=CHANNELS[option], stage=node // 2)
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        path: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        if not nx.is_isomorphic(graph, path):
            raise InputError(f"a graph of {self.name} is a directed path of {self.max_nodes} nodes, this one is not")
        first, *layers, last = nx.topological_sort(graph)
        for node, expected in (first, "input"), (last, "output"):
            if graph.nodes[node].get("op") != expected:
                raise InputError(
                    f"node {node!r} has op {graph.nodes[node].get('op')!r}; at its place {self.name} has {expected!r}"
                )
        options = []
        for node in layers:
            label, channels = (graph.nodes[node].get(attribute) for attribute in ("op", "channels"))
            if channels not in CHANNELS or label != f"c{channels}":
                raise InputError(
                    f"node {node!r} has op {label!r} and {channels!r} channels; layers of {self.name} have one of "
                    f"{', '.join(map(str, CHANNELS))} channels, and 'c' and this number as op"
                )
            options.append(CHANNELS.index(channels))
        return options

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published string: the channels of the five layers, as in `8:8:40:32:40`."""
        return ":".join(str(CHANNELS[option]) for option in genotype)

    def _from_string(self, text: str) -> list[int]:
        known = {str(channels): option for option, channels in enumerate(CHANNELS)}
        parts = text.split(":")
        if len(parts) != LAYERS or not {*parts} <= {*known}:
            raise InputError(
                f"expected a network of {self.name} as five of {', '.join(known)} joined by ':', got {text!r}"
            )
        return [known[part] for part in parts]

    # --- published numbering ------------------------------------------------------------------------------------

    def index(self, genotypes: GenotypeArray) -> npt.NDArray[np.int64]:
        """Index of each of `(n, 5)` genotypes in the published tables, 0 to 32,767: its `code`; shape `(n,)`."""
        return self.code(genotypes)

    def from_index(self, indices: npt.ArrayLike) -> GenotypeArray:
        """Genotypes `(n, 5)` of the networks with these indices in the published tables; inverse of `index`.

        Raises:
            InputError: An index is not an integer from 0 to 32,767.
        """
        return self.decode(checked_indices(self, indices))

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 5)` genotypes as dense arrays, all paths of 7 nodes."""
        n, v = len(genotypes), self.max_nodes
        ops = np.zeros((n, v), dtype=np.int8)
        ops[:, 1:-1], ops[:, -1] = genotypes + 1, len(self.ops) - 1
        return AdjacencyArrays(np.tile(np.eye(v, k=1, dtype=bool), (n, 1, 1)), ops, np.ones((n, v), dtype=bool))

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Channels of the layers of `(n, 5)` genotypes, 0 for input and output; shape `(n, 7, 1)`."""
        values = np.zeros((len(genotypes), self.max_nodes, 1))
        values[:, 1:-1, 0] = np.array(CHANNELS)[genotypes]
        return values

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, cell, reduction, cell, reduction, cell, head.

        The published size is 64 channels and 1 cell: `settings.channels` is the width of the widest option (the others
        are in proportion, at least one), `settings.cells` the number of cells in each of the three stages. The number
        of stages is fixed, so `settings.stages` is ignored. If a cell changes the number of channels, a skip from its
        input is a 1x1 convolution and a batch normalisation, as published.
        """
        from torch import nn

        from nasbench.spaces.networks import layers

        images = ImageClassification.expect(task)

        def cell(c_in: int, c_out: int) -> nn.Module:
            operations: list[nn.Module] = []
            for name, (source, _) in zip(CELL, EDGES, strict=True):
                before = c_out if source else c_in
                if name == "nor_conv_3x3":
                    operations.append(layers.relu_conv_bn(before, c_out, 3))
                else:
                    operations.append(nn.Identity() if before == c_out else layers.conv_bn(before, c_out, 1))
            return layers.EdgeCell(EDGES, operations)

        widths = [max(1, round(settings.channels * CHANNELS[option] / CHANNELS[-1])) for option in genotype]
        channels = widths[0]
        blocks: list[nn.Module] = [layers.conv_bn(images.shape[0], channels, 3)]
        for layer, width in enumerate(widths):
            if layer % 2:
                blocks.append(layers.ResidualReduction(channels, width))
            else:
                blocks.append(cell(channels, width))
                blocks += [cell(width, width) for _ in range(settings.cells - 1)]
            channels = width
        return nn.Sequential(*blocks, nn.BatchNorm2d(channels), nn.ReLU(), layers.head(channels, images.classes))

"""NAS-Bench-Macro: one of three blocks in each of eight layers (Su et al., 2021)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.images import ImageClassification
from nasbench.types import GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

BLOCKS = ("identity", "MB3_K3", "MB6_K5")
STAGES = (2, 3, 3)
"""Layers per stage; the first layer of a stage doubles the channels and halves the image."""
_STARTS_STAGE = read_only(np.isin(np.arange(sum(STAGES)), np.cumsum((0, *STAGES[:-1]))))  # (8,)
_REDUCING = ("conv1x1/2", "MB3_K3/2", "MB6_K5/2")
"""Options in the first layer of a stage; it changes the shape, so none of them is an identity."""


class Macro(Space):
    """The 6,561 networks of NAS-Bench-Macro (Su et al., CVPR 2021, arXiv:2103.11922).

    A genotype holds the block of each layer, 0 to 2: the identity, an inverted residual block of expansion 3 and kernel
    3 (`MB3_K3`), or one of expansion 6 and kernel 5 (`MB6_K5`). The graph is the chain of input, eight layers and
    output. The first layers of the three stages halve the image and double the channels; their `ops` have names of
    their own, ending in `/2` for stride 2, and an identity there is a 1x1 convolution.
    """

    name = "macro"
    paper = "Su et al. (2021), NAS-Bench-Macro, arXiv:2103.11922"
    identity_ops = ("identity",)

    def __init__(self) -> None:
        self.cardinalities = (len(BLOCKS),) * sum(STAGES)
        self.ops = ("input", *BLOCKS, *_REDUCING, "output")
        self.max_nodes = sum(STAGES) + 2

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`layer_1` to `layer_8`."""
        return tuple(f"layer_{layer}" for layer in range(1, sum(STAGES) + 1))

    def option_names(self, position: int) -> tuple[str, ...]:
        """The published names of the blocks."""
        return BLOCKS

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The network `(8,)` as a directed path of 10 nodes with attribute `op`, the layers with their `stage` too."""
        import networkx as nx

        graph: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        for node, op in enumerate(self._labels(genotype[None])[0]):
            graph.nodes[node]["op"] = self.ops[op]
        for layer, stage in enumerate(np.repeat(range(len(STAGES)), STAGES).tolist(), start=1):
            graph.nodes[layer]["stage"] = stage
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        path: nx.DiGraph[int] = nx.path_graph(self.max_nodes, create_using=nx.DiGraph)
        if not nx.is_isomorphic(graph, path):
            raise InputError(f"a graph of {self.name} is a directed path of {self.max_nodes} nodes, this one is not")
        nodes = list(nx.topological_sort(graph))
        labels = [graph.nodes[node].get("op") for node in nodes]
        known = [("input",), *(_REDUCING if first else BLOCKS for first in _STARTS_STAGE), ("output",)]
        for node, label, allowed in zip(nodes, labels, known, strict=True):
            if label not in allowed:
                raise InputError(
                    f"node {node!r} has op {label!r}; at its place {self.name} allows {', '.join(allowed)}"
                )
        return [allowed.index(label) for label, allowed in zip(labels[1:-1], known[1:-1], strict=True)]

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published string: the eight digits of the genotype, as in `22212220`."""
        return "".join(str(int(block)) for block in genotype)

    def _from_string(self, text: str) -> list[int]:
        if re.fullmatch("[012]{8}", text) is None:
            raise InputError(f"expected a network of {self.name} as eight digits from 0 to 2, got {text!r}")
        return [int(digit) for digit in text]

    # --- identity -----------------------------------------------------------------------------------------------

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where networks are equal without identity layers; `(n,)`.

        These rules are applied, and no others:

        1. Identity layers that keep the shape are left out. The first layer of a stage changes the shape; its identity
           is a convolution with weights of its own.
        2. The remaining layers form a chain of learnt layers; two chains are the same only layer by layer and stage by
           stage.

        The authors trained each of these classes once, and copied the results to all members.

        Returns:
            The `code` of the member with its identities last in every stage; 3,969 classes.
        """
        result = genotypes.copy()
        start = 0
        for layers in STAGES:
            rest = result[:, start + 1 : start + layers]
            order = np.argsort(rest == 0, axis=1, kind="stable")
            result[:, start + 1 : start + layers] = np.take_along_axis(rest, order, axis=1)
            start += layers
        return self.code(result)

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 8)` genotypes as dense arrays, all paths of 10 nodes."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.tile(np.eye(v, k=1, dtype=bool), (n, 1, 1))
        return AdjacencyArrays(adjacency, self._labels(genotypes), np.ones((n, v), dtype=bool))

    def _labels(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Index in `ops` of each node of `(n, 8)` genotypes; shape `(n, 10)`."""
        ops = np.zeros((len(genotypes), self.max_nodes), dtype=np.int8)
        ops[:, 1:-1] = genotypes + np.where(_STARTS_STAGE, 1 + len(BLOCKS), 1)
        ops[:, -1] = len(self.ops) - 1
        return ops

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The published network: stem, eight layers in three stages, a 1x1 convolution to 40 times the width, head.

        With the published `settings.channels` of 32, the last convolution has 1,280 channels. The space sets the depth,
        so `settings.cells` and `settings.stages` are ignored.
        """
        from torch import nn

        from nasbench.spaces.networks import layers

        images = ImageClassification.expect(task)
        channels = settings.channels
        last = 40 * channels
        blocks: list[nn.Module] = [layers.conv_bn_relu(images.shape[0], channels, 3)]
        for block, first in zip(genotype, _STARTS_STAGE, strict=True):
            c_in, stride = channels, 2 if first else 1
            channels *= stride
            if block == 0:
                blocks.append(layers.conv_bn(c_in, channels, 1, stride) if first else nn.Identity())
            else:
                expansion, kernel = ((3, 3), (6, 5))[block - 1]
                blocks.append(layers.InvertedResidual(c_in, channels, kernel, stride, expansion))
        return nn.Sequential(*blocks, layers.conv_bn_relu(channels, last, 1), layers.head(last, images.classes))

"""FlexiBERT, the space of NAS-Bench-BERT: encoders of two or four heterogeneous layers (Tuli et al., 2023)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.layered import Layered, path_arrays
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.language import MaskedLanguage
from nasbench.types import FloatArray, GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

HIDDEN = (128, 256)
OPERATIONS = (("SA", "SDP"), ("SA", "WMA"), ("LT", "DFT"), ("LT", "DCT"), ("DSC", 5), ("DSC", 9))
"""Scaled dot-product and weighted self-attention, two linear transforms, span-based convolutions of two widths."""
HEADS, FEED_FORWARD, STACKED = (2, 4), (512, 1024), (1, 3)
"""Heads of a layer, width of its feed-forward networks, and number of stacked feed-forward networks."""
LAYER = ("operation", "num_operation_heads", "feed_forward_dimension", "num_feed_forward")
_VALUES = (OPERATIONS, HEADS, FEED_FORWARD, STACKED)


class FlexiBERT(Layered):
    """The 10,621,440 encoders of FlexiBERT (Tuli et al., JAIR 2023, arXiv:2205.11656) in NAS-Bench-BERT.

    An encoder has one of two hidden sizes and two or four layers. Each layer has one of six operations, two numbers of
    heads, two feed-forward widths and two numbers of feed-forward networks: 2 * (48^2 + 48^4) architectures. No two of
    them give equal outputs with equal weights, so `function_key` is `key`. (Weighted attention can learn scaled
    attention, but with other weights.)
    """

    name = "flexibert"
    paper = "Tuli et al. (2023), FlexiBERT, arXiv:2205.11656; Serianni & Kalita (2023), arXiv:2306.04288"
    task = "masked_language"
    attributes = ("hidden", "heads", "feed_forward", "stacked")
    captions: ClassVar[Mapping[str, str]] = {"heads": "{} heads", "feed_forward": "{} wide", "stacked": "x {}"}
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        self._stack((len(HIDDEN),), (2, 4), tuple(map(len, _VALUES)))
        self.ops = ("input", *(f"{kind}-{value}" for kind, value in OPERATIONS), "output")
        self.max_nodes = self.depths[-1] + 2

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The encoder `(18,)` as a directed path; all nodes have `hidden`, layers all `attributes` and `layer`."""
        import networkx as nx

        layers = int(self.depth(genotype[None])[0])
        graph: nx.DiGraph[int] = nx.path_graph(layers + 2, create_using=nx.DiGraph)
        ops = self.adjacency_arrays(genotype[None]).ops[0]
        for node, values in zip(graph, self.node_values(genotype[None])[0], strict=False):
            graph.nodes[node]["op"] = self.ops[ops[node]]
            inner = 0 < node <= layers
            graph.nodes[node].update(zip(self.attributes if inner else ("hidden",), map(int, values), strict=False))
            if inner:
                graph.nodes[node]["layer"] = node - 1
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        first, *inner, last = nx.topological_sort(graph)
        labels = [graph.nodes[node].get("op") for node in (first, *inner, last)]
        path = nx.path_graph(len(graph), create_using=nx.DiGraph)
        if not nx.is_isomorphic(graph, path) or {"input", "output"} & {*labels[1:-1]}:
            raise InputError(f"a graph of {self.name} is a directed path of input, layers and output, this one is not")
        layers = []
        for node, label in zip(inner, labels[1:-1], strict=True):
            kind, value = OPERATIONS[self.ops.index(label) - 1]
            data = graph.nodes[node]
            layers.append(
                {
                    "operation_type": kind,
                    "operation_parameter": value,
                    "num_operation_heads": data.get("heads"),
                    "feed_forward_dimension": data.get("feed_forward"),
                    "num_feed_forward": data.get("stacked"),
                }
            )
        return self._vector(graph.nodes[first].get("hidden"), layers)

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published JSON: `{"hidden_size": 128, "nas_config": {"encoder_layers": [{...}, ...]}}`."""
        layers = []
        for row in self.layers(genotype[None])[0, : self.depth(genotype[None])[0]].tolist():
            (kind, value), heads, width, stacked = (
                options[option] for options, option in zip(_VALUES, row, strict=True)
            )
            layers.append(
                {
                    "operation_type": kind,
                    "operation_parameter": value,
                    "num_operation_heads": heads,
                    "feed_forward_dimension": width,
                    "num_feed_forward": stacked,
                }
            )
        return json.dumps({"hidden_size": HIDDEN[genotype[0]], "nas_config": {"encoder_layers": layers}})

    def _from_string(self, text: str) -> list[int]:
        form = '{"hidden_size": 128, "nas_config": {"encoder_layers": [...]}}'
        try:
            content = json.loads(text)
            hidden, layers = content["hidden_size"], content["nas_config"]["encoder_layers"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InputError(f"expected an encoder of {self.name} as JSON like {form}, got {text[:80]!r}") from error
        if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
            raise InputError(f"encoder_layers of an encoder of {self.name} is a list of objects")
        return self._vector(hidden, layers)

    def _vector(self, hidden: Any, layers: list[dict[str, Any]]) -> list[int]:
        """The genotype of published settings."""
        if len(layers) not in self.depths:
            raise InputError(f"an encoder of {self.name} has 2 or 4 layers, got {len(layers)}")
        vector = [_option(f"an encoder of {self.name}", "hidden_size", hidden, HIDDEN), self.depths.index(len(layers))]
        for number, layer in enumerate(layers):
            where = f"layer {number} of an encoder of {self.name}"
            operation = (layer.get("operation_type"), layer.get("operation_parameter"))
            vector.append(_option(where, "operation", operation, OPERATIONS))
            vector += [_option(where, name, layer.get(name), _VALUES[i]) for i, name in enumerate(LAYER) if i > 0]
        return vector + [0] * (len(self.cardinalities) - len(vector))

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`hidden_size`, `layers`, then `layer_0_operation` and so on for each layer."""
        return ("hidden_size", "layers", *(f"layer_{i}_{name}" for i in range(self.depths[-1]) for name in LAYER))

    def option_names(self, position: int) -> tuple[Any, ...]:
        """The published values; operations as `SA-SDP`."""
        if position < 2:
            return (HIDDEN, self.depths)[position]
        values = _VALUES[(position - 2) % len(LAYER)]
        return self.ops[1:-1] if values is OPERATIONS else values

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 18)` genotypes as dense arrays: paths padded to 6 nodes."""
        return path_arrays(1 + self.layers(genotypes)[:, :, 0], self.depth(genotypes), output=self.ops.index("output"))

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Hidden size of all nodes; heads, feed-forward width and feed-forward networks of layers; `(n, 6, 4)`."""
        n, depth = len(genotypes), self.depth(genotypes)
        node = np.arange(self.max_nodes)
        values = np.zeros((n, self.max_nodes, len(self.attributes)))
        values[:, :, 0] = np.array(HIDDEN)[genotypes[:, :1]] * (node <= depth[:, None] + 1)
        present = node[:-2] < depth[:, None]
        for place, options in enumerate(_VALUES[1:], start=1):
            values[:, 1:-1, place] = np.array(options)[self.layers(genotypes)[:, :, place]] * present
        return values

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The encoder on characters: embedding, layers, a linear map to the characters.

        `settings.channels` is the width of hidden size 128 (published: 128); all other widths are in proportion. It
        must be a multiple of 4, the maximum number of heads. The space sets the depth, so `settings.cells` and
        `settings.stages` are ignored.
        """
        from nasbench.spaces.networks.transformer import Encoder, scaled

        language = MaskedLanguage.expect(task)
        hidden = scaled(HIDDEN[genotype[0]], settings.channels, HIDDEN[0], HEADS[-1])
        layers = []
        for row in self.layers(genotype[None])[0, : self.depth(genotype[None])[0]].tolist():
            operation, heads, width, stacked = (options[option] for options, option in zip(_VALUES, row, strict=True))
            layers.append((operation, heads, scaled(width, settings.channels, HIDDEN[0], 1), stacked))
        return Encoder(language, hidden, layers)


def _option(where: str, name: str, value: Any, options: tuple[Any, ...]) -> int:
    """Index of a value among the options."""
    if isinstance(value, bool) or value not in options:
        known = ", ".join("-".join(map(str, o)) if isinstance(o, tuple) else str(o) for o in options)
        raise InputError(f"{where} has {name} {value!r}; known are {known}")
    return options.index(value)

"""HAT: encoder-decoder transformers with heads, width and attention per layer (Wang et al., 2020)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.layered import Layered
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.language import MaskedLanguage
from nasbench.types import FloatArray, GenotypeArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

EMBED = (512, 640)
FEED_FORWARD = (512, 1024, 2048, 3072)
HEADS = (2, 4, 8)
ATTENDED = (1, 2, 3)
"""Numbers of last encoder layers that a decoder layer can attend to."""
ENCODER_LAYERS = 6
DECODER_LAYERS = (1, 2, 3, 4, 5, 6)
PUBLISHED_ATTENTION = {-1: 1, 1: 2, 2: 3}
"""Published value of `decoder_arbitrary_ende_attn` -> number of attended layers."""
SUMMARY = (
    "encoder_embed_dim",
    "encoder_layer_num",
    "encoder_ffn_embed_dim_avg",
    "encoder_self_attention_heads_avg",
    "decoder_embed_dim",
    "decoder_layer_num",
    "decoder_ffn_embed_dim_avg",
    "decoder_self_attention_heads_avg",
    "decoder_ende_attention_heads_avg",
    "decoder_arbitrary_ende_attn_avg",
)
"""Columns of the published latency tables, in order; averages are over layers."""


class Settings(NamedTuple):
    """Choices of `n` transformers as numbers, 0 for absent layers.

    Attributes:
        encoder_embed: Width of the encoder; shape `(n,)`.
        decoder_embed: Width of the decoder; shape `(n,)`.
        decoder_layers: Number of decoder layers; shape `(n,)`.
        encoder_ffn: Feed-forward widths of encoder layers; shape `(n, 6)`.
        encoder_heads: Self-attention heads of encoder layers; shape `(n, 6)`.
        decoder_ffn: Feed-forward widths of decoder layers; shape `(n, 6)`.
        decoder_heads: Self-attention heads of decoder layers; shape `(n, 6)`.
        cross_heads: Cross-attention heads of decoder layers; shape `(n, 6)`.
        attended: Number of last encoder layers attended to by decoder layers; shape `(n, 6)`.
    """

    encoder_embed: npt.NDArray[np.int64]
    decoder_embed: npt.NDArray[np.int64]
    decoder_layers: npt.NDArray[np.int64]
    encoder_ffn: npt.NDArray[np.int64]
    encoder_heads: npt.NDArray[np.int64]
    decoder_ffn: npt.NDArray[np.int64]
    decoder_heads: npt.NDArray[np.int64]
    cross_heads: npt.NDArray[np.int64]
    attended: npt.NDArray[np.int64]


_LAYER = (FEED_FORWARD, HEADS, HEADS, ATTENDED)
"""Options of a decoder layer."""
_ENCODER = slice(2, 2 + 2 * ENCODER_LAYERS)


class Transformer(Layered):
    """The 19,130,661,104,239,706,112 transformers of HAT (Wang et al., ACL 2020, arXiv:2005.14187).

    Encoder and decoder have one of two widths each. Each of the six encoder layers has one of four feed-forward widths
    and three numbers of heads. Each of the one to six decoder layers has these too, one of three numbers of
    cross-attention heads, and attends to the last one, two or three encoder layers. That makes 2 * 2 * 12^6 *
    (108 + 108^2 + ... + 108^6) architectures (`size`). These are the options of the published latency tables. No two
    architectures give equal outputs with equal weights, so `function_key` is `key`.

    A genotype holds the two widths; feed-forward widths, then heads, of the encoder; the number of decoder layers; and
    for each of these feed-forward width, heads, cross-attention heads, and number of attended layers.
    """

    name = "transformer"
    paper = "Wang et al. (2020), HAT, arXiv:2005.14187"
    task = "masked_language"
    attributes = ("embed", "feed_forward", "heads", "cross_heads")
    captions: ClassVar[Mapping[str, str]] = {"feed_forward": "{} wide", "heads": "{} heads", "cross_heads": "{} cross"}
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    def __init__(self) -> None:
        encoder = (len(FEED_FORWARD),) * ENCODER_LAYERS + (len(HEADS),) * ENCODER_LAYERS
        self._stack((len(EMBED), len(EMBED), *encoder), DECODER_LAYERS, tuple(map(len, _LAYER)))
        self.ops = ("input", "encoder", "target", "decoder", "output")
        self.weightless_ops = ("target",)
        self.max_nodes = 3 + ENCODER_LAYERS + DECODER_LAYERS[-1]

    def settings(self, genotypes: GenotypeArray) -> Settings:
        """Choices of `(n, 39)` genotypes as numbers."""
        present = np.arange(DECODER_LAYERS[-1]) < self.depth(genotypes)[:, None]
        layers = self.layers(genotypes)
        encoder = genotypes[:, _ENCODER].reshape(-1, 2, ENCODER_LAYERS)
        embed = np.array(EMBED)[genotypes[:, :2]]
        decoder = [np.array(options)[layers[:, :, place]] * present for place, options in enumerate(_LAYER)]
        ffn, heads = np.array(FEED_FORWARD)[encoder[:, 0]], np.array(HEADS)[encoder[:, 1]]
        return Settings(embed[:, 0], embed[:, 1], self.depth(genotypes), ffn, heads, *decoder)

    # --- published summaries ------------------------------------------------------------------------------------

    def summary(self, genotypes: GenotypeArray) -> FloatArray:
        """Rows of the published latency tables for `(n, 39)` genotypes; shape `(n, 10)`, in the order of `SUMMARY`."""
        s = self.settings(genotypes)
        decoder = [
            part.sum(axis=1) / s.decoder_layers for part in (s.decoder_ffn, s.decoder_heads, s.cross_heads, s.attended)
        ]
        return np.stack(
            [
                s.encoder_embed,
                np.full(len(genotypes), ENCODER_LAYERS),
                s.encoder_ffn.mean(axis=1),
                s.encoder_heads.mean(axis=1),
                s.decoder_embed,
                s.decoder_layers,
                *decoder,
            ],
            axis=1,
        )

    def from_summary(self, summary: npt.ArrayLike) -> GenotypeArray:
        """One genotype `(n, 39)` for each of `(n, 10)` summaries: the first with non-increasing numbers over layers.

        A summary holds averages over layers: every published row fits several transformers. So the result suits only
        quantities that depend on the averages, such as the published latencies.

        Raises:
            InputError: No transformer of this space has such a summary; the message names the row and the number.
        """
        rows = np.asarray(summary, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(SUMMARY):
            raise InputError(f"summaries of {self.name} have shape (n, {len(SUMMARY)}), got {rows.shape}")
        if not np.isfinite(rows).all():
            number, place = map(int, np.argwhere(~np.isfinite(rows))[0])
            raise InputError(
                f"summary {number} of {self.name} has {SUMMARY[place]} {rows[number, place]}, not a number"
            )
        result = np.zeros((len(rows), len(self.cardinalities)), dtype=np.int8)
        for number, row in enumerate(rows.tolist()):
            named = dict(zip(SUMMARY, row, strict=True))
            where = f"summary {number} of {self.name}"
            layers = int(_member(where, "decoder_layer_num", named["decoder_layer_num"], DECODER_LAYERS))
            _member(where, "encoder_layer_num", named["encoder_layer_num"], (ENCODER_LAYERS,))
            encoder = [
                _options_with_mean(where, name, named[name], options, ENCODER_LAYERS)
                for name, options in zip(SUMMARY[2:4], (FEED_FORWARD, HEADS), strict=True)
            ]
            decoder = [
                _options_with_mean(where, name, named[name], options, layers)
                for name, options in zip(SUMMARY[6:], _LAYER, strict=True)
            ]
            embed = [EMBED.index(int(_member(where, name, named[name], EMBED))) for name in (SUMMARY[0], SUMMARY[4])]
            flat = [
                *embed,
                *encoder[0],
                *encoder[1],
                DECODER_LAYERS.index(layers),
                *np.ravel(decoder, order="F").tolist(),
            ]
            result[number, : len(flat)] = flat
        return result

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The transformer `(39,)` as a directed graph: paths of encoder and decoder, joined by cross-attention edges.

        Nodes have `op` and `embed`; layers also have their other `attributes` and `layer`, counted from 0. The decoder
        starts from the `target`, which is read from the input; its layers attend to the last encoder layers.
        """
        import networkx as nx

        adjacency, ops, mask = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        for node, values in enumerate(self.node_values(genotype[None])[0, : int(mask.sum())].astype(int).tolist()):
            op = self.ops[ops[0, node]]
            graph.add_node(node, op=op, **{name: v for name, v in zip(self.attributes, values, strict=True) if v})
            if op in ("encoder", "decoder"):
                graph.nodes[node]["layer"] = node - (1 if op == "encoder" else 2 + ENCODER_LAYERS)
        graph.add_edges_from((a, b) for a, b in np.argwhere(adjacency[0]).tolist())
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        nodes = {op: [n for n in nx.topological_sort(graph) if graph.nodes[n]["op"] == op] for op in self.ops}
        counts = {op: len(matches) for op, matches in nodes.items()}
        expected = {"input": 1, "encoder": ENCODER_LAYERS, "target": 1, "decoder": counts["decoder"], "output": 1}
        if counts != expected or counts["decoder"] not in DECODER_LAYERS:
            raise InputError(
                f"a graph of {self.name} has an input, {ENCODER_LAYERS} layers of op 'encoder', a target, 1 to "
                f"{DECODER_LAYERS[-1]} of op 'decoder' and an output, got {counts}"
            )
        encoder, decoder = nodes["encoder"], nodes["decoder"]
        chains = ([*nodes["input"], *encoder], [*nodes["input"], *nodes["target"], *decoder, *nodes["output"]])
        edges = {edge for chain in chains for edge in pairwise(chain)}
        attended = []
        for node in decoder:
            sources = [source for source in encoder if graph.has_edge(source, node)]
            if sources != encoder[len(encoder) - len(sources) :] or len(sources) not in ATTENDED:
                raise InputError(
                    f"node {node!r} (decoder) attends to {len(sources)} encoder layers; in {self.name} it attends "
                    "to the last one, two or three"
                )
            attended.append(len(sources))
            edges |= {(source, node) for source in sources}
        stray = {*graph.edges} ^ edges
        if stray:
            tail, head = min(stray, key=str)
            has = "has an" if graph.has_edge(tail, head) else "lacks the"
            raise InputError(f"the edges are not those of a graph of {self.name}: it {has} edge {tail!r} -> {head!r}")

        def numbers(chosen: list[Any], name: str) -> list[Any]:
            return [graph.nodes[node].get(name) for node in chosen]

        return self._vector(
            {
                "encoder_embed_dim": graph.nodes[encoder[0]].get("embed"),
                "decoder_embed_dim": graph.nodes[decoder[0]].get("embed"),
                "encoder_ffn_embed_dim": numbers(encoder, "feed_forward"),
                "encoder_self_attention_heads": numbers(encoder, "heads"),
                "decoder_ffn_embed_dim": numbers(decoder, "feed_forward"),
                "decoder_self_attention_heads": numbers(decoder, "heads"),
                "decoder_ende_attention_heads": numbers(decoder, "cross_heads"),
                "decoder_arbitrary_ende_attn": [
                    number for a in attended for number, k in PUBLISHED_ATTENTION.items() if k == a
                ],
                "encoder_layer_num": len(encoder),
                "decoder_layer_num": len(decoder),
            }
        )

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published settings as JSON: `encoder_embed_dim`, `decoder_ffn_embed_dim` and so on, lists by layer."""
        s = self.settings(genotype[None])
        k = int(s.decoder_layers[0])
        published = {layers: number for number, layers in PUBLISHED_ATTENTION.items()}
        return json.dumps(
            {
                "encoder_embed_dim": int(s.encoder_embed[0]),
                "encoder_layer_num": ENCODER_LAYERS,
                "encoder_ffn_embed_dim": s.encoder_ffn[0].tolist(),
                "encoder_self_attention_heads": s.encoder_heads[0].tolist(),
                "decoder_embed_dim": int(s.decoder_embed[0]),
                "decoder_layer_num": k,
                "decoder_ffn_embed_dim": s.decoder_ffn[0, :k].tolist(),
                "decoder_self_attention_heads": s.decoder_heads[0, :k].tolist(),
                "decoder_ende_attention_heads": s.cross_heads[0, :k].tolist(),
                "decoder_arbitrary_ende_attn": [published[layers] for layers in s.attended[0, :k].tolist()],
            }
        )

    def _from_string(self, text: str) -> list[int]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"expected a transformer of {self.name} as JSON, got {text[:80]!r}") from error
        if not isinstance(content, dict):
            raise InputError(f"expected a transformer of {self.name} as a JSON object, got {text[:80]!r}")
        return self._vector(content)

    def _vector(self, content: Mapping[str, Any]) -> list[int]:
        """The genotype of published settings; as published, lists may be longer than the number of layers."""
        where = f"a transformer of {self.name}"
        _member(where, "encoder_layer_num", content.get("encoder_layer_num"), (ENCODER_LAYERS,))
        layers = int(_member(where, "decoder_layer_num", content.get("decoder_layer_num"), DECODER_LAYERS))

        def listed(name: str, options: tuple[int, ...], length: int) -> list[int]:
            values = content.get(name)
            if not isinstance(values, list) or len(values) < length:
                raise InputError(
                    f"{where} has {name} as a list of {length}, one for each layer, got {str(values)[:80]}"
                )
            return [options.index(int(_member(where, name, value, options))) for value in values[:length]]

        embed = [
            EMBED.index(int(_member(where, f"{side}_embed_dim", content.get(f"{side}_embed_dim"), EMBED)))
            for side in ("encoder", "decoder")
        ]
        encoder = listed("encoder_ffn_embed_dim", FEED_FORWARD, ENCODER_LAYERS)
        encoder += listed("encoder_self_attention_heads", HEADS, ENCODER_LAYERS)
        decoder = [
            listed("decoder_ffn_embed_dim", FEED_FORWARD, layers),
            listed("decoder_self_attention_heads", HEADS, layers),
            listed("decoder_ende_attention_heads", HEADS, layers),
            listed("decoder_arbitrary_ende_attn", tuple(PUBLISHED_ATTENTION), layers),
        ]
        vector = [*embed, *encoder, DECODER_LAYERS.index(layers), *np.ravel(decoder, order="F").tolist()]
        return vector + [0] * (len(self.cardinalities) - len(vector))

    @property
    def choice_names(self) -> tuple[str, ...]:
        """The published names, with the number of the layer, as in `decoder_ffn_embed_dim_0`."""
        names = ["encoder_embed_dim", "decoder_embed_dim"]
        names += [
            f"{name}_{i}"
            for name in ("encoder_ffn_embed_dim", "encoder_self_attention_heads")
            for i in range(ENCODER_LAYERS)
        ]
        layer = ("ffn_embed_dim", "self_attention_heads", "ende_attention_heads", "arbitrary_ende_attn")
        return (
            *names,
            "decoder_layer_num",
            *(f"decoder_{name}_{i}" for i, name in product(range(DECODER_LAYERS[-1]), layer)),
        )

    def option_names(self, position: int) -> tuple[int, ...]:
        """The published numbers."""
        if position < 2:
            return EMBED
        if position < self._depth:
            return FEED_FORWARD if position < 2 + ENCODER_LAYERS else HEADS
        if position == self._depth:
            return DECODER_LAYERS
        return (*_LAYER[:3], tuple(PUBLISHED_ATTENTION))[(position - self._depth - 1) % len(_LAYER)]

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 39)` genotypes as dense arrays: input, encoder, target, decoder, output, padded to 15."""
        n, v, s = len(genotypes), self.max_nodes, self.settings(genotypes)
        target = 1 + ENCODER_LAYERS
        node, last = np.arange(v), target + 1 + s.decoder_layers  # the output
        mask = node <= last[:, None]
        ops = np.zeros((n, v), dtype=np.int8)
        ops[:, 1:target], ops[:, target], ops[:, target + 1 :] = 1, 2, 3
        ops[np.arange(n), last] = self.ops.index("output")
        ops[~mask] = 0
        adjacency = np.eye(v, k=1, dtype=bool) & mask[:, None, :]
        adjacency[:, target - 1, target], adjacency[:, 0, target] = False, True
        for back in range(max(ATTENDED)):
            adjacency[:, target - 1 - back, target + 1 : -1] = s.attended > back
        return AdjacencyArrays(adjacency, ops, mask)

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Width of all nodes; feed-forward width, heads and cross-attention heads of layers; shape `(n, 15, 4)`."""
        s, target = self.settings(genotypes), 1 + ENCODER_LAYERS
        values = np.zeros((len(genotypes), self.max_nodes, len(self.attributes)))
        values[:, :target, 0] = s.encoder_embed[:, None]
        values[:, target:, 0] = s.decoder_embed[:, None] * (
            np.arange(self.max_nodes - target) <= s.decoder_layers[:, None] + 1
        )
        values[:, 1:target, 1], values[:, 1:target, 2] = s.encoder_ffn, s.encoder_heads
        for place, part in enumerate((s.decoder_ffn, s.decoder_heads, s.cross_heads), start=1):
            values[:, target + 1 : -1, place] = part
        return values

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """An encoder of masked characters, and a decoder that restores each character from the earlier ones.

        `settings.channels` is the width of embedding size 512 (published: 512); all other widths are in proportion. It
        must be a multiple of 8, the maximum number of heads. The space sets the depth, so `settings.cells` and
        `settings.stages` are ignored.
        """
        from nasbench.spaces.networks.transformer import EncoderDecoder, scaled

        language, s = MaskedLanguage.expect(task), self.settings(genotype[None])

        def width(number: npt.NDArray[np.int64]) -> int:
            return scaled(int(number), settings.channels, EMBED[0], 1)

        inner = scaled(
            EMBED[0], settings.channels, EMBED[0], HEADS[-1]
        )  # width of queries, keys and values in all layers
        encoder = [(int(heads), width(ffn)) for heads, ffn in zip(s.encoder_heads[0], s.encoder_ffn[0], strict=True)]
        decoder = [
            (int(heads), int(cross), int(attended), width(ffn))
            for heads, cross, attended, ffn in zip(
                s.decoder_heads[0], s.cross_heads[0], s.attended[0], s.decoder_ffn[0], strict=True
            )
            if ffn
        ]
        return EncoderDecoder(language, inner, width(s.encoder_embed[0]), width(s.decoder_embed[0]), encoder, decoder)


def _member(where: str, name: str, value: Any, options: tuple[int, ...]) -> int:
    """A value, checked to be one of the options."""
    if isinstance(value, bool) or value not in options:
        raise InputError(f"{where} has {name} {value!r}; known are {', '.join(map(str, options))}")
    return int(value)


def _options_with_mean(where: str, name: str, mean: float, options: tuple[int, ...], layers: int) -> list[int]:
    """First non-increasing options of layers with this mean."""
    layer_options = (
        _means(options, layers).get(round(mean * layers)) if abs(mean * layers - round(mean * layers)) < 1e-6 else None
    )
    if layer_options is None:
        raise InputError(f"{where} has {name} {mean!r}; no {layers} of {', '.join(map(str, options))} have that mean")
    return layer_options


@cache
def _means(options: tuple[int, ...], layers: int) -> dict[int, list[int]]:
    """Sum of options -> first non-increasing list of `layers` option indices with this sum."""
    table: dict[int, list[int]] = {}
    for choice in product(range(len(options)), repeat=layers):
        if list(choice) == sorted(choice, reverse=True):
            table.setdefault(sum(options[option] for option in choice), list(choice))
    return table

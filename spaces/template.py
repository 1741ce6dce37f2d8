"""Spaces from a template graph whose nodes have one operation or a choice of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces import interchange
from nasbench.spaces.base import Space
from nasbench.spaces.hashing import mix
from nasbench.spaces.template_reading import MAX_OPS, Template, checked_order, read_template
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

WordArray: TypeAlias = npt.NDArray[np.uint64]
NONE = ("none",)
SKIP = ("skip", "skip_connect", "identity")
"""Names of the zero operation and of the identity."""
MAX_RENUMBERINGS = 10_000
"""Maximum number of renumberings tried for each architecture; seven interchangeable nodes have 5,040."""
_MAX_ELEMENTS = 1 << 21
"""Maximum number of elements of the arrays of one batch."""


class TemplateSpace(Space):
    """All ways to fill in a template: an operation for each node with a choice, each optional edge present or not.

    A node of the template has either `op` (fixed) or `choices` (a list); one node has op `input` and one `output`. An
    edge with `optional=True` can be omitted. Even without optional edges every node must lie on a path from the input
    to the output, so every combination is an architecture.

    A genotype holds the index of the chosen operation of each node with a choice, then 0 or 1 for each optional edge.
    Nodes are in topological order (ties as in the template), edges in the order of their ends; graphs number their
    nodes in the same order.

    Keys are exact. Two genotypes have isomorphic graphs if a renumbering of the nodes maps one to the other. All
    renumberings that can map a genotype to a genotype are found once; `canonical` is the least genotype they lead to.

    In a network, each node applies its operation to the sum of its inputs, in cells placed as in NAS-Bench-201. `none`
    outputs nothing, `skip` its input; `nasbench.spaces.networks.template` lists the other known names.

    Args:
        template: The graph, or its stored JSON values (`Template`; optional edges are listed under `"optional"`).
        layers: Operation name -> a known name, or `"module:function"` of a function or class `(channels)` that builds a
            torch module, which keeps the shape `(batch, channels, height, width)`.
        name: Name of the space.
        paper: Source of the space.

    Raises:
        InputError: The template is not acceptable; the message says which node or edge, and why.
    """

    name = "template"
    paper = "template graph"

    def __init__(
        self,
        template: Template,
        layers: Mapping[str, str] | None = None,
        name: str | None = None,
        paper: str | None = None,
    ) -> None:
        self.name, self.paper = name or self.name, paper or self.paper
        self.layers = None if layers is None else dict(layers)
        nodes, required, optional = read_template(template)
        order = checked_order(self.name, nodes, required, optional)
        self._node_options = [nodes[node] for node in order]
        self._required, self._optional = (
            sorted((order.index(source), order.index(target)) for source, target in edges)
            for edges in (required, optional)
        )
        self.template: dict[str, Any] = {
            "nodes": {node: nodes[node] if len(nodes[node]) > 1 else nodes[node][0] for node in order},
            "edges": [[order[source], order[target]] for source, target in self._required],
            "optional": [[order[source], order[target]] for source, target in self._optional],
        }
        self._free = [number for number, options in enumerate(self._node_options) if len(options) > 1]
        self._names = [order[number] for number in self._free]
        self._names += [f"edge_{order[source]}_{order[target]}" for source, target in self._optional]
        if len(set(self._names)) < len(self._names):
            raise InputError(f"{self.name}: two choices have the same name: {', '.join(self._names)}; rename a node")
        if not self._names:
            raise InputError(f"{self.name} leaves nothing to choose; give a node `choices` of at least two operations")
        self.cardinalities = (*(len(self._node_options[number]) for number in self._free), *(2,) * len(self._optional))
        inner = dict.fromkeys(op for options in self._node_options[1:-1] for op in options)
        self.ops = ("input", *inner, "output")
        if len(self.ops) > MAX_OPS:
            raise InputError(f"{self.name} has {len(self.ops)} operations in all, but a space has at most {MAX_OPS}")
        for op, layer in (self.layers or {}).items():
            if op not in inner or not isinstance(layer, str):
                raise InputError(
                    f"{self.name}: layers are names or 'module:function' for operations of nodes, got {op!r}: {layer!r}"
                )
        self.max_nodes = len(order)
        self.zero_ops = tuple(op for op in inner if self.meaning(op) in NONE)
        self.identity_ops = tuple(op for op in inner if self.meaning(op) in SKIP)
        self.weightless_ops = tuple(op for op in inner if "pool" in self.meaning(op) and ":" not in self.meaning(op))

    def meaning(self, op: str) -> str:
        """The name in `layers`, or else the operation itself; one name for all identities."""
        meaning = (self.layers or {}).get(op, op)
        return SKIP[0] if meaning in SKIP else meaning

    @property
    def modules(self) -> tuple[str, ...]:
        """Modules of the functions in `layers`."""
        return tuple(dict.fromkeys(layer.partition(":")[0] for layer in map(self.meaning, self.ops) if ":" in layer))

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Names of the nodes with a choice, then `edge_a_b` for each optional edge from `a` to `b`."""
        return tuple(self._names)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Operations of a node; 0 and 1 for an edge."""
        return tuple(self._node_options[self._free[position]]) if position < len(self._free) else (0, 1)

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The architecture `(d,)` as a directed graph with attribute `op`, nodes in topological order."""
        import networkx as nx

        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((node, {"op": self.ops[op]}) for node, op in enumerate(ops[0]))
        graph.add_edges_from((source, target) for source, target in np.argwhere(adjacency[0]).tolist())
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        if len(graph) != self.max_nodes:
            raise InputError(f"a graph of {self.name} has {self.max_nodes} nodes, got {len(graph)}")
        labels = dict(graph.nodes(data="op"))

        def fits(number: int, node: Any) -> bool:
            return labels[node] in self._node_options[number]

        for nodes in self._placements(graph, graph, fits):
            chosen = [self._node_options[number].index(labels[nodes[number]]) for number in self._free]
            return chosen + [int(graph.has_edge(nodes[a], nodes[b])) for a, b in self._optional]
        for nodes in self._placements(graph, graph, lambda number, node: True):
            number, node = next((number, node) for number, node in nodes.items() if not fits(number, node))
            raise InputError(
                f"node {node!r} has op {labels[node]!r}; at its place {self.name} allows "
                f"{', '.join(self._node_options[number])}"
            )
        raise InputError(f"the edges of the graph are not those of the template of {self.name}")

    def _placements(
        self, graph: nx.DiGraph[Any], joined: nx.DiGraph[Any], fits: Callable[[int, Any], bool]
    ) -> Iterator[dict[int, Any]]:
        """All bijections from template nodes to nodes of a graph for which every pair fits.

        Edges of `graph` lie on possible edges of the template; required edges are edges of `joined`.
        """
        import networkx as nx

        possible: nx.DiGraph[int] = nx.DiGraph([*self._required, *self._optional])
        required = self._required

        class Matcher(nx.algorithms.isomorphism.DiGraphMatcher):
            def semantic_feasibility(self, place: int, node: Any) -> bool:
                nodes = {**self.core_1, place: node}
                known = (edge for edge in required if place in edge and nodes.keys() >= {*edge})
                return fits(place, node) and all(joined.has_edge(nodes[a], nodes[b]) for a, b in known)

        for nodes in Matcher(possible, graph).subgraph_monomorphisms_iter():
            yield dict(sorted(nodes.items()))

    def to_string(self, genotype: GenotypeArray) -> str:
        """Named choices, as in `a=conv3x3,b=skip,edge_a_b=1`."""
        return interchange.to_string(self, genotype)

    def _from_string(self, text: str) -> list[int]:
        return interchange.from_string(self, text)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        """All architectures `(k, d)` with another operation at one node, or one optional edge more or less.

        Such an edit changes the count of an operation or of the edges, so it always leads to another network. If the
        genotypes of this network may allow different edits, the edits of all of them are taken.
        """
        members = genotype[None]
        if not self._symmetric:
            images, valid = self._images(members)
            members = np.unique(images[:, 0, valid[0]].T, axis=0)
        edits, _ = super()._neighbours_of(members)
        return edits[np.sort(np.unique(self.key(edits), return_index=True)[1])]

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, d)` and `(n, d)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The lexicographically least genotype `(n, d)` of isomorphic graphs. Exact."""
        if len(self._renumberings) == 1 or not len(genotypes):
            return genotypes
        step = max(1, _MAX_ELEMENTS // (len(self._renumberings) * self.max_nodes))
        parts = []
        for start in range(0, len(genotypes), step):
            images, candidates = self._images(genotypes[start : start + step])
            least = np.empty((images.shape[1], images.shape[0]), dtype=np.int8)
            for position, image in enumerate(images):
                least[:, position] = np.where(candidates, image, np.int8(127)).min(axis=1)
                candidates &= image == least[:, position, None]
            parts.append(least)
        return np.concatenate(parts)

    def _images(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Images of `(n, d)` genotypes under `r` renumberings, `(d, n, r)`, and which images are valid, `(n, r)`."""
        before = self._renumberings
        adjacency, ops, _ = self.adjacency_arrays(genotypes)
        options = self._option_of[np.arange(self.max_nodes), ops[:, before]]  # (n, r, v)
        valid = np.all(options >= 0, axis=2)
        images = options[:, :, self._free]
        if self._optional:
            required, optional = (
                adjacency[:, before[:, sources], before[:, targets]]  # (n, r, edges)
                for sources, targets in (np.array(edges).T for edges in (self._required, self._optional))
            )
            all_edges_placed = required.sum(axis=2) + optional.sum(axis=2) == adjacency.sum(axis=(1, 2))[:, None]
            valid &= required.all(axis=2) & all_edges_placed
            images = np.concatenate([images, optional.astype(np.int8)], axis=2)
        return np.ascontiguousarray(images.transpose(2, 0, 1)), valid

    @cached_property
    def _renumberings(self) -> npt.NDArray[np.intp]:
        """All permutations `(r, v)` that can map a genotype to a genotype: the old node of each new node.

        Old and new node share an operation, and required edges map to possible edges, in both directions.
        """
        import networkx as nx

        required: nx.DiGraph[int] = nx.DiGraph(self._required)
        possible: nx.DiGraph[int] = nx.DiGraph([*self._required, *self._optional])
        options = [{*options} for options in self._node_options]
        placements = self._placements(required, possible, lambda new, old: not options[new].isdisjoint(options[old]))
        renumberings = [[*old.values()] for old in islice(placements, MAX_RENUMBERINGS + 1)]
        if len(renumberings) > MAX_RENUMBERINGS:
            raise InputError(
                f"the nodes of {self.name} can change places in more than {MAX_RENUMBERINGS} ways; "
                "make a template with fewer interchangeable nodes"
            )
        return np.array(renumberings)

    @cached_property
    def _symmetric(self) -> bool:
        """Whether every renumbering maps every genotype to a genotype, because it swaps interchangeable nodes only."""
        options = [{*options} for options in self._node_options]
        numbers = self._renumberings
        alike = all(options[old] == options[new] for row in numbers for new, old in enumerate(row))
        edges = {*self._optional}
        return alike and all((row[a], row[b]) in edges for row in numbers for a, b in self._optional)

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt operations can be matched so that equal weights give equal outputs; `(n,)`.

        These rules are applied, and no others:

        1. `none` outputs nothing. Nodes that get no information from the input, or do not reach the output, are left
           out, as in the networks.
        2. `skip` is the identity. Sums are commutative and associative, and count multiplicity.
        3. Operations with one meaning in `layers` are the same. Nothing else is known of operations, so the remaining
           graphs are the same if isomorphic: two operations of a kind on the same input are two terms.

        The remaining graphs are compared by a 63-bit hash of node colours, refined by those of their neighbours, with
        each node individualised in turn. It separates all graphs tried so far (the tests compare with networkx).
        """
        step = max(1, _MAX_ELEMENTS // self.max_nodes**2)
        parts = [self._fingerprints(genotypes[i : i + step]) for i in range(0, len(genotypes), step)]
        words = np.concatenate([np.zeros(0, dtype=np.uint64), *parts])
        return (words >> np.uint64(1)).astype(np.int64)

    def _fingerprints(self, genotypes: GenotypeArray) -> WordArray:
        """Hash of the remaining graph of each of `(n, d)` genotypes, see `function_key`; shape `(n,)`."""
        adjacency, ops, _ = self.adjacency_arrays(genotypes)
        terms = adjacency.astype(np.uint64)  # [a, i, j]: multiplicity of node i in the sum at node j
        skips = np.isin(ops, [self.ops.index(op) for op in self.identity_ops])
        for node in range(1, self.max_nodes - 1):
            through = terms[:, :, node, None] * terms[:, None, node]
            terms += through * skips[:, node, None, None]
        live = self._live(terms > 0, ops) & ~skips
        terms *= (live[:, :, None] & live[:, None]).astype(np.uint64)
        meanings = [self.meaning(op) for op in self.ops]
        first = np.array([meanings.index(meaning) for meaning in meanings], dtype=np.uint64)
        individualised = np.eye(self.max_nodes, dtype=np.uint64)  # node k in column k
        colours = mix(2 * first[ops][:, :, None] + individualised)  # (n, v, v)
        mask = live[:, :, None].astype(np.uint64)
        for _ in range(self.max_nodes):
            arriving = terms.transpose(0, 2, 1) @ (mix(colours) * mask)
            leaving = terms @ (mix(~colours) * mask)
            colours = mix(colours + mix(arriving) + np.uint64(3) * mix(leaving))
        graphs = mix((mix(colours) * mask).sum(axis=1))  # (n, v): one hash per individualised node
        result: WordArray = (graphs * live).sum(axis=1)
        return mix(result)

    def _live(self, adjacency: BoolArray, ops: GenotypeArray) -> BoolArray:
        """Whether each node lies on a path from input to output without `none`; true for these two; shape `(n, v)`."""
        passes = ~np.isin(ops, [self.ops.index(op) for op in self.zero_ops])
        reached, leads = np.zeros(ops.shape, dtype=bool), np.zeros(ops.shape, dtype=bool)
        reached[:, 0] = leads[:, -1] = True
        for node in range(1, self.max_nodes):
            reached[:, node] = (adjacency[:, :, node] & reached).any(axis=1) & passes[:, node]
            back = self.max_nodes - 1 - node
            leads[:, back] = (adjacency[:, back] & leads).any(axis=1) & passes[:, back]
        live: BoolArray = reached & leads
        live[:, [0, -1]] = True
        return live

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as dense arrays, with the nodes of the template."""
        n, v = len(genotypes), self.max_nodes
        adjacency = np.zeros((n, v, v), dtype=bool)
        adjacency[:, *np.array(self._required).T] = True
        if self._optional:
            adjacency[:, *np.array(self._optional).T] = genotypes[:, len(self._free) :] > 0
        options = np.zeros((n, v), dtype=np.int8)
        options[:, self._free] = genotypes[:, : len(self._free)]
        return AdjacencyArrays(adjacency, self._op_of[np.arange(v), options], np.ones((n, v), dtype=bool))

    @cached_property
    def _op_of(self) -> GenotypeArray:
        """Index in `ops` of each option of each node, padded with 0; shape `(v, options)`."""
        table = np.zeros((self.max_nodes, max(map(len, self._node_options))), dtype=np.int8)
        for node, options in enumerate(self._node_options):
            table[node, : len(options)] = [self.ops.index(op) for op in options]
        return table

    @cached_property
    def _option_of(self) -> GenotypeArray:
        """Option of each node for each of `ops`, -1 for other operations; shape `(v, ops)`."""
        table = np.full((self.max_nodes, len(self.ops)), -1, dtype=np.int8)
        for node, options in enumerate(self._node_options):
            table[node, [self.ops.index(op) for op in options]] = np.arange(len(options))
        return table

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The skeleton of NAS-Bench-201: stem, stages of cells with a residual reduction between them, head.

        Nodes without information flow are left out of the cells.

        Raises:
            InputError: An operation is neither a known name nor in `layers`, or its function cannot be imported.
        """
        from nasbench.spaces.networks import template

        images = ImageClassification.expect(task)
        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        live = np.flatnonzero(self._live(adjacency, ops)[0]).tolist()
        plan = [
            (self.meaning(self.ops[ops[0, node]]), [live.index(i) for i in live if adjacency[0, i, node]])
            for node in live[1:]
        ]
        return template.network(plan, images.shape[0], images.classes, settings)

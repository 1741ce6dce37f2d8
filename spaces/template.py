"""A space made from one graph, whose nodes each have an operation or a choice of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces import interchange
from nasbench.spaces.base import Space
from nasbench.spaces.hashing import mix
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

WordArray: TypeAlias = npt.NDArray[np.uint64]
Edges: TypeAlias = list[tuple[str, str]]
Template: TypeAlias = Union["nx.DiGraph[Any]", Mapping[str, Any]]
"""A graph, or as JSON `{"nodes": {"a": "input", "b": ["skip", "conv3x3"], ...}, "edges": [["a", "b"], ...]}`."""
NONE = ("none",)
SKIP = ("skip", "skip_connect", "identity")
"""Names of operations that pass on nothing, and what arrives as it is."""
MOST_RENUMBERINGS = 10_000
"""Ways to number the nodes that are tried for each architecture; of seven nodes that are alike there are 5,040."""
MOST_OPS, MOST_NODES = 127, 64
"""Operations of all nodes together, which are int8, and nodes."""
_CHUNK = 1 << 21
"""Numbers in an array of one step."""


class TemplateSpace(Space):
    """All ways to fill in a template: an operation for each node that leaves a choice, and optional edges or not.

    A node of the template has either `op` (what it is) or `choices` (a list of what it can be); one has op `input` and
    one `output`. An edge with `optional=True` can be left out. Without all of these every node still lies on a way from
    the input to the output, so that every combination is an architecture.

    A genotype holds for each node with a choice the position in its list, by topological order (where that leaves it
    open, as in the template), then 0 or 1 for each optional edge, by the order of its ends. Nodes of graphs are
    numbered in this order.

    Keys are exact. Two genotypes have isomorphic graphs where some renumbering of the nodes makes one of the other;
    those that can make anything of anything are found once, and `canonical` takes the least genotype that any makes.

    In a network each node does its operation on the sum of what arrives, in cells as those of NAS-Bench-201. `none`
    passes nothing on, `skip` what arrives; what else is known by name is in `nasbench.spaces.networks.template`.

    Args:
        template: The graph, or the JSON values that it is stored as (`Template`; optional edges are listed under
            `"optional"`).
        layers: For operations by other names: a name that is known, or `"module:function"` of a function or class
            `(channels)` that makes a torch module, which keeps the shape `(batch, channels, height, width)`.
        name: Name of the space.
        paper: Where it comes from.

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
        nodes, required, optional = _read(template)
        order = _checked_order(self.name, nodes, required, optional)
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
            raise InputError(f"{self.name}: two choices would have one name: {', '.join(self._names)}; rename a node")
        if not self._names:
            raise InputError(f"{self.name} leaves nothing to choose; give a node `choices` of at least two operations")
        self.cardinalities = (*(len(self._node_options[number]) for number in self._free), *(2,) * len(self._optional))
        inner = dict.fromkeys(op for options in self._node_options[1:-1] for op in options)
        self.ops = ("input", *inner, "output")
        if len(self.ops) > MOST_OPS:
            raise InputError(f"{self.name} has {len(self.ops)} operations in all, but a space has at most {MOST_OPS}")
        for op, layer in (self.layers or {}).items():
            if op not in inner or not isinstance(layer, str):
                raise InputError(
                    f"{self.name}: layers are names or 'module:function' for operations of nodes, got {op!r}: {layer!r}"
                )
        self.max_nodes = len(order)
        self.zero_ops = tuple(op for op in inner if self._meaning(op) in NONE)
        self.identity_ops = tuple(op for op in inner if self._meaning(op) in SKIP)

    def _meaning(self, op: str) -> str:
        """The name in `layers`, or the operation itself; one for all that are the identity."""
        meaning = (self.layers or {}).get(op, op)
        return SKIP[0] if meaning in SKIP else meaning

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of the functions that make layers."""
        return tuple(dict.fromkeys(layer.partition(":")[0] for layer in map(self._meaning, self.ops) if ":" in layer))

    @property
    def choice_names(self) -> tuple[str, ...]:
        """The names of the nodes with a choice, and `edge_a_b` for an optional edge from `a` to `b`."""
        return tuple(self._names)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """The operations of a node; 0 and 1 for an edge."""
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
        """All ways to put the nodes of a graph, one each, in the places of the template that they fit.

        Edges of `graph` come on possible edges of the template, and on its required edges come edges of `joined`.
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
        """The choices by name, as in `a=conv3x3,b=skip,edge_a_b=1`."""
        return interchange.to_string(self, genotype)

    def _from_string(self, text: str) -> list[int]:
        return interchange.from_string(self, text)

    # --- moves --------------------------------------------------------------------------------------------------

    def neighbours(self, genotype: GenotypeArray) -> GenotypeArray:
        """All architectures `(k, d)` with another operation at one node, or an optional edge more or less.

        Such an edit changes how often an operation or an edge occurs, so it never leads to the same network. Where one
        genotype of this network may allow what another does not, the edits of all of them are taken.
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
        """The least of the genotypes `(n, d)` of isomorphic graphs, position by position. Exact."""
        if len(self._renumberings) == 1 or not len(genotypes):
            return genotypes
        step = max(1, _CHUNK // (len(self._renumberings) * self.max_nodes))
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
        """What each of `r` renumberings makes of `(n, d)` genotypes, `(d, n, r)`, and which are genotypes, `(n, r)`."""
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
            kept = required.sum(axis=2) + optional.sum(axis=2) == adjacency.sum(axis=(1, 2))[:, None]
            valid &= required.all(axis=2) & kept
            images = np.concatenate([images, optional.astype(np.int8)], axis=2)
        return np.ascontiguousarray(images.transpose(2, 0, 1)), valid

    @cached_property
    def _renumberings(self) -> npt.NDArray[np.intp]:
        """All permutations, `(r, v)`, that may make a genotype of a genotype: which node becomes each node.

        Nodes go where some operation of theirs is allowed, and required edges go to possible ones, there and back.
        """
        import networkx as nx

        required: nx.DiGraph[int] = nx.DiGraph(self._required)
        possible: nx.DiGraph[int] = nx.DiGraph([*self._required, *self._optional])
        options = [{*options} for options in self._node_options]
        ways = self._placements(required, possible, lambda new, old: not options[new].isdisjoint(options[old]))
        found = [[*before.values()] for before in islice(ways, MOST_RENUMBERINGS + 1)]
        if len(found) > MOST_RENUMBERINGS:
            raise InputError(
                f"the nodes of {self.name} can change places in more than {MOST_RENUMBERINGS} ways; "
                "make a template in which fewer are alike"
            )
        return np.array(found)

    @cached_property
    def _symmetric(self) -> bool:
        """Whether every renumbering makes a genotype of every genotype: it changes places of what is alike only."""
        options = [{*options} for options in self._node_options]
        numbers = self._renumberings
        alike = all(options[old] == options[new] for row in numbers for new, old in enumerate(row))
        edges = {*self._optional}
        return alike and all((row[a], row[b]) in edges for row in numbers for a, b in self._optional)

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt operations can be matched so that, with the same weights, both answer the same.

        The rules, which are all that is used:

        1. `none` passes nothing on. What no information from the input reaches, or what does not reach the output, is
           left out, as it is of the networks.
        2. `skip` is the identity. Sums are commutative and associative, and count how often a term occurs.
        3. Operations of one meaning in `layers` are one; about any other nothing is known, so that what remains is the
           same where it is isomorphic: each operation is its own term, even where two of a kind act on the same.

        What remains is compared by 63 bits of a hash: the colours of its nodes, refined by those of their
        neighbours with one node after the other told apart. That tells all graphs apart that were tried (the tests
        compare with networkx).
        """
        step = max(1, _CHUNK // self.max_nodes**2)
        parts = [self._fingerprints(genotypes[i : i + step]) for i in range(0, len(genotypes), step)]
        words = np.concatenate([np.zeros(0, dtype=np.uint64), *parts])
        return (words >> np.uint64(1)).astype(np.int64)

    def _fingerprints(self, genotypes: GenotypeArray) -> WordArray:
        """A hash of what remains of each of `(n, d)` genotypes by the rules of `function_key`; shape `(n,)`."""
        adjacency, ops, _ = self.adjacency_arrays(genotypes)
        terms = adjacency.astype(np.uint64)  # how often a node is a term of the sum at another
        skips = np.isin(ops, [self.ops.index(op) for op in self.identity_ops])
        for node in range(1, self.max_nodes - 1):
            through = terms[:, :, node, None] * terms[:, None, node]
            terms += through * skips[:, node, None, None]
        live = self._live(terms > 0, ops) & ~skips
        terms *= (live[:, :, None] & live[:, None]).astype(np.uint64)
        meanings = [self._meaning(op) for op in self.ops]
        first = np.array([meanings.index(meaning) for meaning in meanings], dtype=np.uint64)
        told_apart = np.eye(self.max_nodes, dtype=np.uint64)  # in column k node k is
        colours = mix(2 * first[ops][:, :, None] + told_apart)  # (n, v, v)
        mask = live[:, :, None].astype(np.uint64)
        for _ in range(self.max_nodes):
            arriving = terms.transpose(0, 2, 1) @ (mix(colours) * mask)
            leaving = terms @ (mix(~colours) * mask)
            colours = mix(colours + mix(arriving) + np.uint64(3) * mix(leaving))
        graphs = mix((mix(colours) * mask).sum(axis=1))  # (n, v): with one node told apart
        result: WordArray = (graphs * live).sum(axis=1)
        return mix(result)

    def _live(self, adjacency: BoolArray, ops: GenotypeArray) -> BoolArray:
        """Which nodes lie on a way from input to output without `none`, and the two themselves; shape `(n, v)`."""
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
        """The graphs of `(n, d)` genotypes as dense arrays; all have the nodes of the template."""
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
        """Position in `ops` of each option of each node, 0 for those that it does not have; shape `(v, options)`."""
        table = np.zeros((self.max_nodes, max(map(len, self._node_options))), dtype=np.int8)
        for node, options in enumerate(self._node_options):
            table[node, : len(options)] = [self.ops.index(op) for op in options]
        return table

    @cached_property
    def _option_of(self) -> GenotypeArray:
        """Which option of each node each of `ops` is, -1 for those that it does not have; shape `(v, ops)`."""
        table = np.full((self.max_nodes, len(self.ops)), -1, dtype=np.int8)
        for node, options in enumerate(self._node_options):
            table[node, [self.ops.index(op) for op in options]] = np.arange(len(options))
        return table

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The skeleton of NAS-Bench-201: stem, stages of cells with a residual reduction between them, head.

        What no information passes through is left out of the cells.

        Raises:
            InputError: An operation is not known by name and not in `layers`, or its function cannot be imported.
        """
        from nasbench.spaces.networks import template

        images = ImageClassification.expect(task)
        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        live = np.flatnonzero(self._live(adjacency, ops)[0]).tolist()
        plan = [
            (self._meaning(self.ops[ops[0, node]]), [live.index(i) for i in live if adjacency[0, i, node]])
            for node in live[1:]
        ]
        return template.network(plan, images.shape[0], images.classes, settings)


def _read(template: Template) -> tuple[dict[str, list[str]], Edges, Edges]:
    """The options of each node, the required and the optional edges, of a graph or of JSON values."""
    if isinstance(template, Mapping) or not hasattr(template, "nodes"):
        return _read_json(template)
    if not template.is_directed() or template.is_multigraph():
        raise InputError(f"a template is a networkx.DiGraph, got {type(template).__name__}")
    nodes: dict[str, list[str]] = {}
    for node, data in template.nodes(data=True):
        if ("op" in data) == ("choices" in data):
            raise InputError(f"node {node!r} of the template needs either `op` or `choices`, and not both")
        nodes[str(node)] = _options(str(node), data.get("op", data.get("choices")))
    if len(nodes) < len(template):
        raise InputError("two nodes of the template have names that read the same")
    edges: tuple[Edges, Edges] = ([], [])
    for source, target, optional in template.edges(data="optional", default=False):
        edges[bool(optional)].append((str(source), str(target)))
    return nodes, *edges


def _read_json(template: Any) -> tuple[dict[str, list[str]], Edges, Edges]:
    form = 'a networkx.DiGraph, or {"nodes": {"a": "input", "b": ["skip", "conv3x3"], ...}, "edges": [["a", "b"], ...]}'
    if not isinstance(template, Mapping) or not {"nodes", "edges"} <= {*template} <= {"nodes", "edges", "optional"}:
        raise InputError(f"a template is {form}")
    nodes, listed = template["nodes"], (template["edges"], template.get("optional", ()))
    if not isinstance(nodes, Mapping) or not all(
        isinstance(edges, list | tuple) and all(isinstance(e, list | tuple) and len(e) == 2 for e in edges)
        for edges in listed
    ):
        raise InputError(f"a template is {form}")
    required, optional = ([(str(source), str(target)) for source, target in edges] for edges in listed)
    return {str(node): _options(str(node), options) for node, options in nodes.items()}, required, optional


def _options(node: str, given: Any) -> list[str]:
    """The operations that a node can have, given as one or a list."""
    options = [given] if isinstance(given, str) else given
    interchange.check_word("name of a node", node)
    if not isinstance(options, list | tuple) or not 0 < len(options) <= MOST_OPS:
        raise InputError(
            f"node {node!r} of the template has an operation or a list of at most {MOST_OPS}, got {given!r:.80}"
        )
    for op in options:
        interchange.check_word(f"operation of node {node!r}", op)
        if options.count(op) > 1:
            raise InputError(f"node {node!r} of the template has the choice {op!r} twice")
        if op in ("input", "output") and len(options) > 1:
            raise InputError(f"node {node!r} of the template cannot choose to be the {op}; only a fixed op can be")
    return list(options)


def _checked_order(space: str, nodes: Mapping[str, list[str]], required: Edges, optional: Edges) -> list[str]:
    """The nodes in topological order, from the input to the output; where that leaves it open, as they are given."""
    if len(nodes) > MOST_NODES:
        raise InputError(f"the template of {space} has {len(nodes)} nodes; a space has at most {MOST_NODES}")
    edges: set[tuple[str, str]] = set()
    for source, target in (*required, *optional):
        if missing := {source, target} - nodes.keys():
            raise InputError(f"{space}: the edge {source!r} -> {target!r} has no node {min(missing)!r} to join")
        if (source, target) in edges:
            raise InputError(f"{space}: the edge {source!r} -> {target!r} is there twice")
        edges.add((source, target))
    ends = [[node for node, options in nodes.items() if options == [end]] for end in ("input", "output")]
    if [len(found) for found in ends] != [1, 1]:
        raise InputError(
            f"the template of {space} has one node of op 'input' and one of 'output', got {len(ends[0])} and "
            f"{len(ends[1])}"
        )
    order: list[str] = []
    while len(order) < len(nodes):
        waiting = {target for source, target in edges if source not in order}
        ready = [node for node in nodes if node not in order and node not in waiting]
        if not ready:
            raise InputError(f"{space}: the template has a cycle, through one of {', '.join(nodes.keys() - {*order})}")
        order.append(ready[0])
    reached, leads = {ends[0][0]}, {ends[1][0]}
    for node in order:
        reached |= {target for source, target in required if source == node and node in reached}
    for node in reversed(order):
        leads |= {source for source, target in required if target == node and node in leads}
    for node in order:
        if node not in reached & leads:
            raise InputError(f"{space}: node {node!r} lies on no way from input to output without optional edges")
    return order

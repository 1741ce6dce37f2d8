"""NAS-Bench-Graph: trees of four message-passing layers, nine shapes and nine operations (Qin et al., 2022)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import permutations, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.nodes import NodeClassification
from nasbench.types import GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""Operations of the nodes, in the published order; `spaces/networks/graph.py` implements them."""
SKIP = OPERATIONS.index("skip")
INNER_NODES = 4
LINKS = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""The published shapes: source of each of the nodes 1 to 4, 0 for the input. All trees of four nodes below a root."""


class Sizes(NamedTuple):
    """Width of the published networks of one data set, and number of linear maps before and after the nodes."""

    channels: int
    before: int
    after: int


PUBLISHED = {
    **dict.fromkeys(("cora", "citeseer"), Sizes(256, before=0, after=1)),
    **dict.fromkeys(("pubmed", "photo"), Sizes(128, before=0, after=0)),
    "cs": Sizes(128, before=1, after=0),
    "physics": Sizes(256, before=1, after=0),
    "computers": Sizes(64, before=1, after=1),
    "arxiv": Sizes(128, before=0, after=1),
    "proteins": Sizes(256, before=1, after=1),
}
"""Published sizes by data set, with which the parameters of all networks equal those in the published table.

Exceptions are 1,567 networks of physics, where the table averages trainings of different networks.
"""

Tree = tuple[int, ...]
"""Source of each of the nodes 1 to 4, in any numbering."""


class Graph(Space):
    """The 59,049 genotypes of NAS-Bench-Graph (Qin et al., NeurIPS 2022, arXiv:2206.09166).

    A genotype holds the shape (`LINKS`) and the operation of each of the nodes 1 to 4. A node reads one other node or
    the input; the output concatenates the unread nodes. Isomorphic trees are one network: there are 35,919
    (`canonical`). The authors count 26,206 (`published_key`), without those of skips alone.

    Args:
        before: Number of linear maps of the features before the nodes, 0 or 1.
        after: Number of linear maps after the map of the output, 0 or 1.
    """

    name = "graph"
    paper = "Qin et al. (2022), NAS-Bench-Graph, arXiv:2206.09166"
    task = "node_classification"
    identity_ops = ("skip",)

    def __init__(self, before: int = 1, after: int = 1) -> None:
        for name, value in (("before", before), ("after", after)):
            if value not in (0, 1) or isinstance(value, bool):
                raise InputError(f"{name} must be 0 or 1, the number of linear maps, got {value!r}")
        self.before, self.after = before, after
        self.cardinalities = (len(LINKS), *(len(OPERATIONS),) * INNER_NODES)
        self.ops = ("input", *OPERATIONS, "output")
        self.max_nodes = INNER_NODES + 2

    # --- graph and string ---------------------------------------------------------------------------------------

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The network `(5,)` as a directed graph of 6 nodes with attribute `op`: input, nodes 1 to 4, output."""
        import networkx as nx

        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((node, {"op": self.ops[op]}) for node, op in enumerate(ops[0]))
        graph.add_edges_from((a, b) for a, b in np.argwhere(adjacency[0]).tolist())
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        labels: dict[Any, Any] = dict(graph.nodes(data="op"))
        ends = {end: [node for node in graph if labels[node] == end] for end in ("input", "output")}
        if len(graph) != self.max_nodes or [len(nodes) for nodes in ends.values()] != [1, 1]:
            raise InputError(
                f"a graph of {self.name} has an input, {INNER_NODES} operations and an output, got {len(graph)} nodes"
            )
        (root,), (sink,) = ends.values()
        inner = [node for node in graph if node not in (root, sink)]
        number = {root: 0, **{node: 1 + i for i, node in enumerate(inner)}}
        for node in inner:
            sources = list(graph.predecessors(node))
            if len(sources) != 1:
                raise InputError(
                    f"node {node!r} ({labels[node]}) reads {len(sources)} nodes; in {self.name} it reads one"
                )
            read = any(reader != sink for reader in graph.successors(node))
            if read == graph.has_edge(node, sink):
                raise InputError(
                    f"node {node!r} ({labels[node]}) is read by another node and by the output, or by neither; "
                    f"in {self.name} the output reads exactly the nodes without other readers"
                )
        if graph.has_edge(root, sink):
            raise InputError(f"the output reads the input; in {self.name} it reads nodes without other readers")
        tree = tuple(number[next(iter(graph.predecessors(node)))] for node in inner)
        return _genotype(tree, [OPERATIONS.index(labels[node]) for node in inner])

    def to_string(self, genotype: GenotypeArray) -> str:
        """Sources and operations, as in `0,0,1,2:gcn,gat,fc,skip`; published as `Arch([0, 0, 1, 2], [...])`."""
        links = LINKS[genotype[0]]
        return f"{','.join(map(str, links))}:{','.join(OPERATIONS[op] for op in genotype[1:])}"

    def _from_string(self, text: str) -> list[int]:
        links, colon, ops = text.partition(":")
        known = [code for code in (_SHAPES.get(links), *map(_CODES.get, ops.split(","))) if code is not None]
        if len(known) == len(self.cardinalities):
            return known
        form = f"expected four numbers and four operations as '0,0,1,2:gcn,gat,fc,skip', got {text[:80]!r}"
        numbers, names = [part.strip() for part in links.split(",")], [part.strip() for part in ops.split(",")]
        if not colon or len(numbers) != INNER_NODES or len(names) != INNER_NODES:
            raise InputError(form)
        for node, number in enumerate(numbers):
            if re.fullmatch("[0-4]", number) is None or int(number) > node:
                raise InputError(f"node {node + 1} reads {number!r}; a node of {self.name} reads 0 or an earlier node")
        for name in names:
            if name not in OPERATIONS:
                raise InputError(f"unknown operation {name!r}; {self.name} has {', '.join(OPERATIONS)}")
        return _genotype(tuple(map(int, numbers)), [OPERATIONS.index(name) for name in names])

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`links`, and `op_1` to `op_4`."""
        return ("links", *(f"op_{node + 1}" for node in range(INNER_NODES)))

    def option_names(self, position: int) -> tuple[str, ...]:
        """Sources of the nodes, as `0,0,1,2`, or operations."""
        return OPERATIONS if position else tuple(",".join(map(str, links)) for links in LINKS)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """Neighbours in which one node has another operation, or another source that does not depend on it."""
        genotypes = self.canonical(genotypes)
        edited, rows = self._edits(genotypes)
        edited = self.canonical(edited)
        before, codes = self.code(genotypes), self.code(edited)
        _, first = np.unique(np.stack([rows, codes]), axis=1, return_index=True)
        first = first[codes[first] != before[rows[first]]]
        return edited[first], rows[first]

    def _edits(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """All edits of `(n, 5)` genotypes, and the row each belongs to."""
        moves = _moves()
        starts, ends = moves.starts[genotypes[:, 0]], moves.starts[genotypes[:, 0] + 1]
        rows = np.repeat(np.arange(len(genotypes)), ends - starts)
        move = np.arange(len(rows)) - np.repeat(np.cumsum(ends - starts) - ends, ends - starts)
        moved = np.concatenate(
            [moves.targets[move, None], np.take_along_axis(genotypes[rows, 1:], moves.sources[move], axis=1)], axis=1
        )
        kinds = len(OPERATIONS) - 1
        changed = np.repeat(genotypes[:, None], INNER_NODES * kinds, axis=1)
        node, step = np.repeat(np.arange(INNER_NODES), kinds), np.tile(np.arange(1, 1 + kinds), INNER_NODES)
        changed[:, np.arange(len(node)), 1 + node] = (genotypes[:, 1 + node] + step) % len(OPERATIONS)
        owners = np.repeat(np.arange(len(genotypes)), len(node))
        return np.concatenate([moved, changed.reshape(-1, 1 + INNER_NODES)]).astype(np.int8), np.concatenate(
            [rows, owners]
        )

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour of each of `(n, 5)` genotypes: random edits until one changes the network."""
        before = self.canonical(genotypes)
        result, todo = before.copy(), np.arange(len(before))
        while len(todo):
            result[todo] = self.canonical(self._edit(before[todo], rng))
            todo = todo[(result[todo] == before[todo]).all(axis=1)]
        return result

    def _edit(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """`(n, 5)` genotypes after one uniformly drawn edit each."""
        moves, kinds = _moves(), len(OPERATIONS) - 1
        starts, ends = moves.starts[genotypes[:, 0]], moves.starts[genotypes[:, 0] + 1]
        edit = rng.integers(0, INNER_NODES * kinds + ends - starts)
        changes = edit < INNER_NODES * kinds
        result = genotypes.copy()
        rows, node = np.flatnonzero(changes), 1 + edit[changes] // kinds
        result[rows, node] = (result[rows, node] + 1 + edit[changes] % kinds) % len(OPERATIONS)
        move = starts[~changes] + edit[~changes] - INNER_NODES * kinds
        result[~changes, 1:] = np.take_along_axis(genotypes[~changes, 1:], moves.sources[move], axis=1)
        result[~changes, 0] = moves.targets[move]
        return result

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, 5)` and `(n, 5)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """The genotype `(n, 5)` with the least operations over all numberings of the nodes that keep the shape."""
        result = genotypes.copy()
        for shape, numberings in enumerate(_symmetries()):
            rows = np.flatnonzero(genotypes[:, 0] == shape)
            candidates = genotypes[rows, 1:][:, numberings]  # (r, p, 4)
            least = (candidates @ _PLACE_VALUES).argmin(axis=1)
            result[rows, 1:] = candidates[np.arange(len(rows)), least]
        return result

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt nodes can be matched so that equal weights give equal outputs; `(n,)`.

        These rules are applied, and no others:

        1. `skip` is the identity: its readers read its source. `network` moves skips to the beginning where possible.
        2. The output concatenates its parts: their order does not matter, their multiplicity does.
        3. Every other operation is learnt, and two of a kind on the same node are two different functions.

        Returns:
            The `code` of a member with its skips first, as far as possible: 27,938 classes.
        """
        return self._reduced(genotypes, published=False)

    def published_key(self, genotypes: GenotypeArray) -> KeyArray:
        """The number of each of `(n, 5)` genotypes in the table of NAS-Bench-Graph (`Arch.valid_hash`); `(n,)`.

        It follows the rules of `function_key` and one more: a skip of the raw input, whose size differs, is dropped
        from an output with other parts. The table holds 26,206 numbers, and none for networks of skips alone.
        """
        digits = self.decode(self._reduced(genotypes, published=True))
        keys: KeyArray = digits.astype(np.int64) @ 10 ** np.arange(INNER_NODES + 1)[::-1]
        return keys

    def _reduced(self, genotypes: GenotypeArray, published: bool) -> KeyArray:
        """Code of the normal form with skips first."""
        masks = (genotypes[:, 1:] == SKIP) @ (1 << np.arange(INNER_NODES))
        targets, sources = _normal_forms(published)
        moved = np.take_along_axis(genotypes[:, 1:], sources[genotypes[:, 0], masks], axis=1)
        return self.code(self.canonical(np.concatenate([targets[genotypes[:, 0], masks][:, None], moved], axis=1)))

    # --- encodings ----------------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 5)` genotypes as dense arrays, all of 6 nodes."""
        n, v = len(genotypes), self.max_nodes
        ops = np.zeros((n, v), dtype=np.int8)
        ops[:, 1:-1], ops[:, -1] = 1 + genotypes[:, 1:], self.ops.index("output")
        return AdjacencyArrays(_adjacency()[genotypes[:, 0]], ops, np.ones((n, v), dtype=bool))

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """An optional linear map of the features, the four nodes, and one or two linear maps of the joined output.

        With the sizes of `PUBLISHED` it is the published network with the same number of parameters, except for
        dropout, which belongs to the authors' training. It is built in the normal form of `function_key`: a skip
        normalises and rectifies like all nodes, so its place matters, and the published place is the beginning.

        `settings.channels` is the width of all nodes. The space sets the depth, so `settings.cells` and
        `settings.stages` are ignored.
        """
        from nasbench.spaces.networks.graph import GraphNetwork

        nodes = NodeClassification.expect(task)
        shape, *ops = self.decode(self.function_key(genotype[None]))[0].tolist()
        names = [OPERATIONS[op] for op in ops]
        return GraphNetwork(LINKS[shape], names, nodes, settings.channels, self.before, self.after)


_PLACE_VALUES = read_only(len(OPERATIONS) ** np.arange(INNER_NODES)[::-1])


def _genotype(tree: Tree, ops: Sequence[int]) -> list[int]:
    """The genotype of nodes with these sources and operations, in any numbering."""
    shape, sources = _placed(tree)
    return [shape, *(ops[node] for node in sources)]


_SHAPES = {",".join(map(str, links)): shape for shape, links in enumerate(LINKS)}
_CODES = {operation: code for code, operation in enumerate(OPERATIONS)}


@cache
def _placed(tree: Tree) -> tuple[int, tuple[int, ...]]:
    """Shape of a tree, and the node of the tree (from 0) at each node of that shape."""
    for numbering in permutations(range(INNER_NODES)):  # the new number of each node, from 0
        links = [0] * INNER_NODES
        for node, source in enumerate(tree):
            links[numbering[node]] = 0 if source == 0 else 1 + numbering[source - 1]
        if tuple(links) in LINKS:
            return LINKS.index(tuple(links)), tuple(np.argsort(numbering).tolist())
    raise AssertionError(f"{tree} is no tree")


@lru_cache(maxsize=1)
def _symmetries() -> list[npt.NDArray[np.int64]]:
    """Automorphisms of each shape, as numberings of its nodes; shape `(p, 4)` each."""
    result = []
    for links in LINKS:
        automorphisms = []
        for order in permutations(range(INNER_NODES)):
            place = {0: 0, **{1 + node: 1 + new for new, node in enumerate(order)}}
            if all(place[links[node]] == links[new] for new, node in enumerate(order)):
                automorphisms.append(order)
        result.append(np.array(automorphisms))
    return result


class _Moves(NamedTuple):
    """Changes of the source of one node, by shape.

    Attributes:
        starts: Changes `starts[i]` to `starts[i + 1]` belong to shape `i`; shape `(10,)`.
        targets: Shape after the move; shape `(m,)`.
        sources: Old node (from 0) at each node of the new shape; shape `(m, 4)`.
    """

    starts: KeyArray
    targets: KeyArray
    sources: KeyArray


@lru_cache(maxsize=1)
def _moves() -> _Moves:
    starts, placed = [0], []
    for links in LINKS:
        for node, new in product(range(1, 1 + INNER_NODES), range(1 + INNER_NODES)):
            above, reached = new, {new}
            while above:
                above = links[above - 1]
                reached.add(above)
            if node not in reached and new != links[node - 1]:
                placed.append(_placed(tuple(new if i == node else link for i, link in enumerate(links, start=1))))
        starts.append(len(placed))
    return _Moves(np.array(starts), np.array([shape for shape, _ in placed]), np.array([order for _, order in placed]))


@lru_cache(maxsize=2)
def _normal_forms(published: bool) -> tuple[GenotypeArray, KeyArray]:
    """Shape with skips first, and the old node at each of its nodes, by old shape and bit mask of skipping nodes."""
    targets, sources = (
        np.zeros((len(LINKS), 1 << INNER_NODES), dtype=np.int8),
        np.zeros((len(LINKS), 1 << INNER_NODES, INNER_NODES), int),
    )
    for (shape, links), mask in product(enumerate(LINKS), range(1 << INNER_NODES)):
        reads = dict(enumerate(links, start=1))
        skips = {node for node in reads if mask >> (node - 1) & 1}
        first: list[int] = []  # skips moved to the beginning
        while (idle := next((node for node in sorted(skips - {*first}) if _idle(node, reads, published)), 0)) > 0:
            reads = {node: reads[idle] if link == idle else link for node, link in reads.items() if node != idle}
            first.append(idle)
        chain = dict(zip(first, [0, *first], strict=False))
        last = first[-1] if first else 0
        tree = {**chain, **{node: link or last for node, link in reads.items()}}
        targets[shape, mask], sources[shape, mask] = _placed(tuple(tree[node] for node in range(1, 1 + INNER_NODES)))
    return targets, sources


def _idle(skip: int, reads: dict[int, int], published: bool) -> bool:
    """Whether a skip can move to the beginning: it is no output part whose source has other readers."""
    has_readers = skip in reads.values()
    alone = list(reads.values()).count(reads[skip]) == 1
    return has_readers or alone or (published and reads[skip] == 0)


@lru_cache(maxsize=1)
def _adjacency() -> npt.NDArray[np.bool_]:
    """Edges of each shape among input, nodes 1 to 4 and output; shape `(9, 6, 6)`."""
    result = np.zeros((len(LINKS), INNER_NODES + 2, INNER_NODES + 2), dtype=bool)
    for shape, links in enumerate(LINKS):
        for node, link in enumerate(links, start=1):
            result[shape, link, node] = True
            result[shape, node, -1] = node not in links
    return result

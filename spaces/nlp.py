"""NAS-Bench-NLP: recurrent cells of up to 25 nodes and three hidden states, as recipes (Klyuchnikov et al., 2020)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from itertools import combinations, islice, permutations
from math import comb, factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import InputError
from nasbench.files import strict_json
from nasbench.spaces import nlp_cells
from nasbench.spaces.base import Space
from nasbench.spaces.nlp_cells import (
    BLEND,
    FEWEST,
    FIRST,
    INPUTS,
    LINEAR,
    MOST,
    NODES,
    OPERATIONS,
    PREVIOUS,
    STATES,
    Cells,
    X,
    packed,
    unpacked,
)
from nasbench.spaces.nlp_neighbourhood import Edits
from nasbench.spaces.nlp_sampling import drawn
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.language import MaskedLanguage
from nasbench.types import BoolArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

READ = ("x", *(f"h_prev_{state}" for state in range(STATES)))
"""What a cell is given, by its published name."""
PASS = "blend_pass"
"""Label of the node of a graph that tells which inputs of a blend are which."""
WIDTH = 1 + INPUTS
"""Positions of a node in a genotype."""

Recipe = Mapping[str, tuple[str, Sequence[str]]]
"""By the name of each node its operation, and what it reads."""


class NLP(Space):
    """The recurrent cells of NAS-Bench-NLP (Klyuchnikov et al., 2020, arXiv:2006.07116).

    A cell reads `x` and its hidden states of the step before, and makes new ones; the first is its output. A genotype
    says which nodes the new states are, then of each node the operation and up to three inputs: `x`, a state before,
    or a node of smaller number. A linear node has two or three inputs and is the only one that reads `x`, which has
    another size; a blend `g a + (1 - g) b` has the three inputs g, a, b in this order; the order of others is no
    matter. No input occurs twice. Everything that is there is read, or is a new state.

    The authors' generator keeps more rules, by which `sample` draws: activations follow linear nodes only, and no new
    state reads an old one at once. Their LSTM and GRU break them, so these are no rules of the space.

    A graph has a node for every input, operation and new state (`output` is the first), and one more for every blend:
    `blend_pass` reads g and a, the blend reads it, g and b.
    """

    name = "nlp"
    paper = "Klyuchnikov et al. (2020), NAS-Bench-NLP, arXiv:2006.07116"
    task = "masked_language"

    def __init__(self) -> None:
        node = [(1 + len(OPERATIONS), *(FIRST + number,) * INPUTS) for number in range(NODES)]
        self.cardinalities = (
            NODES,
            *(1 + NODES,) * (STATES - 1),
            *(options for options_ in node for options in options_),
        )
        previous = READ[1:]
        self.ops = ("input", *previous, *OPERATIONS, PASS, *(f"h_new_{state}" for state in range(1, STATES)), "output")
        self.max_nodes = len(READ) + NODES + (NODES - 1) + STATES  # one node is linear, as it reads x

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`h_new_0` to `h_new_2`, then `node_0_op`, `node_0_input_0` and so on."""
        nodes = [(f"node_{i}_op", *(f"node_{i}_input_{k}" for k in range(INPUTS))) for i in range(NODES)]
        return (*(f"h_new_{state}" for state in range(STATES)), *(name for names in nodes for name in names))

    def option_names(self, position: int) -> tuple[str, ...]:
        """The node that a new state is, an operation, or what is read; `absent` for none."""
        nodes = [f"node_{node}" for node in range(NODES)]
        if position < STATES:
            return tuple(nodes) if position == 0 else ("absent", *nodes)
        if (position - STATES) % WIDTH == 0:
            return ("absent", *OPERATIONS)
        return ("absent", *READ, *nodes)[: self.cardinalities[position]]

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes, 6.51 * 10^82; every cell has one for each order of its nodes, inputs first."""
        return _size(NODES)

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of `(n, 103)` in-range genotypes keep the rules of the class; shape `(n,)`."""
        result = np.ones(len(genotypes), dtype=bool)
        for kept in _rules(genotypes).values():
            result &= kept
        return result

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """For each of `(n, 103)` in-range genotypes, the first rule that it breaks, or None."""
        broken: list[str | None] = [None] * len(genotypes)
        for what, kept in reversed(_rules(genotypes).items()):
            for row in np.flatnonzero(~kept):
                broken[row] = what
        return broken

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Read `(n, 103)` vectors of independent choices as cells, node by node.

        Of its inputs a node keeps those that it may have, and gets the first others where these are too few; where
        there are none, it is left out. A state that is no node, or another state, becomes the last node that is free.
        What has then no effect is left out. An input of the cell that is not read is read by the first node that can
        have it as a further input, or in place of its last, if this is read elsewhere; if there is none, there is no
        cell.
        """
        ops, inputs, new = unpacked(raw)
        n = len(raw)
        rows = np.arange(n)
        new[:, 2] = np.where(new[:, 1] > 0, new[:, 2], 0)
        states = np.count_nonzero(new, axis=1)
        exists = np.zeros((n, nlp_cells.READABLE), dtype=bool)
        exists[:, PREVIOUS:FIRST] = np.arange(STATES) < states[:, None]
        for node in range(NODES):
            allowed = exists.copy()
            allowed[:, X] = ops[:, node] == LINEAR
            kept, count = np.zeros((n, INPUTS), dtype=np.int8), np.zeros(n, dtype=np.int64)
            for read in inputs[:, node].T:
                good = allowed[rows, read] & (count < MOST[ops[:, node]])
                kept[rows[good], count[good]] = read[good]
                allowed[rows, read] &= ~good
                count += good
            for _ in range(INPUTS):
                good = allowed.any(axis=1) & (count < FEWEST[ops[:, node]])
                read = allowed.argmax(axis=1)
                kept[rows[good], count[good]] = read[good]
                allowed[rows[good], read[good]] = False
                count += good
            there = (ops[:, node] > 0) & (count >= FEWEST[ops[:, node]])
            ops[:, node] = np.where(there, ops[:, node], 0)
            inputs[:, node] = np.where(there[:, None], kept, 0)
            exists[:, FIRST + node] = there
        free = exists[:, FIRST:].copy()
        for state in range(STATES):
            given = new[:, state] > 0
            good = given & free[rows, new[:, state] - 1]
            last = NODES - free[:, ::-1].argmax(axis=1)
            new[:, state] = np.where(good | ~given, new[:, state], last)
            free[rows[given], new[given, state] - 1] = False
        cells = nlp_cells.pruned(Cells(ops, inputs, new))
        _read_all(cells)
        repaired = packed(nlp_cells.closed(cells))
        fine: BoolArray = np.all(repaired >= 0, axis=1)
        fine[fine] = self.contains(repaired[fine])
        return np.where(fine[:, None], repaired, raw), fine

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of their digits, in arrays of at most `chunk` rows."""
        every = _every(NODES)
        while rows := list(islice(every, chunk)):
            yield np.array(rows, dtype=np.int8)

    # --- recipe and graph ---------------------------------------------------------------------------------------

    def recipe(self, genotype: GenotypeArray) -> dict[str, dict[str, Any]]:
        """The cell `(103,)` in the published form: `{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, ...}`."""
        ops, inputs, new = (part[0].tolist() for part in unpacked(genotype[None]))
        state = {node - 1: number for number, node in enumerate(new) if node}
        names = [f"h_new_{state[node]}" if node in state else f"node_{node}" for node in range(NODES)]
        known = ("", *READ, *names)
        return {
            names[node]: {"op": OPERATIONS[op - 1], "input": [known[read] for read in inputs[node] if read]}
            for node, op in enumerate(ops)
            if op
        }

    def to_string(self, genotype: GenotypeArray) -> str:
        """The published recipe as JSON; see `recipe`."""
        return json.dumps(self.recipe(genotype))

    def _from_string(self, text: str) -> Sequence[int]:
        form = '{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {...}}'
        try:
            recipe = strict_json(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"expected a recipe as JSON like {form}, got {text[:80]!r}: {error}") from error
        if not isinstance(recipe, dict):
            raise InputError(f"expected a recipe as JSON like {form}, got {text[:80]!r}")
        nodes: dict[str, tuple[str, Sequence[str]]] = {}
        for name, node in recipe.items():
            reads = node.get("input") if isinstance(node, dict) else None
            if (
                not isinstance(reads, list)
                or set(node) != {"op", "input"}
                or not all(isinstance(r, str) for r in reads)
            ):
                raise InputError(f'node {name[:40]!r} is no {{"op": ..., "input": [...]}}, got {str(node)[:80]}')
            if node["op"] not in OPERATIONS:
                close = get_close_matches(str(node["op"]), OPERATIONS, n=1)
                hint = f"did you mean {close[0]!r}? " if close else ""
                raise InputError(
                    f"node {name[:40]!r} has op {str(node['op'])[:40]!r}: {hint}known are {', '.join(OPERATIONS)}"
                )
            nodes[name] = node["op"], reads
        new = {f"h_new_{state}": f"h_new_{state}" for state in range(STATES) if f"h_new_{state}" in nodes}
        return self._encoded(nodes, {state: state for state in new})

    def _encoded(self, nodes: Recipe, new: Mapping[str, str]) -> list[int]:
        """The genotype of named nodes, of which `new` are, by `h_new_0` and so on, the new states.

        Raises:
            InputError: They are no cell of this space; says what is wrong, and where.
        """
        if len(nodes) > NODES:
            raise InputError(f"a cell of {self.name} has at most {NODES} nodes, got {len(nodes)}")
        given = [name for name in nodes if name in READ]
        if given:
            raise InputError(f"node {given[0]!r} has the name of what a cell is given; name it otherwise")
        for state in range(len(new)):
            if f"h_new_{state}" not in new:
                raise InputError(
                    f"the cell has no h_new_{state}; new hidden states are h_new_0, h_new_1, h_new_2 in turn"
                )
        if not new:
            raise InputError("the cell has no h_new_0, which is its output")
        order: list[str] = []
        left = dict(nodes)
        while left:
            ready = [name for name, (_, reads) in left.items() if not any(read in left for read in reads)]
            if not ready:
                raise InputError(f"nodes {', '.join(map(repr, [*left][:5]))} read each other in a circle")
            order += ready
            for name in ready:
                del left[name]
        number = {
            **{read: 1 + at for at, read in enumerate(READ)},
            **{name: FIRST + at for at, name in enumerate(order)},
        }
        cells = Cells(*(np.zeros((1, *shape), dtype=np.int8) for shape in ((NODES,), (NODES, INPUTS), (STATES,))))
        for at, name in enumerate(order):
            op, reads = nodes[name]
            unknown = [read for read in reads if read not in number]
            if unknown:
                raise InputError(f"node {name[:40]!r} reads {unknown[0][:40]!r}, which is no node")
            cells.ops[0, at] = 1 + OPERATIONS.index(op)
            low, high = (int(bound[cells.ops[0, at]]) for bound in (FEWEST, MOST))
            if not low <= len(reads) <= high:
                wanted = f"{low} or {high}" if low < high else str(low)
                raise InputError(f"node {name[:40]!r} ({op}) has {len(reads)} inputs, expected {wanted}")
            numbers = [number[read] for read in reads]
            cells.inputs[0, at, : len(reads)] = numbers if op == "blend" else sorted(numbers)
        cells.new[0, : len(new)] = [number[new[state]] - FIRST + 1 for state in sorted(new)]
        for what, kept in nlp_cells.rules(cells).items():
            if not kept[0]:
                raise InputError(f"{what}, in a cell of {len(new)} hidden states")
        vector: list[int] = packed(cells)[0].tolist()
        return vector

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The cell `(103,)` as a directed graph with attribute `op`: inputs, nodes, new states."""
        import networkx as nx

        adjacency, ops, mask = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_nodes_from((node, {"op": self.ops[op]}) for node, op in enumerate(ops[0][mask[0]]))
        graph.add_edges_from((a, b) for a, b in np.argwhere(adjacency[0]).tolist())
        return graph

    def _check_graph(self, graph: nx.DiGraph[Any]) -> None:
        """As in every space, where the hidden states before are inputs too."""
        import networkx as nx

        if isinstance(graph, nx.DiGraph) and not graph.is_multigraph():
            graph = graph.copy()
            labels: dict[Any, Any] = dict(graph.nodes(data="op"))
            for node, label in labels.items():
                if label in READ[1:]:
                    graph.nodes[node]["op"] = "input"
        super()._check_graph(graph)

    def _from_graph(self, graph: nx.DiGraph[Any]) -> Sequence[int]:
        labels: dict[Any, Any] = dict(graph.nodes(data="op"))
        inner = {node: f"node {node!r}" for node, label in labels.items() if label in OPERATIONS}
        named = {"input": "x", **{state: state for state in READ[1:]}}
        outer = {node: named[label] for node, label in labels.items() if label in named}
        new: dict[str, str] = {}
        for node, label in labels.items():
            if label == "output" or label.startswith("h_new_"):
                name, sources = "h_new_0" if label == "output" else label, list(graph.predecessors(node))
                if name in new or len(sources) != 1 or sources[0] not in inner or any(graph.successors(node)):
                    raise InputError(f"node {node!r} ({label}) is one of several, or does not read one operation alone")
                new[name] = inner[sources[0]]
        if len({*outer.values()}) < len(outer):
            raise InputError("an input is there twice; a cell has one node of op 'input' and one of each state before")
        known = {**inner, **outer}
        nodes = {name: (labels[node], _reads(graph, labels, node, known)) for node, name in inner.items()}
        for node, label in labels.items():
            if label == PASS and sum(labels[reader] == "blend" for reader in graph.successors(node)) != 1:
                raise InputError(f"node {node!r} ({PASS}) is not read by one blend")
            if node in outer and any(graph.predecessors(node)):
                raise InputError(f"node {node!r} ({label}) reads something, but it is an input")
        return self._encoded(nodes, new)

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 103)` genotypes as dense arrays padded to 56 nodes; node order is that of `graph`."""
        ops, inputs, new = unpacked(genotypes)
        n, v = len(genotypes), self.max_nodes
        states = np.count_nonzero(new, axis=1)
        blends = ops == BLEND
        counts = (ops > 0) + blends.astype(np.int64)  # nodes of the graph for each of the cell
        at = 1 + states[:, None] + np.cumsum(counts, axis=1) - 1  # the operation; its pass stands before it
        place = np.zeros((n, nlp_cells.READABLE), dtype=np.int64)
        place[:, X:FIRST], place[:, FIRST:] = np.arange(len(READ)), at
        total = 1 + states + counts.sum(axis=1)
        labels, mask = np.zeros((n, v), dtype=np.int8), np.arange(v) < (total + states)[:, None]
        adjacency = np.zeros((n, v, v), dtype=bool)
        base = np.arange(len(READ))
        labels[:, base] = np.where(base <= states[:, None], base, 0)
        rows, node = np.nonzero(ops)
        labels[rows, at[rows, node]] = self.ops.index(OPERATIONS[0]) + ops[rows, node] - 1
        passed = self.ops.index(PASS)
        rows, node = np.nonzero(blends)
        labels[rows, at[rows, node] - 1] = passed
        adjacency[rows, at[rows, node] - 1, at[rows, node]] = True
        rows, node, role = np.nonzero(inputs)
        source, target = place[rows, inputs[rows, node, role]], at[rows, node]
        blend = blends[rows, node]
        direct = ~blend | (role != 1)
        adjacency[rows[direct], source[direct], target[direct]] = True
        through = blend & (role != 2)
        adjacency[rows[through], source[through], target[through] - 1] = True
        rows, state = np.nonzero(new)
        ends = np.array([self.ops.index("output"), *(self.ops.index(f"h_new_{s}") for s in range(1, STATES))])
        labels[rows, total[rows] + state] = ends[state]
        adjacency[rows, at[rows, new[rows, state] - 1], total[rows] + state] = True
        return AdjacencyArrays(adjacency, labels, mask)

    # --- moves --------------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, 103)` as the authors draw cells, not uniform: of one to three states, small ones often."""
        return packed(drawn(n, rng))

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """One canonical genotype of each cell that one edit of each of `(n, 103)` leads to; `Edits` says which."""
        cells = unpacked(genotypes)
        parts = [Edits(*one).cells(*one) for one in zip(*cells, strict=True)]
        rows = np.repeat(np.arange(len(parts)), [len(part.ops) for part in parts])
        edited = Cells(*(np.concatenate([own[:0], *found]) for own, *found in zip(cells, *parts, strict=True)))
        fine = nlp_cells.keep(edited)
        found, rows = packed(nlp_cells.canonical(edited.take(fine))), rows[fine]
        fresh = (found != self.canonical(genotypes)[rows]).any(axis=1)
        found, rows = found[fresh], rows[fresh]
        _, first = np.unique(np.concatenate([rows[:, None], found], axis=1), axis=0, return_index=True)
        return found[first], rows[first]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """One of `neighbours` (up to `key`) of each of `(n, 103)` genotypes, by a random edit that changes it."""
        result, todo = genotypes.copy(), np.arange(len(genotypes))
        own = self.canonical(genotypes)
        made = [(Edits(*one), one) for one in zip(*unpacked(genotypes), strict=True)]
        while len(todo):
            parts = [made[row][0].cells(*made[row][1], only=int(rng.integers(len(made[row][0].made)))) for row in todo]
            edited = Cells(*(np.concatenate(part) for part in zip(*parts, strict=True)))
            fine = np.flatnonzero(nlp_cells.keep(edited))
            found = packed(nlp_cells.canonical(edited.take(fine)))
            fresh = (found != own[todo[fine]]).any(axis=1)
            result[todo[fine[fresh]]] = found[fresh]
            todo = np.delete(todo, fine[fresh])
        return result

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, 103)` that take each position from one of two parents, repaired; else one parent."""
        children, ok = self.repair(super().crossover(a, b, rng))
        parent = np.where(rng.random((len(a), 1)) < 0.5, a, b)
        return np.where(ok[:, None], children, parent)

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, 103)` and `(n, 103)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One genotype for all orders of the nodes; `(n, 103)`. Exact, not a hash."""
        return packed(nlp_cells.canonical(unpacked(genotypes)))

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where cells are isomorphic once the second and third state may change places; `(n,)`.

        All states begin at zero, and only the first is the output, so that the names of the others are no matter. That
        is the only rule: two nodes of one operation, not learnt, on the same inputs are not taken for one.
        """
        keys = self.key(genotypes)
        rows = np.flatnonzero(genotypes[:, STATES - 1] > 0)
        ops, inputs, new = unpacked(genotypes[rows])
        swapped = np.arange(nlp_cells.READABLE, dtype=np.int8)
        swapped[[PREVIOUS + 1, PREVIOUS + 2]] = PREVIOUS + 2, PREVIOUS + 1
        cells = nlp_cells.closed(Cells(ops, swapped[inputs], new[:, [0, 2, 1]]))
        keys[rows] = np.minimum(keys[rows], self.key(packed(cells)))
        return keys

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """A recurrent language model: embedding, `settings.cells` layers of the cell, and the embedding again.

        It reads from left to right, so that what it says of a hidden character comes of those before it, as in the
        published task (there the next word); what follows is not seen. `settings.channels` is the size of embedding and
        states (published: 400 and 600, three layers); `settings.stages` has no meaning here. The published dropout of
        weights, words and states is left out. Cells whose states nothing bounds can diverge, as published.
        """
        from nasbench.spaces.networks.nlp import LanguageModel

        language = MaskedLanguage.expect(task)
        sizes = [settings.channels] * (1 + settings.cells)
        return LanguageModel(self.recipe(genotype), 1 + language.vocabulary, language.vocabulary, sizes)


def _rules(genotypes: GenotypeArray) -> dict[str, BoolArray]:
    """All rules of genotypes, in the order in which they are told."""
    cells = unpacked(genotypes)
    return {**nlp_cells.rules(cells), **nlp_cells.numbering(cells)}


def _read_all(cells: Cells) -> None:
    """Let nodes read what cells are given and do not read yet, in place."""
    ops, inputs, new = cells
    rows = np.arange(len(ops))
    uses = np.zeros((len(ops), nlp_cells.READABLE), dtype=np.int64)
    np.add.at(uses, (rows[:, None], inputs.reshape(len(ops), NODES * INPUTS)), 1)
    uses[:, FIRST:] += nlp_cells.is_new(cells)
    given = np.arange(len(READ)) <= np.count_nonzero(new, axis=1)[:, None]
    for base in range(len(READ)):
        wanted = given[:, base] & (uses[:, X + base] == 0)
        for node in range(NODES):
            op = ops[:, node]
            count = np.count_nonzero(inputs[:, node], axis=1)
            last = np.maximum(count - 1, 0)
            read = inputs[rows, node, last]
            room = count < MOST[op]
            fit = wanted & (op > 0) & ((op == LINEAR) | (base > 0)) & (room | (uses[rows, read] > 1))
            place = np.where(room, count, last)
            uses[rows[fit], np.where(room, 0, read)[fit]] -= 1
            inputs[rows[fit], node, place[fit]] = X + base
            uses[fit, X + base] += 1
            wanted &= ~fit


def _reads(graph: nx.DiGraph[Any], labels: Mapping[Any, str], node: Any, known: Mapping[Any, str]) -> list[str]:
    """What a node of a graph reads, in the order that a blend gives it."""
    sources = list(graph.predecessors(node))
    if labels[node] == "blend":
        passes = [source for source in sources if labels[source] == PASS]
        inner = list(graph.predecessors(passes[0])) if len(passes) == 1 else []
        gate = [source for source in inner if source in sources]
        rest = [source for source in sources if source not in (*passes, *gate)]
        if len(sources) != 3 or len(inner) != 2 or len(gate) != 1 or len(rest) != 1:
            raise InputError(
                f"node {node!r} (blend) reads its gate, another input and a {PASS} of the gate and a third"
            )
        sources = [gate[0], *(source for source in inner if source != gate[0]), rest[0]]
    for source in sources:
        if source not in known:
            raise InputError(
                f"node {node!r} ({labels[node]}) reads {source!r} ({labels[source]}), which is no operation"
            )
    return [known[source] for source in sources]


@cache
def _size(nodes: int) -> int:
    """How many genotypes there are of up to so many nodes.

    Nodes are put one after the other. What matters is how many of the previous states, and of the nodes, are not read
    yet, and whether `x` is.
    """
    total = 0
    for states in range(1, STATES + 1):
        ways = {(False, states, 0): 1}  # x is read, previous states and nodes that are not
        for count in range(nodes):
            after: dict[tuple[bool, int, int], int] = {}
            for (x, old, inner), number in ways.items():
                for (x_now, old_now, inner_now), choices in _nodes(states, count, x, old, inner).items():
                    key = (x_now, old_now, inner_now)
                    after[key] = after.get(key, 0) + number * choices
            ways = after
            for (x, old, inner), number in ways.items():
                if x and not old and inner <= states <= count + 1:
                    total += number * comb(count + 1 - inner, states - inner) * factorial(states)
    return total


@cache
def _nodes(states: int, count: int, x: bool, old: int, inner: int) -> dict[tuple[bool, int, int], int]:
    """In how many ways one more node can be put, by what is not read after it."""
    result: dict[tuple[bool, int, int], int] = {}
    for size, with_x, ways in (
        (1, 0, 3),
        (2, 0, 3),
        (3, 0, 7),
        (2, 1, 1),
        (3, 1, 1),
    ):  # activations; sum, product, linear
        for fresh_old in range(min(old, size - with_x) + 1):
            for fresh_inner in range(min(inner, size - with_x - fresh_old) + 1):
                others = size - with_x - fresh_old - fresh_inner
                choices = comb(old, fresh_old) * comb(inner, fresh_inner) * comb(states - old + count - inner, others)
                if choices:
                    key = (x or with_x > 0, old - fresh_old, inner - fresh_inner + 1)
                    result[key] = result.get(key, 0) + ways * choices
    return result


def _every(nodes: int) -> Iterator[list[int]]:
    """All genotypes of up to so many nodes, in order of their digits."""
    for first in range(1, nodes + 1):
        for second in range(nodes + 1):
            for third in range(nodes + 1 if second else 1):
                new = [node for node in (first, second, third) if node]
                if len({*new}) == len(new):
                    head = [first - 1, second, third]
                    for body in _filled(
                        max(new), {node - 1 for node in new}, 0, frozenset(range(X, PREVIOUS + len(new))), len(new)
                    ):
                        yield head + body + [0] * (WIDTH * (NODES - max(new)))


def _filled(nodes: int, new: set[int], node: int, unread: frozenset[int], states: int) -> Iterator[list[int]]:
    """All ways to put the nodes from one on, where this much is not read yet."""
    if node == nodes:
        if not unread:
            yield []
        return
    room = sum(INPUTS - (other not in new) for other in range(node, nodes))
    if len(unread) > room:
        return
    known = [*range(X, PREVIOUS + states), *range(FIRST, FIRST + node)]
    for op in range(1, 1 + len(OPERATIONS)):
        usable = known if op == LINEAR else known[1:]
        choose = permutations if op == BLEND else combinations
        reads = [list(read) for size in range(FEWEST[op], MOST[op] + 1) for read in choose(usable, size)]
        for read in sorted(part + [0] * (INPUTS - len(part)) for part in reads):
            left = unread - {*read} | (frozenset() if node in new else {FIRST + node})
            for rest in _filled(nodes, new, node + 1, left, states):
                yield [op, *read, *rest]

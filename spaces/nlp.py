"""NAS-Bench-NLP: recurrent cells of up to 25 nodes and three hidden states (Klyuchnikov et al., 2020)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.errors import InputError
from nasbench.files import strict_json
from nasbench.spaces import nlp_cells
from nasbench.spaces.base import Space
from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST_NODE,
    FIRST_PREVIOUS,
    LINEAR,
    MAX_INPUTS,
    MAX_INPUTS_OF,
    MAX_NODES,
    MAX_STATES,
    MIN_INPUTS_OF,
    OPERATIONS,
    POSITIONS_PER_NODE,
    Cells,
    X,
    packed,
    unpacked,
)
from nasbench.spaces.nlp_enumeration import all_genotypes, genotype_count
from nasbench.spaces.nlp_neighbourhood import Edits
from nasbench.spaces.nlp_sampling import draw_cells
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings
from nasbench.tasks.language import MaskedLanguage
from nasbench.types import BoolArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

CELL_INPUTS = ("x", *(f"h_prev_{state}" for state in range(MAX_STATES)))
"""Published names of the inputs of a cell: `x` and the previous hidden states."""
BLEND_PASS = "blend_pass"
"""Label of the extra graph node that tells the three inputs of a blend apart."""

Recipe = Mapping[str, tuple[str, Sequence[str]]]
"""Node name -> operation, and names of its inputs."""


class NLP(Space):
    """The recurrent cells of NAS-Bench-NLP (Klyuchnikov et al., 2020, arXiv:2006.07116).

    A cell reads `x` and its hidden states of the previous step, and computes new states; the first is its output. A
    genotype names the nodes of the new states, then the operation and up to three inputs of each node: `x`, a previous
    state, or a node with a smaller number. Only linear nodes read `x`, whose size differs from that of the states; they
    have two or three inputs. A blend `g a + (1 - g) b` has the inputs g, a, b in this order; other operations ignore
    the order of inputs. No node has an input twice. Every input and node is read, or is a new state.

    The authors' generator, and so `sample`, keeps two more rules: activations follow linear nodes only, and no new
    state reads a previous state directly. They are no rules of the space, because the published LSTM and GRU break
    them.

    A graph has a node for every input, operation and new state (`output` is the first), and one more for every blend:
    `blend_pass` reads g and a; the blend reads `blend_pass`, g and b.
    """

    name = "nlp"
    paper = "Klyuchnikov et al. (2020), NAS-Bench-NLP, arXiv:2006.07116"
    task = "masked_language"

    def __init__(self) -> None:
        node = [(1 + len(OPERATIONS), *(FIRST_NODE + number,) * MAX_INPUTS) for number in range(MAX_NODES)]
        self.cardinalities = (
            MAX_NODES,
            *(1 + MAX_NODES,) * (MAX_STATES - 1),
            *(options for options_ in node for options in options_),
        )
        previous = CELL_INPUTS[1:]
        self.ops = (
            "input",
            *previous,
            *OPERATIONS,
            BLEND_PASS,
            *(f"h_new_{state}" for state in range(1, MAX_STATES)),
            "output",
        )
        self.weightless_ops = tuple(op for op in self.ops if op not in ("input", "linear", "output"))
        self.max_nodes = (
            len(CELL_INPUTS) + MAX_NODES + (MAX_NODES - 1) + MAX_STATES
        )  # at least one node is linear (it reads x), hence no blend

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`h_new_0` to `h_new_2`, then `node_0_op`, `node_0_input_0` and so on."""
        nodes = [(f"node_{i}_op", *(f"node_{i}_input_{k}" for k in range(MAX_INPUTS))) for i in range(MAX_NODES)]
        return (*(f"h_new_{state}" for state in range(MAX_STATES)), *(name for names in nodes for name in names))

    def option_names(self, position: int) -> tuple[str, ...]:
        """Node of a new state, operation, or input, depending on the position; `absent` for none."""
        nodes = [f"node_{node}" for node in range(MAX_NODES)]
        if position < MAX_STATES:
            return tuple(nodes) if position == 0 else ("absent", *nodes)
        if (position - MAX_STATES) % POSITIONS_PER_NODE == 0:
            return ("absent", *OPERATIONS)
        return ("absent", *CELL_INPUTS, *nodes)[: self.cardinalities[position]]

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes, 6.51 * 10^82: a cell has one for each topological order of its nodes."""
        return genotype_count(MAX_NODES)

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether each of `(n, 103)` in-range genotypes keeps the rules of the class; shape `(n,)`."""
        result = np.ones(len(genotypes), dtype=bool)
        for holds in _rules(genotypes).values():
            result &= holds
        return result

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """First rule that each of `(n, 103)` in-range genotypes breaks, or None."""
        broken: list[str | None] = [None] * len(genotypes)
        for violation, holds in reversed(_rules(genotypes).items()):
            for row in np.flatnonzero(~holds):
                broken[row] = violation
        return broken

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Repair `(n, 103)` vectors of independent choices, node by node; also which rows became cells.

        A node keeps its allowed inputs and is given the first other allowed ones if these are too few; a node without
        enough inputs is removed. A state without a node of its own becomes the last free node. Nodes without effect are
        removed. An unread input of the cell goes to the first node that can take it as a further input, or in place of
        its last input if that is read elsewhere too; if no node can, the row is no cell.
        """
        ops, inputs, new = unpacked(raw)
        n = len(raw)
        rows = np.arange(n)
        new[:, 2] = np.where(new[:, 1] > 0, new[:, 2], 0)
        states = np.count_nonzero(new, axis=1)
        exists = np.zeros((n, nlp_cells.SOURCES), dtype=bool)
        exists[:, FIRST_PREVIOUS:FIRST_NODE] = np.arange(MAX_STATES) < states[:, None]
        for node in range(MAX_NODES):
            allowed = exists.copy()
            allowed[:, X] = ops[:, node] == LINEAR
            chosen, count = np.zeros((n, MAX_INPUTS), dtype=np.int8), np.zeros(n, dtype=np.int64)
            for read in inputs[:, node].T:
                good = allowed[rows, read] & (count < MAX_INPUTS_OF[ops[:, node]])
                chosen[rows[good], count[good]] = read[good]
                allowed[rows, read] &= ~good
                count += good
            for _ in range(MAX_INPUTS):
                good = allowed.any(axis=1) & (count < MIN_INPUTS_OF[ops[:, node]])
                read = allowed.argmax(axis=1)
                chosen[rows[good], count[good]] = read[good]
                allowed[rows[good], read[good]] = False
                count += good
            present = (ops[:, node] > 0) & (count >= MIN_INPUTS_OF[ops[:, node]])
            ops[:, node] = np.where(present, ops[:, node], 0)
            inputs[:, node] = np.where(present[:, None], chosen, 0)
            exists[:, FIRST_NODE + node] = present
        free = exists[:, FIRST_NODE:].copy()
        for state in range(MAX_STATES):
            given = new[:, state] > 0
            good = given & free[rows, new[:, state] - 1]
            last = MAX_NODES - free[:, ::-1].argmax(axis=1)
            new[:, state] = np.where(good | ~given, new[:, state], last)
            free[rows[given], new[given, state] - 1] = False
        cells = nlp_cells.pruned(Cells(ops, inputs, new))
        _read_all(cells)
        repaired = packed(nlp_cells.closed(cells))
        ok: BoolArray = np.all(repaired >= 0, axis=1)
        ok[ok] = self.contains(repaired[ok])
        return np.where(ok[:, None], repaired, raw), ok

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in order of their digits, in arrays of at most `chunk` rows."""
        genotypes = all_genotypes(MAX_NODES)
        while rows := list(islice(genotypes, chunk)):
            yield np.array(rows, dtype=np.int8)

    # --- recipe and graph ---------------------------------------------------------------------------------------

    def recipe(self, genotype: GenotypeArray) -> dict[str, dict[str, Any]]:
        """The cell `(103,)` in the published form: `{"node_0": {"op": "linear", "input": ["x", "h_prev_0"]}, ...}`."""
        ops, inputs, new = (part[0].tolist() for part in unpacked(genotype[None]))
        state = {node - 1: number for number, node in enumerate(new) if node}
        names = [f"h_new_{state[node]}" if node in state else f"node_{node}" for node in range(MAX_NODES)]
        known = ("", *CELL_INPUTS, *names)
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
        new = {f"h_new_{state}": f"h_new_{state}" for state in range(MAX_STATES) if f"h_new_{state}" in nodes}
        return self._encoded(nodes, {state: state for state in new})

    def _encoded(self, nodes: Recipe, new: Mapping[str, str]) -> list[int]:
        """The genotype of named nodes; `new` maps `h_new_0` and so on to the names of their nodes.

        Raises:
            InputError: They are no cell of this space; the message says what is wrong, and where.
        """
        if len(nodes) > MAX_NODES:
            raise InputError(f"a cell of {self.name} has at most {MAX_NODES} nodes, got {len(nodes)}")
        reserved = [name for name in nodes if name in CELL_INPUTS]
        if reserved:
            raise InputError(f"node {reserved[0]!r} has the name of an input of the cell; rename the node")
        for state in range(len(new)):
            if f"h_new_{state}" not in new:
                raise InputError(
                    f"the cell has no h_new_{state}; new hidden states are numbered h_new_0, h_new_1, h_new_2"
                )
        if not new:
            raise InputError("the cell has no h_new_0, which is its output")
        order: list[str] = []
        waiting = dict(nodes)
        while waiting:
            ready = [name for name, (_, reads) in waiting.items() if not any(read in waiting for read in reads)]
            if not ready:
                raise InputError(f"nodes {', '.join(map(repr, [*waiting][:5]))} read each other in a cycle")
            order += ready
            for name in ready:
                del waiting[name]
        number = {
            **{read: 1 + at for at, read in enumerate(CELL_INPUTS)},
            **{name: FIRST_NODE + at for at, name in enumerate(order)},
        }
        cells = Cells(
            *(np.zeros((1, *shape), dtype=np.int8) for shape in ((MAX_NODES,), (MAX_NODES, MAX_INPUTS), (MAX_STATES,)))
        )
        for at, name in enumerate(order):
            op, reads = nodes[name]
            unknown = [read for read in reads if read not in number]
            if unknown:
                raise InputError(f"node {name[:40]!r} reads {unknown[0][:40]!r}, which is no node")
            cells.ops[0, at] = 1 + OPERATIONS.index(op)
            low, high = (int(bound[cells.ops[0, at]]) for bound in (MIN_INPUTS_OF, MAX_INPUTS_OF))
            if not low <= len(reads) <= high:
                wanted = f"{low} or {high}" if low < high else str(low)
                raise InputError(f"node {name[:40]!r} ({op}) has {len(reads)} inputs, expected {wanted}")
            numbers = [number[read] for read in reads]
            cells.inputs[0, at, : len(reads)] = numbers if op == "blend" else sorted(numbers)
        cells.new[0, : len(new)] = [number[new[state]] - FIRST_NODE + 1 for state in sorted(new)]
        for violation, holds in nlp_cells.rules(cells).items():
            if not holds[0]:
                raise InputError(f"{violation}, in a cell of {len(new)} hidden states")
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
        """The checks of every space, with the previous hidden states as inputs."""
        import networkx as nx

        if isinstance(graph, nx.DiGraph) and not graph.is_multigraph():
            graph = graph.copy()
            labels: dict[Any, Any] = dict(graph.nodes(data="op"))
            for node, label in labels.items():
                if label in CELL_INPUTS[1:]:
                    graph.nodes[node]["op"] = "input"
        super()._check_graph(graph)

    def _from_graph(self, graph: nx.DiGraph[Any]) -> Sequence[int]:
        labels: dict[Any, Any] = dict(graph.nodes(data="op"))
        inner = {node: f"node {node!r}" for node, label in labels.items() if label in OPERATIONS}
        named = {"input": "x", **{state: state for state in CELL_INPUTS[1:]}}
        outer = {node: named[label] for node, label in labels.items() if label in named}
        new: dict[str, str] = {}
        for node, label in labels.items():
            if label == "output" or label.startswith("h_new_"):
                name, sources = "h_new_0" if label == "output" else label, list(graph.predecessors(node))
                if name in new or len(sources) != 1 or sources[0] not in inner or any(graph.successors(node)):
                    raise InputError(
                        f"node {node!r} ({label}) is not the only one, or does not read exactly one operation"
                    )
                new[name] = inner[sources[0]]
        if len({*outer.values()}) < len(outer):
            raise InputError("an input occurs twice; a cell has one node of op 'input' and one of each previous state")
        known = {**inner, **outer}
        nodes = {name: (labels[node], _sources(graph, labels, node, known)) for node, name in inner.items()}
        for node, label in labels.items():
            if label == BLEND_PASS and sum(labels[reader] == "blend" for reader in graph.successors(node)) != 1:
                raise InputError(f"node {node!r} ({BLEND_PASS}) is not read by one blend")
            if node in outer and any(graph.predecessors(node)):
                raise InputError(f"node {node!r} ({label}) reads something, but it is an input")
        return self._encoded(nodes, new)

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, 103)` genotypes as dense arrays padded to 56 nodes, nodes in the order of `graph`."""
        ops, inputs, new = unpacked(genotypes)
        n, v = len(genotypes), self.max_nodes
        states = np.count_nonzero(new, axis=1)
        blends = ops == BLEND
        counts = (ops > 0) + blends.astype(np.int64)  # graph nodes of each cell node
        at = 1 + states[:, None] + np.cumsum(counts, axis=1) - 1  # graph node of the operation, after that of its pass
        place = np.zeros((n, nlp_cells.SOURCES), dtype=np.int64)
        place[:, X:FIRST_NODE], place[:, FIRST_NODE:] = np.arange(len(CELL_INPUTS)), at
        total = 1 + states + counts.sum(axis=1)
        labels, mask = np.zeros((n, v), dtype=np.int8), np.arange(v) < (total + states)[:, None]
        adjacency = np.zeros((n, v, v), dtype=bool)
        base = np.arange(len(CELL_INPUTS))
        labels[:, base] = np.where(base <= states[:, None], base, 0)
        rows, node = np.nonzero(ops)
        labels[rows, at[rows, node]] = self.ops.index(OPERATIONS[0]) + ops[rows, node] - 1
        passed = self.ops.index(BLEND_PASS)
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
        ends = np.array([self.ops.index("output"), *(self.ops.index(f"h_new_{s}") for s in range(1, MAX_STATES))])
        labels[rows, total[rows] + state] = ends[state]
        adjacency[rows, at[rows, new[rows, state] - 1], total[rows] + state] = True
        return AdjacencyArrays(adjacency, labels, mask)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, 103)` from the authors' generator; not uniform, small cells are frequent."""
        return packed(draw_cells(n, rng))

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """Canonical genotypes of the cells one edit (see `Edits`) away from each of `(n, 103)`."""
        cells = unpacked(genotypes)
        parts = [Edits(*cell).cells(*cell) for cell in zip(*cells, strict=True)]
        rows = np.repeat(np.arange(len(parts)), [len(part.ops) for part in parts])
        edited = Cells(*(np.concatenate([like[:0], *arrays]) for like, *arrays in zip(cells, *parts, strict=True)))
        valid = nlp_cells.valid(edited)
        neighbours, rows = packed(nlp_cells.canonical(edited.take(valid))), rows[valid]
        changed = (neighbours != self.canonical(genotypes)[rows]).any(axis=1)
        neighbours, rows = neighbours[changed], rows[changed]
        _, first = np.unique(np.concatenate([rows[:, None], neighbours], axis=1), axis=0, return_index=True)
        return neighbours[first], rows[first]

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour (up to `key`) of each of `(n, 103)` genotypes: random edits until one changes the cell."""
        result, todo = genotypes.copy(), np.arange(len(genotypes))
        before = self.canonical(genotypes)
        editable = [(Edits(*cell), cell) for cell in zip(*unpacked(genotypes), strict=True)]
        while len(todo):
            tried = [editable[row] for row in todo]
            parts = [edits.cells(*cell, only=int(rng.integers(len(edits.changes)))) for edits, cell in tried]
            edited = Cells(*(np.concatenate(part) for part in zip(*parts, strict=True)))
            valid = np.flatnonzero(nlp_cells.valid(edited))
            mutants = packed(nlp_cells.canonical(edited.take(valid)))
            changed = (mutants != before[todo[valid]]).any(axis=1)
            result[todo[valid[changed]]] = mutants[changed]
            todo = np.delete(todo, valid[changed])
        return result

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, 103)` that take each position from one of two parents, repaired; one parent if that fails."""
        children, ok = self.repair(super().crossover(a, b, rng))
        parent = np.where(rng.random((len(a), 1)) < 0.5, a, b)
        return np.where(ok[:, None], children, parent)

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, 103)` and `(n, 103)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One genotype `(n, 103)` for all orders of the nodes. Exact, not a hash."""
        return packed(nlp_cells.canonical(unpacked(genotypes)))

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where cells are isomorphic up to a swap of the second and third state; `(n,)`.

        All states start at zero and only the first is the output, so the names of the others carry no meaning. There
        is no other rule: two nodes that apply one unlearnt operation to the same inputs are not merged.
        """
        keys = self.key(genotypes)
        rows = np.flatnonzero(genotypes[:, MAX_STATES - 1] > 0)
        ops, inputs, new = unpacked(genotypes[rows])
        swapped = np.arange(nlp_cells.SOURCES, dtype=np.int8)
        swapped[[FIRST_PREVIOUS + 1, FIRST_PREVIOUS + 2]] = FIRST_PREVIOUS + 2, FIRST_PREVIOUS + 1
        cells = nlp_cells.closed(Cells(ops, swapped[inputs], new[:, [0, 2, 1]]))
        keys[rows] = np.minimum(keys[rows], self.key(packed(cells)))
        return keys

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """A recurrent language model: embedding, `settings.cells` layers of the cell, tied output embedding.

        It reads from left to right: a masked character is predicted from the characters before it, as in the published
        task (there the next word). `settings.channels` is the size of embedding and states (published: 400 and 600,
        three layers); `settings.stages` is ignored. The published dropout of weights, words and states is left out.
        Cells with unbounded states can diverge, as published.
        """
        from nasbench.spaces.networks.nlp import LanguageModel

        language = MaskedLanguage.expect(task)
        sizes = [settings.channels] * (1 + settings.cells)
        return LanguageModel(self.recipe(genotype), 1 + language.vocabulary, language.vocabulary, sizes)


def _rules(genotypes: GenotypeArray) -> dict[str, BoolArray]:
    """All rules of genotypes, in the order in which violations are reported."""
    cells = unpacked(genotypes)
    return {**nlp_cells.rules(cells), **nlp_cells.numbering(cells)}


def _read_all(cells: Cells) -> None:
    """Give each unread input of a cell to a node, in place; see `NLP.repair`."""
    ops, inputs, new = cells
    rows = np.arange(len(ops))
    uses = np.zeros((len(ops), nlp_cells.SOURCES), dtype=np.int64)
    np.add.at(uses, (rows[:, None], inputs.reshape(len(ops), MAX_NODES * MAX_INPUTS)), 1)
    uses[:, FIRST_NODE:] += nlp_cells.is_new_state(cells)
    existing = np.arange(len(CELL_INPUTS)) <= np.count_nonzero(new, axis=1)[:, None]
    for base in range(len(CELL_INPUTS)):
        wanted = existing[:, base] & (uses[:, X + base] == 0)
        for node in range(MAX_NODES):
            op = ops[:, node]
            count = np.count_nonzero(inputs[:, node], axis=1)
            last = np.maximum(count - 1, 0)
            read = inputs[rows, node, last]
            room = count < MAX_INPUTS_OF[op]
            fit = wanted & (op > 0) & ((op == LINEAR) | (base > 0)) & (room | (uses[rows, read] > 1))
            place = np.where(room, count, last)
            uses[rows[fit], np.where(room, 0, read)[fit]] -= 1
            inputs[rows[fit], node, place[fit]] = X + base
            uses[fit, X + base] += 1
            wanted &= ~fit


def _sources(graph: nx.DiGraph[Any], labels: Mapping[Any, str], node: Any, known: Mapping[Any, str]) -> list[str]:
    """Inputs of a graph node, those of a blend in the order g, a, b."""
    sources = list(graph.predecessors(node))
    if labels[node] == "blend":
        passes = [source for source in sources if labels[source] == BLEND_PASS]
        inner = list(graph.predecessors(passes[0])) if len(passes) == 1 else []
        gate = [source for source in inner if source in sources]
        rest = [source for source in sources if source not in (*passes, *gate)]
        if len(sources) != 3 or len(inner) != 2 or len(gate) != 1 or len(rest) != 1:
            raise InputError(
                f"node {node!r} (blend) must read its gate, another input and a {BLEND_PASS} of the gate and a third"
            )
        sources = [gate[0], *(source for source in inner if source != gate[0]), rest[0]]
    for source in sources:
        if source not in known:
            raise InputError(
                f"node {node!r} ({labels[node]}) reads {source!r} ({labels[source]}), which is no operation"
            )
    return [known[source] for source in sources]

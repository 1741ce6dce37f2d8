"""Pairs of cells, as in NASNet and DARTS: each block combines two earlier hidden states (Zoph et al., 2018)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.cell_pair_codes import CELLS_PER_BATCH, BlockCodes, Blocks, ShortArray
from nasbench.spaces.cell_pair_function import FormalCells, function_keys
from nasbench.spaces.cell_pair_text import genotype_fields, is_list
from nasbench.spaces.hashing import mix
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.tasks.images import ImageClassification
from nasbench.types import BoolArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

CELLS = ("normal", "reduce")
CELL_INPUTS = ("c_{k-2}", "c_{k-1}")
"""Hidden states 0 and 1 of a cell: the outputs of the last cell but one and of the last cell."""


FIRST_KIND = 1 << 32
"""Number of the first operation in function keys: above those of inputs and labels, with which it could cancel."""


class CellPair(Space):
    """Two cells, normal and reduction, of `blocks` blocks; each applies two operations to two earlier hidden states.

    A genotype holds the positions of all blocks of the normal cell, then those of the reduction cell. A subclass states
    the positions of a block (`_positions`), and reads (`_read`) and writes (`_write`) them. A position with a single
    option is omitted.

    The graph shows the shortest network: the input feeds a normal cell, both feed a reduction cell, whose result is the
    output. A cell has two input nodes, three nodes per block (two operations and their combination), and a node for the
    concatenated result (in the reduction cell: the output). Nodes have the attribute `cell` besides `op`.
    """

    blocks: ClassVar[int]
    """Number of blocks per cell."""
    operations: tuple[str, ...]
    """Operations on a hidden state; `none` outputs nothing."""
    remedies: Mapping[str, str] = {}
    """What to do about an operation that the space does not have, by its name."""
    combinations: ClassVar[tuple[str, ...]]
    """Combinations of the two results of a block."""
    distinct: ClassVar[bool]
    """Whether the two operations of a block must act on different hidden states."""
    identity_ops = ("skip_connect",)

    def __init__(self) -> None:
        options = [o for _ in CELLS for block in range(self.blocks) for o in self._positions(2 + block)]
        self._has_choice = np.array(options) > 1
        self.cardinalities = tuple(o for o in options if o > 1)
        self.ops = ("input", *CELL_INPUTS, *self.operations, *self.combinations, "cell_output", "output")
        poolings = (op for op in self.operations if "_pool_" in op)
        self.weightless_ops = (*CELL_INPUTS, *poolings, *self.combinations, "cell_output")
        self.max_nodes = 2 * (3 + 3 * self.blocks) + 1
        self._codes = BlockCodes(len(self.operations), len(self.combinations), self.blocks)

    @property
    def node_cells(self) -> tuple[int, ...]:
        """The input belongs to the normal cell, 0; then as many nodes are of each cell."""
        size = 3 + 3 * self.blocks
        return (0,) * (1 + size) + (1,) * size

    # --- genotypes and blocks -----------------------------------------------------------------------------------

    @abstractmethod
    def _positions(self, states: int) -> tuple[int, ...]:
        """Number of options at each of the `w` positions of a block that can read this number of hidden states."""

    @abstractmethod
    def _read(self, positions: ShortArray) -> Blocks:
        """The blocks with positions `(b, w, m)`."""

    @abstractmethod
    def _write(self, sources: ShortArray, ops: ShortArray, combined: ShortArray) -> ShortArray:
        """Positions `(w, m)` of one block of each of `m` cells, from arrays `(2, m)`, `(2, m)` and `(m,)`."""

    @abstractmethod
    def _concatenated(self, cells: Blocks) -> BoolArray:
        """Whether each hidden state is part of the result of each cell; shape `(b + 2, m)`."""

    def cells(self, genotypes: GenotypeArray) -> Blocks:
        """The blocks of `(n, d)` genotypes; cells in the order normal, reduction of each genotype in turn."""
        raw = np.zeros((len(genotypes), len(self._has_choice)), dtype=np.int16)
        raw[:, self._has_choice] = genotypes
        width = len(self._has_choice) // (2 * self.blocks)
        by_position = raw.reshape(2 * len(genotypes), self.blocks, width).transpose(1, 2, 0)
        return self._read(np.ascontiguousarray(by_position))

    def _vectors(self, positions: npt.NDArray[np.integer[Any]]) -> GenotypeArray:
        """Genotypes `(m / 2, d)` of `m` cells with positions `(b, w, m)`."""
        raw = positions.transpose(2, 0, 1).reshape(-1, len(self._has_choice))
        return np.ascontiguousarray(raw[:, self._has_choice], dtype=np.int8)

    def _names(self, states: int) -> dict[str, tuple[Option, ...]]:
        """Name and options of each position of a block that can read this number of hidden states."""
        return {f"choice_{number}": tuple(range(options)) for number, options in enumerate(self._positions(states))}

    @cached_property
    def _named_options(self) -> dict[str, tuple[Option, ...]]:
        named = {
            f"{cell}_{2 + block}_{name}": options
            for cell in CELLS
            for block in range(self.blocks)
            for name, options in self._names(2 + block).items()
        }
        return {name: options for name, options in named.items() if len(options) > 1}

    @property
    def choice_names(self) -> tuple[str, ...]:
        """Names like `normal_2_op_0`: cell, hidden state computed by the block, and choice."""
        return tuple(self._named_options)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Published names of operations and combinations; numbers of hidden states."""
        return self._named_options[self.choice_names[position]]

    # --- graph and string ---------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as dense arrays; all graphs have the same number of nodes."""
        n, v, b = len(genotypes), self.max_nodes, self.blocks
        adjacency, ops = np.zeros((n, v, v), dtype=bool), np.zeros((n, v), dtype=np.int8)
        cells = self.cells(genotypes)
        concatenated = self._concatenated(cells)
        rows, first_op = np.arange(n), len(CELL_INPUTS) + 1
        previous = 0  # the input, then the result of the normal cell
        for cell in range(2):
            start = 1 + cell * (3 + 3 * b)
            sources, labels, combined = (part[..., cell::2] for part in cells)
            adjacency[:, [0, previous], [start, start + 1]] = True
            ops[:, [start, start + 1]] = 1, 2
            for block in range(b):
                node = start + 2 + 3 * block
                for side in range(2):
                    source = sources[block, side]
                    adjacency[rows, start + np.where(source < 2, source, 3 * source - 2), node + side] = True
                    ops[:, node + side] = first_op + labels[block, side]
                adjacency[:, [node, node + 1], node + 2] = True
                ops[:, node + 2] = first_op + len(self.operations) + combined[block]
            previous = start + 2 + 3 * b
            for state in range(b + 2):
                node = start + (state if state < 2 else 3 * state - 2)
                adjacency[:, node, previous] = concatenated[state, cell::2]
            ops[:, previous] = len(self.ops) - 2 + cell
        return AdjacencyArrays(adjacency, ops, np.ones((n, v), dtype=bool))

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The two cells `(d,)` as one directed graph; every node except the input has the attribute `cell`."""
        import networkx as nx

        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        graph.add_node(0, op="input")
        for node, op in enumerate(ops[0, 1:].tolist(), start=1):
            graph.add_node(node, op=self.ops[op], cell=CELLS[self.node_cells[node]])
        graph.add_edges_from((a, b) for a, b in np.argwhere(adjacency[0]).tolist())
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        import networkx as nx

        if len(graph) != self.max_nodes:
            raise InputError(f"a graph of {self.name} has {self.max_nodes} nodes, got {len(graph)}")
        labels = dict(graph.nodes(data="op"))
        single = {op: [node for node in graph if labels[node] == op] for op in ("input", "cell_output", "output")}
        if [len(nodes) for nodes in single.values()] != [1, 1, 1]:
            raise InputError(f"a graph of {self.name} has one node each of op 'input', 'cell_output' and 'output'")
        (start,), (middle,), (end,) = single.values()
        normal = nx.ancestors(graph, middle) - {start}
        order = list(nx.topological_sort(graph))
        blocks: list[_Block] = []
        states: list[list[Any]] = []
        edges: set[tuple[Any, Any]] = set()
        for cell, members in zip(CELLS, (normal, set(graph) - normal - {start, middle, end}), strict=True):
            inside = [node for node in order if node in members]
            known = [node for op in CELL_INPUTS for node in inside if labels[node] == op]
            joins = [node for node in inside if labels[node] in self.combinations]
            if [labels[node] for node in known] != [*CELL_INPUTS] or len(joins) != self.blocks:
                raise InputError(
                    f"the {cell} cell has {len(known)} inputs and {len(joins)} blocks; "
                    f"{self.name} has 2 ({', '.join(CELL_INPUTS)}) and {self.blocks}"
                )
            edges |= {(start, known[0]), (start if cell == "normal" else middle, known[1])}
            for join in joins:
                halves = []
                for node in graph.predecessors(join):
                    before = list(graph.predecessors(node))
                    if labels[node] not in self.operations or len(before) != 1 or before[0] not in known:
                        raise InputError(
                            f"node {node!r} ({labels[node]}) feeds a block of the {cell} cell, "
                            "so it must be an operation on one hidden state"
                        )
                    halves.append((labels[node], known.index(before[0])))
                    edges |= {(before[0], node), (node, join)}
                blocks.append((halves, labels[join]))
                known.append(join)
            states.append(known)
        cells = self._from_blocks(blocks)
        for known, used, result in zip(states, self._concatenated(cells).T, (middle, end), strict=True):
            edges |= {(node, result) for node, is_used in zip(known, used, strict=True) if is_used}
        if edges != set(graph.edges):
            a, b = min(edges ^ set(graph.edges), key=str)
            raise InputError(
                f"the edges are not those of a graph of {self.name}: there is "
                f"{'no' if (a, b) in edges else 'an'} edge from {a!r} ({labels[a]}) to {b!r} ({labels[b]})"
            )
        return self._to_vector(cells)

    def _from_blocks(self, blocks: list[_Block]) -> Blocks:
        """The blocks of both cells, from names of operations and numbers of hidden states."""
        for i, (halves, _) in enumerate(blocks):
            where = f"block {i % self.blocks} of the {CELLS[i // self.blocks]} cell"
            if len(halves) != 2:
                raise InputError(f"{where} has {len(halves)} operations, {self.name} has 2 in each")
            for op, source in halves:
                if op not in self.operations:
                    close = get_close_matches(str(op), self.operations, n=1)
                    hint = f"did you mean {close[0]!r}? " if close else self.remedies.get(str(op), "")
                    raise InputError(f"{where}: unknown operation {op!r}; {hint}known are {', '.join(self.operations)}")
                if type(source) is not int or not 0 <= source < 2 + i % self.blocks:
                    raise InputError(
                        f"{where}: acts on hidden state {source!r}, allowed are 0 to {1 + i % self.blocks} "
                        "(the two inputs and the earlier blocks)"
                    )
            if self.distinct and halves[0][1] == halves[1][1]:
                raise InputError(
                    f"{where} has both operations on hidden state {halves[0][1]}; {self.name} needs two different ones"
                )

        def by_block(values: list[Any]) -> ShortArray:
            array = np.array(values, dtype=np.int16)
            return array.reshape(2, self.blocks, *array.shape[1:]).transpose(1, *range(2, array.ndim + 1), 0)

        return Blocks(
            by_block([[source for _, source in halves] for halves, _ in blocks]),
            by_block([[self.operations.index(op) for op, _ in halves] for halves, _ in blocks]),
            by_block([self.combinations.index(combined) for _, combined in blocks]),
        )

    def _to_vector(self, cells: Blocks) -> list[int]:
        vector: list[int] = self._vectors(np.stack([self._write(*block) for block in zip(*cells, strict=True)]))[
            0
        ].tolist()
        return vector

    def to_string(self, genotype: GenotypeArray) -> str:
        """The string of DARTS, `Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=[2, ...], reduce=...)`.

        Each block has two pairs (operation, hidden state). If some block does not add, `normal_combine=[...]` or
        `reduce_combine=[...]` lists the combinations of all blocks.
        """
        cells = self.cells(genotype[None])
        concatenated = self._concatenated(cells)
        parts = []
        for cell, name in enumerate(CELLS):
            sources, ops = (part[..., cell].ravel().tolist() for part in cells[:2])
            pairs = [(self.operations[op], source) for op, source in zip(ops, sources, strict=True)]
            parts += [f"{name}={pairs}", f"{name}_concat={np.flatnonzero(concatenated[:, cell]).tolist()}"]
            if (combined := cells.combined[:, cell]).any():
                parts.append(f"{name}_combine={[self.combinations[c] for c in combined]}")
        return f"Genotype({', '.join(parts)})"

    def _from_string(self, text: str) -> list[int]:
        fields = genotype_fields(text, self.name, CELLS)
        blocks: list[_Block] = []
        for name in CELLS:
            pairs = fields[name]
            if not (is_list(pairs, 2 * self.blocks) and all(is_list(pair, 2) for pair in pairs)):
                raise InputError(
                    f"{name} of a genotype of {self.name} lists {2 * self.blocks} pairs (operation, hidden state)"
                    f", got {str(pairs)[:80]}"
                )
            combined = fields.get(f"{name}_combine", [self.combinations[0]] * self.blocks)
            if not (is_list(combined, self.blocks) and all(c in self.combinations for c in combined)):
                raise InputError(
                    f"{name}_combine names one of {', '.join(self.combinations)} for each of {self.blocks} blocks"
                    f", got {str(combined)[:80]}"
                )
            blocks += [(list(pairs[2 * b : 2 * b + 2]), combined[b]) for b in range(self.blocks)]
        cells = self._from_blocks(blocks)
        for name, used in zip(CELLS, self._concatenated(cells).T, strict=True):
            expected = np.flatnonzero(used).tolist()
            stated = fields.get(f"{name}_concat", expected)
            if not is_list(stated, len(expected)) or sorted(stated, key=str) != expected:
                raise InputError(f"{name}_concat of this genotype is {expected} in {self.name}, got {stated}")
        return self._to_vector(cells)

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, d)`, uniform and with replacement."""
        genotypes = np.empty((n, len(self.cardinalities)), dtype=np.int8)
        for position, options in enumerate(self.cardinalities):
            genotypes[:, position] = rng.integers(0, options, n, dtype=np.int8)
        return genotypes

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """The neighbours of each of `(n, d)` genotypes, in canonical form.

        An edit changes one operation, the hidden state it acts on, or one combination. The new hidden state must not
        depend on the edited block; blocks are renumbered.
        """
        cells = self.cells(genotypes)
        edited, owner = self._edits(cells)
        codes, before = self._codes.smallest(edited), self._codes.smallest(cells)
        ranks, ranks_before = self._codes.rank(codes), self._codes.rank(before)
        order = np.argsort(ranks)
        order = order[np.argsort(owner[order].astype(np.int16), kind="stable")]  # by owner, then by rank
        ranks, owner = ranks[order], owner[order]
        distinct = ranks != ranks_before[owner]
        distinct[1:] &= (np.diff(ranks) != 0) | (np.diff(owner) != 0)
        owner = owner[distinct]
        pairs = self._cell_vectors(before).reshape(len(genotypes), 2, len(self.cardinalities) // 2)[owner // 2]
        pairs[np.arange(len(owner)), owner % 2] = self._cell_vectors(codes[:, order[distinct]])
        return pairs.reshape(len(owner), len(self.cardinalities)), owner // 2

    def _edits(self, cells: Blocks) -> tuple[Blocks, KeyArray]:
        """All edits of `m` cells, and the cell each belongs to; blocks are not yet renumbered."""
        m = cells.combined.shape[1]
        moves, op_steps, combination_steps = self._edit_table
        block, side, state = moves
        free = np.stack([~_dependent(cells, np.full(m, b, dtype=np.int16)) for b in range(self.blocks)])
        allowed = free[block, state] & (cells.sources[block, side] != state[:, None])
        if self.distinct:
            allowed &= cells.sources[block, 1 - side] != state[:, None]
        move, mover = np.nonzero(allowed)
        everywhere = np.tile(np.arange(m), op_steps.shape[1] + combination_steps.shape[1])
        owner = np.concatenate([mover, everywhere])
        edited = Blocks(*(np.take(part, owner, axis=-1) for part in cells))
        edited.sources[block[move], side[move], np.arange(len(move))] = state[move]
        for values, (*place, step), options, first in [
            (edited.ops, op_steps, len(self.operations), len(move)),
            (edited.combined, combination_steps, len(self.combinations), len(move) + m * op_steps.shape[1]),
        ]:
            at = (*(np.repeat(index, m) for index in place), first + np.arange(m * len(step)))
            values[at] = (values[at] + np.repeat(step, m)) % options
        return edited, owner

    @cached_property
    def _edit_table(self) -> tuple[KeyArray, KeyArray, KeyArray]:
        """All edits: (block, side, new hidden state), (block, side, operation step), (block, combination step)."""
        blocks = range(self.blocks)
        return (
            np.array(list(product(blocks, range(2), range(self.blocks + 2)))).T,
            np.array(list(product(blocks, range(2), range(1, len(self.operations))))).T,
            np.array(list(product(blocks, range(1, len(self.combinations)))), dtype=np.int64).reshape(-1, 2).T,
        )

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour of each of `(n, d)` genotypes, in canonical form: a random edit of a random block.

        Operations, hidden states and combinations (if there is a choice) are edited with equal probability, as in the
        evolution of Real et al. (2019); an edit that does not change the architecture is redrawn.
        """
        mutants = [
            self._mutate(genotypes[i : i + CELLS_PER_BATCH], rng) for i in range(0, len(genotypes), CELLS_PER_BATCH)
        ]
        return np.concatenate(mutants) if mutants else genotypes.copy()

    def _mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        n = len(genotypes)
        cells = self.cells(genotypes)
        before = self._cell_vectors(self._codes.smallest(cells))
        result = before.copy()
        todo = 2 * np.arange(n) + rng.integers(0, 2, n)  # one cell of each genotype
        while len(todo):
            edited = Blocks(*(np.take(part, todo, axis=-1) for part in cells))
            self._edit(edited, rng)
            result[todo] = self._cell_vectors(self._codes.smallest(edited))
            todo = todo[(result[todo] == before[todo]).all(axis=1)]
        return result.reshape(n, len(self.cardinalities))

    def _edit(self, cells: Blocks, rng: np.random.Generator) -> None:
        """Make one random edit in each of `m` cells, in place; blocks are not yet renumbered."""
        m = cells.combined.shape[1]
        block, side = rng.integers(0, self.blocks, (m,), dtype=np.int16), rng.integers(0, 2, (m,))
        kind = rng.integers(0, 2 + (len(self.combinations) > 1), (m,))
        rows = np.flatnonzero(kind == 0)
        at = block[rows], side[rows], rows
        step = rng.integers(1, len(self.operations), len(rows), dtype=np.int16)
        cells.ops[at] = (cells.ops[at] + step) % np.int16(len(self.operations))
        rows = np.flatnonzero(kind == 2)
        step = rng.integers(1, max(2, len(self.combinations)), len(rows), dtype=np.int16)
        cells.combined[block[rows], rows] = (cells.combined[block[rows], rows] + step) % len(self.combinations)
        rows = np.flatnonzero(kind == 1)
        at = block[rows], side[rows], rows
        part = Blocks(*(np.take(values, rows, axis=-1) for values in cells))
        allowed = ~_dependent(part, block[rows])
        states = np.arange(self.blocks + 2)[:, None]
        allowed &= states != cells.sources[at]
        if self.distinct:
            allowed &= states != cells.sources[block[rows], 1 - side[rows], rows]
        state = np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=0)
        cells.sources[at] = np.where(allowed.any(axis=0), state, cells.sources[at])

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, d)` and `(n, d)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One representative `(n, d)` of all orders of the blocks of a cell and of the two operations of a block.

        The code of a block orders blocks by the hidden states they read, then by operation. Blocks are numbered
        greedily: next comes the smallest code among the blocks that read numbered hidden states only, which gives the
        smallest sequence of codes. If codes tie, all orders of the blocks are tried. Exact, not a hash.
        """
        parts = [
            self._cell_vectors(self._codes.smallest(self.cells(genotypes[i : i + CELLS_PER_BATCH])))
            for i in range(0, len(genotypes), CELLS_PER_BATCH)
        ]
        return np.concatenate(parts).reshape(len(genotypes), len(self.cardinalities)) if parts else genotypes

    def function_key(self, genotypes: GenotypeArray) -> KeyArray:
        """Equal exactly where learnt operations can be matched so that equal weights give equal outputs; `(n,)`.

        Exact up to a collision probability of 2^-63 per pair, for these rules and no others:

        1. The result of a cell is the concatenation of hidden states in any order, and is read by learnt operations.
        2. `skip_connect` is the identity. On an input of a reduction cell it halves the image, and is learnt.
        3. Sums are commutative and associative, and count multiplicity: `x + x` is not `x`.
        4. `avg_pool` is linear: it maps a sum to the sum of the pooled terms.
        5. A pool has no weights: two pools of a kind on the same hidden state are the same term.
        6. Every other operation, and a concatenation of two results (in any order), has weights of its own: two of a
           kind on the same hidden state are two different terms, while one whose output is used twice is one term.
        7. `none`, and every operation on a hidden state that gets nothing, outputs nothing and is left out. (One
           simplification: a convolution of zero is the shift of its batch normalisation, which starts at zero but is
           trained.)
        """
        parts = [
            function_keys(self._formal(genotypes[i : i + CELLS_PER_BATCH]))
            for i in range(0, len(genotypes), CELLS_PER_BATCH)
        ]
        words = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
        pairs: KeyArray = (mix(mix(words[0::2]) + words[1::2]) >> np.uint64(1)).astype(np.int64)
        return pairs

    def _formal(self, genotypes: GenotypeArray) -> FormalCells:
        """The cells of `(n, d)` genotypes as operations on formal sums."""
        cells = self.cells(genotypes)
        reduces = np.arange(2 * len(genotypes)) % 2 == 1
        halves = (cells.sources < 2) & reduces
        same, mean, largest, none = (
            np.array([op.startswith(kind) for op in self.operations])
            for kind in ("skip", "avg_pool", "max_pool", "none")
        )
        numbers = np.arange(FIRST_KIND, FIRST_KIND + len(self.operations), dtype=np.uint64)
        factors = same + mean * (mix(numbers) | np.uint64(1))  # a mean multiplies all words of a sum by one factor
        skips = same[cells.ops] & halves
        absent = _absent(cells, none[cells.ops]) if none.any() else none[cells.ops]
        return FormalCells(
            cells.sources,
            numbers[cells.ops],
            ((same | mean)[cells.ops] & ~skips) | absent,
            np.where(skips | absent, np.uint64(0), factors[cells.ops] * np.where(halves, _HALVING, np.uint64(1))),
            (~(same | mean | largest)[cells.ops] | skips) & ~absent,
            np.array(self.combinations)[cells.combined] == "add",
            self._concatenated(cells),
            reduces,
        )

    def _cell_vectors(self, codes: ShortArray) -> GenotypeArray:
        """Genotype part of each of `m` cells with codes `(b, m)`; shape `(m, d / 2)`."""
        has_choice = self._has_choice[: len(self._has_choice) // 2]
        positions = np.take(self._positions_by_code, codes.T, axis=0).reshape(codes.shape[1], len(has_choice))
        return np.compress(has_choice, positions, axis=1)

    @cached_property
    def _positions_by_code(self) -> GenotypeArray:
        """Positions of the block of each code; shape `(codes, w)`."""
        low, high, combined = (
            values.ravel().astype(np.int16)
            for values in np.meshgrid(
                *(np.arange(len(self.operations) * (self.blocks + 1)),) * 2, np.arange(len(self.combinations))
            )
        )
        halves = np.stack([low, high])
        table = np.zeros((self._codes.codes_of_block(self.blocks + 1), len(self._positions(2))), dtype=np.int8)
        positions = self._write(halves // len(self.operations), halves % len(self.operations), combined).T
        ordered = low <= high
        code = self._codes.code(halves[None], combined[None])[0]
        table[code[ordered]] = positions[ordered]
        return table

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """The network of DARTS on CIFAR: stem, stages of normal cells with a reduction cell between them, head.

        `settings.cells` counts the normal cells of a stage. The published DARTS network of 20 cells and 36 channels,
        with reductions at one and two thirds, is `NetworkSettings(channels=36, cells=6, stages=3)`; here it has neither
        auxiliary head nor drop path.

        Raises:
            InputError: There is only one channel, which a reduction cannot split in two.
        """
        from nasbench.spaces.networks.cell_pair import network

        images = ImageClassification.expect(task)
        if settings.channels < 2:
            raise InputError(f"networks of {self.name} have at least 2 channels, got {settings.channels}")
        cells = self.cells(genotype[None])
        concatenated = self._concatenated(cells)
        plans = []
        for cell in range(2):
            sources, ops, combined = (part[..., cell].tolist() for part in cells)
            blocks = [
                ([(self.operations[op], source) for op, source in zip(*pair, strict=True)], self.combinations[c])
                for *pair, c in zip(ops, sources, combined, strict=True)
            ]
            plans.append((blocks, np.flatnonzero(concatenated[:, cell]).tolist()))
        return network(plans[0], plans[1], images.shape[0], images.classes, settings)


_Block: TypeAlias = tuple[list[tuple[str, int]], str]
"""Two pairs (operation, hidden state), and their combination."""
_HALVING = np.uint64(0x9FB21C651E98DF25)
"""Additional hash factor of a pool on an input of a reduction cell; any odd number."""


def _absent(cells: Blocks, none: BoolArray) -> BoolArray:
    """Whether each operation is `none`, or acts on a hidden state that gets nothing; shapes `(b, 2, m)`."""
    b, m = cells.combined.shape
    absent, empty = none.copy(), np.zeros((b + 2, m), dtype=bool)
    for block in range(b):
        absent[block] |= empty[cells.sources[block], np.arange(m)]
        empty[2 + block] = absent[block].all(axis=0)
    return absent


def _dependent(cells: Blocks, block: ShortArray) -> BoolArray:
    """Whether each hidden state is, or depends on, a given block `(m,)` of each cell; shape `(b + 2, m)`."""
    b, m = cells.combined.shape
    columns = np.arange(m)
    result = np.zeros((b + 2, m), dtype=bool)
    for state in range(2, b + 2):
        sources = cells.sources[state - 2]
        result[state] = result[sources[0], columns] | result[sources[1], columns] | (block == state - 2)
    return result

"""Detectors: pyramids of merging cells (NAS-FPN, Ghiasi et al., 2019) at EfficientDet sizes (Tan et al., 2020)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations, permutations
from math import comb, prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.spaces.detection_reading import CellText, cells_of_graph, cells_of_text
from nasbench.spaces.efficientdet import scaling
from nasbench.spaces.pyramids import (
    BIT_COUNTS,
    LEVELS,
    MAX_INTERMEDIATE,
    MAX_SOURCES,
    MEMBERS,
    OPERATIONS,
    IntArray,
    Pyramids,
    acyclic_choices,
    are_valid,
    break_cycles,
    cell_choices,
    computable,
    connect,
    topological_order,
    unread,
)
from nasbench.spaces.values import AdjacencyArrays, NetworkSettings, Option
from nasbench.tasks.detection import ObjectDetection
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    import torch

    from nasbench.tasks import Task

PHIS = 8


class Detection(Space):
    """Feature pyramids of merging cells, in detectors of scalable size.

    The backbone computes five features, `in3` to `in7`, of levels 3 to 7. A merging cell reads two or three different
    features, resizes them to its level, and combines them:

    - `sum` adds them (NAS-FPN);
    - `attention` multiplies the feature of the lowest level by a channel gate computed from the next level, and adds
      that and the other features (NAS-FPN: global pooling; features of equal level share both roles equally);
    - `fusion` adds them with learnt positive weights that sum to 1 (EfficientDet: fast normalised fusion).

    A convolution follows. There are `intermediate` cells of any level, which read inputs and each other, and one cell
    for each output level, `out3` to `out7`, which read all features. The cells form no cycle, and every intermediate
    cell has a reader. The pyramid is repeated; `phi`, 0 to 7, sets its size and that of the rest of the detector (see
    `scaling`). NAS-FPN has two intermediate cells, the BiFPN of EfficientDet has three. NAS-FPN adds unread inputs to
    the output of their level; here, that output reads three features.

    A genotype holds phi, then level, operation and three sources of each intermediate cell, then operation and sources
    of each output cell. Sources are numbers among the features the cell may read (inputs, intermediate cells, output
    cells, without itself), in ascending order; the last option of the third source is none.

    A cell that may read f features has `F(f) = 3 (C(f, 2) + C(f, 3))` choices. The number of acyclic choices of n cells
    above b features, by inclusion and exclusion over k cells without readers, is `D(n, b, w) = sum_k (-1)^(k+1) C(n, k)
    (w F(b + n - k))^k D(n - k, b, w)`, with w = 5 levels for intermediate cells and 1 for output cells. By inclusion
    and exclusion over s of m intermediate cells without readers, the number of genotypes is
    `phis * sum_s (-1)^s C(m, s) (5 F(5 + m - s))^s D(m - s, 5, 5) D(5, 5 + m - s, 1)`: 3.9 * 10^23 for m = 3.

    Isomorphic graphs differ by the numbering of intermediate cells only; all numberings are tried, so keys are exact.
    They are function keys too: every cell ends in weights of its own, so no function is computed by two graphs.

    Args:
        intermediate: Number of intermediate cells, 0 to 3.
        phis: Number of values of phi, 1 to 8. With 1, only pyramids of size D0 are searched, as in NAS-FPN.
    """

    name = "detection"
    paper = "Ghiasi et al. (2019), NAS-FPN, arXiv:1904.07392; Tan et al. (2020), EfficientDet, arXiv:1911.09070"
    task = "object_detection"
    attributes = ("level", "phi")
    captions: ClassVar[Mapping[str, str]] = {"level": "P{}"}
    feature_kinds = ("onehot", "counts", "adjacency", "values")

    BIFPN = (
        "mid1@6=fusion(in6,in7); mid2@5=fusion(in5,mid1); mid3@4=fusion(in4,mid2); out3=fusion(in3,mid3); "
        "out4=fusion(in4,mid3,out3); out5=fusion(in5,mid2,out4); out6=fusion(in6,mid1,out5); out7=fusion(in7,out6)"
    )
    """The pyramid of EfficientDet (Figure 3), for three intermediate cells."""
    NAS_FPN = (
        "mid1@4=attention(in4,in6); mid2@4=sum(in4,mid1); out3=sum(in3,mid2); out4=sum(mid2,out3); "
        "out5=attention(in5,out3,out4); out6=attention(out5,out7); out7=attention(in7,mid2,out5)"
    )
    """The pyramid of NAS-FPN (Figure 6), for two intermediate cells."""

    def __init__(self, intermediate: int = MAX_INTERMEDIATE, phis: int = PHIS) -> None:
        for name, value, low, high in (
            ("intermediate", intermediate, 0, MAX_INTERMEDIATE),
            ("phis", phis, 1, PHIS),
        ):
            if not isinstance(value, int) or not low <= value <= high:
                raise InputError(f"{name} must be an integer from {low} to {high}, got {value!r}")
        self.intermediate, self.phis = intermediate, phis
        m = intermediate
        self._cells = m + len(LEVELS)
        self._feature_of = len(LEVELS) + np.arange(self._cells)  # feature computed by each cell
        self._readable = np.where(np.arange(self._cells) < m, len(LEVELS) + m - 1, len(LEVELS) + self._cells - 1)
        self._names = (
            *(f"in{level}" for level in LEVELS),
            *(f"mid{cell + 1}" for cell in range(m)),
            *(f"out{level}" for level in LEVELS),
        )
        choices = [phis]
        for cell, f in enumerate(self._readable.tolist()):
            choices += [len(LEVELS)] * (cell < m) + [len(OPERATIONS), f, f, f + 1]
        self.cardinalities = tuple(choices)
        place = 1 + 4 * np.arange(self._cells) + np.minimum(1 + np.arange(self._cells), m)
        self._op_at, self._level_at = place, place[:m] - 1
        self._source_at = place[:, None] + np.arange(1, 1 + MAX_SOURCES)  # (c, 3)
        self.ops = ("input", "feature", *OPERATIONS, "output")
        self.weightless_ops = ("feature",)
        self.max_nodes = 2 + len(self._names)
        self._intermediate_bits = ((1 << m) - 1) << len(LEVELS)

    @property
    def choice_names(self) -> tuple[str, ...]:
        """`phi`, then `mid1_level`, `mid1_op`, `mid1_source1` to `mid1_source3` and so on for each cell."""
        names = ["phi"]
        for cell, name in enumerate(self._names[len(LEVELS) :]):
            names += [f"{name}_level"] * (cell < self.intermediate)
            names += [f"{name}_op", *(f"{name}_source{source + 1}" for source in range(MAX_SOURCES))]
        return tuple(names)

    def option_names(self, position: int) -> tuple[Option, ...]:
        """Values of phi, levels, operations, or names of features and `none`."""
        if position == 0:
            return tuple(range(self.phis))
        cell = int(np.searchsorted(self._source_at[:, -1], position))
        if position < self._op_at[cell]:
            return LEVELS
        if position == self._op_at[cell]:
            return OPERATIONS
        others = [name for feature, name in enumerate(self._names) if feature != self._feature_of[cell]]
        last = position == self._source_at[cell, -1]
        return (*others[: self._readable[cell]], "none") if last else tuple(others[: self._readable[cell]])

    # --- membership ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Number of genotypes; the formula is in the docstring of the class."""
        m, levels = self.intermediate, len(LEVELS)
        pyramids: int = sum(
            (-1) ** s
            * comb(m, s)
            * (levels * cell_choices(levels + m - s)) ** s
            * acyclic_choices(m - s, levels, levels)
            * acyclic_choices(levels, levels + m - s, 1)
            for s in range(m + 1)
        )
        return self.phis * pyramids

    def contains(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether sources ascend, cells form no cycle, and every intermediate cell is read; `(n, d)` to `(n,)`."""
        return self._ascending(genotypes).all(axis=1) & are_valid(self.pyramids(genotypes))

    def invalid(self, genotypes: GenotypeArray) -> list[str | None]:
        """First violation in each of `(n, d)` in-range genotypes, naming the cell, or None."""
        ascending, pyramids = self._ascending(genotypes), self.pyramids(genotypes)
        placed, unused = computable(pyramids.masks), unread(pyramids.masks)
        reasons: list[str | None] = []
        for row in range(len(genotypes)):
            names = self._names[len(LEVELS) :]
            if not ascending[row].all():
                cell = int(ascending[row].argmin())
                reasons.append(f"the sources of {names[cell]} are not different and in ascending order")
            elif not placed[row].all():
                stuck = [name for name, ok in zip(names, placed[row], strict=True) if not ok]
                reasons.append(f"{', '.join(stuck)} cannot be computed: some of them read each other in a cycle")
            elif unused[row].any():
                reasons.append(f"no cell reads {names[int(unused[row].argmax())]}")
            else:
                reasons.append(None)
        return reasons

    def repair(self, raw: GenotypeArray) -> tuple[GenotypeArray, BoolArray]:
        """Repair `(n, d)` vectors of independent choices; every vector can be repaired.

        Sources are sorted, and a repeated source becomes the next one. The first cell of a cycle reads inputs instead,
        and an unread intermediate cell is read by the output of its level.
        """
        result = raw.copy()
        sources = np.sort(raw[:, self._source_at].astype(np.int64), axis=2)
        last = self._readable
        sources[..., 0] = np.minimum(sources[..., 0], last - 2)
        sources[..., 1] = np.clip(sources[..., 1], sources[..., 0] + 1, last - 1)
        sources[..., 2] = np.clip(sources[..., 2], sources[..., 1] + 1, last)
        result[:, self._source_at] = sources
        pyramids = self.pyramids(result)
        break_cycles(pyramids.masks)
        connect(pyramids)
        return self.genotypes(pyramids), np.ones(len(raw), dtype=bool)

    # --- genotypes and pyramids ---------------------------------------------------------------------------------

    def pyramids(self, genotypes: GenotypeArray) -> Pyramids:
        """The pyramids of `(n, d)` genotypes."""
        wide = genotypes.astype(np.int64)
        sources = wide[:, self._source_at]  # (n, c, 3)
        bits = 1 << (sources + (sources >= self._feature_of[:, None]))
        masks = np.bitwise_or.reduce(np.where(sources < self._readable[:, None], bits, 0), axis=2)
        return Pyramids(wide[:, 0], wide[:, self._level_at], wide[:, self._op_at], masks)

    def genotypes(self, pyramids: Pyramids) -> GenotypeArray:
        """Inverse of `pyramids`."""
        result = np.empty((len(pyramids.phis), len(self.cardinalities)), dtype=np.int8)
        result[:, 0], result[:, self._level_at], result[:, self._op_at] = pyramids[:3]
        features = MEMBERS[pyramids.masks]  # (n, c, 3)
        ranks = features - (features > self._feature_of[:, None])
        result[:, self._source_at] = np.where(features < 0, self._readable[:, None], ranks)
        return result

    def _ascending(self, genotypes: GenotypeArray) -> BoolArray:
        """Whether the sources of each cell are in range and ascending; shape `(n, c)`."""
        first, second, third = np.moveaxis(genotypes[:, self._source_at], 2, 0)
        ascending: BoolArray = (first < second) & (second < third)
        return ascending

    @cached_property
    def _parts(self) -> list[tuple[int, GenotypeArray]]:
        """Independent parts of a genotype in order: first position, and all possible contents `(options, length)`."""
        parts = [(0, np.arange(self.phis, dtype=np.int8)[:, None])]
        for cell, f in enumerate(self._readable.tolist()):
            place = int(self._op_at[cell])
            sources = [*combinations(range(f), MAX_SOURCES), *((a, b, f) for a, b in combinations(range(f), 2))]
            if cell < self.intermediate:
                parts.append((place - 1, np.arange(len(LEVELS), dtype=np.int8)[:, None]))
            parts.append((place, np.arange(len(OPERATIONS), dtype=np.int8)[:, None]))
            parts.append((place + 1, np.array(sorted(sources), dtype=np.int8)))
        return parts

    # --- graph and string ---------------------------------------------------------------------------------------

    def adjacency_arrays(self, genotypes: GenotypeArray) -> AdjacencyArrays:
        """The graphs of `(n, d)` genotypes as dense arrays: input, five features, cells, output."""
        pyramids = self.pyramids(genotypes)
        n, v = len(genotypes), self.max_nodes
        adjacency, ops = np.zeros((n, v, v), dtype=bool), np.zeros((n, v), dtype=np.int8)
        inputs, cells = slice(1, 1 + len(LEVELS)), slice(1 + len(LEVELS), v - 1)
        adjacency[:, 0, inputs] = True
        reads = (pyramids.masks[:, :, None] >> np.arange(len(self._names))) & 1 == 1  # (n, c, features)
        adjacency[:, 1:-1, cells] = reads.transpose(0, 2, 1)
        adjacency[:, v - 1 - len(LEVELS) : v - 1, v - 1] = True
        ops[:, inputs], ops[:, cells], ops[:, -1] = 1, 2 + pyramids.ops, len(self.ops) - 1
        return AdjacencyArrays(adjacency, ops, np.ones((n, v), dtype=bool))

    def node_values(self, genotypes: GenotypeArray) -> FloatArray:
        """Level (0 for input and output) and phi of the nodes of `(n, d)` genotypes; shape `(n, v, 2)`."""
        pyramids = self.pyramids(genotypes)
        values = np.zeros((len(genotypes), self.max_nodes, 2))
        first = 1 + len(LEVELS)
        values[:, 1:first, 0] = LEVELS
        values[:, first : first + self.intermediate, 0] = np.array(LEVELS)[pyramids.levels]
        values[:, -1 - len(LEVELS) : -1, 0] = LEVELS
        values[:, :, 1] = pyramids.phis[:, None]
        return values

    def graph(self, genotype: GenotypeArray) -> nx.DiGraph[int]:
        """The pyramid `(d,)` as a directed graph; nodes have `op`, `level` (0 for input and output) and `phi`."""
        import networkx as nx

        adjacency, ops, _ = self.adjacency_arrays(genotype[None])
        graph: nx.DiGraph[int] = nx.DiGraph()
        for node, (op, (level, phi)) in enumerate(zip(ops[0], self.node_values(genotype[None])[0], strict=True)):
            graph.add_node(node, op=self.ops[op], level=int(level), phi=int(phi))
        graph.add_edges_from((a, b) for a, b in np.argwhere(adjacency[0]).tolist())
        return graph

    def _from_graph(self, graph: nx.DiGraph[Any]) -> list[int]:
        return self._from_cells(*cells_of_graph(self, self._names, graph))

    def _from_cells(self, phi: int, cells: list[CellText]) -> list[int]:
        """The genotype of a phi and cells."""
        m = self.intermediate
        levels, ops = np.zeros((1, m), dtype=np.int64), np.zeros((1, self._cells), dtype=np.int64)
        masks = np.zeros((1, self._cells), dtype=np.int64)
        for cell, level, op, sources in cells:
            name = self._names[len(LEVELS) + cell]
            allowed = self._names[: self._readable[cell] + 1]
            for source in sources:
                if source not in allowed or source == name:
                    kind = "inputs and intermediate cells" if cell < m else "inputs and cells"
                    raise InputError(f"{name} reads {source!r}; it can read other {kind}")
            if len({*sources}) != len(sources) or len(sources) not in (2, MAX_SOURCES):
                raise InputError(f"{name} reads {', '.join(sources) or 'nothing'}; a cell reads 2 or 3 features")
            if cell < m:
                levels[0, cell] = LEVELS.index(level)
            ops[0, cell] = OPERATIONS.index(op)
            masks[0, cell] = sum(1 << self._names.index(source) for source in sources)
        vector: list[int] = self.genotypes(Pyramids(np.array([phi]), levels, ops, masks))[0].tolist()
        return vector

    def to_string(self, genotype: GenotypeArray) -> str:
        """Text like `phi=0; mid1@6=fusion(in6,in7); ...; out3=sum(in3,mid1); ...`; `@` is the level of a cell."""
        pyramids = self.pyramids(genotype[None])
        parts = [f"phi={pyramids.phis[0]}"]
        for cell in range(self._cells):
            name = self._names[len(LEVELS) + cell]
            level = f"@{LEVELS[pyramids.levels[0, cell]]}" if cell < self.intermediate else ""
            sources = [self._names[source] for source in MEMBERS[pyramids.masks[0, cell]] if source >= 0]
            parts.append(f"{name}{level}={OPERATIONS[pyramids.ops[0, cell]]}({','.join(sources)})")
        return "; ".join(parts)

    def _from_string(self, text: str) -> list[int]:
        return self._from_cells(*cells_of_text(self, self._names, text))

    def bifpn(self, phi: int = 0) -> GenotypeArray:
        """EfficientDet-D0 to D7: the pyramid `BIFPN`.

        Raises:
            InputError: There are not three intermediate cells.
        """
        return self.genotype(f"phi={phi}; {self.BIFPN}")

    # --- neighbourhood ------------------------------------------------------------------------------------------

    def sample(self, n: int, rng: np.random.Generator) -> GenotypeArray:
        """`n` genotypes `(n, d)`, uniform and with replacement, by rejection."""
        accepted = np.zeros((0, len(self.cardinalities)), dtype=np.int8)
        while len(accepted) < n:
            drawn = np.empty((64 + 16 * (n - len(accepted)), len(self.cardinalities)), dtype=np.int8)
            for place, options in self._parts:
                drawn[:, place : place + options.shape[1]] = options[rng.integers(0, len(options), len(drawn))]
            accepted = np.concatenate([accepted, drawn[are_valid(self.pyramids(drawn))]])
        return accepted[:n]

    def _neighbours_of(self, genotypes: GenotypeArray) -> tuple[GenotypeArray, KeyArray]:
        """Neighbours by another phi, level, operation or source, or by one source more or less."""
        pyramids = self._least(self.pyramids(genotypes))
        edited, owner = self._edits(pyramids)
        valid = np.flatnonzero(are_valid(edited))
        edited, owner = self._least(edited.take(valid)), owner[valid]
        words, words_before = self._words(edited), self._words(pyramids)
        order = np.lexsort((*words.T, owner))
        words, owner = words[order], owner[order]
        distinct = (words != words_before[owner]).any(axis=1)
        distinct[1:] &= (np.diff(words, axis=0) != 0).any(axis=1) | (np.diff(owner) != 0)
        return self.genotypes(edited.take(order[distinct])), owner[distinct]

    @cached_property
    def _toggles(self) -> tuple[IntArray, IntArray]:
        """Edits of sources: cells, and the one or two bits of their masks that flip; shape `(t,)` each."""
        cells, bits = [], []
        for cell, (f, feature_of_cell) in enumerate(
            zip(self._readable.tolist(), self._feature_of.tolist(), strict=True)
        ):
            others = [1 << feature for feature in range(f + 1) if feature != feature_of_cell]
            for k in (1, 2):
                for chosen in combinations(others, k):
                    cells.append(cell)
                    bits.append(sum(chosen))
        return np.array(cells), np.array(bits)

    def _edits(self, pyramids: Pyramids) -> tuple[Pyramids, KeyArray]:
        """All edits of `n` pyramids, some of them invalid, and the row each belongs to."""
        n = len(pyramids.phis)
        cells, bits = self._toggles
        before = pyramids.masks[:, cells]  # (n, t)
        count, count_before = BIT_COUNTS[before ^ bits], BIT_COUNTS[before]
        possible = np.where(BIT_COUNTS[bits] == 1, (count >= 2) & (count <= MAX_SOURCES), count == count_before)
        row, toggle = np.nonzero(possible)
        scalars = [(0, 0, s) for s in range(1, self.phis)]
        scalars += [(1, i, s) for i in range(self.intermediate) for s in range(1, len(LEVELS))]
        scalars += [(2, c, s) for c in range(self._cells) for s in range(1, len(OPERATIONS))]
        owner = np.concatenate([np.tile(np.arange(n), len(scalars)), row])
        edited = pyramids.take(owner)
        for index, (part, place, step) in enumerate(scalars):
            rows = slice(index * n, (index + 1) * n)
            column = edited.phis[rows] if part == 0 else edited[part][rows, place]
            column[:] = (column + step) % (self.phis, len(LEVELS), len(OPERATIONS))[part]
        start = len(scalars) * n
        edited.masks[start + np.arange(len(row)), cells[toggle]] ^= bits[toggle]
        return edited, owner

    def mutate(self, genotypes: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """A random neighbour, in canonical form, of each of `(n, d)` genotypes.

        Of 16 edits, one changes phi, two a level, four an operation, and nine sources; an edit that leaves the space or
        does not change the architecture is redrawn.
        """
        pyramids = self._least(self.pyramids(genotypes))
        result = self.genotypes(pyramids)
        words = self._words(pyramids)
        cells, bits = self._toggles
        todo = np.arange(len(genotypes))
        while len(todo):
            k = len(todo)
            edited, kind = pyramids.take(todo), rng.integers(0, 16, k)
            rows, draws = np.arange(k), rng.random((2, k))
            cell = (draws[0] * self._cells).astype(np.int64)
            phis = (edited.phis + 1 + (draws[1] * (self.phis - 1)).astype(np.int64)) % self.phis
            edited.phis[:] = np.where(kind == 0, phis, edited.phis)
            if self.intermediate:
                mid = (draws[0] * self.intermediate).astype(np.int64)
                level = (edited.levels[rows, mid] + 1 + (draws[1] * (len(LEVELS) - 1)).astype(np.int64)) % len(LEVELS)
                edited.levels[rows, mid] = np.where((kind == 1) | (kind == 2), level, edited.levels[rows, mid])
            op = (edited.ops[rows, cell] + 1 + (draws[1] * (len(OPERATIONS) - 1)).astype(np.int64)) % len(OPERATIONS)
            edited.ops[rows, cell] = np.where((kind > 2) & (kind < 7), op, edited.ops[rows, cell])
            toggle = (draws[0] * len(cells)).astype(np.int64)
            before = edited.masks[rows, cells[toggle]]
            after = before ^ bits[toggle]
            single = BIT_COUNTS[bits[toggle]] == 1
            possible = np.where(
                single,
                (BIT_COUNTS[after] >= 2) & (BIT_COUNTS[after] <= MAX_SOURCES),
                BIT_COUNTS[after] == BIT_COUNTS[before],
            )
            edited.masks[rows, cells[toggle]] = np.where((kind > 6) & possible, after, before)
            edited = self._least(edited)
            done = are_valid(edited) & (self._words(edited) != words[todo]).any(axis=1)
            result[todo[done]] = self.genotypes(edited.take(np.flatnonzero(done)))
            todo = todo[~done]
        return result

    def crossover(self, a: GenotypeArray, b: GenotypeArray, rng: np.random.Generator) -> GenotypeArray:
        """Children `(n, d)` that take phi and each cell from one of the parents, repaired."""
        from_a = rng.random((len(a), 1 + self._cells)) < 0.5
        part = np.zeros(len(self.cardinalities), dtype=np.int64)  # of each position: 0 for phi, 1 + cell
        part[self._op_at] = part[self._source_at.T] = 1 + np.arange(self._cells)
        part[self._level_at] = 1 + np.arange(self.intermediate)
        return self.repair(np.where(from_a[:, part], a, b))[0]

    def enumerate(self, chunk: int = 65_536) -> Iterator[GenotypeArray]:
        """All genotypes in arrays of at most `chunk` rows, the last position fastest."""
        count = prod(len(options) for _, options in self._parts)
        for start in range(0, count, chunk):
            numbers = np.arange(min(chunk, count - start)).astype(object) + start
            rows = np.empty((len(numbers), len(self.cardinalities)), dtype=np.int8)
            for place, options in reversed(self._parts):
                digits, numbers = (numbers % len(options)).astype(np.int64), numbers // len(options)
                rows[:, place : place + options.shape[1]] = options[digits]
            rows = rows[are_valid(self.pyramids(rows))]
            if len(rows):
                yield rows

    def distance(self, a: GenotypeArray, b: GenotypeArray) -> KeyArray:
        """Number of positions at which the canonical forms of `(n, d)` and `(n, d)` differ; shape `(n,)`."""
        return super().distance(self.canonical(a), self.canonical(b))

    # --- identity -----------------------------------------------------------------------------------------------

    def canonical(self, genotypes: GenotypeArray) -> GenotypeArray:
        """One representative `(n, d)` of all numberings of the intermediate cells: the one with the least words."""
        return self.genotypes(self._least(self.pyramids(genotypes)))

    def _least(self, pyramids: Pyramids) -> Pyramids:
        """The numbering of the intermediate cells of each pyramid with the least words."""
        best, best_words = pyramids, self._words(pyramids)
        for order in list(permutations(range(self.intermediate)))[1:]:
            other = self._renumbered(pyramids, order)
            words = self._words(other)
            differs = words != best_words
            first = differs.argmax(axis=1)
            rows = np.arange(len(words))
            less = differs.any(axis=1) & (words[rows, first] < best_words[rows, first])
            best = Pyramids(
                *(np.where(less.reshape(-1, *[1] * (b.ndim - 1)), o, b) for o, b in zip(other, best, strict=True))
            )
            best_words = np.where(less[:, None], words, best_words)
        return best

    def _renumbered(self, pyramids: Pyramids, order: tuple[int, ...]) -> Pyramids:
        """The pyramids with intermediate cells renumbered: the new cell `i` is the old cell `order[i]`."""
        m, first = self.intermediate, len(LEVELS)
        cells = [*order, *range(m, self._cells)]
        before = pyramids.masks[:, cells]
        masks = before & ~self._intermediate_bits
        for new, old in enumerate(order):
            masks |= (before >> (first + old) & 1) << (first + new)
        return Pyramids(pyramids.phis, pyramids.levels[:, list(order)], pyramids.ops[:, cells], masks)

    def _words(self, pyramids: Pyramids) -> IntArray:
        """Three numbers that identify each pyramid, 18 bits per cell; shape `(n, 3)`."""
        levels = np.zeros_like(pyramids.ops)
        levels[:, : self.intermediate] = pyramids.levels
        cells = (levels << 15) | (pyramids.ops << 13) | pyramids.masks  # (n, c)
        words = np.zeros((len(cells), 3), dtype=np.int64)
        words[:, 0] = pyramids.phis
        for cell in range(self._cells):
            words[:, cell // 3] = words[:, cell // 3] << 18 | cells[:, cell]
        return words

    # --- network ------------------------------------------------------------------------------------------------

    def network(self, genotype: GenotypeArray, task: Task, settings: NetworkSettings) -> torch.nn.Module:
        """A resized image, backbone, repeated pyramid, and class and box nets shared by all levels.

        At phi = 0 the image keeps its size, which stands for the 512 pixels of EfficientDet-D0; other phi enlarge it in
        proportion. The levels have strides of 2 to 32 pixels instead of 8 to 128, because the images are small.

        The published sizes correspond to 64 channels and 3 cells. At phi = 0, `settings.channels` is the width of the
        pyramid, and `settings.cells` is the number of its repetitions, of layers of the class and box nets, and of
        inverted residual blocks in each of the three backbone stages; other phi scale these in proportion, to at least
        one. The backbone has the widths of EfficientNet-B0 at these levels, scaled like EfficientNet from B0 to B6. The
        number of stages is fixed, so `settings.stages` is ignored.
        """
        from nasbench.spaces.networks.detection import detector

        images = ObjectDetection.expect(task)
        pyramids = self.pyramids(genotype[None])
        levels = [*range(len(LEVELS)), *pyramids.levels[0].tolist(), *range(len(LEVELS))]
        cells = []
        for cell in topological_order(pyramids.masks[0]):
            feature = int(self._feature_of[cell])
            sources = [source for source in MEMBERS[pyramids.masks[0, cell]].tolist() if source >= 0]
            cells.append((feature, OPERATIONS[pyramids.ops[0, cell]], sources))
        return detector(cells, levels, scaling(int(pyramids.phis[0])), images, settings)

"""Edits of recurrent cells. Every edit has an inverse edit, so neighbours are mutual."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST_NODE,
    FIRST_PREVIOUS,
    LEAKY,
    LINEAR,
    MAX_INPUTS,
    MAX_STATES,
    PRODUCT,
    SUM,
    TANH,
    Cells,
    X,
)
from nasbench.types import GenotypeArray

IntArray = npt.NDArray[np.int64]
ACTIVATIONS = range(TANH, LEAKY + 1)


class Edits:
    """All edits of one cell, as changes of its arrays; some of them lead to no valid cell.

    * Operations: an operation becomes another one with as many inputs, or the inputs of a blend are permuted.
    * Slides: an input, or a new hidden state, moves along one edge, up or down; `x` and the previous states are all
      adjacent.
    * Third inputs: a linear node gains or loses a third input, `x` or a previous state.
    * Insertions and removals: a `tanh`, or a linear node that also reads `x`, is inserted into an edge, or removed.
    * States: two hidden states swap, or a state begins or ends at a linear node that reads its previous value as a
      third input.

    Args:
        ops: Operation numbers; shape `(25,)`.
        inputs: Sources that each node reads; shape `(25, 3)`.
        new: Nodes of the new hidden states, counted from 1; shape `(3,)`.
    """

    def __init__(self, ops: GenotypeArray, inputs: GenotypeArray, new: GenotypeArray) -> None:
        self.ops: list[int] = ops.tolist()
        self.inputs: list[list[int]] = [[read for read in row if read] for row in inputs.tolist()]
        self.new: list[int] = [state for state in new.tolist() if state]
        self.present = [node for node, op in enumerate(self.ops) if op]
        self.cell_inputs = [X, *range(FIRST_PREVIOUS, FIRST_PREVIOUS + len(self.new))]
        self.readers: dict[int, list[int]] = {}
        for node in self.present:
            for read in self.inputs[node]:
                self.readers.setdefault(read, []).append(node)
        self.free_node = next((node for node, op in enumerate(self.ops) if not op), None)
        self.changes: list[tuple[dict[int, int], dict[int, list[int]], dict[int, int]]] = []
        for edit in (self._operations, self._slides, self._thirds, self._insertions, self._removals, self._states):
            edit()

    def _add(
        self,
        ops: dict[int, int] | None = None,
        inputs: dict[int, list[int]] | None = None,
        new: dict[int, int] | None = None,
    ) -> None:
        self.changes.append((ops or {}, inputs or {}, new or {}))

    def cells(self, ops: GenotypeArray, inputs: GenotypeArray, new: GenotypeArray, only: int | None = None) -> Cells:
        """All edits, or only one, applied to the arrays of the constructor; cells in any numbering."""
        changes = self.changes if only is None else self.changes[only : only + 1]
        result = Cells(*(np.repeat(array[None], len(changes), axis=0) for array in (ops, inputs, new)))
        for row, (changed, reads, states) in enumerate(changes):
            for node, op in changed.items():
                result.ops[row, node] = op
            for node, read in reads.items():
                result.inputs[row, node] = read + [0] * (MAX_INPUTS - len(read))
            for state, node in states.items():
                result.new[row, state] = node
        return result

    def _operations(self) -> None:
        for node in self.present:
            op, reads = self.ops[node], self.inputs[node]
            if op in ACTIVATIONS:
                others = [other for other in ACTIVATIONS if other != op]
            elif len(reads) == 2 and X not in reads:
                others = [other for other in (LINEAR, PRODUCT, SUM) if other != op]
            else:
                others = []
            for other in others:
                self._add({node: other})
            if op == BLEND:
                self._add({node: LINEAR})
            if op == BLEND or (len(reads) == 3 and X not in reads):
                for order in permutations(reads):
                    if op == LINEAR or list(order) != reads:
                        self._add({node: BLEND}, {node: list(order)})

    def _adjacent(self, read: int) -> list[int]:
        """Sources adjacent to a source, to which a reader can slide."""
        near = [FIRST_NODE + node for node in self.readers.get(read, [])]
        return near + (self.cell_inputs if read < FIRST_NODE else self.inputs[read - FIRST_NODE])

    def _slides(self) -> None:
        for node in self.present:
            reads = self.inputs[node]
            for place, read in enumerate(reads):
                for other in self._adjacent(read):
                    if other not in reads and other != FIRST_NODE + node and (other != X or self.ops[node] == LINEAR):
                        self._add(inputs={node: [*reads[:place], other, *reads[place + 1 :]]})
        for state, node in enumerate(self.new):
            for other in self._adjacent(FIRST_NODE + node - 1):
                if other >= FIRST_NODE and other - FIRST_NODE + 1 not in self.new:
                    self._add(new={state: other - FIRST_NODE + 1})

    def _thirds(self) -> None:
        for node in self.present:
            reads = self.inputs[node]
            if self.ops[node] == LINEAR and len(reads) == 2:
                for base in self.cell_inputs:
                    if base not in reads:
                        self._add(inputs={node: [*reads, base]})
            elif self.ops[node] == LINEAR:
                for base in set(self.cell_inputs) & {*reads}:
                    self._add(inputs={node: [read for read in reads if read != base]})

    def _insertions(self) -> None:
        if self.free_node is None:
            return
        kinds = [(TANH, False), (LINEAR, True)]
        for op, with_x in kinds:
            for node in self.present:
                reads = self.inputs[node]
                for place, read in enumerate(reads):
                    if read != X:
                        moved = [*reads[:place], FIRST_NODE + self.free_node, *reads[place + 1 :]]
                        inserted_inputs = [X, read] if with_x else [read]
                        self._add({self.free_node: op}, {node: moved, self.free_node: inserted_inputs})
            for state, node in enumerate(self.new):
                read = FIRST_NODE + node - 1
                inserted_inputs = [X, read] if with_x else [read]
                self._add({self.free_node: op}, {self.free_node: inserted_inputs}, {state: self.free_node + 1})

    def _removals(self) -> None:
        for node in self.present:
            op, reads = self.ops[node], [read for read in self.inputs[node] if read != X]
            if len(reads) != 1 or not (op == TANH or (op == LINEAR and len(self.inputs[node]) == 2)):
                continue
            (source,), readers = reads, self.readers.get(FIRST_NODE + node, [])
            states = [state for state, other in enumerate(self.new) if other == node + 1]
            if len(readers) + len(states) != 1:
                continue
            if readers:
                reader_inputs = self.inputs[readers[0]]
                if source not in reader_inputs:
                    moved = [source if read == FIRST_NODE + node else read for read in reader_inputs]
                    self._add({node: 0}, {node: [], readers[0]: moved})
            elif source >= FIRST_NODE and source - FIRST_NODE + 1 not in self.new:
                self._add({node: 0}, {node: []}, {states[0]: source - FIRST_NODE + 1})

    def _states(self) -> None:
        for state, node in enumerate(self.new):
            for other in range(state):
                self._add(new={state: self.new[other], other: node})
        count = len(self.new)
        if count < MAX_STATES:
            for node in self.present:
                if self.ops[node] == LINEAR and len(self.inputs[node]) == 2 and node + 1 not in self.new:
                    self._add(inputs={node: [*self.inputs[node], FIRST_PREVIOUS + count]}, new={count: node + 1})
        last, base = self.new[-1] - 1, FIRST_PREVIOUS + count - 1
        if count > 1 and self.readers.get(base) == [last] and self.ops[last] == LINEAR and len(self.inputs[last]) == 3:
            self._add(inputs={last: [read for read in self.inputs[last] if read != base]}, new={count - 1: 0})

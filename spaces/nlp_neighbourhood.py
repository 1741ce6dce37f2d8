"""Edits of recurrent cells: each can be undone by another, so that neighbours are mutual."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST,
    INPUTS,
    LEAKY,
    LINEAR,
    PREVIOUS,
    PRODUCT,
    STATES,
    SUM,
    TANH,
    Cells,
    X,
)
from nasbench.types import GenotypeArray

IntArray = npt.NDArray[np.int64]
ACTIVATIONS = range(TANH, LEAKY + 1)


class Edits:
    """The edits of one cell, collected one after the other; not all of them make a cell.

    An operation becomes another of as many inputs, or the inputs of a blend change places. What is read moves along
    one edge, up or down; between `x` and the previous states it moves freely. A linear node gets or loses a third
    input, `x` or a previous state. A `tanh`, or a linear node that reads `x` besides, is put before a place that is
    read, or taken away. A new hidden state moves along one edge, changes places with another, begins at a linear node
    that reads its previous value as a third input, or ends there.

    Args:
        ops: Numbers of the operations; shape `(25,)`.
        inputs: What each node reads; shape `(25, 3)`.
        new: The nodes, from 1, that are new hidden states; shape `(3,)`.
    """

    def __init__(self, ops: GenotypeArray, inputs: GenotypeArray, new: GenotypeArray) -> None:
        self.ops: list[int] = ops.tolist()
        self.inputs: list[list[int]] = [[read for read in row if read] for row in inputs.tolist()]
        self.new: list[int] = [state for state in new.tolist() if state]
        self.present = [node for node, op in enumerate(self.ops) if op]
        self.bases = [X, *range(PREVIOUS, PREVIOUS + len(self.new))]
        self.readers: dict[int, list[int]] = {}
        for node in self.present:
            for read in self.inputs[node]:
                self.readers.setdefault(read, []).append(node)
        self.spare = next((node for node, op in enumerate(self.ops) if not op), None)
        self.made: list[tuple[dict[int, int], dict[int, list[int]], dict[int, int]]] = []
        for edit in (self._operations, self._slides, self._thirds, self._insertions, self._removals, self._states):
            edit()

    def _make(
        self,
        ops: dict[int, int] | None = None,
        inputs: dict[int, list[int]] | None = None,
        new: dict[int, int] | None = None,
    ) -> None:
        self.made.append((ops or {}, inputs or {}, new or {}))

    def cells(self, ops: GenotypeArray, inputs: GenotypeArray, new: GenotypeArray, only: int | None = None) -> Cells:
        """All edits, or only one, of these arrays, which are those of the constructor, as cells in any numbering."""
        made = self.made if only is None else self.made[only : only + 1]
        result = Cells(*(np.repeat(part[None], len(made), axis=0) for part in (ops, inputs, new)))
        for row, (changed, reads, states) in enumerate(made):
            for node, op in changed.items():
                result.ops[row, node] = op
            for node, read in reads.items():
                result.inputs[row, node] = read + [0] * (INPUTS - len(read))
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
                self._make({node: other})
            if op == BLEND:
                self._make({node: LINEAR})
            if op == BLEND or (len(reads) == 3 and X not in reads):
                for order in permutations(reads):
                    if op == LINEAR or list(order) != reads:
                        self._make({node: BLEND}, {node: list(order)})

    def _near(self, read: int) -> list[int]:
        """Where what is read can move to."""
        near = [FIRST + node for node in self.readers.get(read, [])]
        return near + (self.bases if read < FIRST else self.inputs[read - FIRST])

    def _slides(self) -> None:
        for node in self.present:
            reads = self.inputs[node]
            for place, read in enumerate(reads):
                for other in self._near(read):
                    if other not in reads and other != FIRST + node and (other != X or self.ops[node] == LINEAR):
                        self._make(inputs={node: [*reads[:place], other, *reads[place + 1 :]]})
        for state, node in enumerate(self.new):
            for other in self._near(FIRST + node - 1):
                if other >= FIRST and other - FIRST + 1 not in self.new:
                    self._make(new={state: other - FIRST + 1})

    def _thirds(self) -> None:
        for node in self.present:
            reads = self.inputs[node]
            if self.ops[node] == LINEAR and len(reads) == 2:
                for base in self.bases:
                    if base not in reads:
                        self._make(inputs={node: [*reads, base]})
            elif self.ops[node] == LINEAR:
                for base in set(self.bases) & {*reads}:
                    self._make(inputs={node: [read for read in reads if read != base]})

    def _insertions(self) -> None:
        if self.spare is None:
            return
        kinds = [(TANH, False), (LINEAR, True)]
        for op, with_x in kinds:
            for node in self.present:
                reads = self.inputs[node]
                for place, read in enumerate(reads):
                    if read != X:
                        moved = [*reads[:place], FIRST + self.spare, *reads[place + 1 :]]
                        own = [X, read] if with_x else [read]
                        self._make({self.spare: op}, {node: moved, self.spare: own})
            for state, node in enumerate(self.new):
                read = FIRST + node - 1
                own = [X, read] if with_x else [read]
                self._make({self.spare: op}, {self.spare: own}, {state: self.spare + 1})

    def _removals(self) -> None:
        for node in self.present:
            op, reads = self.ops[node], [read for read in self.inputs[node] if read != X]
            if len(reads) != 1 or not (op == TANH or (op == LINEAR and len(self.inputs[node]) == 2)):
                continue
            (left,), readers = reads, self.readers.get(FIRST + node, [])
            states = [state for state, other in enumerate(self.new) if other == node + 1]
            if len(readers) + len(states) != 1:
                continue
            if readers:
                own = self.inputs[readers[0]]
                if left not in own:
                    moved = [left if read == FIRST + node else read for read in own]
                    self._make({node: 0}, {node: [], readers[0]: moved})
            elif left >= FIRST and left - FIRST + 1 not in self.new:
                self._make({node: 0}, {node: []}, {states[0]: left - FIRST + 1})

    def _states(self) -> None:
        for state, node in enumerate(self.new):
            for other in range(state):
                self._make(new={state: self.new[other], other: node})
        count = len(self.new)
        if count < STATES:
            for node in self.present:
                if self.ops[node] == LINEAR and len(self.inputs[node]) == 2 and node + 1 not in self.new:
                    self._make(inputs={node: [*self.inputs[node], PREVIOUS + count]}, new={count: node + 1})
        last, base = self.new[-1] - 1, PREVIOUS + count - 1
        if count > 1 and self.readers.get(base) == [last] and self.ops[last] == LINEAR and len(self.inputs[last]) == 3:
            self._make(inputs={last: [read for read in self.inputs[last] if read != base]}, new={count - 1: 0})

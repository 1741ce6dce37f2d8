"""Random recurrent cells as the authors of NAS-Bench-NLP draw them (Klyuchnikov et al., 2020), many at a time."""

from __future__ import annotations

import numpy as np

from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST,
    INPUTS,
    LINEAR,
    NODES,
    PREVIOUS,
    PRODUCT,
    READABLE,
    STATES,
    SUM,
    TANH,
    Cells,
    X,
    closed,
    pruned,
    rules,
)
from nasbench.types import BoolArray, FloatArray, KeyArray

BUDGETS = (7, 14, 21)
"""Nodes of a cell before those without effect are left out, its hidden states not counted."""
DRAWN = np.array([LINEAR, LINEAR, LINEAR, BLEND, PRODUCT, SUM], dtype=np.int8)
"""Operations in proportion to the chance of each; an activation follows every linear node."""
WIDE = 0.2
"""Chance that a linear node has three inputs, and not two."""

TRIES = 512
"""Cells that are drawn at once, since of some settings few are accepted."""


def drawn(n: int, rng: np.random.Generator) -> Cells:
    """`n` cells. Each has one of nine settings, of 1 to 3 hidden states and of `BUDGETS`, with equal chance.

    Within its setting it is drawn anew until every input has an effect and no new hidden state reads an old one, as
    the published cells of a setting were. (The numbers of cells that the authors took of each setting are not known.)
    """
    number = rng.integers(1, 1 + STATES, size=n)
    budget = number + np.array(BUDGETS)[rng.integers(0, len(BUDGETS), size=n)]
    result = Cells(
        np.zeros((n, NODES), dtype=np.int8), np.zeros((n, NODES, INPUTS), dtype=np.int8), np.zeros((n, STATES), np.int8)
    )
    todo = np.arange(n)
    while len(todo):
        rows = np.repeat(todo, max(1, TRIES // len(todo)))
        cells, fine = _tried(number[rows], budget[rows], rng)
        tries = np.flatnonzero(fine)
        done, first = np.unique(rows[tries], return_index=True)
        for filled, part in zip(result, cells, strict=True):
            filled[done] = part[tries[first]]
        todo = np.setdiff1d(todo, done)
    return result


def _tried(number: KeyArray, budget: KeyArray, rng: np.random.Generator) -> tuple[Cells, BoolArray]:
    """One try for each, with these numbers of hidden states and of nodes, and which of them are cells."""
    n = len(number)
    ops, inputs = np.zeros((n, NODES), dtype=np.int8), np.zeros((n, NODES, INPUTS), dtype=np.int8)
    readable = np.zeros((n, READABLE), dtype=bool)  # by nodes that are not linear: no x
    readable[:, PREVIOUS:FIRST] = np.arange(STATES) < number[:, None]
    linearly = readable.copy()  # by linear nodes: of nodes the activations
    linearly[:, X] = True
    size = np.zeros(n, dtype=np.int64)
    while (size < budget).any():
        rows = np.flatnonzero(size < budget)
        op = DRAWN[rng.integers(0, len(DRAWN), size=len(rows))]
        linear = op == LINEAR
        width = np.where(linear, np.where(rng.random(len(rows)) < WIDE, 3, 2), np.where(op == BLEND, 3, 2))
        allowed = np.where(linear[:, None], linearly[rows], readable[rows])
        width = np.where(linear, np.minimum(width, allowed.sum(axis=1)), width)
        chosen, enough = _distinct(allowed, width, rng.random(allowed.shape))
        activation = (TANH + rng.integers(0, 3, size=len(rows))).astype(np.int8)
        rows, linear = rows[enough], linear[enough]
        at = size[rows]
        ops[rows, at], inputs[rows, at] = op[enough], chosen[enough]
        readable[rows, FIRST + at] = True
        size[rows] += 1
        rows, at = rows[linear], at[linear] + 1
        ops[rows, at], inputs[rows, at, 0] = activation[enough][linear], FIRST + at - 1
        readable[rows, FIRST + at] = linearly[rows, FIRST + at] = True
        size[rows] += 1
    new, _ = _distinct(np.arange(NODES) < size[:, None], number, rng.random((n, NODES)))
    states = np.where(np.arange(STATES) < number[:, None], 1 + new, 0).astype(np.int8)
    cells = closed(pruned(Cells(ops, inputs, states)))
    fine = np.ones(n, dtype=bool)
    for kept in rules(cells).values():
        fine &= kept
    reads = np.take_along_axis(cells.inputs, np.where(cells.new > 0, cells.new - 1, 0)[:, :, None], axis=1)
    direct = (reads >= PREVIOUS) & (reads < FIRST) & (cells.new > 0)[:, :, None]
    return cells, fine & ~direct.any(axis=(1, 2))


def _distinct(allowed: BoolArray, width: KeyArray, chance: FloatArray) -> tuple[KeyArray, BoolArray]:
    """`width` numbers of those allowed in each row, in random order and then 0; and where there are so many."""
    order = np.argsort(np.where(allowed, chance, 2.0), axis=1)[:, :INPUTS]
    return np.where(np.arange(INPUTS) < width[:, None], order, 0), allowed.sum(axis=1) >= width

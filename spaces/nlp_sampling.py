"""The random generator of recurrent cells of NAS-Bench-NLP (Klyuchnikov et al., 2020), in batches."""

from __future__ import annotations

import numpy as np

from nasbench.arrays import read_only
from nasbench.spaces.nlp_cells import (
    BLEND,
    FIRST_NODE,
    FIRST_PREVIOUS,
    LINEAR,
    MAX_INPUTS,
    MAX_NODES,
    MAX_STATES,
    PRODUCT,
    SOURCES,
    SUM,
    TANH,
    Cells,
    X,
    closed,
    pruned,
    rules,
)
from nasbench.types import BoolArray, FloatArray, KeyArray

NODE_BUDGETS = (7, 14, 21)
"""Numbers of nodes of a cell before pruning, in addition to one for each hidden state."""
OPERATION_POOL = read_only(np.array([LINEAR, LINEAR, LINEAR, BLEND, PRODUCT, SUM], dtype=np.int8))
"""Operations in proportion to their probability; an activation follows every linear node."""
THREE_INPUT_PROBABILITY = 0.2
"""Probability that a linear node has three inputs instead of two."""
CELLS_PER_DRAW = 512
"""Cells drawn at a time; some settings reject most of them."""


def draw_cells(n: int, rng: np.random.Generator) -> Cells:
    """`n` cells. Each has one of nine settings (1 to 3 hidden states, `NODE_BUDGETS`) with equal probability.

    Like the published cells, a cell is redrawn within its setting until every input has an effect and no new hidden
    state reads a previous one directly. (The published shares of the nine settings are unknown.)
    """
    state_count = rng.integers(1, 1 + MAX_STATES, size=n)
    budget = state_count + np.array(NODE_BUDGETS)[rng.integers(0, len(NODE_BUDGETS), size=n)]
    result = Cells(
        np.zeros((n, MAX_NODES), dtype=np.int8),
        np.zeros((n, MAX_NODES, MAX_INPUTS), dtype=np.int8),
        np.zeros((n, MAX_STATES), np.int8),
    )
    todo = np.arange(n)
    while len(todo):
        rows = np.repeat(todo, max(1, CELLS_PER_DRAW // len(todo)))
        cells, accepted = _draw_once(state_count[rows], budget[rows], rng)
        hits = np.flatnonzero(accepted)
        done, first = np.unique(rows[hits], return_index=True)
        for target, drawn in zip(result, cells, strict=True):
            target[done] = drawn[hits[first]]
        todo = np.setdiff1d(todo, done)
    return result


def _draw_once(state_count: KeyArray, budget: KeyArray, rng: np.random.Generator) -> tuple[Cells, BoolArray]:
    """One draw for each number of hidden states and budget of nodes, and whether it is accepted; shape `(n,)`."""
    n = len(state_count)
    ops, inputs = np.zeros((n, MAX_NODES), dtype=np.int8), np.zeros((n, MAX_NODES, MAX_INPUTS), dtype=np.int8)
    readable = np.zeros((n, SOURCES), dtype=bool)  # sources of nodes that are not linear: no x
    readable[:, FIRST_PREVIOUS:FIRST_NODE] = np.arange(MAX_STATES) < state_count[:, None]
    readable_by_linear = readable.copy()  # sources of linear nodes: x, states and activations
    readable_by_linear[:, X] = True
    size = np.zeros(n, dtype=np.int64)
    while (size < budget).any():
        rows = np.flatnonzero(size < budget)
        op = OPERATION_POOL[rng.integers(0, len(OPERATION_POOL), size=len(rows))]
        linear = op == LINEAR
        width = np.where(
            linear, np.where(rng.random(len(rows)) < THREE_INPUT_PROBABILITY, 3, 2), np.where(op == BLEND, 3, 2)
        )
        allowed = np.where(linear[:, None], readable_by_linear[rows], readable[rows])
        width = np.where(linear, np.minimum(width, allowed.sum(axis=1)), width)
        chosen, enough = _distinct(allowed, width, rng.random(allowed.shape))
        activation = (TANH + rng.integers(0, 3, size=len(rows))).astype(np.int8)
        rows, linear = rows[enough], linear[enough]
        at = size[rows]
        ops[rows, at], inputs[rows, at] = op[enough], chosen[enough]
        readable[rows, FIRST_NODE + at] = True
        size[rows] += 1
        rows, at = rows[linear], at[linear] + 1
        ops[rows, at], inputs[rows, at, 0] = activation[enough][linear], FIRST_NODE + at - 1
        readable[rows, FIRST_NODE + at] = readable_by_linear[rows, FIRST_NODE + at] = True
        size[rows] += 1
    new, _ = _distinct(np.arange(MAX_NODES) < size[:, None], state_count, rng.random((n, MAX_NODES)))
    states = np.where(np.arange(MAX_STATES) < state_count[:, None], 1 + new, 0).astype(np.int8)
    cells = closed(pruned(Cells(ops, inputs, states)))
    accepted = np.ones(n, dtype=bool)
    for holds in rules(cells).values():
        accepted &= holds
    reads = np.take_along_axis(cells.inputs, np.where(cells.new > 0, cells.new - 1, 0)[:, :, None], axis=1)
    direct = (reads >= FIRST_PREVIOUS) & (reads < FIRST_NODE) & (cells.new > 0)[:, :, None]
    return cells, accepted & ~direct.any(axis=(1, 2))


def _distinct(allowed: BoolArray, width: KeyArray, draws: FloatArray) -> tuple[KeyArray, BoolArray]:
    """`width` allowed numbers of each row in random order, padded with 0, and whether enough are allowed."""
    order = np.argsort(np.where(allowed, draws, 2.0), axis=1)[:, :MAX_INPUTS]
    return np.where(np.arange(MAX_INPUTS) < width[:, None], order, 0), allowed.sum(axis=1) >= width

"""Function keys of cells of two-operation blocks: hashes of their hidden states as formal sums."""

from __future__ import annotations

from itertools import permutations, product
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.spaces.hashing import mix
from nasbench.types import BoolArray, KeyArray

Words: TypeAlias = npt.NDArray[np.uint64]


class FormalCells(NamedTuple):
    """The `b` blocks of `m` cells as operations on formal sums. States 0 and 1 are inputs, state `2 + i` is block `i`.

    Attributes:
        sources: Input hidden states of the two operations of each block; shape `(b, 2, m)`.
        kinds: Number of the kind of a non-linear operation; shape `(b, 2, m)`.
        linear: Whether an operation is linear and has no weights; shape `(b, 2, m)`.
        factors: Hash factor of a linear operation, 1 for the identity, 0 for none; shape `(b, 2, m)`.
        learnt: Whether an operation has weights; shape `(b, 2, m)`.
        adds: Whether a block adds; otherwise it combines the two results by a learnt, symmetric map; shape `(b, m)`.
        results: Whether each hidden state is part of the result of a cell; shape `(b + 2, m)`.
        reduces: Whether an input that is part of the result passes a learnt operation; shape `(m,)`.
    """

    sources: npt.NDArray[np.int16]
    kinds: Words
    linear: BoolArray
    factors: Words
    learnt: BoolArray
    adds: BoolArray
    results: BoolArray
    reduces: BoolArray

    def take(self, rows: KeyArray) -> FormalCells:
        """The cells of some rows."""
        return FormalCells._make(part[..., rows] for part in self)


def function_keys(cells: FormalCells) -> Words:
    """Equal exactly (up to collisions of probability 2^-64) where learnt parts can be matched; `(m,)`.

    The word of a sum is the sum of the words of its terms. The word of a learnt part follows from its input and a
    label. Consider the hidden states that have a reader other than a sum. Two blocks share a label if each of these
    states contains them equally often, since nothing shows in which of the two a part was added; so there are at most
    as many labels as blocks. The key is the least word over all numberings of the labels. Colours from inputs and
    readers separate most labels; only tied ones are tried in all orders.
    """
    b, m = cells.adds.shape
    shares, read = _shares(cells)
    representatives = _representatives(cells, shares * read)
    colours = _colours(cells, representatives, shares, read)
    order = np.argsort(colours, axis=0, kind="stable")  # (b, m): blocks by colour
    ranked = np.take_along_axis(colours, order, axis=0)
    tied = (ranked[1:] == ranked[:-1]) & (ranked[1:] != _NO_LABEL)
    pattern = (1 << np.arange(b - 1)) @ tied  # (m,)
    least = np.full(m, _NO_LABEL)
    for ties in np.unique(pattern).tolist():
        rows = np.flatnonzero(pattern == ties)
        part, represented_by = cells.take(rows), representatives[:, rows]
        for places in _orders(ties, b):
            labels = np.empty((b, len(rows)), dtype=np.uint64)
            np.put_along_axis(labels, order[places][:, rows], np.arange(1, b + 1, dtype=np.uint64)[:, None], axis=0)
            states, _ = _states(part, np.take_along_axis(labels, represented_by, axis=0), represented_by)
            least[rows] = np.minimum(least[rows], _result(part, states))
    return least


_NO_LABEL = np.uint64(np.iinfo(np.uint64).max)
"""Colour of a block without a label of its own."""


def _orders(tied: int, b: int) -> list[list[int]]:
    """All orders of `b` places that permute runs of ties only; bit `i` of `tied` ties places `i` and `i + 1`."""
    runs: list[list[int]] = [[0]]
    for place in range(1, b):
        if tied >> (place - 1) & 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [[place for run in choice for place in run] for choice in product(*(permutations(run) for run in runs))]


def _labelled(cells: FormalCells) -> BoolArray:
    """Whether each block has learnt parts, in its operations or its combination; shape `(b, m)`."""
    result: BoolArray = ~cells.adds | cells.learnt.any(axis=1)
    return result


def _shares(cells: FormalCells) -> tuple[Words, BoolArray]:
    """Multiplicity of each block in the sum of each hidden state, and whether a state has a reader other than a sum.

    Shapes `(b, b + 2, m)` and `(b + 2, m)`.
    """
    b, m = cells.adds.shape
    rows = np.arange(m)
    shares = np.zeros((b, b + 2, m), dtype=np.uint64)
    read = cells.results.copy()
    for block in range(b):
        for side in range(2):
            source = cells.sources[block, side]
            adding = cells.adds[block] & cells.linear[block, side]
            factor = np.where(adding, cells.factors[block, side], np.uint64(0))
            shares[:, 2 + block] += factor * shares[:, source, rows]
            read[source, rows] |= ~adding
        shares[block, 2 + block] += np.uint64(1)
    return shares, read


def _representatives(cells: FormalCells, shares: Words) -> KeyArray:
    """The first block with the same shares as each block, whose label both bear; shape `(b, m)`."""
    b, m = cells.adds.shape
    labelled = _labelled(cells)
    representatives = np.tile(np.arange(b)[:, None], (1, m))
    for block in range(b):
        for earlier in reversed(range(block)):
            same = labelled[earlier] & (shares[earlier] == shares[block]).all(axis=0)
            representatives[block] = np.where(same, earlier, representatives[block])
    return representatives


def _states(cells: FormalCells, labels: Words, representatives: KeyArray) -> tuple[Words, Words]:
    """Words of all hidden states `(b + 2, m)`, and of the learnt parts of each block `(b, m)`.

    Args:
        cells: The cells.
        labels: Label of the learnt parts of each block; shape `(b, m)`.
        representatives: The block whose label that is; shape `(b, m)`.
    """
    b, m = cells.adds.shape
    rows = np.arange(m)
    states, learnt = np.empty((b + 2, m), dtype=np.uint64), np.zeros((b, m), dtype=np.uint64)
    states[:2] = mix(np.array([[1], [2]], dtype=np.uint64))
    parts: list[tuple[int, BoolArray, Words]] = []

    def labelled(block: int, where: BoolArray, words: Words) -> Words:
        """Words of learnt parts, mixed with their label and the number of earlier twins (same input and label)."""
        twins = np.zeros(m, dtype=np.uint64)
        for other, other_where, other_words in parts:
            same_label = representatives[block] == representatives[other]
            twins += where & other_where & same_label & (words == other_words)
        parts.append((block, where, words))
        marked = mix(words ^ mix(labels[block] + np.uint64(b + 1) * twins))
        learnt[block] += np.where(where, marked, np.uint64(0))
        return marked

    for block in range(b):
        terms = []
        for side in range(2):
            value = states[cells.sources[block, side], rows]
            applied = mix(value ^ mix(cells.kinds[block, side]))
            learns = cells.learnt[block, side] & cells.adds[block]
            applied = np.where(learns, labelled(block, learns, applied), applied)
            terms.append(np.where(cells.linear[block, side], value * cells.factors[block, side], applied))
        joined = mix(mix(terms[0]) + mix(terms[1]))
        joined = labelled(block, ~cells.adds[block], joined)
        states[2 + block] = np.where(cells.adds[block], terms[0] + terms[1], joined)
    return states, learnt


def _result(cells: FormalCells, states: Words) -> Words:
    """Word of the result, the concatenation of some states in any order; shape `(m,)`."""
    words = mix(states)
    words[:2] = np.where(cells.reduces, mix(words[:2]), words[:2])
    result: Words = (words * cells.results).sum(axis=0, dtype=np.uint64)
    return result


def _colours(cells: FormalCells, representatives: KeyArray, shares: Words, read: BoolArray) -> Words:
    """Words that separate labels as far as inputs and readers do; `(b, m)`, for blocks with their own label."""
    b, m = cells.adds.shape
    states, learnt = _states(cells, np.zeros((b, m), dtype=np.uint64), representatives)
    readers = (mix(shares ^ mix(states)) * (read & (shares > 0))).sum(axis=1, dtype=np.uint64)  # (b, m)
    colours = np.zeros((b, m), dtype=np.uint64)
    for block in range(b):
        colours[representatives[block], np.arange(m)] += learnt[block]
    has_own_label = _labelled(cells) & (representatives == np.arange(b)[:, None])
    return np.where(has_own_label, mix(colours ^ readers), _NO_LABEL)

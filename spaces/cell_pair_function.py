"""Which cells of two-operation blocks compute the same functions: their hidden states as formal sums, hashed."""

from __future__ import annotations

from itertools import permutations, product
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.spaces.hashing import mix
from nasbench.types import BoolArray, KeyArray

Words: TypeAlias = npt.NDArray[np.uint64]


class FormalCells(NamedTuple):
    """What the `b` blocks of `m` cells do. Hidden states 0 and 1 are the inputs, state `2 + i` is block `i`.

    Attributes:
        sources: Hidden states that the two operations of a block act on; shape `(b, 2, m)`.
        kinds: A number for each kind of operation that is not linear; shape `(b, 2, m)`.
        factors: By what an operation multiplies the hash of a sum: 1 for the identity, 0 if it is not linear.
        learnt: Whether an operation has weights; shape `(b, 2, m)`.
        adds: Whether a block adds; if not, what it does with the two results is learnt, and their order is no matter.
        results: Which hidden states make up the result of a cell; shape `(b + 2, m)`.
        reduces: Whether an input that is part of the result goes through something learnt; shape `(m,)`.
    """

    sources: npt.NDArray[np.int16]
    kinds: Words
    factors: Words
    learnt: BoolArray
    adds: BoolArray
    results: BoolArray
    reduces: BoolArray

    def take(self, rows: KeyArray) -> FormalCells:
        """Some of the cells."""
        return FormalCells._make(part[..., rows] for part in self)


def function_keys(cells: FormalCells) -> Words:
    """Equal exactly (up to a chance of 2^-64) where learnt parts can be matched so that both compute the same; `(m,)`.

    The word of a sum is the sum of the words of its terms. A learnt part is known by what it acts on and by a label.
    Parts that the hidden states which are read by something other than a sum contain equally often share a label,
    since no one could tell in which blocks they were added; so there are at most as many labels as blocks. The key is
    the least word over all ways to number them. Most are told apart by what they act on and where they are read; only
    the rest are tried in all orders.
    """
    b, m = cells.adds.shape
    shares, read = _shares(cells)
    speakers = _speakers(cells, shares * read)
    colours = _colours(cells, speakers, shares, read)
    order = np.argsort(colours, axis=0, kind="stable")  # (b, m): blocks by colour
    ranked = np.take_along_axis(colours, order, axis=0)
    tied = (ranked[1:] == ranked[:-1]) & (ranked[1:] != _NO_LABEL)
    pattern = (1 << np.arange(b - 1)) @ tied  # (m,)
    least = np.full(m, _NO_LABEL)
    for which in np.unique(pattern).tolist():
        rows = np.flatnonzero(pattern == which)
        part, speaking = cells.take(rows), speakers[:, rows]
        for places in _orders(which, b):
            labels = np.empty((b, len(rows)), dtype=np.uint64)
            np.put_along_axis(labels, order[places][:, rows], np.arange(1, b + 1, dtype=np.uint64)[:, None], axis=0)
            states, _ = _states(part, np.take_along_axis(labels, speaking, axis=0), speaking)
            least[rows] = np.minimum(least[rows], _result(part, states))
    return least


_NO_LABEL = np.uint64(np.iinfo(np.uint64).max)
"""Colour of a block that has no label of its own."""


def _orders(tied: int, b: int) -> list[list[int]]:
    """All orders of `b` places in which only runs of tied neighbours change places; bit `i` ties `i` and `i + 1`."""
    runs: list[list[int]] = [[0]]
    for place in range(1, b):
        if tied >> (place - 1) & 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return [[place for run in choice for place in run] for choice in product(*(permutations(run) for run in runs))]


def _labelled(cells: FormalCells) -> BoolArray:
    """Whether a block adds something learnt, or is learnt itself; shape `(b, m)`."""
    result: BoolArray = ~cells.adds | cells.learnt.any(axis=1)
    return result


def _shares(cells: FormalCells) -> tuple[Words, BoolArray]:
    """How often what each block adds is in each hidden state `(b, b + 2, m)`, and which of these are read `(b + 2, m)`.

    Read by something other than a sum, that is.
    """
    b, m = cells.adds.shape
    rows = np.arange(m)
    shares = np.zeros((b, b + 2, m), dtype=np.uint64)
    read = cells.results.copy()
    for block in range(b):
        for side in range(2):
            source, factor = cells.sources[block, side], cells.factors[block, side]
            adding = cells.adds[block] & (factor > 0)
            shares[:, 2 + block] += np.where(adding, factor, np.uint64(0)) * shares[:, source, rows]
            read[source, rows] |= ~adding
        shares[block, 2 + block] += np.uint64(1)
    return shares, read


def _speakers(cells: FormalCells, shares: Words) -> KeyArray:
    """The block whose label the learnt parts of each block bear, which the same states contain as often; `(b, m)`."""
    b, m = cells.adds.shape
    labelled = _labelled(cells)
    speakers = np.tile(np.arange(b)[:, None], (1, m))
    for block in range(b):
        for earlier in reversed(range(block)):
            same = labelled[earlier] & (shares[earlier] == shares[block]).all(axis=0)
            speakers[block] = np.where(same, earlier, speakers[block])
    return speakers


def _states(cells: FormalCells, labels: Words, speakers: KeyArray) -> tuple[Words, Words]:
    """The words of all hidden states `(b + 2, m)`, and of what is learnt in each block `(b, m)`.

    Args:
        cells: The cells.
        labels: Label of the learnt parts of each block; shape `(b, m)`.
        speakers: The block whose label that is.
    """
    b, m = cells.adds.shape
    rows = np.arange(m)
    states, learnt = np.empty((b + 2, m), dtype=np.uint64), np.zeros((b, m), dtype=np.uint64)
    states[:2] = mix(np.array([[1], [2]], dtype=np.uint64))
    parts: list[tuple[int, BoolArray, Words]] = []

    def labelled(block: int, where: BoolArray, words: Words) -> Words:
        """Parts of a block with their label, and with how many that act on the same bear it already."""
        twins = np.zeros(m, dtype=np.uint64)
        for other, also, known in parts:
            twins += where & also & (speakers[block] == speakers[other]) & (words == known)
        parts.append((block, where, words))
        marked = mix(words ^ mix(labels[block] + np.uint64(b + 1) * twins))
        learnt[block] += np.where(where, marked, np.uint64(0))
        return marked

    for block in range(b):
        terms = []
        for side in range(2):
            value, factor = states[cells.sources[block, side], rows], cells.factors[block, side]
            applied = mix(value ^ mix(cells.kinds[block, side]))
            learns = cells.learnt[block, side] & cells.adds[block]
            applied = np.where(learns, labelled(block, learns, applied), applied)
            terms.append(np.where(factor > 0, value * factor, applied))
        joined = mix(mix(terms[0]) + mix(terms[1]))
        joined = labelled(block, ~cells.adds[block], joined)
        states[2 + block] = np.where(cells.adds[block], terms[0] + terms[1], joined)
    return states, learnt


def _result(cells: FormalCells, states: Words) -> Words:
    """The word of the concatenation of the states that make up the result, in any order; shape `(m,)`."""
    words = mix(states)
    words[:2] = np.where(cells.reduces, mix(words[:2]), words[:2])
    result: Words = (words * cells.results).sum(axis=0, dtype=np.uint64)
    return result


def _colours(cells: FormalCells, speakers: KeyArray, shares: Words, read: BoolArray) -> Words:
    """A word that tells labels apart as far as can be seen without them; `(b, m)`, for blocks that bear their own."""
    b, m = cells.adds.shape
    states, learnt = _states(cells, np.zeros((b, m), dtype=np.uint64), speakers)
    around = (mix(shares ^ mix(states)) * (read & (shares > 0))).sum(axis=1, dtype=np.uint64)  # (b, m)
    colours = np.zeros((b, m), dtype=np.uint64)
    for block in range(b):
        colours[speakers[block], np.arange(m)] += learnt[block]
    own = _labelled(cells) & (speakers == np.arange(b)[:, None])
    return np.where(own, mix(colours ^ around), _NO_LABEL)

"""Recurrent cells as arrays, many at a time: the rules that they keep, and one numbering of the nodes for all."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nasbench.spaces.hashing import mix
from nasbench.types import BoolArray, GenotypeArray, KeyArray

LINEAR, BLEND, PRODUCT, SUM, TANH, SIGMOID, LEAKY = range(1, 8)
OPERATIONS = (
    "linear",
    "blend",
    "elementwise_prod",
    "elementwise_sum",
    "activation_tanh",
    "activation_sigm",
    "activation_leaky_relu",
)
"""What a node does, by its published name; operation `i` has the number `i + 1`, and 0 is an absent node."""
FEWEST = np.array([0, 2, 3, 2, 2, 1, 1, 1], dtype=np.int8)
MOST = np.array([0, 3, 3, 2, 2, 1, 1, 1], dtype=np.int8)
"""How many inputs each operation has, by number."""
NODES, STATES, INPUTS = 25, 3, 3
"""Most nodes and hidden states that the published generator makes, and most inputs of a node."""
X, PREVIOUS, FIRST = 1, 2, 2 + STATES
"""Numbers of what a node reads: 0 nothing, 1 `x`, then the previous hidden states, then the nodes."""
READABLE = FIRST + NODES

Words = npt.NDArray[np.uint64]
Number = TypeVar("Number", bound=np.generic)


class Cells(NamedTuple):
    """`n` recurrent cells.

    Attributes:
        ops: Number of the operation of each node, 0 where there is none; shape `(n, 25)`.
        inputs: What each node reads; shape `(n, 25, 3)`.
        new: Which node, counted from 1, each new hidden state is; 0 where there is no such state; shape `(n, 3)`.
    """

    ops: GenotypeArray
    inputs: GenotypeArray
    new: GenotypeArray

    def take(self, rows: npt.NDArray[np.integer] | BoolArray) -> Cells:
        """Some of them."""
        return Cells(self.ops[rows], self.inputs[rows], self.new[rows])


def unpacked(genotypes: GenotypeArray) -> Cells:
    """The cells of `(n, 103)` genotypes: three new states, the first without a 0, then each node and its inputs."""
    nodes = genotypes[:, STATES:].reshape(len(genotypes), NODES, 1 + INPUTS)
    new = genotypes[:, :STATES].copy()
    new[:, 0] += 1
    return Cells(nodes[:, :, 0].copy(), nodes[:, :, 1:].copy(), new)


def packed(cells: Cells) -> GenotypeArray:
    """Inverse of `unpacked`."""
    nodes = np.concatenate([cells.ops[:, :, None], cells.inputs], axis=2)
    genotypes = np.concatenate([cells.new, _flat(nodes)], axis=1)
    genotypes[:, 0] -= 1
    return genotypes


def _flat(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """Arrays `(n, a, b)` as `(n, a b)`, for any `n`."""
    return values.reshape(len(values), values.shape[1] * values.shape[2])


# --- rules ----------------------------------------------------------------------------------------------------------


def states(cells: Cells) -> KeyArray:
    """Number of hidden states of each; shape `(n,)`."""
    number: KeyArray = np.count_nonzero(cells.new, axis=1)
    return number


def is_read(cells: Cells) -> BoolArray:
    """Which of what can be read some node reads; shape `(n, 30)`."""
    read = np.zeros((len(cells.ops), READABLE), dtype=bool)
    read[np.arange(len(read))[:, None], _flat(cells.inputs)] = True
    read[:, 0] = False
    return read


def is_new(cells: Cells) -> BoolArray:
    """Which nodes are new hidden states; shape `(n, 25)`."""
    new = np.zeros((len(cells.ops), 1 + NODES), dtype=bool)
    new[np.arange(len(new))[:, None], cells.new] = True
    return new[:, 1:]


def rules(cells: Cells) -> dict[str, BoolArray]:
    """Which cells keep each rule, `(n,)`, by what is wrong where not. The order of numbers, and cycles, are no matter.

    A number of a node that is not there counts as one; so do not break a rule and look at those after it.
    """
    ops, inputs, new = cells
    given = inputs > 0
    count = given.sum(axis=2)
    present, read = ops > 0, is_read(cells)
    number = states(cells)
    exists = np.concatenate([np.ones((len(ops), FIRST), dtype=bool), present], axis=1)
    exists[:, PREVIOUS:FIRST] = np.arange(STATES) < number[:, None]
    rows = np.arange(len(ops))[:, None]
    ordered = np.sort(inputs, axis=2)
    twice = ((ordered[:, :, 1:] == ordered[:, :, :-1]) & (ordered[:, :, 1:] > 0)).any(axis=2)
    by_state = np.sort(new, axis=1)
    return {
        "a hidden state follows one that is absent": (new[:, 0] > 0) & ((new[:, 1] > 0) | (new[:, 2] == 0)),
        "two hidden states are one node": ~((by_state[:, 1:] == by_state[:, :-1]) & (by_state[:, 1:] > 0)).any(axis=1),
        "a hidden state is a node that is absent": exists[rows, np.where(new > 0, new + FIRST - 1, 0)].all(axis=1),
        "a node has too few or too many inputs": ((count >= FEWEST[ops]) & (count <= MOST[ops])).all(axis=1),
        "an input follows one that is absent": (given[:, :, :-1] | ~given[:, :, 1:]).all(axis=(1, 2)),
        "a node reads one input twice": ~twice.any(axis=1),
        "a node reads what is absent": exists[rows, _flat(inputs)].all(axis=1),
        "a node that is not linear reads x, which has another size": ~((inputs == X).any(axis=2) & (ops != LINEAR)).any(
            axis=1
        ),
        "no node reads x": read[:, X],
        "no node reads a previous hidden state": (read[:, PREVIOUS:FIRST] == exists[:, PREVIOUS:FIRST]).all(axis=1),
        "a node is read by no other, and is no hidden state": (read[:, FIRST:] | is_new(cells) | ~present).all(axis=1),
    }


def numbering(cells: Cells) -> dict[str, BoolArray]:
    """As `rules`, those of the numbers that a genotype gives: no gap, inputs first, and in order where none matters."""
    ops, inputs, _ = cells
    present = ops > 0
    later = (inputs - FIRST >= np.arange(NODES)[:, None]).any(axis=(1, 2))
    rising = (inputs[:, :, :-1] < inputs[:, :, 1:]) | (inputs[:, :, 1:] == 0)
    return {
        "a node follows one that is absent": (present[:, :-1] | ~present[:, 1:]).all(axis=1),
        "a node reads itself or one of a larger number": ~later,
        "inputs whose order is no matter are out of order": (rising.all(axis=2) | (ops == BLEND)).all(axis=1),
    }


def keep(cells: Cells) -> BoolArray:
    """Which keep all `rules` and have no cycle; shape `(n,)`."""
    fine = np.ones(len(cells.ops), dtype=bool)
    for kept in rules(cells).values():
        fine &= kept
    return fine & (depths(cells) <= NODES).all(axis=1)


def depths(cells: Cells) -> npt.NDArray[np.int8]:
    """Nodes on the longest way to each node, itself included; more than 25 on a cycle, 0 for none; shape `(n, 25)`."""
    n = len(cells.ops)
    flat, present = _flat(cells.inputs), cells.ops > 0
    depth = np.zeros((n, READABLE), dtype=np.int8)
    for _ in range(NODES + 1):
        below = np.take_along_axis(depth, flat, axis=1).reshape(n, NODES, INPUTS).max(axis=2)
        after = np.where(present, below + np.int8(1), np.int8(0))
        if np.array_equal(after, depth[:, FIRST:]):
            break
        depth[:, FIRST:] = after
    return depth[:, FIRST:]


def pruned(cells: Cells) -> Cells:
    """Without the nodes that no hidden state depends on; the numbers of the others stay."""
    n = len(cells.ops)
    rows = np.arange(n)[:, None]
    alive = np.zeros((n, READABLE), dtype=bool)
    alive[:, FIRST:] = is_new(cells)
    while True:
        sources = _flat(np.where(alive[:, FIRST:, None], cells.inputs, 0))
        grown = alive.copy()
        grown[rows, sources] = True
        if np.array_equal(grown, alive):
            break
        alive = grown
    there = alive[:, FIRST:]
    return Cells(
        np.where(there, cells.ops, np.int8(0)), np.where(there[:, :, None], cells.inputs, np.int8(0)), cells.new
    )


def renumbered(cells: Cells, order: npt.NDArray[np.integer]) -> Cells:
    """With the nodes taken in an order `(n, 25)`, and inputs in order where it is no matter."""
    ops, inputs, new = cells
    place = np.zeros((len(ops), READABLE), dtype=np.int8)
    place[:, :FIRST] = np.arange(FIRST)
    np.put_along_axis(place[:, FIRST:], order, np.arange(FIRST, READABLE, dtype=np.int8)[None], axis=1)
    moved = np.take_along_axis(ops, order, axis=1)
    flat = np.take_along_axis(place, _flat(inputs), axis=1).reshape(inputs.shape)
    reads = np.take_along_axis(flat, order[:, :, None], axis=1)
    last = np.iinfo(np.int8).max
    rising = np.sort(np.where(reads == 0, last, reads), axis=2)
    reads = np.where((moved == BLEND)[:, :, None], reads, np.where(rising == last, 0, rising))
    states_ = np.take_along_axis(place, np.where(new > 0, new + FIRST - 1, 0), axis=1)
    return Cells(moved, reads.astype(np.int8), np.where(new > 0, states_ - (FIRST - 1), 0).astype(np.int8))


def closed(cells: Cells) -> Cells:
    """With the absent nodes last, and the others in the order that they have."""
    return renumbered(cells, np.argsort(cells.ops == 0, axis=1, kind="stable"))


# --- one numbering --------------------------------------------------------------------------------------------------


_ODD = np.uint64(0x9E3779B97F4A7C15)
_ROLES = mix(np.arange(1, 2 * (2 + INPUTS), dtype=np.uint64) << np.uint64(40))
"""Of an input in a node, and of a node for its input: the same for all inputs but those of a blend."""
_CHOSEN = np.uint64(0xD1B54A32D192ED03)


def canonical(cells: Cells) -> Cells:
    """The cells in one numbering for all that are isomorphic. Exact: hashes only say which numberings are tried.

    Nodes are ordered by depth and then by colours, which are refined by what each node reads and what reads it
    (Weisfeiler and Leman, 1968). Where that leaves nodes of one colour, each of the first such is tried as the one that
    comes first, and of the cells that come out the least is taken (McKay, 1981).
    """
    n = len(cells.ops)
    depth = depths(cells)
    owner = np.arange(n)
    colours = _initial(cells, depth)
    found: list[tuple[KeyArray, GenotypeArray]] = []
    while len(owner):
        given = cells.take(owner)
        colours, keys, discrete = _refined(given, depth[owner], colours)
        order = np.argsort(keys[discrete], axis=1)
        found.append((owner[discrete], packed(renumbered(given.take(discrete), order))))
        owner, colours = _branches(owner[~discrete], colours[~discrete], keys[~discrete])
    owners = np.concatenate([rows for rows, _ in found]) if found else owner
    genotypes = np.concatenate([rows for _, rows in found]) if found else packed(cells)
    ranked = np.lexsort((*genotypes.T[::-1], owners)) if len(owners) > n else np.argsort(owners)
    first = np.searchsorted(owners[ranked], np.arange(n))
    return unpacked(genotypes[ranked[first]])


def _initial(cells: Cells, depth: npt.NDArray[np.int8]) -> Words:
    """The colour of everything that can be read: what it is, how deep, and which hidden state; shape `(n, 30)`."""
    state = np.zeros((len(cells.ops), 1 + NODES), dtype=np.uint64)
    state[np.arange(len(state))[:, None], cells.new] = np.arange(1, 1 + STATES, dtype=np.uint64)
    labels = np.zeros((len(cells.ops), READABLE), dtype=np.uint64)
    labels[:, :FIRST] = np.arange(FIRST)
    labels[:, FIRST:] = FIRST + cells.ops.astype(np.uint64) + 16 * state[:, 1:] + 64 * depth.astype(np.uint64)
    return mix(labels)


def _refined(cells: Cells, depth: npt.NDArray[np.int8], colours: Words) -> tuple[Words, Words, BoolArray]:
    """Colours that cannot be refined, the keys by which they order nodes `(n, 25)`, and whether all nodes differ.

    Each row stops when its nodes all differ, or when a round tells no more of them apart; so it does not depend on
    the other rows.
    """
    n = len(cells.ops)
    colours, keys = colours.copy(), _ranks(cells, depth, colours)
    count = _different(keys)
    active = np.flatnonzero(count < NODES)
    while len(active):
        given = cells.take(active)
        colours[active] = _round(given, colours[active])
        keys[active] = _ranks(given, depth[active], colours[active])
        after = _different(keys[active])
        grew = (after > count[active]) & (after < NODES)
        count[active] = after
        active = active[grew]
    return colours, keys, count == NODES if n else np.zeros(0, dtype=bool)


def _round(cells: Cells, colours: Words) -> Words:
    """New colours of what the old ones, those of the inputs and those of the readers are."""
    n = len(cells.ops)
    rows = np.arange(n)[:, None]
    flat = _flat(cells.inputs)
    roles = np.where((cells.ops == BLEND)[:, :, None], np.arange(1, 1 + INPUTS), 0)  # (n, 25, 3)
    there = cells.inputs > 0
    down = mix(np.take_along_axis(colours, flat, axis=1).reshape(cells.inputs.shape) ^ _ROLES[roles])
    up = mix(colours[:, FIRST:, None] ^ _ROLES[1 + INPUTS + roles])
    read = np.zeros_like(colours)
    np.add.at(read, (np.broadcast_to(rows, flat.shape), flat), _flat(np.where(there, up, 0)))
    new = mix(colours * _ODD + mix(read))
    new[:, FIRST:] = mix(new[:, FIRST:] + mix(np.where(there, down, 0).sum(axis=2, dtype=np.uint64)))
    return new


def _ranks(cells: Cells, depth: npt.NDArray[np.int8], colours: Words) -> Words:
    """What orders the nodes: depth, then colour; absent ones, which all differ, are last; shape `(n, 25)`."""
    absent = (np.uint64(63) << np.uint64(58)) | np.arange(NODES, dtype=np.uint64)
    keys = (depth.astype(np.uint64) << np.uint64(58)) | (colours[:, FIRST:] >> np.uint64(6))
    return np.where(cells.ops > 0, keys, absent)


def _different(keys: Words) -> KeyArray:
    """How many keys of each row differ; shape `(n,)`."""
    ordered = np.sort(keys, axis=1)
    different: KeyArray = 1 + np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1)
    return different


def _branches(owner: KeyArray, colours: Words, keys: Words) -> tuple[KeyArray, Words]:
    """A row for each node of the first colour that several have, in which it alone has another colour."""
    ordered = np.sort(keys, axis=1)
    tied = ordered[:, 1:] == ordered[:, :-1]
    first = np.take_along_axis(ordered, tied.argmax(axis=1)[:, None], axis=1) if len(keys) else ordered[:, :1]
    rows, nodes = np.nonzero(keys == first)
    branches = colours[rows]
    branches[np.arange(len(rows)), FIRST + nodes] = mix(branches[np.arange(len(rows)), FIRST + nodes] ^ _CHOSEN)
    return owner[rows], branches

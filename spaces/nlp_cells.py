"""Batches of recurrent cells as arrays: their rules, and a canonical numbering of their nodes."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
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
"""Published names of the operations; operation `i` has the number `i + 1`, and 0 is an absent node."""
MIN_INPUTS_OF = read_only(np.array([0, 2, 3, 2, 2, 1, 1, 1], dtype=np.int8))
MAX_INPUTS_OF = read_only(np.array([0, 3, 3, 2, 2, 1, 1, 1], dtype=np.int8))
"""Minimum and maximum number of inputs of each operation, by operation number."""
MAX_NODES, MAX_STATES, MAX_INPUTS = 25, 3, 3
"""Maximum number of nodes and hidden states of the published generator, and of inputs of a node."""
POSITIONS_PER_NODE = 1 + MAX_INPUTS
"""Positions of a node in a genotype."""
X, FIRST_PREVIOUS, FIRST_NODE = 1, 2, 2 + MAX_STATES
"""Source numbers: 0 is none, 1 is `x`, then the previous hidden states, then the nodes."""
SOURCES = FIRST_NODE + MAX_NODES
"""Number of sources that a node can read, 0 (none) included."""

Words = npt.NDArray[np.uint64]
Number = TypeVar("Number", bound=np.generic)


class Cells(NamedTuple):
    """`n` recurrent cells.

    Attributes:
        ops: Operation number of each node, 0 where there is no node; shape `(n, 25)`.
        inputs: Sources that each node reads; shape `(n, 25, 3)`.
        new: Node of each new hidden state, counted from 1, 0 where there is no such state; shape `(n, 3)`.
    """

    ops: GenotypeArray
    inputs: GenotypeArray
    new: GenotypeArray

    def take(self, rows: npt.NDArray[np.integer] | BoolArray) -> Cells:
        """The cells of some rows."""
        return Cells(self.ops[rows], self.inputs[rows], self.new[rows])


def unpacked(genotypes: GenotypeArray) -> Cells:
    """The cells of `(n, 103)` genotypes: three new states (the first counted from 0), then each node and its inputs."""
    nodes = genotypes[:, MAX_STATES:].reshape(len(genotypes), MAX_NODES, POSITIONS_PER_NODE)
    new = genotypes[:, :MAX_STATES].copy()
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
    """Number of hidden states of each cell; shape `(n,)`."""
    count: KeyArray = np.count_nonzero(cells.new, axis=1)
    return count


def is_read(cells: Cells) -> BoolArray:
    """Whether any node reads each source; shape `(n, 30)`."""
    read = np.zeros((len(cells.ops), SOURCES), dtype=bool)
    read[np.arange(len(read))[:, None], _flat(cells.inputs)] = True
    read[:, 0] = False
    return read


def is_new_state(cells: Cells) -> BoolArray:
    """Whether each node is a new hidden state; shape `(n, 25)`."""
    new = np.zeros((len(cells.ops), 1 + MAX_NODES), dtype=bool)
    new[np.arange(len(new))[:, None], cells.new] = True
    return new[:, 1:]


def rules(cells: Cells) -> dict[str, BoolArray]:
    """Whether each cell keeps each rule, `(n,)`, by the description of a violation.

    Cycles and the numbering of nodes are not tested. After a broken rule, the results of later rules mean nothing.
    """
    ops, inputs, new = cells
    used = inputs > 0
    count = used.sum(axis=2)
    present, read = ops > 0, is_read(cells)
    state_count = states(cells)
    exists = np.concatenate([np.ones((len(ops), FIRST_NODE), dtype=bool), present], axis=1)
    exists[:, FIRST_PREVIOUS:FIRST_NODE] = np.arange(MAX_STATES) < state_count[:, None]
    rows = np.arange(len(ops))[:, None]
    ordered = np.sort(inputs, axis=2)
    twice = ((ordered[:, :, 1:] == ordered[:, :, :-1]) & (ordered[:, :, 1:] > 0)).any(axis=2)
    by_state = np.sort(new, axis=1)
    return {
        "a hidden state follows one that is absent": (new[:, 0] > 0) & ((new[:, 1] > 0) | (new[:, 2] == 0)),
        "two hidden states are one node": ~((by_state[:, 1:] == by_state[:, :-1]) & (by_state[:, 1:] > 0)).any(axis=1),
        "a hidden state is a node that is absent": exists[rows, np.where(new > 0, new + FIRST_NODE - 1, 0)].all(axis=1),
        "a node has too few or too many inputs": ((count >= MIN_INPUTS_OF[ops]) & (count <= MAX_INPUTS_OF[ops])).all(
            axis=1
        ),
        "an input follows one that is absent": (used[:, :, :-1] | ~used[:, :, 1:]).all(axis=(1, 2)),
        "a node reads one input twice": ~twice.any(axis=1),
        "a node reads what is absent": exists[rows, _flat(inputs)].all(axis=1),
        "a node that is not linear reads x, which has another size": ~((inputs == X).any(axis=2) & (ops != LINEAR)).any(
            axis=1
        ),
        "no node reads x": read[:, X],
        "no node reads a previous hidden state": (
            read[:, FIRST_PREVIOUS:FIRST_NODE] == exists[:, FIRST_PREVIOUS:FIRST_NODE]
        ).all(axis=1),
        "a node is read by no other, and is no hidden state": (
            read[:, FIRST_NODE:] | is_new_state(cells) | ~present
        ).all(axis=1),
    }


def numbering(cells: Cells) -> dict[str, BoolArray]:
    """As `rules`, for the numbering of nodes: no gaps, sources before readers, unordered inputs sorted."""
    ops, inputs, _ = cells
    present = ops > 0
    later = (inputs - FIRST_NODE >= np.arange(MAX_NODES)[:, None]).any(axis=(1, 2))
    rising = (inputs[:, :, :-1] < inputs[:, :, 1:]) | (inputs[:, :, 1:] == 0)
    return {
        "a node follows one that is absent": (present[:, :-1] | ~present[:, 1:]).all(axis=1),
        "a node reads itself or a node with a larger number": ~later,
        "inputs of an operation that ignores their order are not sorted": (rising.all(axis=2) | (ops == BLEND)).all(
            axis=1
        ),
    }


def valid(cells: Cells) -> BoolArray:
    """Whether each cell keeps all `rules` and has no cycle; shape `(n,)`."""
    result = np.ones(len(cells.ops), dtype=bool)
    for holds in rules(cells).values():
        result &= holds
    return result & (depths(cells) <= MAX_NODES).all(axis=1)


def depths(cells: Cells) -> npt.NDArray[np.int8]:
    """Number of nodes on the longest path to each node, itself included; shape `(n, 25)`.

    More than 25 on a cycle, 0 for an absent node.
    """
    n = len(cells.ops)
    flat, present = _flat(cells.inputs), cells.ops > 0
    depth = np.zeros((n, SOURCES), dtype=np.int8)
    for _ in range(MAX_NODES + 1):
        below = np.take_along_axis(depth, flat, axis=1).reshape(n, MAX_NODES, MAX_INPUTS).max(axis=2)
        after = np.where(present, below + np.int8(1), np.int8(0))
        if np.array_equal(after, depth[:, FIRST_NODE:]):
            break
        depth[:, FIRST_NODE:] = after
    return depth[:, FIRST_NODE:]


def pruned(cells: Cells) -> Cells:
    """The cells without the nodes that no hidden state depends on; the other nodes keep their numbers."""
    n = len(cells.ops)
    rows = np.arange(n)[:, None]
    alive = np.zeros((n, SOURCES), dtype=bool)
    alive[:, FIRST_NODE:] = is_new_state(cells)
    while True:
        sources = _flat(np.where(alive[:, FIRST_NODE:, None], cells.inputs, 0))
        grown = alive.copy()
        grown[rows, sources] = True
        if np.array_equal(grown, alive):
            break
        alive = grown
    present = alive[:, FIRST_NODE:]
    return Cells(
        np.where(present, cells.ops, np.int8(0)), np.where(present[:, :, None], cells.inputs, np.int8(0)), cells.new
    )


def renumbered(cells: Cells, order: npt.NDArray[np.integer]) -> Cells:
    """The cells with their nodes in a new order `(n, 25)`, and with unordered inputs sorted."""
    ops, inputs, new = cells
    place = np.zeros((len(ops), SOURCES), dtype=np.int8)
    place[:, :FIRST_NODE] = np.arange(FIRST_NODE)
    np.put_along_axis(place[:, FIRST_NODE:], order, np.arange(FIRST_NODE, SOURCES, dtype=np.int8)[None], axis=1)
    moved = np.take_along_axis(ops, order, axis=1)
    flat = np.take_along_axis(place, _flat(inputs), axis=1).reshape(inputs.shape)
    reads = np.take_along_axis(flat, order[:, :, None], axis=1)
    last = np.iinfo(np.int8).max
    rising = np.sort(np.where(reads == 0, last, reads), axis=2)
    reads = np.where((moved == BLEND)[:, :, None], reads, np.where(rising == last, 0, rising))
    states_ = np.take_along_axis(place, np.where(new > 0, new + FIRST_NODE - 1, 0), axis=1)
    return Cells(moved, reads.astype(np.int8), np.where(new > 0, states_ - (FIRST_NODE - 1), 0).astype(np.int8))


def closed(cells: Cells) -> Cells:
    """The cells with absent nodes last; the others keep their order."""
    return renumbered(cells, np.argsort(cells.ops == 0, axis=1, kind="stable"))


# --- canonical form -------------------------------------------------------------------------------------------------


_ODD_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_ROLE_WORDS = read_only(mix(np.arange(1, 2 * (2 + MAX_INPUTS), dtype=np.uint64) << np.uint64(40)))
"""Words of the roles of an input in a node, and of a node for its input; only inputs of a blend differ in role."""
_INDIVIDUALISED_WORD = np.uint64(0xD1B54A32D192ED03)


def canonical(cells: Cells) -> Cells:
    """The cells in a numbering shared by all isomorphic cells. Exact: hashes only choose the numberings that are tried.

    Nodes are ordered by depth and then by colour, which is refined by the sources and readers of each node (Weisfeiler
    and Leman, 1968). If some nodes share a colour, each node of the first shared colour is tried in first place, and
    the least of the resulting cells is taken (McKay, 1981).
    """
    n = len(cells.ops)
    depth = depths(cells)
    owner = np.arange(n)
    colours = _initial(cells, depth)
    candidates: list[tuple[KeyArray, GenotypeArray]] = []
    while len(owner):
        branched = cells.take(owner)
        colours, keys, discrete = _refined(branched, depth[owner], colours)
        order = np.argsort(keys[discrete], axis=1)
        candidates.append((owner[discrete], packed(renumbered(branched.take(discrete), order))))
        owner, colours = _individualised(owner[~discrete], colours[~discrete], keys[~discrete])
    owners = np.concatenate([rows for rows, _ in candidates]) if candidates else owner
    genotypes = np.concatenate([rows for _, rows in candidates]) if candidates else packed(cells)
    ranked = np.lexsort((*genotypes.T[::-1], owners)) if len(owners) > n else np.argsort(owners)
    first = np.searchsorted(owners[ranked], np.arange(n))
    return unpacked(genotypes[ranked[first]])


def _initial(cells: Cells, depth: npt.NDArray[np.int8]) -> Words:
    """Initial colour of each source, from its kind, depth and hidden state; shape `(n, 30)`."""
    state = np.zeros((len(cells.ops), 1 + MAX_NODES), dtype=np.uint64)
    state[np.arange(len(state))[:, None], cells.new] = np.arange(1, 1 + MAX_STATES, dtype=np.uint64)
    labels = np.zeros((len(cells.ops), SOURCES), dtype=np.uint64)
    labels[:, :FIRST_NODE] = np.arange(FIRST_NODE)
    labels[:, FIRST_NODE:] = FIRST_NODE + cells.ops.astype(np.uint64) + 16 * state[:, 1:] + 64 * depth.astype(np.uint64)
    return mix(labels)


def _refined(cells: Cells, depth: npt.NDArray[np.int8], colours: Words) -> tuple[Words, Words, BoolArray]:
    """Stable colours, the sort keys of nodes that follow from them `(n, 25)`, and whether all keys of a row differ.

    Each row stops when all its nodes differ or a round separates no more of them, so it does not depend on other rows.
    """
    n = len(cells.ops)
    colours, keys = colours.copy(), _sort_keys(cells, depth, colours)
    count = _distinct_counts(keys)
    active = np.flatnonzero(count < MAX_NODES)
    while len(active):
        refined = cells.take(active)
        colours[active] = _refinement_round(refined, colours[active])
        keys[active] = _sort_keys(refined, depth[active], colours[active])
        after = _distinct_counts(keys[active])
        grew = (after > count[active]) & (after < MAX_NODES)
        count[active] = after
        active = active[grew]
    return colours, keys, count == MAX_NODES if n else np.zeros(0, dtype=bool)


def _refinement_round(cells: Cells, colours: Words) -> Words:
    """One round of refinement: new colours from the old ones, those of the inputs and those of the readers."""
    n = len(cells.ops)
    rows = np.arange(n)[:, None]
    flat = _flat(cells.inputs)
    roles = np.where((cells.ops == BLEND)[:, :, None], np.arange(1, 1 + MAX_INPUTS), 0)  # (n, 25, 3)
    used = cells.inputs > 0
    down = mix(np.take_along_axis(colours, flat, axis=1).reshape(cells.inputs.shape) ^ _ROLE_WORDS[roles])
    up = mix(colours[:, FIRST_NODE:, None] ^ _ROLE_WORDS[1 + MAX_INPUTS + roles])
    read = np.zeros_like(colours)
    np.add.at(read, (np.broadcast_to(rows, flat.shape), flat), _flat(np.where(used, up, 0)))
    new = mix(colours * _ODD_MULTIPLIER + mix(read))
    new[:, FIRST_NODE:] = mix(new[:, FIRST_NODE:] + mix(np.where(used, down, 0).sum(axis=2, dtype=np.uint64)))
    return new


def _sort_keys(cells: Cells, depth: npt.NDArray[np.int8], colours: Words) -> Words:
    """Sort keys of nodes: depth, then colour; absent nodes come last, each with its own key; shape `(n, 25)`."""
    absent = (np.uint64(63) << np.uint64(58)) | np.arange(MAX_NODES, dtype=np.uint64)
    keys = (depth.astype(np.uint64) << np.uint64(58)) | (colours[:, FIRST_NODE:] >> np.uint64(6))
    return np.where(cells.ops > 0, keys, absent)


def _distinct_counts(keys: Words) -> KeyArray:
    """Number of distinct keys in each row; shape `(n,)`."""
    ordered = np.sort(keys, axis=1)
    distinct: KeyArray = 1 + np.count_nonzero(ordered[:, 1:] != ordered[:, :-1], axis=1)
    return distinct


def _individualised(owner: KeyArray, colours: Words, keys: Words) -> tuple[KeyArray, Words]:
    """One row for each node of the first shared colour, in which only this node is recoloured."""
    ordered = np.sort(keys, axis=1)
    tied = ordered[:, 1:] == ordered[:, :-1]
    first = np.take_along_axis(ordered, tied.argmax(axis=1)[:, None], axis=1) if len(keys) else ordered[:, :1]
    rows, nodes = np.nonzero(keys == first)
    branches = colours[rows]
    branches[np.arange(len(rows)), FIRST_NODE + nodes] = mix(
        branches[np.arange(len(rows)), FIRST_NODE + nodes] ^ _INDIVIDUALISED_WORD
    )
    return owner[rows], branches

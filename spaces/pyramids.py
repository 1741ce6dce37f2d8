"""Batches of feature pyramids, with the features that each merging cell reads as bit masks: rules and counts."""

from __future__ import annotations

from math import comb
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.types import BoolArray

IntArray: TypeAlias = npt.NDArray[np.int64]
LEVELS = (3, 4, 5, 6, 7)
"""Levels of the pyramid; each has half the height and width of the previous one."""
OPERATIONS = ("sum", "attention", "fusion")
MAX_INTERMEDIATE = 3
MAX_SOURCES = 3
"""Maximum number of features that a cell reads."""


class Pyramids(NamedTuple):
    """`n` pyramids of `c` cells: `m` intermediate ones, then one for each output level.

    Attributes:
        phis: Compound scaling; shape `(n,)`.
        levels: Levels of the intermediate cells, from 0; shape `(n, m)`.
        ops: Operations of the cells, as indices into `OPERATIONS`; shape `(n, c)`.
        masks: Bit masks of the features each cell reads: five inputs, then the cells; shape `(n, c)`.
    """

    phis: IntArray
    levels: IntArray
    ops: IntArray
    masks: IntArray

    def take(self, rows: npt.NDArray[Any]) -> Pyramids:
        """The pyramids of some rows."""
        return Pyramids(*(part[rows] for part in self))


_MAX_FEATURES = 2 * len(LEVELS) + MAX_INTERMEDIATE
_FEATURE_OF = read_only(np.arange(len(LEVELS), _MAX_FEATURES))
"""Feature computed by each cell."""
_BITS = read_only((np.arange(1 << _MAX_FEATURES)[:, None] >> np.arange(_MAX_FEATURES) & 1).astype(bool))
BIT_COUNTS = read_only(np.count_nonzero(_BITS, axis=1))
"""Number of features in each mask."""
_FIRST = read_only(np.sort(np.where(_BITS, np.arange(_MAX_FEATURES), _MAX_FEATURES), axis=1)[:, :MAX_SOURCES])
MEMBERS = read_only(np.where(_FIRST < _MAX_FEATURES, _FIRST, -1))
"""The first three features in each mask, -1 for none."""


def break_cycles(masks: IntArray) -> None:
    """Break cycles among cells `(n, c)` in place: a cell reads inputs in place of cells not computed yet."""
    rows = np.arange(len(masks))
    known = np.full(len(masks), (1 << len(LEVELS)) - 1)
    placed = np.zeros(masks.shape, dtype=bool)
    for _ in range(masks.shape[1]):
        ready = ~placed & ((masks & ~known[:, None]) == 0)
        cell = np.where(ready.any(axis=1), ready.argmax(axis=1), (~placed).argmax(axis=1))
        missing = BIT_COUNTS[masks[rows, cell] & ~known]
        sources = masks[rows, cell] & known
        for step in range(MAX_SOURCES):
            sources = np.where(missing > step, sources | (sources + 1), sources)  # sets the lowest zero bit
        masks[rows, cell] = sources
        placed[rows, cell] = True
        known |= 1 << _FEATURE_OF[cell]


def connect(pyramids: Pyramids) -> None:
    """Connect each unread intermediate cell to the output of its level, in place; a full output drops a source."""
    rows, masks = np.arange(len(pyramids.masks)), pyramids.masks
    m = pyramids.levels.shape[1]
    for cell in range(m):
        unused = unread(masks)[:, cell]
        out = m + pyramids.levels[:, cell]
        sources = masks[rows, out]
        others = sources & ~(((1 << m) - 1) << len(LEVELS))  # all but intermediate cells
        dropped = np.where(BIT_COUNTS[sources] == MAX_SOURCES, sources & ~(others & -others), sources)
        masks[rows, out] = np.where(unused, dropped | (1 << _FEATURE_OF[cell]), sources)


def computable(masks: IntArray) -> BoolArray:
    """Whether each cell can be computed, that is, neither lies on nor depends on a cycle; shape `(n, c)`."""
    known = np.full((len(masks), 1), (1 << len(LEVELS)) - 1)
    placed = np.zeros(masks.shape, dtype=bool)
    for _ in range(masks.shape[1]):
        before, placed = placed, (masks & ~known) == 0
        if np.array_equal(before, placed):
            break
        known = (placed << _FEATURE_OF[: masks.shape[1]]).sum(axis=1, keepdims=True) | (1 << len(LEVELS)) - 1
    return placed


def unread(masks: IntArray) -> BoolArray:
    """Whether each intermediate cell is unread; shape `(n, m)`."""
    read = np.bitwise_or.reduce(masks, axis=1)
    unused: BoolArray = (read[:, None] >> _FEATURE_OF[: masks.shape[1] - len(LEVELS)]) & 1 == 0
    return unused


def are_valid(pyramids: Pyramids) -> BoolArray:
    """Whether each pyramid is acyclic and has no unread intermediate cell; shape `(n,)`."""
    placed, unused = computable(pyramids.masks), unread(pyramids.masks)
    valid: BoolArray = np.logical_and.reduce(placed, axis=1) & ~np.logical_or.reduce(unused, axis=1)
    return valid


def topological_order(masks: IntArray) -> list[int]:
    """The cells with masks `(c,)` in topological order."""
    known, order = (1 << len(LEVELS)) - 1, list[int]()
    while len(order) < len(masks):
        ready = [cell for cell in range(len(masks)) if cell not in order and not masks[cell] & ~known]
        order.append(ready[0])
        known |= 1 << int(_FEATURE_OF[ready[0]])
    return order


def cell_choices(features: int) -> int:
    """Number of cells that read two or three of `features` features."""
    return len(OPERATIONS) * (comb(features, 2) + comb(features, 3))


def acyclic_choices(cells: int, features: int, levels: int) -> int:
    """Number of acyclic choices of `cells` cells above `features` features; see `Detection`."""
    if cells == 0:
        return 1
    return sum(
        (-1) ** (k + 1)
        * comb(cells, k)
        * (levels * cell_choices(features + cells - k)) ** k
        * acyclic_choices(cells - k, features, levels)
        for k in range(1, cells + 1)
    )

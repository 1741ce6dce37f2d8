"""Codes of cells of two-operation blocks: the smallest over all orders of blocks, and their rank."""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.types import BoolArray, KeyArray

ShortArray: TypeAlias = npt.NDArray[np.int16]
CELLS_PER_BATCH = 16_384
"""Cells processed at a time, so that they stay in the processor's cache."""
_LATER = np.int16(170)
"""Stands for a half whose hidden state is not numbered yet: above any half, with codes within int16."""


class Blocks(NamedTuple):
    """`m` cells of `b` blocks. Hidden states 0 and 1 are the inputs of the cell, state `2 + i` is block `i`.

    Attributes:
        sources: Input hidden states of the two operations of each block; shape `(b, 2, m)`.
        ops: The two operations, as indices into `CellPair.operations`; shape `(b, 2, m)`.
        combined: Combination of their results, as an index into `CellPair.combinations`; shape `(b, m)`.
    """

    sources: ShortArray
    ops: ShortArray
    combined: ShortArray


class BlockCodes(NamedTuple):
    """Codes of the blocks of cells.

    A *half* of a block is one operation on one hidden state, as the number `source * operations + operation`. The code
    of a block numbers unordered pairs of halves with their combination.

    Attributes:
        operations: Number of operations.
        combinations: Number of combinations of the two results of a block.
        blocks: Number `b` of blocks of a cell.
    """

    operations: int
    combinations: int
    blocks: int

    def smallest(self, cells: Blocks) -> ShortArray:
        """Smallest sequence of block codes of each of `m` cells; shape `(b, m)`."""
        codes, tied = self._number(cells)
        rows = np.flatnonzero(tied)
        for i in range(0, len(rows), CELLS_PER_BATCH // 64):
            part = rows[i : i + CELLS_PER_BATCH // 64]
            reordered = _reorder(Blocks(*(np.take(values, part, axis=-1) for values in cells)))
            candidates, _ = self._number(reordered)
            best = self.rank(candidates).reshape(-1, len(part)).argmin(axis=0)
            codes[:, part] = candidates[:, best * len(part) + np.arange(len(part))]
        return codes

    def _number(self, cells: Blocks) -> tuple[ShortArray, BoolArray]:
        """Block codes of `m` cells, numbered greedily by code and then by position, and which cells had ties."""
        m = cells.combined.shape[1]
        codes, tied = np.empty((self.blocks, m), dtype=np.int16), np.zeros(m, dtype=bool)
        for start in range(0, m, CELLS_PER_BATCH):
            span = slice(start, start + CELLS_PER_BATCH)
            sources, ops, combined = (part[..., span] for part in cells)
            halves = sources * np.int16(self.operations) + ops
            np.maximum(halves, (sources >= 2) * _LATER, out=halves)
            for place in range(self.blocks):
                code = self.code(halves, combined)
                least = codes[place, span] = code.min(axis=0)
                smallest = code == least
                taken = np.zeros(len(least), dtype=bool)
                number = np.zeros(len(least), dtype=np.int16)
                for block in range(self.blocks):
                    tied[span] |= smallest[block] & taken
                    chosen = smallest[block] & ~taken
                    taken |= chosen
                    number += chosen * np.int16(2 + block)
                    np.maximum(halves[block], chosen * _LATER, out=halves[block])
                # Halves that read the block numbered now were `_LATER`. Arithmetic, because masked copies are slow.
                halves += (sources == number) * (np.int16((2 + place) * self.operations) - _LATER + ops)
        return codes, tied

    def code(self, halves: ShortArray, combined: ShortArray) -> ShortArray:
        """Number of an unordered pair of halves and their combination.

        Halves `(b, 2, m)` and `combined` `(b, m)` to `(b, m)`.
        """
        high, low = np.maximum(halves[:, 0], halves[:, 1]), np.minimum(halves[:, 0], halves[:, 1])
        code: ShortArray = ((high * (high + np.int16(1)) >> 1) + low) * np.int16(self.combinations) + combined
        return code

    def codes_of_block(self, states: int) -> int:
        """Number of codes of a block that can read this number of hidden states."""
        halves = states * self.operations
        return halves * (halves + 1) // 2 * self.combinations

    def rank(self, codes: ShortArray) -> KeyArray:
        """Order-preserving number of each sequence of codes `(b, m)`; shape `(m,)`."""
        rank: KeyArray = codes[0].astype(np.int64)
        for block in range(1, self.blocks):
            rank = rank * self.codes_of_block(2 + block) + codes[block]
        return rank


def _reorder(cells: Blocks) -> Blocks:
    """The `m` cells with their blocks in each of the `b!` orders: `b! * m` cells, grouped by order."""
    b = len(cells.combined)
    orders = np.array(list(permutations(range(b))))
    numbers = np.concatenate([np.tile((0, 1), (len(orders), 1)), 2 + np.argsort(orders, axis=1)], axis=1)
    sources = numbers.astype(np.int16)[np.arange(len(orders))[:, None, None, None], cells.sources[orders]]
    parts = (sources, cells.ops[orders], cells.combined[orders])
    return Blocks(*(np.concatenate(list(part), axis=-1) for part in parts))

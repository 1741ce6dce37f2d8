"""DARTS, the space of NAS-Bench-301: two cells of four nodes, each the sum of two operations (Liu et al., 2019)."""

from __future__ import annotations

import numpy as np

from nasbench.arrays import read_only
from nasbench.checks import check_flag
from nasbench.spaces.cell_pair import CellPair
from nasbench.spaces.cell_pair_codes import Blocks, ShortArray
from nasbench.spaces.values import Option
from nasbench.types import BoolArray

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NONE = "none"
"""The operation that outputs nothing."""
NODES_PER_CELL = 4
"""Intermediate nodes of a cell."""


class DARTS(CellPair):
    """The 1,076,746,950,455,072,400 genotypes of DARTS (Liu et al., ICLR 2019, arXiv:1806.09055).

    Node `k` of a cell (from 0) adds the results of two operations on two different states of the `k + 2` earlier hidden
    states; all four nodes are concatenated. With 7 operations there are prod_k C(k + 2, 2) * 7^2 = 1 * 3 * 6 * 10 * 7^8
    = 1,037,664,180 cells, and the square of this number of pairs.

    DARTS itself allows `none` during the search only, but some published tables have it in final architectures. With
    `none` as the eighth operation there are (180 * 8^8)^2 = 9,119,789,245,425,254,400 genotypes. Genotypes without it
    are the same in both spaces. An edge with `none` is left out of `function_key`, but not of graph, string and `key`.

    A genotype holds, for each node of the normal cell and then of the reduction cell: the pair of hidden states (0,1;
    0,2; 1,2; 0,3; 1,3; ...; omitted for the first node, which has only one pair), the operation on the earlier state,
    and the operation on the later state.

    Args:
        none: Whether `none` is an operation: `darts+none=true`.
    """

    name = "darts"
    paper = "Liu et al. (2019), DARTS, arXiv:1806.09055"
    combinations = ("add",)
    blocks = NODES_PER_CELL
    distinct = True

    def __init__(self, none: bool = False) -> None:
        check_flag("none", none)
        self.none = none
        self.operations = (*OPERATIONS, NONE) if none else OPERATIONS
        self.zero_ops = (NONE,) if none else ()
        self.remedies = {} if none else {NONE: f"{self.name}+none=true has it; "}
        super().__init__()

    def _positions(self, states: int) -> tuple[int, ...]:
        return states * (states - 1) // 2, len(self.operations), len(self.operations)

    def _names(self, states: int) -> dict[str, tuple[Option, ...]]:
        pairs = tuple(f"{earlier}_{later}" for later in range(1, states) for earlier in range(later))
        return {"inputs": pairs, "op_0": self.operations, "op_1": self.operations}

    def _read(self, positions: ShortArray) -> Blocks:
        sources = np.stack([np.take(states, positions[:, 0]) for states in _PAIRS], axis=1)
        return Blocks(sources, positions[:, 1:], np.zeros_like(positions[:, 0]))

    def _write(self, sources: ShortArray, ops: ShortArray, combined: ShortArray) -> ShortArray:
        (earlier, first), (later, second) = zip(sources, ops, strict=True)
        swapped = earlier > later
        earlier, later = np.where(swapped, later, earlier), np.where(swapped, earlier, later)
        first, second = np.where(swapped, second, first), np.where(swapped, first, second)
        return np.stack([later * (later - 1) // 2 + earlier, first, second])

    def _concatenated(self, cells: Blocks) -> BoolArray:
        return np.tile(np.arange(self.blocks + 2)[:, None] >= 2, (1, cells.combined.shape[1]))


_PAIRS = read_only(
    np.array([(earlier, later) for later in range(1, NODES_PER_CELL + 1) for earlier in range(later)], dtype=np.int16).T
)
"""The two hidden states of each option of a pair; shape `(2, 10)`."""

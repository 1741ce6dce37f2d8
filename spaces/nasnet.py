"""NASNet: two cells of five blocks, whose unused results are concatenated (Zoph et al., 2018)."""

from __future__ import annotations

import numpy as np

from nasbench.spaces.cell_pair import CellPair
from nasbench.spaces.cell_pair_codes import Blocks, ShortArray
from nasbench.spaces.values import Option
from nasbench.types import BoolArray

OPERATIONS = (
    "skip_connect",
    "conv_1x3_3x1",
    "conv_1x7_7x1",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)
BLOCKS = 5
COMBINATIONS = ("add", "concat")


class NASNet(CellPair):
    """The 5.2 * 10^36 genotypes of NASNet (Zoph et al., CVPR 2018, arXiv:1707.07012).

    Block `k` of a cell (from 0) applies one of 13 operations to each of two hidden states, chosen with repetition from
    the `k + 2` earlier ones, and adds or concatenates the results. The result of a cell is the concatenation of all
    hidden states without a reader, its two inputs included. So there are (prod_k (k + 2)^2 * 13^2 * 2)^2 =
    (720^2 * 13^10 * 2^5)^2 = 5,229,943,396,058,757,337,940,161,399,357,440,000 genotypes; their codes are hashes (see
    `Space.code`).

    A genotype holds, for each block of the normal cell and then of the reduction cell: hidden state and operation of
    the first half, the same of the second half, and the combination.

    Networks are built as for DARTS. A 1x1 convolution projects a concatenation to the channels of the cell, dilated
    convolutions are depthwise as in DARTS, and an input that a reduction cell passes on is halved like a skip. The
    published networks differ in implementation details, and so in parameter counts.
    """

    name = "nasnet"
    paper = "Zoph et al. (2018), NASNet, arXiv:1707.07012"
    operations = OPERATIONS
    combinations = COMBINATIONS
    blocks = BLOCKS
    distinct = False

    def _positions(self, states: int) -> tuple[int, ...]:
        return states, len(OPERATIONS), states, len(OPERATIONS), len(COMBINATIONS)

    def _names(self, states: int) -> dict[str, tuple[Option, ...]]:
        sources = tuple(range(states))
        return {
            "input_0": sources,
            "op_0": OPERATIONS,
            "input_1": sources,
            "op_1": OPERATIONS,
            "combination": COMBINATIONS,
        }

    def _read(self, positions: ShortArray) -> Blocks:
        return Blocks(positions[:, [0, 2]], positions[:, [1, 3]], positions[:, 4])

    def _write(self, sources: ShortArray, ops: ShortArray, combined: ShortArray) -> ShortArray:
        return np.stack([sources[0], ops[0], sources[1], ops[1], combined])

    def _concatenated(self, cells: Blocks) -> BoolArray:
        states = np.arange(BLOCKS + 2)[:, None, None, None]
        used: BoolArray = (cells.sources == states).any(axis=(1, 2))
        return np.logical_not(used)

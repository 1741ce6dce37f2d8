"""The graph hash of NAS-Bench-101, by which its files name cells (Ying et al., 2019)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.spaces.nb101_tables import OPERATIONS


def module_hash(matrix: npt.NDArray[Any], labels: Sequence[int]) -> str:
    """Graph hash of NAS-Bench-101: equal for isomorphic graphs, and for some others.

    Args:
        matrix: Adjacency matrix of zeros and ones; shape `(v, v)`.
        labels: -1 for the input, operation number of each interior vertex, -2 for the output.

    Returns:
        32 hexadecimal digits.
    """
    hashes = [_md5(str(node)) for node in zip(matrix.sum(1).tolist(), matrix.sum(0).tolist(), labels, strict=True)]
    squares = matrix.T.tolist(), matrix.tolist()
    sources, targets = ([[v for v, edge in enumerate(row) if edge] for row in square] for square in squares)
    for _ in labels:
        before, after = (["".join(sorted([hashes[u] for u in near])) for near in ends] for ends in (sources, targets))
        hashes = [_md5("|".join(parts)) for parts in zip(before, after, hashes, strict=True)]
    return _md5(str(sorted(hashes)))


def cell_hash(matrix: npt.NDArray[np.int8], ops: Sequence[str]) -> str:
    """`module_hash` of a published pair of matrix `(v, v)` and names of its vertices."""
    return module_hash(matrix, [-1, *(OPERATIONS.index(op) for op in ops[1:-1]), -2])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

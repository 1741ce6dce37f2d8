"""Which rows of several tables are one architecture: equal genotypes or, by key, isomorphic graphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from nasbench.benchmark.table import in_order, row_codes
from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray, IntArray

By: TypeAlias = Literal["key", "genotype"]
"""What identifies an architecture: `Space.key`, or the genotype itself."""
LEFT_OUT = -1
"""Row number of an architecture that is not in the joined table."""


class Join(NamedTuple):
    """Rows of several tables as rows of one.

    Attributes:
        genotypes: Architectures in order of first occurrence; shape `(m, d)`.
        rows: For each table, the position in `genotypes` of each of its rows, or `LEFT_OUT`.
    """

    genotypes: GenotypeArray
    rows: list[IntArray]


def join(space: Space, genotypes: Sequence[GenotypeArray], by: By, inner: bool = False) -> Join:
    """Match the rows of several arrays of genotypes `(n, d)`, each without repeated rows.

    Equal genotypes are one architecture. By key, so are isomorphic labelled graphs, dead operations included: the same
    network at the same cost, so that latencies may be shared, and not merely the same function. An array with several
    rows of one key tells them apart, and nobody can know which of them a row of another array means: such rows are
    joined by genotype alone. Where the genotypes of one architecture differ, the canonical one stands for it.
    """
    if by not in ("key", "genotype"):
        raise InputError(f"rows are joined by 'key' or 'genotype', got {by!r}")
    stacked = np.concatenate(list(genotypes))
    owner = np.repeat(np.arange(len(genotypes)), [len(rows) for rows in genotypes])
    label, first = in_order(row_codes(space, stacked))
    group = label
    if by == "key" and (np.bincount(label) < len(genotypes)).any():  # else every row is in all of them
        key = in_order(space.key(stacked))[0]
        in_each = np.bincount(key * len(genotypes) + owner, minlength=(key.max() + 1) * len(genotypes))
        told_apart = in_each.reshape(-1, len(genotypes)).max(axis=1) > 1
        group, first = in_order(np.where(told_apart[key], key.max() + 1 + label, key))
    joined = stacked[first]
    relabelled = np.unique(group[label != label[first][group]])
    joined[relabelled] = space.canonical(joined[relabelled])
    if inner:
        in_all = np.bincount(group) == len(genotypes)  # no array has two rows of a group
        group, joined = np.where(in_all, np.cumsum(in_all) - 1, LEFT_OUT)[group], joined[in_all]
    return Join(joined, np.split(group, np.cumsum([len(rows) for rows in genotypes])[:-1]))

"""Named sets of rows in a recipe: published splits, and the architectures that each search strategy found."""

from __future__ import annotations

import numpy as np

from nasbench.benchmark.table import Table
from nasbench.errors import InputError, NotFoundError
from nasbench.types import IntArray

ROW_NUMBERS = ("splits", "found_by")
"""Entries of a recipe with row numbers by name."""


def row_sets(table: Table, name: str, lacking: str) -> dict[str, IntArray]:
    """Increasing row numbers by name, from an entry of the recipe of a table.

    Args:
        table: The table.
        name: One of `ROW_NUMBERS`.
        lacking: Description of the missing entry in the message.

    Raises:
        NotFoundError: There is no such entry.
        InputError: The entry is damaged.
    """
    stored = table.recipe.get(name)
    if stored is None:
        raise NotFoundError(f"the recipe of this table has {lacking}")
    if not isinstance(stored, dict):
        raise InputError(f"{name!r} of the recipe is not a dictionary of row numbers")
    result = {}
    for key, values in stored.items():
        rows = np.asarray(values if isinstance(values, list) and values else np.zeros(0, dtype=np.int64))
        integers = isinstance(values, list) and rows.ndim == 1 and rows.dtype == np.int64
        if not integers or (len(rows) and not 0 <= rows.min() <= rows.max() < len(table.genotypes)):
            raise InputError(f"{name!r} of the recipe lists other than row numbers for {key!r}")
        result[key] = np.unique(rows)
    return result

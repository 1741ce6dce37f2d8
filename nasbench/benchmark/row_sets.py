"""Sets of rows that a recipe names: the splits that a source publishes, and which strategy found what."""

from __future__ import annotations

import numpy as np

from nasbench.benchmark.table import Table
from nasbench.errors import InputError, NotFoundError
from nasbench.types import IntArray

ROW_NUMBERS = ("splits", "found_by")
"""Entries of a recipe that hold row numbers by name."""


def row_sets(table: Table, name: str, lacking: str) -> dict[str, IntArray]:
    """Row numbers of a table by name from an entry of its recipe, one of `ROW_NUMBERS`, increasing.

    Raises:
        NotFoundError: There is no such entry; it is `lacking`.
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
        fine = isinstance(values, list) and rows.ndim == 1 and rows.dtype == np.int64
        if not fine or (len(rows) and not 0 <= rows.min() <= rows.max() < len(table.genotypes)):
            raise InputError(f"{name!r} of the recipe lists other than row numbers for {key!r}")
        result[key] = np.unique(rows)
    return result

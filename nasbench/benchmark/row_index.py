"""Index of the rows of a table: by genotype, by isomorphic graph, or by function."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import check_row, row_number
from nasbench.benchmark.table import MAX_DIRECT_CODES, Table, row_codes
from nasbench.errors import NotFoundError
from nasbench.types import Architecture, GenotypeArray, KeyArray

MAX_CACHED_ROWS = 2**17
"""Most strings, and most genotypes, whose rows are cached."""
MAX_INDEXED_CODES = 2**17
"""Spaces with at most this many codes get an index of all genotypes, isomorphic ones included."""
MIN_INEXACT_LOOKUPS = 50
"""Look-ups of genotypes outside the table before that index is built."""
ABSENT = -1
"""Row number of an architecture without a row."""


class RowIndex:
    """Finds the row of a table for an architecture.

    For a genotype that is not in the table, it is a row with an isomorphic graph: the row in canonical form, or else
    the first.

    Args:
        table: The table.
        name: Name of the benchmark in messages.
        functions: Whether the first row with the same family of functions (`Space.function_key`) answers if no graph
            is isomorphic.
    """

    def __init__(self, table: Table, name: str, functions: bool = False) -> None:
        self.space, self.genotypes, self.name, self.functions = table.space, table.genotypes, name, functions
        self._codes = table.codes
        self._inexact_lookups = 0
        self._row_of_text: dict[str, int] = {}
        self._row_of_bytes: dict[bytes, int] = {}

    def row(self, architecture: Architecture | int) -> int:
        """Row of an architecture in any form that `Benchmark.genotype` takes.

        Raises:
            NotFoundError: There is no such row.
            InputError: It is not an architecture of the space.
        """
        if isinstance(architecture, str):
            row = self._row_of_text.get(architecture)
            if row is None:
                row = row_number(self.space, architecture)
                row = self._look_up(self.space.genotype(architecture)) if row is None else self.row(row)
                if len(self._row_of_text) < MAX_CACHED_ROWS:
                    self._row_of_text[architecture] = row
            return row
        if type(architecture) is int:
            check_row(architecture, len(self.genotypes), self.name)
            return architecture
        if isinstance(architecture, np.ndarray) and architecture.dtype == np.int8:
            name = architecture.tobytes()
            row = self._row_of_bytes.get(name) if architecture.ndim == 1 else None
            if row is None:
                row = self._exact_row(architecture)
                if row == ABSENT:
                    row = self._look_up(self.space.genotype(architecture))
                if len(self._row_of_bytes) < MAX_CACHED_ROWS:
                    self._row_of_bytes[name] = row
            return row
        if isinstance(architecture, np.integer):
            return self.row(int(architecture))
        return self._look_up(self.space.genotype(cast(Architecture, architecture)))

    def rows(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        """Row of each of `(n, d)` checked genotypes; shape `(n,)`.

        Raises:
            NotFoundError: One of them has no row; names the first.
        """
        rows = self._exact_rows(genotypes)
        absent = np.flatnonzero(rows == ABSENT)
        if len(absent):
            rows[absent] = self._equivalent_rows(genotypes[absent])
            still = absent[rows[absent] == ABSENT]
            if len(still):
                raise NotFoundError(
                    f"{self.space.to_string(genotypes[still[0]])} is not among the {len(self.genotypes):,} trained "
                    f"architectures of {self.name}; ask for one of those, or fit a surrogate for the whole space: "
                    "nasbench surrogate FILE --predictor P --metric M --out FILE"
                )
        return rows

    @cached_property
    def complete(self) -> bool:
        """Whether there is a row for every architecture of the space."""
        if len(self.genotypes) == self.space.size:
            return True
        return all(bool((self._equivalent_rows(chunk) != ABSENT).all()) for chunk in self.space.enumerate())

    def _look_up(self, genotype: GenotypeArray) -> int:
        """Row of a checked genotype."""
        row = self._exact_row(genotype)
        if row != ABSENT:
            return row
        self._inexact_lookups += 1
        if self._inexact_lookups > MIN_INEXACT_LOOKUPS and math.prod(self.space.cardinalities) <= MAX_INDEXED_CODES:
            row = self._rows_of_all_codes.item(int(self.space.code(genotype)))
        return int(self.rows(genotype[None])[0]) if row == ABSENT else row

    def _exact_row(self, genotype: GenotypeArray) -> int:
        """The row equal to an unchecked int8 array; `ABSENT` if there is none or comparing would be slow."""
        genotypes, row_of_code = self.genotypes, self._row_of_code
        if genotype.shape != genotypes.shape[1:] or not self.space.countable:
            return ABSENT
        code = int(self.space.code(genotype))
        if row_of_code is not None:
            row = row_of_code.item(code) if 0 <= code < len(row_of_code) else ABSENT
        else:
            codes, rows = self._sorted_codes
            at = int(codes.searchsorted(code))
            row = rows.item(at) if at < len(codes) else ABSENT
        return row if row != ABSENT and genotypes[row].tobytes() == genotype.tobytes() else ABSENT

    def _exact_rows(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        if self._row_of_code is not None:
            return self._row_of_code[self.space.code(genotypes)]
        return _find(row_codes(self.space, genotypes), *self._sorted_codes)

    def _equivalent_rows(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        """Row of an equivalent architecture for each of `(n, d)` genotypes outside the table, or `ABSENT`."""
        rows = self._exact_rows(self.space.canonical(genotypes))
        keys = (self.space.key, self._sorted_keys), (self.space.function_key, self._sorted_function_keys)
        for key, known in keys if self.functions else keys[:1]:
            absent = np.flatnonzero(rows == ABSENT)
            if len(absent):
                rows[absent] = _find(key(genotypes[absent]), *known)
        return rows

    @cached_property
    def _rows_of_all_codes(self) -> npt.NDArray[np.intp]:
        """Row of each code of a small space, isomorphic genotypes included; shape `(codes,)`."""
        rows = np.full(math.prod(self.space.cardinalities), ABSENT, dtype=np.intp)
        for chunk in self.space.enumerate():
            rows[self.space.code(chunk)] = self._equivalent_rows(chunk)
        return rows

    @cached_property
    def _row_of_code(self) -> npt.NDArray[np.intp] | None:
        """Row of each code in the table; None for a space with many codes."""
        size = math.prod(self.space.cardinalities)
        if size > MAX_DIRECT_CODES:
            return None
        rows = np.full(size, ABSENT, dtype=np.intp)
        rows[self._codes] = np.arange(len(self.genotypes))
        return rows

    @cached_property
    def _sorted_codes(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        order = np.argsort(self._codes)
        return self._codes[order], order

    @cached_property
    def _sorted_keys(self) -> tuple[KeyArray, npt.NDArray[np.intp]]:
        """Sorted unique keys, and the first row of each."""
        return np.unique(self.space.key(self.genotypes), return_index=True)

    @cached_property
    def _sorted_function_keys(self) -> tuple[KeyArray, npt.NDArray[np.intp]]:
        """Sorted unique function keys, and the first row of each."""
        return np.unique(self.space.function_key(self.genotypes), return_index=True)


def _find(wanted: npt.NDArray[Any], known: npt.NDArray[Any], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Row of each wanted value among the sorted known values, or `ABSENT`."""
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, rows[at], ABSENT)

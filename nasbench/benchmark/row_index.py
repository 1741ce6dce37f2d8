"""Which row of a table answers for an architecture: its own, one that is isomorphic, or one of the same function."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.table import DIRECT, Table, row_codes
from nasbench.errors import NotFoundError
from nasbench.types import Architecture, GenotypeArray, KeyArray

REMEMBERED = 2**17
"""Strings, and genotypes, whose rows are remembered at most."""
SMALL, PATIENCE = 2**17, 50
"""In a space of so few codes, rows of all are found at once after so many questions about isomorphic ones."""
ABSENT = -1


class Rows:
    """The rows of a table by architecture.

    A genotype that is not in the table as such is answered with a row whose graph is isomorphic: the one in canonical
    form, or else the first.

    Args:
        table: The table.
        name: Name of the benchmark, for messages.
        functions: Whether, where there is no such row either, the first that computes the same family of functions
            (`Space.function_key`) answers.
    """

    def __init__(self, table: Table, name: str, functions: bool = False) -> None:
        self.space, self.genotypes, self.name, self.functions = table.space, table.genotypes, name, functions
        self._codes = table.codes
        self._inexact = 0
        self._of_text: dict[str, int] = {}
        self._of_bytes: dict[bytes, int] = {}

    def one(self, architecture: Architecture | int) -> int:
        """Row of an architecture in any form, or of that number.

        Raises:
            NotFoundError: There is none.
            InputError: It is no architecture of the space.
        """
        if isinstance(architecture, str):
            row = self._of_text.get(architecture)
            if row is None:
                row = self._look_up(self.space.genotype(architecture))
                if len(self._of_text) < REMEMBERED:
                    self._of_text[architecture] = row
            return row
        if type(architecture) is int:
            if not 0 <= architecture < len(self.genotypes):
                last = len(self.genotypes) - 1
                raise NotFoundError(f"{self.name} has no row {architecture}; its rows are 0 to {last}")
            return architecture
        if isinstance(architecture, np.ndarray) and architecture.dtype == np.int8:
            name = architecture.tobytes()
            row = self._of_bytes.get(name) if architecture.ndim == 1 else None
            if row is None:
                row = self._exact_one(architecture)
                if row == ABSENT:
                    row = self._look_up(self.space.genotype(architecture))
                if len(self._of_bytes) < REMEMBERED:
                    self._of_bytes[name] = row
            return row
        return self._look_up(self.space.genotype(cast(Architecture, architecture)))

    def many(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        """Row of each of `(n, d)` checked genotypes.

        Raises:
            NotFoundError: One is not in the table; names the first.
        """
        rows = self._exact(genotypes)
        absent = np.flatnonzero(rows == ABSENT)
        if len(absent):
            rows[absent] = self._equal(genotypes[absent])
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
        return all(bool((self._equal(chunk) != ABSENT).all()) for chunk in self.space.enumerate())

    def _look_up(self, genotype: GenotypeArray) -> int:
        """Row of a checked genotype."""
        row = self._exact_one(genotype)
        if row != ABSENT:
            return row
        self._inexact += 1
        if self._inexact > PATIENCE and math.prod(self.space.cardinalities) <= SMALL:
            row = self._by_any_code.item(int(self.space.code(genotype)))
        return int(self.many(genotype[None])[0]) if row == ABSENT else row

    def _exact_one(self, genotype: GenotypeArray) -> int:
        """The row that is this very array of int8, sound or not; `ABSENT` if none is, or if that takes longer."""
        genotypes, direct = self.genotypes, self._direct
        if genotype.shape != genotypes.shape[1:] or not self.space.countable:
            return ABSENT
        code = int(self.space.code(genotype))
        if direct is not None:
            row = direct.item(code) if 0 <= code < len(direct) else ABSENT
        else:
            codes, rows = self._by_code
            at = int(codes.searchsorted(code))
            row = rows.item(at) if at < len(codes) else ABSENT
        return row if row != ABSENT and genotypes[row].tobytes() == genotype.tobytes() else ABSENT

    def _exact(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        if self._direct is not None:
            return self._direct[self.space.code(genotypes)]
        return _find(row_codes(self.space, genotypes), *self._by_code)

    def _equal(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        """Row that stands for each of `(n, d)` genotypes which are not in the table as such, or `ABSENT`."""
        rows = self._exact(self.space.canonical(genotypes))
        names = (self.space.key, self._by_key), (self.space.function_key, self._by_function)
        for key, known in names if self.functions else names[:1]:
            absent = np.flatnonzero(rows == ABSENT)
            if len(absent):
                rows[absent] = _find(key(genotypes[absent]), *known)
        return rows

    @cached_property
    def _by_any_code(self) -> npt.NDArray[np.intp]:
        """Row by code of every genotype of a small space."""
        rows = np.full(math.prod(self.space.cardinalities), ABSENT, dtype=np.intp)
        for chunk in self.space.enumerate():
            rows[self.space.code(chunk)] = self._equal(chunk)
        return rows

    @cached_property
    def _direct(self) -> npt.NDArray[np.intp] | None:
        """Row by code, where the space has few codes."""
        size = math.prod(self.space.cardinalities)
        if size > DIRECT:
            return None
        rows = np.full(size, ABSENT, dtype=np.intp)
        rows[self._codes] = np.arange(len(self.genotypes))
        return rows

    @cached_property
    def _by_code(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        order = np.argsort(self._codes)
        return self._codes[order], order

    @cached_property
    def _by_key(self) -> tuple[KeyArray, npt.NDArray[np.intp]]:
        """Sorted different keys, and the first row of each."""
        return np.unique(self.space.key(self.genotypes), return_index=True)

    @cached_property
    def _by_function(self) -> tuple[KeyArray, npt.NDArray[np.intp]]:
        """Sorted different function keys, and the first row of each."""
        return np.unique(self.space.function_key(self.genotypes), return_index=True)


def _find(wanted: npt.NDArray[Any], names: npt.NDArray[Any], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """For each wanted value the row of the equal one among sorted names, or `ABSENT`."""
    at = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[at] == wanted, rows[at], ABSENT)

"""A table of measurements as plain values: what building and importing make and the HDF5 file holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Direction, Metric, Split
from nasbench.errors import InputError
from nasbench.spaces.base import FloatArray, GenotypeArray, Space

DIMS = ("architecture", "seed", "epoch")
RESERVED = (".", "..", "epoch")
"""Names that have a meaning of their own in a file."""


@dataclass(frozen=True)
class Column:
    """The numbers of one metric.

    Attributes:
        metric: What they are; `metric.dims` are their axes.
        values: Shape `(n,)`, `(n, seeds)` or `(n, seeds, epochs)`; NaN exactly where `missing` is not 0.
        missing: 0 where measured, else 1 + the position of the cause in `reasons`; uint8, same shape.
        reasons: Why numbers are missing, one sentence each.
    """

    metric: Metric
    values: FloatArray
    missing: npt.NDArray[np.uint8]
    reasons: tuple[str, ...] = ()

    def check(self, shape: tuple[int, ...]) -> None:
        """Test the numbers against the rules above.

        Args:
            shape: Lengths of the axes that `metric.dims` names.

        Raises:
            InputError: A rule is broken; says which and where.
        """
        name = self.metric.path
        for what, array, dtype in (("values", self.values, np.float64), ("missing", self.missing, np.uint8)):
            if array.dtype != dtype:
                raise InputError(f"{what} of {name!r} are {np.dtype(dtype)}, got {array.dtype}; convert them")
            if array.shape != shape:
                raise InputError(f"{what} of {name!r} have shape {shape} {self.metric.dims}, got {array.shape}")
        measured = np.isfinite(self.values)
        wrong = np.where(self.missing == 0, ~measured, ~np.isnan(self.values))
        if wrong.any():
            at = tuple(map(int, np.argwhere(wrong)[0]))
            raise InputError(
                f"values of {name!r} are NaN exactly where missing says why, and finite elsewhere; at {at} the value "
                f"is {self.values[at]} and missing is {self.missing[at]}"
            )
        if int(self.missing.max(initial=0)) > len(self.reasons):
            causes = len(self.reasons)
            raise InputError(f"missing of {name!r} names cause {self.missing.max()}, but there are {causes} reasons")
        if not all(isinstance(reason, str) and reason.strip() for reason in self.reasons):
            raise InputError(f"each of the reasons of {name!r} is a sentence, got {self.reasons}")


@dataclass(frozen=True)
class Table:
    """Measurements of `n` architectures of one space.

    Attributes:
        space: The search space.
        genotypes: The architectures; shape `(n, d)`, no row twice.
        seeds: Training seeds along the second axis of the columns that have one.
        epochs: By data set: the epochs along the third axis of its columns, increasing.
        columns: By full name of the metric. `<dataset>/train_seconds`, where recorded, is the training time from the
            start up to and including the epoch: what an evaluation costs.
        recipe: How the numbers were made, as JSON values: data, network, training, checksums.
        provenance: Package versions, machine, commit.
    """

    space: Space
    genotypes: GenotypeArray
    seeds: tuple[int, ...]
    epochs: Mapping[str, tuple[int, ...]]
    columns: Mapping[str, Column]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Test the invariants.

        Raises:
            InputError: One of them is broken; says which and where.
        """
        genotypes = self.space.check(self.genotypes)
        if self.genotypes.dtype != np.int8:
            raise InputError(f"genotypes of a table are int8, got {self.genotypes.dtype}; pass Space.check(genotypes)")
        if not len(genotypes):
            raise InputError("a table holds at least one architecture, got none")
        codes, counts = np.unique(row_codes(self.space, genotypes), return_counts=True)
        if len(codes) < len(genotypes):
            twice = int(np.argmax(row_codes(self.space, genotypes) == codes[np.argmax(counts > 1)]))
            raise InputError(f"genotype {genotypes[twice].tolist()} is in the table more than once; merge its rows")
        _check_numbers("seeds", self.seeds, increasing=False)
        for dataset, epochs in self.epochs.items():
            _check_name("data set", dataset)
            _check_numbers(f"epochs of {dataset!r}", epochs, increasing=True)
        for path, column in self.columns.items():
            self._check_column(path, column)
        datasets = {column.metric.dataset for column in self.columns.values()}
        clash = datasets & {path for path in self.columns if "/" not in path}
        if clash:
            raise InputError(f"{clash.pop()!r} is both a data set and a metric of none; rename one of them")

    def _check_column(self, path: str, column: Column) -> None:
        metric = column.metric
        if path != metric.path:
            raise InputError(f"column {path!r} holds metric {metric.path!r}; name it so")
        _check_name("metric", metric.name, empty=False)
        _check_name("data set", metric.dataset)
        for what, value, allowed in (
            ("split", metric.split, get_args(Split)),
            ("direction", metric.direction, get_args(Direction)),
            ("dims", metric.dims, [DIMS[:k] for k in range(1, len(DIMS) + 1)]),
        ):
            if value not in allowed:
                raise InputError(f"{what} of {path!r} is one of {', '.join(map(str, allowed))}; got {value!r}")
        if not metric.units:
            raise InputError(f"metric {path!r} has no units; state them, or 'none' for a number without")
        lengths = len(self.genotypes), len(self.seeds), len(self.epochs.get(metric.dataset, ()))
        for dim, length in zip(metric.dims, lengths, strict=False):
            if not length:
                raise InputError(f"column {path!r} has the axis {dim!r}, but the table has no {dim}s for it")
        column.check(lengths[: len(metric.dims)])


def row_codes(space: Space, genotypes: GenotypeArray) -> npt.NDArray[Any]:
    """One sortable value for each of `(n, d)` genotypes, different where they differ; shape `(n,)`.

    `Space.code` where it fits 64 bits, else the bytes of the row.
    """
    if math.prod(space.choices) < 2**63:
        return space.code(genotypes)
    return np.ascontiguousarray(genotypes).view(f"V{genotypes.shape[1]}").ravel()


def _check_name(what: str, name: str, empty: bool = True) -> None:
    if not (name or empty) or "/" in name or name in RESERVED or not name.isprintable():
        raise InputError(
            f"the name of a {what} is printable, without '/', and none of {', '.join(RESERVED)}; got {name!r}"
        )


def _check_numbers(what: str, numbers: tuple[int, ...], *, increasing: bool) -> None:
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise InputError(f"{what} are integers, got {numbers}")
    if len(set(numbers)) < len(numbers) or (increasing and list(numbers) != sorted(numbers)):
        raise InputError(f"{what} are {'increasing' if increasing else 'different'}, got {numbers}")
    if any(not -(2**63) <= number < 2**63 for number in numbers):
        raise InputError(f"{what} fit 64 bits, got {numbers}")

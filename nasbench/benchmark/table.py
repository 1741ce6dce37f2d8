"""A table of measurements as plain values: the result of builds and imports, stored in the HDF5 file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Metric
from nasbench.errors import InputError
from nasbench.printable import brief, printable
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, Direction, FloatArray, GenotypeArray, IntArray, Subset

T = TypeVar("T")
Number = TypeVar("Number", bound=np.generic)

DIMS = ("architecture", "seed", "epoch")
MAX_DIRECT_CODES = 2**22
"""Spaces with at most this many codes are looked up in an array with an entry for each code."""
MAX_POSITIONS = 10**6
"""Most seeds of a table, and epochs of a data set."""
BLANKS = "\n\t"
"""Characters that do not print and may be in texts of a recipe."""
RESERVED_NAMES = (".", "..", "epoch")
"""Names with a special meaning in a file."""


class Plane(NamedTuple):
    """The numbers of a metric at one epoch.

    Attributes:
        values: Shape `(n, seeds)`, or `(n, 1)` for a metric without seeds; NaN where missing.
        missing: `Column.missing` at that epoch, same shape; None if every number was measured.
    """

    values: FloatArray
    missing: npt.NDArray[np.uint8] | None


@dataclass(frozen=True)
class Column:
    """The numbers of one metric.

    Attributes:
        metric: The metric of the numbers; `metric.dims` are the axes.
        values: Shape `(n,)`, `(n, seeds)` or `(n, seeds, epochs)`; NaN exactly where `missing` is not 0.
        missing: 0 where measured, else 1 + the position of the cause in `reasons`; uint8, same shape.
        reasons: Causes of missing numbers, one sentence each.
    """

    metric: Metric
    values: FloatArray
    missing: npt.NDArray[np.uint8]
    reasons: tuple[str, ...] = ()

    def plane(self, at: int | None) -> Plane:
        """The numbers at position `at` on the epoch axis; `at` is None for a metric without epochs."""
        missing = at_epoch(self.missing, at)
        return Plane(at_epoch(self.values, at), missing if missing.any() else None)

    def measured(self, axis: int) -> BoolArray:
        """Whether there is any number at each position of an axis."""
        others = tuple(other for other in range(len(self.metric.dims)) if other != axis)
        result: BoolArray = (self.missing == 0).any(axis=others)
        return result

    def check(self, shape: tuple[int, ...]) -> None:
        """Test the numbers against the rules above.

        Args:
            shape: Lengths of the axes `metric.dims`.

        Raises:
            InputError: A rule is broken; says which and where.
        """
        name = self.metric.path
        for field_name, array, dtype in (("values", self.values, np.float64), ("missing", self.missing, np.uint8)):
            if array.dtype != dtype:
                raise InputError(f"{field_name} of {name!r} are {np.dtype(dtype)}, got {array.dtype}; convert them")
            if array.shape != shape:
                raise InputError(f"{field_name} of {name!r} have shape {shape} {self.metric.dims}, got {array.shape}")
        check_numbers(name, self.values, self.missing, len(self.reasons))
        if not all(isinstance(reason, str) and reason.strip() for reason in self.reasons):
            raise InputError(f"each of the reasons of {name!r} is a sentence, got {brief(self.reasons)}")
        for reason in self.reasons:
            _check_text(f"each of the reasons of {name!r}", reason)


@dataclass(frozen=True)
class Table:
    """Measurements of `n` architectures of one space.

    Attributes:
        space: The search space.
        genotypes: The architectures; shape `(n, d)`, unique rows.
        seeds: Training seeds along the second axis of seeded columns.
        epochs: Epochs along the third axis of the columns of each data set, increasing.
        columns: Columns by full name of the metric. `<dataset>/train_seconds`, if recorded, is the training time from
            the start up to and including the epoch: the cost of an evaluation.
        recipe: How the numbers were obtained, as JSON values: data, network, training, checksums.
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
        repeated = _repeated_row(self.codes, math.prod(self.space.cardinalities))
        if repeated is not None:
            raise InputError(f"genotype {genotypes[repeated].tolist()} is in the table more than once; merge its rows")
        _check_integers("seeds", self.seeds, increasing=False)
        if isinstance(self.columns, Lazy):
            return  # their reader tests them
        for name, record in (("recipe", self.recipe), ("provenance", self.provenance)):
            for text in _texts_of(record):
                _check_text(f"each text of the {name}", text, BLANKS)
        for dataset, epochs in self.epochs.items():
            check_epochs(dataset, epochs)
        for path, column in self.columns.items():
            check_metric(path, column.metric)
            column.check(self.shape(column.metric))
        datasets = {column.metric.dataset for column in self.columns.values()}
        clash = datasets & {path for path in self.columns if "/" not in path}
        if clash:
            raise InputError(f"{clash.pop()!r} is both a data set and a metric of none; rename one of them")

    @cached_property
    def codes(self) -> npt.NDArray[Any]:
        """`row_codes` of the genotypes."""
        return row_codes(self.space, self.genotypes)

    @property
    def rows_stand_for_functions(self) -> bool:
        """Whether the trainings of a row stand for all architectures with the same family of functions."""
        return self.recipe.get("rows_stand_for") == "functions"

    def loaded(self) -> Table:
        """The same table with all numbers in memory."""
        columns = {
            path: Column(column.metric, column.values, column.missing, column.reasons)
            for path, column in self.columns.items()
        }
        return replace(
            self, epochs={dataset: epochs for dataset, epochs in self.epochs.items() if epochs}, columns=columns
        )

    def shape(self, metric: Metric) -> tuple[int, ...]:
        """Lengths of the axes of a metric.

        Raises:
            InputError: The table has nothing along one of them.
        """
        lengths = len(self.genotypes), len(self.seeds), len(self.epochs.get(metric.dataset, ()))
        for dim, length in zip(metric.dims, lengths, strict=False):
            if not length:
                raise InputError(f"column {metric.path!r} has the axis {dim!r}, but the table has no {dim}s for it")
        return lengths[: len(metric.dims)]


class Lazy(Mapping[str, T]):
    """A mapping of known names whose values are created on first use."""

    def __init__(self, names: Iterable[str], create: Callable[[str], T]) -> None:
        self._values: dict[str, T | None] = dict.fromkeys(names)
        self._create = create

    def __getitem__(self, name: str) -> T:
        value = self._values[name]
        if value is None:
            value = self._values[name] = self._create(name)
        return value

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def check_epochs(dataset: str, epochs: tuple[int, ...]) -> None:
    """Test the epochs of a data set.

    Raises:
        InputError: A rule is broken; says which.
    """
    _check_name("data set", dataset)
    _check_integers(f"epochs of {dataset!r}", epochs, increasing=True)
    if epochs and epochs[0] < 0:
        raise InputError(f"epochs of {dataset!r} are numbers of finished epochs, at least 0; got {epochs[0]}")


def check_metric(path: str, metric: Metric) -> None:
    """Test the fields of a metric, and that `path` is its full name.

    Raises:
        InputError: A rule is broken; says which.
    """
    if path != metric.path:
        raise InputError(f"column {path!r} holds metric {metric.path!r}; name it so")
    _check_name("metric", metric.name, empty=False)
    _check_name("data set", metric.dataset)
    for name, value, allowed in (
        ("split", metric.split, get_args(Subset)),
        ("direction", metric.direction, get_args(Direction)),
        ("dims", metric.dims, [DIMS[:k] for k in range(1, len(DIMS) + 1)]),
    ):
        if value not in allowed:
            raise InputError(f"{name} of {path!r} is one of {', '.join(map(str, allowed))}; got {brief(value)}")
    if not metric.units:
        raise InputError(f"metric {path!r} has no units; state them, or 'none' for a number without")
    _check_text(f"units of {path!r}", metric.units)
    _check_text(f"the description of {path!r}", metric.description)


def check_numbers(path: str, values: FloatArray, missing: npt.NDArray[np.uint8], causes: int) -> None:
    """Test that numbers are NaN exactly where `missing` names one of the causes.

    Raises:
        InputError: They are not; says where.
    """
    wrong = np.where(missing == 0, ~np.isfinite(values), ~np.isnan(values))
    if wrong.any():
        at = tuple(map(int, np.argwhere(wrong)[0]))
        raise InputError(
            f"values of {path!r} are NaN exactly where missing says why, and finite elsewhere; at {at} the value "
            f"is {values[at]} and missing is {missing[at]}"
        )
    if int(missing.max(initial=0)) > causes:
        raise InputError(f"missing of {path!r} names cause {missing.max()}, but there are {causes} reasons")


def at_epoch(array: npt.NDArray[Number], at: int | None) -> npt.NDArray[Number]:
    """Numbers of a column at one position on the epoch axis; shape `(n, seeds)`, or `(n, 1)` without seeds."""
    return np.ascontiguousarray(array[:, None] if array.ndim == 1 else array if array.ndim == 2 else array[:, :, at])


def row_codes(space: Space, genotypes: GenotypeArray) -> npt.NDArray[Any]:
    """A sortable, unique value for each of `(n, d)` genotypes; shape `(n,)`.

    It is `Space.code` if that fits 64 bits, else the bytes of the row.
    """
    if math.prod(space.cardinalities) < 2**63:
        return space.code(genotypes)
    return np.ascontiguousarray(genotypes).view(f"V{genotypes.shape[1]}").ravel()


def in_order(values: npt.NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Labels of values `(r,)`, numbered by first occurrence, and the positions of first occurrences."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    return np.argsort(order)[inverse], first[order]


def _repeated_row(codes: npt.NDArray[Any], size: int) -> int | None:
    """Position of a code that occurs more than once, or None; `size` is the number of possible codes."""
    if size <= MAX_DIRECT_CODES:
        counts = np.bincount(codes, minlength=size)
        return int(np.argmax(counts[codes] > 1)) if counts.max() > 1 else None
    ordered = np.sort(codes)
    same = ordered[1:] == ordered[:-1]
    return int(np.argmax(codes == ordered[np.argmax(same)])) if same.any() else None


def _texts_of(value: Any) -> Iterator[str]:
    """All texts in JSON values, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _texts_of(name)
            yield from _texts_of(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts_of(part)


def _check_text(name: str, text: str, keep: str = "") -> None:
    if printable(text, keep=keep) != text:
        raise InputError(f"{name} is printable text, got {brief(text)}")


def _check_name(kind: str, name: str, empty: bool = True) -> None:
    if not (name or empty) or "/" in name or name in RESERVED_NAMES or not name.isprintable():
        raise InputError(
            f"the name of a {kind} is printable, without '/', and none of {', '.join(RESERVED_NAMES)}; "
            f"got {brief(name)}"
        )


def _check_integers(name: str, numbers: tuple[int, ...], *, increasing: bool) -> None:
    if len(numbers) > MAX_POSITIONS:
        raise InputError(f"{name} are at most {MAX_POSITIONS:,}, got {len(numbers):,}")
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise InputError(f"{name} are integers, got {brief(numbers)}")
    if len(set(numbers)) < len(numbers) or (increasing and list(numbers) != sorted(numbers)):
        raise InputError(f"{name} are {'increasing' if increasing else 'different'}, got {brief(numbers)}")
    if any(not -(2**63) <= number < 2**63 for number in numbers):
        raise InputError(f"{name} fit 64 bits, got {brief(numbers)}")

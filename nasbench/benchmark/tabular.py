"""A tabular benchmark: answers are what was measured, looked up by genotype, or else by the key of its graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Answer, Answers, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.benchmark.table import Column, Table, row_codes
from nasbench.errors import InputError, NotFoundError
from nasbench.spaces.base import Architecture, BoolArray, FloatArray, GenotypeArray

IntArray = npt.NDArray[np.int64]
Number = TypeVar("Number", bound=np.generic)

DIRECT = 2**22
"""Spaces with at most this many codes are looked up in an array of all of them."""
REMEMBERED = 2**20
"""Strings whose rows are remembered at most."""
ABSENT = -1


class View(NamedTuple):
    """One metric at one epoch, ready to be looked up by row.

    Attributes:
        metric: What the numbers are.
        epoch: Finished epochs; None where the metric has none.
        values: Answers of the seed policy, NaN where missing; shape `(n,)`.
        costs: Seconds of training, NaN where not recorded; shape `(n,)`.
        seeds: The seeds of every answer, or None where they differ by row.
        runs: Which seeds a row's answer is the mean of; shape `(n, seeds)`.
    """

    metric: Metric
    epoch: int | None
    values: FloatArray
    costs: FloatArray
    seeds: tuple[int, ...] | None
    runs: BoolArray


class Recorded(NamedTuple):
    """One metric at one epoch, by seed; a metric without seeds has one column.

    Attributes:
        epoch: Finished epochs; None where the metric has none.
        values: NaN where missing; shape `(n, seeds)`.
        costs: Seconds of training, NaN where not recorded; shape `(n, seeds)`.
    """

    epoch: int | None
    values: FloatArray
    costs: FloatArray


class TabularBenchmark(Benchmark):
    """Answers exactly from a table.

    An architecture is looked up by its genotype. One that is not in the table as such, but whose graph is isomorphic
    to that of a row, is answered with the first such row. Nothing is ever interpolated, imputed or drawn unless asked:
    `seed="mean"` is the mean over the seeds that have a number at that epoch, which the answer names.

    Args:
        table: The measurements.
        name: Name of the benchmark, for messages and results.
    """

    kind = "tabular"

    def __init__(self, table: Table, name: str = "the table") -> None:
        self.table, self.name, self.space = table, name, table.space
        self.metrics: Mapping[str, Metric] = {path: column.metric for path, column in table.columns.items()}
        self._views: dict[Any, View] = {}
        self._recorded_cache: dict[tuple[str, int | None], Recorded] = {}
        self._row_of_text: dict[str, int] = {}

    # --- queries ------------------------------------------------------------------------------------------------

    def query(
        self, architecture: Architecture, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One number; see `Benchmark.query`. A generator draws one of the seeds that have a number."""
        row = self._row(architecture)
        if isinstance(seed, np.random.Generator):
            return self._drawn(row, metric, epoch, seed)
        view = self._view(metric, epoch, seed)
        seeds = view.seeds
        if seeds is None:
            seeds = tuple(s for s, used in zip(self.table.seeds, view.runs[row].tolist(), strict=True) if used)
        value, facts = view.values.item(row), view.metric
        reason = None if value == value else self._reason(facts.path, row, view.epoch, seed)
        return Answer(value, facts.path, facts.split, facts.units, view.epoch, seeds, view.costs.item(row), reason)

    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """Many numbers; see `Benchmark.query_many`. A generator draws a seed for each architecture by itself."""
        rows = self._rows(self.space.check(genotypes))
        policy: int | str
        if isinstance(seed, np.random.Generator):
            found, recorded = self._recorded(metric, epoch)
            columns = _draw(np.isfinite(recorded.values[rows]), seed)
            values, at, policy = recorded.values[rows, columns], recorded.epoch, "random"
        else:
            view = self._view(metric, epoch, seed)
            values, found, at, policy = view.values[rows], view.metric, view.epoch, seed
        masked = np.ma.MaskedArray(values, mask=np.isnan(values), fill_value=np.nan)
        return Answers(masked, found.path, found.split, found.units, at, policy)

    def architectures(self) -> GenotypeArray:
        """The trained architectures `(n, d)`, in the order of the table."""
        return self.table.genotypes.copy()

    @cached_property
    def complete(self) -> bool:
        """Whether every architecture of the space is in the table, itself or as an isomorphic one."""
        if len(self.table.genotypes) == self.space.size:
            return True
        return all(bool((self._isomorphic(chunk) != ABSENT).all()) for chunk in self.space.enumerate())

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """Epochs at which the metric has a number for some architecture."""
        column = self.table.columns[self.metric(metric).path]
        if "epoch" not in column.metric.dims:
            return ()
        return _with_numbers(column, 2, self.table.epochs[column.metric.dataset])

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Seeds with which the metric has a number for some architecture."""
        column = self.table.columns[self.metric(metric).path]
        return _with_numbers(column, 1, self.table.seeds) if "seed" in column.metric.dims else ()

    # --- rows ---------------------------------------------------------------------------------------------------

    def _row(self, architecture: Architecture) -> int:
        if isinstance(architecture, str):
            row = self._row_of_text.get(architecture)
            if row is None:
                row = self._look_up(self.space.genotype(architecture))
                if len(self._row_of_text) < REMEMBERED:
                    self._row_of_text[architecture] = row
            return row
        if isinstance(architecture, np.ndarray) and architecture.dtype == np.int8 and architecture.ndim == 1:
            row = self._row_of_bytes.get(architecture.tobytes())
            if row is not None:
                return row
        return self._look_up(self.space.genotype(architecture))

    def _look_up(self, genotype: GenotypeArray) -> int:
        row = self._row_of_bytes.get(genotype.tobytes())
        return int(self._rows(genotype[None])[0]) if row is None else row

    @cached_property
    def _row_of_bytes(self) -> dict[bytes, int]:
        data, d = self.table.genotypes.tobytes(), self.table.genotypes.shape[1]
        return {data[row * d : (row + 1) * d]: row for row in range(len(self.table.genotypes))}

    def _rows(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        """Row of each of `(n, d)` checked genotypes.

        Raises:
            NotFoundError: One is not in the table; names the first.
        """
        rows = self._exact(genotypes)
        absent = np.flatnonzero(rows == ABSENT)
        if len(absent):
            rows[absent] = self._isomorphic(genotypes[absent])
            still = absent[rows[absent] == ABSENT]
            if len(still):
                raise NotFoundError(
                    f"{self.space.text(genotypes[still[0]])} is not among the {len(self.table.genotypes):,} trained "
                    f"architectures of {self.name}; ask for one of those, or fit a surrogate for the whole space: "
                    "nasbench surrogate FILE --predictor P --metric M --out FILE"
                )
        return rows

    def _exact(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        if self._direct is not None:
            return self._direct[self.space.code(genotypes)]
        return _find(row_codes(self.space, genotypes), *self._by_code)

    def _isomorphic(self, genotypes: GenotypeArray) -> npt.NDArray[np.intp]:
        return _find(self.space.key(genotypes), *self._by_key)

    @cached_property
    def _direct(self) -> npt.NDArray[np.intp] | None:
        """Row by code, where the space has few codes."""
        size = math.prod(self.space.choices)
        if size > DIRECT:
            return None
        rows = np.full(size, ABSENT, dtype=np.intp)
        rows[self.space.code(self.table.genotypes)] = np.arange(len(self.table.genotypes))
        return rows

    @cached_property
    def _by_code(self) -> tuple[npt.NDArray[Any], npt.NDArray[np.intp]]:
        codes = row_codes(self.space, self.table.genotypes)
        order = np.argsort(codes)
        return codes[order], order

    @cached_property
    def _by_key(self) -> tuple[IntArray, npt.NDArray[np.intp]]:
        """Sorted different keys, and the first row of each."""
        return np.unique(self.space.key(self.table.genotypes), return_index=True)

    # --- numbers ------------------------------------------------------------------------------------------------

    def _view(self, metric: str, epoch: Epoch, seed: Any) -> View:
        name = (metric, epoch, seed, type(epoch), type(seed))
        try:
            view = self._views.get(name)
        except TypeError:
            raise InputError(
                f"an epoch is a number or 'last', a seed a number or 'mean'; got {epoch!r}, {seed!r}"
            ) from None
        if view is not None:
            return view
        found, recorded = self._recorded(metric, epoch)
        seeded = "seed" in found.dims
        runs = np.isfinite(recorded.values)
        if seed == "mean" and isinstance(seed, str):
            values = _mean(recorded.values, runs)
            counted = runs | ~runs.any(axis=1, keepdims=True)  # what failed with every seed has cost its time too
            costs = _mean(recorded.costs, counted & np.isfinite(recorded.costs))
            seeds = None if not runs.all() else self.table.seeds
        else:
            column = self._seed_column(found, seed)
            values, costs = recorded.values[:, column].copy(), recorded.costs[:, column].copy()
            seeds = (self.table.seeds[column],)
        view = View(found, recorded.epoch, values, costs, seeds if seeded else (), runs)
        self._views[name] = view
        return view

    def _seed_column(self, found: Metric, seed: Any) -> int:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise InputError(f"a seed is a recorded seed, 'mean' or a numpy Generator; got {seed!r}")
        known = self.recorded_seeds(found.path)
        if not known:
            raise NotFoundError(f"{found.path!r} does not depend on a training seed; ask for it with seed='mean'")
        if seed not in known:
            raise NotFoundError(f"{found.path!r} was not recorded with seed {seed}; it has {_listed(known)}, or 'mean'")
        return self.table.seeds.index(int(seed))

    def _drawn(self, row: int, metric: str, epoch: Epoch, rng: np.random.Generator) -> Answer:
        found, recorded = self._recorded(metric, epoch)
        column = int(_draw(np.isfinite(recorded.values[[row]]), rng)[0])
        value, cost = recorded.values.item(row, column), recorded.costs.item(row, column)
        seeds = (self.table.seeds[column],) if "seed" in found.dims else ()
        reason = None if value == value else self._reason(found.path, row, recorded.epoch, "mean")
        return Answer(value, found.path, found.split, found.units, recorded.epoch, seeds, cost, reason)

    def _recorded(self, metric: str, epoch: Epoch) -> tuple[Metric, Recorded]:
        """A metric at an epoch by seed, with what the training up to there cost."""
        found = self.metric(metric)
        at, finished = self._epoch(found, epoch)
        name = (found.path, at)
        if name not in self._recorded_cache:
            values = _slice(self.table.columns[found.path].values, at)
            self._recorded_cache[name] = Recorded(finished, values, self._costs(found, at, values.shape))
        return found, self._recorded_cache[name]

    def _epoch(self, found: Metric, epoch: Any) -> tuple[int | None, int | None]:
        """Position on the axis of epochs, and the epoch there; both None for a metric without epochs."""
        known = self.recorded_epochs(found.path)
        if isinstance(epoch, str) and epoch == "last":
            if not known:
                return None, None
            epoch = known[-1]
        elif isinstance(epoch, bool) or not isinstance(epoch, int | np.integer):
            raise InputError(f"an epoch is a number of finished epochs or 'last'; got {epoch!r}")
        elif not known:
            raise NotFoundError(f"{found.path!r} was not recorded by epoch; ask for it with epoch='last'")
        elif epoch not in known:
            raise NotFoundError(f"{found.path!r} was not recorded at epoch {epoch}; it has {_listed(known)}")
        return self.table.epochs[found.dataset].index(int(epoch)), int(epoch)

    def _costs(self, found: Metric, at: int | None, shape: tuple[int, ...]) -> FloatArray:
        """Seconds of training `(n, seeds)`; NaN for what needs no training, such as a number of parameters."""
        column = self.table.columns.get(f"{found.dataset}/train_seconds" if found.dataset else "train_seconds")
        if column is None or (found.split == "none" and "epoch" not in found.dims):
            return np.full(shape, np.nan)
        dated = "epoch" in column.metric.dims
        last = self._epoch(column.metric, "last")[0]
        if not dated and at is not None and at != self._epoch(found, "last")[0]:
            return np.full(shape, np.nan)  # only the whole training was timed
        costs = _slice(column.values, (last if at is None else at) if dated else None)
        if costs.shape != shape:
            costs = np.broadcast_to(_mean(costs, np.isfinite(costs))[:, None], shape)
        return costs

    def _reason(self, path: str, row: int, epoch: int | None, seed: Any) -> str:
        """Why a row has no number: the causes by seed, or the one cause of all."""
        column, metric = self.table.columns[path], self.metrics[path]
        at = None if epoch is None else self.table.epochs[metric.dataset].index(epoch)
        codes: list[int] = _slice(column.missing, at)[row].tolist()
        if "seed" in metric.dims and not isinstance(seed, str):
            return column.reasons[codes[self.table.seeds.index(int(seed))] - 1]
        causes = [column.reasons[code - 1] for code in codes]
        if len(set(causes)) == 1:
            return causes[0]
        return "; ".join(f"seed {seed}: {cause}" for seed, cause in zip(self.table.seeds, causes, strict=True))


def _find(wanted: npt.NDArray[Any], names: npt.NDArray[Any], rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """For each wanted value the row of the equal one among sorted names, or `ABSENT`."""
    at = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[at] == wanted, rows[at], ABSENT)


def _slice(array: npt.NDArray[Number], at: int | None) -> npt.NDArray[Number]:
    """Numbers of a column at a position of the axis of epochs by seed; shape `(n, seeds)`, or `(n, 1)` without."""
    return np.ascontiguousarray(array[:, None] if array.ndim == 1 else array if array.ndim == 2 else array[:, :, at])


def _with_numbers(column: Column, axis: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the seeds or epochs along an axis at which anything was measured; all where nothing was."""
    others = tuple(other for other in range(column.missing.ndim) if other != axis)
    measured = (column.missing == 0).any(axis=others)
    return tuple(number for number, any_ in zip(numbers, measured, strict=True) if any_) or numbers


def _mean(values: FloatArray, used: BoolArray) -> FloatArray:
    """Mean of each row over the columns that are used; NaN where none is."""
    if values.shape[1] == 1:
        return np.where(used[:, 0], values[:, 0], np.nan)
    count = used.sum(axis=1)
    total = values.sum(axis=1, where=used)
    mean: FloatArray = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return mean


def _draw(present: BoolArray, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """For each row one of the columns that have a number, each with equal chance; the first where none has."""
    count = present.sum(axis=1)
    wanted = (rng.random(len(present)) * count).astype(np.intp)
    column: npt.NDArray[np.intp] = np.argmax(np.cumsum(present, axis=1) > wanted[:, None], axis=1)
    return column


def _listed(numbers: tuple[int, ...]) -> str:
    """Numbers for a message: all of a few, the ends of many."""
    if len(numbers) <= 12:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[:5]))}, ..., {numbers[-1]} ({len(numbers)} of them)"

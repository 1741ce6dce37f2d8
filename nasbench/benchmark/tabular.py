"""A tabular benchmark: every answer is a recorded measurement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Answer, Answers, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.benchmark.row_index import RowIndex
from nasbench.benchmark.table import Column, Lazy, Table
from nasbench.errors import InputError, NotFoundError
from nasbench.types import Architecture, BoolArray, FloatArray

Arrays = TypeVar("Arrays", bound=NamedTuple)

MAX_CACHED_BYTES = 2**26
"""Largest total size of the arrays that an `ArrayCache` holds."""


class View(NamedTuple):
    """One metric at one epoch and for one seed policy, ready to be looked up by row.

    Attributes:
        metric: The metric of the numbers.
        row_index: Finds the row that answers for an architecture.
        epoch: Finished epochs; None for a metric without epochs.
        values: Answers, NaN where missing; shape `(n,)`.
        costs: Seconds of training, NaN where not recorded; shape `(n,)`.
        seeds: Seeds of the answers; of a mean, the seeds that `missing` marks do not count.
        missing: `Plane.missing` for those seeds, shape `(n, seeds)`; None if every number was measured.
        mean: Whether the seed policy is the mean.
    """

    metric: Metric
    row_index: RowIndex
    epoch: int | None
    values: FloatArray
    costs: FloatArray
    seeds: tuple[int, ...]
    missing: npt.NDArray[np.uint8] | None
    mean: bool


class Recorded(NamedTuple):
    """One metric at one epoch by seed; a metric without seeds has one column.

    Attributes:
        metric: The metric of the numbers.
        epoch: Finished epochs; None for a metric without epochs.
        values: NaN where missing; shape `(n, seeds)`.
        missing: `Plane.missing`.
        costs: Seconds of training, NaN where not recorded; shape `(n, seeds)`.
    """

    metric: Metric
    epoch: int | None
    values: FloatArray
    missing: npt.NDArray[np.uint8] | None
    costs: FloatArray


class TabularBenchmark(Benchmark):
    """Answers from a table, without interpolation or imputation.

    An architecture is looked up by its genotype. If the genotype is not in the table, a row with an isomorphic graph
    answers: the row in canonical form, or else the first. If the table has trained one architecture for each function
    (`Table.rows_stand_for_functions`), that row also answers for the other architectures with the same function, but
    only with trained metrics, not with costs of the network. `seed="mean"` is the mean over the seeds that have a
    number at the epoch; the answer names them. A Python integer in place of an architecture is a row number of
    `architectures()`.

    Args:
        table: The measurements.
        name: Name of the benchmark in messages and results.
    """

    kind = "tabular"

    def __init__(self, table: Table, name: str = "the table") -> None:
        self.table, self.name, self.space = table, name, table.space
        self.metrics: Mapping[str, Metric] = Lazy(table.columns, partial(_metric, table.columns))
        self._views = ArrayCache()
        self._recordings = ArrayCache()
        self._graph_index = RowIndex(table, name)
        self._training_index = (
            RowIndex(table, name, functions=True) if table.rows_stand_for_functions else self._graph_index
        )

    # --- queries ------------------------------------------------------------------------------------------------

    def query(
        self, architecture: Architecture | int, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One number; see `Benchmark.query`. A generator draws from the seeds that have a number."""
        if isinstance(seed, np.random.Generator):
            return self._drawn(architecture, metric, epoch, seed)
        view = self._view(metric, epoch, seed)
        row = view.row_index.row(architecture)
        value, facts, seeds, reason = view.values.item(row), view.metric, view.seeds, None
        if view.missing is not None:
            codes = view.missing[row].tolist()
            if any(codes):
                if view.mean and seeds:
                    seeds = tuple(s for s, code in zip(seeds, codes, strict=True) if not code)
                reason = None if value == value else self._reason(facts, view.seeds, codes)
        return Answer(value, facts.path, facts.split, facts.units, view.epoch, seeds, view.costs.item(row), reason)

    def query_many(
        self, genotypes: npt.ArrayLike, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answers:
        """Many numbers; see `Benchmark.query_many`. A generator draws a seed for each architecture."""
        genotypes = self.space.check(genotypes)
        policy: int | str
        if isinstance(seed, np.random.Generator):
            recorded = self._recorded(metric, epoch)
            facts, rows = recorded.metric, self._index_for(recorded.metric).rows(genotypes)
            columns = _draw(np.isfinite(recorded.values[rows]), seed)
            values, at, policy = recorded.values[rows, columns], recorded.epoch, "random"
        else:
            view = self._view(metric, epoch, seed)
            values, facts, at = view.values[view.row_index.rows(genotypes)], view.metric, view.epoch
            policy = seed if isinstance(seed, str) else int(seed)
        masked = np.ma.MaskedArray(values, mask=np.isnan(values), fill_value=np.nan)
        return Answers(masked, facts.path, facts.split, facts.units, at, policy)

    def answered(self, architecture: Architecture) -> list[str]:
        """All metrics, or only trained ones if the row is of another architecture with the same function."""
        try:
            self._graph_index.row(architecture)
        except NotFoundError:
            self._training_index.row(architecture)
            return [path for path, metric in self.metrics.items() if metric.trained]
        return list(self.metrics)

    def rows_of(self, genotypes: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Rows of `architectures()` whose trainings answer for architectures `(n, d)`; shape `(n,)`.

        Raises:
            NotFoundError: No row answers for one of them; names the first.
        """
        return self._training_index.rows(self.space.check(genotypes))

    @cached_property
    def complete(self) -> bool:
        """Whether trained metrics are known for every architecture of the space."""
        return self._training_index.complete

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """Epochs at which some architecture has a number."""
        facts = self.metric(metric)
        return self._recorded_along(facts.path, 2, self.table.epochs[facts.dataset]) if "epoch" in facts.dims else ()

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Seeds with which some architecture has a number."""
        facts = self.metric(metric)
        return self._recorded_along(facts.path, 1, self.table.seeds) if facts.seeded else ()

    def _recorded_along(self, path: str, axis: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds or epochs along an axis that have any measurement; all of them if none has."""
        key = (path, axis)
        if key not in self._along:
            measured = self.table.columns[path].measured(axis)
            self._along[key] = tuple(np.array(numbers)[measured].tolist()) or numbers
        return self._along[key]

    @cached_property
    def _along(self) -> dict[tuple[str, int], tuple[int, ...]]:
        return {}

    # --- numbers ------------------------------------------------------------------------------------------------

    def _view(self, metric: str, epoch: Epoch, seed: Any) -> View:
        key = (metric, epoch, seed, type(epoch), type(seed))
        try:
            view = self._views.get(key)
        except TypeError:
            self.metric(metric)
            raise InputError(
                f"an epoch is a number or 'last', a seed a number or 'mean'; got {epoch!r}, {seed!r}"
            ) from None
        return view or self._views.add(key, self._new_view(metric, epoch, seed))

    def _new_view(self, metric: str, epoch: Epoch, seed: Any) -> View:
        recorded = self._read(metric, epoch)
        facts, measured, missing = recorded.metric, np.isfinite(recorded.values), recorded.missing
        mean = isinstance(seed, str) and seed == "mean"
        if mean:
            values, seeds = _mean(recorded.values, measured), self.table.seeds
            counted = measured | ~measured.any(axis=1, keepdims=True)  # trainings that all failed cost time too
            costs = _mean(recorded.costs, counted & np.isfinite(recorded.costs))
        else:
            column = self._seed_column(facts, seed)
            values, costs = recorded.values[:, column].copy(), recorded.costs[:, column].copy()
            seeds, missing = (self.table.seeds[column],), missing if missing is None else missing[:, [column]]
        if np.isnan(costs).all():
            costs = np.broadcast_to(np.nan, costs.shape)
        return View(
            facts, self._index_for(facts), recorded.epoch, values, costs, seeds if facts.seeded else (), missing, mean
        )

    def _index_for(self, metric: Metric) -> RowIndex:
        return self._training_index if metric.trained else self._graph_index

    def _seed_column(self, metric: Metric, seed: Any) -> int:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise InputError(f"a seed is a recorded seed, 'mean' or a numpy Generator; got {seed!r}")
        known = self.recorded_seeds(metric.path)
        if not known:
            raise NotFoundError(f"{metric.path!r} does not depend on a training seed; ask for it with seed='mean'")
        if seed not in known:
            raise NotFoundError(
                f"{metric.path!r} was not recorded with seed {seed}; it has {_listed(known)}, or 'mean'"
            )
        return self.table.seeds.index(int(seed))

    def _drawn(self, architecture: Architecture | int, metric: str, epoch: Epoch, rng: np.random.Generator) -> Answer:
        recorded = self._recorded(metric, epoch)
        facts = recorded.metric
        row = self._index_for(facts).row(architecture)
        column = int(_draw(np.isfinite(recorded.values[[row]]), rng)[0])
        value, cost = recorded.values.item(row, column), recorded.costs.item(row, column)
        seeds = (self.table.seeds[column],) if facts.seeded and value == value else ()
        reason = None
        if recorded.missing is not None and value != value:
            reason = self._reason(facts, self.table.seeds, recorded.missing[row].tolist())
        return Answer(value, facts.path, facts.split, facts.units, recorded.epoch, seeds, cost, reason)

    def _recorded(self, metric: str, epoch: Epoch) -> Recorded:
        """The result of `_read`, cached, because draws come one by one."""
        key = (metric, epoch, type(epoch))
        try:
            recorded: Recorded | None = self._recordings.get(key)
        except TypeError:
            self.metric(metric)
            raise InputError(f"an epoch is a number or 'last'; got {epoch!r}") from None
        return recorded or self._recordings.add(key, self._read(metric, epoch))

    def _read(self, metric: str, epoch: Epoch) -> Recorded:
        """A metric at an epoch by seed, with the cost of the training up to that epoch."""
        facts = self.metric(metric)
        at, finished = self._epoch(facts, epoch)
        values, missing = self.table.columns[facts.path].plane(at)
        return Recorded(facts, finished, values, missing, self._costs(facts, at, values.shape))

    def _epoch(self, metric: Metric, epoch: Any) -> tuple[int | None, int | None]:
        """Position on the epoch axis, and the epoch there; both None for a metric without epochs."""
        known = self.recorded_epochs(metric.path)
        if isinstance(epoch, str) and epoch == "last":
            if not known:
                return None, None
            epoch = known[-1]
        elif isinstance(epoch, bool) or not isinstance(epoch, int | np.integer):
            raise InputError(f"an epoch is a number of finished epochs or 'last'; got {epoch!r}")
        elif not known:
            raise NotFoundError(f"{metric.path!r} was not recorded by epoch; ask for it with epoch='last'")
        elif epoch not in known:
            raise NotFoundError(f"{metric.path!r} was not recorded at epoch {epoch}; it has {_listed(known)}")
        return self.table.epochs[metric.dataset].index(int(epoch)), int(epoch)

    def _costs(self, metric: Metric, at: int | None, shape: tuple[int, ...]) -> FloatArray:
        """Seconds of training `(n, seeds)`; NaN for metrics that need no training, such as parameters."""
        column = self.table.columns.get(metric.cost_path)
        if column is None or (metric.split == "none" and "epoch" not in metric.dims):
            return np.broadcast_to(np.nan, shape)
        dated = "epoch" in column.metric.dims
        last = self._epoch(column.metric, "last")[0]
        if not dated and at is not None and at != self._epoch(metric, "last")[0]:
            return np.broadcast_to(np.nan, shape)  # only the full training was timed
        costs = column.plane((last if at is None else at) if dated else None).values
        if costs.shape != shape:
            costs = np.broadcast_to(_mean(costs, np.isfinite(costs))[:, None], shape)
        return costs

    def _reason(self, metric: Metric, seeds: tuple[int, ...], codes: list[int]) -> str:
        """Why a row has no number: one cause, or one per seed; `codes` are its `missing` by seed."""
        reasons = self.table.columns[metric.path].reasons
        causes = [reasons[code - 1] for code in codes]
        if len(set(causes)) == 1:
            return causes[0]
        return "; ".join(f"seed {seed}: {cause}" for seed, cause in zip(seeds, causes, strict=True))


def _metric(columns: Mapping[str, Column], path: str) -> Metric:
    return columns[path].metric


class ArrayCache(dict[Any, Any]):
    """Tuples of arrays by name; emptied when they would exceed `MAX_CACHED_BYTES`."""

    bytes = 0

    def add(self, name: Any, arrays: Arrays) -> Arrays:
        """Store arrays under a name, and return them."""
        size = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray) and any(array.strides))
        with _ADDING:
            if self.bytes + size > MAX_CACHED_BYTES:
                self.clear()
                self.bytes = 0
            self.bytes += size
            self[name] = arrays
        return arrays


_ADDING = Lock()
"""Held while a cache of any benchmark counts its bytes; in no cache, as caches travel to other processes."""


def _mean(values: FloatArray, used: BoolArray) -> FloatArray:
    """Mean of each row over the used columns; NaN for a row without any."""
    if values.shape[1] == 1:
        return np.where(used[:, 0], values[:, 0], np.nan)
    count = used.sum(axis=1)
    total = values.sum(axis=1, where=used)
    mean: FloatArray = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return mean


def _draw(present: BoolArray, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """A uniformly drawn column with a number for each row; the first column if the row has no number."""
    count = present.sum(axis=1)
    wanted = (rng.random(len(present)) * count).astype(np.intp)
    column: npt.NDArray[np.intp] = np.argmax(np.cumsum(present, axis=1) > wanted[:, None], axis=1)
    return column


def _listed(numbers: tuple[int, ...]) -> str:
    """Numbers for a message: all if they are few, else the first and the last."""
    if len(numbers) <= 12:
        return ", ".join(map(str, numbers))
    return f"{', '.join(map(str, numbers[:5]))}, ..., {numbers[-1]} ({len(numbers)} of them)"

"""A tabular benchmark: answers are what was measured, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Answer, Answers, Benchmark, Epoch, Metric, SeedPolicy
from nasbench.benchmark.row_index import Rows
from nasbench.benchmark.table import Column, Lazy, Table
from nasbench.errors import InputError, NotFoundError
from nasbench.types import Architecture, BoolArray, FloatArray, GenotypeArray

Arrays = TypeVar("Arrays", bound=NamedTuple)

KEPT = 2**26
"""Bytes of numbers that are kept for the next question."""


class View(NamedTuple):
    """One metric at one epoch, ready to be looked up by row.

    Attributes:
        metric: What the numbers are.
        rows: Which row answers for an architecture.
        epoch: Finished epochs; None where the metric has none.
        values: Answers of the seed policy, NaN where missing; shape `(n,)`.
        costs: Seconds of training, NaN where not recorded; shape `(n,)`.
        seeds: The seeds that answers are the mean of, but for those that `missing` tells of a `mean`.
        missing: As `Plane.missing`, of those seeds; shape `(n, seeds)`, None where every number was measured.
        mean: Whether the seed policy is the mean.
    """

    metric: Metric
    rows: Rows
    epoch: int | None
    values: FloatArray
    costs: FloatArray
    seeds: tuple[int, ...]
    missing: npt.NDArray[np.uint8] | None
    mean: bool


class Recorded(NamedTuple):
    """One metric at one epoch, by seed; a metric without seeds has one column.

    Attributes:
        epoch: Finished epochs; None where the metric has none.
        values: NaN where missing; shape `(n, seeds)`.
        missing: As `Plane.missing`.
        costs: Seconds of training, NaN where not recorded; shape `(n, seeds)`.
    """

    epoch: int | None
    values: FloatArray
    missing: npt.NDArray[np.uint8] | None
    costs: FloatArray


class TabularBenchmark(Benchmark):
    """Answers exactly from a table.

    An architecture is looked up by its genotype. One that is not in the table as such, but whose graph is isomorphic
    to that of a row, is answered with that row (of several, the one in canonical form, or else the first). Where the
    table has trained one architecture of each function (`Table.rows_stand_for_functions`), it also answers for the
    others of that function with what came of training, but not with what a network costs. Nothing is ever interpolated,
    imputed or drawn unless asked: `seed="mean"` is the mean over the seeds that have a number at that epoch, which the
    answer names. A Python integer in place of an architecture is a row of `architectures()`.

    Args:
        table: The measurements.
        name: Name of the benchmark, for messages and results.
    """

    kind = "tabular"

    def __init__(self, table: Table, name: str = "the table") -> None:
        self.table, self.name, self.space = table, name, table.space
        self.metrics: Mapping[str, Metric] = Lazy(table.columns, partial(_metric, table.columns))
        self._views = Kept()
        self._drawn_from = Kept()
        self._own = Rows(table, name)
        self._trained = Rows(table, name, functions=True) if table.rows_stand_for_functions else self._own

    # --- queries ------------------------------------------------------------------------------------------------

    def query(
        self, architecture: Architecture | int, metric: str, *, epoch: Epoch = "last", seed: SeedPolicy = "mean"
    ) -> Answer:
        """One number; see `Benchmark.query`. A generator draws one of the seeds that have a number."""
        if isinstance(seed, np.random.Generator):
            return self._drawn(architecture, metric, epoch, seed)
        view = self._view(metric, epoch, seed)
        row = view.rows.one(architecture)
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
        """Many numbers; see `Benchmark.query_many`. A generator draws a seed for each architecture by itself."""
        genotypes = self.space.check(genotypes)
        policy: int | str
        if isinstance(seed, np.random.Generator):
            found, recorded = self._recorded(metric, epoch)
            rows = self._rows(found).many(genotypes)
            columns = _draw(np.isfinite(recorded.values[rows]), seed)
            values, at, policy = recorded.values[rows, columns], recorded.epoch, "random"
        else:
            view = self._view(metric, epoch, seed)
            values, found, at, policy = view.values[view.rows.many(genotypes)], view.metric, view.epoch, seed
        masked = np.ma.MaskedArray(values, mask=np.isnan(values), fill_value=np.nan)
        return Answers(masked, found.path, found.split, found.units, at, policy)

    def architectures(self) -> GenotypeArray:
        """The trained architectures `(n, d)`, in the order of the table."""
        return self.table.genotypes.copy()

    def answered(self, architecture: Architecture) -> list[str]:
        """All metrics; of an architecture that has no row but one of its function, what came of training."""
        try:
            self._own.one(architecture)
        except NotFoundError:
            self._trained.one(architecture)
            return [path for path, metric in self.metrics.items() if metric.trained]
        return list(self.metrics)

    def rows_of(self, genotypes: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Rows of `architectures()` whose trainings answer for architectures `(n, d)`; shape `(n,)`.

        Raises:
            NotFoundError: One of them is not answered; names the first.
        """
        return self._trained.many(self.space.check(genotypes))

    @cached_property
    def complete(self) -> bool:
        """Whether every architecture of the space is answered with what came of training."""
        return self._trained.complete

    def recorded_epochs(self, metric: str) -> tuple[int, ...]:
        """Epochs at which the metric has a number for some architecture."""
        found = self.metric(metric)
        return self._recorded_along(found.path, 2, self.table.epochs[found.dataset]) if "epoch" in found.dims else ()

    def recorded_seeds(self, metric: str) -> tuple[int, ...]:
        """Seeds with which the metric has a number for some architecture."""
        found = self.metric(metric)
        return self._recorded_along(found.path, 1, self.table.seeds) if found.seeded else ()

    def _recorded_along(self, path: str, axis: int, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Those of the seeds or epochs along an axis at which anything was measured; all where nothing was."""
        name = (path, axis)
        if name not in self._along:
            measured = self.table.columns[path].measured(axis)
            self._along[name] = tuple(np.array(numbers)[measured].tolist()) or numbers
        return self._along[name]

    @cached_property
    def _along(self) -> dict[tuple[str, int], tuple[int, ...]]:
        return {}

    # --- numbers ------------------------------------------------------------------------------------------------

    def _view(self, metric: str, epoch: Epoch, seed: Any) -> View:
        name = (metric, epoch, seed, type(epoch), type(seed))
        try:
            view = self._views.get(name)
        except TypeError:
            raise InputError(
                f"an epoch is a number or 'last', a seed a number or 'mean'; got {epoch!r}, {seed!r}"
            ) from None
        return view or self._views.keep(name, self._made_view(metric, epoch, seed))

    def _made_view(self, metric: str, epoch: Epoch, seed: Any) -> View:
        found, recorded = self._read(metric, epoch)
        measured, missing = np.isfinite(recorded.values), recorded.missing
        mean = isinstance(seed, str) and seed == "mean"
        if mean:
            values, seeds = _mean(recorded.values, measured), self.table.seeds
            counted = measured | ~measured.any(axis=1, keepdims=True)  # what failed with every seed has cost time too
            costs = _mean(recorded.costs, counted & np.isfinite(recorded.costs))
        else:
            column = self._seed_column(found, seed)
            values, costs = recorded.values[:, column].copy(), recorded.costs[:, column].copy()
            seeds, missing = (self.table.seeds[column],), missing if missing is None else missing[:, [column]]
        if np.isnan(costs).all():
            costs = np.broadcast_to(np.nan, costs.shape)
        return View(
            found, self._rows(found), recorded.epoch, values, costs, seeds if found.seeded else (), missing, mean
        )

    def _rows(self, found: Metric) -> Rows:
        return self._trained if found.trained else self._own

    def _seed_column(self, found: Metric, seed: Any) -> int:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise InputError(f"a seed is a recorded seed, 'mean' or a numpy Generator; got {seed!r}")
        known = self.recorded_seeds(found.path)
        if not known:
            raise NotFoundError(f"{found.path!r} does not depend on a training seed; ask for it with seed='mean'")
        if seed not in known:
            raise NotFoundError(f"{found.path!r} was not recorded with seed {seed}; it has {_listed(known)}, or 'mean'")
        return self.table.seeds.index(int(seed))

    def _drawn(self, architecture: Architecture | int, metric: str, epoch: Epoch, rng: np.random.Generator) -> Answer:
        found, recorded = self._recorded(metric, epoch)
        row = self._rows(found).one(architecture)
        column = int(_draw(np.isfinite(recorded.values[[row]]), rng)[0])
        value, cost = recorded.values.item(row, column), recorded.costs.item(row, column)
        seeds = (self.table.seeds[column],) if found.seeded else ()
        reason = None
        if recorded.missing is not None and value != value:
            reason = self._reason(found, self.table.seeds, recorded.missing[row].tolist())
        return Answer(value, found.path, found.split, found.units, recorded.epoch, seeds, cost, reason)

    def _recorded(self, metric: str, epoch: Epoch) -> tuple[Metric, Recorded]:
        """What `_read` gives, kept, as draws are made one by one."""
        name = (metric, epoch, type(epoch))
        kept: tuple[Metric, Recorded] | None = self._drawn_from.get(name)
        if kept is None:
            found, recorded = self._read(metric, epoch)
            kept = found, self._drawn_from.keep(name, recorded)
            self._drawn_from[name] = kept
        return kept

    def _read(self, metric: str, epoch: Epoch) -> tuple[Metric, Recorded]:
        """A metric at an epoch by seed, with what the training up to there cost."""
        found = self.metric(metric)
        at, finished = self._epoch(found, epoch)
        values, missing = self.table.columns[found.path].plane(at)
        return found, Recorded(finished, values, missing, self._costs(found, at, values.shape))

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
        column = self.table.columns.get(found.cost_path)
        if column is None or (found.split == "none" and "epoch" not in found.dims):
            return np.broadcast_to(np.nan, shape)
        dated = "epoch" in column.metric.dims
        last = self._epoch(column.metric, "last")[0]
        if not dated and at is not None and at != self._epoch(found, "last")[0]:
            return np.broadcast_to(np.nan, shape)  # only the whole training was timed
        costs = column.plane((last if at is None else at) if dated else None).values
        if costs.shape != shape:
            costs = np.broadcast_to(_mean(costs, np.isfinite(costs))[:, None], shape)
        return costs

    def _reason(self, metric: Metric, seeds: tuple[int, ...], codes: list[int]) -> str:
        """Why a row has no number, of which `codes` are the codes by seed: the causes, or the one cause of all."""
        reasons = self.table.columns[metric.path].reasons
        causes = [reasons[code - 1] for code in codes]
        if len(set(causes)) == 1:
            return causes[0]
        return "; ".join(f"seed {seed}: {cause}" for seed, cause in zip(seeds, causes, strict=True))


def _metric(columns: Mapping[str, Column], path: str) -> Metric:
    return columns[path].metric


class Kept(dict[Any, Any]):
    """Arrays made once and kept; forgotten all together where they take more than `KEPT` bytes."""

    bytes = 0

    def keep(self, name: Any, arrays: Arrays) -> Arrays:
        """Keep arrays under a name."""
        size = sum(array.nbytes for array in arrays if isinstance(array, np.ndarray) and any(array.strides))
        if self.bytes + size > KEPT:
            self.clear()
            self.bytes = 0
        self.bytes += size
        self[name] = arrays
        return arrays


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

"""Evaluators: what a simulated training of an architecture scores and costs, and its test value for scoring alone."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.benchmark.base import Benchmark, Epoch, SeedPolicy, static_metric
from nasbench.benchmark.load import load
from nasbench.errors import InputError
from nasbench.search.problem import Budget, Constraint, Objective, Problem, feasible
from nasbench.simulator.draws import check_draws, draws_of, training_keys
from nasbench.simulator.search_metrics import epoch_tested, epoch_timed, median_cost, search_metrics, static_values
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray, IntArray, KeyArray

MAX_TABULATED_GENOTYPES = 2_000_000
"""Largest space that is tabulated before a comparison."""
MAX_TABULATED_NUMBERS = 200_000_000
"""Most numbers that a tabulated metric may have, over all architectures and epochs."""
ROWS_AT_ONCE = 65_536


class Evaluator(ABC):
    """Answers trials of one benchmark. An architecture is known by its row, a fidelity by its position.

    A failed training whose time is not recorded takes the median time of the trainings of that length.

    Attributes:
        space: The search space.
        metrics: Metrics behind the objectives.
        objectives: The objectives, as strategies see them.
        fidelities: Epochs that a trial can ask for, increasing; the last is a full training.
        resumable: Whether a longer training continues a shorter one.
        has_costs: Whether training times are recorded; if not, a full training takes one unit of time.
        constraints: Bounds on static metrics.
    """

    has_costs: bool

    def __init__(
        self, benchmark: Benchmark, names: Sequence[str], constraints: Sequence[Constraint] = (), draws: bool = False
    ) -> None:
        """Look up what is needed.

        Args:
            benchmark: Answers for its whole space.
            names: Metrics behind the objectives.
            constraints: Bounds on static metrics.
            draws: Whether `drawn` is going to be called.
        """
        self.space: Space = benchmark.space
        self.metrics = search_metrics(benchmark, names)
        if draws:
            check_draws(benchmark, self.metrics.guides[0])
        self._draws = [draws_of(benchmark, guide) for guide in self.metrics.guides] if draws else []
        self.objectives = tuple(Objective(m.path, m.units, m.direction) for m in self.metrics.guides)
        self.fidelities = tuple(self.metrics.epochs)
        self.resumable = self.metrics.guides[0].resumable
        self.constraints = tuple(constraints)
        self._signs = tuple(objective.sign for objective in self.objectives)

    def problem(self, budget: Budget, workers: int, initial: GenotypeArray | None = None) -> Problem:
        """What a strategy may know.

        Raises:
            InputError: The budget is in seconds, and training times are not recorded.
        """
        if budget.seconds is not None and not self.has_costs:
            raise InputError("this benchmark does not record train_seconds; give the budget in evaluations or epochs")
        return Problem(
            space=self.space,
            objectives=self.objectives,
            fidelities=self.fidelities,
            budget=budget,
            resumable=self.resumable,
            workers=workers,
            initial=np.empty((0, 0), dtype=np.int8) if initial is None else initial,
            constraints=self.constraints,
            lookup=self.column,
        )

    def feasible(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of `n` architectures `(n, d)` meet all constraints; shape `(n,)`."""
        return feasible(self.constraints, self.column, genotypes)

    @abstractmethod
    def drawn(self, seed: int) -> Self:
        """The evaluator with scores and curves of one training of each architecture, not of the mean over seeds.

        Rows stay the same, and so do training times and test scores: those of means. See `nasbench.simulator.draws`.

        Args:
            seed: Number of the draw; equal ones draw the same.
        """

    @abstractmethod
    def row(self, architecture: GenotypeArray) -> int:
        """Number of an architecture, for the methods below.

        Raises:
            InputError: It is not in the space.
        """

    @abstractmethod
    def genotypes(self, rows: Sequence[int] | IntArray) -> GenotypeArray:
        """The architectures `(n, d)` of `n` rows."""

    @abstractmethod
    def scores(self, row: int, position: int) -> tuple[float, ...]:
        """Score of each objective at a fidelity; more is better, NaN where training failed."""

    @abstractmethod
    def seconds(self, row: int, position: int) -> float:
        """Time of training from the start up to a fidelity.

        Raises:
            InputError: It is not positive.
        """

    @abstractmethod
    def epoch_seconds(self) -> float:
        """Median time of an epoch of a full training; without recorded times, a full training takes one unit."""

    @abstractmethod
    def curve(self, row: int, position: int) -> FloatArray:
        """Scores of the first objective that a training up to a fidelity shows, read-only; see `Outcome.curve`."""

    @abstractmethod
    def test(self, row: int, position: int) -> tuple[float, ...]:
        """Test score of each objective at a fidelity; more is better, NaN where it is missing."""

    @abstractmethod
    def column(self, name: str, genotypes: GenotypeArray) -> FloatArray:
        """A static metric of `n` architectures `(n, d)`; shape `(n,)`, NaN where missing.

        Raises:
            InputError: There is no such static metric, or it is not known for the whole space.
        """

    def _checked_cost(self, seconds: float, row: int, position: int) -> float:
        if not seconds > 0:
            cell = self.genotypes([row])[0].tolist()
            raise InputError(
                f"the time of training {cell} for {self.fidelities[position]} epochs is {seconds}; "
                "it has to be positive"
            )
        return seconds


class QueryEvaluator(Evaluator):
    """Asks the benchmark for each trial: for a space that is too large to tabulate."""

    def __init__(
        self, benchmark: Benchmark, names: Sequence[str], constraints: Sequence[Constraint] = (), draws: bool = False
    ) -> None:
        super().__init__(benchmark, names, constraints, draws)
        self.benchmark = benchmark
        self._seed: int | None = None  # of the draw, or the mean
        self._drawn: dict[tuple[int, int], tuple[float, ...]] = {}
        self.has_costs = self.metrics.cost is not None
        self._cells: list[GenotypeArray] = []
        self._rows: dict[bytes, int] = {}
        self._medians: dict[int, float] = {}
        _check_constraints(self, benchmark.architectures())

    @classmethod
    def open(
        cls, path: Path, names: Sequence[str], constraints: Sequence[Constraint] = (), draws: bool = False
    ) -> QueryEvaluator:
        """The evaluator of a benchmark file, opened by the process that uses it."""
        return cls(load(path), names, constraints, draws)

    def drawn(self, seed: int) -> Self:
        """Draws when it is asked, and remembers."""
        other = copy.copy(self)
        other._seed, other._drawn = seed, {}
        return other

    def row(self, architecture: GenotypeArray) -> int:
        """Checked once, then remembered; the array is copied."""
        name = np.asarray(architecture).tobytes()
        row = self._rows.get(name)
        if row is None:
            cell = self.space.check([architecture])[0]
            row = self._rows[name] = self._rows.setdefault(cell.tobytes(), len(self._cells))  # whatever its type was
            if row == len(self._cells):
                self._cells.append(cell)
        return row

    def genotypes(self, rows: Sequence[int] | IntArray) -> GenotypeArray:
        """Copies of the architectures."""
        cells = [self._cells[row] for row in rows]
        return np.array(cells, dtype=np.int8).reshape(len(cells), len(self.space.cardinalities))

    def scores(self, row: int, position: int) -> tuple[float, ...]:
        """Query the benchmark for each objective."""
        if self._seed is not None:
            return self._draw(row, position, self._seed)
        cell, epoch = self._cells[row], self.metrics.epochs[self.fidelities[position]]
        return tuple(
            sign * self.benchmark.query(cell, metric.path, epoch="last" if metric.static else epoch).value
            for metric, sign in zip(self.metrics.guides, self._signs, strict=True)
        )

    def _draw(self, row: int, position: int, seed: int) -> tuple[float, ...]:
        if (row, position) not in self._drawn:
            cell, epoch = self._cells[row][None], self.metrics.epochs[self.fidelities[position]]
            keys, scores = training_keys(self.benchmark, cell), []
            for draws, guide, sign in zip(self._draws, self.metrics.guides, self._signs, strict=True):
                at = "last" if guide.static else epoch
                ask = partial(_values, self.benchmark, cell, guide.path, at)
                scores.append(sign * draws.drawn(draws.recorded(ask)[None], keys, seed).item())
            self._drawn[row, position] = tuple(scores)
        return self._drawn[row, position]

    def seconds(self, row: int, position: int) -> float:
        """Query the benchmark for the training time."""
        epochs, cost = self.fidelities[position], self.metrics.cost
        if cost is None:
            return epochs / self.fidelities[-1]
        seconds = math.nan
        at, share = epoch_timed(self.benchmark, cost, self.metrics.epochs, epochs, self.resumable)
        if at is not None:
            seconds = share * self.benchmark.query(self._cells[row], cost.path, epoch=at).value
        if math.isnan(seconds):
            if position not in self._medians:
                self._medians[position] = share * median_cost(self.benchmark, cost, at)
            seconds = self._medians[position]
        return self._checked_cost(seconds, row, position)

    def epoch_seconds(self) -> float:
        """Query the benchmark for the times of all architectures that it holds."""
        cost, epochs = self.metrics.cost, self.fidelities[-1]
        if cost is None:
            return 1 / epochs
        at, share = epoch_timed(self.benchmark, cost, self.metrics.epochs, epochs, self.resumable)
        return share * median_cost(self.benchmark, cost, at) / epochs

    def curve(self, row: int, position: int) -> FloatArray:
        """Query the benchmark for every fidelity up to this one."""
        seen = range(position + 1) if self.resumable else [position]
        return read_only(np.array([self.scores(row, at)[0] for at in seen]))

    def test(self, row: int, position: int) -> tuple[float, ...]:
        """Query the benchmark for the test values; those of objectives without epochs at any fidelity."""
        cell, scores = self._cells[row], []
        for metric, sign in zip(self.metrics.tests, self._signs, strict=True):
            at = epoch_tested(self.benchmark, metric, self.fidelities[position], self.fidelities[-1])
            if metric is None or at is None:
                scores.append(math.nan)
            else:
                scores.append(sign * self.benchmark.query(cell, metric.path, epoch=at).value)
        return tuple(scores)

    def column(self, name: str, genotypes: GenotypeArray) -> FloatArray:
        """Query the benchmark for the metric."""
        return static_values(self.benchmark, static_metric(self.benchmark.metrics, name), genotypes)


class TabulatedEvaluator(Evaluator):
    """Holds the answers for the whole space as read-only arrays, so that a look-up takes about a microsecond.

    Needs no benchmark once it is made: a comparison hands it to its processes.

    Attributes:
        codes: `Space.code` of each architecture, increasing; shape `(n,)`.
        valid: Scores of the objectives; shape `(objectives, fidelities, n)`.
        tested: Test scores; same shape.
        costs: Training times; shape `(fidelities, n)`.
        meets: Which architectures meet the constraints; shape `(n,)`.
    """

    def __init__(
        self, benchmark: Benchmark, names: Sequence[str], constraints: Sequence[Constraint] = (), draws: bool = False
    ) -> None:
        super().__init__(benchmark, names, constraints, draws)
        genotypes = np.concatenate(list(self.space.enumerate()))
        self.codes = self.space.code(genotypes)
        back: slice | npt.NDArray[np.intp] = slice(None)
        if benchmark.kind == "surrogate":  # predictors see canonical genotypes: one question for all isomorphic ones
            _, first, back = np.unique(self.space.key(genotypes), return_index=True, return_inverse=True)
            genotypes = genotypes[first]
        chunks = np.array_split(genotypes, range(ROWS_AT_ONCE, len(genotypes), ROWS_AT_ONCE))

        def ask(path: str, epoch: Epoch = "last", seed: SeedPolicy = "mean") -> FloatArray:
            return np.concatenate([_values(benchmark, chunk, path, epoch, seed) for chunk in chunks])[back]

        epochs, cost = self.metrics.epochs, self.metrics.cost
        shape = (len(self.objectives), len(epochs), len(self.codes))
        self.valid, self.tested, self.costs = np.empty(shape), np.full(shape, np.nan), np.empty(shape[1:])
        objectives = zip(self.metrics.guides, self.metrics.tests, self._signs, strict=True)
        for row, (guide, test, sign) in enumerate(objectives):
            for position, (number, epoch) in enumerate(epochs.items()):
                self.valid[row, position] = sign * ask(guide.path, "last" if guide.static else epoch)
                at = epoch_tested(benchmark, test, number, self.fidelities[-1])
                if test is not None and at is not None:
                    self.tested[row, position] = sign * ask(test.path, at)
        self._recorded: list[FloatArray] = []  # for draws; by objective (fidelities, k, n)
        self._keys: KeyArray = np.empty(0, dtype=np.int64)
        for draw, guide in zip(self._draws, self.metrics.guides, strict=bool(draws)):
            at_each = [epochs[number] if not guide.static else "last" for number in self.fidelities]
            self._recorded.append(np.stack([draw.recorded(partial(ask, guide.path, at)) for at in at_each]))
            self._keys = np.concatenate([training_keys(benchmark, chunk) for chunk in chunks])[back]
        self._last_draw: tuple[int, Self] | None = None
        for position, number in enumerate(epochs):
            self.costs[position] = number / self.fidelities[-1]
            if cost is not None:
                at, share = epoch_timed(benchmark, cost, epochs, number, self.resumable)
                self.costs[position] = np.nan if at is None else share * ask(cost.path, at)
                unknown = np.isnan(self.costs[position])
                if unknown.any():
                    self.costs[position, unknown] = share * median_cost(benchmark, cost, at)
        self.has_costs = cost is not None and bool((self.costs[-1] > 0).all())
        if not self.has_costs:
            self.costs[:] = np.array(self.fidelities)[:, None] / self.fidelities[-1]
        self._metrics = {**benchmark.metrics}
        self._columns: dict[str, FloatArray] = {}
        self._refusals: dict[str, str] = {}
        for path, metric in self._metrics.items():
            if metric.static:
                try:
                    values = [static_values(benchmark, metric, chunk) for chunk in chunks]
                    self._columns[path] = np.concatenate(values)[back]
                except InputError as error:
                    self._refusals[path] = str(error)
        self._curves, self._single = self.valid[0].T.copy(), len(self.objectives) == 1  # (n, fidelities)
        self._shown = [slice(0 if self.resumable else at, at + 1) for at in range(len(self.fidelities))]
        self._rows: dict[bytes, int] = {}
        self.meets = self.feasible(self.space.decode(self.codes))
        _check_constraints(self, self.space.decode(self.codes))
        arrays = (self.codes, self.valid, self.tested, self.costs, self._curves, self.meets, self._keys)
        for array in (*arrays, *self._recorded, *self._columns.values()):
            array.flags.writeable = False

    def drawn(self, seed: int) -> Self:
        """Draws for the whole space at once; keeps the last draw, for the next strategy of the same repeat."""
        if self._last_draw is None or self._last_draw[0] != seed:
            other = copy.copy(self)
            each = zip(self._draws, self._recorded, self._signs, strict=True)
            other.valid = np.stack([sign * draws.drawn(of, self._keys, seed) for draws, of, sign in each])
            other._curves = other.valid[0].T.copy()
            for array in (other.valid, other._curves):
                array.flags.writeable = False
            self._last_draw = seed, other
        return self._last_draw[1]

    def row(self, architecture: GenotypeArray) -> int:
        """Position in `codes`; checked and looked up once, then remembered."""
        name = architecture.tobytes() if type(architecture) is np.ndarray else np.asarray(architecture).tobytes()
        row = self._rows.get(name)
        if row is None:
            code = self.space.code(self.space.check([architecture]))[0]
            row = self._rows[name] = int(np.searchsorted(self.codes, code))
        return row

    def genotypes(self, rows: Sequence[int] | IntArray) -> GenotypeArray:
        """Decoded from their codes."""
        return self.space.decode(self.codes[np.asarray(rows, dtype=np.int64)])

    def scores(self, row: int, position: int) -> tuple[float, ...]:
        """Look the scores up."""
        if self._single:
            return (self._curves.item(row, position),)
        item = self.valid.item
        return tuple([item(objective, position, row) for objective in range(len(self._signs))])

    def seconds(self, row: int, position: int) -> float:
        """Look the training time up."""
        seconds = self.costs.item(position, row)
        return seconds if seconds > 0 else self._checked_cost(seconds, row, position)

    def epoch_seconds(self) -> float:
        """Median over the whole space."""
        return float(np.median(self.costs[-1])) / self.fidelities[-1]

    def curve(self, row: int, position: int) -> FloatArray:
        """A view of the table."""
        curve: FloatArray = self._curves[row, self._shown[position]]
        return curve

    def test(self, row: int, position: int) -> tuple[float, ...]:
        """Look the test scores up."""
        return tuple([self.tested.item(objective, position, row) for objective in range(len(self._signs))])

    def column(self, name: str, genotypes: GenotypeArray) -> FloatArray:
        """Look a tabulated column up."""
        path = static_metric(self._metrics, name).path
        if path in self._refusals:
            raise InputError(self._refusals[path])
        rows = np.searchsorted(self.codes, self.space.code(self.space.check(genotypes)))
        result: FloatArray = self._columns[path][rows]
        return result


def make_evaluator(
    benchmark: Benchmark, names: Sequence[str], constraints: Sequence[Constraint] = (), draws: bool = False
) -> Evaluator:
    """A tabulated evaluator where the space and its curves are small enough, else one that queries.

    Args:
        benchmark: Answers for its whole space.
        names: Metrics behind the objectives.
        constraints: Bounds on static metrics.
        draws: Whether `Evaluator.drawn` is going to be called.

    Raises:
        InputError: A metric cannot be an objective, or no architecture meets the constraints; or `draws` is true, and
            nobody knows how trainings with different seeds differ.
        NotFoundError: A metric is not in the benchmark.
    """
    if benchmark.space.size <= MAX_TABULATED_GENOTYPES:
        epochs = len(search_metrics(benchmark, names).epochs)
        seeds = 1 + max(len(benchmark.recorded_seeds(name)) for name in names) if draws else 1
        if benchmark.space.size * epochs * len(names) * seeds <= MAX_TABULATED_NUMBERS:
            return TabulatedEvaluator(benchmark, names, constraints, draws)
    return QueryEvaluator(benchmark, names, constraints, draws)


def _values(
    benchmark: Benchmark, genotypes: GenotypeArray, path: str, epoch: Epoch, seed: SeedPolicy = "mean"
) -> FloatArray:
    """A metric of architectures `(n, d)`, NaN where missing; shape `(n,)`."""
    values: FloatArray = benchmark.query_many(genotypes, path, epoch=epoch, seed=seed).values.filled(np.nan)
    return values


def _check_constraints(evaluator: Evaluator, genotypes: GenotypeArray) -> None:
    """Refuse constraints that no architecture of the space, or of the table, meets."""
    if evaluator.constraints and not evaluator.feasible(genotypes).any():
        ranges = []
        for metric in dict.fromkeys(constraint.metric for constraint in evaluator.constraints):
            values = evaluator.column(metric, genotypes)
            known = values[np.isfinite(values)]
            lies = f"lies from {known.min():g} to {known.max():g}" if len(known) else "is missing for all"
            ranges.append(f"{metric} {lies}")
        raise InputError(f"no architecture meets {', '.join(map(str, evaluator.constraints))}; {', '.join(ranges)}")

"""Problem that a strategy is given: everything it may know before it starts, and never a test value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from nasbench.arrays import read_only
from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, Direction, FloatArray, GenotypeArray


@dataclass(frozen=True)
class Objective:
    """One quantity to optimise.

    Attributes:
        name: Full name of the metric.
        units: Unit of its values; scores are in this unit too, with the sign turned where less is better.
        direction: `"maximise"` or `"minimise"`.
    """

    name: str
    units: str
    direction: Direction

    @property
    def sign(self) -> float:
        """Factor that turns a value into a score, of which more is better."""
        return 1.0 if self.direction == "maximise" else -1.0


@dataclass(frozen=True)
class Constraint:
    """Bounds on a static metric, which is known without training.

    Attributes:
        metric: Its name.
        low: Smallest allowed value.
        high: Largest allowed value.
    """

    metric: str
    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """The constraint that `"latency<=0.6"` or `"parameters>=1e4"` states.

        >>> Constraint.parse("latency<=0.6")
        Constraint(metric='latency', low=-inf, high=0.6)

        Raises:
            InputError: The text is not of that form.
        """
        for sign in ("<=", ">="):
            metric, found, number = text.partition(sign)
            try:
                bound = float(number)
            except ValueError:
                continue
            if found and metric.strip() and math.isfinite(bound):
                return cls(metric.strip(), high=bound) if sign == "<=" else cls(metric.strip(), low=bound)
        raise InputError(f"a limit is written METRIC<=NUMBER or METRIC>=NUMBER, got {text!r}")

    def holds(self, values: FloatArray) -> BoolArray:
        """Which of `(n,)` values are within the bounds; a missing one is not."""
        return (values >= self.low) & (values <= self.high)

    def __str__(self) -> str:
        bounds = [f"{self.metric}>={self.low:g}"] if self.low > -math.inf else []
        return ", ".join([*bounds, *([f"{self.metric}<={self.high:g}"] if self.high < math.inf else [])])


Lookup: TypeAlias = Callable[[str, GenotypeArray], FloatArray]
"""Values `(n,)` of a static metric for architectures `(n, d)`."""


def feasible(constraints: Sequence[Constraint], lookup: Lookup, genotypes: GenotypeArray) -> BoolArray:
    """Which of `n` architectures `(n, d)` meet all constraints; shape `(n,)`."""
    result = np.ones(len(genotypes), dtype=bool)
    for constraint in constraints:
        result &= constraint.holds(lookup(constraint.metric, genotypes))
    return result


@dataclass(frozen=True)
class Budget:
    """Limits of a run; the first that is reached ends it.

    Attributes:
        evaluations: Number of trials, or None.
        epochs: Total epochs that are trained, or None; a continued training counts what it adds.
        seconds: Simulated seconds, or None; a trial that would finish later does not count.
    """

    evaluations: int | None = None
    epochs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        """Refuse budgets that cannot be used.

        Raises:
            InputError: No limit is given, or one is not positive and finite.
        """
        if self.evaluations is None and self.epochs is None and self.seconds is None:
            raise InputError("a search needs a budget: give evaluations, epochs or seconds")
        for name, limit in (("evaluations", self.evaluations), ("epochs", self.epochs)):
            if limit is not None:
                check_whole(f"the budget of {name}", limit)
        if self.seconds is not None:
            check_number("the budget of seconds", self.seconds, above=0)


@dataclass(frozen=True)
class Prior:
    """A person's knowledge of good architectures: how likely each option is at each position.

    Attributes:
        weights: For each position of a genotype, the weights `(options,)` of its options; not negative.
    """

    weights: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        """Make the weights read-only."""
        object.__setattr__(self, "weights", tuple(map(read_only, self.weights)))


@dataclass(frozen=True, eq=False)
class Problem:
    """The whole of what a strategy may know.

    Attributes:
        space: Where to search.
        objectives: Quantities to optimise; the first ranks where one is needed.
        fidelities: Epochs that a trial can ask for, increasing; the last is a full training.
        budget: Limits of the run.
        resumable: Whether a longer training continues a shorter one of the same architecture, and pays the difference.
        workers: Number of simulated workers, whose trials run side by side.
        initial: Architectures `(k, d)` to propose first, the same for all strategies of a comparison.
        constraints: Bounds on static metrics; what breaks them is never the result of a run.
        related: Other tables, for transfer: inputs and targets `(n,)` of each.
        prior: A person's knowledge, or None.
        lookup: Answers `columns`.
    """

    space: Space
    objectives: tuple[Objective, ...]
    fidelities: tuple[int, ...]
    budget: Budget
    resumable: bool = True
    workers: int = 1
    initial: GenotypeArray = field(default_factory=lambda: np.empty((0, 0), dtype=np.int8))
    constraints: tuple[Constraint, ...] = ()
    related: tuple[tuple[Inputs, FloatArray], ...] = ()
    prior: Prior | None = None
    lookup: Lookup | None = None

    def __post_init__(self) -> None:
        """Make the arrays read-only; give initial architectures the shape of the space where there are none."""
        initial = self.initial if len(self.initial) else np.empty((0, len(self.space.cardinalities)), np.int8)
        object.__setattr__(self, "initial", read_only(initial))
        object.__setattr__(self, "related", tuple((inputs, read_only(targets)) for inputs, targets in self.related))

    def columns(self, names: Sequence[str], genotypes: GenotypeArray) -> Mapping[str, FloatArray]:
        """Static metrics of `n` architectures `(n, d)`, each `(n,)`; free to look at.

        Raises:
            InputError: A name is no static metric, or is not known for the whole space.
        """
        if names and self.lookup is None:
            raise InputError(f"this problem has no static metrics, so {names[0]!r} cannot be looked up")
        return {name: self.lookup(name, genotypes) for name in names if self.lookup}

    def feasible(self, genotypes: GenotypeArray) -> BoolArray:
        """Which of `n` architectures `(n, d)` meet all constraints; shape `(n,)`."""
        return feasible(self.constraints, lambda name, rows: self.columns([name], rows)[name], genotypes)

    def feasible_or_all(self, genotypes: GenotypeArray) -> GenotypeArray:
        """Those of `n` architectures `(n, d)` that meet all constraints; all where none does."""
        if not self.constraints or not len(genotypes):
            return genotypes
        meets = self.feasible(genotypes)
        return genotypes[meets] if meets.any() else genotypes

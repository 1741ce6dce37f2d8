"""Base class of strategies that ask another library for one option a position, and tell it what became of that."""

from __future__ import annotations

import importlib
import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nasbench.errors import MissingExtraError
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.known import KnownScores
from nasbench.search.outside.generators import OwnGenerators
from nasbench.types import GenotypeArray

MAX_SUGGESTIONS = 32
"""Suggestions that need no training, one after the other, before an architecture is drawn at random."""


class Suggestion(NamedTuple):
    """What a library suggests.

    Attributes:
        token: The library's own, by which it recognises the suggestion.
        options: Number of the option at each position; `d` of them.
    """

    token: Any
    options: Sequence[int]


class Result(NamedTuple):
    """What a library is told.

    Attributes:
        costs: One for each objective, less is better; None where there is none: training failed, or the suggestion is
            no architecture or breaks a constraint and was not trained.
        violations: By how much each constraint is broken, in the unit of its metric; 0 or less where it holds.
    """

    costs: tuple[float, ...] | None
    violations: tuple[float, ...] = ()


class OutsideStrategy(Strategy):
    """A subclass writes `_open`, `_suggest` and `_report`, and `_inform` where the library takes what it did not ask.

    Suggestions are repaired by the space. Four kinds are answered without a training, and another one is asked for: no
    architecture (no cost), one that breaks a constraint (no cost, and the violation), one that was evaluated (its cost)
    and one that is running (its cost, when it finishes). After `MAX_SUGGESTIONS` of them, a new architecture is drawn
    at random.
    """

    def _start(self) -> None:
        self._known = KnownScores(self.problem)
        self._results: dict[int, Result] = {}
        self._waiting: dict[int, list[Any]] = {key: [] for key in self.space.key(self.problem.initial).tolist()}
        self._worst = np.full(len(self.problem.objectives), -math.inf)
        seed = int(self.rng.integers(2**31))
        self._generators = OwnGenerators(seed)
        with self._generators:
            self._open(seed)

    def _ask(self) -> Trial | None:
        for _ in range(MAX_SUGGESTIONS):
            with self._generators:
                suggestion = self._suggest()
            if suggestion is None:
                if self._waiting:
                    return None
                break
            architecture = self._untrained(suggestion)
            if architecture is not None:
                return self.trial(architecture)
        architecture = self._known.sample(self.rng)
        self._waiting.setdefault(self._key(architecture), [])
        return self.trial(architecture)

    def _untrained(self, suggestion: Suggestion) -> GenotypeArray | None:
        """The architecture `(d,)` to train, or None where the suggestion needs no training."""
        token = suggestion.token
        repaired, possible = self.space.repair(np.array(suggestion.options, dtype=np.int8)[None])
        if not possible[0]:
            self._answer(token, Result(None, (0.0,) * len(self.problem.constraints)))
            return None
        architecture: GenotypeArray = repaired[0]
        key = self._key(architecture)
        if key in self._results:
            self._answer(token, self._results[key])
        elif key in self._waiting:
            self._waiting[key].append(token)
        elif self.problem.constraints and not self.problem.feasible(repaired)[0]:
            self._answer(token, Result(None, self._violations(architecture)))
        else:
            self._known.run(key)
            self._waiting[key] = [token]
            return architecture
        return None

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        key = self._key(trial.architecture)
        failed = any(math.isnan(score) for score in outcome.scores)
        costs = None if failed else tuple(-score for score in outcome.scores)
        result = Result(costs, self._violations(trial.architecture))
        if costs is not None:
            self._worst = np.maximum(self._worst, costs)
        new = key not in self._results
        self._results[key] = result
        tokens = self._waiting.pop(key, [])
        for token in tokens:
            self._answer(token, result)
        if new and not tokens:
            with self._generators:
                self._inform(trial.architecture, result)

    def _key(self, architecture: GenotypeArray) -> int:
        return int(self.space.key(architecture[None])[0])

    def _answer(self, token: Any, result: Result) -> None:
        with self._generators:
            self._report(token, result)

    def _violations(self, architecture: GenotypeArray) -> tuple[float, ...]:
        """By how much an architecture `(d,)` breaks each constraint; 1 where its metric is missing."""
        names = [limit.metric for limit in self.problem.constraints]
        columns = self.problem.columns(names, architecture[None])
        values = [(limit, float(columns[limit.metric][0])) for limit in self.problem.constraints]
        return tuple(
            1.0 if math.isnan(value) else max(value - limit.high, limit.low - value) for limit, value in values
        )

    def _costs_or_worst(self, result: Result) -> tuple[float, ...] | None:
        """The costs, or the worst of those told so far, for libraries that want a number; None where there is none."""
        if result.costs is not None:
            return result.costs
        return tuple(self._worst.tolist()) if np.isfinite(self._worst).all() else None

    # --- written for each library ---------------------------------------------------------------------------------

    @abstractmethod
    def _open(self, seed: int) -> None:
        """Begin with a new optimiser, forgetting the earlier one."""

    @abstractmethod
    def _suggest(self) -> Suggestion | None:
        """The library's next suggestion, or None to wait for an outcome."""

    @abstractmethod
    def _report(self, token: Any, result: Result) -> None:
        """Tell the library what became of a suggestion."""

    def _inform(self, architecture: GenotypeArray, result: Result) -> None:
        """Tell the library of an architecture `(d,)` that it did not suggest, such as an initial design."""


def library(module: str, strategy: str, extra: str) -> Any:
    """A module of an optional library.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingExtraError(f"the strategy {strategy} needs {package}: pip install 'nasbench[{extra}]'") from error

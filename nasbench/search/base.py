"""Base class of search strategies: ask for the next trials, then tell their outcomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from nasbench.errors import InputError
from nasbench.search.problem import Problem
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray


class Trial(NamedTuple):
    """One architecture to train.

    Attributes:
        architecture: Genotype; shape `(d,)`.
        epochs: Epochs to train for, one of `Problem.fidelities`; what was trained before counts.
        tag: The strategy's own, hashable, such as a number or a tuple; comes back with the trial.
    """

    architecture: GenotypeArray
    epochs: int
    tag: Any = None


class Outcome(NamedTuple):
    """Result of a trial.

    Attributes:
        scores: One for each objective, more is better; NaN where training failed.
        seconds: Simulated time that the trial took.
        epochs: Epochs that the architecture is trained for now: those of the trial, or fewer where it was stopped.
        curve: Scores of the first objective at each of `Problem.fidelities` that was paid for, the last at `epochs`;
            read-only. Only the last where longer trainings do not continue shorter ones.
    """

    scores: tuple[float, ...]
    seconds: float
    epochs: int
    curve: FloatArray

    @property
    def score(self) -> float:
        """Score of the first objective."""
        return self.scores[0]


def unknown_epochs(trial: Trial, fidelities: tuple[int, ...]) -> InputError:
    """The error of a trial that asks for other epochs than a problem has."""
    known = ", ".join(map(str, fidelities))
    return InputError(f"a trial of {trial.epochs!r} epochs cannot be answered; there are epochs {known}")


class Strategy(ABC):
    """Base class. The constructor stores settings; `start` begins a run; then `ask` and `tell` alternate.

    With several workers, `ask` is called again before earlier trials were told, and `tell` may come in another order. A
    subclass writes `_ask`, and `_start`, `_ask_many`, `_tell` and `_goes_on` where it needs them. It sees the problem
    and scores of which more is always better, and never the benchmark.
    """

    problem: Problem
    rng: np.random.Generator
    max_objectives: ClassVar[int] = 1
    """Largest number of objectives that the strategy takes into account."""
    stops_trials: ClassVar[bool] = False
    """Whether the class writes `_goes_on`; set by itself."""
    trains: ClassVar[bool] = False
    """Whether a run trains networks for real, such as a supernet: it then takes seconds or minutes."""
    own_epochs: int = 0
    """Training since `start` that no trial stands for, such as a supernet's, in epochs of a typical architecture.

    A strategy that trains adds to it before it proposes what it has found, and the simulator charges it. It counts work
    such as multiply-adds, never measured time, so that a run is the same on every machine.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Note whether `_goes_on` is written: without it, a run need not look at every epoch."""
        super().__init_subclass__(**kwargs)
        cls.stops_trials = cls._goes_on is not Strategy._goes_on

    @property
    def space(self) -> Space:
        """Where to search."""
        return self.problem.space

    # --- called by whoever runs the strategy --------------------------------------------------------------------

    def start(self, problem: Problem, rng: np.random.Generator) -> Self:
        """Begin a run, forgetting any earlier one; all randomness comes from `rng`.

        Raises:
            InputError: The problem has more objectives than the strategy takes.
        """
        if len(problem.objectives) > self.max_objectives:
            name, most = type(self).__name__, self.max_objectives
            raise InputError(f"{name} takes {most} objective{'s' * (most > 1)}, got {len(problem.objectives)}")
        self.problem, self.rng, self._full_epochs = problem, rng, problem.fidelities[-1]
        self.own_epochs = 0
        self._designs = list(problem.initial[::-1].copy())
        self._running_tags: set[Any] = set()
        self._start()
        return self

    def ask(self, most: int = 1) -> list[Trial]:
        """Up to `most` trials to start now; fewer, or none, where the strategy waits for outcomes.

        Raises:
            InputError: The strategy answers with more or with something else, or gives one tag to two running trials.
        """
        trials: list[Trial] = []
        if self._designs:
            trials = [self._design(self._designs.pop()) for _ in range(min(most, len(self._designs)))]
        if len(trials) < most:
            for trial in self._ask_many(most - len(trials)):
                if type(trial) is not Trial:
                    given, cls = type(trial).__name__, type(self).__name__
                    raise InputError(
                        f"{cls}._ask returns a Trial, as self.trial(architecture) is, or None; got {given}"
                    )
                architecture, epochs, tag = trial
                own = architecture.copy() if type(architecture) is np.ndarray else np.array(architecture)
                trials.append(Trial(own, epochs, tag))  # the strategy may go on writing to its array
                if len(trials) > most:
                    asked = f"{len(trials)} or more trials where {most} can start"
                    raise InputError(f"{type(self).__name__} asks for {asked}")
        for trial in trials:
            if trial.tag is not None:
                self._begin(trial.tag)
        return trials

    def tell(self, trial: Trial, outcome: Outcome) -> None:
        """Report the outcome of a trial.

        Raises:
            InputError: No running trial has the tag of this one.
        """
        if trial.tag is not None:
            if trial.tag not in self._running_tags:
                raise InputError(f"{type(self).__name__} has no running trial with the tag {trial.tag!r}")
            self._running_tags.remove(trial.tag)
        self._tell(trial, outcome)

    def goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        """Whether to train a trial beyond an epoch, one of `Problem.fidelities`, at which it has these scores."""
        return self._goes_on(trial, epoch, scores)

    def _begin(self, tag: Any) -> None:
        try:
            running = tag in self._running_tags
        except TypeError as error:
            raise InputError(
                f"{type(self).__name__} gives a {type(tag).__name__} as tag; a tag is hashable, as a number or tuple is"
            ) from error
        if running:
            raise InputError(f"{type(self).__name__} gives the tag {tag!r} to two running trials")
        self._running_tags.add(tag)

    # --- written by authors -------------------------------------------------------------------------------------

    def trial(self, architecture: GenotypeArray, tag: Any = None) -> Trial:
        """A trial of a full training."""
        return Trial(architecture, self._full_epochs, tag)

    def _design(self, architecture: GenotypeArray) -> Trial:
        """Trial of an initial architecture; here a full training without a tag."""
        return self.trial(architecture)

    def _start(self) -> None:
        """Forget the earlier run; `self.problem` and `self.rng` are set."""

    @abstractmethod
    def _ask(self) -> Trial | None:
        """Propose one trial after the initial designs, or None to wait for an outcome."""

    def _ask_many(self, most: int) -> Iterable[Trial]:
        """Propose up to `most` trials that run side by side; here one by one, until one waits."""
        for _ in range(most):
            trial = self._ask()
            if trial is None:
                break
            yield trial

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        """Learn from an outcome (its scores are NaN where training failed), the initial designs' included."""

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        """Decide inside a trial whether it goes on."""
        return True

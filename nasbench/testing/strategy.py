"""Contract of search strategies, as a function to run on your own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.problem import Budget, Objective, Problem
from nasbench.search.random import RandomSearch
from nasbench.spaces.base import Space
from nasbench.testing.randomness import check_untouched, global_states
from nasbench.types import FloatArray, GenotypeArray

FIDELITIES = (1, 4, 12)
MAX_OBJECTIVES = 9
"""Most objectives of a made-up problem."""
Score = Callable[[GenotypeArray], float]


def check_strategy(strategy: Strategy, space: Space, *, evaluations: int = 40, learns: bool = False) -> None:
    """Hold a strategy to what every strategy promises.

    It is run on made-up problems with three fidelities and, if it takes several, as many objectives as it takes.

    Args:
        strategy: The strategy; it is started many times.
        space: A search space.
        evaluations: Length of the runs.
        learns: Whether it promises to find better architectures than random search does, on a target that is linear in
            the number of nodes of each operation.

    Raises:
        AssertionError: A promise is broken; the message says which.
    """
    _Check(strategy, space, evaluations).all(learns)


class _Check:
    def __init__(self, strategy: Strategy, space: Space, evaluations: int) -> None:
        self.strategy, self.space, self.evaluations = strategy, space, evaluations
        self.fresh = copy.deepcopy(strategy)
        self.target = linear_target(space)
        self.initial = space.sample(5, np.random.default_rng(1))

    def all(self, learns: bool) -> None:
        most = self.strategy.max_objectives
        self.hold(most >= 1, f"takes {most} objectives; max_objectives is at least 1")
        with self.surviving("cannot be run"):
            first = self.play(self.strategy, 2, copies=False)
        states = global_states()  # only now: libraries may draw while they are imported
        self.initial_designs_first(first)
        self.same(first, self.play(self.strategy, 2, copies=False), "does not replay: an equal rng gives another run")
        with self.surviving("does not recognise a trial that comes back as an equal copy"):
            again = self.play(self.strategy, 2)
        self.same(first, again, "does not recognise a trial that comes back as an equal copy")
        with self.surviving("cannot be asked again before earlier trials were told, or told in another order"):
            self.many_workers()
        self.same(first, self.play(self.strategy, 2), "remembers an earlier run: start has to forget it")
        with self.surviving("does not survive failed trainings (NaN)"):
            self.failed_trainings()
        with self.surviving("cannot start without initial designs"):
            self.without_initial_designs()
        with self.surviving("does not run with a single fidelity"):
            self.another_problem()
        self.several_objectives()
        self.same(first, self.play(self.strategy, 2), "remembers an earlier run: start has to forget it")
        check_untouched(states, type(self.strategy).__name__)
        if learns:
            self.beats_random()

    # --- the promises -----------------------------------------------------------------------------------------------

    def initial_designs_first(self, trials: list[Trial]) -> None:
        proposed = np.array([trial.architecture for trial in trials[: len(self.initial)]])
        self.hold(
            np.array_equal(proposed, self.initial[: len(trials)]),
            "does not propose the initial designs first, in their order",
        )

    def many_workers(self) -> None:
        """Asked by many before any answer, then answered in reverse order, until the strategy waits for ever."""
        workers = len(self.initial) + 8
        strategy = self.start(self.strategy, 5, self.problem(workers=workers))
        trained: dict[bytes, int] = {}
        for _ in range(3):
            running = self.ask(strategy, workers)
            self.hold(bool(running), "waits although no trial runs; _ask returns None only while an outcome is to come")
            for trial in reversed(running):
                strategy.tell(_copy(trial), self.train(strategy, trial, trained))

    def failed_trainings(self) -> None:
        """Every second training fails, then all do."""
        count = iter(range(10**9))
        self.play(self.strategy, 7, target=lambda cell: np.nan if next(count) % 2 else self.target(cell))
        self.play(self.strategy, 8, target=lambda cell: np.nan)

    def without_initial_designs(self) -> None:
        none = np.empty((0, len(self.space.cardinalities)), dtype=np.int8)
        self.play(self.strategy, 9, initial=none, evaluations=min(20, self.evaluations))

    def another_problem(self) -> None:
        """A copy that was never started does what the strategy does, with one fidelity and other designs."""
        other = self.space.sample(3, np.random.default_rng(6))
        used, new = (self.play(strategy, 3, fidelities=(5,), initial=other) for strategy in (self.strategy, self.fresh))
        self.same(used, new, "remembers an earlier problem: start has to forget it")

    def several_objectives(self) -> None:
        """One more objective than it takes is refused; as many as it takes are run."""
        many = self.strategy.max_objectives
        with self.surviving("does not survive several objectives"):
            if many > 1:
                self.play(self.strategy, 11, objectives=min(many, MAX_OBJECTIVES))
            if many < MAX_OBJECTIVES:
                try:
                    self.start(self.strategy, 12, self.problem(objectives=many + 1))
                except InputError:
                    return
                self.hold(False, f"starts with {many + 1} objectives where max_objectives is {many}")

    def beats_random(self) -> None:
        """By more than two standard errors over runs that share their initial designs."""
        seeds = range(20, 36)
        found = np.array([self.best(self.play(self.strategy, seed)) for seed in seeds])
        chance = np.array([self.best(self.play(RandomSearch(), seed)) for seed in seeds])
        gain = found - chance
        self.hold(
            bool(gain.mean() > 2 * gain.std(ddof=1) / len(gain) ** 0.5),
            f"does not learn: on an easy target it finds {found.mean():.3f} where random search finds "
            f"{chance.mean():.3f} (mean of {len(gain)} runs of {self.evaluations} evaluations)",
        )

    # --- running ----------------------------------------------------------------------------------------------------

    def problem(
        self,
        *,
        workers: int = 1,
        fidelities: tuple[int, ...] = FIDELITIES,
        objectives: int = 1,
        initial: GenotypeArray | None = None,
    ) -> Problem:
        return Problem(
            space=self.space,
            objectives=tuple(Objective(f"made up {number}", "none", "maximise") for number in range(objectives)),
            fidelities=fidelities,
            budget=Budget(evaluations=self.evaluations),
            workers=workers,
            initial=self.initial.copy() if initial is None else initial,
            lookup=lambda name, genotypes: np.array([cell.sum() for cell in genotypes], dtype=np.float64),
        )

    def start(self, strategy: Strategy, seed: int, problem: Problem) -> Strategy:
        started = strategy.start(problem, np.random.default_rng(seed))
        self.hold(started is strategy, "does not return itself from start")
        return started

    def play(
        self,
        strategy: Strategy,
        seed: int,
        *,
        copies: bool = True,
        target: Score | None = None,
        fidelities: tuple[int, ...] = FIDELITIES,
        objectives: int = 1,
        initial: GenotypeArray | None = None,
        evaluations: int | None = None,
    ) -> list[Trial]:
        """The trials of a run, each answered before the next."""
        problem = self.problem(fidelities=fidelities, objectives=objectives, initial=initial)
        designs = problem.initial.copy()
        self.start(strategy, seed, problem)
        trials: list[Trial] = []
        trained: dict[bytes, int] = {}
        for _ in range(evaluations or self.evaluations):
            asked = self.ask(strategy, 1)
            self.hold(bool(asked), "waits although no trial runs; _ask returns None only while an outcome is to come")
            trial = asked[0]
            trials.append(_copy(trial))
            strategy.tell(_copy(trial) if copies else trial, self.train(strategy, trial, trained, target))
        self.hold(np.array_equal(problem.initial, designs), "changes the array of initial designs")
        return trials

    def train(
        self, strategy: Strategy, trial: Trial, trained: dict[bytes, int], target: Score | None = None
    ) -> Outcome:
        """The outcome of a trial, which may stop at each fidelity; scores grow with the epochs."""
        problem, name = strategy.problem, trial.architecture.tobytes()
        last = (target or self.target)(trial.architecture)
        sizes = [float(trial.architecture.sum())] * (len(problem.objectives) - 1)
        reached = 0
        curve = []
        for epoch in problem.fidelities:
            scores = (last + 0.1 * (epoch - problem.fidelities[-1]) / problem.fidelities[-1], *sizes)
            curve.append(scores[0])
            reached = epoch
            if epoch == trial.epochs:
                break
            if strategy.stops_trials and epoch > trained.get(name, 0):
                with self.surviving("cannot decide inside a trial"):
                    goes_on = strategy.goes_on(_copy(trial), epoch, scores)
                self.hold(isinstance(goes_on, bool | np.bool_), f"answers {goes_on!r} to goes_on, not True or False")
                if not goes_on:
                    break
        paid = max(reached - trained.get(name, 0), 1)
        trained[name] = max(reached, trained.get(name, 0))
        return Outcome(scores, float(paid), reached, read_only(np.array(curve)))

    def ask(self, strategy: Strategy, most: int) -> list[Trial]:
        try:
            trials = strategy.ask(most)
        except InputError as error:
            raise AssertionError(str(error)) from error
        self.hold(isinstance(trials, list), f"asks for {type(trials).__name__}, not for a list of trials")
        self.hold(len(trials) <= most, f"asks for {len(trials)} trials where {most} can start")
        for trial in trials:
            self.check_trial(strategy, trial)
        return trials

    def check_trial(self, strategy: Strategy, trial: Trial) -> None:
        self.hold(isinstance(trial, Trial), f"asks for {type(trial).__name__}, not for a Trial")
        architecture = np.asarray(trial.architecture)
        self.hold(
            architecture.shape == (len(self.space.cardinalities),) and architecture.dtype == np.int8,
            f"proposes an array of shape {architecture.shape} and {architecture.dtype}; genotypes of {self.space.name} "
            f"have shape ({len(self.space.cardinalities)},) and int8",
        )
        inside = (architecture >= 0).all() and (architecture < np.array(self.space.cardinalities)).all()
        self.hold(
            bool(inside) and bool(self.space.contains(architecture[None])[0]),
            f"proposes {architecture.tolist()}, which is not in {self.space.name}",
        )
        fidelities = strategy.problem.fidelities
        self.hold(trial.epochs in fidelities, f"asks for {trial.epochs} epochs, which is none of {fidelities}")

    def best(self, trials: list[Trial]) -> float:
        return max(self.target(trial.architecture) for trial in trials)

    def same(self, a: list[Trial], b: list[Trial], fault: str) -> None:
        equal = all(
            x.epochs == y.epochs and np.array_equal(x.architecture, y.architecture) for x, y in zip(a, b, strict=True)
        )
        self.hold(equal, fault)

    @contextmanager
    def surviving(self, fault: str) -> Iterator[None]:
        try:
            yield
        except AssertionError:
            raise
        except Exception as error:  # whatever a faulty strategy raises
            raise AssertionError(f"{type(self.strategy).__name__} {fault}: {type(error).__name__}: {error}") from error

    def hold(self, kept: bool, fault: str) -> None:
        if not kept:
            raise AssertionError(f"{type(self.strategy).__name__} {fault}")


def linear_target(space: Space) -> Score:
    """An easy score: a weighted count of operations, equal for isomorphic architectures."""
    weights: FloatArray = np.random.default_rng(0).normal(size=len(space.ops))
    return lambda cell: float(space.features(cell[None], "counts")[0] @ weights)


def _copy(trial: Trial) -> Trial:
    """An equal trial, as it comes back from another process."""
    return Trial(np.array(trial.architecture), trial.epochs, copy.deepcopy(trial.tag))

"""The contract of a search strategy, as a function to run on your own."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from nasbench.search.base import Strategy, Trial
from nasbench.search.random import RandomSearch
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray

EPOCHS = 12


def check_strategy(strategy: Strategy, space: Space, *, evaluations: int = 40, learns: bool = False) -> None:
    """Hold a strategy to what every strategy promises.

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
        self.target = linear_target(space)
        self.initial = space.sample(5, np.random.default_rng(1))

    def all(self, learns: bool) -> None:
        first = self.play(self.strategy, 2, copies=False)
        numpy_before, python_before = _global_state()  # only now: libraries may draw while they are imported
        self.initial_designs_first(first)
        self.same(first, self.play(self.strategy, 2, copies=False), "does not replay: an equal rng gives another run")
        with self.surviving("does not recognise a trial that comes back as an equal copy"):
            again = self.play(self.strategy, 2)
        self.same(first, again, "does not recognise a trial that comes back as an equal copy")
        with self.surviving("cannot be asked again before earlier trials were told, or told in another order"):
            self.many_workers()
        self.same(first, self.play(self.strategy, 2), "remembers an earlier run: start has to forget it")
        mirrored = self.play(self.strategy, 2, answer=lambda trial: -self.target(trial), maximise=False)
        self.same(first, mirrored, "confuses directions: minimising the negated metric differs from maximising it")
        with self.surviving("does not survive failed trainings (NaN)"):
            self.failed_trainings()
        with self.surviving("cannot start without initial designs"):
            self.without_initial_designs()
        numpy_after, python_after = _global_state()
        self.hold(numpy_after == numpy_before, "draws from the global np.random; use self.rng")
        self.hold(python_after == python_before, "draws from the global random module; use self.rng")
        if learns:
            self.beats_random()

    # --- the promises -----------------------------------------------------------------------------------------------

    def initial_designs_first(self, trials: list[Trial]) -> None:
        proposed = np.array([trial.architecture for trial in trials[: len(self.initial)]])
        self.hold(np.array_equal(proposed, self.initial), "does not propose the initial designs first, in their order")

    def many_workers(self) -> None:
        """Asked by many before any answer, then answered in reverse order."""
        strategy = self.start(5, initial=self.initial)
        trials = [self.ask(strategy) for _ in range(len(self.initial) + 8)]
        for trial in reversed(trials):
            strategy.tell(_copy(trial), self.target(trial))
        for _ in range(8):
            trial = self.ask(strategy)
            strategy.tell(_copy(trial), self.target(trial))

    def failed_trainings(self) -> None:
        """Every second training fails, then all do."""
        count = iter(range(10**9))
        self.play(self.strategy, 7, answer=lambda trial: np.nan if next(count) % 2 else self.target(trial))
        self.play(self.strategy, 8, answer=lambda trial: np.nan)

    def without_initial_designs(self) -> None:
        strategy = self.start(9)
        for _ in range(min(20, self.evaluations)):
            trial = self.ask(strategy)
            strategy.tell(_copy(trial), self.target(trial))

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

    def start(self, seed: int, initial: GenotypeArray | None = None, maximise: bool = True) -> Strategy:
        rng = np.random.default_rng(seed)
        started = self.strategy.start(self.space, rng, epochs=EPOCHS, initial=initial, maximise=maximise)
        self.hold(started is self.strategy, "start does not return the strategy itself")
        return started

    def play(
        self,
        strategy: Strategy,
        seed: int,
        *,
        copies: bool = True,
        answer: Callable[[Trial], float] | None = None,
        maximise: bool = True,
    ) -> list[Trial]:
        """The trials of a run, each answered before the next."""
        initial = self.initial.copy()
        rng = np.random.default_rng(seed)
        strategy.start(self.space, rng, epochs=EPOCHS, initial=initial, maximise=maximise)
        trials: list[Trial] = []
        for _ in range(self.evaluations):
            trial = self.ask(strategy)
            trials.append(_copy(trial))
            strategy.tell(_copy(trial) if copies else trial, (answer or self.target)(trial))
        self.hold(np.array_equal(initial, self.initial), "changes the array of initial designs")
        return trials

    def ask(self, strategy: Strategy) -> Trial:
        trial = strategy.ask()
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
        self.hold(0 < trial.epochs <= EPOCHS, f"asks for {trial.epochs} epochs where a full training has {EPOCHS}")
        return trial

    def best(self, trials: list[Trial]) -> float:
        return max(self.target(trial) for trial in trials)

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


def linear_target(space: Space) -> Callable[[Trial], float]:
    """An easy score: a weighted count of operations, equal for isomorphic architectures."""
    weights: FloatArray = np.random.default_rng(0).normal(size=len(space.ops))
    return lambda trial: float(space.features(trial.architecture[None], "counts")[0] @ weights)


def _copy(trial: Trial) -> Trial:
    """An equal trial, as it comes back from another process."""
    return Trial(np.array(trial.architecture), trial.epochs)


def _global_state() -> tuple[str, object]:
    state = np.random.get_state(legacy=False)  # noqa: NPY002  # only looked at
    return repr((state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"])), random.getstate()

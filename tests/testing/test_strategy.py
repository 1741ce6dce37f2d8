"""`check_strategy` names the fault of each strategy that breaks a promise."""

import random
from dataclasses import replace
from typing import Self

import numpy as np
import pytest

from nasbench.search import Outcome, Strategy, Trial
from nasbench.search.problem import Problem
from nasbench.search.random import RandomSearch
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy


class Sampling(Strategy):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0])


class GlobalNumpy(Sampling):
    def _ask(self) -> Trial | None:
        np.random.random()  # noqa: NPY002
        return super()._ask()


class GlobalRandom(Sampling):
    def _ask(self) -> Trial | None:
        random.random()
        return super()._ask()


class OwnSeed(Sampling):
    def _ask(self) -> Trial:
        return self.trial(self.space.sample(1, np.random.default_rng())[0])


class Outside(Sampling):
    def _ask(self) -> Trial:
        return self.trial(self.space.sample(1, self.rng)[0] + np.int8(1))


class WrongType(Sampling):
    def _ask(self) -> Trial:
        return self.trial(self.space.sample(1, self.rng)[0].astype(np.int64))  # type: ignore[arg-type]


class NoFidelity(Sampling):
    def _ask(self) -> Trial:
        return Trial(self.space.sample(1, self.rng)[0], 13)


class Remembers(Sampling):
    asked = 0

    def _ask(self) -> Trial:
        self.asked += 1
        return self.trial(self.space.sample(1 + (self.asked > 60), self.rng)[-1])


class KeepsTheFirstProblem(Sampling):
    def _start(self) -> None:
        self.first = getattr(self, "first", self.problem)

    def _ask(self) -> Trial:
        return Trial(self.space.sample(1, self.rng)[0], self.first.fidelities[-1])


class IgnoresInitial(Sampling):
    def _start(self) -> None:
        self._designs = []


class ChangesInitial(Sampling):
    def _start(self) -> None:
        self.problem.initial[:, 0] = 0


class OneAtATime(Sampling):
    def _start(self) -> None:
        self.open = 0

    def ask(self, most: int = 1) -> list[Trial]:
        self.open += most
        if self.open > 1:
            raise RuntimeError("tell before you ask again")
        return super().ask(most)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.open -= 1


class KnowsObjects(Sampling):
    """Finds its trials again by identity, which no trial keeps on its way to another machine."""

    def _start(self) -> None:
        self.known: dict[int, Trial] = {}

    def ask(self, most: int = 1) -> list[Trial]:
        trials = super().ask(most)
        self.known |= {id(trial.architecture): trial for trial in trials}
        return trials

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        del self.known[id(trial.architecture)]


class TagsByIdentity(Sampling):
    """Its tags are objects that do not equal their copies."""

    def _ask(self) -> Trial:
        return self.trial(self.space.sample(1, self.rng)[0], tag=_Tag())


class _Tag:
    pass


class StopsAtFailure(Sampling):
    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if np.isnan(outcome.score):
            raise ArithmeticError("no score")


class WaitsForEver(Sampling):
    def _start(self) -> None:
        self.told = 0

    def _ask(self) -> Trial | None:
        return None if self.told > 20 else super()._ask()

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.told += 1


class AsksTooMuch(Sampling):
    def _ask_many(self, most: int) -> list[Trial]:
        return [self.trial(cell) for cell in self.space.sample(most + 1, self.rng)]


class FailsInside(Sampling):
    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        return bool(1 // (epoch - epoch))


class TakesAll(Sampling):
    """Says that it takes two objectives and uses the whole tuple as one number."""

    max_objectives = 2

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        (self.last,) = outcome.scores


class RefusesNothing(Sampling):
    def start(self, problem: Problem, rng: np.random.Generator) -> Self:
        return super().start(replace(problem, objectives=problem.objectives[:1]), rng)


class Greedy(Sampling):
    """Climbs by mutation, and stops trials that fall behind."""

    def _start(self) -> None:
        self.best, self.parent = -np.inf, self.space.sample(1, self.rng)[0]

    def _ask(self) -> Trial:
        return self.trial(self.space.mutate(self.parent[None], self.rng)[0])

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.score > self.best:
            self.best, self.parent = outcome.score, trial.architecture

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        return epoch < 4 or scores[0] > self.best - 1


class Waits(Greedy):
    """Never has two trials running."""

    def _start(self) -> None:
        super()._start()
        self.running = 0

    def _ask(self) -> Trial | None:  # type: ignore[override]
        if self.running:
            return None
        self.running += 1
        return super()._ask()

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome)
        self.running = 0


@pytest.mark.parametrize("sound", [Sampling(), RandomSearch(), Greedy(), Waits()])
def test_sound_strategies_pass(sound: Strategy) -> None:
    check_strategy(sound, spaces.create("nb201"))


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (GlobalNumpy, "GlobalNumpy draws from the global np.random"),
        (GlobalRandom, "GlobalRandom draws from the global random module"),
        (OwnSeed, "OwnSeed does not replay"),
        (Outside, "Outside proposes .* which is not in nb201"),
        (WrongType, "WrongType proposes an array of shape .* and int64"),
        (NoFidelity, "NoFidelity asks for 13 epochs, which is none of"),
        (Remembers, "Remembers (does not replay|remembers an earlier run)"),
        (IgnoresInitial, "IgnoresInitial does not propose the initial designs first"),
        (ChangesInitial, "ChangesInitial changes the array of initial designs"),
        (OneAtATime, "OneAtATime cannot be asked again before .* RuntimeError: tell before you ask again"),
        (KnowsObjects, "KnowsObjects does not recognise a trial that comes back as an equal copy"),
        (StopsAtFailure, "StopsAtFailure does not survive failed trainings .* ArithmeticError: no score"),
        (KeepsTheFirstProblem, "KeepsTheFirstProblem asks for 12 epochs, which is none of"),
        (TagsByIdentity, "TagsByIdentity does not recognise a trial that comes back as an equal copy"),
        (WaitsForEver, "WaitsForEver waits although no trial runs"),
        (AsksTooMuch, "AsksTooMuch asks for 2 trials where 1 can start"),
        (FailsInside, "ZeroDivisionError"),
        (TakesAll, "TakesAll does not survive several objectives: ValueError"),
        (RefusesNothing, "RefusesNothing starts with 2 objectives where max_objectives is 1"),
    ],
)
def test_faults_are_named(faulty: type[Strategy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(faulty(), spaces.create("nb201"))


def test_a_promise_to_learn_is_held() -> None:
    check_strategy(Greedy(), spaces.create("nb201"), evaluations=60, learns=True)
    with pytest.raises(AssertionError, match="Sampling does not learn"):
        check_strategy(Sampling(), spaces.create("nb201"), learns=True)

"""`check_strategy` names the fault of each strategy that breaks a promise."""

import random

import numpy as np
import pytest

from nasbench.search import Strategy, Trial
from nasbench.search.random import RandomSearch
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy


class Sampling(Strategy):
    def _ask(self) -> Trial:
        return Trial(self.space.sample(1, self.rng)[0], self.epochs)


class GlobalNumpy(Sampling):
    def _ask(self) -> Trial:
        np.random.random()  # noqa: NPY002
        return super()._ask()


class GlobalRandom(Sampling):
    def _ask(self) -> Trial:
        random.random()
        return super()._ask()


class OwnSeed(Sampling):
    def _ask(self) -> Trial:
        return Trial(self.space.sample(1, np.random.default_rng())[0], self.epochs)


class Outside(Sampling):
    def _ask(self) -> Trial:
        return Trial(super()._ask().architecture + np.int8(1), self.epochs)


class WrongType(Sampling):
    def _ask(self) -> Trial:
        return Trial(super()._ask().architecture.astype(np.int64), self.epochs)  # type: ignore[arg-type]


class TooLong(Sampling):
    def _ask(self) -> Trial:
        return Trial(super()._ask().architecture, self.epochs + 1)


class Remembers(Sampling):
    asked = 0

    def _ask(self) -> Trial:
        self.asked += 1
        return Trial(self.space.sample(1 + (self.asked > 60), self.rng)[-1], self.epochs)


class IgnoresInitial(Sampling):
    def _start(self) -> None:
        self._initial = []


class ChangesInitial(Sampling):
    def _start(self) -> None:
        for design in self._initial:
            design[0] = 0


class OneAtATime(Sampling):
    def _start(self) -> None:
        self.open = 0

    def ask(self) -> Trial:
        self.open += 1
        if self.open > 1:
            raise RuntimeError("tell before you ask again")
        return super().ask()

    def _tell(self, trial: Trial, score: float) -> None:
        self.open -= 1


class KnowsObjects(Sampling):
    """Finds its trials again by identity, which no trial keeps on its way to another machine."""

    def _start(self) -> None:
        self.known: dict[int, Trial] = {}

    def ask(self) -> Trial:
        trial = super().ask()
        self.known[id(trial.architecture)] = trial
        return trial

    def _tell(self, trial: Trial, score: float) -> None:
        del self.known[id(trial.architecture)]


class StopsAtFailure(Sampling):
    def _tell(self, trial: Trial, score: float) -> None:
        if np.isnan(score):
            raise ArithmeticError("no score")


class Greedy(Sampling):
    """Climbs by mutation; the sign is wrong where a subclass says so."""

    raw = False

    def _start(self) -> None:
        self.best, self.parent = -np.inf, self.space.sample(1, self.rng)[0]

    def tell(self, trial: Trial, value: float) -> None:
        super().tell(trial, value * self._sign if self.raw else value)

    def _ask(self) -> Trial:
        return Trial(self.space.mutate(self.parent[None], self.rng)[0], self.epochs)

    def _tell(self, trial: Trial, score: float) -> None:
        if score > self.best:
            self.best, self.parent = score, trial.architecture


class IgnoresDirection(Greedy):
    raw = True


@pytest.mark.parametrize("sound", [Sampling(), RandomSearch(), Greedy()])
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
        (TooLong, "TooLong asks for 13 epochs where a full training has 12"),
        (Remembers, "Remembers (does not replay|remembers an earlier run)"),
        (IgnoresInitial, "IgnoresInitial does not propose the initial designs first"),
        (ChangesInitial, "ChangesInitial changes the array of initial designs"),
        (OneAtATime, "OneAtATime cannot be asked again before .* RuntimeError: tell before you ask again"),
        (KnowsObjects, "KnowsObjects does not recognise a trial that comes back as an equal copy"),
        (StopsAtFailure, "StopsAtFailure does not survive failed trainings .* ArithmeticError: no score"),
        (IgnoresDirection, "IgnoresDirection confuses directions"),
    ],
)
def test_faults_are_named(faulty: type[Strategy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(faulty(), spaces.create("nb201"))


def test_a_promise_to_learn_is_held() -> None:
    check_strategy(Greedy(), spaces.create("nb201"), evaluations=60, learns=True)
    with pytest.raises(AssertionError, match="Sampling does not learn"):
        check_strategy(Sampling(), spaces.create("nb201"), learns=True)

"""`check_strategy` names the fault of each strategy that breaks a promise."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
import torch

from nasbench.search import Outcome, Problem, Strategy, Trial
from nasbench.search.random import RandomSearch
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy


class Sampling(Strategy):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0])


# --- sound ones -----------------------------------------------------------------------------------------------------


class Greedy(Sampling):
    """Climbs by mutation."""

    def _start(self) -> None:
        self.best, self.parent = -np.inf, self.space.sample(1, self.rng)[0]

    def _ask(self) -> Trial | None:
        return self.trial(self.space.mutate(self.parent[None], self.rng)[0])

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if outcome.score > self.best:
            self.best, self.parent = outcome.score, trial.architecture


class Halving(Strategy):
    """Generations of short trainings, the better half of which is trained on; it waits for the last of each."""

    def _start(self) -> None:
        self.asked, self.told, self.scores, self.rung = 0, 0, dict[int, float](), 0
        self.cells = self.space.sample(8, self.rng)

    def _design(self, architecture: Any) -> Trial:
        return Trial(architecture, self.problem.fidelities[0])

    def _ask(self) -> Trial | None:
        if self.asked == len(self.cells):
            if self.told < self.asked:
                return None
            last = self.rung == len(self.problem.fidelities) - 1
            best = sorted(self.scores, key=lambda row: -np.nan_to_num(self.scores[row], nan=-1e9))
            self.rung = 0 if last else self.rung + 1
            self.cells = self.space.sample(8, self.rng) if last else self.cells[best[: max(len(best) // 2, 1)]]
            self.asked, self.told, self.scores = 0, 0, {}
        self.asked += 1
        return Trial(self.cells[self.asked - 1], self.problem.fidelities[self.rung], tag=self.asked)

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if trial.tag is not None:
            self.told += 1
            self.scores[trial.tag - 1] = outcome.score


class Stopping(Greedy):
    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        return scores[0] > self.best


class TwoObjectives(Greedy):
    max_objectives = 2

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome._replace(scores=(sum(outcome.scores),)))


@pytest.mark.parametrize("sound", [Sampling, RandomSearch, Greedy, Halving, Stopping, TwoObjectives])
def test_sound_strategies_pass(sound: type[Strategy]) -> None:
    check_strategy(sound(), spaces.create("nb201"))


def test_runs_may_be_shorter_than_the_initial_designs() -> None:
    check_strategy(Sampling(), spaces.create("nb201"), evaluations=3)


# --- faulty ones ----------------------------------------------------------------------------------------------------


class GlobalNumpy(Sampling):
    def _ask(self) -> Trial | None:
        np.random.random()  # noqa: NPY002
        return super()._ask()


class GlobalRandom(Sampling):
    def _ask(self) -> Trial | None:
        random.random()
        return super()._ask()


class OwnSeed(Sampling):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, np.random.default_rng())[0])


class Outside(Sampling):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0] + np.int8(1))


class WrongType(Sampling):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0].astype(np.int64))  # type: ignore[arg-type]


class NoTrial(Sampling):
    def _ask_many(self, most: int) -> list[Trial]:
        class Alike:
            tag = None

        return [Alike()] * most  # type: ignore[list-item]


class NoList(Sampling):
    def ask(self, most: int = 1) -> list[Trial]:
        return tuple(super().ask(most))  # type: ignore[return-value]


class BetweenFidelities(Sampling):
    def _ask(self) -> Trial | None:
        return Trial(self.space.sample(1, self.rng)[0], 13)


class Remembers(Sampling):
    asked = 0

    def _ask(self) -> Trial | None:
        self.asked += 1
        return self.trial(self.space.sample(1 + (self.asked > 60), self.rng)[-1])


class KeepsTheBest(Greedy):
    """Takes the best of an earlier run for its start."""

    best = -np.inf

    def _start(self) -> None:
        first = self.space.sample(1, self.rng)[0]
        self.parent = first if self.best == -np.inf else self.parent


class KeepsFidelities(Sampling):
    """Takes the epochs of the first problem for those of all."""

    epochs = 0

    def _start(self) -> None:
        self.epochs = self.epochs or self.problem.fidelities[-1]

    def _ask(self) -> Trial | None:
        return Trial(self.space.sample(1, self.rng)[0], self.epochs)


class KeepsDesigns(Sampling):
    """Mutates the initial designs of the first problem, which are the same in runs that repeat it."""

    parents: Any = None

    def _start(self) -> None:
        self.parents = self.problem.initial if self.parents is None else self.parents

    def _ask(self) -> Trial | None:
        return self.trial(self.space.mutate(self.parents[:1], self.rng)[0])


class IgnoresInitial(Sampling):
    def ask(self, most: int = 1) -> list[Trial]:
        return list(self._ask_many(most))


class ChangesInitial(Sampling):
    def _start(self) -> None:
        self.problem.initial[:, 0] = 0


class NeedsInitial(Sampling):
    def _start(self) -> None:
        self.parent = self.problem.initial[0]


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


class InOrder(Sampling):
    """Believes that trials are told in the order in which it asked for them."""

    def _start(self) -> None:
        self.open: list[bytes] = []

    def ask(self, most: int = 1) -> list[Trial]:
        trials = super().ask(most)
        self.open += [trial.architecture.tobytes() for trial in trials]
        return trials

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if self.open.pop(0) != trial.architecture.tobytes():
            raise LookupError("not the oldest")


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
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0], tag=object())


class TagsThatDoNotHash(Sampling):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0], tag=[1])


class OneTagForAll(Sampling):
    def _ask(self) -> Trial | None:
        return self.trial(self.space.sample(1, self.rng)[0], tag="mine")


class WaitsForEver(Sampling):
    """Waits for an outcome that nobody owes it."""

    def _start(self) -> None:
        self.told = 0

    def _ask(self) -> Trial | None:
        return None if self.told == 20 else super()._ask()

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.told += 1


class WaitsWithManyWorkers(Sampling):
    """Waits until all but one have told, and one more."""

    def _start(self) -> None:
        self.balance = 0

    def _ask(self) -> Trial | None:
        if self.balance >= 12:
            return None
        self.balance += 1
        return super()._ask()

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.balance = self.balance if self.balance >= 12 else 0


class AsksForMore(Sampling):
    def _ask_many(self, most: int) -> Iterable[Trial]:
        return super()._ask_many(3)


class StopsAtFailure(Sampling):
    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if np.isnan(outcome.score):
            raise ArithmeticError("no score")


class RaisesInside(Sampling):
    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        raise ArithmeticError("cannot decide")


class ForgetsReturning(Sampling):
    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        """Does not say that the trial goes on."""


class ReturnsNothing(Sampling):
    def start(self, problem: Problem, rng: np.random.Generator) -> Any:
        super().start(problem, rng)


class TakesAnyNumber(Sampling):
    """Says one objective and takes all."""

    def start(self, problem: Problem, rng: np.random.Generator) -> Any:
        self.max_objectives = 9  # type: ignore[misc]
        super().start(problem, rng)
        del self.max_objectives
        return self


class TakesFewer(Sampling):
    max_objectives = 2

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        (self.last,) = outcome.scores


class TakesNone(Sampling):
    max_objectives = 0


class TakesThreeOrSaysSo(TwoObjectives):
    """Says three objectives and knows what to do with two."""

    max_objectives = 3

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        if len(outcome.scores) > 2:
            raise LookupError("a third objective")


class StumblesOverTooMany(Sampling):
    """Does not refuse two objectives, but happens to raise the kind of error that numpy raises."""

    def start(self, problem: Problem, rng: np.random.Generator) -> Any:
        np.zeros(len(problem.objectives)).reshape(1)
        return super().start(problem, rng)


class WritesOnTheCurve(Sampling):
    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        outcome.curve[:] = 0


class SeedsTorch(Sampling):
    def _ask(self) -> Trial | None:
        torch.rand(1)
        return super()._ask()


class IgnoresDirection(Greedy):
    """Believes that less is better."""

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome._replace(scores=(-outcome.score,)))


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (GlobalNumpy, "GlobalNumpy draws from the global np.random"),
        (GlobalRandom, "GlobalRandom draws from the global random module"),
        (OwnSeed, "OwnSeed does not replay"),
        (Outside, "Outside proposes .* which is not in nb201"),
        (WrongType, "WrongType proposes an array of shape .* and int64"),
        (NoTrial, "NoTrial._ask returns a Trial, .* got Alike"),
        (NoList, "NoList asks for tuple, not for a list of trials"),
        (BetweenFidelities, r"BetweenFidelities asks for 13 epochs, which is none of \(1, 4, 12\)"),
        (Remembers, "Remembers (does not replay|remembers an earlier run)"),
        (KeepsTheBest, "KeepsTheBest does not replay"),
        (KeepsFidelities, r"KeepsFidelities asks for 12 epochs, which is none of \(5,\)"),
        (KeepsDesigns, "KeepsDesigns remembers an earlier problem: start has to forget it"),
        (IgnoresInitial, "IgnoresInitial does not propose the initial designs first"),
        (ChangesInitial, "ChangesInitial cannot be run: .*read-only"),
        (NeedsInitial, "NeedsInitial cannot start without initial designs: IndexError"),
        (OneAtATime, "OneAtATime cannot be asked again before .* RuntimeError: tell before you ask again"),
        (InOrder, "InOrder cannot be asked again before .*, or told in another order: LookupError: not the oldest"),
        (KnowsObjects, "KnowsObjects does not recognise a trial that comes back as an equal copy"),
        (TagsByIdentity, "TagsByIdentity does not recognise a trial that comes back as an equal copy: .* no running"),
        (TagsThatDoNotHash, "TagsThatDoNotHash gives a list as tag"),
        (OneTagForAll, "OneTagForAll gives the tag 'mine' to two running trials"),
        (WaitsForEver, "WaitsForEver waits although no trial runs; _ask returns None only while an outcome is to come"),
        (WaitsWithManyWorkers, "WaitsWithManyWorkers waits although no trial runs"),
        (AsksForMore, "AsksForMore asks for 2 or more trials where 1 can start"),
        (StopsAtFailure, "StopsAtFailure does not survive failed trainings .* ArithmeticError: no score"),
        (RaisesInside, "RaisesInside cannot decide inside a trial: ArithmeticError: cannot decide"),
        (ForgetsReturning, "ForgetsReturning answers None to goes_on, not True or False"),
        (ReturnsNothing, "ReturnsNothing does not return itself from start"),
        (TakesAnyNumber, "TakesAnyNumber starts with 2 objectives where max_objectives is 1"),
        (TakesFewer, "TakesFewer does not survive several objectives: ValueError: too many values to unpack"),
        (TakesThreeOrSaysSo, "TakesThreeOrSaysSo does not survive several objectives: LookupError: a third objective"),
        (StumblesOverTooMany, "StumblesOverTooMany does not survive several objectives: ValueError: cannot reshape"),
        (WritesOnTheCurve, "WritesOnTheCurve cannot be run: ValueError: .* read-only"),
        (SeedsTorch, "SeedsTorch draws from the global generator of torch"),
        (TakesNone, "TakesNone takes 0 objectives; max_objectives is at least 1"),
    ],
)
def test_faults_are_named(faulty: type[Strategy], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_strategy(faulty(), spaces.create("nb201"))


def test_a_promise_to_learn_is_held() -> None:
    check_strategy(Greedy(), spaces.create("nb201"), evaluations=60, learns=True)
    with pytest.raises(AssertionError, match="Sampling does not learn"):
        check_strategy(Sampling(), spaces.create("nb201"), learns=True)
    with pytest.raises(AssertionError, match="IgnoresDirection does not learn"):
        check_strategy(IgnoresDirection(), spaces.create("nb201"), learns=True)

"""A guarded strategy does what it does unguarded; what cheats make of it is in `evaluate/test_cheating.py`."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search import Outcome, Strategy, Trial
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.evaluator import TabulatedEvaluator
from nasbench.simulator.guard import Guarded
from nasbench.simulator.simulate import Run, simulate


class Stops(RandomSearch):
    """Stops every second trial, gives tags, and looks static metrics up; one instance at a time."""

    def _ask(self) -> Trial:
        trial = super()._ask()
        self.asked = getattr(self, "asked", 0) + 1
        assert self.problem.columns(["parameters"], trial.architecture[None])["parameters"].shape == (1,)
        return trial._replace(tag=("number", self.asked))

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        return trial.tag is None or trial.tag[1] % 2 == 0

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        super()._tell(trial, outcome)
        assert len(outcome.curve) == (1 if outcome.epochs == 1 else 2)
        assert not outcome.curve.flags.writeable


class FailsAtLast(RandomSearch):
    """Cannot learn from its fourth outcome."""

    def _start(self) -> None:
        super()._start()
        self.told = 0

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.told += 1
        if self.told == 4:
            raise ValueError("enough")


class Waits(RandomSearch):
    """Waits for ever."""

    def _ask(self) -> Trial:
        return None  # type: ignore[return-value]


class Asks(RandomSearch):
    """Asks for a static metric that there is none of."""

    def _start(self) -> None:
        super()._start()
        self.problem.columns(["flops"], self.space.sample(1, self.rng))


@pytest.fixture(scope="module")
def evaluator(formula: Any) -> TabulatedEvaluator:
    return TabulatedEvaluator(formula(), ["validation_score"])


def run(strategy: Strategy | Guarded, evaluator: TabulatedEvaluator, evaluations: int = 30, workers: int = 3) -> Run:
    rng = np.random.default_rng(0)
    designs = evaluator.space.sample(3, np.random.default_rng(1))
    return simulate(strategy, evaluator, Budget(evaluations=evaluations), rng, workers=workers, initial=designs)


def test_runs_are_the_same_one_after_another_in_one_process(evaluator: TabulatedEvaluator) -> None:
    guarded, free = Guarded(Stops, patience=100), run(Stops(), evaluator)
    assert 0 < free.positions.sum() < 30, "some are stopped"
    for _ in range(2):
        again = run(guarded, evaluator)
        guarded.finish()
        for name in Run.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(again, name), getattr(free, name))
    process = guarded._process
    assert process.is_alive()
    guarded.close()
    assert not process.is_alive()


def test_errors_come_out_where_the_run_waits_for_them(evaluator: TabulatedEvaluator) -> None:
    guarded = Guarded(FailsAtLast)
    run(guarded, evaluator, 4, workers=1)
    with pytest.raises(InputError, match=r"^ValueError: enough \(test_guard.py, line \d+\)$"):
        guarded.finish()
    with pytest.raises(InputError, match="ValueError: enough"):
        run(guarded, evaluator, 5, workers=1)  # in another process
    with pytest.raises(InputError, match=r"^Waits waits although no trial runs"):
        run(Guarded(Waits), evaluator)
    with pytest.raises(InputError, match=r"^'flops' is not one static metric of this benchmark; it has parameters$"):
        run(Guarded(Asks), evaluator)
    with pytest.raises(InputError, match="did you mean 'random'"):
        run(Guarded("randon"), evaluator)

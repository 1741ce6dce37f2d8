"""Samplers of Optuna: what they are told, and the contract."""

import sys
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.search import Outcome, strategies
from nasbench.search.outside.optuna import OptunaSampler
from nasbench.search.problem import Constraint, Objective
from nasbench.spaces import spaces
from nasbench.spaces.choices import ChoiceSpace
from nasbench.testing import check_strategy

optuna = pytest.importorskip("optuna")
TWO = ChoiceSpace(options={"a": ["no", "yes"]})
OBJECTIVES = (Objective("accuracy", "percent", "maximise"), Objective("latency", "ms", "minimise"))


def run(strategy: Any, problem: Any, scores: list[tuple[float, ...]]) -> list[Any]:
    strategy.start(problem, np.random.default_rng(0))
    for values in scores:
        (trial,) = strategy.ask()
        strategy.tell(trial, Outcome(values, 1.0, 1, np.array(values[:1])))
    trials: list[Any] = strategy._study.trials
    return trials


def test_trials_by_hand(problem: Any) -> None:
    """Two options and one design: the design is told first, then the other option, and repeats of both are free."""
    design = np.array([[1]], dtype=np.int8)
    trials = run(OptunaSampler("random"), problem(TWO, design), [(4.0,), (7.0,), (9.0,)])
    found = {trial.params["position_0"]: trial.value for trial in trials[:2]}
    assert trials[0].params == {"position_0": 1}
    assert found[1] == -4.0
    assert {trial.value for trial in trials if trial.params["position_0"] == 0} == {-7.0}
    assert len(trials) > 30, "there is nothing new for the third, so 32 repeats are told"


def test_relaxed_options_by_hand(problem: Any) -> None:
    pytest.importorskip("cmaes")
    space = ChoiceSpace(options={"a": ["no", "yes"], "b": [1, 2, 3]})
    strategy = OptunaSampler("cmaes")
    (told, *_) = run(strategy, problem(space, np.array([[1, 0]], dtype=np.int8)), [(4.0,)])
    names = [f"position_{p}_option_{o}" for p, number in enumerate((2, 3)) for o in range(number)]
    assert list(told.params) == names
    assert list(told.params.values()) == [0.0, 1.0, 1.0, 0.0, 0.0]
    assert strategy._params.options(told.params) == [1, 0]


def test_failed_trainings_fail(problem: Any) -> None:
    trials = run(OptunaSampler(), problem(spaces.create("nb201")), [(1.0,), (np.nan,), (2.0,)])
    assert [trial.state.name for trial in trials[:3]] == ["COMPLETE", "FAIL", "COMPLETE"]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_constraints_are_told(problem: Any, sampler: str) -> None:
    """Of two options one breaks the limit by 5: it is never trained, and Optuna knows by how much it is broken."""
    space = ChoiceSpace(options={"a": ["no", "yes"], "b": [1, 2, 3, 4, 5]})
    limited = problem(
        space,
        constraints=(Constraint("size", high=15.0),),
        lookup=lambda name, genotypes: genotypes[:, 0] * 20.0,
    )
    strategy = OptunaSampler(sampler)
    trials = run(strategy, limited, [(float(number),) for number in range(4)])
    broken = [trial for trial in trials if trial.params["position_0"] == 1]
    assert broken
    assert {trial.user_attrs["violations"][0] for trial in broken} == {5.0}


@pytest.mark.parametrize("workers", [1, 4])
def test_finds_the_best_of_several_objectives(problem: Any, workers: int) -> None:
    space = spaces.create("nb201")
    strategy = OptunaSampler("nsga2").start(
        problem(space, 4, objectives=OBJECTIVES, workers=workers), np.random.default_rng(0)
    )
    running: list[Any] = []
    for _ in range(20):
        running += strategy.ask(workers - len(running))
        trial = running.pop()
        scores = (float(trial.architecture.sum()), -float(trial.architecture[0]))
        strategy.tell(trial, Outcome(scores, 1.0, 1, np.array(scores[:1])))


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2", "nsga3", "random"])
def test_contract(sampler: str) -> None:
    if sampler == "cmaes":
        pytest.importorskip("cmaes")
    check_strategy(strategies.create(f"optuna+sampler={sampler}"), spaces.create("nb201"), evaluations=16)


@pytest.mark.slow
def test_contract_of_gaussian_processes() -> None:
    check_strategy(strategies.create("optuna+sampler=gp"), spaces.create("nb201"), evaluations=14)


@pytest.mark.slow
def test_learns() -> None:
    check_strategy(strategies.create("tpe"), spaces.create("nb201"), evaluations=60, learns=True)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="a sampler is one of tpe, cmaes, gp, nsga2, nsga3, random; got 'TPE'"):
        OptunaSampler("TPE")
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"the strategy optuna needs optuna: pip install 'nasbench\[optuna\]'"):
        OptunaSampler()

"""ParEGO: the scalarisation by hand, and the front that it finds."""

from typing import Any

import numpy as np

from nasbench.evaluate.strategies import compare
from nasbench.search import Outcome
from nasbench.search.bayesian import BayesianOptimisation
from nasbench.search.parego import ParEGO, scalarised
from nasbench.search.problem import Objective
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

TWO = (Objective("accuracy", "percent", "maximise"), Objective("latency", "ms", "minimise"))


def test_scalarisation_by_hand() -> None:
    """Costs (0, 1), (1, 0) and (0.5, 0.5); under weights 0.25 and 0.75 the largest are 0.75, 0.25 and 0.375."""
    scores = np.array([[90.0, -8.0], [80.0, -4.0], [85.0, -6.0]])
    found = scalarised(scores, np.array([0.25, 0.75]))
    np.testing.assert_allclose(found, [-0.7875, -0.2625, -0.4], rtol=1e-15)


def test_objectives_that_never_differ_cost_nothing() -> None:
    scores = np.array([[1.0, 7.0], [2.0, 7.0]])
    np.testing.assert_allclose(scalarised(scores, np.array([0.5, 0.5])), [-0.525, 0.0])


def test_units_do_not_matter() -> None:
    scores = np.random.default_rng(0).integers(0, 100, size=(20, 3)).astype(float)
    weights = np.array([0.2, 0.3, 0.5])
    found = scalarised(scores * [1024, 0.25, 2**-30], weights)
    np.testing.assert_array_equal(found, scalarised(scores, weights))


def test_nothing_beats_the_best_under_the_weights() -> None:
    """The augmentation keeps weakly dominated points behind."""
    scores = np.array([[1.0, 0.0], [1.0, 0.5], [0.0, 1.0]])
    assert scalarised(scores, np.array([1.0, 0.0]))[1] == scalarised(scores, np.array([1.0, 0.0]))[0]
    assert scalarised(scores, np.array([0.9, 0.1]))[1] > scalarised(scores, np.array([0.9, 0.1]))[0]


def test_weights_are_drawn_for_every_fit_and_failures_left_out(drive: Any) -> None:
    search = drive(ParEGO("ridge", first_fit=4), objectives=TWO)
    strategy, drawn = search.strategy, []
    targets = strategy._targets
    strategy._targets = lambda scores: drawn.append((len(scores), targets(scores))) or drawn[-1][1]
    for number in range(12):
        trial = search.ask()
        scores = (float(number), np.nan if number % 2 else -float(trial.architecture.sum()))
        strategy.tell(trial, Outcome(scores, 1.0, 1, np.array([scores[0]])))
    assert [n for n, _ in drawn] == [4, 4, 5, 5, 6]
    assert not np.array_equal(drawn[0][1], drawn[1][1])


def test_one_objective_is_bayesian_optimisation(drive: Any) -> None:
    """Only the scale of the scores and the random numbers differ: both find the optimum."""
    best = []
    for strategy in (ParEGO("ridge"), BayesianOptimisation("ridge", interval=1)):
        search, found = drive(strategy), []
        for _ in range(30):
            trial = search.ask()
            found.append(float((trial.architecture == 3).sum()))
            search.tell(trial, found[-1])
        best.append(max(found))
    assert best == [6, 6]


def test_finds_more_of_the_front_than_random_search(formula: Any) -> None:
    """High accuracy with few parameters, which here are the code of the cell."""
    benchmark = formula()
    kind = benchmark.metrics["parameters"]
    benchmark.metrics = {**benchmark.metrics, "parameters": kind.__class__(**{**vars(kind), "direction": "minimise"})}
    objectives = ["validation_score", "parameters"]
    strategies = ["random", "parego+predictor=ridge+interval=2"]
    results = compare(benchmark, objectives, strategies=strategies, evaluations=40, repeats=5, jobs=1)
    assert results.summary["valid_ranking"]["order"][0] != "random"


def test_contract() -> None:
    check_strategy(ParEGO(interval=3), spaces.create("nb201"), evaluations=11)

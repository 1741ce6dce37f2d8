"""What runs are worth, on tables of a few cells that stand out; code c trains 1 + c % 7 s an epoch, for 1 or 4."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.base import Metric
from nasbench.evaluate.quality import (
    Bounds,
    best_found,
    best_of_space,
    described,
    excess,
    incumbents,
    records,
    standing,
    worth,
)
from nasbench.search.pareto import non_dominated
from nasbench.search.problem import Constraint
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator
from nasbench.simulator.simulate import Run

# By code: validation after 1 and 4 epochs, test after 1 and 4. All other cells: 10, 20, 9, 19.
CELLS = {
    0: (90, 95, 88, 91),
    1: (60, 80, 59, 79),
    2: (70, 85, 68, 83),
    3: (65, 70, 64, 75),
    4: (50, 60, 49, 93),
    5: (np.nan, np.nan, np.nan, np.nan),
}


def table(formula: Any, cells: dict[int, tuple[float, ...]] = CELLS, direction: str = "maximise") -> Any:
    """The formulas with these numbers; lower is better where they are minimised, so all signs are turned."""
    benchmark = formula(direction)
    sign = 1.0 if direction == "maximise" else -1.0
    for name, columns in (("validation", (0, 1)), ("test", (2, 3))):
        values = np.tile(((10.0, 20.0), (9.0, 19.0))[name == "test"], (15_625, 1))
        for code, numbers in cells.items():
            values[code] = [numbers[column] for column in columns]
        benchmark.formulas[f"toy/{name}_score"] = lambda g, epoch, values=sign * values: values[
            benchmark.space.code(g), (1, 4).index(epoch)
        ]
    return benchmark


def ran(evaluator: Evaluator, *trials: tuple[int, int]) -> Run:
    """A run of new trainings, one after the other, given as code and epochs."""
    rows = [evaluator.row(evaluator.space.decode(np.array([code]))[0]) for code, _ in trials]
    positions = [evaluator.fidelities.index(epochs) for _, epochs in trials]
    pairs = list(zip(rows, positions, strict=True))
    scores = [evaluator.scores(row, position) for row, position in pairs]
    return Run(
        rows=np.array(rows, dtype=int),
        positions=np.array(positions, dtype=int),
        epochs=np.cumsum([epochs for _, epochs in trials], dtype=int),
        seconds=np.cumsum([evaluator.seconds(row, position) for row, position in pairs]),
        scores=np.array(scores).reshape(-1, len(evaluator.objectives)),
    )


# The short training of 0 wins early; the first full one replaces it although its score is lower.
TRIALS = (1, 1), (0, 1), (2, 1), (3, 4), (5, 4), (1, 4), (0, 1), (2, 4), (1, 4)
BOTH = pytest.mark.parametrize("kind", [TabulatedEvaluator, QueryEvaluator])


@BOTH
def test_incumbents_by_hand(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(table(formula), ["validation_score"])
    found = standing(ran(evaluator, *TRIALS), evaluator, "paid")
    assert found.trials.tolist() == [0, 1, 3, 5, 7]
    assert found.positions.tolist() == [0, 0, 1, 1, 1]
    assert found.valid[:, 0].tolist() == [60, 90, 70, 80, 85]
    assert found.test[:, 0].tolist() == [59, 88, 75, 79, 83]
    assert found.epochs.tolist() == [1, 2, 3, 7, 11, 15, 16, 20, 24]


@BOTH
def test_retrained_incumbents_by_hand(formula: Any, kind: type[Evaluator]) -> None:
    """What is trained on pays 3 epochs, of 2 s and of 1 s each; full trainings need none."""
    evaluator = kind(table(formula), ["validation_score"])
    found = standing(ran(evaluator, *TRIALS), evaluator, "retrained")
    assert found.trials.tolist() == [0, 1, 3, 5, 7], "incumbents are what was paid for"
    assert found.valid[:, 0].tolist() == [80, 95, 70, 80, 85]
    assert found.test[:, 0].tolist() == [79, 91, 75, 79, 83]
    assert found.retrain_epochs.tolist() == [3, 3, 0, 0, 0]
    assert found.retrain_seconds.tolist() == [6, 3, 0, 0, 0]


@BOTH
def test_where_trainings_do_not_continue_retraining_pays_in_full(formula: Any, kind: type[Evaluator]) -> None:
    benchmark = table(formula)
    benchmark.metrics = {path: replace(metric, resumable=False) for path, metric in benchmark.metrics.items()}
    evaluator = kind(benchmark, ["validation_score"])
    found = standing(ran(evaluator, *TRIALS), evaluator, "retrained")
    assert found.retrain_epochs.tolist() == [4, 4, 0, 0, 0]
    assert found.retrain_seconds.tolist() == [8, 4, 0, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()), max_size=20))
def test_incumbents_one_by_one(trials: list[tuple[int, int, bool]]) -> None:
    expected, best = [], (-1, -1)
    for number, (position, score, possible) in enumerate(trials):
        if possible and (position > best[0] or (position == best[0] and score > best[1])):
            best = (position, score)
            expected.append(number)
    positions, scores, possible = (np.array([trial[i] for trial in trials]) for i in range(3))
    found = incumbents(positions.astype(int), scores.astype(float), possible.astype(bool))
    assert found.tolist() == expected


# --- regrets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_regrets_by_hand(formula: Any, direction: str) -> None:
    """The best validation score is 95, of code 0, whose test score is 91; the best test score is 93, of code 4."""
    evaluator = TabulatedEvaluator(table(formula, direction=direction), ["validation_score"])
    best = best_of_space(evaluator)
    assert (best.valid, best.test, best.perfect_test, best.whole_space) == (95, 93, 91, True)
    found = standing(ran(evaluator, *TRIALS), evaluator, "paid")
    rows = records(found, best, evaluator, "paid", strategy="s", repeat=0)
    sign = 1 if direction == "maximise" else -1
    columns = list(zip(*(row.values() for row in rows), strict=True))
    assert list(rows[0]) == [
        "strategy", "repeat", "evaluations", "epochs", "simulated_seconds", "valid", "test", "regret", "valid_regret"
    ]  # fmt: skip
    assert columns[2:] == [
        (1, 2, 4, 6, 8, 9),
        (1, 2, 7, 15, 20, 24),
        (2, 3, 22, 54, 67, 75),
        tuple(sign * value for value in (60, 90, 70, 80, 85, 85)),
        tuple(sign * value for value in (59, 88, 75, 79, 83, 83)),
        (34, 5, 18, 14, 10, 10),
        (35, 5, 25, 15, 10, 10),
    ]
    summary = described(best, evaluator.objectives)
    assert summary == {
        "best_valid": sign * 95,
        "best_test": sign * 93,
        "best_is": "the best of the whole space",
        "floor": 2,
    }


def test_the_floor_of_equal_validation_scores_is_their_mean(formula: Any) -> None:
    cells = {**CELLS, 6: (10, 95, 9, 89)}
    best = best_of_space(TabulatedEvaluator(table(formula, cells), ["validation_score"]))
    assert best.perfect_test == 90


def test_a_run_above_the_best_of_the_space(formula: Any) -> None:
    """The best is 95 on validation and 93 on test data; the first full training is the fourth trial."""
    evaluator = TabulatedEvaluator(table(formula), ["validation_score"])
    best, found = best_of_space(evaluator), standing(ran(evaluator, *TRIALS), evaluator, "paid")
    assert excess(found, best, "paid") is None

    def changed(split: str, change: int, value: float) -> Any:
        scores = getattr(found, split).copy()
        scores[change] = value
        return replace(found, **{split: scores})

    assert excess(changed("valid", 1, 99), best, "paid") is None, "a short training may be better than all full ones"
    assert excess(changed("valid", 1, 99), best, "retrained") == "after 2 evaluations by 4 on validation data"
    assert excess(changed("valid", 2, 95), best, "paid") is None
    assert excess(changed("valid", 2, np.nextafter(95, 96)), best, "paid") is not None
    assert excess(changed("test", 3, 93.5), best, "paid") == "after 6 evaluations by 0.5 on test data"
    assert excess(changed("test", 3, np.nan), best, "paid") is None
    assert excess(changed("test", 3, 93.5), best_found([found]), "paid") is None, "the best is not known"


@given(st.data(), st.sampled_from(["paid", "retrained"]), st.booleans())
@settings(deadline=None, max_examples=20)
def test_no_run_of_a_table_is_above_its_best(formula: Any, data: Any, score: Any, two: bool) -> None:
    """Whatever the table holds: short trainings that beat all full ones, failures, missing test values."""
    number = st.sampled_from([0.1, 0.2, 0.3, 50.7, 99.9, math.nan])
    rows = data.draw(st.lists(st.tuples(*[number] * 4), min_size=6, max_size=6))
    benchmark, names = table(formula, dict(enumerate(rows))), ["validation_score"]
    if two:
        latency = Metric("phone", "latency", "none", "milliseconds", "minimise", ("architecture",))
        benchmark.metrics = {**benchmark.metrics, latency.path: latency}
        benchmark.formulas[latency.path] = lambda g, epoch: benchmark.space.code(g) % 11 / 7
        names.append("latency")
    evaluator = TabulatedEvaluator(benchmark, names)
    trials = data.draw(st.lists(st.tuples(st.integers(0, 7), st.sampled_from([1, 4])), min_size=1, max_size=12))
    found = standing(ran(evaluator, *trials), evaluator, score)
    assert excess(found, best_of_space(evaluator), score) is None


def test_retraining_is_recorded_with_its_cost(formula: Any) -> None:
    evaluator = TabulatedEvaluator(table(formula), ["validation_score"])
    best = best_of_space(evaluator)
    rows = records(standing(ran(evaluator, (0, 1), (1, 1)), evaluator, "retrained"), best, evaluator, "retrained")
    assert [row["evaluations"] for row in rows] == [1, 2]
    assert {(row["valid"], row["test"], row["valid_regret"], row["regret"]) for row in rows} == {(95, 91, 0, 2)}
    assert {(row["retrain_epochs"], row["retrain_seconds"]) for row in rows} == {(3, 3)}


def test_without_times_there_is_no_cost(formula: Any) -> None:
    benchmark = table(formula)
    benchmark.metrics = {path: metric for path, metric in benchmark.metrics.items() if "seconds" not in path}
    evaluator = TabulatedEvaluator(benchmark, ["validation_score"])
    best = best_of_space(evaluator)
    rows = records(standing(ran(evaluator, (0, 1)), evaluator, "retrained"), best, evaluator, "retrained")
    assert math.isnan(rows[-1]["simulated_seconds"]) and math.isnan(rows[-1]["retrain_seconds"])
    assert rows[-1]["retrain_epochs"] == 3


def test_a_retraining_that_fails_is_worth_nothing(formula: Any) -> None:
    evaluator = TabulatedEvaluator(table(formula, {0: (90, np.nan, 88, np.nan)}), ["validation_score"])
    best = best_of_space(evaluator)
    (row,) = records(standing(ran(evaluator, (0, 1)), evaluator, "retrained"), best, evaluator, "retrained")
    assert math.isnan(row["valid"]) and math.isnan(row["valid_regret"]) and math.isnan(row["regret"])
    (row,) = records(standing(ran(evaluator, (0, 1)), evaluator, "paid"), best, evaluator, "paid")
    assert (row["valid"], row["test"]) == (90, 88)


def test_runs_in_which_nothing_succeeds(formula: Any) -> None:
    evaluator = TabulatedEvaluator(table(formula), ["validation_score"])
    best = best_of_space(evaluator)
    (row,) = records(standing(ran(evaluator, (5, 4), (5, 1)), evaluator, "paid"), best, evaluator, "paid")
    assert (row["evaluations"], row["epochs"], row["simulated_seconds"]) == (2, 5, 30)
    assert math.isnan(row["valid"]) and math.isnan(row["regret"]) and math.isnan(row["valid_regret"])
    (row,) = records(standing(ran(evaluator), evaluator, "paid"), best, evaluator, "paid")
    assert (row["evaluations"], row["epochs"], row["simulated_seconds"]) == (0, 0, 0)
    assert math.isnan(row["regret"])


def test_the_best_that_several_runs_found(formula: Any) -> None:
    evaluator = QueryEvaluator(table(formula), ["validation_score"])
    runs = [standing(ran(evaluator, *trials), evaluator, "paid") for trials in (((1, 4), (4, 4)), ((2, 4), (5, 4)))]
    best = best_found(runs)
    assert (best.valid, best.test, best.perfect_test, best.whole_space) == (85, 83, 83, False)
    assert described(best, evaluator.objectives)["best_is"] == "the best that any strategy found"
    nothing = best_found([standing(ran(evaluator, (5, 4)), evaluator, "paid")])
    assert math.isnan(nothing.valid) and math.isnan(nothing.test)


def test_constraints_bind_incumbents_and_the_best(formula: Any) -> None:
    """Code c has c + 1 parameters: without code 0, the best is code 2."""
    evaluator = TabulatedEvaluator(table(formula), ["validation_score"], [Constraint("parameters", low=2)])
    found = standing(ran(evaluator, *TRIALS), evaluator, "paid")
    assert found.trials.tolist() == [0, 2, 3, 5, 7]
    assert found.valid[:, 0].tolist() == [60, 70, 70, 80, 85]
    best = best_of_space(evaluator)
    assert (best.valid, best.test, best.perfect_test) == (85, 93, 83)


# --- several objectives ---------------------------------------------------------------------------------------------

# By code: validation, test and latency. All other cells: 0, 0 and 10 ms.
FRONT = {
    0: (50, 40, 5),
    1: (100, 80, 10),
    2: (75, 90, 2),
    3: (100, 100, 8),
    4: (60, 95, 2),
    6: (90, 70, 6),
}


def two_objectives(formula: Any, direction: str = "maximise", limits: tuple[Constraint, ...] = ()) -> Any:
    """Scores after 4 epochs as in `FRONT`, after 1 epoch half of them."""
    cells = {code: (valid / 2, valid, test / 2, test) for code, (valid, test, _) in FRONT.items()}
    others = dict.fromkeys(range(15_625), (0.0,) * 4)
    benchmark = table(formula, {**others, **cells}, direction)
    latency = Metric("phone", "latency", "none", "milliseconds", "minimise", ("architecture",))
    benchmark.metrics = {**benchmark.metrics, latency.path: latency}
    values = np.full(15_625, 10.0)
    for code, (*_, number) in FRONT.items():
        values[code] = number
    values[7] = 0.0  # the fastest of all, whose score is 0
    benchmark.formulas[latency.path] = lambda g, epoch: values[benchmark.space.code(g)]
    return TabulatedEvaluator(benchmark, ["validation_score", "latency"], limits)


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_hypervolumes_by_hand(formula: Any, direction: str) -> None:
    """In shares of 100 and of 10 ms: code 0 is (0.5, 0.5), 1 (1, 0), 2 (0.75, 0.8), 3 (1, 0.2) and 6 (0.9, 0.4)."""
    evaluator = two_objectives(formula, direction)
    best = best_of_space(evaluator)
    # Of 2, 6 and 3: 0.75 x 0.8 + 0.15 x 0.4 + 0.1 x 0.2. On test data 3 (1, 0.2) and 4 (0.95, 0.8), 2 is beaten.
    assert best.valid == pytest.approx(0.68)
    assert best.test == pytest.approx(0.95 * 0.8 + 0.05 * 0.2)
    assert best.perfect_test == pytest.approx(0.9 * 0.8 + 0.1 * 0.2), "of test scores of 2, 3 and 6"
    found = standing(ran(evaluator, (0, 4), (1, 4), (0, 4), (2, 4), (0, 4), (3, 4), (6, 4), (4, 4)), evaluator, "paid")
    assert found.trials.tolist() == [0, 1, 3, 5, 6]
    rows = records(found, best, evaluator, "paid")
    assert [row["evaluations"] for row in rows] == [1, 2, 4, 6, 7, 8]
    assert [row["valid"] for row in rows] == pytest.approx([0.25, 0.25, 0.6, 0.65, 0.68, 0.68])
    assert [row["test"] for row in rows] == pytest.approx([0.2, 0.2, 0.72, 0.74, 0.74, 0.74])
    assert rows[-1]["valid_regret"] == 0 < rows[-3]["valid_regret"]
    assert rows[-1]["regret"] == pytest.approx(best.test - best.perfect_test)
    assert described(best, evaluator.objectives) == {
        "best_valid": pytest.approx(0.68),
        "best_test": pytest.approx(best.test),
        "best_is": "the best of the whole space",
        "floor": pytest.approx(best.test - best.perfect_test),
        "valid_bounds": bounds(direction),
        "test_bounds": bounds(direction),
    }


def bounds(direction: str) -> dict[str, dict[str, float]]:
    best = 100.0 if direction == "maximise" else -100.0
    return {
        "toy/validation_score": {"reference": 0.0, "best": best},
        "phone/latency": {"reference": 10.0, "best": 0.0},
    }


def test_the_front_is_of_the_highest_fidelity(formula: Any) -> None:
    """Half of 100 at 8 ms, after one epoch, is replaced by the first full training, 50 at 5 ms."""
    evaluator = two_objectives(formula)
    found = standing(ran(evaluator, (3, 1), (0, 4), (6, 1)), evaluator, "paid")
    assert found.trials.tolist() == [0, 1]
    valid, _ = worth(found, best_of_space(evaluator))
    np.testing.assert_allclose(valid, [0.5 * 0.2, 0.5 * 0.5])
    retrained = standing(ran(evaluator, (3, 1), (2, 1), (6, 1)), evaluator, "retrained")
    valid, _ = worth(retrained, best_of_space(evaluator))
    np.testing.assert_allclose(valid, [0.2, 0.65, 0.68])


def test_constraints_bind_fronts(formula: Any) -> None:
    evaluator = two_objectives(formula, limits=(Constraint("latency", high=5),))
    found = standing(ran(evaluator, (3, 4), (6, 4), (0, 4), (2, 4)), evaluator, "paid")
    assert found.trials.tolist() == [2, 3]
    valid, _ = worth(found, best_of_space(evaluator))  # the worst that is allowed: 0 and 5 ms, the best 75 and 0 ms
    np.testing.assert_allclose(valid, [0, 0.6])


def test_fronts_without_test_values(formula: Any) -> None:
    evaluator = two_objectives(formula)
    found = standing(ran(evaluator, (0, 4), (2, 4)), evaluator, "paid")
    found.test[0] = np.nan
    valid, test = worth(found, best_of_space(evaluator))
    np.testing.assert_allclose(valid, [0.25, 0.6])
    np.testing.assert_allclose(test, [np.nan, 0.72])  # the first is beaten by then


def test_objectives_on_which_all_agree() -> None:
    """They decide nothing: the share is that of the others."""
    bounds = Bounds(np.array([0.0, 5.0]), np.array([2.0, 5.0]))
    assert bounds.share(np.array([[1.0, 5.0]])) == 0.5
    assert bounds.share(np.array([[0.0, 5.0], [2.0, 5.0]])) == 1


@given(st.lists(st.tuples(st.integers(0, 1), *[st.integers(0, 3)] * 3), max_size=12))
def test_what_enters_a_front_one_by_one(trials: list[tuple[int, ...]]) -> None:
    class Plain:
        constraints, fidelities, resumable = (), (1, 4), True

        def scores(self, row: int, position: int) -> tuple[float, ...]:
            return tuple(map(float, trials[row][1:]))

        test = scores

        def seconds(self, row: int, position: int) -> float:
            return 1.0

    positions = np.array([trial[0] for trial in trials], dtype=int)
    scores = np.array([trial[1:] for trial in trials], dtype=float).reshape(-1, 3)
    rows = np.arange(len(trials))
    run = Run(rows, positions, rows, rows.astype(float), scores)
    found = standing(run, Plain(), "paid")  # type: ignore[arg-type]
    expected, highest = [], -1
    for row in rows:
        if positions[row] > highest:
            highest = positions[row]
        earlier = scores[:row][positions[:row] == highest]
        if positions[row] == highest and not (earlier >= scores[row]).all(axis=1).any():
            expected.append(row)
    assert found.trials.tolist() == expected
    if len(rows):
        full = scores[positions == positions.max()]
        last = found.valid[found.positions == found.positions.max()]
        a, b = (np.unique(front[non_dominated(front)], axis=0) for front in (full, last))
        np.testing.assert_array_equal(a, b)

"""Noise draws: which training stands for the mean, worked out on few seeds, and in which share of the draws."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.noise import Noise
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.simulator.draws import MeasuredSeeds, PredictedNoise, Same
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator
from nasbench.simulator.streams import noise_seed
from nasbench.spaces import spaces
from nasbench.types import FloatArray

EVALUATORS = [TabulatedEvaluator, QueryEvaluator]
METRIC = "validation_accuracy"
NAN = np.nan


def table(seeds: int = 3, name: str = "cells", **facts: Any) -> TabularBenchmark:
    """All cells of `nb201` at epochs 1 and 2; with seed s, the cell of code c has the score 100 s + epoch + c / 1e5."""
    space = spaces.create("nb201")
    genotypes = np.concatenate(list(space.enumerate()))
    codes = space.code(genotypes)
    values = 100.0 * np.arange(seeds)[:, None] + np.array([1.0, 2.0]) + codes[:, None, None] / 1e5
    if seeds > 2:
        values[codes == 7, 2] = NAN  # the last training of code 7 failed
        values[codes == 8] = NAN  # and all of code 8
        values[codes == 9, :2, 1] = NAN  # two of code 9 after an epoch
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture", "seed", "epoch"))  # type: ignore[arg-type]
        missing = np.isnan(values).astype(np.uint8)
        columns[metric.path] = Column(metric, values, missing, ("diverged",) if missing.any() else ())
    metric = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
    columns[metric.path] = Column(metric, codes + 1.0, np.zeros(len(codes), dtype=np.uint8))
    return TabularBenchmark(Table(space, genotypes, tuple(range(seeds)), {"toy": (1, 2)}, columns, **facts), name)


@pytest.fixture(scope="module")
def three() -> TabularBenchmark:
    return table()


def score(evaluator: Evaluator, code: int, position: int = 1) -> float:
    return evaluator.scores(evaluator.row(evaluator.space.decode(np.array([code]))[0]), position)[0]


def seed_of(score: float) -> int:
    return int(score // 100)


# --- by hand --------------------------------------------------------------------------------------------------------


def test_the_first_measured_seed_of_an_order_answers() -> None:
    draws, keys = MeasuredSeeds((0, 1, 2)), np.arange(3)
    every = np.array([[[0, 0, 0], [1, 1, 1], [2, 2, 2]]], dtype=float)
    order = [draws.drawn(every, keys, seed)[0] for seed in range(40)]
    for seed, chosen in enumerate(order):
        gone = every.copy()
        gone[0, chosen.astype(int), keys] = NAN
        second = draws.drawn(gone, keys, seed)[0]
        assert (second != chosen).all() and np.isfinite(second).all()
        assert np.isnan(draws.drawn(np.full((1, 3, 3), NAN), keys, seed)).all()


def test_a_surrogate_draws_the_mean_with_its_noise() -> None:
    draws = PredictedNoise("toy/a", Noise(np.array([0.0]), np.array([2.0])), log=False)
    means = draws.recorded(lambda policy: np.full(50_000, 10.0))
    assert means.shape == (1, 50_000)
    drawn = draws.drawn(means[None], np.arange(50_000), 3)
    assert drawn.shape == (1, 50_000)
    assert drawn.mean() == pytest.approx(10, abs=6 * 2 / 50_000**0.5)
    assert drawn.std() == pytest.approx(2, abs=6 * 2 / 100_000**0.5)


def test_a_metric_without_seeds_has_one_value() -> None:
    draws, values = Same(), np.array([1.0, 2.0])
    np.testing.assert_array_equal(draws.drawn(draws.recorded(lambda policy: values)[None], np.arange(2), 9), [values])


# --- evaluators -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVALUATORS)
def test_scores_and_curves_are_those_of_one_seed(three: TabularBenchmark, kind: type[Evaluator]) -> None:
    mean = kind(three, [METRIC], draws=True)
    drawn = mean.drawn(5)
    seen = set()
    for code in range(10, 60):
        row = mean.row(mean.space.decode(np.array([code]))[0])
        assert drawn.row(mean.space.decode(np.array([code]))[0]) == row
        assert mean.scores(row, 1)[0] == pytest.approx(102 + code / 1e5)
        seed = seed_of(drawn.scores(row, 1)[0])
        seen.add(seed)
        assert drawn.scores(row, 1)[0] == pytest.approx(100 * seed + 2 + code / 1e5)
        np.testing.assert_allclose(drawn.curve(row, 1), 100 * seed + np.array([1, 2]) + code / 1e5)
        assert drawn.test(row, 1) == mean.test(row, 1), "test values stay means"
        assert drawn.seconds(row, 1) == mean.seconds(row, 1)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("kind", EVALUATORS)
def test_what_is_missing_is_drawn_among_what_was_measured(three: TabularBenchmark, kind: type[Evaluator]) -> None:
    mean = kind(three, [METRIC], draws=True)
    drawn = [mean.drawn(seed) for seed in range(60 if kind is QueryEvaluator else 30)]
    assert {seed_of(score(evaluator, 7)) for evaluator in drawn} == {0, 1}
    assert all(np.isnan(score(evaluator, 8)) for evaluator in drawn)
    assert {seed_of(score(evaluator, 9)) for evaluator in drawn} == {2}
    assert {seed_of(score(evaluator, 9, 0)) for evaluator in drawn} == {0, 1, 2}


def test_asking_and_looking_up_draw_the_same(three: TabularBenchmark) -> None:
    looked_up, asked = (kind(three, [METRIC], draws=True).drawn(4) for kind in EVALUATORS)
    for code in [*range(30), 15_000]:
        np.testing.assert_array_equal(score(looked_up, code), score(asked, code))


def test_each_seed_is_drawn_as_often_independent_of_others(three: TabularBenchmark) -> None:
    evaluator = TabulatedEvaluator(three, [METRIC], draws=True)
    keys = evaluator.space.key(evaluator.space.decode(evaluator.codes))
    _, first = np.unique(keys, return_index=True)
    first = first[first > 9]
    one, two = (evaluator.drawn(seed).valid[0, 1, first] // 100 for seed in (1, 2))
    counts = np.array([[np.sum((one == a) & (two == b)) for a in range(3)] for b in range(3)])
    expected = len(first) / 9
    assert np.abs(counts - expected).max() < 5 * expected**0.5


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), repeat=st.integers(0, 50))
def test_a_draw_follows_from_its_number(three: TabularBenchmark, seed: int, repeat: int) -> None:
    number = noise_seed(seed, repeat)
    assert number == noise_seed(seed, repeat) != noise_seed(seed, repeat + 1)
    evaluator = QueryEvaluator(three, [METRIC], draws=True)
    later, earlier = evaluator.drawn(number), evaluator.drawn(number)
    order = [11, 12, 13]
    before = [score(earlier, code) for code in order]
    assert [score(later, code) for code in reversed(order)] == before[::-1]


def test_a_draw_changes_no_mean(three: TabularBenchmark) -> None:
    evaluator = TabulatedEvaluator(three, [METRIC], draws=True)
    before = evaluator.valid.copy()
    drawn = evaluator.drawn(1)
    np.testing.assert_array_equal(evaluator.valid, before)
    assert drawn is evaluator.drawn(1)
    for array in (drawn.valid, drawn.curve(0, 1)):
        with pytest.raises(ValueError, match="read-only"):
            array[:] = 0


def test_less_is_better() -> None:
    benchmark = table()
    benchmark.metrics = {p: replace(m, direction="minimise") for p, m in benchmark.metrics.items()}
    for kind in EVALUATORS:
        evaluator = kind(benchmark, [METRIC], draws=True)
        assert {-seed_of(-score(evaluator.drawn(n), 20)) for n in range(20)} == {0, -1, -2}


def test_static_objectives_are_as_they_are(three: TabularBenchmark) -> None:
    for kind in EVALUATORS:
        evaluator = kind(three, [METRIC, "parameters"], draws=True)
        row = evaluator.row(evaluator.space.decode(np.array([12]))[0])
        scores = evaluator.drawn(1).scores(row, 1)
        assert scores[1] == -13 and seed_of(scores[0]) in (0, 1, 2)


def test_objectives_of_one_training_share_their_seed(three: TabularBenchmark) -> None:
    path = "toy/validation_loss"
    column = three.table.columns["toy/validation_accuracy"]
    metric = replace(column.metric, name="validation_loss")
    columns = {**three.table.columns, path: replace(column, metric=metric)}
    benchmark = TabularBenchmark(replace(three.table, columns=columns))
    evaluator = TabulatedEvaluator(benchmark, [METRIC, path], draws=True)
    np.testing.assert_array_equal(*evaluator.drawn(2).valid)


def test_architectures_that_one_training_stands_for_have_one_draw() -> None:
    benchmark = nasbench.load("nb201-digits")
    evaluator = TabulatedEvaluator(benchmark, [METRIC], draws=True)
    functions = evaluator.space.function_key(evaluator.space.decode(evaluator.codes))
    drawn: FloatArray = evaluator.drawn(1).valid[0, -1]
    order = np.argsort(functions, kind="stable")
    same = functions[order][1:] == functions[order][:-1]
    assert same.any() and (drawn[order][1:] == drawn[order][:-1])[same].all()
    assert (drawn != evaluator.valid[0, -1]).any()


# --- surrogates, and what cannot be drawn ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def surrogate() -> SurrogateBenchmark:
    benchmark = nasbench.load("synthetic-noisy")
    assert isinstance(benchmark, TabularBenchmark)
    rows = np.arange(0, len(benchmark.table.genotypes), 50)
    columns = {
        path: replace(column, values=column.values[rows], missing=column.missing[rows])
        for path, column in benchmark.table.columns.items()
    }
    few = TabularBenchmark(replace(benchmark.table, genotypes=benchmark.table.genotypes[rows], columns=columns))
    return fit_surrogate(few, METRIC, "ridge", folds=2)


def test_surrogates_draw_what_their_integer_seeds_answer(surrogate: SurrogateBenchmark) -> None:
    seed = noise_seed(0, 3)
    for kind in EVALUATORS:
        drawn = kind(surrogate, [METRIC], draws=True).drawn(seed)
        for code in range(0, 1000, 100):
            cell = drawn.space.decode(np.array([code]))
            expected = surrogate.query_many(cell, METRIC, seed=seed).values[0]
            assert drawn.scores(drawn.row(cell[0]), 0)[0] == pytest.approx(expected, rel=1e-9)
            assert expected != surrogate.query_many(cell, METRIC).values[0]


@pytest.mark.parametrize("kind", EVALUATORS)
def test_what_has_no_noise_is_refused(kind: type[Evaluator], surrogate: SurrogateBenchmark) -> None:
    with pytest.raises(
        InputError,
        match=r"^--seed-policy draw needs trainings with several seeds, and 'toy/validation_accuracy' of single has "
        r"one; use --seed-policy mean, or build the table with --seeds 3$",
    ):
        kind(table(1, "single"), [METRIC], draws=True)
    models = {path: replace(model, noise=None) for path, model in surrogate.models.items()}
    silent = SurrogateBenchmark(surrogate.table, models, "silent.h5")
    with pytest.raises(InputError, match=r"several seeds, and silent.h5 does not know the noise of .*; use --seed-pol"):
        kind(silent, [METRIC], draws=True)


def test_a_table_by_queries_is_too_large_with_its_seeds(three: TabularBenchmark, monkeypatch: Any) -> None:
    from nasbench.simulator import evaluator as evaluators

    monkeypatch.setattr(evaluators, "MAX_TABULATED_NUMBERS", 15_625 * 2 * 3)
    assert type(evaluators.make_evaluator(three, [METRIC])) is TabulatedEvaluator
    assert type(evaluators.make_evaluator(three, [METRIC], draws=True)) is QueryEvaluator

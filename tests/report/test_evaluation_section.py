import math
from dataclasses import replace

import numpy as np
import pytest

from nasbench.evaluate.results import Results
from nasbench.report.document import Figures, TextTable
from nasbench.report.evaluation_section import (
    collect,
    evaluation_facts,
    evaluation_section,
    evaluation_sentence,
    interval,
)
from nasbench.report.figures import Plot, Points, styles


def test_collect_keeps_apart_what_was_left_out(evaluation: Results) -> None:
    without = [{**record, "left_out": name} for record in evaluation.records for name in ("darts", "de")]
    scores = collect(replace(evaluation, records=without))
    assert {name for name, _ in scores} == {
        f"{record['predictor']} without {name}" for record in evaluation.records for name in ("darts", "de")
    }


def test_collect_keeps_finite_numbers_by_predictor_and_size(evaluation: Results) -> None:
    scores = collect(evaluation)
    assert list(scores) == [("mean", 10), ("mean", 20), ("ridge", 10), ("ridge", 20), ("gp", 10), ("gp", 20)]
    assert len(scores["mean", 10]["kendall_tau"]) == 0
    assert len(scores["gp", 20]["kendall_tau"]) == 4
    assert scores["mean", 10]["coverage_90"].tolist() == [0.88] * 4


def test_interval_of_nothing_one_and_many() -> None:
    assert all(math.isnan(v) for v in interval(np.empty(0)))
    mean, low, high = interval(np.array([2.0]))
    assert mean == 2
    assert math.isnan(low)
    assert math.isnan(high)
    mean, low, high = interval(np.array([1.0, 2.0, 3.0]))
    assert 1 <= low < mean < high <= 3
    assert mean == pytest.approx(2)


def test_section_has_each_score_with_intervals_and_a_table(evaluation: Results) -> None:
    section = evaluation_section(evaluation, styles(["mean", "ridge", "gp"]), "evaluation-1")
    figures = {f.name: f for block in section.blocks if isinstance(block, Figures) for f in block.figures}
    assert set(figures) == {f"evaluation-1-{s}" for s in ("kendall-tau", "r2", "rmse", "coverage-90")}
    tau = figures["evaluation-1-kendall-tau"]
    assert isinstance(tau, Plot)
    assert "Undefined for the constant predictions of mean" in tau.caption
    assert "n = 4 random splits" in tau.caption
    points = next(mark for mark in tau.marks if isinstance(mark, Points) and mark.name == "gp")
    values = collect(evaluation)["gp", 20]["kendall_tau"]
    assert points.y[1] == pytest.approx(values.mean())
    assert points.low is not None
    assert points.high is not None
    assert values.min() <= points.low[1] <= points.y[1] <= points.high[1] <= values.max()
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert [row[:3] for row in table.rows][:3] == [("10", "mean", "4"), ("10", "ridge", "4"), ("10", "gp", "4")]
    assert table.rows[0][3] == "-"


def test_the_best_is_named_with_n_and_interval(evaluation: Results) -> None:
    sentence = evaluation_sentence(evaluation)
    assert sentence.startswith("From 20 trained cells, gp predicts the ranking best")
    assert "n = 4 splits" in sentence
    assert "followed by ridge" in sentence
    (fact,) = evaluation_facts(evaluation)
    assert fact.value == "gp"


def test_constant_predictors_alone_are_no_ranking(evaluation: Results) -> None:
    records = [record for record in evaluation.records if record["predictor"] == "mean"]
    constant = Results(**{**vars(evaluation), "records": records})
    assert "constant" in evaluation_sentence(constant)
    assert evaluation_facts(constant) == ()
    evaluation_section(constant, styles(["mean"]), "evaluation-1")

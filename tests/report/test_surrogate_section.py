"""The section of a surrogate states scores with n and intervals."""

from dataclasses import replace
from typing import Any

import pytest

from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.report.document import Figures, TextTable
from nasbench.report.figures import Plot, Points
from nasbench.report.surrogate_section import surrogate_facts, surrogate_section, surrogate_sentence


def test_sentence_states_scores_with_n_and_intervals(surrogate: SurrogateBenchmark) -> None:
    text = surrogate_sentence(surrogate)
    quality = surrogate.models["digits/validation_accuracy"].quality
    assert text.startswith("A surrogate (ridge) fitted on 30 trained cells answers for all 15,625 genotypes of nb201.")
    assert f"Kendall tau of {quality['kendall_tau']:.2f} [{quality['kendall_tau_low']:.2f},\u00a0" in text
    assert f"R² of {quality['r2']:.2f}" in text
    assert "n = 30" in text
    (fact,) = surrogate_facts(surrogate)
    assert fact.value == f"τ = {quality['kendall_tau']:.2f}"


def test_section_shows_every_metric(surrogate: SurrogateBenchmark) -> None:
    section = surrogate_section(surrogate, "surrogate-1")
    (figures,) = (block for block in section.blocks if isinstance(block, Figures))
    scores = figures.figures[-1]
    assert isinstance(scores, Plot)
    assert len(scores.y.categories) == len(surrogate.metrics)
    tau = scores.marks[0]
    assert isinstance(tau, Points)
    assert tau.x[0] == surrogate.models["digits/validation_accuracy"].quality["kendall_tau"]
    (table,) = (block for block in section.blocks if isinstance(block, TextTable))
    assert {row[0] for row in table.rows} == set(surrogate.metrics)


def test_undefined_scores_are_left_out(surrogate: SurrogateBenchmark) -> None:
    models = {
        path: replace(model, quality={"n": 30, "folds": 5, "kendall_tau": None})
        for path, model in surrogate.models.items()
    }
    unknown = SurrogateBenchmark(surrogate.table, models, name="unknown")
    assert "not known" in surrogate_sentence(unknown)
    assert surrogate_facts(unknown) == ()
    section = surrogate_section(unknown, "surrogate-1")
    (figures,) = (block for block in section.blocks if isinstance(block, Figures))
    assert all(not len(mark.x) for mark in figures.figures[-1].marks)


@pytest.mark.parametrize("n", ["x", None, [1], 1e400])
def test_odd_qualities_are_not_known(surrogate: SurrogateBenchmark, n: Any) -> None:
    quality = {"n": n, "folds": n, "kendall_tau": 0.5, "kendall_tau_low": n, "r2": n, "rmse": n}
    models = {path: replace(model, quality=quality) for path, model in surrogate.models.items()}
    table = replace(surrogate.table, recipe={"metric": [n], "predictor": n})
    odd = SurrogateBenchmark(table, models, name="odd")
    section = surrogate_section(odd, "surrogate-1")
    assert "Kendall tau of 0.50 with the measured one (n = 30" in section.sentences[0]
    (fact,) = section.facts
    assert fact.note == "held out, n = 30 cells"


def test_held_out_predictions_are_drawn_against_measurements(surrogate: SurrogateBenchmark) -> None:
    path = "digits/validation_accuracy"
    values = surrogate.table.columns[path].values
    model = surrogate.models[path]
    held_out = replace(model, held_out=values + 1)
    drawn = SurrogateBenchmark(surrogate.table, {**surrogate.models, path: held_out}, name="drawn")
    (figures,) = (block for block in surrogate_section(drawn, "surrogate-1").blocks if isinstance(block, Figures))
    scatter = figures.figures[0]
    assert isinstance(scatter, Plot)
    points = scatter.marks[1]
    assert points.x.tolist() == values.tolist()
    assert points.y.tolist() == (values + 1).tolist()


def test_the_fitted_metric_comes_first(surrogate: SurrogateBenchmark) -> None:
    turned = dict(reversed(surrogate.models.items()))
    table = replace(surrogate.table, columns={path: surrogate.table.columns[path] for path in turned})
    section = surrogate_section(SurrogateBenchmark(table, turned, name="turned"), "surrogate-1")
    (rows,) = (block.rows for block in section.blocks if isinstance(block, TextTable))
    assert rows[0][0] == "digits/validation_accuracy"

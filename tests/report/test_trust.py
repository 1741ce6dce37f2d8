"""How far a surrogate can be trusted is said with n and intervals."""

from dataclasses import replace

from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.report.content import Figures, Table
from nasbench.report.figures import Plot, Points
from nasbench.report.trust import trust_facts, trust_section, trust_sentence


def test_sentence_states_scores_with_n_and_intervals(surrogate: SurrogateBenchmark) -> None:
    text = trust_sentence(surrogate)
    quality = surrogate.models["digits/validation_accuracy"].quality
    assert text.startswith("A surrogate (ridge) fitted on 30 trained cells answers for all 15,625 genotypes of nb201.")
    assert f"Kendall tau of {quality['kendall_tau']:.2f} [{quality['kendall_tau_low']:.2f},\u00a0" in text
    assert f"R² of {quality['r2']:.2f}" in text
    assert "n = 30" in text
    (fact,) = trust_facts(surrogate)
    assert fact.value == f"τ = {quality['kendall_tau']:.2f}"


def test_section_shows_every_metric(surrogate: SurrogateBenchmark) -> None:
    section = trust_section(surrogate, "trust-1")
    (figures,) = (part for part in section.parts if isinstance(part, Figures))
    scores = figures.figures[-1]
    assert isinstance(scores, Plot)
    assert len(scores.y.categories) == len(surrogate.metrics)
    tau = scores.marks[0]
    assert isinstance(tau, Points)
    assert tau.x[0] == surrogate.models["digits/validation_accuracy"].quality["kendall_tau"]
    (table,) = (part for part in section.parts if isinstance(part, Table))
    assert {row[0] for row in table.rows} == set(surrogate.metrics)


def test_undefined_scores_are_left_out(surrogate: SurrogateBenchmark) -> None:
    models = {
        path: replace(model, quality={"n": 30, "folds": 5, "kendall_tau": None})
        for path, model in surrogate.models.items()
    }
    unknown = SurrogateBenchmark(surrogate.table, models, name="unknown")
    assert "not known" in trust_sentence(unknown)
    assert trust_facts(unknown) == ()
    section = trust_section(unknown, "trust-1")
    (figures,) = (part for part in section.parts if isinstance(part, Figures))
    assert all(not len(mark.x) for mark in figures.figures[-1].marks)


def test_held_out_predictions_are_drawn_against_measurements(surrogate: SurrogateBenchmark) -> None:
    path = "digits/validation_accuracy"
    values = surrogate.table.columns[path].values
    model = surrogate.models[path]
    held_out = replace(model, held_out=values + 1)
    drawn = SurrogateBenchmark(surrogate.table, {**surrogate.models, path: held_out}, name="drawn")
    (figures,) = (part for part in trust_section(drawn, "trust-1").parts if isinstance(part, Figures))
    scatter = figures.figures[0]
    assert isinstance(scatter, Plot)
    points = scatter.marks[1]
    assert points.x.tolist() == values.tolist()
    assert points.y.tolist() == (values + 1).tolist()


def test_the_fitted_metric_comes_first(surrogate: SurrogateBenchmark) -> None:
    turned = dict(reversed(surrogate.models.items()))
    table = replace(surrogate.table, columns={path: surrogate.table.columns[path] for path in turned})
    section = trust_section(SurrogateBenchmark(table, turned, name="turned"), "trust-1")
    (rows,) = (part.rows for part in section.parts if isinstance(part, Table))
    assert rows[0][0] == "digits/validation_accuracy"

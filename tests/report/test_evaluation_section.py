import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.table import Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.holdout import left_out
from nasbench.evaluate.predictors import evaluate
from nasbench.evaluate.results import Results
from nasbench.evaluate.splits import Split
from nasbench.evaluate.statistics import bootstrap_interval, resampling_weights
from nasbench.report.document import Figures, Lines, Paragraph, Section, TextTable
from nasbench.report.evaluation_section import collect, evaluation_section, interval
from nasbench.report.figures import Line, Plot, Points, styles
from nasbench.report.page import compose
from nasbench.types import FloatArray

ROWS = np.random.default_rng(0).permutation(15_625)[:60]


def section_of(results: Results) -> Section:
    return evaluation_section(results, styles([record["predictor"] for record in results.records]), "evaluation-1")


def held_out(evaluation: Results, *names: str) -> Results:
    """The same records for each of several held-out parts; those of the second have the larger training size only."""
    records = [
        {**record, "left_out": name}
        for name in names
        for record in evaluation.records
        if name == names[0] or record["n_train"] == 20
    ]
    return replace(evaluation, records=records, settings={"left_out": dict.fromkeys(names, 7)})


def test_collect_keeps_apart_what_was_left_out(evaluation: Results) -> None:
    parts = collect(held_out(evaluation, "darts", "de"))
    assert list(parts) == ["darts", "de"]
    assert set(parts["darts"]) == {(name, size) for name in ("mean", "ridge", "gp") for size in (10, 20)}
    assert set(parts["de"]) == {(name, 20) for name in ("mean", "ridge", "gp")}


def test_each_held_out_part_has_its_own_figures_and_ranking(evaluation: Results) -> None:
    results = held_out(evaluation, "darts", "de")
    section = evaluation_section(results, styles(["mean", "ridge", "gp"]), "evaluation-1")
    groups = [block for block in section.blocks if isinstance(block, Figures)]
    names = [[figure.name for figure in group.figures] for group in groups]
    lines = [block.lines for block in section.blocks if isinstance(block, Lines)]
    assert [len(told) for told in lines] == [2, 1]
    assert lines[0][0] == "n = 10: gp has the highest mean, not distinguishable from ridge; 6 splits could tell."
    scores = ("kendall-tau", "r2", "rmse", "coverage-90")
    assert names == [[f"evaluation-1-{place}-{score}" for score in scores] for place in (1, 2)]
    assert [group.figures[0].title for group in groups] == [
        "Rank correlation, held out: darts", "Rank correlation, held out: de",
    ]  # fmt: skip
    texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
    assert texts[1:] == ["Held out: darts (7 architectures).", "Held out: de (7 architectures)."]
    everything = " ".join([*texts, *section.sentences, *section.notes, groups[0].figures[0].caption])
    assert "n = 4 orders of the training architectures" in everything
    assert "random" not in everything
    assert [fact.name for fact in section.facts] == [
        "highest mean rank correlation, held out: darts", "highest mean rank correlation, held out: de",
    ]  # fmt: skip


def test_a_page_of_real_evaluations_on_held_out_parts(formula: Any) -> None:
    benchmark = formula()
    finds = left_out(TabularBenchmark(searched(benchmark)), "toy/validation_score")
    for holdouts in ({"published test": Split(*np.split(ROWS, 2))}, finds):
        results = evaluate(
            benchmark, "toy/validation_score", predictors=["mean", "ridge"], train_sizes=[], test_size=0, splits=2,
            holdouts=holdouts,
        )  # fmt: skip
        _, section, _ = compose([results])
        assert len(section.sentences) == len(holdouts)
        for sentence, name in zip(section.sentences, holdouts, strict=True):
            assert f"(held out: {name}; n = 2 orders of the training architectures" in sentence


def searched(benchmark: Any) -> Table:
    """All cells of a benchmark, of which two strategies found 30 each."""
    recipe = {"found_by": {"local": ROWS[:30].tolist(), "evolution": ROWS[30:].tolist()}}
    return Table(benchmark.space, benchmark.architectures(), (), {}, {}, recipe)


def test_collect_keeps_numbers_by_predictor_and_size(evaluation: Results) -> None:
    scores = collect(evaluation)[""]
    assert list(scores) == [("mean", 10), ("mean", 20), ("ridge", 10), ("ridge", 20), ("gp", 10), ("gp", 20)]
    assert np.isnan(scores["mean", 10]["kendall_tau"]).all()
    assert np.isfinite(scores["gp", 20]["kendall_tau"]).sum() == 4
    assert scores["mean", 10]["coverage_90"].tolist() == [0.88] * 4


def test_interval_of_nothing_one_and_many() -> None:
    assert all(math.isnan(v) for v in interval(np.full(2, np.nan)))
    mean, low, high = interval(np.array([2.0]))
    assert mean == 2
    assert math.isnan(low)
    assert math.isnan(high)
    mean, low, high = interval(np.array([1.0, 2.0, np.nan, 3.0]))
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
    values = collect(evaluation)[""]["gp", 20]["kendall_tau"]
    assert points.y[1] == pytest.approx(values.mean())
    assert points.low is not None
    assert points.high is not None
    assert values.min() <= points.low[1] <= points.y[1] <= points.high[1] <= values.max()
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert [row[:3] for row in table.rows][:3] == [("10", "mean", "4"), ("10", "ridge", "4"), ("10", "gp", "4")]
    assert table.rows[0][3] == "-"


def test_a_protocol_and_shared_functions_are_told(evaluation: Results) -> None:
    def told(protocol: str | None, shares: dict[int, float]) -> str:
        records = [{**record, "shared_functions": shares[record["n_train"]]} for record in evaluation.records]
        settings = {**evaluation.settings, "protocol": protocol}
        block = section_of(replace(evaluation, records=records, settings=settings)).blocks[0]
        assert isinstance(block, Paragraph)
        return block.text

    assert told("functions", {10: 0, 20: 0}).endswith("; 4 random splits.")
    assert told("random", {10: 0.25, 20: 0.5}).endswith(
        " Splits are random among all architectures (protocol random). The training set has the function of "
        "25.0% (n = 10) and 50.0% (n = 20) of the test architectures."
    )
    assert "protocol of TA-GATES" in told("tagates", {10: 0, 20: 0})


def test_the_noise_ceiling_is_a_line_of_random_splits(evaluation: Results) -> None:
    ceiling = {"tau": 0.86, "low": 0.84, "high": 0.88, "agreement": 0.8, "architectures": 1000, "trainings": 1.2}
    known = replace(evaluation, summary={"noise_ceiling": ceiling})

    def tau_plot(results: Results) -> Plot:
        figures = next(block.figures for block in section_of(results).blocks if isinstance(block, Figures))
        assert isinstance(figures[0], Plot)
        return figures[0]

    lines = [mark for mark in tau_plot(known).marks if isinstance(mark, Line) and mark.name == "noise ceiling"]
    assert [line.y.tolist() for line in lines] == [[0.86, 0.86]]
    assert tau_plot(known).caption.endswith(
        "Noise ceiling, tau of the expected values with the targets: 0.86 [0.84,\u00a00.88], from 1,000 architectures "
        "trained twice or more."
    )
    for other in (evaluation, replace(held_out(evaluation, "darts", "de"), summary={"noise_ceiling": ceiling})):
        assert "ceiling" not in tau_plot(other).caption
        assert "noise ceiling" not in [mark.name for mark in tau_plot(other).marks if isinstance(mark, Line)]


def test_the_top_of_the_ranking_has_a_table_where_it_was_recorded(evaluation: Results) -> None:
    _, table = (block for block in section_of(evaluation).blocks if isinstance(block, TextTable))
    assert table.caption == "Top of the ranking: mean over splits [95 % bootstrap interval]"
    assert table.header == (
        "training architectures", "predictor", "splits (n)", "nDCG of the first 10", "precision of the first 10",
        "best rank among the first 10", "regret of the first 10 (pp)",
    )  # fmt: skip
    assert table.rows[0] == ("10", "mean", "4", "0.900", "0.30", "2.5", "0.50")
    earlier = [{k: v for k, v in record.items() if "_at_10" not in k} for record in evaluation.records]
    blocks = section_of(replace(evaluation, records=earlier)).blocks
    assert [block.caption.split(":")[0] for block in blocks if isinstance(block, TextTable)] == ["All scores"]


def repeated(evaluation: Results, splits: int) -> Results:
    """Tau of gp exceeds that of ridge on every split."""
    taus = {"ridge": 0.5, "gp": 0.7}
    records = [
        {"predictor": name, "n_train": 20, "seed": seed, "kendall_tau": tau + 0.01 * seed}
        for name, tau in taus.items()
        for seed in range(splits)
    ]
    return replace(evaluation, records=records)


def test_four_splits_cannot_tell_which_predictor_is_best(evaluation: Results) -> None:
    """Signed ranks of four pairs give at least p = 2 / 2^4."""
    (sentence,) = section_of(evaluation).sentences
    assert sentence.startswith("From 20 trained cells, gp has the highest mean Kendall tau of 0.")
    assert "n = 4 splits, 95 % bootstrap interval" in sentence
    assert "followed by ridge" in sentence
    assert sentence.endswith("; not distinguishable from ridge.")
    (fact,) = section_of(evaluation).facts
    assert (fact.name, fact.value) == ("highest mean rank correlation", "gp")
    assert "n = 4 splits, 20 training cells; not distinguishable from ridge" in fact.note


def test_six_splits_can(evaluation: Results) -> None:
    """All in one direction: p = 2 / 2^6."""
    (sentence,) = section_of(repeated(evaluation, 6)).sentences
    assert sentence.startswith("From 20 trained cells, gp predicts the ranking best, with a Kendall tau of 0.7")
    assert "distinguishable" not in sentence
    (fact,) = section_of(repeated(evaluation, 6)).facts
    assert (fact.name, fact.value) == ("best predictor", "gp")


def test_a_single_predictor_is_not_best(evaluation: Results) -> None:
    alone = replace(evaluation, records=[r for r in evaluation.records if r["predictor"] == "gp"])
    (sentence,) = section_of(alone).sentences
    (fact,) = section_of(alone).facts
    assert sentence.startswith("From 20 trained cells, gp has a Kendall tau of")
    assert fact.name == "rank correlation"
    assert "best" not in sentence + fact.name + fact.note


def test_the_same_fit_repeated_is_one_fit(evaluation: Results) -> None:
    """Orders of all training architectures change nothing but rounding."""
    records = [{**r, "kendall_tau": {"ridge": 0.5, "gp": 0.7}[r["predictor"]]} for r in repeated(evaluation, 9).records]
    (fact,) = section_of(replace(evaluation, records=records)).facts
    assert fact.name == "highest mean rank correlation"
    assert fact.note == "τ = 0.70, n = 9 splits, 20 training cells; not distinguishable from ridge"


@settings(max_examples=25)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=7), st.integers(2, 4))
def test_nobody_is_named_best_where_all_have_the_same_numbers(
    evaluation: Results, taus: list[float], number: int
) -> None:
    records = [
        {"predictor": f"p{k}", "n_train": 20, "seed": seed, "kendall_tau": tau}
        for k in range(number)
        for seed, tau in enumerate(taus)
    ]
    section = evaluation_section(replace(evaluation, records=records), styles([f"p{k}" for k in range(number)]), "e")
    lines = [line for block in section.blocks if isinstance(block, Lines) for line in block.lines]
    (fact,) = section.facts
    assert (fact.name, fact.value) == ("mean rank correlation", "equal for all")
    assert "all have the same mean" in section.sentences[0]
    assert not re.search("lowest|highest|best|better", " ".join([*section.sentences, *lines, fact.note]))


def test_a_single_split_has_no_interval(evaluation: Results) -> None:
    once = repeated(evaluation, 1)
    section = evaluation_section(once, styles(["ridge", "gp"]), "evaluation-1")
    (group,) = (block for block in section.blocks if isinstance(block, Figures))
    assert "whiskers" not in group.figures[0].caption
    text = " ".join([*section.sentences, *(fact.note for fact in section.facts)])
    assert "nan" not in text and "95 %" not in text and "n = 1 split" in text


def test_constant_predictors_alone_are_no_ranking(evaluation: Results) -> None:
    records = [record for record in evaluation.records if record["predictor"] == "mean"]
    constant = Results(**{**vars(evaluation), "records": records})
    assert "constant" in section_of(constant).sentences[0]
    assert section_of(constant).facts == ()


def test_an_interval_is_that_of_the_bootstrap_to_the_digit() -> None:
    values = np.random.default_rng(1).normal(size=37)
    low, high = bootstrap_interval(values, np.random.default_rng(0))
    for _ in range(2):
        assert interval(values) == (values.mean(), low, high)


def test_resamples_of_equally_many_splits_are_drawn_once(evaluation: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def weights(n: int, rng: np.random.Generator) -> FloatArray:
        drawn.append(n)
        return resampling_weights(n, rng)

    monkeypatch.setattr("nasbench.report.evaluation_section.resampling_weights", weights)
    section_of(repeated(evaluation, 6))
    assert drawn == [6]


def test_what_tuning_chose_and_what_it_might_cost(evaluation: Results) -> None:
    """Of two splits the first kept the defaults; a file without the fields is shown too."""
    name = evaluation.records[0]["predictor"]
    records = [
        {**record, "tuned": (name, f"{name}+k=3")[record["seed"] > 0], "tune_trials": 4}
        for record in evaluation.records
    ]
    for budget, said in (
        ({"seconds": 2.5, "trials": None}, "for at most 2.5 s of wall time each"),
        ({"seconds": None, "trials": 9}, "for at most 9 settings each"),
        ({"seconds": 2.5, "trials": 9}, "for at most 2.5 s of wall time and 9 settings each"),
        ({"seconds": "?"}, "for at most an unknown budget each"),
    ):
        results = replace(evaluation, records=records, settings={**evaluation.settings, "tuning": budget})
        (text,) = [b.text for b in section_of(results).blocks if isinstance(b, Paragraph) and "tuned" in b.text]
        assert said in text and ("depends on the machine" in text) == (budget["seconds"] == 2.5)
    (table,) = [b for b in section_of(results).blocks if isinstance(b, TextTable) and b.folded]
    splits = len({record["seed"] for record in records})
    sizes = sorted({record["n_train"] for record in records})
    of_first = [row for row in table.rows if row[:2] == (f"{sizes[0]:,}", name)]
    assert sorted(of_first) == sorted(
        [(f"{sizes[0]:,}", name, "4.0", name, "1"), (f"{sizes[0]:,}", name, "4.0", f"{name}+k=3", str(splits - 1))]
    )
    plain = replace(evaluation, settings={**evaluation.settings, "tuning": {"trials": 3}})
    assert "(nothing to tune)" in str(section_of(plain).blocks)


def test_the_best_single_number_is_a_line_and_all_are_a_table(evaluation: Results) -> None:
    def alone(name: str, tau: float) -> dict[str, Any]:
        return {"name": name, "kendall_tau": {"mean": tau, "low": tau - 0.1, "high": tau + 0.1, "n": 3}}

    known = replace(evaluation, summary={"baselines": [alone("params", -0.6), alone("layers", 0.4)]})
    section = section_of(known)
    plot = next(block.figures for block in section.blocks if isinstance(block, Figures))[0]
    assert isinstance(plot, Plot)
    assert [mark.y.tolist() for mark in plot.marks if isinstance(mark, Line) and mark.name == "params alone"] == [
        [0.6, 0.6]
    ]
    assert "params alone, without labels: 0.60." in plot.caption
    table = next(b for b in section.blocks if isinstance(b, TextTable) and b.caption.startswith("One number alone"))
    assert [row[0] for row in table.rows] == ["params", "layers"]
    assert not any("alone" in block.caption for block in section_of(evaluation).blocks if isinstance(block, TextTable))

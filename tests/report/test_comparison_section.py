import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from nasbench.evaluate.results import Results
from nasbench.report.comparison_section import comparison_facts, comparison_section
from nasbench.report.document import Figures, Paragraph, Section, TextTable
from nasbench.report.figures import Band, Heatmap, Line, Plot, Points, styles

NAMES = ("random", "evolution", "bayesian-gp")


def plots(section: Section) -> dict[str, Plot]:
    figures = [f for block in section.blocks if isinstance(block, Figures) for f in block.figures]
    return {figure.name: figure for figure in figures if isinstance(figure, Plot)}


def test_the_floor_is_drawn_where_test_regret_is(comparison: Results) -> None:
    """A perfect search on validation values ends at 0.25 points."""
    drawn = plots(comparison_section(comparison, styles(NAMES), "comparison-1"))
    floors = {name: [m.y.tolist() for m in plot.marks if m.name == "floor"] for name, plot in drawn.items()}
    assert floors["comparison-1-evaluations"] == floors["comparison-1-simulated-seconds"] == [[0.25, 0.25]]
    assert floors["comparison-1-valid-evaluations"] == []
    assert "Dashed: the floor" in drawn["comparison-1-evaluations"].caption


def test_curves_are_means_over_repeats_with_bands(comparison: Results) -> None:
    section = comparison_section(comparison, styles(NAMES), "comparison-1")
    figure = plots(section)["comparison-1-evaluations"]
    line = next(mark for mark in figure.marks if isinstance(mark, Line) and mark.name == "random")
    assert line.x.tolist() == list(range(1, 21))
    assert line.y[0] == 10
    assert line.y[4] == pytest.approx(7.0)
    finals = [r["regret"] for r in comparison.records if r["strategy"] == "random" and r["evaluations"] == 20]
    assert line.y[-1] == pytest.approx(np.mean(finals))
    band = next(mark for mark in figure.marks if isinstance(mark, Band) and mark.name == "random")
    assert min(finals) <= band.low[-1] <= line.y[-1] <= band.high[-1] <= max(finals)
    assert figure.y.log
    assert "n = 8 repeats" in figure.caption
    assert plots(section)["comparison-1-simulated-seconds"].x.label == "simulated seconds of training"


def test_finals_and_pairs_follow_the_ranking(comparison: Results) -> None:
    section = comparison_section(comparison, styles(NAMES), "comparison-1")
    final = plots(section)["comparison-1-final"]
    assert final.y.categories == ("bayesian-gp", "evolution", "random")
    assert [m.y.tolist() for m in final.marks if isinstance(m, Points)] == [[0], [1], [2]]
    figures = [f for block in section.blocks if isinstance(block, Figures) for f in block.figures]
    pairs, valid_pairs = (figure for figure in figures if isinstance(figure, Heatmap))
    assert (pairs.name, valid_pairs.name) == ("comparison-1-pairs", "comparison-1-valid-pairs")
    assert np.isfinite(pairs.values).tolist() == [[False, True, True], [False, False, True], [False] * 3]
    # 8 repeats, all in one direction: p = 2 / 2^8, times 3 pairs
    assert pairs.values[0, 2] == pytest.approx(3 * 2 / 2**8)
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert [row[0] for row in table.rows] == ["bayesian-gp", "evolution", "random"]
    assert table.rows[0][-1] == "evolution, random"
    assert table.rows[2][-1] == "none"


def test_no_regret_at_all_is_drawn_at_the_bottom_of_a_logarithmic_axis(comparison: Results) -> None:
    records = [{**r, "regret": 0.0 if r["evaluations"] == 20 else r["regret"] ** 4} for r in comparison.records]
    section = comparison_section(Results(**{**vars(comparison), "records": records}), styles(NAMES), "comparison-1")
    figure = plots(section)["comparison-1-evaluations"]
    assert figure.y.log
    assert "at the bottom" in figure.caption
    assert all((mark.y > 0).all() for mark in figure.marks if isinstance(mark, Line))


def test_a_benchmark_without_times_has_no_curve_over_time(comparison: Results) -> None:
    records = [{**record, "simulated_seconds": None} for record in comparison.records]
    section = comparison_section(Results(**{**vars(comparison), "records": records}), styles(NAMES), "comparison-1")
    assert "comparison-1-evaluations" in plots(section)
    assert "comparison-1-simulated-seconds" not in plots(section)
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert table.rows[0][table.header.index("simulated s")] == "-"


def test_without_a_ranking_there_is_its_reason(comparison: Results) -> None:
    summary = {"ranking": None, "statement": "No ranking: random has no test value in repeat 0."}
    results = Results(**{**vars(comparison), "summary": summary})
    section = comparison_section(results, styles(NAMES), "comparison-1")
    reason = summary["statement"]
    assert section.sentences == (f"By test regret (how good the chosen architectures are): {reason}",)
    assert comparison_facts(results) == ()
    assert not any(isinstance(block, TextTable) for block in section.blocks)


def test_facts_name_the_winner_and_whom_it_cannot_be_distinguished_from(comparison: Results) -> None:
    fact, valid_fact = comparison_facts(comparison)
    assert (fact.name, valid_fact.name) == ("best strategy by test regret", "best strategy by validation regret")
    assert fact.value == "bayesian-gp"
    assert "n = 8 repeats" in fact.note
    ranking = comparison.summary["ranking"]
    pairs = [{**pair, "adjusted": 0.9} if "evolution" in pair.values() else pair for pair in ranking["pairs"]]
    summary = {**comparison.summary, "ranking": {**ranking, "pairs": pairs}}
    fact, _ = comparison_facts(Results(**{**vars(comparison), "summary": summary}))
    assert fact.name == "lowest mean test regret"
    assert fact.note.endswith("not distinguishable from evolution")


@pytest.mark.parametrize("repeats", [1, 2, 8])
def test_no_strategy_is_best_where_all_have_the_same_numbers(
    make_comparison: Callable[..., Results], repeats: int
) -> None:
    section = comparison_section(make_comparison(dict.fromkeys(NAMES, 2.0), repeats, 0.0), styles(NAMES), "c")
    assert [fact.name for fact in section.facts] == ["mean test regret", "mean validation regret"]
    assert {fact.value for fact in section.facts} == {"equal for all"}
    text = " ".join([*(fact.note for fact in section.facts), *section.sentences[1:]])
    assert "all have the same mean" in text and not re.search("lowest|highest|best|better", text)


def test_two_strategies_share_the_lowest_mean(make_comparison: Callable[..., Results]) -> None:
    fact, _ = comparison_facts(make_comparison({"random": 4.0, "evolution": 1.0, "local": 1.0}, 8, 0.0))
    assert (fact.name, fact.value) == ("lowest mean test regret", "evolution and local")
    assert "distinguishable" not in fact.note


def test_a_single_strategy_run_once_is_not_best_and_has_no_interval(make_comparison: Callable[..., Results]) -> None:
    section = comparison_section(make_comparison({"random": 4.0}, repeats=1), styles(NAMES), "comparison-1")
    assert isinstance(section.blocks[0], Paragraph)
    assert section.blocks[0].text.startswith("1 strategy searched nb201 on surrogate.h5, 1 repeat of 20 evaluations,")
    assert [fact.name for fact in section.facts] == ["strategy, by test regret", "strategy, by validation regret"]
    drawn = plots(section)
    assert not any(isinstance(mark, Band) for mark in drawn["comparison-1-evaluations"].marks)
    assert drawn["comparison-1-final"].caption == "Mean test regret at the end, lowest first; n = 1 repeat."
    (points,) = drawn["comparison-1-final"].marks
    assert isinstance(points, Points) and points.low is not None and np.isnan(points.low).all()
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert "[" not in table.rows[0][2]


def test_the_floor_has_the_unit_of_a_difference(comparison: Results) -> None:
    first = comparison_section(comparison, styles(NAMES), "comparison-1").blocks[0]
    assert isinstance(first, Paragraph)
    assert "has a test regret of 0.2500\u00a0pp." in first.text


def test_notes_of_several_objectives_speak_of_hypervolume(comparison: Results) -> None:
    one = comparison_section(comparison, styles(NAMES), "comparison-1").notes
    several = replace(comparison, summary={**comparison.summary, "valid_bounds": {}})
    notes = comparison_section(several, styles(NAMES), "comparison-1").notes
    assert one[0].startswith("The incumbent is the best trial by validation value")
    assert notes[0].startswith("What a run has reached is the hypervolume") and notes[1:] == one[1:]

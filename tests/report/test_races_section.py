"""The section of several benchmarks, and what of a damaged file is refused."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasbench.benchmark.load import load
from nasbench.errors import FileError
from nasbench.evaluate.races import compare_all
from nasbench.evaluate.results import Results
from nasbench.report.document import Figures, Paragraph, TextTable
from nasbench.report.figures import Heatmap, Line, Plot, Points
from nasbench.report.page import compose, write_report
from nasbench.report.sources import read


@pytest.fixture(scope="module")
def results() -> Results:
    benchmarks = [load("synthetic-additive"), load("synthetic-crossing")]
    return compare_all(benchmarks, strategies=["random", "local", "tabu"], evaluations=20, repeats=4, jobs=1)


def test_the_section_shows_ranks_ratings_and_win_rates(results: Results) -> None:
    sections = compose([results])
    assert [section.title for section in sections[1:4]] == [
        "Search strategies over 2 benchmarks",
        "Search strategies on synthetic-additive",
        "Search strategies on synthetic-crossing",
    ]
    section, (found, _) = sections[1], results.summary["over"]
    ranking, order = found["ranking"], found["ranking"]["order"]
    assert any(isinstance(block, Paragraph) and found["statement"] in block.text for block in section.blocks)
    ranks, ratings, wins = next(block for block in section.blocks if isinstance(block, Figures)).figures
    assert isinstance(ranks, Plot) and isinstance(ratings, Plot) and isinstance(wins, Heatmap)
    assert ranks.y.categories == wins.rows == tuple(order)
    for mark, name in zip(ranks.marks, order, strict=True):
        assert isinstance(mark, Points) and mark.low is not None and mark.high is not None
        assert mark.x[0] == ranking["means"][name]
        assert mark.high[0] - mark.low[0] == pytest.approx(found["critical_difference"])
    assert wins.values[0, 1] == found["wins"][order[0]][order[1]]
    table = next(block for block in section.blocks if isinstance(block, TextTable))
    assert table.header == ("strategy", "mean rank", "rating", "synthetic-additive, pp", "synthetic-crossing, pp")
    assert [row[0] for row in table.rows] == [*order]
    assert len(section.facts) == len(section.sentences) == 2
    assert not sections[2].facts and not sections[2].sentences  # the summary says it once


def test_running_times_of_all_benchmarks_are_drawn_as_shares_of_the_budget(results: Results) -> None:
    *_, plot = (
        figure for block in compose([results])[1].blocks if isinstance(block, Figures) for figure in block.figures
    )
    assert isinstance(plot, Plot) and plot.title == "Running times to targets"
    for mark in plot.marks:
        assert isinstance(mark, Line) and (mark.x[0], mark.x[-1]) == (0, 1)
        y = mark.y
        assert (y[1:] >= y[:-1]).all() and y[0] >= 0 and y[-1] <= 1
    without = deepcopy(results)
    without.summary["areas"] = None
    titles = [f.title for b in compose([without])[1].blocks if isinstance(b, Figures) for f in b.figures]
    assert "Running times to targets" not in titles


def test_one_strategy_alone_has_nothing_to_be_compared_with() -> None:
    benchmarks = [load("synthetic-additive"), load("synthetic-crossing")]
    alone = compare_all(benchmarks, strategies=["random"], evaluations=12, repeats=1, jobs=1)
    figures = next(block for block in compose([alone])[1].blocks if isinstance(block, Figures)).figures
    assert len(figures) == 2


def test_without_common_strategies_it_says_so(results: Results) -> None:
    lonely = deepcopy(results)
    for row in lonely.summary["over"]:
        row |= {"ranking": None, "statement": "No ranks."}
    section = compose([lonely])[1]
    assert not section.sentences and "No ranks." in str(section.blocks[1])


def test_a_page_is_written_from_the_file(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "many.json")
    written = write_report([tmp_path / "many.json"], tmp_path / "page.html")
    assert "Win rates by test regret" in written[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["over"], None),
        (["over", 0, "field"], "elegance"),
        (["over", 0, "ranking", "order"], ["stranger"]),
        (["over", 0, "ratings", "local"], {}),
        (["over", 0, "wins", "local", "tabu"], None),
        (["over", 0, "regrets", "local"], [1.0]),
        (["over", 0, "benchmarks"], None),
        (["over", 0, "critical_difference"], "wide"),
        (["over", 0, "left_out"], "all"),
        (["over", 0, "statement"], 3),
    ],
)
def test_damage_is_refused(results: Results, tmp_path: Path, place: list[Any], value: Any) -> None:
    summary = deepcopy(results.summary)
    *way, last = place
    inner: Any = summary
    for step in way:
        inner = inner[step]
    inner[last] = value
    replace(results, summary=summary).write(tmp_path / "damaged.json")
    with pytest.raises(FileError, match=r"damaged.json is damaged: .* create it again"):
        read(tmp_path / "damaged.json")

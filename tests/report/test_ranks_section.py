"""The section of several tables, and what of a damaged file is refused."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasbench.errors import FileError
from nasbench.evaluate.results import Results
from nasbench.evaluate.tables import joined
from nasbench.report.document import Figures, Lines, TextTable
from nasbench.report.figures import Points
from nasbench.report.page import compose, write_report
from nasbench.report.sources import read


@pytest.fixture(scope="module")
def results(evaluation: Results) -> Results:
    """Twice the same numbers, in two tables; the second lacks a predictor."""
    name = evaluation.records[0]["predictor"]
    records = [record for record in evaluation.records if record["predictor"] != name]
    summary = {"failures": {}, "noise_ceiling": None, **evaluation.summary}
    first = replace(evaluation, benchmark="one.h5", summary=summary)
    return joined([first, replace(first, benchmark="two.h5", records=records)], 0)


def test_the_section_says_who_leads_by_how_much_and_who_is_not_ranked(results: Results) -> None:
    sections = compose([results])
    assert [section.title for section in sections[1:4]] == [
        "Predictors over 2 tables", "Predictors on one.h5", "Predictors on two.h5",
    ]  # fmt: skip
    ranks = results.summary["ranks"]
    section = sections[1]
    (lines,) = [block for block in section.blocks if isinstance(block, Lines)]
    assert len(lines.lines) == len(ranks)
    assert f"not ranked, as a table lacks them: {ranks[0]['left_out'][0]}." in lines.lines[0]
    (text_table,) = [block for block in section.blocks if isinstance(block, TextTable)]
    assert text_table.header[-2:] == ("tau, one.h5", "tau, two.h5")
    first = ranks[0]["ranking"]["order"][0]
    assert text_table.rows[0][:3] == (f"{ranks[0]['n_train']}", first, "2")
    assert text_table.rows[0][-1] == f"{ranks[0]['taus'][first][1]:.3f}"
    (figures,) = [block for block in section.blocks if isinstance(block, Figures)]
    points = {mark.name: mark for mark in figures.figures[0].marks if isinstance(mark, Points)}
    assert points[first].y[0] == ranks[0]["ranking"]["means"][first]
    assert len(section.facts) == len(section.sentences) == 1 and "Over 2 tables" in section.sentences[0]
    assert not sections[2].facts and not sections[2].sentences  # the summary says it once
    assert [block.caption for block in sections[-1].blocks if isinstance(block, TextTable)] == [
        "Evaluation on one.h5", "Evaluation on two.h5", "This page",
    ]  # fmt: skip


def test_without_a_common_size_it_says_so(results: Results) -> None:
    lonely = replace(results, summary={**results.summary, "ranks": []})
    assert "no training size is common to two tables" in str(compose([lonely])[1].blocks[0])


def test_a_page_is_written_from_the_file(results: Results, tmp_path: Path) -> None:
    results.write(tmp_path / "many.json")
    written = write_report([tmp_path / "many.json"], tmp_path / "page.html")
    assert "Predictors over 2 tables" in written[0].read_text(encoding="utf-8")
    assert any(path.name == "ranks-1-rank.png" for path in written)


def damage(content: Results, *path: Any, value: Any) -> Results:
    changed = deepcopy(content)
    place: Any = changed
    for step in path[:-1]:
        place = getattr(place, step) if isinstance(step, str) and hasattr(place, step) else place[step]
    place[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("settings", "tables"), []),
        (("settings", "tables", "one.h5"), 3),
        (("settings", "tables", "one.h5", "units"), None),
        (("settings", "tables", "three.h5"), {}),
        (("summary", "tables", "two.h5"), None),
        (("records", 0, "benchmark"), "elsewhere.h5"),
        (("records", 0, "predictor"), 3),
        (("summary", "ranks", 0), 5),
        (("summary", "ranks", 0, "n_train"), "ten"),
        (("summary", "ranks", 0, "tables"), 2),
        (("summary", "ranks", 0, "taus"), {}),
        (("summary", "ranks", 0, "left_out"), None),
        (("summary", "ranks", 0, "ranking", "means"), {}),
    ],
)
def test_damaged_results_are_refused_in_one_line(results: Results, path: tuple[Any, ...], value: Any) -> None:
    with pytest.raises(FileError, match="a result is damaged"):
        read(damage(results, *path, value=value))

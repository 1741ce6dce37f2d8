"""Running times in the report: the distribution by hand, and where there is none."""

import math
from dataclasses import replace

import numpy as np

from nasbench.benchmark.load import load
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.report.document import Figures, TextTable
from nasbench.report.figures import Line, Plot, styles
from nasbench.report.runtimes_section import _steps, runtimes_blocks


def race(**budget: int) -> Results:
    names = ["random", "local"]
    return compare(load("synthetic-additive"), "validation_accuracy", strategies=names, repeats=4, jobs=1, **budget)


def test_steps_by_hand() -> None:
    """Two of four pairs are reached, after 2 and 5 of 8; one at 9 comes too late."""
    x, y = _steps(np.array([5.0, math.inf, 2.0, 9.0]), 8.0)
    assert x.tolist() == [0, 2, 5, 8]
    assert y.tolist() == [0, 0.25, 0.5, 0.5]


def test_the_figure_and_the_table_are_those_of_the_summary(tmp_path) -> None:
    results = race(evaluations=60)
    results.write(tmp_path / "race.json")
    results = Results.read(tmp_path / "race.json")
    figures, table = runtimes_blocks(results, styles(["random", "local"]), "race")
    assert isinstance(figures, Figures) and isinstance(table, TextTable)
    (plot,) = figures.figures
    assert isinstance(plot, Plot)
    lines = {mark.name: mark for mark in plot.marks if isinstance(mark, Line)}
    areas = results.summary["runtimes"]["areas"]
    for name, line in lines.items():
        under = float((np.diff(line.x) * line.y[:-1]).sum()) / 60
        assert math.isclose(under, areas[name]["mean"], rel_tol=1e-12)
    assert [row[0] for row in table.rows] == sorted(areas, key=lambda name: -areas[name]["mean"])
    assert table.header[1:5] == ("best 10 %", "best 1 %", "best 0.1 %", "best of all")


def test_epochs_are_counted_where_they_are_the_budget() -> None:
    found = race(epochs=30).summary["runtimes"]
    assert (found["counted_in"], found["budget"]) == ("epochs", 30)


def test_nothing_is_said_where_the_space_is_not_known() -> None:
    results = race(evaluations=20)
    for summary in ({}, {"runtimes": None}):
        assert runtimes_blocks(replace(results, summary=summary), styles(["random", "local"]), "race") == []

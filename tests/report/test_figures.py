import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.report.figures import (
    COLOURS,
    Arrow,
    Axis,
    Band,
    CellGraph,
    Entry,
    Heatmap,
    Line,
    Node,
    Plot,
    Points,
    Style,
    arrow_ends,
    extent,
    ink,
    legend,
    stairs,
    styles,
    ticks,
    written,
)

X, Y = Axis("x"), Axis("y")


def plot(*marks: Line | Band | Points, x: Axis = X, y: Axis = Y) -> Plot:
    return Plot("plot", "A plot", "n = 3", marks, x, y)


def test_stairs_hold_each_value_until_the_next() -> None:
    x, y = stairs(np.array([1.0, 2.0, 5.0]), np.array([10.0, 20.0, 50.0]))
    assert x.tolist() == [1, 2, 2, 5, 5]
    assert y.tolist() == [10, 10, 20, 20, 50]


def test_extent_spans_marks_bands_and_intervals_with_a_margin() -> None:
    figure = plot(
        Line(np.array([0.0, 100.0]), np.array([1.0, np.nan]), Style()),
        Band(np.array([0.0, 100.0]), np.array([-1.0, 0.0]), np.array([3.0, 4.0]), Style()),
        Points(np.array([50.0]), np.array([2.0]), Style(), low=np.array([1.0]), high=np.array([9.0])),
    )
    (left, right), (bottom, top) = extent(figure)
    assert (left, right) == pytest.approx((-4.0, 104.0))
    assert (bottom, top) == pytest.approx((-1.4, 9.4))


def test_extent_of_logarithms_categories_and_nothing() -> None:
    figure = plot(
        Points(np.array([1.0, 100.0]), np.array([0.0, 1.0]), Style()),
        x=Axis("x", log=True),
        y=Axis("", categories=("a", "b")),
    )
    (left, right), y = extent(figure)
    assert np.log10([left, right]) == pytest.approx([-0.08, 2.08])
    assert y == (-0.5, 1.5)
    assert extent(plot())[0] == (1.0, 10.0)
    with pytest.raises(InputError, match="logarithmic"):
        extent(plot(Line(np.array([0.0, 1.0]), np.ones(2), Style()), x=Axis("x", log=True)))


def test_extent_of_one_value_has_a_width() -> None:
    x, y = extent(plot(Points(np.array([0.0]), np.array([5.0]), Style())))
    assert x == (-0.5, 0.5)
    assert y == pytest.approx((4.8, 5.2))


def test_legend_names_each_once_and_prefers_lines() -> None:
    a, b = Style(COLOURS[0]), Style(COLOURS[1])
    ones = np.ones(2)
    figures = (
        plot(Band(ones, ones, ones, a, "gp"), Line(ones, ones, a, "gp"), Line(ones, ones, a)),
        plot(Points(ones, ones, b, "front"), Line(ones, ones, a, "gp")),
        Heatmap("h", "", "", ("r",), ("c",), np.ones((1, 1)), "", (0.0, 1.0)),
        CellGraph("c", "", "", (Node(0, 0, "in", "#FFFFFF"),), (Arrow(0, 0),), (1, 1), (Entry("skip", b, "points"),)),
    )
    assert legend(figures) == (Entry("gp", a, "line"), Entry("front", b, "points"), Entry("skip", b, "points"))


def test_styles_are_distinct_and_stable() -> None:
    names = [f"strategy {i}" for i in range(20)]
    found = styles([*names, names[3]])
    assert list(found) == names
    assert len(set(found.values())) == 20
    assert [found[name].colour for name in names[:8]] == list(COLOURS)
    assert found[names[8]].dash != found[names[0]].dash
    assert styles(names[:5]) == {name: found[name] for name in names[:5]}


def test_arrows_end_on_the_borders_of_their_boxes() -> None:
    nodes = (Node(0, 0, "a", "#FFFFFF"), Node(2, 0, "b", "#FFFFFF"), Node(0.5, 5, "c", "#FFFFFF"))
    cell = CellGraph("c", "", "", nodes, (Arrow(0, 1), Arrow(0, 2)), (0.8, 0.5))
    assert np.array(arrow_ends(cell, cell.arrows[0])) == pytest.approx(np.array([[0.4, 0], [1.6, 0]]))
    assert np.array(arrow_ends(cell, cell.arrows[1])) == pytest.approx(np.array([[0.025, 0.25], [0.475, 4.75]]))


def test_ticks_of_a_logarithmic_axis() -> None:
    assert ticks(0.8, 30.0) == (1, 2, 5, 10, 20)
    assert ticks(0.0009, 150.0) == (0.001, 0.01, 0.1, 1, 10, 100)
    assert all(len(ticks(1.0, 10.0**power)) < 12 for power in range(1, 40))


def test_written_never_makes_zero_of_what_is_not() -> None:
    assert written(0.0, 3) == "0.000"
    assert written(0.0001, 3) == "<0.001"
    assert written(0.12345, 3) == "0.123"
    assert written(float("nan"), 3) == ""


def test_ink_is_readable() -> None:
    assert ink("#FFFFFF") == "#000000"
    assert ink("#E69F00") == "#000000"
    assert ink("#0072B2") == "#FFFFFF"
    assert ink("#000000") == "#FFFFFF"

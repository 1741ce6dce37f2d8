import io
import json

import numpy as np
import plotly.graph_objects as go
import pytest
from matplotlib.image import imread

from nasbench.report import interactive
from nasbench.report.figures import (
    Arrow,
    Axis,
    Band,
    CellGraph,
    Entry,
    Figure,
    Heatmap,
    Line,
    Node,
    Plot,
    Points,
    Style,
)
from nasbench.report.static import png

X = np.array([1.0, 2.0, np.nan, 4.0, 8.0])
Y = np.array([5.0, 3.0, np.nan, 1.0, 0.5])
NASTY = "</script><script>alert('$x^2$')</script>"

MARKS = (
    Band(X, Y - 0.2, Y + 0.2, Style("#009E73"), NASTY),
    Band(X[:2], Y[:2], Y[:2] + 1, Style(), step=True),
    Line(X, Y, Style("#009E73", "dash"), NASTY, hover=(NASTY,) * 5),
    Line(X, Y, Style(dash="dot"), step=True, hover=tuple("abcde")),
    Points(X, Y, Style(symbol="triangle"), "points", Y - 0.1, Y + 0.3, hover=tuple("abcde")),
)
FIGURES: dict[str, Figure] = {
    "plot": Plot("plot", NASTY, "n = 5", MARKS, Axis("x"), Axis("y (%)")),
    "logarithmic": Plot("log", "Log", "n = 5", MARKS, Axis("x", log=True), Axis("y", log=True)),
    "empty": Plot("empty", "Nothing", "n = 0", (), Axis("x"), Axis("y", log=True)),
    "intervals": Plot(
        "intervals",
        "Intervals",
        "n = 5",
        (Points(X[:2], np.array([1.0, 0.0]), Style(), "a", np.array([0, np.nan]), np.array([3, np.nan]), along="x"),),
        Axis("regret"),
        Axis("", categories=(NASTY, "b")),
    ),
    "heatmap": Heatmap(
        "heatmap",
        "Heat",
        "n",
        ("a", NASTY),
        ("long name", "d", "e"),
        np.array([[0.1, np.nan, 1e-9], [1.0, 0.5, 0]]),
        "p",
        (0.0, 1.0),
        reverse=True,
    ),
    "cell": CellGraph(
        "cell",
        NASTY,
        "caption",
        (
            Node(0, 0, "input", "#30343B"),
            Node(1, 0.5, "conv\n<3x3>", "#009E73"),
            Node(2, 0, "output", "#30343B", False),
        ),
        (Arrow(0, 1), Arrow(1, 2, False), Arrow(0, 2)),
        (0.7, 0.5),
        (Entry("conv $", Style("#009E73", symbol="square"), "points"),),
    ),
}


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_png_is_a_picture_with_content(figure: Figure) -> None:
    picture = imread(io.BytesIO(png(figure)))
    height, width, _ = picture.shape
    assert height > 300
    assert width > 400
    assert np.ptp(picture[:, :, 0]) > 0.5  # ink on paper


def test_png_is_reproducible() -> None:
    assert png(FIGURES["plot"]) == png(FIGURES["plot"])


@pytest.mark.parametrize("name", ["plot", "logarithmic", "empty", "intervals", "heatmap"])
def test_description_is_what_plotly_accepts(name: str) -> None:
    figure = FIGURES[name]
    assert isinstance(figure, Plot | Heatmap)
    text = str(interactive.description(figure))
    assert "<" not in text
    content = json.loads(text)
    go.Figure(data=content["data"], layout=content["layout"])  # raises for unknown properties and bad values
    for trace in content["data"]:
        assert "<script" not in json.dumps({k: v for k, v in trace.items() if k != "meta"})


def test_line_and_band_come_out_as_drawn() -> None:
    figure = Plot(
        "p",
        "",
        "",
        (
            Band(np.array([0.0, 1.0]), np.array([1.0, 2.0]), np.array([3.0, 4.0]), Style("#000000"), opacity=0.5),
            Line(np.array([0.0, 1.0]), np.array([2.0, 3.0]), Style("#0072B2"), "gp", step=True),
        ),
        Axis("x"),
        Axis("y"),
    )
    band, line = interactive.plot(figure)["data"]
    assert band["x"] == [0, 1, 1, 0]
    assert band["y"] == [3, 4, 2, 1]
    assert band["fillcolor"] == "rgba(0,0,0,0.5)"
    assert (line["x"], line["y"]) == ([0, 1, 1], [2, 2, 3])
    assert line["line"]["color"] == "#0072B2"


def test_a_band_breaks_where_it_is_unknown() -> None:
    low = np.array([1.0, 1.0, np.nan, 1.0, 1.0])
    figure = Plot("p", "", "", (Band(np.arange(5.0), low, low + 1, Style()),), Axis("x"), Axis("y"))
    assert [trace["x"] for trace in interactive.plot(figure)["data"]] == [[0, 1, 1, 0], [3, 4, 4, 3]]


def test_picture_escapes_labels_and_stays_inside_its_box() -> None:
    cell = FIGURES["cell"]
    assert isinstance(cell, CellGraph)
    svg = str(interactive.picture(cell))
    assert "<script" not in svg
    assert "&lt;3x3&gt;" in svg
    assert svg.count("<rect") == 3
    assert svg.count("stroke-dasharray") == 2  # an arrow and a box through which nothing passes


def test_a_point_without_an_interval_has_no_whisker() -> None:
    figure = FIGURES["intervals"]
    assert isinstance(figure, Plot)
    (trace,) = interactive.plot(figure)["data"]
    assert (trace["error_x"]["array"], trace["error_x"]["arrayminus"]) == ([2, None], [1, None])

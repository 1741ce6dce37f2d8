"""Renderer for the browser: plots as plotly descriptions, pictures of cells as SVG."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from nasbench.report.figures import (
    DARK,
    EDGE,
    GREY,
    GRID,
    PALE,
    Axis,
    Band,
    CellGraph,
    Entry,
    Heatmap,
    Line,
    Plot,
    arrow_ends,
    extent,
    ink,
    stairs,
    ticks,
    written,
)

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif"
SYMBOLS = {"circle": "circle", "square": "square", "diamond": "diamond", "triangle": "triangle-up"}
BLUES = [[0.0, "#f7fbff"], [0.25, "#c6dbef"], [0.5, "#6baed6"], [0.75, "#2171b5"], [1.0, "#08306b"]]
CONFIG = {"responsive": True, "displaylogo": False, "modeBarButtons": [["zoom2d", "pan2d", "resetScale2d"]]}


def library() -> Markup:
    """The source of plotly.js, included once in a page."""
    from plotly.offline import get_plotlyjs

    return Markup(get_plotlyjs())


def description(figure: Plot | Heatmap) -> Markup:
    """Data, layout and configuration for plotly, as JSON that is safe inside a `<script>` element."""
    content = plot(figure) if isinstance(figure, Plot) else heatmap(figure)
    text = json.dumps({**content, "config": CONFIG}, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def plot(figure: Plot) -> dict[str, Any]:
    """A plot as plotly's `data` and `layout`."""
    traces: list[dict[str, Any]] = []
    for mark in figure.marks:
        common = {"name": escape(mark.name), "meta": mark.name, "showlegend": False, "type": "scatter"}
        if isinstance(mark, Band):
            traces += _band(mark, common)
        elif isinstance(mark, Line):
            x, y = stairs(mark.x, mark.y) if mark.step else (mark.x, mark.y)
            line = {"color": mark.style.colour, "width": mark.width, "dash": mark.style.dash}
            trace = common | {"x": numbers(x), "y": numbers(y), "mode": "lines", "line": line, "opacity": mark.opacity}
            hover = np.repeat(np.array(mark.hover, dtype=object), 2)[1:] if mark.hover and mark.step else mark.hover
            traces.append(trace | ({"hoverinfo": "skip"} if mark.silent else _hover(hover, mark.name, figure)))
        else:
            marker = {
                "color": mark.style.colour,
                "size": mark.size,
                "symbol": SYMBOLS[mark.style.symbol],
                "opacity": mark.opacity,
                "line": {"width": 0.5, "color": "white"},
            }
            trace = common | {"x": numbers(mark.x), "y": numbers(mark.y), "mode": "markers", "marker": marker}
            if mark.low is not None and mark.high is not None:
                centre = mark.y if mark.along == "y" else mark.x
                trace[f"error_{mark.along}"] = {
                    "type": "data",
                    "symmetric": False,
                    "array": numbers(mark.high - centre),
                    "arrayminus": numbers(centre - mark.low),
                    "color": mark.style.colour,
                    "thickness": 1.8,
                    "width": 4,
                }
            traces.append(trace | _hover(mark.hover, mark.name, figure))
    x_limits, y_limits = extent(figure)
    layout = _layout() | {"xaxis": _axis(figure.x, x_limits), "yaxis": _axis(figure.y, y_limits)}
    if figure.y.categories:
        layout["yaxis"]["range"] = layout["yaxis"]["range"][::-1]  # the first category at the top
    return {"data": traces, "layout": layout}


def heatmap(figure: Heatmap) -> dict[str, Any]:
    """A heatmap as plotly's `data` and `layout`."""
    low, high = figure.limits
    trace = {
        "type": "heatmap",
        "z": [numbers(row) for row in figure.values],
        "text": [[written(v, figure.digits) for v in row] for row in figure.values],
        "texttemplate": "%{text}",
        "hovertemplate": f"%{{y}}, %{{x}}: %{{text}}<extra>{escape(figure.label)}</extra>",
        "x": [escape(name) for name in figure.columns],
        "y": [escape(name) for name in figure.rows],
        "zmin": low,
        "zmax": high,
        "colorscale": BLUES,
        "reversescale": figure.reverse,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "showscale": False,  # the cells have numbers
    }
    slant = -45 if max(map(len, figure.columns)) > 4 else 0
    axis = {"type": "category", "automargin": True, "fixedrange": True, "ticks": "", "showgrid": False}
    layout = _layout() | {
        "xaxis": axis | {"title": {"text": escape(figure.x)}, "tickangle": slant},
        "yaxis": axis | {"title": {"text": escape(figure.y)}, "autorange": "reversed"},
    }
    return {"data": [trace], "layout": layout}


def picture(figure: CellGraph) -> Markup:
    """A cell as an SVG element that fills the available width."""
    unit = 88.0  # pixels between layers
    width, height = unit * figure.box[0], unit * figure.box[1]
    left, top = min(n.x for n in figure.nodes), max(n.y for n in figure.nodes)

    def place(x: float, y: float) -> tuple[float, float]:
        return unit * (x - left) + width / 2 + 2, unit * (top - y) + height / 2 + 2

    shapes = []
    for arrow in figure.arrows:
        (x0, y0), (x1, y1) = (place(*end) for end in arrow_ends(figure, arrow))
        colour, dash = (DARK, "") if arrow.live else (PALE, ' stroke-dasharray="5 4"')
        head = _arrowhead((x1, y1), (x0, y0))
        shapes.append(
            f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="{colour}" stroke-width="1.6"{dash}/>'
            f'<path d="{head}" fill="{colour}"/>'
        )
    for node in figure.nodes:
        x, y = place(node.x, node.y)
        fill, text, dash = (
            (node.colour, ink(node.colour), "") if node.live else ("#FFFFFF", GREY, ' stroke-dasharray="5 3"')
        )
        shapes.append(
            f'<rect x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.1f}" height="{height:.1f}" rx="8" '
            f'fill="{escape(fill)}" stroke="{escape(node.colour)}" stroke-width="1.5"{dash}/>'
        )
        lines = node.label.split("\n")
        for number, line in enumerate(lines):
            baseline = y + 4 + 14 * (number - (len(lines) - 1) / 2)
            shapes.append(f'<text x="{x:.1f}" y="{baseline:.1f}" fill="{text}">{escape(line)}</text>')
    right, bottom = place(max(n.x for n in figure.nodes), min(n.y for n in figure.nodes))
    size = f"{right + width / 2 + 2:.0f} {bottom + height / 2 + 2:.0f}"
    return Markup(
        f'<svg class="cell" viewBox="0 0 {size}" role="img" aria-label="{escape(figure.title)}" '
        f'text-anchor="middle" font-size="12">{"".join(shapes)}</svg>'
    )


def swatch(entry: Entry) -> Markup:
    """The sample of a legend entry as a small SVG element."""
    colour = escape(entry.style.colour)
    dash = {"solid": "", "dash": ' stroke-dasharray="6 3"', "dot": ' stroke-dasharray="2 2.5"'}[entry.style.dash]
    shape = {
        "circle": f'<circle cx="12" cy="6" r="4.5" fill="{colour}"/>',
        "square": f'<rect x="8" y="2" width="8" height="8" fill="{colour}"/>',
        "diamond": f'<path d="M12 0.5l5 5.5-5 5.5-5-5.5z" fill="{colour}"/>',
        "triangle": f'<path d="M12 1l5.2 9.5H6.8z" fill="{colour}"/>',
    }[entry.style.symbol]
    if entry.kind == "line":
        shape = f'<path d="M0 6h24" stroke="{colour}" stroke-width="3"{dash}/>'
    elif entry.kind == "band":
        shape = f'<rect y="1" width="24" height="10" fill="{colour}" opacity="0.3"/>'
    return Markup(f'<svg width="24" height="12" aria-hidden="true">{shape}</svg>')


def numbers(values: npt.ArrayLike) -> list[float | None]:
    """JSON numbers with six significant digits; None for NaN and infinity."""
    return [float(f"{v:.6g}") if math.isfinite(v) else None for v in np.asarray(values, dtype=np.float64).tolist()]


def _band(mark: Band, common: dict[str, Any]) -> list[dict[str, Any]]:
    """One closed outline for each segment without NaN."""
    known = np.isfinite(mark.low) & np.isfinite(mark.high)
    segments = np.split(np.arange(len(known)), np.flatnonzero(np.diff(known.astype(int))) + 1)
    traces = []
    for segment in segments:
        if not len(segment) or not known[segment[0]]:
            continue
        x, low, high = mark.x[segment], mark.low[segment], mark.high[segment]
        if mark.step:
            (x, low), (_, high) = stairs(x, low), stairs(x, high)
        red, green, blue = (int(mark.style.colour[i : i + 2], 16) for i in (1, 3, 5))
        traces.append(
            common
            | {
                "x": numbers(np.concatenate([x, x[::-1]])),
                "y": numbers(np.concatenate([high, low[::-1]])),
                "mode": "lines",
                "line": {"width": 0},
                "fill": "toself",
                "fillcolor": f"rgba({red},{green},{blue},{mark.opacity:g})",
                "hoverinfo": "skip",
            }
        )
    return traces


def _hover(texts: Iterable[str], name: str, figure: Plot) -> dict[str, Any]:
    texts = [escape(text).replace("\n", "<br>") for text in texts]
    x = "" if figure.x.categories else f"{escape(figure.x.label)}: %{{x}}<br>"
    y = "" if figure.y.categories else f"{escape(figure.y.label)}: %{{y}}"
    template = f"{x}{y}<extra>{escape(name)}</extra>"
    return {"text": texts, "hovertemplate": f"%{{text}}<br>{template}"} if texts else {"hovertemplate": template}


def _axis(axis: Axis, limits: tuple[float, float]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "title": {"text": escape(axis.label), "standoff": 8},
        "type": "log" if axis.log else "linear",
        "range": [float(f"{math.log10(v) if axis.log else v:.6g}") for v in limits],
        "automargin": True,
        "gridcolor": GRID,
        "linecolor": EDGE,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": EDGE,
        "nticks": 7,
    }
    if axis.whole:
        result |= {"tick0": 0, "dtick": max(1, math.ceil((limits[1] - limits[0]) / 8))}
    if axis.log:
        places = ticks(*limits)
        result |= {"tickmode": "array", "tickvals": list(places), "ticktext": [f"{place:,g}" for place in places]}
    if axis.categories:
        names = [escape(name) for name in axis.categories]
        result |= {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": names}
    return result


def _layout() -> dict[str, Any]:
    return {
        "font": {"family": FONT, "size": 13, "color": "#24292f"},
        "margin": {"l": 12, "r": 14, "t": 28, "b": 12},
        "paper_bgcolor": "white",
        "plot_bgcolor": "white",
        "hovermode": "closest",
        "dragmode": False,
        "hoverlabel": {"font": {"family": FONT, "size": 12}, "align": "left"},
    }


def _arrowhead(tip: tuple[float, float], source: tuple[float, float]) -> str:
    dx, dy = tip[0] - source[0], tip[1] - source[1]
    length = math.hypot(dx, dy) or 1.0
    dx, dy = dx / length, dy / length
    x, y = tip
    left, right = (x - 9 * dx - 4.5 * dy, y - 9 * dy + 4.5 * dx), (x - 9 * dx + 4.5 * dy, y - 9 * dy - 4.5 * dx)
    return f"M{x:.1f} {y:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"

"""Renderer for PNG files, by matplotlib without global state."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
    Figure,
    Heatmap,
    Line,
    Plot,
    arrow_ends,
    extent,
    ink,
    legend,
    ticks,
    written,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

DPI = 150
DASHES = {"solid": "-", "dash": "--", "dot": ":"}
SYMBOLS = {"circle": "o", "square": "s", "diamond": "D", "triangle": "^"}


def png(figure: Figure) -> bytes:
    """The figure with its title and legend as a PNG file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=_size(figure), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(canvas)
    axes = canvas.add_subplot()
    if isinstance(figure, Plot):
        _plot(axes, figure)
    elif isinstance(figure, Heatmap):
        _heatmap(canvas, axes, figure)
    else:
        _picture(axes, figure)
    axes.set_title(plain(figure.title), fontsize=11)
    _legend(canvas, legend([figure]))
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def plain(text: str) -> str:
    """Text with escaped dollar signs, which would start a formula."""
    return text.replace("$", r"\$")


def _size(figure: Figure) -> tuple[float, float]:
    if isinstance(figure, Heatmap):
        return 3.6 + 0.62 * len(figure.columns), 2.2 + 0.42 * len(figure.rows)
    if isinstance(figure, Plot) and figure.y.categories:
        return 6.4, 1.6 + 0.42 * len(figure.y.categories)
    if isinstance(figure, CellGraph):
        xs, ys = [n.x for n in figure.nodes], [n.y for n in figure.nodes]
        return 1.0 + 1.0 * (max(xs) - min(xs) + 1), 1.2 + 1.0 * (max(ys) - min(ys) + 1)
    return 6.4, 4.4


def _plot(axes: Axes, figure: Plot) -> None:
    for mark in figure.marks:
        colour = mark.style.colour
        if isinstance(mark, Band):
            axes.fill_between(
                mark.x,
                mark.low,
                mark.high,
                color=colour,
                alpha=mark.opacity,
                linewidth=0,
                step="post" if mark.step else None,
            )
        elif isinstance(mark, Line):
            axes.plot(
                mark.x,
                mark.y,
                color=colour,
                linestyle=DASHES[mark.style.dash],
                linewidth=0.75 * mark.width,
                alpha=mark.opacity,
                drawstyle="steps-post" if mark.step else "default",
            )
        else:
            error: dict[str, Any] = {}
            if mark.low is not None and mark.high is not None:
                centre = mark.y if mark.along == "y" else mark.x
                error[f"{mark.along}err"] = np.maximum(np.stack([centre - mark.low, mark.high - centre]), 0.0)
            axes.errorbar(
                mark.x,
                mark.y,
                **error,
                fmt=SYMBOLS[mark.style.symbol],
                color=colour,
                markersize=0.8 * mark.size,
                markeredgecolor="white",
                markeredgewidth=0.4,
                elinewidth=1.4,
                capsize=3,
                alpha=mark.opacity,
            )
    limits = extent(figure)
    for axis, along, (low, high) in ((figure.x, "x", limits[0]), (figure.y, "y", limits[1])):
        _axis(axes, axis, along, low, high)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(EDGE)
    axes.tick_params(color=EDGE)


def _axis(axes: Axes, axis: Axis, along: str, low: float, high: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(**{f"{along}label": plain(axis.label)})
    ruler = axes.xaxis if along == "x" else axes.yaxis
    if axis.whole:
        ruler.set_major_locator(MaxNLocator(integer=True))
    if axis.log:
        axes.set(**{f"{along}scale": "log"})
        places = ticks(low, high)
        ruler.set_ticks(places, labels=[f"{place:,g}" for place in places])
        ruler.set_ticks([], minor=True)
    if axis.categories:
        ruler.set_ticks(range(len(axis.categories)), labels=[plain(name) for name in axis.categories])
        if along == "y":
            low, high = high, low
    axes.set(**{f"{along}lim": (low, high)})


def _heatmap(canvas: Canvas, axes: Axes, figure: Heatmap) -> None:
    low, high = figure.limits
    image = axes.imshow(
        np.ma.masked_invalid(figure.values),
        cmap="Blues_r" if figure.reverse else "Blues",
        vmin=low,
        vmax=high,
        aspect="auto",
    )
    for row, column in np.argwhere(np.isfinite(figure.values)):
        value = figure.values[row, column]
        shade = image.cmap(image.norm(value))
        background = "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in shade[:3])
        text = written(value, figure.digits)
        axes.text(column, row, text, ha="center", va="center", color=ink(background), fontsize=9)
    slant: dict[str, Any] = {"rotation": 35, "ha": "right"} if max(map(len, figure.columns)) > 4 else {}
    axes.set_xticks(range(len(figure.columns)), labels=[plain(n) for n in figure.columns], **slant)
    axes.set_yticks(range(len(figure.rows)), labels=[plain(n) for n in figure.rows])
    axes.set(xlabel=plain(figure.x), ylabel=plain(figure.y))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = canvas.colorbar(image, ax=axes, label=plain(figure.label))
    bar.outline.set_visible(False)


def _picture(axes: Axes, figure: CellGraph) -> None:
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    width, height = figure.box
    for arrow in figure.arrows:
        colour, dash = (DARK, "-") if arrow.live else (PALE, "--")
        start, end = arrow_ends(figure, arrow)
        line: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, **line))
    for node in figure.nodes:
        fill, text, dash = (node.colour, ink(node.colour), "-") if node.live else ("white", GREY, "--")
        corner = (node.x - width / 2, node.y - height / 2)
        box: dict[str, Any] = {"facecolor": fill, "edgecolor": node.colour, "linestyle": dash, "linewidth": 1.2}
        axes.add_patch(FancyBboxPatch(corner, width, height, boxstyle="round,pad=0,rounding_size=0.1", **box))
        axes.text(node.x, node.y, plain(node.label), ha="center", va="center", fontsize=8, color=text)
    xs, ys = [n.x for n in figure.nodes], [n.y for n in figure.nodes]
    axes.set(xlim=(min(xs) - 0.5, max(xs) + 0.5), ylim=(min(ys) - 0.5, max(ys) + 0.5), aspect="equal")
    axes.axis("off")


def _legend(canvas: Canvas, entries: Sequence[Entry]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    if not entries:
        return
    handles = [_handle(entry, Line2D, Patch) for entry in entries]
    names = [plain(entry.name) for entry in entries]
    widest = max(len(name) for name in names)
    columns = max(1, min(len(names), int(70 * canvas.get_figwidth() / 6.4) // (widest + 7)))
    canvas.legend(handles, names, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)


def _handle(entry: Entry, line: Any, patch: Any) -> Any:
    style = entry.style
    if entry.kind == "band":
        return patch(color=style.colour, alpha=0.3, linewidth=0)
    if entry.kind == "line":
        return line([], [], color=style.colour, linestyle=DASHES[style.dash], linewidth=2)
    return line([], [], color=style.colour, linestyle="none", marker=SYMBOLS[style.symbol], markersize=6)

"""Figures as values for two renderers: marks on axes, a heatmap, or the graph of a cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from nasbench.errors import InputError
from nasbench.types import FloatArray

Symbol: TypeAlias = Literal["circle", "square", "diamond", "triangle"]
Dash: TypeAlias = Literal["solid", "dash", "dot"]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#A6761D")
"""Palette of Okabe & Ito (2008) for colour-blind readers, with brown for its pale yellow."""
GREY = "#8A8F98"
DARK, PALE = "#30343B", "#B4B9C0"
"""Arrows in the picture of a cell: live, and without information."""
EDGE, GRID = "#9aa0a8", "#e8eaee"
"""Borders and grid of a plot."""


@dataclass(frozen=True)
class Style:
    """How a mark looks: colour as `#rrggbb`, dash of its line, symbol of its points."""

    colour: str = COLOURS[0]
    dash: Dash = "solid"
    symbol: Symbol = "circle"


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: The quantity with its unit.
        log: Whether it is logarithmic; values are then positive.
        whole: Whether it is labelled at whole numbers only.
        limits: The visible range; None shows all marks.
        categories: Names at 0, 1, 2, ..., the first at the left or the top; empty for an axis of numbers.
    """

    label: str
    log: bool = False
    whole: bool = False
    limits: tuple[float, float] | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """Straight segments through points, or steps that hold each value; NaN interrupts the line.

    Attributes:
        x, y: Shape `(k,)`.
        style: Colour and dash.
        name: Entry in the legend, shared by all marks of that name; no entry if empty.
        step: Whether to draw steps.
        width: In points.
        opacity: From 0, invisible, to 1, opaque.
        hover: Text of each point besides its coordinates, `(k,)`, or empty.
        silent: Whether points show nothing when hovered over.
    """

    x: FloatArray
    y: FloatArray
    style: Style
    name: str = ""
    step: bool = False
    width: float = 2.0
    opacity: float = 1.0
    hover: tuple[str, ...] = ()
    silent: bool = False


@dataclass(frozen=True)
class Band:
    """The area between two curves; its fields are those of `Line`."""

    x: FloatArray
    low: FloatArray
    high: FloatArray
    style: Style
    name: str = ""
    step: bool = False
    opacity: float = 0.15


@dataclass(frozen=True)
class Points:
    """Points, optionally with intervals; other fields are those of `Line`.

    Attributes:
        low, high: Ends of the intervals, shape `(k,)`, NaN for a point without one; None if none has one.
        along: Axis of the intervals.
        size: Diameter in points.
    """

    x: FloatArray
    y: FloatArray
    style: Style
    name: str = ""
    low: FloatArray | None = None
    high: FloatArray | None = None
    along: Literal["x", "y"] = "y"
    size: float = 6.0
    opacity: float = 1.0
    hover: tuple[str, ...] = ()


Mark: TypeAlias = Line | Band | Points


@dataclass(frozen=True)
class Plot:
    """Marks on two axes, drawn in their order.

    Attributes:
        name: Name of its file, without suffix.
        title: A few words.
        caption: What it shows, with n and the kind of each interval.
        marks: The marks.
        x, y: The axes.
    """

    name: str
    title: str
    caption: str
    marks: tuple[Mark, ...]
    x: Axis
    y: Axis


@dataclass(frozen=True)
class Heatmap:
    """A grid of numbers with colours.

    Attributes:
        name, title, caption: See `Plot`.
        rows, columns: Their names; the first row is at the top.
        values: Shape `(rows, columns)`; NaN is left blank.
        label: The quantity of the colours, with its unit.
        limits: Values at the two ends of the colour scale.
        digits: Decimals of the numbers in the cells.
        x, y: Titles of columns and rows.
        reverse: Whether small numbers have strong colours.
    """

    name: str
    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: FloatArray
    label: str
    limits: tuple[float, float]
    digits: int = 2
    x: str = ""
    y: str = ""
    reverse: bool = False


@dataclass(frozen=True)
class Node:
    """A box in the picture of a cell.

    Attributes:
        x, y: Its centre, rightwards and upwards, in units of the distance between layers.
        label: Its text; lines are separated by line breaks.
        colour: Its fill as `#rrggbb`.
        live: Whether information passes through it; if not, it is drawn dashed and unfilled.
    """

    x: float
    y: float
    label: str
    colour: str
    live: bool = True


@dataclass(frozen=True)
class Arrow:
    """A straight arrow between two nodes, given by position in the list of nodes; dashed if not `live`."""

    tail: int
    head: int
    live: bool = True


@dataclass(frozen=True)
class CellGraph:
    """The picture of one architecture.

    Attributes:
        name, title, caption: See `Plot`.
        nodes, arrows: The drawing.
        box: Width and height of the nodes, in the unit of their coordinates.
        legend: Meaning of the colours.
    """

    name: str
    title: str
    caption: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    box: tuple[float, float]
    legend: tuple[Entry, ...] = ()


Figure: TypeAlias = Plot | Heatmap | CellGraph


@dataclass(frozen=True)
class Entry:
    """One line of a legend."""

    name: str
    style: Style
    kind: Literal["line", "points", "band"]


def legend(figures: Iterable[Figure]) -> tuple[Entry, ...]:
    """The shared legend of figures: each name once, by its first line or, without a line, its first mark."""
    entries: dict[str, Entry] = {}
    for figure in figures:
        candidates: Sequence[Entry] = ()
        if isinstance(figure, CellGraph):
            candidates = figure.legend
        elif isinstance(figure, Plot):
            candidates = [
                Entry(m.name, m.style, "line" if isinstance(m, Line) else "band" if isinstance(m, Band) else "points")
                for m in figure.marks
            ]
        for entry in candidates:
            if entry.name and (entry.name not in entries or (entry.kind == "line" != entries[entry.name].kind)):
                entries[entry.name] = entry
    return tuple(entries.values())


def styles(names: Iterable[str]) -> dict[str, Style]:
    """A style for each distinct name, in order: colours vary first, then dashes and symbols."""
    dashes: tuple[Dash, ...] = ("solid", "dash", "dot")
    symbols: tuple[Symbol, ...] = ("circle", "square", "diamond", "triangle")
    result: dict[str, Style] = {}
    for name in names:
        turn, colour = divmod(len(result), len(COLOURS))
        result.setdefault(name, Style(COLOURS[colour], dashes[turn % 3], symbols[turn % 4]))
    return result


def stairs(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners of steps that hold `y[i]` from `x[i]` to `x[i + 1]`; two arrays of shape `(2 k - 1,)`."""
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def arrow_ends(cell: CellGraph, arrow: Arrow) -> tuple[tuple[float, float], tuple[float, float]]:
    """Start and end of an arrow on the borders of its two boxes; the common centre if the boxes coincide."""
    tail, head = cell.nodes[arrow.tail], cell.nodes[arrow.head]
    dx, dy = head.x - tail.x, head.y - tail.y
    steps = [half / abs(d) for half, d in ((cell.box[0] / 2, dx), (cell.box[1] / 2, dy)) if d]
    share = min([0.5, *steps])
    return (tail.x + share * dx, tail.y + share * dy), (head.x - share * dx, head.y - share * dy)


def ticks(low: float, high: float) -> tuple[float, ...]:
    """Ticks of a logarithmic axis: 1, 2, 5, 10, ..., or only powers of 10 from 3 decades on."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if math.log10(high / low) < 3 else (1,)
    skip = max(1, math.ceil((last - first) / 8))
    values = (float(f"{step}e{power}") for power in range(first, last + 1, skip) for step in steps)
    return tuple(value for value in values if low <= value <= high)


def written(value: float, digits: int) -> str:
    """Text of a number in a cell of a heatmap: never 0 for a nonzero number, empty for NaN."""
    if not math.isfinite(value):
        return ""
    return f"<{10**-digits:.{digits}f}" if 0 < value < 0.5 * 10**-digits else f"{value:.{digits}f}"


def ink(background: str) -> str:
    """Black or white, whichever is more legible on `#rrggbb` (relative luminance of WCAG 2)."""
    channels = [int(background[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return "#000000" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "#FFFFFF"


def extent(plot: Plot) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of both axes with a margin of 4 %, the same for both renderers.

    Raises:
        InputError: A logarithmic axis has a value that is not positive.
    """
    columns: dict[str, list[FloatArray]] = {"x": [], "y": []}
    for mark in plot.marks:
        columns["x"].append(mark.x)
        if isinstance(mark, Band):
            columns["y"] += [mark.low, mark.high]
        else:
            columns["y"].append(mark.y)
        if isinstance(mark, Points) and mark.low is not None and mark.high is not None:
            columns[mark.along] += [mark.low, mark.high]
    return _limits(columns["x"], plot.x, plot.name), _limits(columns["y"], plot.y, plot.name)


def _limits(arrays: Sequence[FloatArray], axis: Axis, name: str) -> tuple[float, float]:
    if axis.limits:
        return axis.limits
    if axis.categories:
        return -0.5, len(axis.categories) - 0.5
    values = np.concatenate([np.ravel(a) for a in arrays]) if arrays else np.empty(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return 1.0, 10.0
    low, high = float(values.min()), float(values.max())
    if axis.log:
        if low <= 0:
            raise InputError(f"figure {name!r}: {axis.label!r} is logarithmic but has the value {low}; leave it out")
        low, high = float(np.log10(low)), float(np.log10(high))
    margin = 0.04 * (high - low) or (0.04 * abs(high) or 0.5)
    low, high = low - margin, high + margin
    return (10**low, 10**high) if axis.log else (low, high)

"""Layered pictures of cell graphs: straight arrows that avoid all other nodes; long chains are folded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray, KeyArray

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#A6761D", "#5D3A9B")
"""Fills of the operations: the colour-blind safe palette of Okabe & Ito (2008), with brown for their yellow."""
TINTS = (0.0, 0.45, 0.75)
"""Shares of white in the fills: the palette itself first, then paler versions."""
MAX_NODES_PER_ROW = 10
"""Maximum number of nodes in a row of a folded chain."""
TERMINAL, GREY, FAINT = "#30343B", "#B8BDC5", "#6B717B"
"""Colours of input and output, of zero operations, and of letters on dead nodes."""
BOX = (0.72, 0.5)
"""Width and height of a node; layers are 1 apart."""
INCHES_PER_LAYER = 1.1
"""Distance of layers in a separate picture."""
MARGIN = 0.15
"""Free space around a node."""
_TERMINALS = ("input", "output")


@dataclass(frozen=True)
class CellLayout:
    """Positions of the `v` nodes of a cell graph, at which boxes and straight edges do not overlap.

    Attributes:
        x: Horizontal position, 0 for the input, rising to the right; shape `(v,)`.
        y: Vertical position, 0 for input and output, rising upwards; shape `(v,)`.
        labels: The operations, broken into short lines, with the `captions` of the space.
        ops: The operations.
        live: Whether a node lies on a path from input to output without zero operations; shape `(v,)`.
        edges: Tail and head of each edge, as positions in the list of nodes. Edges point to the right, except in a
            folded chain (more than `MAX_NODES_PER_ROW` nodes), whose rows alternate between right and left.
    """

    x: FloatArray
    y: FloatArray
    labels: list[str]
    ops: list[str]
    live: BoolArray
    edges: list[tuple[int, int]]


def colours(space: Space) -> dict[str, str]:
    """Fill `#rrggbb` of each operation of a space, the same in every picture; zero operations are grey."""
    operations = [op for op in space.ops if op not in (*_TERMINALS, *space.zero_ops)]
    palette = [_tint(fill, white) for white in TINTS for fill in PALETTE]
    fills = {op: palette[i % len(palette)] for i, op in enumerate(operations)}
    return {op: TERMINAL if op in _TERMINALS else fills.get(op, GREY) for op in space.ops}


def layout(space: Space, genotype: GenotypeArray) -> CellLayout:
    """Deterministic layout of the graph of one architecture `(d,)`."""
    graph = space.graph(genotype)
    place = {node: position for position, node in enumerate(graph)}
    edges = [(place[tail], place[head]) for tail, head in graph.edges]
    ops = [str(op) for _, op in graph.nodes(data="op")]
    labels = [_label(str(data["op"]), space.captions, data) for _, data in graph.nodes(data=True)]
    if len(ops) > MAX_NODES_PER_ROW and edges == [(node, node + 1) for node in range(len(ops) - 1)]:
        x, y = _fold(len(ops))
    else:
        x = _columns(len(ops), edges)
        ends = tuple(node for node, op in enumerate(ops) if op in _TERMINALS)
        y = _rows(tuple(x.tolist()), tuple(edges), ends)
    return CellLayout(x, y.copy(), labels, ops, _live(graph, space.zero_ops), edges)


def picture(space: Space, genotype: GenotypeArray) -> Figure:
    """A matplotlib figure of one architecture `(d,)`, sized to its graph, with a legend."""
    from matplotlib.figure import Figure

    cell = layout(space, genotype)
    width, height = np.ptp(cell.x) + 1, np.ptp(cell.y) + 1
    entries = len({*cell.ops} - {*_TERMINALS}) + 1
    below = 0.25 * (1 + (entries - 1) // 3) + 0.1  # inches of legend
    across = max(4.5, INCHES_PER_LAYER * width)
    figure = Figure(figsize=(across, INCHES_PER_LAYER * height + below))
    axes = figure.add_axes(
        (
            0,
            below / (INCHES_PER_LAYER * height + below),
            1,
            INCHES_PER_LAYER * height / (INCHES_PER_LAYER * height + below),
        )
    )
    draw(space, genotype, axes)
    return figure


def draw(space: Space, genotype: GenotypeArray, axes: Axes, legend: bool = True) -> None:
    """Draw the graph of one architecture `(d,)` into matplotlib axes.

    Nodes without information flow are dashed and pale; all nodes are drawn. Set the size of the axes before the call,
    because the letters are sized to the boxes.

    Args:
        space: The space of the architecture.
        genotype: The architecture.
        axes: Axes to draw into; ticks and frame are removed.
        legend: Whether to draw a legend of operations below the cell.
    """
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

    cell, fills = layout(space, genotype), colours(space)
    width, height = BOX
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(cell.x.min() - 0.5, cell.x.max() + 0.5)
    axes.set_ylim(cell.y.min() - 0.5, cell.y.max() + 0.5)
    size = _font_size(axes, cell.labels)
    boxes = []
    for x, y, label, op, live in zip(cell.x, cell.y, cell.labels, cell.ops, cell.live, strict=True):
        box = FancyBboxPatch(
            (x - width / 2, y - height / 2),
            *BOX,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=fills[op] if live else "white",
            edgecolor="none" if live else fills[op],
            linestyle="solid" if live else "dashed",
            linewidth=1.2,
            zorder=3,
        )
        boxes.append(axes.add_patch(box))
        colour = _ink(fills[op]) if live else FAINT
        axes.text(x, y, label, ha="center", va="center", size=size, color=colour, zorder=4, linespacing=1.05)
    for tail, head in cell.edges:
        live = bool(cell.live[tail] and cell.live[head])
        arrow = FancyArrowPatch(
            (cell.x[tail], cell.y[tail]),
            (cell.x[head], cell.y[head]),
            patchA=boxes[tail],
            patchB=boxes[head],
            shrinkA=0,
            shrinkB=1,
            arrowstyle="-|>",
            mutation_scale=10,
            color=TERMINAL if live else GREY,
            linestyle="solid" if live else "dashed",
            linewidth=1.2,
            zorder=2 if live else 1,
        )
        axes.add_patch(arrow)
    if legend:
        used = [op for op in space.ops if op in cell.ops and op not in (*_TERMINALS, *space.zero_ops)]
        handles = [Patch(facecolor=fills[op], label=op) for op in used]
        if not cell.live.all():
            handles.append(Patch(facecolor="white", edgecolor=FAINT, linestyle="dashed", label="nothing passes"))
        axes.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=3, frameon=False, fontsize="small"
        )


def _ink(fill: str) -> str:
    """White or black, whichever is more legible on a fill."""
    red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return "white" if 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.3 else "#000000"


def _tint(fill: str, white: float) -> str:
    """A colour mixed with white."""
    parts = (int(fill[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part + white * (255 - part)):02X}" for part in parts)


def _label(op: str, captions: Mapping[str, str], data: Mapping[str, Any]) -> str:
    """The name in two lines as equal as possible, broken at a `_` or `-`, else before a digit; then the captions."""
    separators, digits = ([m.start() for m in re.finditer(where, op)] for where in ("[_-]", r"(?<=[A-Za-z])(?=\d)"))
    breaks = separators or digits
    if len(op) > 7 and breaks:
        middle = min(breaks, key=lambda at: (max(at, len(op) - at), at))
        op = f"{op[:middle]}\n{op[middle:].lstrip('_-')}"
    return "\n".join([op, *(form.format(data[name]) for name, form in captions.items() if data.get(name))])


def _font_size(axes: Axes, labels: list[str]) -> float:
    """Font size in points that fits every label into a box, for letters 0.63 em wide and lines 1.25 em high."""
    figure: Any = axes.get_figure(root=True)
    area = axes.get_position()
    inches = min(
        area.width * figure.get_figwidth() / np.ptp(axes.get_xlim()),
        area.height * figure.get_figheight() / np.ptp(axes.get_ylim()),
    )  # inches per data unit, with equal aspect
    lines = [label.split("\n") for label in labels]
    across = BOX[0] * 0.9 / (0.63 * max(len(line) for parts in lines for line in parts))
    upwards = BOX[1] * 0.9 / (1.25 * max(len(parts) for parts in lines))
    return float(72 * inches * min(across, upwards))


def _live(graph: nx.DiGraph[Any], zero_ops: tuple[str, ...]) -> BoolArray:
    """Whether each node lies on a path from input to output without zero operations; shape `(v,)`."""
    import networkx as nx

    ops = nx.get_node_attributes(graph, "op")
    passing = graph.subgraph([node for node in graph if ops[node] not in zero_ops])
    inputs, outputs = ([node for node in passing if ops[node] == end] for end in _TERMINALS)
    after = set(inputs).union(*(nx.descendants(passing, node) for node in inputs))
    before = set(outputs).union(*(nx.ancestors(passing, node) for node in outputs))
    return np.array([node in after & before for node in graph])


def _columns(n: int, edges: list[tuple[int, int]]) -> FloatArray:
    """Layer of each node, midway between its earliest and latest possible layer; shape `(n,)`."""
    first, last = np.zeros(n), np.zeros(n)
    for _ in range(n):
        for tail, head in edges:
            first[head] = max(first[head], first[tail] + 1)
            last[tail] = max(last[tail], last[head] + 1)
    middle: FloatArray = (first + first.max() - last) / 2
    return middle


def _fold(n: int) -> tuple[FloatArray, FloatArray]:
    """Columns and heights `(n,)` of a chain folded into rows of equal length that alternate in direction."""
    rows = -(-n // MAX_NODES_PER_ROW)
    length = -(-n // rows)
    row, column = np.divmod(np.arange(n), length)
    x = np.where(row % 2 == 0, column, length - 1 - column)
    return x.astype(np.float64), (rows - 1) / 2 - row.astype(np.float64)


@lru_cache(maxsize=256)
def _rows(columns: tuple[float, ...], edges: tuple[tuple[int, int], ...], fixed: tuple[int, ...]) -> FloatArray:
    """Heights `(n,)`, 0 for the fixed nodes, with few crossings, gentle slopes and edges clear of other nodes.

    Coordinate descent over multiples of one quarter, from several starts.
    """
    n = len(columns)
    cost = _LayoutCost(np.array(columns), edges)
    free = [node for node in range(n) if node not in fixed]
    reach = 4 * min(n, 4)
    levels = np.arange(-reach, reach + 1) / 4
    rng = np.random.default_rng(0)
    best = np.zeros(n)
    best_cost = np.inf
    for start in range(16):
        y = np.zeros(n)
        if start > 0:
            y[free] = rng.choice(levels, len(free))
        previous = np.inf
        while (current := float(cost(y[None])[0])) < previous:
            previous = current
            for node in free:
                trial = np.repeat(y[None], len(levels), axis=0)
                trial[:, node] = levels
                y = trial[np.argmin(cost(trial))]
        if current < best_cost - 1e-9:
            best, best_cost = y, current
    return best


class _LayoutCost:
    """Cost of the heights of nodes in given columns `(n,)`."""

    def __init__(self, x: FloatArray, edges: tuple[tuple[int, int], ...]) -> None:
        self.tail, self.head = np.array(edges, dtype=np.int64).reshape(-1, 2).T
        self.length = x[self.head] - x[self.tail]
        side = (BOX[0] + MARGIN) / 2
        passes = [
            (e, k, max(x[a], x[k] - side), min(x[b], x[k] + side))
            for e, (a, b) in enumerate(edges)
            for k in range(len(x))
            if k not in (a, b) and x[a] - side < x[k] < x[b] + side
        ]
        edge, node, self.enters, self.leaves = np.array(passes, dtype=np.float64).reshape(-1, 4).T
        self.edge, self.node = edge.astype(np.int64), node.astype(np.int64)
        close = [(a, b) for a, b in combinations(range(len(x)), 2) if abs(x[a] - x[b]) < BOX[0] + MARGIN]
        self.a, self.b = np.array(close, dtype=np.int64).reshape(-1, 2).T
        disjoint = [(e, f) for e, f in combinations(range(len(edges)), 2) if not {*edges[e]} & {*edges[f]}]
        self.e, self.f = np.array(disjoint, dtype=np.int64).reshape(-1, 2).T
        self.left = np.maximum(x[self.tail[self.e]], x[self.tail[self.f]])
        self.right = np.minimum(x[self.head[self.e]], x[self.head[self.f]])
        self.x = x

    def __call__(self, y: FloatArray) -> FloatArray:
        """Cost of each of `(k, n)` assignments of heights; shape `(k,)`."""
        climb = y[:, self.head] - y[:, self.tail]  # (k, edges)
        slope = climb / self.length

        def height(edge: KeyArray, at: FloatArray) -> FloatArray:
            result: FloatArray = y[:, self.tail[edge]] + (at - self.x[self.tail[edge]]) * slope[:, edge]
            return result

        def between(first: FloatArray, second: FloatArray) -> FloatArray:
            """Minimum distance of two lines from their signed distances at both ends, negative if they cross."""
            return np.copysign(np.minimum(np.abs(first), np.abs(second)), first * second)

        middle = y[:, self.node]
        clear = between(height(self.edge, self.enters) - middle, height(self.edge, self.leaves) - middle)
        ends = [height(self.e, at) - height(self.f, at) for at in (self.left, self.right)]
        crossed = (self.left < self.right) & (between(*ends) < 0)
        apart = np.abs(y[:, self.a] - y[:, self.b])
        total: FloatArray = (
            100 * np.maximum(0, BOX[1] / 2 + MARGIN - clear).sum(axis=1)
            + 100 * np.maximum(0, BOX[1] + MARGIN - apart).sum(axis=1)
            + 2 * crossed.sum(axis=1)
            + 0.2 * (climb**2).sum(axis=1)
            + 0.02 * (y**2).sum(axis=1)
        )
        return total

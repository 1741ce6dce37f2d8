"""Figures of a table: learning curves or lengths of training, costs, operations, and cells as graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.report.document import counted, label, words
from nasbench.report.figures import (
    COLOURS,
    GREY,
    Arrow,
    Axis,
    Band,
    CellGraph,
    Entry,
    Figure,
    Heatmap,
    Line,
    Mark,
    Node,
    Plot,
    Points,
    Style,
)
from nasbench.report.measurements import Measurements
from nasbench.report.statistics import limits_without_outliers, pareto_front
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray

MAX_DRAWN_CURVES = 100
"""Largest number of cells whose learning curves are drawn individually."""
MAX_DRAWN_POINTS = 2000
"""Largest number of cells in a scatter plot, besides the Pareto front."""


def learning_curves(data: Measurements, anchor: str) -> list[Figure]:
    """The values of cells by epoch: curves with bands, or points at the ends of separate schedules."""
    x, y, n = np.array(data.epochs, dtype=np.float64), data.curves, len(data.curves)
    known = y[np.isfinite(y).all(axis=1)]
    if len(x) < 2 or not len(known):
        return []
    curves = data.metric.resumable
    grey = Style(GREY)
    marks: list[Mark] = []
    if curves:
        low, lower, upper, high = np.quantile(known, [0.05, 0.25, 0.75, 0.95], axis=0)
        marks += [
            Band(x, low, high, grey, "5 to 95 % of the cells", opacity=0.16),
            Band(x, lower, upper, grey, "25 to 75 % of the cells", opacity=0.28),
        ]
    if n <= MAX_DRAWN_CURVES:
        gap = np.full((n, 1), np.nan)
        every = np.concatenate([np.tile(x, (n, 1)), gap], axis=1).ravel()
        joined = np.concatenate([y, gap], axis=1).ravel()
        if curves:
            marks.append(Line(every, joined, grey, "each cell", width=0.8, opacity=0.45, silent=True))
        else:
            marks.append(Points(every, joined, grey, "each cell", size=4, opacity=0.45))
    order = data.order
    for name, row, colour in (("best cell", 0, 2), ("median cell", n // 2, 0), ("worst cell", n - 1, 1)):
        hover = (f"{name} at the last epoch\n{data.space.to_string(data.genotypes[order[row]])}",) * len(x)
        draw = Line if curves else Points
        marks.append(draw(x, y[order[row]], Style(COLOURS[colour]), name, hover=hover))
    seeds = f", mean of {counted(len(data.seeds), 'seed')}" if len(data.seeds) > 1 else ""
    when = "after each epoch" if curves else "at the ends of separate trainings of each length"
    caption = f"{data.name.capitalize()} {when}{seeds}; n = {counted(len(known), 'cell')}."
    if curves:
        caption += " Bands hold the middle 50 and 90 % of the cells; they are not confidence intervals."
    title, axis = ("Learning curves", "epoch") if curves else ("Length of training", "epochs of training")
    return [Plot(f"{anchor}-curves", title, caption, tuple(marks), Axis(axis, whole=True), Axis(label(data.metric)))]


def cost_plots(data: Measurements, anchor: str) -> list[Figure]:
    """Value against each cost, with the cells that nothing cheaper equals."""
    value, metric = data.test, data.test_metric or data.metric
    maximise = metric.direction == "maximise"
    rng = np.random.default_rng(0)
    figures: list[Figure] = []
    for cost, amounts in data.costs.items():
        front = pareto_front(amounts, value, maximise)
        shown = np.flatnonzero(np.isfinite(amounts) & np.isfinite(value))
        total = len(shown)
        if total < 2:
            continue
        if total > MAX_DRAWN_POINTS:
            shown = np.union1d(rng.choice(shown, MAX_DRAWN_POINTS, replace=False), front)
        rest = np.setdiff1d(shown, front)
        positive = amounts[shown].min() > 0
        log = bool(positive and amounts[shown].max() > 20 * amounts[shown].min())
        hover = _cell_texts(data)
        blue, orange = Style(COLOURS[0]), Style(COLOURS[1], symbol="diamond")
        marks = (
            Points(amounts[rest], value[rest], blue, "cells", size=6, opacity=0.6, hover=hover(rest)),
            Line(amounts[front], value[front], orange, "Pareto front", step=True, width=1.5, silent=True),
            Points(amounts[front], value[front], orange, "Pareto front", size=8, hover=hover(front)),
        )
        sampled = f"{len(shown):,} of {total:,} cells, drawn at random, and all of the front"
        n = sampled if total > MAX_DRAWN_POINTS else counted(total, "cell")
        seeds = f" Means of {len(data.seeds)} seeds." if len(data.seeds) > 1 else ""
        limits, beyond = limits_without_outliers(value[shown], maximise)
        side = "below" if maximise else "above"
        unseen = f" {counted(beyond, 'cell')} far {side} the others, outside the view." if beyond else ""
        caption = f"n = {n}; {len(front)} on the Pareto front.{seeds}{unseen}"
        title = f"{words(metric.name).capitalize()} against {words(cost.name)}"
        name = f"{anchor}-cost-{len(figures) + 1}-{_slug(cost.name)}"
        figures.append(
            Plot(name, title, caption, marks, Axis(label(cost), log=log), Axis(label(metric), limits=limits))
        )
    return figures


def _cell_texts(data: Measurements) -> Callable[[npt.NDArray[Any]], tuple[str, ...]]:
    def texts(rows: npt.NDArray[Any]) -> tuple[str, ...]:
        return tuple(f"{data.space.to_string(data.genotypes[row])}\n{data.name}: {data.value(row)}" for row in rows)

    return texts


def operation_heatmap(data: Measurements, anchor: str) -> list[Figure]:
    """Mean value by the number of times that a cell has an operation."""
    counts = data.space.features(data.genotypes, "counts").astype(int)
    varied = [column for column in range(counts.shape[1]) if len(np.unique(counts[:, column])) > 1]
    if not varied or len(data.genotypes) < 20:
        return []
    numbers = range(int(counts[:, varied].max()) + 1)
    values = np.full((len(varied), len(numbers)), np.nan)
    for row, column in enumerate(varied):
        for number in numbers:
            cells = counts[:, column] == number
            if cells.sum() >= 3:
                values[row, number] = data.final[cells].mean()
    if not np.isfinite(values).any():
        return []
    values = values[:, : np.flatnonzero(np.isfinite(values).any(axis=0))[-1] + 1]
    limits = (float(np.nanmin(values)), float(np.nanmax(values)))
    caption = (
        f"Mean {data.name} of the cells by how often they have an operation; blank for fewer than 3 cells. n = "
        f"{len(data.genotypes):,} cells. It is an association, not an effect of the operation alone."
    )
    rows = tuple(data.space.ops[column] for column in varied)
    columns = tuple(map(str, range(values.shape[1])))
    digits = 1 if data.metric.units == "percent" else 2
    title = f"{data.name.capitalize()} by number of operations"
    args = (rows, columns, values, label(data.metric), limits, digits, "times in the cell")
    return [Heatmap(f"{anchor}-operations", title, caption, *args)]


def cell_graph(space: Space, genotype: GenotypeArray, name: str, title: str, caption: str) -> CellGraph:
    """The picture of one architecture `(d,)`."""
    from nasbench.spaces.drawing import BOX, colours, layout

    cell, fills = layout(space, genotype), colours(space)
    return CellGraph(
        name,
        title,
        caption,
        tuple(
            Node(float(x), float(y), text, fills[op], bool(live))
            for x, y, text, op, live in zip(cell.x, cell.y, cell.labels, cell.ops, cell.live, strict=True)
        ),
        tuple(Arrow(tail, head, bool(cell.live[tail] and cell.live[head])) for tail, head in cell.edges),
        BOX,
        tuple(
            Entry(op, Style(fill, symbol="square"), "points")
            for op, fill in fills.items()
            if op not in ("input", "output")  # labelled in every cell
        ),
    )


def _slug(text: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in text.lower()).strip("-") or "x"

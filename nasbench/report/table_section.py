"""Section of a table: spread of cells, noise of seeds, learning curves, costs, and the best cells."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, Metric, difference
from nasbench.errors import NotFoundError
from nasbench.report.document import (
    Block,
    Fact,
    Figures,
    Paragraph,
    Section,
    TextTable,
    format_count,
    format_interval,
    format_value,
    label,
)
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
from nasbench.report.statistics import limits_without_outliers, pareto_front, seed_agreement, seed_deviation
from nasbench.spaces.base import Space
from nasbench.types import BoolArray, FloatArray, GenotypeArray

MAX_DRAWN_CURVES = 100
"""Largest number of cells whose learning curves are drawn individually."""
MAX_DRAWN_POINTS = 2000
"""Largest number of cells in a scatter plot, besides the Pareto front."""
PICTURED_CELLS = 6
"""Number of best cells that are drawn as graphs."""


@dataclass(frozen=True)
class Measurements:
    """Measurements on one data set, of the `n` cells that have a final value.

    Attributes:
        space: The search space.
        dataset: Name of the data set.
        genotypes: The cells; shape `(n, d)`.
        unmeasured: Number of cells that are left out because their final value is missing.
        metric: The validation metric, or a test metric if there is none.
        epochs: Epochs of the learning curves; empty without curves.
        curves: Mean over seeds; shape `(n, epochs)`.
        final: Last value, mean over seeds; shape `(n,)`.
        by_seed: Last value of each seed, NaN where missing; shape `(n, seeds)`.
        seeds: The training seeds.
        test_metric: The same quantity on the test split; None if not recorded.
        test: Last value of `test_metric`, or else of `metric`, mean over seeds; shape `(n,)`.
        costs: Costs of the cells by metric: last value, mean over seeds; shape `(n,)` each.
    """

    space: Space
    dataset: str
    genotypes: GenotypeArray
    unmeasured: int
    metric: Metric
    epochs: tuple[int, ...]
    curves: FloatArray
    final: FloatArray
    by_seed: FloatArray
    seeds: tuple[int, ...]
    test_metric: Metric | None
    test: FloatArray
    costs: Mapping[Metric, FloatArray]

    @property
    def sign(self) -> float:
        """1 if more is better, else -1."""
        return -1.0 if self.metric.direction == "minimise" else 1.0

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Rows sorted from the best to the worst final value."""
        return np.argsort(-self.sign * self.final, kind="stable")

    @property
    def better_half(self) -> BoolArray:
        """Whether a cell's final value is at least as good as the median; shape `(n,)`."""
        score = self.sign * self.final
        return np.asarray(score >= np.median(score))


def measurements_of(benchmark: Benchmark, dataset: str) -> Measurements | None:
    """Measurements on a data set; None if no metric ranks its cells or no cell has a value."""
    try:
        metric = benchmark.score(dataset)
    except NotFoundError:
        return None
    genotypes = benchmark.architectures()
    final = _values(benchmark, genotypes, metric)
    known = np.isfinite(final)
    if not known.any():
        return None
    genotypes, final = genotypes[known], final[known]
    epochs = benchmark.recorded_epochs(metric.path)
    seeds = benchmark.recorded_seeds(metric.path)
    curves = [benchmark.query_many(genotypes, metric.path, epoch=epoch).values.filled(np.nan) for epoch in epochs]
    by_seed = [benchmark.query_many(genotypes, metric.path, seed=seed).values.filled(np.nan) for seed in seeds]
    try:
        test_metric = benchmark.partner(metric.path, "test") if metric.split == "validation" else None
    except NotFoundError:
        test_metric = None
    costs = {
        m: _values(benchmark, genotypes, m)
        for m in benchmark.metrics.values()
        if m.split == "none" and m.dataset in ("", dataset)
    }
    n = len(genotypes)
    return Measurements(
        space=benchmark.space,
        dataset=dataset,
        genotypes=genotypes,
        unmeasured=int((~known).sum()),
        metric=metric,
        epochs=epochs,
        curves=np.array(curves).reshape(len(epochs), n).T,
        final=final,
        by_seed=np.array(by_seed).reshape(len(seeds), n).T,
        seeds=seeds,
        test_metric=test_metric,
        test=final if test_metric is None else _values(benchmark, genotypes, test_metric),
        costs={m: values for m, values in costs.items() if len(np.unique(values[np.isfinite(values)])) > 1},
    )


def _values(benchmark: Benchmark, genotypes: GenotypeArray, metric: Metric) -> FloatArray:
    return benchmark.query_many(genotypes, metric.path).values.filled(np.nan)


def table_section(data: Measurements, recipe: Mapping[str, Any], anchor: str) -> Section:
    """The section on the trained cells of one data set; `recipe` belongs to the table."""
    groups = (_learning_curves(data, anchor) + _operation_heatmap(data, anchor), _cost_plots(data, anchor))
    blocks: list[Block] = [Figures(tuple(group)) for group in groups if group]
    blocks += _best_cells(data, anchor)
    title = f"Trained cells: {data.space.name} on {data.dataset or 'its data'}"
    sentences, facts = table_sentences(data, recipe), table_facts(data, recipe)
    return Section(anchor, title, tuple(blocks), NOTES, tuple(sentences), facts)


NOTES = (
    "Spread between cells: standard deviation over cells of the mean over seeds of the last epoch's value.",
    "Noise between seeds: root of the mean over cells of the variance between the seeds of a cell (n - 1 in the "
    "denominator).",
    "Agreement of seeds: Kendall's tau-b between two seeds over cells, averaged over the pairs of seeds; its 95 % "
    "interval follows Fieller, Hartley & Pearson (1957), with n the number of cells. The better half are the cells "
    "whose mean over seeds is at least the median.",
    "Pareto front: cells that no other cell equals or beats in both cost and value.",
    "The best cells are chosen by their validation value; their test value does not influence the choice.",
)


# --- words ----------------------------------------------------------------------------------------------------------


def table_sentences(data: Measurements, recipe: Mapping[str, Any]) -> list[str]:
    """Sentences on what was trained, the best cells, and the noise between seeds."""
    metric, n = data.metric, len(data.genotypes)
    times = f" {len(data.seeds)} times each, with different seeds," if len(data.seeds) > 1 else ""
    epochs = f" for {data.epochs[-1]} epochs" if data.epochs else ""
    on = f" on {data.dataset}" if data.dataset else ""
    text = (
        f"{_count(n)} of {data.space.name} ({format_count(data.space.size)} genotypes) "
        f"{'was' if n == 1 else 'were'} trained{times}{epochs}{on}."
    )
    if data.unmeasured:
        have, are = ("has", "is") if data.unmeasured == 1 else ("have", "are")
        name = metric.name.replace("_", " ")
        text += f" {data.unmeasured:,} more {have} no final {name} and {are} left out."
    order, name = data.order, metric.name.replace("_", " ")
    best, middle, worst = order[0], order[n // 2], order[-1]
    test = f" ({format_value(data.test[best], metric.units, 2)} on the test split)" if data.test_metric else ""
    found = (
        f"The best cell reaches {_value(data, best)} {name}{test}, the median cell {_value(data, middle)}, the worst "
        f"{_value(data, worst)}."
    )
    floor = _linear(data, recipe)
    if floor is not None:
        above = int((data.final > floor).sum())
        found += (
            f" A linear model on the same data reaches {floor:.2f} % {metric.split} accuracy; {above:,} of the {n:,} "
            "cells do better."
        )
    result = [text, *_recipe(recipe, data.metric.dataset), found]
    sd = seed_deviation(data.by_seed)
    if math.isfinite(sd):
        tau, low, high, cells = seed_agreement(data.by_seed)
        top, top_low, top_high, top_cells = seed_agreement(data.by_seed[data.better_half])
        result.append(
            f"The standard deviation between cells is {_spread(data):.2f} {difference(metric.units)}, "
            f"between trainings of the same cell {sd:.2f}. "
            f"Two seeds rank the cells with a Kendall tau of {format_interval(tau, low, high)} (all {cells:,} cells) "
            f"and {format_interval(top, top_low, top_high)} (the better half, {top_cells:,} cells; 95 % intervals): "
            "the yardstick for predictors."
        )
    return result


def _recipe(recipe: Mapping[str, Any], dataset: str) -> list[str]:
    """How the cells were trained, as one sentence; empty if the recipe does not say."""
    described = _described(recipe, dataset)
    data = {**described.get("settings", {}), **described.get("inputs", {})} if described else None
    described_groups = []
    parts = recipe.get("parts")
    lengths = sorted({length for part in parts for length in part["epochs"]}) if isinstance(parts, list) else []
    schedules = {"epochs": ", ".join(map(str, lengths))} if lengths else None
    groups = (data, recipe.get("network"), recipe.get("training"), schedules)
    for title, group in zip(("data", "network", "training", "schedules"), groups, strict=True):
        if isinstance(group, Mapping):
            settings = [f"{name.replace('_', ' ')} {value}" for name, value in group.items()]
            described_groups.append(f"{title}: {', '.join(settings)}")
    return [f"Recipe: {'; '.join(described_groups)}."] if described_groups else []


def _described(recipe: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """The entry of a recipe on a data set, also for a schedule such as `digits@12`; empty if there is none."""
    entries = recipe.get("datasets")
    entry = entries.get(dataset.partition("@")[0]) if isinstance(entries, Mapping) else None
    return entry if isinstance(entry, Mapping) else {}


def table_facts(data: Measurements, recipe: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Key figures of the same findings."""
    n, units = len(data.genotypes), data.metric.units
    name = data.metric.name.replace("_", " ")
    result = [
        Fact("cells trained", f"{n:,}", f"of {format_count(data.space.size)} in {data.space.name}"),
        Fact(f"best {name}", _value(data, data.order[0]), f"median {_value(data, data.order[n // 2])}"),
    ]
    if n > 1:
        result.append(Fact("spread between cells", format_value(_spread(data), difference(units), 2), f"sd, n = {n:,}"))
    sd = seed_deviation(data.by_seed)
    if math.isfinite(sd):
        tau, low, high, cells = seed_agreement(data.by_seed)
        result.append(
            Fact("noise between seeds", format_value(sd, difference(units), 2), f"sd, {len(data.seeds)} seeds a cell")
        )
        result.append(Fact("agreement of seeds", f"τ = {tau:.2f}", f"95 % [{low:.2f}, {high:.2f}], n = {cells:,}"))
    floor = _linear(data, recipe)
    if floor is not None:
        result.append(Fact("linear model", f"{floor:.2f} %", f"{data.metric.split} accuracy"))
    return tuple(result)


def _linear(data: Measurements, recipe: Mapping[str, Any]) -> float | None:
    """Accuracy of a linear model on the same split, in percent; None if unknown or not comparable."""
    by_split = _described(recipe, data.metric.dataset).get("linear_accuracy")
    value = by_split.get(data.metric.split) if isinstance(by_split, Mapping) else None
    comparable = data.metric.name == f"{data.metric.split}_accuracy" and data.metric.units == "percent"
    return float(value) if comparable and isinstance(value, int | float) else None


def _count(n: int) -> str:
    return "1 cell" if n == 1 else f"{n:,} cells"


def _spread(data: Measurements) -> float:
    return float(np.std(data.final, ddof=1)) if len(data.final) > 1 else math.nan


def _value(data: Measurements, row: int | np.int64) -> str:
    return format_value(float(data.final[row]), data.metric.units, 2)


# --- figures --------------------------------------------------------------------------------------------------------


def _learning_curves(data: Measurements, anchor: str) -> list[Figure]:
    x, y, n = np.array(data.epochs, dtype=np.float64), data.curves, len(data.curves)
    known = y[np.isfinite(y).all(axis=1)]
    if len(x) < 2 or not len(known):
        return []
    low, lower, upper, high = np.quantile(known, [0.05, 0.25, 0.75, 0.95], axis=0)
    grey = Style(GREY)
    marks: list[Mark] = [
        Band(x, low, high, grey, "5 to 95 % of the cells", opacity=0.16),
        Band(x, lower, upper, grey, "25 to 75 % of the cells", opacity=0.28),
    ]
    if n <= MAX_DRAWN_CURVES:
        gap = np.full((n, 1), np.nan)
        every = np.concatenate([np.tile(x, (n, 1)), gap], axis=1).ravel()
        joined = np.concatenate([y, gap], axis=1).ravel()
        marks.append(Line(every, joined, grey, "each cell", width=0.8, opacity=0.45, silent=True))
    order = data.order
    for name, row, colour in (("best cell", 0, 2), ("median cell", n // 2, 0), ("worst cell", n - 1, 1)):
        hover = (f"{name} at the last epoch\n{data.space.to_string(data.genotypes[order[row]])}",) * len(x)
        marks.append(Line(x, y[order[row]], Style(COLOURS[colour]), name, hover=hover))
    seeds = f", mean of {len(data.seeds)} seeds" if len(data.seeds) > 1 else ""
    caption = (
        f"{data.metric.name.replace('_', ' ').capitalize()} after each epoch{seeds}; n = {_count(len(known))}. Bands "
        "hold the middle 50 and 90 % of the cells; they are not confidence intervals."
    )
    plot = Plot(
        f"{anchor}-curves",
        "Learning curves",
        caption,
        tuple(marks),
        Axis("epoch", whole=True),
        Axis(label(data.metric)),
    )
    return [plot]


def _cost_plots(data: Measurements, anchor: str) -> list[Figure]:
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
        n = sampled if total > MAX_DRAWN_POINTS else _count(total)
        seeds = f" Means of {len(data.seeds)} seeds." if len(data.seeds) > 1 else ""
        limits, beyond = limits_without_outliers(value[shown], maximise)
        side = "below" if maximise else "above"
        unseen = f" {_count(beyond)} far {side} the others, outside the view." if beyond else ""
        caption = f"n = {n}; {len(front)} on the Pareto front.{seeds}{unseen}"
        title = f"{metric.name.replace('_', ' ').capitalize()} against {cost.name.replace('_', ' ')}"
        name = f"{anchor}-cost-{len(figures) + 1}-{_slug(cost.name)}"
        figures.append(
            Plot(name, title, caption, marks, Axis(label(cost), log=log), Axis(label(metric), limits=limits))
        )
    return figures


def _cell_texts(data: Measurements) -> Callable[[npt.NDArray[Any]], tuple[str, ...]]:
    def texts(rows: npt.NDArray[Any]) -> tuple[str, ...]:
        name = data.metric.name.replace("_", " ")
        return tuple(f"{data.space.to_string(data.genotypes[row])}\n{name}: {_value(data, row)}" for row in rows)

    return texts


def _operation_heatmap(data: Measurements, anchor: str) -> list[Figure]:
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
    name = data.metric.name.replace("_", " ")
    limits = (float(np.nanmin(values)), float(np.nanmax(values)))
    caption = (
        f"Mean {name} of the cells by how often they have an operation; blank for fewer than 3 cells. n = "
        f"{len(data.genotypes):,} cells. It is an association, not an effect of the operation alone."
    )
    rows = tuple(data.space.ops[column] for column in varied)
    columns = tuple(map(str, range(values.shape[1])))
    digits = 1 if data.metric.units == "percent" else 2
    title = f"{name.capitalize()} by number of operations"
    args = (rows, columns, values, label(data.metric), limits, digits, "times in the cell")
    return [Heatmap(f"{anchor}-operations", title, caption, *args)]


def _best_cells(data: Measurements, anchor: str) -> list[Block]:
    pictures, rows = [], []
    units, name = data.metric.units, data.metric.name.replace("_", " ")
    seeds = f" (means of {len(data.seeds)} seeds)" if len(data.seeds) > 1 else ""
    for place, row in enumerate(data.order[:PICTURED_CELLS], start=1):
        text = data.space.to_string(data.genotypes[row])
        test = format_value(float(data.test[row]), units, 2) if data.test_metric else "-"
        on_test = f", {test} on the test split" if data.test_metric else ""
        caption = f"{_value(data, row)} {name}{on_test}{seeds}. {text}"
        pictures.append(cell_graph(data.space, data.genotypes[row], f"{anchor}-cell-{place}", f"No. {place}", caption))
        costs = tuple(format_value(float(values[row]), cost.units) for cost, values in data.costs.items())
        rows.append((str(place), _value(data, row), test, *costs, text))
    header = ("", name, "test", *(cost.name.replace("_", " ") for cost in data.costs), "cell")
    return [
        Paragraph(f"The best cells by {name} as graphs. Dashed: no information passes, because each path has a none."),
        Figures(tuple(pictures)),
        TextTable("The best cells and their costs", header, tuple(rows)),
    ]


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

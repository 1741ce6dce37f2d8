"""Section of a table: spread of cells, noise of seeds, learning curves, costs, and the best cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.benchmark.rename import as_list
from nasbench.report.document import (
    Block,
    Fact,
    Figures,
    Paragraph,
    Section,
    TextTable,
    counted,
    format_count,
    format_interval,
    format_value,
    interval_note,
    known,
    listed,
    mapping,
    words,
)
from nasbench.report.measurements import Measurements
from nasbench.report.statistics import seed_agreement, seed_deviation
from nasbench.report.table_figures import cell_graph, cost_plots, learning_curves, operation_heatmap

PICTURED_CELLS = 6
"""Number of best cells that are drawn as graphs."""


def table_section(data: Measurements, recipe: Mapping[str, Any], anchor: str) -> Section:
    """The section on the trained cells of one data set; `recipe` belongs to the table."""
    groups = (learning_curves(data, anchor) + operation_heatmap(data, anchor), cost_plots(data, anchor))
    blocks: list[Block] = [Figures(tuple(group)) for group in groups if group]
    blocks += _best_cells(data, anchor)
    title = f"Trained cells: {data.space.name} on {data.dataset or 'its data'}"
    sentences, facts = table_sentences(data, recipe), table_facts(data, recipe)
    return Section(anchor, title, tuple(blocks), NOTES, tuple(sentences), facts)


NOTES = (
    "Spread between cells: standard deviation over cells of the mean over seeds of the last epoch's value.",
    "Noise between seeds: standard deviation around the mean of a cell, pooled over cells by degrees of freedom.",
    "Agreement of seeds: Kendall's tau-b between two seeds over cells, averaged over the pairs of seeds; its 95 % "
    "interval follows Fieller, Hartley & Pearson (1957), with n the number of cells. The better half are the cells "
    "whose mean over seeds is at least the median.",
    "Pareto front: cells that no other cell equals or beats in both cost and value.",
    "The best cells have the best measured validation values; their test values do not influence the choice. "
    "Differences below the noise between seeds do not tell which of them is better.",
)


def _best_cells(data: Measurements, anchor: str) -> list[Block]:
    pictures, rows = [], []
    units, name = data.metric.units, data.name
    seeds = f" (means of {len(data.seeds)} seeds)" if len(data.seeds) > 1 else ""
    for place, row in enumerate(data.order[:PICTURED_CELLS], start=1):
        text = data.space.to_string(data.genotypes[row])
        test = format_value(float(data.test[row]), units, 2) if data.test_metric else "-"
        on_test = f", {test} on the test split" if data.test_metric else ""
        caption = f"{data.value(row)} {name}{on_test}{seeds}. {text}"
        pictures.append(cell_graph(data.space, data.genotypes[row], f"{anchor}-cell-{place}", f"No. {place}", caption))
        costs = tuple(format_value(float(values[row]), cost.units) for cost, values in data.costs.items())
        rows.append((str(place), data.value(row), test, *costs, text))
    header = ("", name, "test", *(words(cost.name) for cost in data.costs), "cell")
    return [
        Paragraph(f"The best cells by {name} as graphs. Dashed: no information passes, because each path has a none."),
        Figures(tuple(pictures)),
        TextTable("The best cells and their costs", header, tuple(rows)),
    ]


def table_sentences(data: Measurements, recipe: Mapping[str, Any]) -> list[str]:
    """Sentences on what was trained, the best cells, and the noise between seeds."""
    metric, n = data.metric, len(data.genotypes)
    times = f" {len(data.seeds)} times each, with different seeds," if len(data.seeds) > 1 else ""
    epochs = ""
    if data.epochs and data.metric.resumable:
        epochs = f" for {counted(data.epochs[-1], 'epoch')}"
    elif data.epochs:
        epochs = f" in separate trainings of {listed([str(epoch) for epoch in data.epochs])} epochs"
    on = f" on {data.dataset}" if data.dataset else ""
    text = (
        f"{counted(n, 'cell')} of {data.space.name} ({format_count(data.space.size)} genotypes) "
        f"{'was' if n == 1 else 'were'} trained{times}{epochs}{on}."
    )
    if data.unmeasured:
        have, are = ("has", "is") if data.unmeasured == 1 else ("have", "are")
        text += f" {data.unmeasured:,} more {have} no final {data.name} and {are} left out."
    order = data.order
    best, middle, worst = order[0], order[n // 2], order[-1]
    test = f" ({format_value(data.test[best], metric.units, 2)} on the test split)" if data.test_metric else ""
    found = (
        f"The best measured cell reaches {data.value(best)} {data.name}{test}, the median cell {data.value(middle)}, "
        f"the worst {data.value(worst)}."
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
        units = difference(metric.units)
        noise = f"The standard deviation between trainings of the same cell is {sd:.2f} {units}"
        if n > 1:
            noise += f", between cells {_spread(data):.2f}"
        if math.isfinite(tau):
            noise += (
                f". Two seeds rank the cells with a Kendall tau of {format_interval(tau, low, high)} (all {cells:,} "
                f"cells) and {format_interval(top, top_low, top_high)} (the better half, {top_cells:,} cells; 95 % "
                "intervals): the yardstick for predictors"
            )
        result.append(f"{noise}.")
    return result


def _recipe(recipe: Mapping[str, Any], dataset: str) -> list[str]:
    """How the cells were trained, as one sentence; empty if the recipe does not say."""
    described = _described(recipe, dataset)
    data = {**mapping(described.get("settings")), **mapping(described.get("inputs"))}
    described_groups = []
    parts = [as_list(mapping(part).get("epochs")) for part in as_list(recipe.get("parts"))]
    lengths = sorted({length for part in parts for length in part if isinstance(length, int)})
    schedules = {"epochs": ", ".join(map(str, lengths))} if lengths else None
    groups = (data, recipe.get("network"), recipe.get("training"), schedules)
    for title, group in zip(("data", "network", "training", "schedules"), groups, strict=True):
        settings = [f"{words(name)} {value}" for name, value in mapping(group).items()]
        if settings:
            described_groups.append(f"{title}: {', '.join(settings)}")
    return [f"Recipe: {'; '.join(described_groups)}."] if described_groups else []


def _described(recipe: Mapping[str, Any], dataset: str) -> Mapping[str, Any]:
    """The entry of a recipe on a data set, also for a schedule such as `digits@12`; empty if there is none."""
    return mapping(mapping(recipe.get("datasets")).get(dataset.partition("@")[0]))


def table_facts(data: Measurements, recipe: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Key figures of the same findings."""
    n, units = len(data.genotypes), data.metric.units
    result = [
        Fact("cells trained", f"{n:,}", f"of {format_count(data.space.size)} in {data.space.name}"),
        Fact(f"best measured {data.name}", data.value(data.order[0]), f"median {data.value(data.order[n // 2])}"),
    ]
    if n > 1:
        result.append(Fact("spread between cells", format_value(_spread(data), difference(units), 2), f"sd, n = {n:,}"))
    sd = seed_deviation(data.by_seed)
    if math.isfinite(sd):
        tau, low, high, cells = seed_agreement(data.by_seed)
        result.append(
            Fact("noise between seeds", format_value(sd, difference(units), 2), f"sd, {len(data.seeds)} seeds a cell")
        )
        if math.isfinite(tau):
            note = interval_note(low, high, counted(cells, "cell"))
            result.append(Fact("agreement of seeds", f"τ = {tau:.2f}", note))
    floor = _linear(data, recipe)
    if floor is not None:
        result.append(Fact("linear model", f"{floor:.2f} %", f"{data.metric.split} accuracy"))
    return tuple(result)


def _linear(data: Measurements, recipe: Mapping[str, Any]) -> float | None:
    """Accuracy of a linear model on the same split, in percent; None if unknown or not comparable."""
    by_split = mapping(_described(recipe, data.metric.dataset).get("linear_accuracy"))
    value = by_split.get(data.metric.split)
    comparable = data.metric.name == f"{data.metric.split}_accuracy" and data.metric.units == "percent"
    return float(value) if comparable and known(value) else None


def _spread(data: Measurements) -> float:
    return float(np.std(data.final, ddof=1)) if len(data.final) > 1 else math.nan

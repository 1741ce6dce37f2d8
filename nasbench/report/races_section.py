"""Section of several benchmarks: ranks, ratings and win rates of strategies over them, and running times of all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.leaders import standing
from nasbench.evaluate.quality import REGRETS, Regret
from nasbench.evaluate.results import Results
from nasbench.evaluate.runtimes import Target, runtimes
from nasbench.evaluate.statistics import leading, undistinguished
from nasbench.report.document import (
    Block,
    Fact,
    Figures,
    Paragraph,
    Section,
    TextTable,
    counted,
    format_interval,
    format_number,
    interval_note,
    listed,
    mapping,
    unit,
)
from nasbench.report.figures import Axis, Figure, Line, Mark, Plot, Points, Style
from nasbench.report.ranks_section import mean_rank
from nasbench.report.win_rates import win_rates
from nasbench.types import FloatArray

GRID_POINTS = 401
"""Number of shares of the budget at which the distribution of running times is drawn."""
NOTES = (
    "On each benchmark strategies are ranked by their mean final regret: 1 is best, ties share a rank.",
    "Over benchmarks, ranks are compared by two-sided Wilcoxon signed-rank tests, with p-values Holm-corrected over "
    "all pairs, and by the critical difference of Nemenyi's test at level 0.05.",
    "Ratings are those of Bradley and Terry: 400 points are odds of 10 to 1 that a run is better than one of the "
    "other; their mean is 1,000. Each pair is given one draw beside the benchmarks, which keeps ratings finite.",
    "95 % bootstrap intervals resample the benchmarks: they speak for benchmarks like these, and of few of them they "
    "are rough.",
)


def races_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """The section on all benchmarks of one call."""
    described = results.settings["tables"]
    names = listed([f"{name} ({table['space']})" for name, table in described.items()])
    title = f"Search strategies over {counted(len(described), 'benchmark')}"
    blocks: list[Block] = [Paragraph(f"Strategies were compared on {names}.")]
    sentences: list[str] = []
    facts: list[Fact] = []
    for regret, found in zip(REGRETS, results.summary["over"], strict=True):
        missing = f" Not ranked, as a benchmark lacks them: {listed(found['left_out'])}." if found["left_out"] else ""
        blocks.append(Paragraph(f"By {regret.title} ({regret.meaning}): {found['statement']}{missing}"))
        if not found["ranking"]:
            continue
        sentences.append(_sentence(found, regret))
        facts.append(_fact(found, regret))
        figures: list[Figure] = [_ranks(found, regret, styles, anchor), _ratings(found, regret, styles, anchor)]
        order, n = found["ranking"]["order"], counted(len(found["benchmarks"]), "benchmark")
        if len(order) > 1:
            figures.append(win_rates(anchor, order, found["wins"], regret, n))
        blocks.append(Figures(tuple(figures)))
        blocks.append(_table(found, regret, described))
    blocks += _running_times(results, styles, anchor)
    return Section(anchor, title, tuple(blocks), NOTES, tuple(sentences), tuple(facts))


def _sentence(found: Mapping[str, Any], regret: Regret) -> str:
    """Who has the best mean rank, if the benchmarks can tell."""
    ranking = found["ranking"]
    mean, low, high = mean_rank(ranking, ranking["order"][0])
    interval = " (95 % bootstrap interval over benchmarks)" if low < high else " on each"
    return (
        f"Over {counted(len(found['benchmarks']), 'benchmark')}, by {regret.title}, "
        f"{standing(ranking, 'lowest mean rank', 'is ranked', 'benchmark')}; mean rank of {ranking['order'][0]}: "
        f"{format_interval(mean, low, high)}{interval}."
    )


def _fact(found: Mapping[str, Any], regret: Regret) -> Fact:
    """The best mean rank as a key figure."""
    ranking = found["ranking"]
    equal = leading(ranking)
    mean, low, high = mean_rank(ranking, equal[0])
    note = f"rank {mean:.2f}, {interval_note(low, high, counted(len(found['benchmarks']), 'benchmark'))}"
    ties = [name for name in undistinguished(ranking) if name not in equal]
    note += f"; not distinguishable from {listed(ties)}" if ties else ""
    return Fact(f"lowest mean rank by {regret.title}", listed(equal), note)


def _ranks(found: Mapping[str, Any], regret: Regret, styles: Mapping[str, Style], anchor: str) -> Plot:
    """The diagram of critical differences: two strategies differ where their whiskers do not overlap."""
    order, ranks = found["ranking"]["order"], found["ranking"]["means"]
    half = (found["critical_difference"] or math.nan) / 2
    n = counted(len(found["benchmarks"]), "benchmark")
    caption = f"Mean rank by {regret.title}, 1 is best; n = {n}."
    if len(order) > 1:
        caption += (
            f" Whiskers are half the critical difference of {2 * half:.2f} each way: where those of two strategies do "
            "not overlap, their ranks differ by Nemenyi's test, level 0.05."
        )
    marks = [
        Points(
            np.array([ranks[name]]),
            np.array([float(place)]),
            styles[name],
            low=np.array([ranks[name] - half]),
            high=np.array([ranks[name] + half]),
            along="x",
            size=9,
            hover=(f"{name}: mean rank {ranks[name]:.2f}",),
        )
        for place, name in enumerate(order)
    ]
    name = f"{anchor}-{regret.slug}ranks"
    return Plot(
        name,
        f"Mean ranks by {regret.title}",
        caption,
        tuple(marks),
        Axis("mean rank"),
        Axis("", categories=tuple(order)),
    )


def _ratings(found: Mapping[str, Any], regret: Regret, styles: Mapping[str, Style], anchor: str) -> Plot:
    """Ratings with their intervals, best first."""
    rated = sorted(found["ratings"].items(), key=lambda item: -item[1]["rating"])
    marks = []
    for place, (name, row) in enumerate(rated):
        low, high = (row["low"], row["high"]) if row["low"] < row["high"] else (math.nan, math.nan)
        marks.append(
            Points(
                np.array([row["rating"]]),
                np.array([float(place)]),
                styles[name],
                low=np.array([low]),
                high=np.array([high]),
                along="x",
                size=9,
                hover=(f"{name}: {format_interval(row['rating'], low, high, 0)}",),
            )
        )
    n = counted(len(found["benchmarks"]), "benchmark")
    caption = f"Bradley-Terry ratings of runs by {regret.title}, more is better; n = {n}; whiskers are 95 % intervals."
    axis = Axis("", categories=tuple(name for name, _ in rated))
    return Plot(
        f"{anchor}-{regret.slug}ratings", f"Ratings by {regret.title}", caption, tuple(marks), Axis("rating"), axis
    )


def _table(found: Mapping[str, Any], regret: Regret, described: Mapping[str, Any]) -> TextTable:
    """Mean final regret on each benchmark, mean rank and rating."""
    ranking = found["ranking"]
    rows = []
    for name in ranking["order"]:
        rating = found["ratings"][name]
        low, high = (rating[end] if rating["low"] < rating["high"] else math.nan for end in ("low", "high"))
        rated = format_interval(rating["rating"], low, high, 0)
        regrets = [format_number(value) for value in found["regrets"][name]]
        rows.append((name, format_interval(*mean_rank(ranking, name)), rated, *regrets))
    units = [unit(difference(described[name]["units"])) for name in found["benchmarks"]]
    columns = [f"{name}, {of}" if of else name for name, of in zip(found["benchmarks"], units, strict=True)]
    caption = f"Mean rank and rating [95 % bootstrap interval], and mean final {regret.title} on each benchmark"
    return TextTable(caption, ("strategy", "mean rank", "rating", *columns), tuple(rows))


def _running_times(results: Results, styles: Mapping[str, Style], anchor: str) -> list[Block]:
    """The distribution of running times over all benchmarks, as shares of the budget, and its areas."""
    areas = mapping(results.summary.get("areas"))
    told = {name: mapping(part.get("runtimes")) for name, part in results.summary["tables"].items()}
    if not areas or not all(found.get("spread") for found in told.values()):
        return []
    times: dict[str, list[FloatArray]] = {}
    for benchmark, found in told.items():
        targets = [Target(**target) for target in found["spread"]]
        records = [record for record in results.records if record["benchmark"] == benchmark]
        for name, (first, _) in runtimes(records, targets, found["counted_in"]).items():
            share = first / float(found["budget"])
            times.setdefault(name, []).append(np.sort(share.ravel()))
    grid = np.linspace(0, 1, GRID_POINTS)
    lines: list[Mark] = []
    for name in areas:
        # each benchmark counts the same, however many targets it has
        reached = [np.searchsorted(shares, grid, side="right") / len(shares) for shares in times[name]]
        lines.append(Line(grid, np.mean(reached, axis=0), styles[name], name, step=True))
    caption = (
        "Share of pairs of a run and a target that were reached within a share of the budget, mean over "
        f"{counted(len(told), 'benchmark')}. Targets: to be as good on validation data as the better half of a space, "
        "and so on to its best. Higher is better."
    )
    axes = Axis("share of the budget"), Axis("share of targets reached")
    figure = Plot(f"{anchor}-running-times", "Running times to targets", caption, tuple(lines), *axes)
    rows = tuple((name, format_interval(row["mean"], row["low"], row["high"], 3)) for name, row in areas.items())
    text = "Interquartile mean over all runs of the area under their distribution of running times [95 % bootstrap]"
    return [Figures((figure,)), TextTable(text, ("strategy", "area"), rows)]

"""Section of a comparison of strategies: regret over evaluations and simulated time, final regret, ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.report.document import (
    Block,
    Fact,
    Figures,
    Paragraph,
    Section,
    TextTable,
    format_interval,
    format_number,
    format_value,
    titled,
)
from nasbench.report.figures import GREY, Axis, Band, Figure, Heatmap, Line, Mark, Plot, Points, Style
from nasbench.types import FloatArray

FLOOR = "floor"
"""Entry of the floor in a legend."""
GRID_POINTS = 200
"""Number of points at which curves are evaluated."""


class Regret(NamedTuple):
    """One of the two regrets of a comparison.

    Attributes:
        field: Its field in a record.
        title: Its name in texts.
        prefix: Beginning of its entries in a summary.
        meaning: What a ranking by it says.
    """

    field: str
    title: str
    prefix: str
    meaning: str


REGRETS = (
    Regret("regret", "test regret", "", "how good the chosen architectures are"),
    Regret("valid_regret", "validation regret", "valid_", "how well each strategy does what it is asked to do"),
)

NOTES = (
    "The incumbent is the best trial by validation value at the highest fidelity that has finished so far. Validation "
    "and test regret are the differences between its values and the best values of a full training. Strategies see "
    "validation values only, so test regret may rise.",
    "The floor is the test regret of a perfect search on validation values: the best validation architecture is rarely "
    "the best test architecture.",
    "Curves are means over repeats; bands are 95 % bootstrap intervals of the mean, from resampling whole "
    "repeats. A curve begins where every repeat has an incumbent and ends where the first repeat has spent its budget.",
    "In one repeat all strategies start from the same random architectures, so differences are paired: two-sided "
    "Wilcoxon signed-rank tests, with p-values Holm-corrected over all pairs.",
)


def comparison_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """The section on one comparison."""
    summary, settings = results.summary, results.settings
    repeats = len({record["repeat"] for record in results.records})
    names = list(dict.fromkeys(record["strategy"] for record in results.records))
    budget = " and ".join(
        f"{format_number(float(settings[key]))} {what}"
        for key, what in (("evaluations", "evaluations"), ("epochs", "epochs"), ("seconds", "simulated seconds"))
        if settings.get(key)
    )
    best = ""
    if _known(summary.get("best_test")):
        best = f" Zero regret is a test value of {format_value(float(summary['best_test']), results.units, 2)}"
        best += f", {summary['best_is']}." if summary.get("best_is") else "."
        if _known(summary.get("floor")):
            best += f" A perfect search on validation values has a test regret of {summary['floor']:.3g}."
    if settings.get("score") == "retrained":
        best += " Incumbents are scored after a full training that is not part of the budget."
    blocks: list[Block] = [
        Paragraph(
            f"{len(names)} strategies searched {results.space} on {results.benchmark}, {repeats} repeats each"
            f"{f' of {budget}' if budget else ''}, guided by {results.metric}.{best}"
        )
    ]
    sentences = tuple(
        f"By {regret.title} ({regret.meaning}): {summary[f'{regret.prefix}statement']}"
        for regret in REGRETS
        if summary.get(f"{regret.prefix}statement")
    )
    blocks += [Paragraph(text) for text in sentences]
    curves = [curve for regret in REGRETS for curve in _curves(results, regret, styles, anchor)]
    if curves:
        blocks.append(Figures(tuple(curves)))
    for regret in REGRETS:
        ranking = summary.get(f"{regret.prefix}ranking")
        if ranking:
            finals = _final_regrets(results, ranking, regret, styles, anchor)
            blocks.append(Figures((finals, *_pairwise_tests(ranking, regret, anchor))))
            blocks.append(_table(results, ranking, regret))
    title = f"Search strategies on {results.benchmark}"
    return Section(anchor, title, tuple(blocks), NOTES, sentences, comparison_facts(results))


def comparison_facts(results: Results) -> tuple[Fact, ...]:
    """The winner by each regret as a key figure; none without a ranking."""
    facts = []
    for regret in REGRETS:
        ranking = results.summary.get(f"{regret.prefix}ranking")
        if not ranking:
            continue
        first = ranking["order"][0]
        tied = next((group for group in ranking["groups"] if first in group), (first,))
        mean = format_value(ranking["means"][first], difference(results.units))
        note = f"mean final {regret.title} {mean}, n = {ranking['repeats']} repeats"
        others = [name for name in tied if name != first]
        if others:
            note += f"; not distinguishable from {', '.join(others)}"
        facts.append(Fact(f"best strategy by {regret.title}", first, note))
    return tuple(facts)


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _grid(results: Results, key: str, regret: Regret) -> FloatArray:
    """Grid from the first point where every run has an incumbent to the last point that all runs reach."""
    firsts, lasts = [], []
    for _, rows in groupby(results.records, key=lambda record: (record["strategy"], record["repeat"])):
        run = list(rows)
        begun = [r[key] for r in run if _known(r[key]) and _known(r[regret.field])]
        if not begun:
            return np.empty(0)
        firsts.append(min(begun))
        lasts.append(max(r[key] for r in run if _known(r[key])))
    start, stop = float(max(firsts)), float(min(lasts))
    if not 0 < start < stop:
        return np.empty(0)
    if key == "evaluations":
        return np.unique(np.rint(np.linspace(start, stop, GRID_POINTS)))
    return np.geomspace(start, stop, GRID_POINTS) if stop > 20 * start else np.linspace(start, stop, GRID_POINTS)


def _curves(results: Results, regret: Regret, styles: Mapping[str, Style], anchor: str) -> list[Figure]:
    figures: list[Figure] = []
    axes = [("evaluations", "evaluations", "evaluations")]
    if results.settings.get("epochs"):
        axes = [("epochs", "epochs", "epochs of training")]
    for key, what, axis in (*axes, ("simulated_seconds", "simulated time", "simulated seconds of training")):
        grid = _grid(results, key, regret)
        if len(grid) < 2:
            continue
        curves = anytime(results.records, grid, key=key, value=regret.field)
        means = {name: rows.mean(axis=0) for name, rows in curves.items()}
        rng = np.random.default_rng(0)
        bands = {name: bootstrap_interval(rows, rng) for name, rows in curves.items()}
        every = np.concatenate([*means.values(), *(end for band in bands.values() for end in band)])
        positive = every[every > 0]
        log = len(positive) > 0 and bool((every >= 0).all()) and float(positive.max() / positive.min()) > 10
        # Zero has no place on a logarithmic axis: it is drawn at the bottom edge, as the caption says.
        average = np.concatenate(list(means.values()))
        floor = float(average[average > 0].min()) / 2 if log and (average > 0).any() else -math.inf
        lines: list[Mark] = []
        areas: list[Mark] = []
        for name, mean in means.items():
            low, high = (np.maximum(end, floor) for end in bands[name])
            areas.append(Band(grid, low, high, styles[name], name, step=True, opacity=0.13))
            lines.append(Line(grid, np.maximum(mean, floor), styles[name], name, step=True))
        perfect = results.summary.get("floor") if regret.field == "regret" else None
        drawn = perfect is not None and _known(perfect) and (not log or perfect > 0)
        if drawn:
            ends = np.array([grid[0], grid[-1]])
            lines.append(Line(ends, np.full(2, perfect), Style(GREY, "dash"), FLOOR, width=1.5, silent=True))
        n = len(next(iter(curves.values())))
        caption = (
            f"Mean {regret.title} of the incumbent; n = {n} repeats; bands are 95 % bootstrap intervals of the mean."
            f"{f' Values below {format_number(floor)} are drawn at the bottom.' if (every < floor).any() else ''}"
            f"{' Dashed: the floor, that is, a perfect search on validation values.' if drawn else ''}"
        )
        wide = key != "evaluations" and float(grid[-1]) > 20 * float(grid[0])
        figures.append(
            Plot(
                f"{anchor}-{regret.prefix.replace('_', '-')}{key.replace('_', '-')}",
                f"{regret.title.capitalize()} against {what}",
                caption,
                (*areas, *lines),
                Axis(axis, log=wide),
                Axis(titled(regret.title, difference(results.units)), log=log),
            )
        )
    return figures


def _final_regrets(
    results: Results, ranking: Mapping[str, Any], regret: Regret, styles: Mapping[str, Style], anchor: str
) -> Plot:
    order = ranking["order"]
    marks = tuple(
        Points(
            np.array([ranking["means"][name]]),
            np.array([float(place)]),
            styles[name],
            low=np.array([ranking["lows"][name]]),
            high=np.array([ranking["highs"][name]]),
            along="x",
            size=9,
            hover=(f"{name}: {_final(ranking, name)}",),
        )
        for place, name in enumerate(order)
    )
    n = ranking["repeats"]
    caption = f"Mean {regret.title} at the end, best first; n = {n} repeats; whiskers are 95 % bootstrap intervals."
    title = f"Final {regret.title}"
    return Plot(
        f"{anchor}-{regret.prefix.replace('_', '-')}final",
        title,
        caption,
        marks,
        Axis(titled(regret.title, difference(results.units))),
        Axis("", categories=tuple(order)),
    )


def _final(ranking: Mapping[str, Any], name: str) -> str:
    return format_interval(ranking["means"][name], ranking["lows"][name], ranking["highs"][name], 3)


def _pairwise_tests(ranking: Mapping[str, Any], regret: Regret, anchor: str) -> list[Figure]:
    order = list(ranking["order"])
    if len(order) < 2:
        return []
    values = np.full((len(order), len(order)), np.nan)
    for pair in ranking["pairs"]:
        values[order.index(pair["better"]), order.index(pair["worse"])] = pair["adjusted"]
    caption = (
        "Holm-corrected p-value of no difference between the strategies of the row, which the signed ranks favour, and "
        f"of the column; n = {ranking['repeats']} paired repeats, {len(ranking['pairs'])} pairs. Below "
        f"{ranking['level']:g}, the strategy of the row is significantly better."
    )
    names = tuple(order)
    return [
        Heatmap(
            f"{anchor}-{regret.prefix.replace('_', '-')}pairs",
            f"Significant differences of {regret.title}",
            caption,
            names,
            names,
            values,
            "p-value",
            (0.0, 0.2),
            3,
            reverse=True,
        )
    ]


def _table(results: Results, ranking: Mapping[str, Any], regret: Regret) -> TextTable:
    final: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in results.records:
        final.setdefault(record["strategy"], {})[record["repeat"]] = record
    rows = []
    for name in ranking["order"]:
        split = "test" if regret.field == "regret" else "valid"
        values = [record[split] for record in final[name].values() if _known(record[split])]
        seconds = [r["simulated_seconds"] for r in final[name].values() if _known(r["simulated_seconds"])]
        beaten = [p["worse"] for p in ranking["pairs"] if p["better"] == name and p["adjusted"] < ranking["level"]]
        rows.append(
            (
                name,
                str(ranking["repeats"]),
                _final(ranking, name),
                f"{np.mean(values):.2f}" if values else "-",
                f"{ranking['mean_ranks'][name]:.2f}",
                format_number(float(np.mean(seconds))) if seconds else "-",
                ", ".join(beaten) or "none",
            )
        )
    unit = difference(results.units)
    header = (
        "strategy",
        "repeats (n)",
        f"final {regret.title}, {unit} [95 % bootstrap]",
        titled(f"mean {regret.title.split()[0]} value", results.units),
        "mean rank",
        "simulated s",
        f"better than (p < {ranking['level']:g})",
    )
    return TextTable(f"Ranking by final {regret.title}: {regret.meaning}", header, tuple(rows))

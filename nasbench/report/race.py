"""How search strategies fared: regret over evaluations and over simulated time, final regret, and the ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.report.content import (
    Fact,
    Figures,
    Part,
    Section,
    Table,
    Text,
    between,
    measured,
    short,
    titled,
)
from nasbench.report.figures import Axis, Band, Figure, Heatmap, Line, Mark, Plot, Points, Style
from nasbench.types import FloatArray

GRID = 200
"""Points at which curves are evaluated."""

NOTES = (
    "Regret: distance of the incumbent's test value from the best there is. The incumbent is the architecture with the "
    "best validation value so far; a strategy is told validation values only, so regret may rise.",
    "Curves are means over repeats; bands are 95 % bootstrap intervals of the mean, from resampling whole "
    "repeats. A curve begins where every repeat has an incumbent and ends where the first repeat has spent its budget.",
    "In one repeat all strategies start from the same random architectures, so differences are paired: two-sided "
    "Wilcoxon signed-rank tests, p-values Holm-corrected over all pairs.",
)


def race_section(results: Results, styles: Mapping[str, Style], anchor: str) -> Section:
    """Everything about one comparison."""
    summary, settings = results.summary, results.settings
    repeats = len({record["repeat"] for record in results.records})
    names = list(dict.fromkeys(record["strategy"] for record in results.records))
    budget = " and ".join(
        f"{short(float(settings[key]))} {what}"
        for key, what in (("evaluations", "evaluations"), ("seconds", "simulated seconds"))
        if settings.get(key)
    )
    best = ""
    if _known(summary.get("best_test")):
        best = f" No regret is a test value of {measured(float(summary['best_test']), results.units, 2)}"
        best += f", {summary['best_test_is']}." if summary.get("best_test_is") else "."
    parts: list[Part] = [
        Text(
            f"{len(names)} strategies searched {results.space} on {results.benchmark}, {repeats} repeats each"
            f"{f' of {budget}' if budget else ''}, guided by {results.metric}.{best}"
        )
    ]
    if summary.get("statement"):
        parts.append(Text(str(summary["statement"])))
    curves = _curves(results, styles, anchor)
    if curves:
        parts.append(Figures(tuple(curves)))
    ranking = summary.get("ranking")
    if ranking:
        parts.append(Figures((_finals(results, ranking, styles, anchor), *_pairs(ranking, anchor))))
        parts.append(_table(results, ranking))
    return Section(anchor, f"Search strategies on {results.benchmark}", tuple(parts), NOTES)


def race_sentence(results: Results) -> str:
    """What can be said about the order of the strategies."""
    return str(results.summary.get("statement", ""))


def race_facts(results: Results) -> tuple[Fact, ...]:
    """The winner as a key figure; none without a ranking."""
    ranking = results.summary.get("ranking")
    if not ranking:
        return ()
    first = ranking["order"][0]
    tied = next((group for group in ranking["groups"] if first in group), (first,))
    mean = measured(ranking["means"][first], difference(results.units))
    note = f"mean final regret {mean}, n = {ranking['repeats']} repeats"
    others = [name for name in tied if name != first]
    if others:
        note += f"; not told apart from {', '.join(others)}"
    return (Fact("best strategy", first, note),)


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _grid(results: Results, key: str) -> FloatArray:
    """From the first point at which every run has an incumbent to the last that all runs reached."""
    firsts, lasts = [], []
    for _, rows in groupby(results.records, key=lambda record: (record["strategy"], record["repeat"])):
        run = list(rows)
        begun = [r[key] for r in run if _known(r[key]) and _known(r["regret"])]
        if not begun:
            return np.empty(0)
        firsts.append(min(begun))
        lasts.append(max(r[key] for r in run if _known(r[key])))
    start, stop = float(max(firsts)), float(min(lasts))
    if not 0 < start < stop:
        return np.empty(0)
    if key == "evaluations":
        return np.unique(np.rint(np.linspace(start, stop, GRID)))
    return np.geomspace(start, stop, GRID) if stop > 20 * start else np.linspace(start, stop, GRID)


def _curves(results: Results, styles: Mapping[str, Style], anchor: str) -> list[Figure]:
    figures: list[Figure] = []
    for key, what, axis in (
        ("evaluations", "evaluations", "evaluations"),
        ("simulated_seconds", "simulated time", "simulated seconds of training"),
    ):
        grid = _grid(results, key)
        if len(grid) < 2:
            continue
        curves = anytime(results.records, grid, key=key)
        means = {name: rows.mean(axis=0) for name, rows in curves.items()}
        rng = np.random.default_rng(0)
        bands = {name: bootstrap_interval(rows, rng) for name, rows in curves.items()}
        every = np.concatenate([*means.values(), *(end for band in bands.values() for end in band)])
        positive = every[every > 0]
        log = len(positive) > 0 and bool((every >= 0).all()) and float(positive.max() / positive.min()) > 10
        # Zero has no place on a logarithmic axis: it is drawn at the bottom edge, and the caption says so.
        average = np.concatenate(list(means.values()))
        floor = float(average[average > 0].min()) / 2 if log and (average > 0).any() else -math.inf
        lines: list[Mark] = []
        areas: list[Mark] = []
        for name, mean in means.items():
            low, high = (np.maximum(end, floor) for end in bands[name])
            areas.append(Band(grid, low, high, styles[name], name, step=True, opacity=0.13))
            lines.append(Line(grid, np.maximum(mean, floor), styles[name], name, step=True))
        n = len(next(iter(curves.values())))
        caption = (
            f"Mean test regret of the incumbent; n = {n} repeats; bands are 95 % bootstrap intervals of the mean."
            f"{f' Less than {short(floor)} is drawn as that, at the bottom.' if (every < floor).any() else ''}"
        )
        wide = key != "evaluations" and float(grid[-1]) > 20 * float(grid[0])
        figures.append(
            Plot(
                f"{anchor}-{key.replace('_', '-')}",
                f"Regret against {what}",
                caption,
                (*areas, *lines),
                Axis(axis, log=wide),
                Axis(titled("test regret", difference(results.units)), log=log),
            )
        )
    return figures


def _finals(results: Results, ranking: Mapping[str, Any], styles: Mapping[str, Style], anchor: str) -> Plot:
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
            hover=(f"{name}: {between(ranking['means'][name], ranking['lows'][name], ranking['highs'][name], 3)}",),
        )
        for place, name in enumerate(order)
    )
    n = ranking["repeats"]
    caption = f"Mean test regret at the end, best first; n = {n} repeats; whiskers are 95 % bootstrap intervals."
    title = "Final regret"
    return Plot(
        f"{anchor}-final",
        title,
        caption,
        marks,
        Axis(titled("test regret", difference(results.units))),
        Axis("", categories=tuple(order)),
    )


def _pairs(ranking: Mapping[str, Any], anchor: str) -> list[Figure]:
    order = list(ranking["order"])
    if len(order) < 2:
        return []
    values = np.full((len(order), len(order)), np.nan)
    for pair in ranking["pairs"]:
        values[order.index(pair["better"]), order.index(pair["worse"])] = pair["adjusted"]
    caption = (
        "Holm-corrected p-value that the row's strategy, which the signed ranks favour, is no different from the "
        f"column's; n = {ranking['repeats']} paired repeats, {len(ranking['pairs'])} pairs. Below "
        f"{ranking['level']:g}: better than the column's beyond chance."
    )
    names = tuple(order)
    return [
        Heatmap(
            f"{anchor}-pairs",
            "Which differences are beyond chance",
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


def _table(results: Results, ranking: Mapping[str, Any]) -> Table:
    final: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in results.records:
        final.setdefault(record["strategy"], {})[record["repeat"]] = record
    rows = []
    for name in ranking["order"]:
        tests = [record["test"] for record in final[name].values() if _known(record["test"])]
        seconds = [r["simulated_seconds"] for r in final[name].values() if _known(r["simulated_seconds"])]
        beaten = [p["worse"] for p in ranking["pairs"] if p["better"] == name and p["adjusted"] < ranking["level"]]
        rows.append(
            (
                name,
                str(ranking["repeats"]),
                between(ranking["means"][name], ranking["lows"][name], ranking["highs"][name], 3),
                f"{np.mean(tests):.2f}" if tests else "-",
                f"{ranking['mean_ranks'][name]:.2f}",
                short(float(np.mean(seconds))) if seconds else "-",
                ", ".join(beaten) or "none",
            )
        )
    unit = difference(results.units)
    header = (
        "strategy",
        "repeats (n)",
        f"final regret, {unit} [95 % bootstrap]",
        titled("mean test", results.units),
        "mean rank",
        "simulated s",
        f"better than (p < {ranking['level']:g})",
    )
    return Table("Ranking by final regret", header, tuple(rows))

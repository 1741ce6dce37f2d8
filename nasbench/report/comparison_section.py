"""Section of a comparison of strategies: regret over evaluations and simulated time, final regret, ranking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import groupby
from typing import Any

import numpy as np

from nasbench.benchmark.base import difference
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.quality import REGRETS, SEED_POLICIES, Regret
from nasbench.evaluate.results import Results
from nasbench.evaluate.statistics import bootstrap_interval, leading, undistinguished
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
    format_value,
    known,
    listed,
    mapping,
    number,
    titled,
)
from nasbench.report.figures import GREY, Axis, Band, Figure, Heatmap, Line, Mark, Plot, Points, Style
from nasbench.report.runtimes_section import runtimes_blocks
from nasbench.report.win_rates import win_rates
from nasbench.types import FloatArray

FLOOR = "floor"
"""Entry of the floor in a legend."""
GRID_POINTS = 200
"""Number of points at which curves are evaluated."""


ONE_OBJECTIVE = (
    "The incumbent is the best trial by validation value at the highest fidelity that has finished so far. Validation "
    "and test regret are the differences between its values and the best values of a full training. Strategies see "
    "validation values only, so test regret may rise."
)
SEVERAL_OBJECTIVES = (
    "What a run has reached is the hypervolume of its trials that no other beats in all objectives on validation data, "
    "as a share of that between the worst and the best values together. Validation and test regret are what it lacks "
    "to the hypervolume of the best trials. Strategies see validation values only, so test regret may rise."
)
NOTES = (
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
    if known(summary.get("best_test")):
        best = f" Zero regret is a test value of {format_value(float(summary['best_test']), results.units, 2)}"
        best += f", {summary['best_is']}." if summary.get("best_is") else "."
        if known(summary.get("floor")):
            floor = format_value(float(summary["floor"]), difference(results.units))
            best += f" A perfect search on validation values has a test regret of {floor}."
    if settings.get("score") == "retrained":
        best += " Incumbents are scored after a full training that is not part of the budget."
    if settings.get("seed_policy") in SEED_POLICIES:
        best += f" {SEED_POLICIES[settings['seed_policy']]}."
    blocks: list[Block] = [
        Paragraph(
            f"{counted(len(names), 'strategy', 'strategies')} searched {results.space} on {results.benchmark}, "
            f"{counted(repeats, 'repeat')}{' each' if len(names) > 1 else ''}"
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
            figures = [finals, *_pairwise_tests(ranking, regret, anchor)]
            wins = summary.get(f"{regret.prefix}wins")
            if wins and len(ranking["order"]) > 1:
                n = counted(ranking["repeats"], "repeat")
                figures.append(win_rates(anchor, ranking["order"], wins, regret, n))
            blocks.append(Figures(tuple(figures)))
            blocks.append(_table(results, ranking, regret))
    blocks += runtimes_blocks(results, styles, anchor)
    title = f"Search strategies on {results.benchmark}"
    notes = (SEVERAL_OBJECTIVES if "valid_bounds" in summary else ONE_OBJECTIVE, *NOTES)
    return Section(anchor, title, tuple(blocks), notes, sentences, comparison_facts(results))


def comparison_facts(results: Results) -> tuple[Fact, ...]:
    """The strategy with the lowest mean of each regret as a key figure; none without a ranking."""
    facts = []
    for regret in REGRETS:
        ranking = results.summary.get(f"{regret.prefix}ranking")
        if not ranking:
            continue
        order, equal = ranking["order"], leading(ranking)
        mean = format_value(ranking["means"][order[0]], difference(results.units))
        note = f"mean final {regret.title} {mean}, n = {counted(ranking['repeats'], 'repeat')}"
        name, value = f"strategy, by {regret.title}", listed(equal)
        if 1 < len(order) == len(equal):
            name, value = f"mean {regret.title}", "equal for all"
        elif len(order) > 1:
            ties = [other for other in undistinguished(ranking) if other not in equal]
            name = f"lowest mean {regret.title}" if ties or len(equal) > 1 else f"best strategy by {regret.title}"
            note += f"; not distinguishable from {listed(ties)}" if ties else ""
        facts.append(Fact(name, value, note))
    return tuple(facts)


def _grid(results: Results, key: str, regret: Regret) -> FloatArray:
    """Grid from the first point where every run has an incumbent to the last point that all runs reach."""
    firsts, lasts = [], []
    for _, rows in groupby(results.records, key=lambda record: (record["strategy"], record["repeat"])):
        run = list(rows)
        begun = [r[key] for r in run if known(r[key]) and known(r[regret.field])]
        if not begun:
            return np.empty(0)
        firsts.append(min(begun))
        lasts.append(max(r[key] for r in run if known(r[key])))
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
        n = len(next(iter(curves.values())))
        lines: list[Mark] = []
        areas: list[Mark] = []
        for name, mean in means.items():
            low, high = (np.maximum(end, floor) for end in bands[name])
            if n > 1:
                areas.append(Band(grid, low, high, styles[name], name, step=True, opacity=0.13))
            lines.append(Line(grid, np.maximum(mean, floor), styles[name], name, step=True))
        perfect = results.summary.get("floor") if regret.field == "regret" else None
        drawn = perfect is not None and known(perfect) and (not log or perfect > 0)
        if drawn:
            ends = np.array([grid[0], grid[-1]])
            lines.append(Line(ends, np.full(2, perfect), Style(GREY, "dash"), FLOOR, width=1.5, silent=True))
        bands_are = "; bands are 95 % bootstrap intervals of the mean" if n > 1 else ""
        caption = (
            f"Mean {regret.title} of the incumbent; n = {counted(n, 'repeat')}{bands_are}."
            f"{f' Values below {format_number(floor)} are drawn at the bottom.' if (every < floor).any() else ''}"
            f"{' Dashed: the floor, that is, a perfect search on validation values.' if drawn else ''}"
        )
        wide = key != "evaluations" and float(grid[-1]) > 20 * float(grid[0])
        figures.append(
            Plot(
                f"{anchor}-{regret.slug}{key.replace('_', '-')}",
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
            low=np.array([low]),
            high=np.array([high]),
            along="x",
            size=9,
            hover=(f"{name}: {_final(ranking, name)}",),
        )
        for place, name in enumerate(order)
        for low, high in [_ends(ranking, name)]
    )
    n = ranking["repeats"]
    whiskers = "; whiskers are 95 % bootstrap intervals" if n > 1 else ""
    caption = f"Mean {regret.title} at the end, lowest first; n = {counted(n, 'repeat')}{whiskers}."
    title = f"Final {regret.title}"
    return Plot(
        f"{anchor}-{regret.slug}final",
        title,
        caption,
        marks,
        Axis(titled(regret.title, difference(results.units))),
        Axis("", categories=tuple(order)),
    )


def _ends(ranking: Mapping[str, Any], name: str) -> tuple[float, float]:
    """Ends of the interval of a mean; NaN for a single repeat, which has none."""
    return (ranking["lows"][name], ranking["highs"][name]) if ranking["repeats"] > 1 else (math.nan, math.nan)


def _final(ranking: Mapping[str, Any], name: str) -> str:
    return format_interval(ranking["means"][name], *_ends(ranking, name), 3)


def _robust(results: Results, regret: Regret, name: str) -> str:
    """The interquartile mean of the runs of a strategy; a dash in results of a version that had none."""
    found = mapping(mapping(results.summary.get(f"{regret.prefix}robust_means")).get(name))
    mean, low, high = (number(found.get(key)) for key in ("mean", "low", "high"))
    return format_interval(mean, *((low, high) if low < high else (math.nan, math.nan)), 3)


def _pairwise_tests(ranking: Mapping[str, Any], regret: Regret, anchor: str) -> list[Figure]:
    order = list(ranking["order"])
    if len(order) < 2:
        return []
    values = np.full((len(order), len(order)), np.nan)
    for pair in ranking["pairs"]:
        values[order.index(pair["better"]), order.index(pair["worse"])] = pair["adjusted"]
    caption = (
        "Holm-corrected p-value of no difference between the strategies of the row, which the signed ranks favour, and "
        f"of the column; n = {counted(ranking['repeats'], 'paired repeat')}, {counted(len(ranking['pairs']), 'pair')}. "
        f"Below {ranking['level']:g}, the strategy of the row is significantly better."
    )
    names = tuple(order)
    return [
        Heatmap(
            f"{anchor}-{regret.slug}pairs",
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
        values = [record[split] for record in final[name].values() if known(record[split])]
        seconds = [r["simulated_seconds"] for r in final[name].values() if known(r["simulated_seconds"])]
        beaten = [p["worse"] for p in ranking["pairs"] if p["better"] == name and p["adjusted"] < ranking["level"]]
        rows.append(
            (
                name,
                str(ranking["repeats"]),
                _final(ranking, name),
                _robust(results, regret, name),
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
        "interquartile mean",
        titled(f"mean {regret.title.split()[0]} value", results.units),
        "mean rank",
        "simulated s",
        f"better than (p < {ranking['level']:g})",
    )
    return TextTable(f"Ranking by final {regret.title}: {regret.meaning}", header, tuple(rows))

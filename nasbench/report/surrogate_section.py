"""Section of a surrogate: its predictions against measurements on held-out architectures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nasbench.benchmark.base import Metric, difference
from nasbench.benchmark.surrogate import Model, SurrogateBenchmark
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
    interval_note,
    known,
    label,
    listed,
    number,
    unit,
    words,
)
from nasbench.report.figures import COLOURS, GREY, Axis, Figure, Line, Plot, Points, Style

CORRELATIONS = {"kendall_tau": "Kendall tau", "spearman": "Spearman rho", "r2": "R²"}
NOTES = (
    "Held out: the trained architectures are divided into folds, each predicted by models fitted on the other folds; "
    "architectures that compute the same function share a fold. The surrogate itself is fitted on all of them.",
    "Intervals: 95 % percentile bootstrap over groups of architectures that compute the same function, with the fitted "
    "models kept.",
    "R²: 1 - squared error / squared error of predicting the mean; negative if the mean would be better.",
)


def surrogate_section(benchmark: SurrogateBenchmark, anchor: str) -> Section:
    """The section on one surrogate."""
    sentence = surrogate_sentence(benchmark)
    blocks: list[Block] = [Paragraph(sentence)]
    scatters = [
        _scatter(metric, benchmark.models[path], benchmark.table.columns[path].values, f"{anchor}-held-out-{number}")
        for number, (path, metric) in enumerate(_ordered(benchmark), start=1)
        if metric.split in ("validation", "test")
    ]
    blocks.append(Figures((*scatters, _scores(benchmark, anchor))))
    blocks.append(_table(benchmark))
    title = f"How far to trust {benchmark.name}"
    return Section(anchor, title, tuple(blocks), NOTES, (sentence,), surrogate_facts(benchmark))


def surrogate_sentence(benchmark: SurrogateBenchmark) -> str:
    """The predictor of the surrogate, and how well it ranks held-out architectures."""
    path = primary(benchmark)
    model = benchmark.models[path]
    quality = model.quality
    predictor = benchmark.table.recipe.get("predictor", type(model.predictor).__name__)
    cells = counted(len(benchmark.table.genotypes), "trained cell")
    text = (
        f"A surrogate ({predictor}) fitted on {cells} answers for all "
        f"{format_count(benchmark.space.size)} genotypes of {benchmark.space.name}. "
    )
    scores = [f"a {name} of {_score(quality, key)}" for key, name in CORRELATIONS.items() if known(quality.get(key))]
    if not scores:
        return f"{text}Its quality on held-out cells is not known."
    return (
        f"{text}Its {path} of held-out cells has {listed(scores)} with the measured one (n = "
        f"{len(model.held_out):,}, 95 % bootstrap intervals). Differences between strategies that are small "
        "compared with its errors hold on the surrogate only."
    )


def surrogate_facts(benchmark: SurrogateBenchmark) -> tuple[Fact, ...]:
    """The rank correlation as a key figure."""
    model = benchmark.models[primary(benchmark)]
    if not known(model.quality.get("kendall_tau")):
        return ()
    tau, low, high = _with_ends(model.quality, "kendall_tau")
    note = f"held out, {interval_note(low, high, counted(len(model.held_out), 'cell'))}"
    return (Fact("surrogate on held-out cells", f"τ = {tau:.2f}", note),)


def primary(benchmark: SurrogateBenchmark) -> str:
    """The validation metric that the surrogate was fitted for."""
    named = benchmark.table.recipe.get("metric")
    return named if isinstance(named, str) and named in benchmark.metrics else next(iter(benchmark.metrics))


def _ordered(benchmark: SurrogateBenchmark) -> list[tuple[str, Metric]]:
    """The metrics, the primary one first."""
    return sorted(benchmark.metrics.items(), key=lambda item: item[0] != primary(benchmark))


def _with_ends(quality: Mapping[str, Any], key: str) -> tuple[float, float, float]:
    """A score and the ends of its interval; NaN where missing."""
    return number(quality.get(key)), number(quality.get(f"{key}_low")), number(quality.get(f"{key}_high"))


def _score(quality: Mapping[str, Any], key: str, digits: int | None = 2) -> str:
    return format_interval(*_with_ends(quality, key), digits)


def _scores(benchmark: SurrogateBenchmark, anchor: str) -> Plot:
    """The correlations of every metric with their intervals."""
    paths = [path for path, _ in _ordered(benchmark)]
    marks = []
    for place, (key, name) in enumerate(CORRELATIONS.items()):
        rows = [row for row, path in enumerate(paths) if known(benchmark.models[path].quality.get(key))]
        qualities = [benchmark.models[paths[row]].quality for row in rows]
        value, low, high = np.array([_with_ends(quality, key) for quality in qualities]).reshape(-1, 3).T
        y = np.array(rows, dtype=np.float64) + 0.18 * (place - 1)
        symbol = ("circle", "square", "diamond")[place]
        style = Style(COLOURS[place], symbol=symbol)  # type: ignore[arg-type]
        marks.append(Points(value, y, style, name, low, high, along="x", size=8, hover=tuple(paths[r] for r in rows)))
    n = max(len(model.held_out) for model in benchmark.models.values())
    caption = (
        f"Predicted against measured on held-out cells, n = {n:,}; whiskers are 95 % bootstrap intervals. 1 is best."
    )
    names = tuple(words(benchmark.metrics[path].name) for path in paths)
    title = "Agreement on held-out cells"
    return Plot(f"{anchor}-scores", title, caption, tuple(marks), Axis("score"), Axis("", categories=names))


def _scatter(metric: Metric, model: Model, values: np.ndarray[Any, Any], name: str) -> Figure:
    """Predicted against measured values, with the line on which they are equal."""
    measured = values[np.isfinite(values)]
    predicted = model.held_out
    ends = np.array([min(measured.min(), predicted.min()), max(measured.max(), predicted.max())])
    marks = (
        Line(ends, ends, Style(GREY, "dash"), "predicted = measured", width=1.5, silent=True),
        Points(measured, predicted, Style(COLOURS[0]), "held-out cells", size=6, opacity=0.65),
    )
    title = f"{words(metric.name).capitalize()}: predicted against measured"
    caption = f"Each cell is predicted by models fitted without it, n = {len(measured):,}. {_summary(model.quality)}"
    axes = Axis(f"measured {label(metric)}"), Axis(f"predicted {label(metric)}")
    return Plot(name, title, caption, marks, *axes)


def _summary(quality: Mapping[str, Any]) -> str:
    scores = [f"{name} {_score(quality, key)}" for key, name in CORRELATIONS.items() if known(quality.get(key))]
    return f"{', '.join(scores)} (95 % bootstrap intervals)." if scores else ""


def _table(benchmark: SurrogateBenchmark) -> TextTable:
    rows = []
    for path, metric in _ordered(benchmark):
        model = benchmark.models[path]
        quality = model.quality
        error = f"{_score(quality, 'rmse', None)} {unit(difference(metric.units))}"
        n, folds = f"{len(model.held_out):,}", quality.get("folds", "-")
        rows.append((path, n, str(folds), *(_score(quality, key) for key in CORRELATIONS), error))
    header = ("metric", "held-out cells (n)", "folds", *CORRELATIONS.values(), "RMSE")
    return TextTable("Scores on held-out cells [95 % bootstrap interval]", header, tuple(rows))

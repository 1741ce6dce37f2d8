"""Strategies on several benchmarks: ranks, ratings and win rates over them, and who cannot be told apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy import stats

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.guided import objectives
from nasbench.errors import InputError
from nasbench.evaluate.quality import REGRETS
from nasbench.evaluate.ratings import by_pair, critical_difference, ratings, robust_means, superiority
from nasbench.evaluate.results import Results
from nasbench.evaluate.runtimes import Target, area, runtimes
from nasbench.evaluate.several import check_names, join, naming
from nasbench.evaluate.statistics import rank, undistinguished
from nasbench.evaluate.strategies import DEFAULT, compare
from nasbench.progress import Progress, silent
from nasbench.search.base import Strategy
from nasbench.simulator.search_metrics import search_metrics

DIGITS = 12
"""Significant digits of a mean regret: with more, rounding would decide between strategies that are equal."""


def compare_all(
    benchmarks: Sequence[Benchmark],
    metric: str | Sequence[str] | None = None,
    *,
    strategies: Sequence[str | type[Strategy] | Strategy] = DEFAULT,
    guide: str | None = None,
    judge: str | None = None,
    seed: int = 0,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda reason: None,
    **settings: Any,
) -> Results:
    """Race strategies on several benchmarks, one after the other, and rank them over benchmarks.

    All benchmarks are looked at before the first race: one on which nothing can be searched is an error at once. On
    each, a strategy that fails is left out, and so it is of what is said over all.

    Args:
        benchmarks: Benchmarks with different names.
        metric: As for `compare`, the same on each; the validation score of each where None.
        strategies: As for `compare`.
        guide: As for `compare`, the same on each.
        judge: As for `compare`, the same on each.
        seed: Root of all randomness, for each benchmark.
        progress: Told after every run, of all benchmarks.
        warn: Told why a strategy is left out of a benchmark, once its race is over.
        settings: Other arguments of `compare`.

    Returns:
        Results of kind `"comparisons"`: those of `compare` for each benchmark, joined as `several.join` says; the
        summary has `over`, see `over_benchmarks`.

    Raises:
        InputError: There are no two benchmarks or two have one name, or as for `compare`; the message names which.
    """
    if len(benchmarks) < 2:
        raise InputError(f"several benchmarks are compared over, got {len(benchmarks)}; compare() takes one")
    check_names([benchmark.name for benchmark in benchmarks])
    names = () if metric is None else (metric,) if isinstance(metric, str) else tuple(metric)
    for benchmark in benchmarks:
        with naming(benchmark.name):
            search_metrics(*objectives(benchmark, names, guide, judge))
    parts: list[Results] = []
    for benchmark in benchmarks:
        before = len(parts)

        def so_far(done: int, total: int, before: int = before) -> None:
            progress(before * total + done, len(benchmarks) * total)  # every race has the same number of runs

        with naming(benchmark.name):
            given = {"guide": guide, "judge": judge, "strategies": strategies, "seed": seed, **settings}
            part = compare(benchmark, names, progress=so_far, **given)
        for reason in part.summary["failures"].values():
            warn(f"{benchmark.name}: {reason}")
        parts.append(part)
    return joined(parts, seed)


def joined(parts: Sequence[Results], seed: int) -> Results:
    """Results of kind `"comparison"` of several benchmarks in one, with what is found over all of them."""
    return join(parts, {"over": over_benchmarks(parts, seed), "areas": areas_over(parts, seed)})


def over_benchmarks(parts: Sequence[Results], seed: int) -> list[dict[str, Any]]:
    """Ranks, ratings and win rates over benchmarks, by final test regret and by final validation regret.

    On a benchmark, strategies are ranked by their mean final regret. Over benchmarks, mean ranks are compared by
    signed-rank tests of the differences of ranks, Holm-corrected, and by the critical difference of Nemenyi. Ratings
    and win rates use single runs: the chance that one of a strategy beats one of another. Intervals resample the
    benchmarks, so they speak for benchmarks like these.

    Args:
        parts: Results of kind `"comparison"` with different names.
        seed: Of the bootstrap.

    Returns:
        For each regret `field`, the names of the `benchmarks` that have a ranking by it, the mean final regret of each
        strategy on each (`regrets`), the strategies that are `left_out` as a benchmark lacks them, the `ranking` (the
        fields of `statistics.Ranking`; its means are mean ranks), its `statement`, those `undistinguished` from the
        first, the `critical_difference`, `ratings` (of `ratings.ratings`) and `wins`: by strategy and opponent, the
        mean chance to beat it. Without two benchmarks or a common strategy, `ranking` is None.
    """
    found = []
    for field, title, prefix, _ in REGRETS:
        ranked = [part for part in parts if part.summary.get(f"{prefix}ranking")]
        finals = {part.benchmark: final_regrets(part.records, field) for part in ranked}
        every = list(dict.fromkeys(name for runs in finals.values() for name in runs))
        names = [name for name in every if all(name in runs for runs in finals.values())]
        row: dict[str, Any] = {
            "field": field,
            "benchmarks": [*finals],
            "left_out": [name for name in every if name not in names],
            "regrets": {name: [_mean(runs[name]) for runs in finals.values()] for name in names},
        }
        if len(finals) < 2 or not names:
            fewer = "no two benchmarks have a ranking by it" if len(finals) < 2 else "no strategy ran on all of them"
            nothing: dict[str, Any] = {
                "statement": f"No ranks by {title}: {fewer}.",
                "undistinguished": [],
                "ranking": None,
            }
            found.append({**row, **nothing})
            continue
        ranks = stats.rankdata(np.array([*row["regrets"].values()]).T, axis=1)
        rng = np.random.default_rng(seed)
        ranking = asdict(rank(dict(zip(names, ranks.T, strict=True)), rng, what="rank", repeat="benchmark"))
        wins = np.array([superiority({name: runs[name] for name in names}) for runs in finals.values()])
        found.append(
            {
                **row,
                "statement": ranking.pop("statement"),
                "undistinguished": undistinguished(ranking),
                "ranking": ranking,
                "critical_difference": critical_difference(len(names), len(finals)) if len(names) > 1 else None,
                "ratings": ratings(names, wins, rng),
                "wins": by_pair(names, wins.mean(axis=0)),
            }
        )
    return found


def areas_over(parts: Sequence[Results], seed: int) -> dict[str, dict[str, float]] | None:
    """Interquartile mean over all runs of the area under the distribution of running times, by strategy, best first.

    An area is between 0 and 1 on every benchmark, so runs of several can be taken together. The bootstrap resamples the
    runs. None where a benchmark has no areas.
    """
    if not all(part.summary.get("runtimes") for part in parts):
        return None
    runs: dict[str, list[float]] = {}
    for part in parts:
        told = part.summary["runtimes"]
        targets = [Target(**target) for target in told["spread"]]
        for name, (first, _) in runtimes(part.records, targets, told["counted_in"]).items():
            runs.setdefault(name, []).extend(area(first, told["budget"]).tolist())
    most = max(map(len, runs.values()))
    found = robust_means({name: row for name, row in runs.items() if len(row) == most}, np.random.default_rng(seed))
    return dict(sorted(found.items(), key=lambda item: -item[1]["mean"]))


def final_regrets(records: Iterable[Mapping[str, Any]], field: str) -> dict[str, list[float]]:
    """Final value of each run of a comparison, by strategy, in the order of the repeats; NaN where it has none."""
    last = {(record["strategy"], record["repeat"]): record[field] for record in records}  # the last one stays
    found: dict[str, list[float]] = {}
    for (name, _), value in sorted(last.items(), key=lambda item: item[0][1]):
        found.setdefault(name, []).append(math.nan if value is None else float(value))
    return found


def _mean(values: Sequence[float]) -> float:
    """The mean, in any order of the values, without digits that are rounding."""
    return float(f"{math.fsum(values) / len(values):.{DIGITS}g}")

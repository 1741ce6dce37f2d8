"""What a predictor must do without: the published test part, or what one search strategy found (Zela et al., 2022).

A surrogate benchmark is searched where searches go, which is not where its training architectures were drawn. So it is
scored on what one strategy finds after learning from what the others found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.evaluate.splits import Split
from nasbench.importers.splits import found_by, leave_out, published_split
from nasbench.search import strategies as registry
from nasbench.search.compare import initial_designs, stream
from nasbench.search.referee import LookUp
from nasbench.search.simulate import play

SEARCHERS = ("random", "local", "evolution", "reinforce")
"""Strategies that search a table whose source does not say who found what."""
EVALUATIONS, REPEATS, INITIAL = 100, 10, 10
"""Of these searches."""


def published(benchmark: Benchmark) -> dict[str, Split]:
    """The training and the test part that the source publishes; no function is in both.

    Raises:
        InputError: The benchmark is a surrogate, or the source publishes no such parts.
        NotFoundError: It publishes none.
    """
    parts = published_split(_tabular(benchmark).table)
    if not {"train", "test"} <= parts.keys():
        raise InputError(f"the published parts are {', '.join(parts)}; a split has train and test")
    return {"published test": Split(parts["train"], parts["test"])}


def left_out(
    benchmark: Benchmark, metric: str, names: Sequence[str] | None = None, *, seed: int = 0
) -> dict[str, Split]:
    """By strategy, what it found as test part, and what the others found as training part, but for the same functions.

    Args:
        benchmark: A table. Where its recipe does not say who found what, it is searched for that: by `SEARCHERS` and
            the named strategies, `REPEATS` times for `EVALUATIONS`.
        metric: The validation metric that guides such searches.
        names: Strategies to leave out one by one; all if not given.
        seed: Seed of the searches.

    Raises:
        InputError: The benchmark is a surrogate or cannot be searched, or nothing is left to learn from.
        NotFoundError: A strategy found nothing.
    """
    tabular = _tabular(benchmark)
    table = tabular.table
    if "found_by" not in table.recipe:
        searchers = tuple(dict.fromkeys((*SEARCHERS, *(names or ()))))
        table = replace(table, recipe={"found_by": visited(tabular, metric, searchers, seed=seed)})
    return {name: Split(*leave_out(table, name)) for name in names or found_by(table)}


def visited(
    benchmark: TabularBenchmark, metric: str, searchers: Sequence[str], *, seed: int = 0
) -> Mapping[str, list[int]]:
    """By strategy the rows of a table that answer it when it searches; those of designs that all share included.

    Raises:
        InputError: The benchmark cannot be searched.
    """
    referee = LookUp(benchmark, metric)
    found = {}
    for name in searchers:
        rows: list[npt.NDArray[np.intp]] = []
        for repeat in range(REPEATS):
            run = play(
                registry.create(name),
                referee,
                stream(seed, "strategy", name, repeat),
                evaluations=EVALUATIONS,
                initial=initial_designs(referee.space, INITIAL, seed, repeat),
            )
            rows.append(benchmark.rows_of(run.genotypes))
        found[name] = np.unique(np.concatenate(rows)).tolist()
    return found


def _tabular(benchmark: Benchmark) -> TabularBenchmark:
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError(f"{benchmark.name} is a {benchmark.kind} benchmark; pass the table that it was fitted on")
    return benchmark

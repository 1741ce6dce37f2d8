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
from nasbench.benchmark.row_sets import row_sets
from nasbench.benchmark.table import Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.splits import Split
from nasbench.search import strategies as registry
from nasbench.search.problem import Budget
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import initial_designs, rng_for
from nasbench.types import IntArray

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
        InputError: The benchmark is a surrogate or cannot be searched, or as `without`.
        NotFoundError: As `without`.
    """
    tabular = _tabular(benchmark)
    table = tabular.table
    if "found_by" not in table.recipe:
        searchers = tuple(dict.fromkeys((*SEARCHERS, *(names or ()))))
        table = replace(table, recipe={"found_by": visited(tabular, metric, searchers, seed=seed)})
    return {name: without(table, name) for name in names or found_by(table)}


def published_split(table: Table, disjoint: bool = True) -> dict[str, IntArray]:
    """The parts that the source of a table publishes: by name (`train`, `validation`, `test`) the rows, increasing.

    Args:
        table: As imported, or `benchmark.table` of a file.
        disjoint: Leave architectures that compute the same function (`Space.function_key`) only in the last part that
            has one of them, so that nothing is learnt from what is scored. Where not, all parts are as published.

    Raises:
        NotFoundError: Its recipe has none.
        InputError: The recipe is damaged.
    """
    parts = row_sets(table, "splits", "no split that its source publishes")
    if disjoint:
        functions = table.space.function_key(table.genotypes)
        later = functions[:0]
        for name in reversed(list(parts)):
            own = functions[parts[name]]
            parts[name] = parts[name][~np.isin(own, later)]
            later = np.union1d(later, own)
    return parts


def found_by(table: Table) -> dict[str, IntArray]:
    """By search strategy the rows that it found, increasing; a row may have been found by several.

    Raises:
        NotFoundError: The recipe does not say.
        InputError: The recipe is damaged.
    """
    return row_sets(table, "found_by", "no record of which strategy found what")


def without(table: Table, strategy: str) -> Split:
    """What one strategy found as test rows, and as training rows what others found, but for the same functions.

    Both are rows of the table, increasing.

    Raises:
        NotFoundError: The recipe does not say who found what, or says nothing that the strategy found; says which
            strategies there are.
        InputError: The recipe is damaged, or nobody else found another function.
    """
    found = found_by(table)
    if not len(found.get(strategy, ())):
        raise NotFoundError(f"nothing was found by {strategy!r}; strategies of this table are {', '.join(found)}")
    test = found.pop(strategy)
    train = np.unique(np.concatenate([test[:0], *found.values()]))
    functions = table.space.function_key(table.genotypes)
    train = train[~np.isin(functions[train], functions[test])]
    if not len(train):
        raise InputError(f"nobody but {strategy!r} found anything else to learn from; leave out another strategy")
    return Split(train, test)


def visited(
    benchmark: TabularBenchmark, metric: str, searchers: Sequence[str], *, seed: int = 0
) -> Mapping[str, list[int]]:
    """By strategy the rows of a table that answer it when it searches; those of designs that all share included.

    Raises:
        InputError: The benchmark cannot be searched.
    """
    evaluator = make_evaluator(benchmark, [metric])
    found = {}
    for name in searchers:
        rows: list[npt.NDArray[np.intp]] = []
        for repeat in range(REPEATS):
            run = simulate(
                registry.create(name),
                evaluator,
                Budget(evaluations=EVALUATIONS),
                rng_for(seed, "strategy", name, repeat),
                initial=initial_designs(evaluator, INITIAL, seed, repeat),
            )
            rows.append(benchmark.rows_of(evaluator.genotypes(run.rows)))
        found[name] = np.unique(np.concatenate(rows)).tolist()
    return found


def _tabular(benchmark: Benchmark) -> TabularBenchmark:
    if not isinstance(benchmark, TabularBenchmark):
        raise InputError(f"{benchmark.name} is a {benchmark.kind} benchmark; pass the table that it was fitted on")
    return benchmark

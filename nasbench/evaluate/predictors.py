"""Scores of predictors by training size (White et al., 2021): same splits for all, nothing shared with the test set."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmark.base import Benchmark, Epoch
from nasbench.errors import InputError, NasbenchError
from nasbench.evaluate import metrics
from nasbench.evaluate.results import Results, json_values
from nasbench.evaluate.splits import Split, Targets, restricted, split, targets
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.parallel.processes import Died, run_tasks
from nasbench.parallel.threads import single_threaded
from nasbench.predictors import predictors as registry
from nasbench.progress import Progress, silent
from nasbench.spaces.base import Space

SCORES = (
    "kendall_tau",
    "sparse_kendall_tau",
    "spearman",
    "pearson",
    "r2",
    "rmse",
    "nll",
    "coverage_90",
    "fit_seconds",
    "predict_seconds",
)
"""What each record holds beside `predictor`, `n_train` and `seed`."""


class Task(NamedTuple):
    """One predictor to fit on the first `n_train` training architectures of one split."""

    predictor: str
    n_train: int
    seed: int
    left_out: str = ""


class Data(NamedTuple):
    """What all tasks share; `splits` has, by what is left out (the empty text for a random part), one for each seed."""

    space: Space
    targets: Targets
    units: str
    splits: Mapping[str, tuple[Split, ...]]


def evaluate(
    benchmark: Benchmark,
    metric: str,
    *,
    predictors: Sequence[str],
    train_sizes: Sequence[int],
    test_size: int,
    seeds: int,
    seed: int = 0,
    epoch: Epoch = "last",
    workers: int = 1,
    progress: Progress = silent,
    holdouts: Mapping[str, Split] | None = None,
) -> Results:
    """Score predictors on architectures of a benchmark.

    For each of `seeds` random splits, every predictor is fitted on nested training sets and scored on the same test
    set; one architecture of each function takes part. A target is the mean over the recorded training seeds. A
    predictor that takes a `seed` gets the number of the split. Scores do not depend on `workers`.

    Args:
        benchmark: Where architectures and targets come from.
        metric: Which of its metrics is predicted.
        predictors: Names, or `module:Class` of one's own, with arguments as `gp+steps=50`.
        train_sizes: Numbers of training architectures; none means, with `holdouts`, all of each.
        test_size: Number of test architectures; not looked at with `holdouts`.
        seeds: Number of random splits; with `holdouts`, of random orders of the training architectures.
        seed: Seed of the splits.
        epoch: Finished epochs of training at which the metric is taken.
        workers: Processes.
        progress: Told about finished fits.
        holdouts: By name, given splits in rows of `benchmark.architectures()` in the place of random ones: the
            published one, or what one search strategy found (Zela et al., 2022). All test rows are scored, and all
            training rows can be learnt from: that no function is in both is theirs to see to.

    Returns:
        Results of kind `"evaluation"`. A record holds `predictor`, `n_train`, `seed` (number of the split) and
        `SCORES`: `rmse` is in the unit of the metric, `nll` in nats, undefined scores are None; the sparse Kendall tau
        is of percentages only. With `holdouts`, `left_out` names the one. The summary holds for each predictor and size
        the mean of every score with its 95 % bootstrap interval over the splits.

    Raises:
        InputError: A name, number or size is not acceptable, or a predictor failed; says which and where.
        NotFoundError: The benchmark has no such metric or epoch.
    """
    names, sizes = tuple(dict.fromkeys(predictors)), tuple(sorted(set(train_sizes)))
    found = targets(benchmark, metric, epoch)
    facts = benchmark.metric(metric)
    if not names or not (sizes or holdouts):
        raise InputError("name at least one predictor and one training size")
    if seeds < 1 or workers < 1:
        raise InputError(f"seeds and workers must be at least 1, got {seeds} and {workers}")
    if seed < 0:
        raise InputError(f"seed must be at least 0, got {seed}")

    def streams() -> list[np.random.Generator]:  # anew for each holdout, which must not depend on the others
        return [np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,))) for k in range(seeds)]

    if holdouts:
        splits = {
            left_out: tuple(restricted(parts, found, rng) for rng in streams()) for left_out, parts in holdouts.items()
        }
        sizes_of = {left_out: sizes or (len(parts[0].train),) for left_out, parts in splits.items()}
        for left_out, parts in splits.items():
            if sizes_of[left_out][-1] > len(parts[0].train):
                raise InputError(
                    f"without {left_out!r} there are {len(parts[0].train):,} architectures to learn from, fewer than "
                    f"the training size {sizes_of[left_out][-1]:,}"
                )
    else:
        sizes_of = {"": sizes}
    _check(names, [sizes[0] for sizes in sizes_of.values()])
    if not holdouts:
        splits = {"": tuple(split(found.functions, sizes[-1], test_size, rng) for rng in streams())}
    tasks = [
        Task(name, size, k, left_out)
        for left_out, sizes in sizes_of.items()
        for size in sizes
        for k in range(seeds)
        for name in names
    ]

    data = Data(benchmark.space, found, facts.units, splits)
    scores: dict[Task, dict[str, float]] = {}
    progress(0, len(tasks))
    with single_threaded(), closing(_run_all(data, tasks, workers)) as finished:
        for task, outcome in finished:
            if isinstance(outcome, Died | str):
                where = f"predictor {task.predictor!r} on {task.n_train} architectures, split {task.seed}"
                raise InputError(f"{where}: {outcome}")
            scores[task] = outcome
            progress(len(scores), len(tasks))

    order = {left_out: number for number, left_out in enumerate(splits)}
    tasks.sort(key=lambda task: (names.index(task.predictor), order[task.left_out], task.n_train, task.seed))
    records = [{**task._asdict(), **scores[task]} for task in tasks]
    if not holdouts:
        for record in records:
            del record["left_out"]
    return Results(
        kind="evaluation",
        benchmark=str(getattr(benchmark, "name", benchmark.kind)),
        space=benchmark.space.name,
        metric=facts.path,
        units=facts.units,
        settings={
            "predictors": list(names),
            "train_sizes": sorted({task.n_train for task in tasks}),
            "test_size": test_size if not holdouts else None,
            **({"left_out": {name: len(parts[0].test) for name, parts in splits.items()}} if holdouts else {}),
            "seeds": seeds,
            "seed": seed,
            "epoch": epoch,
            "target": "mean over the recorded training seeds",
            "architectures": len(found.values),
            "functions": len(np.unique(found.functions)),
            "missing": found.missing,
        },
        records=[json_values(record) for record in records],
        summary=json_values(_summary(records, seed)),
    )


def _check(names: Sequence[str], sizes: Sequence[int]) -> None:
    for name in names:
        least = registry.create(name).min_samples
        if min(sizes) < least:
            raise InputError(
                f"predictor {name!r} needs at least {least} architectures, got a training size {min(sizes)}"
            )


Outcome = dict[str, float] | str
"""Scores, or why there are none."""


def _run_all(data: Data, tasks: Sequence[Task], workers: int) -> Generator[tuple[Task, Outcome | Died], None, None]:
    if workers == 1:
        yield from ((task, _score(data, task)) for task in tasks)
    else:
        with closing(run_tasks(partial(_prepare, data), tasks, workers)) as finished:
            yield from finished


def _prepare(data: Data) -> Callable[[Task], Outcome]:
    return partial(_score, data)


def _score(data: Data, task: Task) -> Outcome:
    genotypes, values = data.targets.genotypes, data.targets.values
    train, test = data.splits[task.left_out][task.seed]
    train = train[: task.n_train]
    try:
        predictor = registry.create(task.predictor, seed=task.seed)
        begin = perf_counter()
        predictor.fit(data.space, genotypes[train], values[train])
        fitted = perf_counter()
        mean, std = predictor.predict(genotypes[test])
        end = perf_counter()
        y = values[test]
        return {
            "kendall_tau": metrics.kendall_tau(y, mean),
            "sparse_kendall_tau": metrics.sparse_kendall_tau(y, mean, data.units),
            "spearman": metrics.spearman(y, mean),
            "pearson": metrics.pearson(y, mean),
            "r2": metrics.r2(y, mean),
            "rmse": metrics.rmse(y, mean),
            "nll": metrics.nll(y, mean, std),
            "coverage_90": metrics.coverage_90(y, mean, std),
            "fit_seconds": fitted - begin,
            "predict_seconds": end - fitted,
        }
    except NasbenchError as error:
        return str(error)
    except Exception as error:  # a predictor may be anybody's code
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"


def _summary(records: Sequence[dict[str, Any]], seed: int) -> dict[str, Any]:
    """Mean and interval of every score by predictor and training size."""
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["predictor"], record["n_train"], record.get("left_out", "")), []).append(record)
    rows = []
    for (name, size, left_out), group in groups.items():
        row: dict[str, Any] = {"predictor": name, "n_train": size, **({"left_out": left_out} if left_out else {})}
        for score in SCORES:
            values = np.array([record[score] for record in group])
            values = values[np.isfinite(values)]
            low, high = bootstrap_interval(values, np.random.default_rng(seed)) if len(values) > 1 else (np.nan, np.nan)
            row[score] = {"mean": values.mean() if len(values) else np.nan, "low": low, "high": high, "n": len(values)}
        rows.append(row)
    return {"interval": "95 % expanded percentile bootstrap of the mean over the splits", "scores": rows}

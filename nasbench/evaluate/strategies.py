"""A race of search strategies: same benchmark, budget and initial designs, many repeats, on all cores."""

from __future__ import annotations

import hashlib
import math
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, difference
from nasbench.errors import InputError, NasbenchError
from nasbench.evaluate.results import Results
from nasbench.parallel.processes import Died, cores, run_tasks
from nasbench.parallel.threads import single_threaded
from nasbench.progress import Progress, silent
from nasbench.search import strategies as registry
from nasbench.simulator.evaluator import ENUMERABLE, Asking, LookUp, Referee
from nasbench.simulator.simulate import Run, check_budget, play
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray

DEFAULT_EVALUATIONS = 300


@dataclass(frozen=True)
class Rules:
    """What all runs of a comparison share.

    Attributes:
        evaluations: Budget of a run in trials, or None.
        seconds: Budget of a run in simulated seconds, or None.
        workers: Simulated workers.
        initial: Number of initial designs.
        seed: Root of all randomness.
    """

    evaluations: int | None
    seconds: float | None
    workers: int
    initial: int
    seed: int


def compare(
    benchmark: Benchmark,
    metric: str,
    *,
    strategies: Sequence[str],
    evaluations: int | None = None,
    seconds: float | None = None,
    repeats: int = 30,
    workers: int = 1,
    initial: int = 10,
    seed: int = 0,
    processes: int | None = None,
    progress: Progress = silent,
) -> Results:
    """Run every strategy `repeats` times and score the incumbents on the test split.

    Strategies see validation values only. The same repeat starts every strategy from the same initial designs, and the
    randomness of a run follows from the seed, the strategy and the repeat alone: results do not depend on the number
    of processes, on the order of the strategies or on which others take part.

    Args:
        benchmark: A benchmark that answers for its whole space.
        metric: A validation metric; its test counterpart scores.
        strategies: Specifications: names, with arguments if need be, or `module:Class`.
        evaluations: Budget of a run in trials; 300 where no budget is given.
        seconds: Budget of a run in simulated seconds of training; the first budget that is reached ends the run.
        repeats: Runs of each strategy.
        workers: Simulated workers of a run.
        initial: Random architectures, none twice, that start every run.
        seed: Root of all randomness.
        processes: Processes that run at the same time; all available cores where None. With 1, runs stay in this one.
        progress: Told after every run.

    Returns:
        Records of kind `"comparison"`: strategy, repeat, evaluations, simulated_seconds, valid, test, regret; one for
        each evaluation at which the incumbent changed, and the last. Regret is the distance of the incumbent's test
        value from the best there is, in the unit of the metric. The summary holds the ranking by final regret.

    Raises:
        InputError: The benchmark or the metric cannot guide a search, a strategy or a number is not acceptable, or a
            strategy fails in a run; the message names the strategy and the repeat.
    """
    rules = Rules(evaluations, seconds, workers, initial, seed)
    if evaluations is None and seconds is None:
        rules = Rules(DEFAULT_EVALUATIONS, None, workers, initial, seed)
    _check(strategies, repeats, initial, seed, processes)
    known = benchmark.space.size <= ENUMERABLE
    referee = LookUp(benchmark, metric) if known else Asking(benchmark, metric)
    check_budget(referee, rules.evaluations, rules.seconds, workers)

    # Repeat by repeat, so that a strategy that fails does so early.
    jobs = [Job(spec, repeat) for repeat in range(repeats) for spec in strategies]
    runs: dict[tuple[str, int], Run] = {}
    progress(0, len(jobs))
    with single_threaded(), closing(_run_all(referee, rules, jobs, processes or cores())) as finished:
        for job, outcome in finished:
            if isinstance(outcome, Died | str):
                raise InputError(f"strategy {job.strategy!r}, repeat {job.repeat}: {outcome}")
            runs[job] = outcome
            progress(len(runs), len(jobs))

    found = [run.tests for run in runs.values()]
    best = _best(referee.tests if isinstance(referee, LookUp) else np.concatenate(found), referee.maximise)
    records = [
        record
        for spec in strategies
        for repeat in range(repeats)
        for record in _records(spec, repeat, runs[spec, repeat], best, referee)
    ]
    return Results(
        kind="comparison",
        benchmark=benchmark.name,
        space=benchmark.space.name,
        metric=referee.metric.path,
        units=referee.metric.units,
        settings={**asdict(rules), "strategies": list(strategies), "repeats": repeats},
        records=records,
        summary={
            "best_test": best,
            "best_test_is": "the best of the whole space" if known else "the best that any strategy found",
            "timed": referee.timed,
            **_ranking(strategies, repeats, records, seed, difference(referee.metric.units)),
        },
    )


def anytime(
    records: Sequence[Mapping[str, Any]], grid: npt.ArrayLike, *, key: str = "evaluations", value: str = "regret"
) -> dict[str, FloatArray]:
    """What each strategy had reached by each point of a grid.

    Args:
        records: Records of a comparison.
        grid: Points in the unit of `key`, shape `(g,)`.
        key: `"evaluations"` or `"simulated_seconds"`.
        value: `"regret"`, `"test"` or `"valid"`.

    Returns:
        By strategy, in the order of the records: shape `(repeats, g)`, rows in the order of the repeats; NaN before
        the first incumbent.
    """
    points = np.asarray(grid, dtype=np.float64)
    steps: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for record in records:
        x, y = record[key], record[value]
        step = (math.nan if x is None else float(x), math.nan if y is None else float(y))
        steps.setdefault(record["strategy"], {}).setdefault(record["repeat"], []).append(step)
    curves = {}
    for strategy, repeats in steps.items():
        rows = []
        for repeat in sorted(repeats):
            x, y = np.array(sorted(repeats[repeat], key=lambda step: step[0])).T
            rows.append(np.concatenate([[np.nan], y])[np.searchsorted(x, points, side="right")])
        curves[strategy] = np.array(rows)
    return curves


def stream(seed: int, purpose: str, name: str, index: int) -> np.random.Generator:
    """The generator for one purpose, name and index; independent of all others with the same seed."""
    digest = hashlib.sha256(f"{purpose}\0{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "little"), index])


def initial_designs(space: Space, count: int, seed: int, repeat: int) -> GenotypeArray:
    """Random architectures `(k, d)` for one repeat, none twice (by key); `k` is `count` unless the space is smaller."""
    samples = space.sample(4 * count, stream(seed, "initial", "", repeat))
    _, first = np.unique(space.key(samples), return_index=True)
    return samples[np.sort(first)[:count]]


# --- runs -----------------------------------------------------------------------------------------------------------


def _check(strategies: Sequence[str], repeats: int, initial: int, seed: int, processes: int | None) -> None:
    if not strategies:
        raise InputError(f"name at least one strategy; known are {', '.join(registry)}")
    twice = {spec for spec in strategies if list(strategies).count(spec) > 1}
    if twice:
        raise InputError(f"strategy {sorted(twice)[0]!r} is named twice; name each once")
    least_of = {"repeats": (repeats, 1), "initial": (initial, 0), "seed": (seed, 0), "processes": (processes, 1)}
    for name, (number, least) in least_of.items():
        if number is not None and number < least:
            raise InputError(f"{name} is at least {least}, got {number}")
    for spec in strategies:
        registry.create(spec)


class Job(NamedTuple):
    """One run of a comparison."""

    strategy: str
    repeat: int


Outcome = Run | str
"""A run, or why there is none."""


def _run_all(
    referee: Referee, rules: Rules, jobs: Sequence[Job], processes: int
) -> Generator[tuple[Job, Outcome | Died], None, None]:
    """The runs as they finish; in this process where there is one, or where the answers are not arrays to pass on."""
    if processes == 1 or not isinstance(referee, LookUp):
        yield from ((job, _run(referee, rules, job)) for job in jobs)
    else:
        with closing(run_tasks(partial(_prepare, referee, rules), jobs, processes)) as finished:
            yield from finished


def _prepare(referee: Referee, rules: Rules) -> Callable[[Job], Outcome]:
    return partial(_run, referee, rules)


def _run(referee: Referee, rules: Rules, job: Job) -> Outcome:
    try:
        return play(
            registry.create(job.strategy),
            referee,
            stream(rules.seed, "strategy", job.strategy, job.repeat),
            evaluations=rules.evaluations,
            seconds=rules.seconds,
            workers=rules.workers,
            initial=initial_designs(referee.space, rules.initial, rules.seed, job.repeat),
        )
    except NasbenchError as error:
        return str(error)
    except Exception as error:  # a strategy may be anybody's code
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"


# --- results --------------------------------------------------------------------------------------------------------


def _best(values: FloatArray, maximise: bool) -> float:
    known = values[np.isfinite(values)]
    if not len(known):
        return math.nan
    return float(known.max() if maximise else known.min())


def _records(spec: str, repeat: int, run: Run, best: float, referee: Referee) -> list[dict[str, Any]]:
    changes = list(enumerate(run.incumbents.tolist()))
    last = len(run.values) - 1  # -1 where nothing finished within the budget
    if not changes or changes[-1][1] != last:
        changes.append((len(changes) - 1, last))
    records = []
    for position, row in changes:
        seconds = (float(run.seconds[row]) if row >= 0 else 0.0) if referee.timed else math.nan
        valid = test = math.nan  # no training has succeeded so far
        if position >= 0:
            valid, test = float(run.values[run.incumbents[position]]), float(run.tests[position])
        records.append(
            {
                "strategy": spec,
                "repeat": repeat,
                "evaluations": row + 1,
                "simulated_seconds": seconds,
                "valid": valid,
                "test": test,
                "regret": best - test if referee.maximise else test - best,
            }
        )
    return records


def _ranking(
    strategies: Sequence[str], repeats: int, records: Sequence[Mapping[str, Any]], seed: int, units: str
) -> dict[str, Any]:
    """The ranking by final regret, or the reason why there is none."""
    from nasbench.evaluate.statistics import rank  # imports scipy.stats, which the processes that only run do without

    final = {(record["strategy"], record["repeat"]): record["regret"] for record in records}  # the last one stays
    for spec in strategies:
        for repeat in range(repeats):
            if not math.isfinite(final.get((spec, repeat), math.nan)):
                reason = f"{spec} has no test value in repeat {repeat}: none recorded, or no trial succeeded in time"
                return {"ranking": None, "statement": f"No ranking: {reason}."}
    table = {spec: [final[spec, repeat] for repeat in range(repeats)] for spec in strategies}
    found = asdict(rank(table, stream(seed, "bootstrap", "", 0), units=units))
    return {"statement": found.pop("statement"), "ranking": found}

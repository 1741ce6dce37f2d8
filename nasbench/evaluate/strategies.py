"""A comparison of search strategies: same problem, budget and initial designs, many repeats, on all cores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from nasbench.benchmark.base import Benchmark, difference
from nasbench.benchmark.guided import objectives
from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.evaluate.ledger import checksum, code_of
from nasbench.evaluate.logs import LoggedRuns
from nasbench.evaluate.quality import (
    REGRETS,
    SEED_POLICIES,
    Score,
    Standing,
    best_found,
    best_of_space,
    described,
    excess,
    records,
)
from nasbench.evaluate.results import Results
from nasbench.evaluate.run_ledger import RunLedger
from nasbench.evaluate.runs import Contestant, Protection, RunJob, RunSettings, described_run, prepare
from nasbench.parallel.jobs import Cluster as Engine
from nasbench.parallel.jobs import processes_for, run_jobs
from nasbench.parallel.memory import check_memory
from nasbench.parallel.processes import cores
from nasbench.progress import Progress, silent
from nasbench.search import strategies as registry
from nasbench.search.base import Strategy
from nasbench.search.problem import Budget, Constraint
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.draws import SearchSeedPolicy
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator, make_evaluator
from nasbench.simulator.streams import rng_for
from nasbench.specification import named

DEFAULT = ("random", "local", "evolution", "reinforce", "bayesian-xgb", "auto")
"""Strategies that are compared where none is named."""
DEFAULT_EVALUATIONS = 300
SHARE = "share of hypervolume"
"""Unit of regrets with several objectives."""


def compare(
    benchmark: Benchmark,
    metric: str | Sequence[str] = (),
    *,
    guide: str | None = None,
    judge: str | None = None,
    strategies: Sequence[str | type[Strategy] | Strategy] = DEFAULT,
    evaluations: int | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    repeats: int = 30,
    workers: int | Cluster = 1,
    initial: int = 10,
    seed: int = 0,
    constraints: Sequence[str | Constraint] = (),
    score: Score = "paid",
    seed_policy: SearchSeedPolicy = "mean",
    strict: bool = False,
    jobs: int | None = None,
    patience: float | None = None,
    memory: float | None = None,
    guard: bool = False,
    logs: Sequence[LoggedRuns] = (),
    progress: Progress = silent,
    engine: Engine | None = None,
    ledger: RunLedger | None = None,
) -> Results:
    """Run every strategy `repeats` times and score what it would return on validation and on test data.

    Strategies see validation values and static metrics only. The same repeat starts every strategy from the same
    initial designs, and the randomness of a run follows from the seed, the strategy and the repeat alone: results do
    not depend on `jobs`, on the order of the strategies or on which others take part. With several jobs, and with a
    patience, no two strategies share a process, so none can change what another uses. The first repeat of each is run
    again at the end, so that a strategy that keeps something between runs is noticed, and in one process also one that
    changed what an earlier strategy uses; those of the package come first.

    Args:
        benchmark: A benchmark that answers for its whole space.
        metric: A validation metric, by default the validation score; or several objectives, the others validation
            metrics or static ones. With a `guide`, the objectives besides.
        guide: What strategies are told, where there is no validation metric, as `"test_accuracy@0"`: a metric, and some
            of its seeds; see `guided.guided`.
        judge: What the result is scored with, where there is no test metric, as `"test_accuracy@1,2"`.
        strategies: Names, `module:Class` of one's own, with arguments as `local+full=true`; classes; or instances.
        evaluations: Budget of a run in trials; 300 where no budget is given.
        epochs: Budget of a run in epochs of training.
        seconds: Budget of a run in simulated seconds of training; the first budget that is reached ends the run.
        repeats: Runs of each strategy.
        workers: Simulated workers of a run: a number of equal ones, or a cluster.
        initial: Random architectures, none twice, that start every run.
        seed: Root of all randomness.
        constraints: Bounds on static metrics, as `"latency<=0.6"`; what breaks them is never an incumbent.
        score: Whether incumbents are scored at the epochs that were paid for, or after a full training for free.
        seed_policy: Whether strategies see means over training seeds (`"mean"`), or one training of each architecture
            (`"draw"`): in each repeat another, the same for all strategies, see `nasbench.simulator.draws`. Incumbents
            are chosen by what was seen and scored by means, so `valid`, `test` and both regrets are those of means and
            no regret of a full training is negative; training times are means too.
        strict: Whether a strategy that fails in a run ends the comparison; otherwise it is left out of the results.
        jobs: Processes of this machine; all available cores where None. With 1 and no patience, runs stay in this
            process, which ends with a strategy that ends it (`os._exit`, a crash).
        patience: Seconds that one call of a strategy may take (a proposal, learning from an outcome), imports included;
            then its process is killed and the strategy has failed. None for no limit.
        memory: Gigabytes that a process that runs a strategy may allocate, everything included; more raises
            `MemoryError` in the strategy. None for no limit; Linux only.
        guard: Whether each strategy runs in a process that has nothing of the benchmark, and is told the outcomes of
            its trials only; see `nasbench.simulator.guard`. The results are the same.
        logs: Runs that were made elsewhere (`logs.read_log`), scored as if they were made here; the initial designs and
            the seed do not touch them.
        progress: Told after every run.
        engine: Runs the runs instead of processes of this machine, such as a `parallel.ray_engine.RayEngine`.
        ledger: Keeps finished runs, and knows those of an earlier call.

    Returns:
        Records of kind `"comparison"`: benchmark, strategy, repeat, evaluations, epochs, simulated_seconds, valid,
        test, regret, valid_regret (and retrain_epochs, retrain_seconds with `score="retrained"`); one for each
        evaluation at which the incumbent changed, and the last. Regrets are distances from the best there is after a
        full training, in the unit of the metric; with several objectives all four are shares of hypervolume. The
        summary holds the rankings by final test regret and by final validation regret, and the floor: the test regret
        that a perfect search on validation values would have, interquartile means (`robust_means`), the chance that a
        run of one beats a run of another (`wins`), `runtimes`: how long strategies take to targets
        (`runtimes.summarise`, None for infinite ones; None for several objectives and where the whole space is not
        known), and `failures`: why strategies are left out, by name.

    Raises:
        InputError: A metric cannot guide a search, or a strategy, constraint or number is not acceptable; other
            processes cannot have what there is a patience for; all strategies fail, or one does and `strict` is true:
            the message names the strategy and the repeat. A run that is worth more than the best of the whole space
            fails; see `quality.excess`.
    """
    names = (metric,) if isinstance(metric, str) else tuple(metric)
    benchmark, names = objectives(benchmark, names, guide, judge)
    given = named(strategies, registry, unseen=guard)
    by_name: dict[str, Contestant] = {**given}
    for log in logs:
        if log.name in by_name:
            raise InputError(f"{log.name!r} is a strategy of the comparison and in a log; rename it in the log")
        by_name[log.name] = log
    if evaluations is None and epochs is None and seconds is None:
        evaluations = DEFAULT_EVALUATIONS
    settings = RunSettings(Budget(evaluations, epochs, seconds), Cluster.of(workers), initial, seed, score, seed_policy)
    for what, number, least in (
        ("repeats", repeats, 1), ("initial", initial, 0), ("seed", seed, 0), ("jobs", jobs, 1)
    ):  # fmt: skip
        if number is not None:
            check_whole(what, number, least)
    if patience is not None:
        check_number("patience", patience, above=0)
    if memory is not None:
        check_memory(memory)
    if engine is not None and (guard or patience is not None or memory is not None):
        what = "a guard" if guard else "a patience" if patience is not None else "a memory limit"
        raise InputError(f"{what} is for processes of this machine; leave it out, or use the engine local")
    if score not in ("paid", "retrained"):
        raise InputError(f"score is 'paid' or 'retrained', got {score!r}")
    if seed_policy not in SEED_POLICIES:
        raise InputError(f"seed_policy is 'mean' or 'draw', got {seed_policy!r}")
    draws = seed_policy == "draw"
    limits = tuple(Constraint.parse(limit) if isinstance(limit, str) else limit for limit in constraints)
    evaluator = make_evaluator(benchmark, names, limits, draws)
    evaluator.problem(settings.budget, len(settings.cluster))  # refuses a budget that cannot be used
    for log in logs:
        log.check(repeats, evaluations, evaluator.fidelities)
    best = best_of_space(evaluator) if isinstance(evaluator, TabulatedEvaluator) else None  # before anybody's code runs

    order = sorted(by_name, key=lambda name: ":" in name)  # somebody's own last: they may change what others use
    runs = [RunJob(name, repeat) for repeat in range(repeats) for name in order]
    runs += [RunJob(name, 0, again=True) for name in reversed(order)]
    opened = isinstance(evaluator, TabulatedEvaluator) or benchmark.path is not None
    other = "a guard" if guard else None if memory is None else "a memory limit"
    if (patience is not None or memory is not None or engine is not None) and not (opened or guard):
        needs = "an engine" if engine else "a memory limit" if patience is None else "a patience"
        raise InputError(f"{needs} needs another process, which cannot open {benchmark.name}; write it to a file")
    sent = {f"strategy {name!r}": strategy for name, strategy in by_name.items()} | {"space": evaluator.space}
    wanted = jobs or cores() if opened else 1
    processes = engine.jobs if engine else processes_for(sent, wanted, patience, other)
    limits_in_pool = (patience is not None or memory is not None) and not guard  # else the guard sees to them
    spread = processes > 1 or limits_in_pool or engine is not None
    apart = spread or guard
    protection = Protection(guard, patience, memory)
    source: Callable[[], Evaluator] = partial(_same, evaluator)
    if spread and isinstance(evaluator, QueryEvaluator):
        assert benchmark.path is not None
        source = partial(QueryEvaluator.open, benchmark.path, names, limits, draws)
    known: dict[RunJob, Standing] = {}
    if ledger is not None:
        identity = {
            **asdict(settings),
            "metrics": names,
            "constraints": [asdict(limit) for limit in limits],
            "guide": guide,
            "judge": judge,
            "code": code_of(given, registry),
            "logs": {log.name: log.checksum for log in logs},
            "numbers": _numbers(evaluator, benchmark),
        }
        known = {RunJob(*job): found for job, found in ledger.known(benchmark.name, identity).items()}

    def finished_run(job: RunJob, found: Standing) -> None:
        if ledger is not None:
            ledger.keep(benchmark.name, job, found)

    standings, failures = run_jobs(
        {name: partial(prepare, source, strategy, settings, protection) for name, strategy in by_name.items()},
        runs,
        processes,
        component=lambda run: run.strategy,
        describe=described_run,
        patience=None if guard else patience,
        apart=limits_in_pool,
        strict=strict,
        progress=progress,
        known=known,
        finished=finished_run,
        cluster=engine,
    )
    if best is not None:
        for run in runs:
            if run in standings and (reason := excess(standings[run], best, score)):
                failures.setdefault(run.strategy, _ABOVE.format(described_run(run), reason))
    unequal = _UNEQUAL if apart else f"{_UNEQUAL}; {_OR_ANOTHER}"
    for run in runs:
        if run.again and _changed(run, standings):
            failures.setdefault(run.strategy, unequal.format(run.strategy))
    finished = [name for name in by_name if name not in failures]
    if failures and (strict or not finished):
        raise InputError(next(iter(failures.values())))
    standings = {run: found for run, found in standings.items() if run.strategy in finished and not run.again}
    best = best or best_found(standings.values())
    rows = [
        record
        for name in finished
        for repeat in range(repeats)
        for record in records(
            standings[RunJob(name, repeat)], best, evaluator, score,
            benchmark=benchmark.name, strategy=name, repeat=repeat,
        )
    ]  # fmt: skip
    units = difference(evaluator.objectives[0].units) if len(names) == 1 else SHARE
    return Results(
        kind="comparison",
        benchmark=benchmark.name,
        space=benchmark.space.name,
        metric=", ".join(objective.name for objective in evaluator.objectives),
        units=evaluator.objectives[0].units if len(names) == 1 else SHARE,
        settings={
            **asdict(settings.budget),
            "workers": settings.cluster.recorded,
            "initial": initial,
            "seed": seed,
            "score": score,
            "seed_policy": seed_policy,
            "constraints": [str(limit) for limit in limits],
            "guide": guide,
            "judge": judge,
            "objectives": [asdict(objective) for objective in evaluator.objectives],
            "strategies": finished,
            "repeats": repeats,
        },
        records=rows,
        summary={
            **described(best, evaluator.objectives),
            "timed": evaluator.has_costs,
            **_rankings(finished, repeats, rows, seed, units),
            "runtimes": _runtimes(rows, evaluator, settings.budget, seed),
            "failures": failures,
        },
    )


_UNEQUAL = (
    "strategy {!r} does something else when its first repeat is run again: it draws random numbers of its own, or "
    "keeps what it learnt in the class or a module; use self.rng, and forget everything in _start"
)
_OR_ANOTHER = (
    "or another strategy changed what it uses, such as a function of a library or an environment variable: with "
    "several jobs each has a process of its own"
)

_ABOVE = (
    "{}: it is worth more than the best of the whole space, {}; values were changed or mixed in this run: a strategy "
    "writes to no array that it is given"
)


def _numbers(evaluator: Evaluator, benchmark: Benchmark) -> str:
    """A checksum of all numbers that runs can be told."""
    if isinstance(evaluator, TabulatedEvaluator):
        return checksum([evaluator.codes, evaluator.valid, evaluator.tested, evaluator.costs, evaluator.meets])
    return sha256(benchmark.path.read_bytes()).hexdigest() if benchmark.path else ""


def _changed(again: RunJob, standings: Mapping[RunJob, Standing]) -> bool:
    """Whether both results of a run are there, and differ."""
    first, second = standings.get(again._replace(again=False)), standings.get(again)
    if first is None or second is None:
        return False
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(astuple(first), astuple(second), strict=True))


def _same(evaluator: Evaluator) -> Evaluator:
    return evaluator


def _rankings(
    names: Sequence[str], repeats: int, rows: Sequence[Mapping[str, Any]], seed: int, units: str
) -> dict[str, Any]:
    """The rankings by final test regret and by final validation regret, or the reasons why there is none."""
    # these import scipy.stats, which the processes that only run do without
    from nasbench.evaluate.ratings import by_pair, robust_means, superiority
    from nasbench.evaluate.statistics import rank

    summary: dict[str, Any] = {}
    last = {(row["strategy"], row["repeat"]): row for row in rows}  # the last one stays
    for value, what, prefix, _ in REGRETS:
        final = {run: row[value] for run, row in last.items()}
        gap = next((key for key, number in final.items() if not math.isfinite(number)), None)
        if gap is not None:
            reason = f"{gap[0]} has none in repeat {gap[1]}: {_gap(last[gap])}"
            summary |= {f"{prefix}ranking": None, f"{prefix}statement": f"No ranking by {what}: {reason}."}
            continue
        table = {name: [final[name, repeat] for repeat in range(repeats)] for name in names}
        rng = rng_for(seed, "bootstrap", "", 0)
        ranking = asdict(rank(table, rng, what=f"final {what}", units=units))
        summary |= {
            f"{prefix}statement": ranking.pop("statement"),
            f"{prefix}ranking": ranking,
            f"{prefix}robust_means": robust_means(table, rng),
            f"{prefix}wins": by_pair(names, superiority(table)),
        }
    return summary


def _runtimes(
    rows: Sequence[Mapping[str, Any]], evaluator: Evaluator, budget: Budget, seed: int
) -> dict[str, Any] | None:
    """How long strategies take to targets of one objective; None where the whole space is not known."""
    if not isinstance(evaluator, TabulatedEvaluator) or len(evaluator.objectives) > 1:
        return None
    from nasbench.evaluate.runtimes import summarise

    counted = {"evaluations": budget.evaluations, "epochs": budget.epochs, "simulated_seconds": budget.seconds}
    key, limit = next((key, float(limit)) for key, limit in counted.items() if limit is not None)
    scores = evaluator.valid[0, -1, evaluator.meets]
    return summarise(rows, scores, key, limit, rng_for(seed, "bootstrap", "", 0))


def _gap(record: Mapping[str, Any]) -> str:
    """Why the last record of a run has no regret."""
    if math.isfinite(record["valid"]):
        return "test values were not recorded; a judge (METRIC@SEEDS) says what stands for them"
    return "no trial succeeded" if record["evaluations"] else "no trial finished within the budget"

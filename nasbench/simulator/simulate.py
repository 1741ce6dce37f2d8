"""One run of a strategy in simulated time on simulated workers, as the recorded training times say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.base import Benchmark, SeedPolicy
from nasbench.errors import InputError
from nasbench.search.base import Strategy, Trial
from nasbench.simulator.evaluator import Asking, Referee
from nasbench.types import FloatArray, GenotypeArray


@dataclass(frozen=True)
class Run:
    """What a strategy did: `n` evaluations in the order in which they finished.

    Attributes:
        genotypes: The architectures, shape `(n, d)`.
        epochs: Epochs each was trained for, shape `(n,)`.
        seconds: Simulated time at which each finished, shape `(n,)`; counts evaluations where the benchmark does not
            record what training costs.
        values: Validation values, shape `(n,)`; NaN where the training failed.
        incumbents: Evaluations (from 0, increasing) whose validation value was better than all before; shape `(k,)`.
        tests: Test values of the incumbents after a full training, shape `(k,)`.
    """

    genotypes: GenotypeArray
    epochs: npt.NDArray[np.int64]
    seconds: FloatArray
    values: FloatArray
    incumbents: npt.NDArray[np.int64]
    tests: FloatArray


def simulate(
    strategy: Strategy,
    benchmark: Benchmark,
    metric: str,
    rng: np.random.Generator,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    workers: int = 1,
    initial: GenotypeArray | None = None,
    seed_policy: SeedPolicy = "mean",
) -> Run:
    """Run a strategy on a benchmark; it sees validation values only, and its incumbents are scored with test values.

    Each of the workers asks for a trial as soon as its last has finished, so answers come back in the order of their
    training times. A trial that would finish after the budget of seconds does not count.

    Args:
        strategy: The strategy; it is started anew.
        benchmark: A complete benchmark.
        metric: A validation metric.
        rng: All randomness of the strategy.
        evaluations: Budget: number of trials.
        seconds: Budget: simulated time.
        workers: Trials that are trained at the same time.
        initial: Architectures `(k, d)` that are proposed first.
        seed_policy: Which of the recorded trainings answer.

    Raises:
        InputError: No budget is given or it cannot be used, the metric cannot guide a search, or the strategy proposes
            what is not in the space.
    """
    referee = Asking(benchmark, metric, seed_policy)
    return play(strategy, referee, rng, evaluations=evaluations, seconds=seconds, workers=workers, initial=initial)


def play(
    strategy: Strategy,
    referee: Referee,
    rng: np.random.Generator,
    *,
    evaluations: int | None = None,
    seconds: float | None = None,
    workers: int = 1,
    initial: GenotypeArray | None = None,
) -> Run:
    """`simulate` with answers from a referee."""
    check_budget(referee, evaluations, seconds, workers)
    most = math.inf if evaluations is None else evaluations
    deadline = math.inf if seconds is None else seconds
    strategy.start(referee.space, rng, epochs=referee.epochs[-1], initial=initial, maximise=referee.maximise)

    now, asked = 0.0, 0
    running: list[tuple[float, int, Trial, float]] = []  # heap by time of finishing, then order of asking
    finished: list[tuple[float, Trial, float]] = []
    while True:
        while len(running) < workers and asked < most:
            trial = strategy.ask()
            value, duration = referee.evaluate(trial)
            heappush(running, (now + duration, asked, trial, value))
            asked += 1
        if not running or running[0][0] > deadline:
            break
        now, _, trial, value = heappop(running)
        finished.append((now, trial, value))
        strategy.tell(trial, value)
    return _scored(referee, finished)


def check_budget(referee: Referee, evaluations: int | None, seconds: float | None, workers: int) -> None:
    """Refuse budgets that cannot be used.

    Raises:
        InputError: There is no budget, one is not positive, or seconds are asked of a benchmark without times.
    """
    if evaluations is None and seconds is None:
        raise InputError("a search needs a budget: give evaluations or seconds")
    if evaluations is not None and evaluations < 1:
        raise InputError(f"the budget is at least 1 evaluation, got {evaluations}")
    if seconds is not None and not seconds > 0:
        raise InputError(f"the budget is more than 0 seconds, got {seconds}")
    if seconds is not None and not referee.timed:
        raise InputError("this benchmark does not record train_seconds; give the budget in evaluations")
    if workers < 1:
        raise InputError(f"at least 1 worker is needed, got {workers}")


def _scored(referee: Referee, finished: list[tuple[float, Trial, float]]) -> Run:
    values = np.array([value for _, _, value in finished])
    oriented = values if referee.maximise else -values
    best = np.fmax.accumulate(np.concatenate([[-np.inf], oriented]))
    incumbents = np.flatnonzero(best[1:] > best[:-1])
    architectures = [trial.architecture for _, trial, _ in finished]
    return Run(
        genotypes=np.array(architectures, dtype=np.int8).reshape(len(finished), len(referee.space.cardinalities)),
        epochs=np.array([trial.epochs for _, trial, _ in finished], dtype=np.int64),
        seconds=np.array([time for time, _, _ in finished]),
        values=values,
        incumbents=incumbents,
        tests=np.array([referee.test(architectures[row]) for row in incumbents]),
    )

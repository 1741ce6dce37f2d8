"""One run of a strategy in simulated time, on simulated workers that take the recorded training times."""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import chain
from typing import TypeAlias

import numpy as np

from nasbench.arrays import read_only
from nasbench.checks import check_whole
from nasbench.errors import InputError
from nasbench.parallel.patience import watched
from nasbench.search.base import Outcome, Strategy, Trial, unknown_epochs
from nasbench.search.problem import Budget
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.evaluator import Evaluator
from nasbench.simulator.guard import Guarded
from nasbench.simulator.luck import Luck
from nasbench.types import FloatArray, GenotypeArray, IntArray


@dataclass(frozen=True)
class Run:
    """What a strategy did: `n` trials in the order in which they finished.

    Attributes:
        rows: Rows of the architectures, as `Evaluator.genotypes` takes them; shape `(n,)`.
        positions: Fidelity that each architecture reached, as a position among those of the evaluator; shape `(n,)`.
        epochs: Epochs of training that have been paid for until then, over all trials, with those that the strategy
            trained by itself; shape `(n,)`.
        seconds: Simulated time at which each finished; shape `(n,)`. Without recorded training times, a full training
            takes one unit.
        scores: Scores of the objectives, more is better, NaN where training failed; shape `(n, objectives)`.
        workers: Number of the worker of each, from 0; shape `(n,)`.
        begun: Simulated time at which each began; shape `(n,)`.
        lost: Simulated time between these that failures of the worker cost; shape `(n,)`.
    """

    rows: IntArray
    positions: IntArray
    epochs: IntArray
    seconds: FloatArray
    scores: FloatArray
    workers: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    begun: FloatArray = field(default_factory=lambda: np.empty(0))
    lost: FloatArray = field(default_factory=lambda: np.empty(0))


def simulate(
    strategy: Strategy | Guarded,
    evaluator: Evaluator,
    budget: Budget,
    rng: np.random.Generator,
    *,
    workers: int | Cluster = 1,
    initial: GenotypeArray | None = None,
    chance: np.random.Generator | None = None,
) -> Run:
    """Run a strategy; it sees the problem and validation scores only.

    Each worker starts a trial as soon as it is idle and the strategy has one, the fastest worker first, so answers come
    back in the order of their training times. A trial that would finish after the budget of seconds does not count, and
    one that would exceed the budget of epochs waits for what stopped trials leave, or never starts. Where longer
    trainings continue shorter ones, a trial of an architecture pays for the epochs that no finished trial of it has
    trained; one that asks for no more epochs than were trained is a new training.

    On a cluster with failures, a trial that dies loses the time since its last checkpoint and is started again there;
    checkpoints are its start and, for a strategy that stops trials, each fidelity at which it was asked. A trial that
    died more often than it is restarted counts as one that failed: its epochs are paid, nothing continues it.

    What a strategy trains by itself (`Strategy.own_epochs`) counts in the budget of epochs and in `Run.epochs`, and
    takes the median time of an epoch of the table for each, at the speed of the fastest worker. The trials that it
    answers with, and later ones, start when this is finished. A budget of evaluations counts trials alone.

    Args:
        strategy: Is started anew.
        evaluator: Answers the trials.
        budget: The first limit that is reached ends the run.
        rng: All randomness of the strategy.
        workers: Number of equal workers, or a cluster.
        initial: Architectures `(k, d)` that are proposed first.
        chance: All randomness of the cluster; if None, spawned from `rng` where the cluster has some.

    Raises:
        InputError: The budget cannot be used, or the strategy asks for what is not in the space, for more trials than
            it may, or waits although nothing runs.
    """
    cluster = Cluster.of(workers)
    watched("end of start", strategy.start)(evaluator.problem(budget, len(cluster), initial), rng)
    max_trials = sys.maxsize if budget.evaluations is None else budget.evaluations
    max_epochs = math.inf if budget.epochs is None else budget.epochs
    deadline = math.inf if budget.seconds is None else budget.seconds
    fidelities, speeds, resumable = evaluator.fidelities, cluster.speeds, evaluator.resumable
    chance = None if cluster.steady else rng.spawn(1)[0] if chance is None else chance
    positions = {epochs: position for position, epochs in enumerate(fidelities)}
    stepwise = strategy.stops_trials and resumable  # the strategy is asked at each fidelity of a trial

    row_of, seconds_of, scores_of, curve_of = evaluator.row, evaluator.seconds, evaluator.scores, evaluator.curve
    ask, tell = watched("proposal", strategy.ask), watched("end of tell", strategy.tell)
    goes_on = watched("answer of goes_on", strategy.goes_on)

    now, asked, spent = 0.0, 0, 0
    own, unpaid, ready = 0, 0, 0.0  # epochs of the strategy's own: all, those in no record yet, and when they end
    idle = sorted((-speed, worker) for worker, speed in enumerate(speeds))  # a heap, the fastest worker first
    running: list[_Event] = []  # a heap by time, then by number of the trial
    waiting: deque[tuple[Trial, int, int]] = deque()  # asked for, not started: trial, row, position
    trained: dict[int, int] = {}  # by row: the position that finished trainings have reached
    finished: list[_Finished] = []
    while True:
        while idle and asked < max_trials and spent < max_epochs:
            if not waiting:
                for trial in ask(min(len(idle), max_trials - asked)):
                    position = positions.get(trial.epochs)
                    if position is None:
                        raise unknown_epochs(trial, fidelities)
                    waiting.append((trial, row_of(trial.architecture), position))
                if strategy.own_epochs != own:
                    adds = _own_epochs(strategy, own)
                    own, unpaid, spent = own + adds, unpaid + adds, spent + adds
                    ready = max(ready, now) + adds * evaluator.epoch_seconds() / max(speeds)
                if not waiting:
                    break
            trial, row, position = waiting[0]
            before = trained.get(row, -1)
            if before >= position:
                before = -1  # a new training
            adds = fidelities[position] - (fidelities[before] if before >= 0 else 0)
            if spent + adds > max_epochs:
                break  # until a stopped trial leaves enough
            waiting.popleft()
            spent += adds
            worker = heappop(idle)[1]
            reached = before + 1 if stepwise else position
            seconds = seconds_of(row, reached) if before < 0 else _seconds_between(seconds_of, row, before, reached)
            seconds /= speeds[worker]
            luck, begun = Luck(cluster, chance) if chance is not None else None, max(now, ready)
            finish = luck.part(begun, seconds) if luck else begun + seconds
            heappush(running, (finish, asked, trial, row, reached, before, begun, worker, luck))
            asked += 1
        if not running:
            if not waiting and asked < max_trials and spent < max_epochs:
                raise InputError(
                    f"{_name(strategy)} waits although no trial runs and the budget is not spent; "
                    "_ask returns None only while an outcome is to come"
                )
            break
        if running[0][0] > deadline:
            break
        now, number, trial, row, reached, before, begun, worker, luck = heappop(running)
        scores, dead = scores_of(row, reached), False
        if luck is not None and luck.dies:
            since = reached - 1 if stepwise else before  # its last checkpoint
            if luck.restarts(now):
                seconds = seconds_of(row, reached) if since < 0 else _seconds_between(seconds_of, row, since, reached)
                finish = luck.part(now, seconds / speeds[worker])
                heappush(running, (finish, number, trial, row, reached, before, begun, worker, luck))
                continue
            scores, dead, luck.lost = (math.nan,) * len(scores), True, now - begun
        elif stepwise and fidelities[reached] < trial.epochs and goes_on(trial, fidelities[reached], scores):
            seconds = _seconds_between(seconds_of, row, reached, reached + 1) / speeds[worker]
            finish = luck.part(now, seconds) if luck else now + seconds
            heappush(running, (finish, number, trial, row, reached + 1, before, begun, worker, luck))
            continue
        heappush(idle, (-speeds[worker], worker))
        epochs = fidelities[reached]
        spent -= trial.epochs - epochs  # what a stopped trial leaves of the budget
        if resumable and not dead and reached > trained.get(row, -1):
            trained[row] = reached
        paid = epochs - (fidelities[before] if before >= 0 else 0)
        if unpaid and now >= ready:
            paid, unpaid = paid + unpaid, 0
        finished.append((row, reached, paid, now, scores, worker, begun, luck.lost if luck else 0.0))
        curve = curve_of(row, reached)
        tell(trial, Outcome(scores, now - begun, epochs, read_only(curve * math.nan) if dead else curve))
    return _run(evaluator, finished)


_Event: TypeAlias = tuple[float, int, Trial, int, int, int, float, int, Luck | None]
"""Time, number of the trial, trial, row, position reached then, position before, time of its start, worker, luck."""
_Finished: TypeAlias = tuple[int, int, int, float, tuple[float, ...], int, float, float]
"""Row, position, epochs paid, time, scores, worker, time of its start, time lost."""


def _seconds_between(seconds_of: Callable[[int, int], float], row: int, before: int, reached: int) -> float:
    """Time of training on from one position to another; not below 0 where recorded times contradict."""
    return max(seconds_of(row, reached) - seconds_of(row, before), 0.0)


def _name(strategy: Strategy | Guarded) -> str:
    return strategy.name if isinstance(strategy, Guarded) else type(strategy).__name__


def _own_epochs(strategy: Strategy | Guarded, charged: int) -> int:
    """Epochs that a strategy has trained by itself and that are not charged yet."""
    check_whole(f"own_epochs of {_name(strategy)}", strategy.own_epochs, least=charged)
    return strategy.own_epochs - charged


def _run(evaluator: Evaluator, finished: list[_Finished]) -> Run:
    columns = map(list, zip(*finished, strict=True)) if finished else ([],) * 8
    rows, positions, paid, seconds, scores, workers, begun, lost = columns
    values = np.fromiter(chain.from_iterable(scores), dtype=np.float64)
    return Run(
        rows=np.array(rows, dtype=np.int64),
        positions=np.array(positions, dtype=np.int64),
        epochs=np.array(paid, dtype=np.int64).cumsum(),
        seconds=np.array(seconds, dtype=np.float64),
        scores=values.reshape(len(rows), len(evaluator.objectives)),
        workers=np.array(workers, dtype=np.int64),
        begun=np.array(begun, dtype=np.float64),
        lost=np.array(lost, dtype=np.float64),
    )

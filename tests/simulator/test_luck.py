"""Stragglers and failures: by hand with chances that are given, then what is conserved whatever they are."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.evaluate.strategies import compare
from nasbench.search import Outcome, Strategy, Trial
from nasbench.search.asha import ASHA
from nasbench.search.evolution import RegularisedEvolution
from nasbench.search.hyperband import Hyperband
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.evaluator import Evaluator, TabulatedEvaluator
from nasbench.simulator.luck import Luck
from nasbench.simulator.simulate import Run, simulate
from nasbench.types import FloatArray


class Given:
    """Chances in their order."""

    def __init__(self, normal: list[float], exponential: list[float]) -> None:
        self.normal, self.failures = normal, exponential

    def standard_normal(self) -> float:
        return self.normal.pop(0)

    def exponential(self, mean: float) -> float:
        return mean * self.failures.pop(0)


class Script(Strategy):
    """Asks for full trainings of these codes, one after the other; may stop trials."""

    def __init__(self, *codes: int) -> None:
        self.codes = codes

    def _start(self) -> None:
        self.left, self.told = list(self.codes), list[Outcome]()

    def _ask(self) -> Trial | None:
        return self.trial(self.space.decode(np.array([self.left.pop(0)]))[0]) if self.left else None

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.told.append(outcome)


class Asked(Script):
    def _start(self) -> None:
        super()._start()
        self.questions: list[int] = []

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        self.questions.append(epoch)
        return True


@pytest.fixture(scope="module")
def evaluator(formula: Any) -> TabulatedEvaluator:
    """A cell of code c trains 1 + c % 7 s an epoch, for 1 or 4 epochs."""
    return TabulatedEvaluator(formula(), ["validation_score"])


def played(strategy: Script, evaluator: Evaluator, cluster: Cluster, *chances: list[float]) -> Run:
    budget, rng = Budget(evaluations=len(strategy.codes)), np.random.default_rng(0)
    return simulate(strategy, evaluator, budget, rng, workers=cluster, chance=Given(*chances))  # type: ignore[arg-type]


# --- by hand --------------------------------------------------------------------------------------------------------


def test_a_straggler_takes_a_lognormal_multiple(evaluator: TabulatedEvaluator) -> None:
    run = played(Script(0, 1), evaluator, Cluster((0.5,), jitter=0.2), [1.0, -1.0], [])
    assert run.begun.tolist() == pytest.approx([0, 8 * math.exp(0.2 - 0.02)])
    assert np.diff([0, *run.seconds]) == pytest.approx([8 * math.exp(0.2 - 0.02), 16 * math.exp(-0.2 - 0.02)])
    assert run.lost.tolist() == [0, 0] and run.workers.tolist() == [0, 0]


def test_a_trial_that_dies_is_started_again(evaluator: TabulatedEvaluator) -> None:
    """Code 0 takes 4 s and dies after 3 and 2 of them; code 1 takes 8 s and lives."""
    script = Script(0, 1)
    run = played(script, evaluator, Cluster((1.0,), mtbf=10, restarts=2), [0, 0], [0.3, 0.2, 0.5, 0.9])
    assert run.seconds.tolist() == [9, 17]
    assert run.lost.tolist() == [5, 0]
    assert np.isfinite(run.scores).all() and run.epochs.tolist() == [4, 8]
    assert [outcome.seconds for outcome in script.told] == [9, 8]


def test_a_trial_that_dies_too_often_has_failed(evaluator: TabulatedEvaluator) -> None:
    """Its epochs are paid; asked for again, it is trained from the start."""
    script = Script(0, 0)
    run = played(script, evaluator, Cluster((1.0,), mtbf=10, restarts=1), [0, 0], [0.3, 0.2, 0.9])
    assert run.seconds.tolist() == [5, 9]
    assert run.lost.tolist() == [5, 0]
    assert np.isnan(run.scores[:, 0]).tolist() == [True, False]
    assert run.epochs.tolist() == [4, 8]
    assert np.isnan(script.told[0].curve).all() and len(script.told[0].curve) == 2
    assert np.isfinite(script.told[1].curve).all()


def test_checkpoints_are_where_the_strategy_was_asked(evaluator: TabulatedEvaluator) -> None:
    """Code 0 takes 1 s, then 3 s more: it dies after 2 of these, and goes on from its first epoch."""
    script = Asked(0)
    run = played(script, evaluator, Cluster((1.0,), mtbf=10), [0], [0.9, 0.2, 0.9])
    assert run.seconds.tolist() == [6] and run.lost.tolist() == [2]
    assert script.questions == [1]


def test_the_time_of_a_worker_that_fails_is_lost_for_it_alone(evaluator: TabulatedEvaluator) -> None:
    """Worker 0 trains code 6 for 28 s after it died at 10 s, worker 1 codes 0 and 1 for 4 and 8 s."""
    run = played(Script(6, 0, 1), evaluator, Cluster((1.0, 1.0), mtbf=100), [0, 0, 0], [0.1, 1, 1, 1])
    assert run.seconds.tolist() == [4, 12, 38]
    assert run.workers.tolist() == [1, 1, 0] and run.lost.tolist() == [0, 0, 10]


def test_the_expected_time_of_stragglers_stays() -> None:
    chance, n = np.random.default_rng(0), 20_000
    times = np.array([Luck(Cluster((1.0,), jitter=0.5), chance).part(0.0, 1.0) for _ in range(n)])
    assert times.mean() == pytest.approx(1, abs=5 * math.sqrt(math.expm1(0.25) / n))
    assert np.log(times).std() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(2 * n))


# --- what is conserved ----------------------------------------------------------------------------------------------

CLUSTERS = st.builds(
    Cluster,
    st.lists(st.sampled_from([1.0, 0.5, 2.0]), min_size=1, max_size=5).map(tuple),
    st.sampled_from([0.0, 0.4]),
    st.sampled_from([math.inf, 40.0, 5.0]),
    st.integers(0, 3),
)


def busy(run: Run, evaluator: Evaluator, cluster: Cluster, resumable: bool) -> FloatArray:
    """Time that each trial needs on its worker, without jitter; 0 where it failed."""
    trained: dict[int, int] = {}
    needs = []
    for row, position, worker, score in zip(run.rows, run.positions, run.workers, run.scores[:, 0], strict=True):
        before = trained.get(row, -1) if resumable and trained.get(row, -1) < position else -1
        earlier = evaluator.seconds(row, before) if before >= 0 else 0.0
        needs.append((evaluator.seconds(row, position) - earlier) / cluster.speeds[worker] if score == score else 0.0)
        if score == score:
            trained[row] = max(position, trained.get(row, -1))
    return np.array(needs)


@settings(max_examples=60)
@given(cluster=CLUSTERS, seed=st.integers(0, 999), kind=st.sampled_from([RandomSearch, RegularisedEvolution, ASHA]))
def test_busy_idle_and_lost_time_add_up(formula: Any, cluster: Cluster, seed: int, kind: type[Strategy]) -> None:
    evaluator = TABULATED.setdefault("formula", TabulatedEvaluator(formula(), ["validation_score"]))
    run = simulate(kind(), evaluator, Budget(evaluations=40), np.random.default_rng(seed), workers=cluster)
    makespan, idle = run.seconds.max(), 0.0
    assert len(run.rows) == 40 and (np.diff(run.seconds) >= 0).all()
    for worker in range(len(cluster)):
        mine = np.flatnonzero(run.workers == worker)
        mine = mine[np.argsort(run.begun[mine], kind="stable")]
        edges = np.concatenate([[0.0], np.stack([run.begun[mine], run.seconds[mine]], axis=1).ravel(), [makespan]])
        assert (np.diff(edges) >= 0).all(), "one trial at a time"
        idle += np.diff(edges)[::2].sum()
    used = run.seconds - run.begun - run.lost
    assert used.sum() + idle + run.lost.sum() == pytest.approx(len(cluster) * makespan)
    assert (run.lost >= 0).all() and (used > -1e-9 * makespan).all()
    assert run.lost.sum() == 0 or cluster.mtbf < math.inf
    if len(cluster) == 1 and not cluster.jitter:  # else a trial may begin before another of its architecture ends
        assert used == pytest.approx(busy(run, evaluator, cluster, evaluator.resumable), abs=1e-9 * makespan)
        assert idle == pytest.approx(0, abs=1e-9 * makespan)


TABULATED: dict[str, TabulatedEvaluator] = {}


@settings(max_examples=20)
@given(cluster=CLUSTERS, seed=st.integers(0, 999), kind=st.sampled_from([RandomSearch, Hyperband, ASHA]))
def test_runs_are_reproducible(formula: Any, cluster: Cluster, seed: int, kind: type[Strategy]) -> None:
    evaluator = TABULATED.setdefault("formula", TabulatedEvaluator(formula(), ["validation_score"]))
    one, two = (
        simulate(kind(), evaluator, Budget(epochs=90), np.random.default_rng(seed), workers=cluster) for _ in range(2)
    )
    for name in Run.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert not len(one.epochs) or one.epochs[-1] <= 90


@settings(max_examples=20)
@given(seed=st.integers(0, 999), kind=st.sampled_from([RandomSearch, RegularisedEvolution]))
def test_one_steady_worker_is_a_loop(formula: Any, seed: int, kind: type[Strategy]) -> None:
    evaluator = TABULATED.setdefault("formula", TabulatedEvaluator(formula(), ["validation_score"]))
    run = simulate(kind(), evaluator, Budget(evaluations=30), np.random.default_rng(seed))
    strategy = kind().start(evaluator.problem(Budget(evaluations=30), 1), np.random.default_rng(seed))
    now, trained = 0.0, set()
    for number in range(30):
        (trial,) = strategy.ask()
        row = evaluator.row(trial.architecture)
        seconds = evaluator.seconds(row, 1)
        trained.add(row)
        scores = evaluator.scores(row, 1)
        now += seconds
        assert (run.rows[number], run.seconds[number], run.scores[number, 0]) == (row, now, scores[0])
        strategy.tell(trial, Outcome(scores, seconds, 4, evaluator.curve(row, 1)))


def test_a_race_on_an_unsteady_cluster(formula: Any) -> None:
    """Chances are the same for all strategies of a repeat, and depend neither on processes nor on the guard."""
    cluster = Cluster.parse("3+jitter=0.5+mtbf=30+restarts=1")
    shared = {"evaluations": 30, "repeats": 2, "workers": cluster}
    names = ["random", "random+replacement=true"]
    one, two, guarded = (
        compare(formula(), "validation_score", strategies=names, **shared, **more)  # type: ignore[arg-type]
        for more in ({"jobs": 1}, {"jobs": 2}, {"jobs": 1, "guard": True})
    )
    assert one.records == two.records == guarded.records
    assert one.settings["workers"] == "3+jitter=0.5+mtbf=30.0+restarts=1"
    first = [next(r for r in one.records if (r["strategy"], r["repeat"]) == (name, 0)) for name in names]
    assert first[0]["simulated_seconds"] == first[1]["simulated_seconds"]
    steady = compare(formula(), "validation_score", strategies=names, **{**shared, "workers": 3}, jobs=1)  # type: ignore[arg-type]
    assert max(r["simulated_seconds"] for r in steady.records) < max(r["simulated_seconds"] for r in one.records)

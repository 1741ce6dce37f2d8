"""Simulated time, worked out by hand: a cell of code c trains 1 + c % 7 s an epoch, for 1 or 4 epochs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.search import Outcome, Strategy, Trial
from nasbench.search.evolution import RegularisedEvolution
from nasbench.search.local import LocalSearch
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.evaluator import Evaluator, QueryEvaluator, TabulatedEvaluator
from nasbench.simulator.simulate import Run, simulate

METRIC = ["validation_score"]
EVALUATORS = [TabulatedEvaluator, QueryEvaluator]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def asking(benchmark: Any) -> QueryEvaluator:
    return QueryEvaluator(benchmark, METRIC)


def cells(evaluator: Evaluator, *codes: int) -> Any:
    return evaluator.space.decode(np.array(codes))


def codes(evaluator: Evaluator, run: Run) -> list[int]:
    return evaluator.space.code(evaluator.genotypes(run.rows)).tolist()


class Script(Strategy):
    """Asks for trials that are given as code and epochs, then waits; notes what it is told."""

    def __init__(self, *trials: tuple[int, int]) -> None:
        self.trials = trials

    def _start(self) -> None:
        self.told: list[tuple[int, Outcome]] = []
        self.queue = [Trial(self.space.decode(np.array([code]))[0], epochs) for code, epochs in self.trials]

    def _ask(self) -> Trial | None:
        return self.queue.pop(0) if self.queue else None

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        self.told.append((int(self.space.code(trial.architecture[None])[0]), outcome))


def scripted(evaluator: Evaluator, *trials: tuple[int, int], kind: type[Script] = Script, **budget: Any) -> Any:
    """The strategy and its run, which ends with its last trial unless the budget says otherwise."""
    script = kind(*trials)
    workers = budget.pop("workers", 1)
    limits = Budget(**{"evaluations": len(trials), **budget})
    return script, simulate(script, evaluator, limits, rng(), workers=workers)


def full_trainings_only(benchmark: Any) -> Any:
    """The benchmark where each number of epochs is a training of its own."""
    benchmark.metrics = {path: replace(metric, resumable=False) for path, metric in benchmark.metrics.items()}
    return benchmark


# --- workers and time -----------------------------------------------------------------------------------------------


def test_two_workers_by_hand(formula: Any) -> None:
    # Codes 6, 0, 4, 1 train 7, 1, 5, 2 s an epoch, four epochs each: 28, 4, 20 and 8 s.
    # Worker 1: 6 until 28. Worker 2: 0 until 4, then 4 until 24, then 1 until 32.
    evaluator = asking(formula())
    script, designs = Script(), cells(evaluator, 6, 0, 4, 1)
    run = simulate(script, evaluator, Budget(evaluations=4), rng(), workers=2, initial=designs)
    assert codes(evaluator, run) == [0, 4, 6, 1]
    assert run.seconds.tolist() == [4, 24, 28, 32]
    assert run.positions.tolist() == [1, 1, 1, 1]
    assert run.epochs.tolist() == [4, 8, 12, 16]
    assert [code for code, _ in script.told] == [0, 4, 6, 1]
    assert [outcome.seconds for _, outcome in script.told] == [4, 20, 28, 8]
    np.testing.assert_array_equal([outcome.scores for _, outcome in script.told], run.scores)


def test_one_worker_adds_up(formula: Any) -> None:
    _, run = scripted(asking(formula()), (6, 4), (0, 4), (4, 4), (1, 4))
    assert run.seconds.tolist() == [28, 32, 52, 60]


def test_unequal_workers_by_hand(formula: Any) -> None:
    # The faster worker is second and starts first: 6 until 28, then 1 until 36.
    # The slower one takes twice as long: 0 until 8, then 4 until 48.
    evaluator = asking(formula())
    script, run = scripted(evaluator, (6, 4), (0, 4), (4, 4), (1, 4), workers=Cluster((0.5, 1.0)))
    assert codes(evaluator, run) == [0, 6, 1, 4]
    assert run.seconds.tolist() == [8, 28, 36, 48]
    assert [outcome.seconds for _, outcome in script.told] == [8, 28, 8, 40]


class InTurn(Script):
    """Waits for the outcome of each trial."""

    def _ask(self) -> Trial | None:
        return None if len(self.told) + len(self.queue) < len(self.trials) else super()._ask()


def test_a_strategy_may_leave_workers_idle(formula: Any) -> None:
    _, run = scripted(asking(formula()), (6, 4), (0, 4), (4, 4), workers=3, kind=InTurn)
    assert run.seconds.tolist() == [28, 32, 52]


class Pairs(Script):
    """Two trials side by side, the next two after both outcomes."""

    def _ask_many(self, most: int) -> list[Trial]:
        running = len(self.trials) - len(self.queue) - len(self.told)
        return [] if running else [trial for trial in (self._ask(), self._ask()) if trial]


def test_generations_wait_for_their_last(formula: Any) -> None:
    _, run = scripted(asking(formula()), (6, 4), (0, 4), (4, 4), (1, 4), workers=3, kind=Pairs)
    assert run.seconds.tolist() == [4, 28, 36, 48]


def test_waiting_for_ever_is_a_fault(formula: Any) -> None:
    message = "^Script waits although no trial runs and the budget is not spent; _ask returns None only while"
    with pytest.raises(InputError, match=message):
        scripted(asking(formula()), (6, 4), evaluations=2)
    with pytest.raises(InputError, match=message):
        scripted(asking(formula()), epochs=3, evaluations=None)


def test_a_generation_that_is_larger_than_the_workers_is_a_fault(formula: Any) -> None:
    with pytest.raises(InputError, match=r"^Pairs asks for 2 or more trials where 1 can start$"):
        scripted(asking(formula()), (6, 4), (0, 4), kind=Pairs)


# --- shorter and longer trainings -----------------------------------------------------------------------------------


def test_a_longer_training_pays_the_difference(formula: Any) -> None:
    # One epoch 7 s, three more 21 s; then all is trained, so the third is a new training of 28 s.
    script, run = scripted(asking(formula()), (6, 1), (6, 4), (6, 4))
    assert run.positions.tolist() == [0, 1, 1]
    assert run.seconds.tolist() == [7, 28, 56]
    assert run.epochs.tolist() == [1, 4, 8]
    told = [outcome for _, outcome in script.told]
    assert [outcome.seconds for outcome in told] == [7, 21, 28]
    assert [outcome.epochs for outcome in told] == [1, 4, 4]
    assert [outcome.score for outcome in told] == run.scores[:, 0].tolist()
    assert [len(outcome.curve) for outcome in told] == [1, 2, 2]
    np.testing.assert_array_equal(told[2].curve, run.scores[:2, 0])


def test_where_trainings_do_not_continue_each_pays_in_full(formula: Any) -> None:
    script, run = scripted(asking(full_trainings_only(formula())), (6, 1), (6, 4), (6, 4))
    assert run.seconds.tolist() == [7, 35, 63]
    assert run.epochs.tolist() == [1, 5, 9]
    assert [len(outcome.curve) for _, outcome in script.told] == [1, 1, 1]
    assert [outcome.curve[0] for _, outcome in script.told] == run.scores[:, 0].tolist()


def test_fewer_epochs_than_were_trained_are_a_new_training(formula: Any) -> None:
    _, run = scripted(asking(formula()), (6, 4), (6, 1), (6, 4))
    assert run.positions.tolist() == [1, 0, 1]
    assert run.seconds.tolist() == [28, 35, 63]
    assert run.epochs.tolist() == [4, 5, 9]


def test_only_finished_trainings_are_continued(formula: Any) -> None:
    _, run = scripted(asking(formula()), (6, 1), (6, 4), workers=2)
    assert run.seconds.tolist() == [7, 28]
    assert run.epochs.tolist() == [1, 5]


def test_times_that_contradict_each_other_do_not_run_backwards(formula: Any) -> None:
    """One epoch takes 40 s, and four take 28 s, as where a failed training is given the median time."""
    benchmark = formula()
    sound = benchmark.formulas["toy/train_seconds"]
    benchmark.formulas["toy/train_seconds"] = lambda g, epoch: sound(g, epoch) if epoch > 1 else 0 * sound(g, 1) + 40
    script, run = scripted(asking(benchmark), (6, 1), (6, 4))
    assert run.seconds.tolist() == [40, 40]
    assert [outcome.seconds for _, outcome in script.told] == [40, 0]


def test_shorter_trainings_answer_what_they_reached(formula: Any) -> None:
    benchmark = formula()
    evaluator = asking(benchmark)
    _, run = scripted(evaluator, (6, 1), (5, 1), (0, 4))
    genotypes = evaluator.genotypes(run.rows)
    assert run.seconds.tolist() == [7, 13, 17]
    short, full = (benchmark.query_many(genotypes, "validation_score", epoch=epoch).values for epoch in (1, 4))
    np.testing.assert_array_equal(run.scores[:, 0], [*short[:2], full[2]])


@pytest.mark.parametrize("kind", EVALUATORS)
def test_epochs_that_were_not_recorded(formula: Any, kind: type[Evaluator]) -> None:
    with pytest.raises(InputError, match=r"^a trial of 2 epochs cannot be answered; there are epochs 1, 4$"):
        scripted(kind(formula(), METRIC), (6, 2))


@settings(max_examples=60)
@given(
    trials=st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1, 2, 4])), min_size=1, max_size=12),
    resumable=st.booleans(),
)
def test_one_worker_pays_what_is_new(formula: Any, trials: list[tuple[int, int]], resumable: bool) -> None:
    benchmark = formula()
    benchmark.epochs = (1, 2, 4)
    evaluator = asking(benchmark if resumable else full_trainings_only(benchmark))
    _, run = scripted(evaluator, *trials)
    trained: dict[int, int] = {}
    paid = []
    for code, epochs in trials:
        before = trained.get(code, 0) if resumable and trained.get(code, 0) < epochs else 0
        paid.append((epochs - before, (epochs - before) * (1 + code % 7)))
        trained[code] = max(epochs, trained.get(code, 0))
    assert run.epochs.tolist() == np.cumsum(paid, axis=0)[:, 0].tolist()
    assert run.seconds.tolist() == np.cumsum(paid, axis=0)[:, 1].tolist()


# --- decisions inside a trial ---------------------------------------------------------------------------------------


class Stopping(Script):
    """Stops trials of the codes from 10 on at their first question; notes the questions."""

    def _start(self) -> None:
        super()._start()
        self.questions: list[tuple[int, int, tuple[float, ...]]] = []

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        code = int(self.space.code(trial.architecture[None])[0])
        self.questions.append((code, epoch, scores))
        return code < 10


def test_questions_come_at_each_fidelity_in_the_order_of_time(formula: Any) -> None:
    # Code 1 has trained 1, 2 and 4 epochs at 2, 4 and 8 s, code 2 at 3, 6 and 12 s; the last is no question.
    benchmark = formula()
    benchmark.epochs = (1, 2, 4)
    evaluator = asking(benchmark)
    script, run = scripted(evaluator, (1, 4), (2, 4), workers=2, kind=Stopping)
    assert [question[:2] for question in script.questions] == [(1, 1), (2, 1), (1, 2), (2, 2)]
    assert [scores for *_, scores in script.questions] == [
        evaluator.scores(evaluator.row(cells(evaluator, code)[0]), position)
        for code, position in [(1, 0), (2, 0), (1, 1), (2, 1)]
    ]
    assert run.seconds.tolist() == [8, 12]
    assert [len(outcome.curve) for _, outcome in script.told] == [3, 3]


def test_a_trial_is_stopped_inside(formula: Any) -> None:
    # Code 12 trains 6 s an epoch and is stopped after one; asked for again, it goes on from there, to be asked at 2.
    benchmark = formula()
    benchmark.epochs = (1, 2, 4)
    script, run = scripted(asking(benchmark), (12, 4), (0, 4), (12, 4), kind=Stopping)
    assert run.positions.tolist() == [0, 2, 1]
    assert run.seconds.tolist() == [6, 10, 16]
    assert run.epochs.tolist() == [1, 5, 6]
    told = [outcome for _, outcome in script.told]
    assert [outcome.epochs for outcome in told] == [1, 4, 2]
    assert [len(outcome.curve) for outcome in told] == [1, 3, 2]
    assert told[0].score == told[0].curve[-1] == told[2].curve[0] == run.scores[0, 0]
    assert [question[:2] for question in script.questions] == [(12, 1), (0, 1), (0, 2), (12, 2)]


def test_a_slow_worker_is_asked_later(formula: Any) -> None:
    # The worker at half speed has trained code 1 for one epoch at 4 s, the other one code 3 at 4 s and code 0 at 17 s.
    script, run = scripted(asking(formula()), (3, 4), (1, 4), (0, 4), workers=Cluster((1.0, 0.5)), kind=Stopping)
    assert [question[:2] for question in script.questions] == [(3, 1), (1, 1), (0, 1)]
    assert run.seconds.tolist() == [16, 16, 20]


def test_where_trainings_do_not_continue_there_are_no_questions(formula: Any) -> None:
    script, run = scripted(asking(full_trainings_only(formula())), (12, 4), kind=Stopping)
    assert script.questions == []
    assert run.seconds.tolist() == [24]


def test_classes_say_by_themselves_whether_they_stop_trials() -> None:
    class Inherits(Stopping):
        pass

    assert (Script.stops_trials, Stopping.stops_trials, Inherits.stops_trials) == (False, True, True)


# --- budgets --------------------------------------------------------------------------------------------------------


def test_a_trial_that_ends_after_the_time_does_not_count(formula: Any) -> None:
    evaluator = asking(formula())
    trials = (6, 4), (0, 4), (4, 4), (1, 4)
    assert scripted(evaluator, *trials, seconds=52)[1].seconds.tolist() == [28, 32, 52]
    assert scripted(evaluator, *trials, seconds=51.9)[1].seconds.tolist() == [28, 32]
    script, run = scripted(evaluator, *trials, seconds=27)
    assert run.rows.shape == run.positions.shape == run.epochs.shape == run.seconds.shape == (0,)
    assert run.scores.shape == (0, 1)
    assert script.told == []


def test_epochs_are_a_budget(formula: Any) -> None:
    evaluator = asking(formula())
    trials = (6, 1), (6, 4), (0, 1), (1, 1)  # add 1, 3, 1 and 1
    for epochs, finished in ((1, 1), (2, 1), (3, 1), (4, 2), (5, 3), (6, 4), (7, 4)):
        run = scripted(evaluator, *trials, epochs=epochs)[1]
        assert run.epochs.tolist() == [1, 4, 5, 6][:finished], epochs
    assert len(scripted(evaluator, (6, 4), epochs=3)[1].rows) == 0


def test_a_trial_that_is_stopped_gives_back_what_it_leaves(formula: Any) -> None:
    evaluator = asking(formula())
    _, run = scripted(evaluator, (12, 4), (0, 4), (1, 1), (2, 1), kind=Stopping, epochs=6)
    assert codes(evaluator, run) == [12, 0, 1]
    assert run.epochs.tolist() == [1, 5, 6]


def test_a_trial_that_would_exceed_the_epochs_waits_for_what_is_given_back(formula: Any) -> None:
    # Code 12 may take 4 of 6 epochs, so code 0 cannot start beside it; stopped after 6 s, it leaves 5.
    evaluator = asking(formula())
    _, run = scripted(evaluator, (12, 4), (0, 4), (1, 1), workers=2, kind=Stopping, epochs=6)
    assert codes(evaluator, run) == [12, 1, 0]
    assert run.seconds.tolist() == [6, 8, 10]
    assert run.epochs.tolist() == [1, 2, 6]
    _, run = scripted(evaluator, (6, 4), (0, 4), (1, 1), workers=2, kind=Stopping, epochs=6)
    assert codes(evaluator, run) == [6], "nothing was given back"


def test_the_first_budget_that_is_reached_ends_the_run(formula: Any) -> None:
    evaluator = asking(formula())

    def run(**limits: Any) -> Run:
        return simulate(RandomSearch(), evaluator, Budget(**limits), rng())

    assert len(run(evaluations=3, epochs=10**6, seconds=1e6).rows) == 3
    assert run(evaluations=999, epochs=10**6, seconds=100).seconds[-1] <= 100
    assert run(evaluations=999, epochs=20, seconds=1e6).epochs.tolist() == [4, 8, 12, 16, 20]


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), workers=st.integers(1, 5), epochs=st.integers(1, 60), stops=st.booleans())
def test_no_budget_is_exceeded(formula: Any, seed: int, workers: int, epochs: int, stops: bool) -> None:
    draws = rng(seed)
    trials = [(int(draws.integers(0, 20 if stops else 10)), int(draws.choice([1, 4]))) for _ in range(30)]
    _, run = scripted(asking(formula()), *trials, workers=workers, epochs=epochs, seconds=200, kind=Stopping)
    assert (np.diff(run.seconds) >= 0).all()
    assert (np.diff(run.epochs) >= 0).all()
    assert len(run.rows) <= 30
    if len(run.rows):
        assert run.epochs[-1] <= epochs
        assert run.seconds[-1] <= 200


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({}, "needs a budget: give evaluations, epochs or seconds"),
        ({"evaluations": 0}, "the budget of evaluations must be a whole number of at least 1, got 0"),
        ({"epochs": 2.5}, "the budget of epochs must be a whole number of at least 1, got 2.5"),
        ({"seconds": 0.0}, "the budget of seconds must be a number above 0, got 0.0"),
        ({"seconds": float("nan")}, "the budget of seconds must be a number above 0, got nan"),
        ({"seconds": float("inf")}, "the budget of seconds must be a number above 0, got inf"),
    ],
)
def test_bad_budgets(budget: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Budget(**budget)


def test_bad_numbers_of_workers(formula: Any) -> None:
    with pytest.raises(InputError, match="the number of workers must be a whole number of at least 1, got 0"):
        scripted(asking(formula()), (6, 4), workers=0)


# --- what a strategy sees, and what it cannot change ----------------------------------------------------------------


def test_strategies_see_validation_values_with_the_sign_turned(formula: Any) -> None:
    benchmark = formula("minimise")
    evaluator = asking(benchmark)
    script, run = scripted(evaluator, (6, 4), (0, 1))
    values = [
        benchmark.query(cell, "validation_score", epoch=epoch).value
        for cell, epoch in zip(evaluator.genotypes(run.rows), (4, 1), strict=True)
    ]
    assert [-outcome.score for _, outcome in script.told] == values
    assert script.problem.objectives[0].direction == "minimise"


def test_the_problem_of_a_run(formula: Any) -> None:
    evaluator = asking(formula())
    script, _ = scripted(evaluator, (6, 4), seconds=50.0, workers=3)
    problem = script.problem
    assert (problem.fidelities, problem.resumable, problem.workers) == ((1, 4), True, 3)
    assert problem.budget == Budget(evaluations=1, seconds=50.0)
    assert (problem.objectives[0].name, problem.objectives[0].units) == ("toy/validation_score", "percent")
    assert problem.initial.shape == (0, 6)
    with pytest.raises(InputError, match="'toy/test_score' comes of training"):
        problem.columns(["test_score"], cells(evaluator, 6))


class Tampers(Script):
    """Asks for code 6, and makes code 0 of each array that it was or is told of."""

    def _start(self) -> None:
        super()._start()
        self.asked: list[Trial] = []

    def _ask_many(self, most: int) -> list[Trial]:
        self.asked += super()._ask_many(most)
        return self.asked[-most:]

    def _goes_on(self, trial: Trial, epoch: int, scores: tuple[float, ...]) -> bool:
        for asked in (trial, *self.asked):
            asked.architecture[:] = 0
        return True

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        trial.architecture[:] = 0
        with pytest.raises(ValueError, match="read-only"):
            outcome.curve[:] = 1e9


@pytest.mark.parametrize("kind", EVALUATORS)
def test_arrays_that_are_edited_after_asking_change_no_score(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(formula(), METRIC)
    edited, honest = Tampers((6, 4), (4, 4), (6, 4), (3, 1)), Script((6, 4), (4, 4), (6, 4), (3, 1))
    a, b = (simulate(s, evaluator, Budget(evaluations=4), rng(), workers=2) for s in (edited, honest))
    assert codes(evaluator, a) == codes(evaluator, b)
    for name in Run.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


@pytest.mark.parametrize("kind", EVALUATORS)
def test_a_trial_that_waits_for_epochs_is_what_it_was_when_asked_for(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(formula(), METRIC)
    run = simulate(Tampers((6, 1), (4, 4)), evaluator, Budget(epochs=5, evaluations=2), rng(), workers=2)
    assert sorted(codes(evaluator, run)) == [4, 6]


def test_initial_designs_cannot_be_edited(formula: Any) -> None:
    class Edits(Script):
        def _start(self) -> None:
            super()._start()
            self.problem.initial[:] = 0

    evaluator = asking(formula())
    designs = cells(evaluator, 6, 4)
    with pytest.raises(ValueError, match="read-only"):
        simulate(Edits(), evaluator, Budget(evaluations=2), rng(), initial=designs)
    designs[:] = 0  # the caller's own array stays as it was


class OneBuffer(Script):
    """Writes every proposal into one array."""

    def _ask(self) -> Trial | None:
        trial = super()._ask()
        if trial is None:
            return None
        if not hasattr(self, "buffer"):
            self.buffer = trial.architecture.copy()
        self.buffer[:] = trial.architecture
        return trial._replace(architecture=self.buffer)


@pytest.mark.parametrize("kind", EVALUATORS)
def test_trials_come_back_as_they_were_asked_for(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(formula(), METRIC)
    script = OneBuffer((6, 4), (4, 4), (1, 4), (0, 1))
    run = simulate(script, evaluator, Budget(evaluations=4), rng(), workers=3)
    assert [code for code, _ in script.told] == codes(evaluator, run)
    assert sorted(codes(evaluator, run)) == [0, 1, 4, 6]


class Tagged(Script):
    """Gives each trial a tag, by its number; `tags` overrides them."""

    tags: tuple[Any, ...] = ()

    def _ask(self) -> Trial | None:
        number = len(self.trials) - len(self.queue)
        trial = super()._ask()
        return trial and trial._replace(tag=self.tags[number] if self.tags else number)


class TwiceTagged(Tagged):
    tags = ("a", "a", "a")


def test_tags_come_back(formula: Any) -> None:
    class Notes(Tagged):
        def _tell(self, trial: Trial, outcome: Outcome) -> None:
            super()._tell(trial, outcome)
            self.back = [*getattr(self, "back", []), trial.tag]

    script, _ = scripted(asking(formula()), (6, 4), (0, 4), (4, 4), workers=2, kind=Notes)
    assert script.back == [1, 2, 0]


def test_a_tag_belongs_to_one_running_trial(formula: Any) -> None:
    evaluator = asking(formula())
    scripted(evaluator, (6, 4), (0, 4), (4, 4), kind=TwiceTagged)  # one after the other
    with pytest.raises(InputError, match=r"^TwiceTagged gives the tag 'a' to two running trials$"):
        scripted(evaluator, (6, 4), (0, 4), (4, 4), workers=2, kind=TwiceTagged)


def test_a_tag_that_no_running_trial_has(formula: Any) -> None:
    evaluator = asking(formula())
    script = Tagged((6, 4)).start(evaluator.problem(Budget(1), 1), rng())
    (trial,) = script.ask()
    outcome = Outcome((1.0,), 1.0, 4, np.ones(1))
    with pytest.raises(InputError, match=r"^Tagged has no running trial with the tag 7$"):
        script.tell(trial._replace(tag=7), outcome)
    script.tell(trial, outcome)
    with pytest.raises(InputError, match="has no running trial with the tag 0"):
        script.tell(trial, outcome)


# --- both kinds of evaluator ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 7])
@pytest.mark.parametrize("strategy", [RandomSearch, LocalSearch, RegularisedEvolution])
def test_asking_and_looking_up_agree(formula: Any, strategy: type[Strategy], workers: int) -> None:
    runs = [
        simulate(strategy(), kind(formula(), METRIC), Budget(evaluations=60), rng(), workers=workers)
        for kind in EVALUATORS
    ]
    for name in set(Run.__dataclass_fields__) - {"rows"}:
        np.testing.assert_allclose(getattr(runs[0], name), getattr(runs[1], name))


@pytest.mark.parametrize("kind", EVALUATORS)
def test_without_recorded_times_a_full_training_takes_one(formula: Any, kind: type[Evaluator]) -> None:
    evaluator = kind(formula(timed=False), METRIC)
    assert scripted(evaluator, (6, 4), (5, 1), (0, 4))[1].seconds.tolist() == [1, 1.25, 2.25]
    with pytest.raises(InputError, match="does not record train_seconds; give the budget in evaluations or epochs"):
        simulate(RandomSearch(), evaluator, Budget(seconds=9), rng())


@pytest.mark.parametrize("kind", EVALUATORS)
def test_only_the_whole_training_was_timed(formula: Any, kind: type[Evaluator]) -> None:
    benchmark = formula()
    sound = benchmark.formulas["toy/train_seconds"]
    benchmark.formulas["toy/train_seconds"] = lambda g, epoch: sound(g, epoch) if epoch == 4 else np.nan * sound(g, 4)
    evaluator = kind(benchmark, METRIC)
    assert evaluator.has_costs
    assert len(scripted(evaluator, (6, 4), (0, 4))[1].rows) == 2
    with pytest.raises(InputError, match="for 1 epochs is nan"):
        scripted(evaluator, (6, 1))


@pytest.mark.parametrize("kind", EVALUATORS)
def test_a_training_that_failed_takes_the_median_time(formula: Any, kind: type[Evaluator]) -> None:
    """Codes 6, 0 and 4 train 7, 1 and 5 s an epoch, four epochs each; that of 0 failed."""
    benchmark = formula()
    for name in ("toy/train_seconds", "toy/validation_score"):
        sound = benchmark.formulas[name]
        benchmark.formulas[name] = lambda g, epoch, sound=sound: np.where(
            benchmark.space.code(g) == 0, np.nan, sound(g, epoch)
        )
    every = benchmark.space.code(benchmark.architectures())
    usual = np.median(4 * (1 + every[every != 0] % 7))
    evaluator = kind(benchmark, METRIC)
    assert evaluator.has_costs
    script, run = scripted(evaluator, (6, 4), (0, 4), (4, 4))
    assert run.seconds.tolist() == [28, 28 + usual, 48 + usual]
    assert np.isnan(run.scores[:, 0]).tolist() == [False, True, False]
    assert np.isnan(script.told[1][1].score)


def test_a_training_without_a_time_is_refused_where_time_counts(formula: Any) -> None:
    benchmark = formula()
    benchmark.formulas["toy/train_seconds"] = lambda g, epoch: np.full(len(g), np.nan)
    with pytest.raises(InputError, match=r"the time of training .* for 4 epochs is nan; it has to be positive"):
        scripted(asking(benchmark), (6, 4))
    assert not TabulatedEvaluator(benchmark, METRIC).has_costs


# --- what a strategy trains by itself -------------------------------------------------------------------------------


class Trains(Script):
    """Trains by itself for some epochs before each of its proposals."""

    own: tuple[int, ...] = (6, 0, 2)

    def _start(self) -> None:
        super()._start()
        self.costs = list(self.own)

    def _ask(self) -> Trial | None:
        self.own_epochs += self.costs.pop(0)
        return super()._ask()


@pytest.mark.parametrize("kind", EVALUATORS)
def test_own_epochs_are_charged_by_hand(formula: Any, kind: Any) -> None:
    """A trial starts when the strategy has trained: 6 epochs before the first, none before the second, 2 after."""
    evaluator = kind(formula(), METRIC)
    plain, own = (scripted(evaluator, (6, 4), (1, 4), (2, 4), kind=cls)[1] for cls in (Script, Trains))
    epoch = evaluator.epoch_seconds()
    assert epoch > 0
    assert own.epochs.tolist() == [10, 14, 20]
    np.testing.assert_allclose(own.seconds, plain.seconds + epoch * np.array([6, 6, 8]), rtol=1e-12)
    assert own.scores.tolist() == plain.scores.tolist()


def test_median_epoch_by_hand(formula: Any) -> None:
    times = TabulatedEvaluator(formula(), METRIC)
    full = [times.seconds(row, len(times.fidelities) - 1) for row in range(len(times.codes))]
    assert times.epoch_seconds() == np.median(full) / times.fidelities[-1]


def test_own_epochs_are_no_time_of_the_trial(formula: Any) -> None:
    evaluator = TabulatedEvaluator(formula(), METRIC)
    plain, own = (scripted(evaluator, (6, 4), kind=cls)[0].told[0][1].seconds for cls in (Script, Trains))
    assert own == pytest.approx(plain, rel=1e-12)


def test_other_workers_wait_for_what_a_strategy_trains(formula: Any) -> None:
    evaluator = TabulatedEvaluator(formula(), METRIC)
    _, run = scripted(evaluator, (6, 4), (1, 4), (2, 4), kind=Trains, workers=2)
    starts = 6 * evaluator.epoch_seconds()
    assert (run.seconds > starts).all()


@pytest.mark.parametrize(("limits", "trials"), [({"epochs": 9}, 0), ({"epochs": 10}, 1), ({"epochs": 19}, 2)])
def test_own_epochs_count_in_the_budget(formula: Any, limits: Any, trials: int) -> None:
    _, run = scripted(TabulatedEvaluator(formula(), METRIC), (6, 4), (1, 4), (2, 4), kind=Trains, **limits)
    assert len(run.rows) == trials


def test_own_epochs_count_in_the_budget_of_seconds(formula: Any) -> None:
    evaluator = TabulatedEvaluator(formula(), METRIC)
    _, plain = scripted(evaluator, (6, 4), (1, 4), (2, 4))
    limit = float(plain.seconds[0]) + 6 * evaluator.epoch_seconds()
    assert len(scripted(evaluator, (6, 4), (1, 4), (2, 4), kind=Trains, seconds=limit * 1.001)[1].rows) == 1
    assert len(scripted(evaluator, (6, 4), (1, 4), (2, 4), kind=Trains, seconds=limit * 0.999)[1].rows) == 0


def test_own_epochs_never_fall(formula: Any) -> None:
    class Forgets(Trains):
        own = (6, -1, 0)

    with pytest.raises(InputError, match="own_epochs of Forgets must be a whole number of at least 6, got 5"):
        scripted(TabulatedEvaluator(formula(), METRIC), (6, 4), (1, 4), (2, 4), kind=Forgets)

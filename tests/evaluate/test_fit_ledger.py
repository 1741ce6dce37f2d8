"""The ledger of an evaluation: whatever is cut off, and wherever it stops, the results are those without a stop."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError
from nasbench.evaluate.fit_ledger import FitLedger, ledger_of
from nasbench.evaluate.predictors import Evaluation
from nasbench.evaluate.results import Results
from nasbench.evaluate.tables import evaluate_tables
from nasbench.evaluate.tuning import TuningBudget
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
TIMES = ("fit_seconds", "predict_seconds", "tune_seconds")


def table(seed: int = 0, name: str = "toy.h5") -> TabularBenchmark:
    rng = np.random.default_rng(seed)
    genotypes = SPACE.decode(rng.permutation(SPACE.size)[:80])
    values = SPACE.features(genotypes, "counts") @ np.array([0, -5.0, 0, 2, 4, 1, 0]) + 80 + rng.normal(size=80)
    metric = Metric("toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    column = Column(metric, values, np.zeros(80, dtype=np.uint8))
    return TabularBenchmark(Table(SPACE, genotypes, (), {}, {metric.path: column}), name=name)


def plan(benchmark: TabularBenchmark | None = None, **changes: Any) -> Evaluation:
    settings = {"predictors": ["mean", "ridge"], "train_sizes": [5, 10], "test_size": 20, "splits": 2}
    return Evaluation.plan(benchmark or table(), "validation_accuracy", **{**settings, **changes})


def untimed(results: Results) -> list[dict[str, Any]]:
    return [{name: value for name, value in record.items() if name not in TIMES} for record in results.records]


def run(path: Path, evaluation: Evaluation, progress: Callable[[int, int], None] = lambda *_: None) -> Results:
    with FitLedger(path, [evaluation]) as ledger:
        hooks = ledger.hooks(evaluation.benchmark.name)
        return evaluation.run(evaluation.try_out(False, print, hooks["known"]), progress=progress, **hooks)


def stop_after(number: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A ledger of three of eight fits."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "toy.fits", plan(), stop_after(3))
    return tmp_path / "toy.fits"


@pytest.mark.parametrize("tuning", [None, TuningBudget(trials=2)])
def test_a_second_call_makes_the_other_fits_and_gives_the_same_results(
    tmp_path: Path, tuning: TuningBudget | None
) -> None:
    path, evaluation = tmp_path / "toy.fits", plan(tuning=tuning)
    whole = evaluation.run({})
    with pytest.raises(KeyboardInterrupt):
        run(path, evaluation, stop_after(3))
    told: list[int] = []
    results = run(path, evaluation, lambda done, total: told.append(done))
    assert told == [3, 4, 5, 6, 7, 8]
    assert untimed(results) == untimed(whole)
    assert results.settings == whole.settings
    means = [[row["kendall_tau"] for row in found.summary["scores"]] for found in (results, whole)]
    assert means[0] == means[1] and results.summary["rankings"] == whole.summary["rankings"]
    again = run(path, evaluation, lambda done, total: told.append(done))
    assert told[6:] == [8] and again.records == results.records  # nothing is fitted twice, so times are equal too


def test_a_last_line_that_is_cut_or_damaged_is_made_again(stopped: Path) -> None:
    content, evaluation = stopped.read_bytes(), plan()
    whole = untimed(evaluation.run({}))
    last = content.rstrip(b"\n").rfind(b"\n") + 1
    for damaged in (content[:-1], content[: last + 1], content[:last] + bytes(40) + b"\n", content[: last + 30]):
        stopped.write_bytes(damaged)
        told: list[int] = []
        assert untimed(run(stopped, evaluation, lambda done, total, told=told: told.append(done))) == whole
        assert told[0] == 2
    header = content.index(b"\n") + 1
    for cut in (0, 1, header // 2, header - 1, header):
        stopped.write_bytes(content[:cut])
        assert untimed(run(stopped, evaluation)) == whole


def test_a_damaged_line_or_another_file_is_refused_and_kept(stopped: Path) -> None:
    lines = stopped.read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b"0.", b"1.", 1)
    for content, said in (
        (b"\n".join(lines), r"is damaged at line 3, or no ledger"),
        (b"a note", "is no ledger of an evaluation"),
        (b"a note\n", "is no ledger of an evaluation"),
        (b"a note\nof two lines\n", "is damaged at line 1, or no ledger"),
    ):
        stopped.write_bytes(content)
        with pytest.raises(FileError, match=said):
            FitLedger(stopped, [plan()])
        assert stopped.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"splits": 3}, r"tables\.toy\.h5\.splits is 2 there and 3 here"),
        ({"predictors": ["ridge"]}, r"tables\.toy\.h5\.predictors is"),
        ({"seed": 1}, r"tables\.toy\.h5\.seed is 0 there and 1 here"),
        ({"tuning": TuningBudget(trials=2)}, r"tables\.toy\.h5\.tuning is None there"),
        ({"benchmark": table(1)}, r"tables\.toy\.h5\.\w+ is"),
        ({"benchmark": table(0, "other.h5")}, r"tables\.toy\.h5 is .* there and None here"),
    ],
)
def test_other_settings_are_refused_with_their_first_difference(
    stopped: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(FileError, match=rf"holds 3 finished fits of other settings: {said}") as caught:
        FitLedger(stopped, [plan(**changes)])
    assert "\n" not in str(caught.value)
    assert FitLedger(stopped, [plan(jobs=2)]).count == 3  # the number of processes changes no score


def test_other_numbers_are_refused_whatever_their_settings(stopped: Path) -> None:
    changed = table()
    (column,) = changed.table.columns.values()
    column.values[3] += 1e-9
    with pytest.raises(FileError, match=r"tables\.toy\.h5\.numbers is"):
        FitLedger(stopped, [plan(changed)])


def test_without_a_finished_fit_nothing_is_left(tmp_path: Path) -> None:
    with FitLedger(tmp_path / "toy.fits", [plan()]):
        pass
    assert list(tmp_path.iterdir()) == []


def test_one_evaluation_at_a_time(stopped: Path) -> None:
    with FitLedger(stopped, [plan()]), pytest.raises(FileError, match="is in use by another evaluation"):
        FitLedger(stopped, [plan()])


def test_it_needs_a_folder(tmp_path: Path) -> None:
    assert ledger_of(tmp_path / "scores.json") == tmp_path / "scores.json.fits"
    with pytest.raises(FileError, match="cannot write"):
        FitLedger(tmp_path / "nowhere" / "toy.fits", [plan()])


def test_several_tables_go_on_where_they_stopped(tmp_path: Path) -> None:
    path, plans = tmp_path / "many.fits", [plan(table(0, "x.h5")), plan(table(1, "y.h5"))]
    whole = evaluate_tables(plans)
    with pytest.raises(KeyboardInterrupt), FitLedger(path, plans) as ledger:
        evaluate_tables(plans, progress=stop_after(11), ledger=ledger)
    told: list[int] = []
    with FitLedger(path, plans) as ledger:
        assert ledger.count == 11
        results = evaluate_tables(plans, progress=lambda done, total: told.append(done), ledger=ledger)
    assert told == [8, 11, 12, 13, 14, 15, 16]
    assert untimed(results) == untimed(whole)
    assert results.summary["ranks"] == whole.summary["ranks"]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_fit_ledger import plan, run
run(Path(sys.argv[1]), plan(), lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 5 else None)
"""


def test_a_killed_process_loses_no_finished_fit(tmp_path: Path) -> None:
    path, code = tmp_path / "toy.fits", KILLED.format(folder=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code, path], env={**os.environ}, check=False)
    assert done.returncode == -9
    with FitLedger(path, [plan()]) as ledger:
        assert ledger.count == 5
    assert untimed(run(path, plan())) == untimed(plan().run({}))

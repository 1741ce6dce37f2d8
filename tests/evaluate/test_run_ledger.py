"""The ledger of a comparison: whatever is cut off, and wherever it stops, the results are those without a stop."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from nasbench.benchmark.load import load
from nasbench.errors import FileError
from nasbench.evaluate.fit_ledger import FitLedger
from nasbench.evaluate.races import compare_all
from nasbench.evaluate.results import Results
from nasbench.evaluate.run_ledger import RunLedger, ledger_of
from nasbench.evaluate.strategies import compare
from nasbench.search.random import RandomSearch

RACE: dict[str, Any] = {"strategies": ["random", "local"], "evaluations": 12, "repeats": 3, "jobs": 1}
TWO = ["synthetic-additive", "synthetic-crossing"]


def raced(path: Path, progress: Callable[[int, int], None] = lambda *_: None, **changes: Any) -> Results:
    benchmark = load("nb201-digits")
    with RunLedger(path) as ledger:
        return compare(benchmark, benchmark.score().path, progress=progress, ledger=ledger, **{**RACE, **changes})


def stop_after(number: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """The ledger of a comparison that stopped after 4 of 8 runs."""
    path = ledger_of(tmp_path / "race.json")
    with pytest.raises(KeyboardInterrupt):
        raced(path, stop_after(4))
    return path


def test_a_second_call_makes_the_other_runs_and_gives_the_same_results(stopped: Path) -> None:
    benchmark = load("nb201-digits")
    whole = compare(benchmark, benchmark.score().path, **RACE)
    with RunLedger(stopped) as ledger:
        assert ledger.count == 4
    told: list[int] = []
    again = raced(stopped, lambda done, _: told.append(done))
    assert told == [4, 5, 6, 7, 8]
    assert (again.records, again.summary, again.settings) == (whole.records, whole.summary, whole.settings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evaluations": 13}, "budget.evaluations is 12 there and 13 here"),
        ({"seed": 1}, "seed is 0 there and 1 here"),
        ({"initial": 5}, "initial is 10 there and 5 here"),
        ({"strategies": ["random", "tabu"]}, "code.local is"),
        ({"judge": "test_accuracy"}, "judge is null there|judge is None there"),
    ],
)
def test_other_settings_are_refused_with_their_first_difference(
    stopped: Path, changes: dict[str, Any], said: str
) -> None:
    before = stopped.read_bytes()
    with pytest.raises(FileError, match=f"holds 4 finished runs of other settings: .*({said})"):
        raced(stopped, **changes)
    assert stopped.read_bytes() == before


def test_more_repeats_and_another_number_of_processes_go_on(stopped: Path) -> None:
    """What a run is depends on neither."""
    results = raced(stopped, repeats=4, jobs=2)
    benchmark = load("nb201-digits")
    assert results.records == compare(benchmark, benchmark.score().path, **{**RACE, "repeats": 4}).records


def test_a_last_line_that_is_cut_is_made_again(stopped: Path) -> None:
    content = stopped.read_bytes()
    stopped.write_bytes(content[:-5])
    with RunLedger(stopped) as ledger:
        assert ledger.count == 3
    assert content.startswith(stopped.read_bytes())


def test_a_ledger_of_an_evaluation_is_refused(tmp_path: Path) -> None:
    with FitLedger(tmp_path / "x", []) as ledger:
        ledger.append(["a", ["b"], {}])
    with pytest.raises(FileError, match="is no ledger of a comparison"):
        RunLedger(tmp_path / "x")


def test_one_comparison_at_a_time(stopped: Path) -> None:
    with RunLedger(stopped), pytest.raises(FileError, match="in use by another comparison"):
        RunLedger(stopped)


def test_several_benchmarks_go_on_where_they_stopped(tmp_path: Path) -> None:
    """Eight runs a benchmark; the race stops within the second."""
    benchmarks = [load(name) for name in TWO]
    whole = compare_all(benchmarks, **RACE)
    path = tmp_path / "many.json.runs"
    with RunLedger(path) as ledger, pytest.raises(KeyboardInterrupt):
        compare_all(benchmarks, progress=stop_after(11), ledger=ledger, **RACE)
    with RunLedger(path) as ledger:
        assert ledger.count == 11
        again = compare_all(benchmarks, ledger=ledger, **RACE)
    assert (again.records, again.summary) == (whole.records, whole.summary)


class Mine(RandomSearch):
    """Somebody's strategy, whose file is this one."""


def test_the_file_of_a_strategy_counts(tmp_path: Path) -> None:
    benchmark = load(TWO[0])
    with RunLedger(tmp_path / "x") as ledger:
        compare(benchmark, benchmark.score().path, ledger=ledger, **{**RACE, "strategies": [Mine]})
    with RunLedger(tmp_path / "x") as ledger:
        kind, name, identity = ledger.rows[0]
    assert (kind, name) == ("benchmark", TWO[0])
    assert [*identity["code"].values()] == [sha256(Path(__file__).read_bytes()).hexdigest()]

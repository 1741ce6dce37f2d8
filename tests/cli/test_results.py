"""The commands evaluate, surrogate, compare and report, one after the other."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.load import load
from nasbench.evaluate.run_ledger import RunLedger, ledger_of
from nasbench.evaluate.strategies import compare


def test_evaluate_surrogate_compare_report(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, fitted, race, page = (tmp_path / n for n in ("scores.json", "fitted.h5", "race.json", "report.html"))
    common = ["--jobs", 1]
    assert run(
        "evaluate", table_file, "--predictors", "mean,ridge", "--train-sizes", "10,30",
        "--test-size", 20, "--splits", 3, "--json", scores, *common,
    ) == 0  # fmt: skip
    assert {r["predictor"] for r in json.loads(scores.read_text())["records"]} == {"mean", "ridge"}
    printed = capsys.readouterr().out
    assert "n=10: ridge alone has a Kendall tau\nn=30: ridge alone has a Kendall tau\n" in printed
    assert run("surrogate", table_file, "--predictor", "ridge", "--out", fitted) == 0
    assert run(
        "compare", fitted, "--strategies", "random,evolution", "--evaluations", 30,
        "--repeats", 4, "--json", race, *common,
    ) == 0  # fmt: skip
    records = json.loads(race.read_text())["records"]
    assert set(records[0]) == {
        "benchmark", "strategy", "repeat", "evaluations", "epochs", "simulated_seconds", "valid", "test", "regret",
        "valid_regret",
    }  # fmt: skip
    assert run(
        "compare", fitted, "--strategies", "random", "--epochs-budget", 40, "--workers", "1,0.5",
        "--score", "retrained", "--repeats", 2, "--json", tmp_path / "short.json", *common,
    ) == 0  # fmt: skip
    short = json.loads((tmp_path / "short.json").read_text())
    assert short["settings"]["workers"] == [1, 0.5]
    assert max(record["epochs"] for record in short["records"]) <= 40
    assert short["records"][0]["retrain_epochs"] == 0
    printed = capsys.readouterr().out
    assert "By test regret" in printed and "By validation regret" in printed
    assert "A perfect search on validation values would have a test regret of" in printed
    assert run("report", table_file, scores, fitted, race, "--out", page) == 0
    assert "<html" in page.read_text()
    assert len(list((tmp_path / "report_figures").glob("*.png"))) > 3


def test_a_small_table_adapts_what_was_not_given_and_says_so(
    table_file: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["evaluate", table_file, "--predictors", "ridge", "--splits", 1, "--jobs", 1]
    assert run(*common, "--train-sizes", 10) == 0
    assert re.search(r"The table is small: training sizes 10, \d\d held-out architectures\n", capsys.readouterr().out)
    for size in ("--train-sizes", "--test-size"):
        assert run(*common, size, 1234) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and re.search(
            r" (train|test) size 1,234 exceeds the \d\d that leave two for the other part", captured.err
        )


def test_a_table_without_test_or_validation_numbers(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is said names a split that is missing, and no metric that nobody typed."""
    table = hdf5.read(table_file)
    files = {}
    for split in ("validation", "test"):
        columns = {path: column for path, column in table.columns.items() if column.metric.split in (split, "none")}
        files[split] = tmp_path / f"{split}.h5"
        hdf5.write(replace(table, columns=columns), files[split])
    for command in ("compare", "surrogate"):
        assert run(command, files["test"], *(["--out", tmp_path / "s.h5"] if command == "surrogate" else [])) == 2
        assert re.search(
            r"and this benchmark has (none; others stand for it with .*|no validation metric)\n$",
            capsys.readouterr().err,
        )
    assert run("surrogate", files["validation"], "--predictor", "ridge", "--out", tmp_path / "s.h5") == 0
    assert (
        run("compare", tmp_path / "s.h5", "--strategies", "random", "--evaluations", 12, "--repeats", 2, "--jobs", 1)
        == 0
    )
    captured = capsys.readouterr()
    assert (
        "No ranking by test regret: random has none in repeat 0: test values were not recorded; a judge (METRIC@SEEDS)"
        in captured.out
    )
    assert "test_accuracy" not in captured.out + captured.err


def test_evaluate_by_protocol(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--predictors", "ridge", "--splits", 2, "--jobs", 1, "--json", tmp_path / "scores.json"]
    for words in (["--split", "random"], ["--split", "tagates", "--train-sizes", "5,10"]):
        assert run("evaluate", table_file, *words, *common) == 0
        content = json.loads((tmp_path / "scores.json").read_text())
        assert content["settings"]["protocol"] == words[1]
        printed = capsys.readouterr().out
        shared = [record["shared_functions"] for record in content["records"]]
        assert ("Share of the test architectures whose function is in the training set" in printed) == any(shared)
        assert "ridge alone has a Kendall tau" in printed
    assert content["settings"]["train_sizes"] == [5, 10]


ENDLESS = """
from nasbench.predictors.ridge import Ridge
from nasbench.search.random import RandomSearch


class Search(RandomSearch):
    def _ask(self):
        while True:
            pass


class Fit(Ridge):
    def _fit(self, inputs, z):
        while True:
            pass
"""


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module in the working folder."""
    (tmp_path / "endless.py").write_text(ENDLESS)
    monkeypatch.chdir(tmp_path)
    yield "endless"
    sys.modules.pop("endless", None)


def test_a_step_without_end_is_told_and_the_others_results_are_written(
    table_file: Path,
    surrogate_file: Path,
    endless: str,
    run: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    common = ["--jobs", 1, "--patience", 10, "--json"]
    words = ["--strategies", f"random,{endless}:Search", "--evaluations", 12, "--repeats", 2, *common, "race.json"]
    assert run("compare", surrogate_file, *words) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"strategy '{endless}:Search', repeat 0: no proposal within 10 s (--patience)" in said
    assert json.loads((tmp_path / "race.json").read_text())["settings"]["strategies"] == ["random"]
    words = ["--predictors", f"mean,{endless}:Fit", "--train-sizes", 10, "--test-size", 20, *common, "fits.json"]
    assert run("evaluate", table_file, *words) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"predictor '{endless}:Fit' on 10 architectures, split 0: no fit within 10 s (--patience)" in said
    assert json.loads((tmp_path / "fits.json").read_text())["settings"]["predictors"] == ["mean"]


def test_evaluate_several_tables(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, many, page = tmp_path / "other.h5", tmp_path / "many.json", tmp_path / "page.html"
    other.write_bytes(table_file.read_bytes())
    common = ["--train-sizes", "10,20", "--test-size", 20, "--splits", 2, "--jobs", 1]
    words = ["evaluate", table_file, other, "--predictors", "mean,ridge", *common]
    assert run(*words, "--json", many) == 0
    printed = capsys.readouterr().out
    assert "Ranks over 2 tables" in printed and "rank n=10" in printed
    assert "n=20, 2 tables: ridge has the lowest mean rank, not distinguishable from mean; 6 tables could" in printed
    content = json.loads(many.read_text())
    assert (content["kind"], content["benchmark"]) == ("evaluations", "table.h5, other.h5")
    assert {record["benchmark"] for record in content["records"]} == {"table.h5", "other.h5"}
    assert run("report", many, "--out", page) == 0
    assert "Predictors over 2 tables" in page.read_text()
    capsys.readouterr()
    for more, said in (
        (["--metric", "loss"], r"table\.h5: unknown metric 'loss'; this benchmark has"),
        (["--split", "published"], "--split published takes one table"),
        (["--leave-out", "all"], "--leave-out takes one table"),
        (["--train-sizes", 1234], r"table\.h5: (train )?size 1,234 exceeds|table\.h5: train size 1,234"),
    ):
        assert run("evaluate", table_file, other, *(["--test-size=9"] if "1234" in str(more) else []), *more) == 2
        assert re.search(said, capsys.readouterr().err)
    assert run("evaluate", table_file, table_file) == 2
    assert "two tables are named table.h5" in capsys.readouterr().err
    assert run("evaluate", table_file, other, "--split", "tagates") == 2
    assert "with several give --train-sizes" in capsys.readouterr().err


def test_evaluate_tuned(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "scores.json"
    common = ["--train-sizes", 20, "--test-size", 20, "--splits", 2, "--jobs", 1]
    words = ["evaluate", table_file, "--predictors", "mean,ridge", *common]
    assert run(*words, "--tune-trials", 2, "--json", scores) == 0
    printed = capsys.readouterr().out
    assert "Tuned within the training set, at most 2 settings a fit (repeatable); nothing to tune: mean\n" in printed
    assert {(r["predictor"], r["tune_trials"]) for r in json.loads(scores.read_text())["records"]} == {
        ("mean", 0), ("ridge", 2)
    }  # fmt: skip
    assert run(*words, "--tune", 1e-9) == 0
    printed = capsys.readouterr().out
    assert (
        "depends on the machine and its load); nothing to tune: mean; 2 of 2 fits had time for the defaults" in printed
    )
    assert run(*words, "--tune", 0) == 2
    assert "tuning seconds must be a number above 0, got 0" in capsys.readouterr().err


STOPPING = """
from pathlib import Path

from nasbench.predictors.ridge import Ridge

STOP = Path("stop")


class Stopping(Ridge):
    def _fit(self, inputs, z):
        if len(z) == 20 and STOP.exists():
            raise KeyboardInterrupt
        super()._fit(inputs, z)
"""


def test_evaluate_goes_on_after_ctrl_c(
    table_file: Path,
    run: Callable[..., int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("stopping.py").write_text(STOPPING)
    Path("stop").touch()
    scores, ledger, records = Path("scores.json"), Path("scores.json.fits"), Path("records.csv")
    common = ["--train-sizes", "10,20", "--test-size", 20, "--jobs", 1, "--json", scores, "--records", records]
    words = ["evaluate", table_file, "--predictors", "ridge,stopping:Stopping", "--splits", 2, *common]
    assert run(*words) == 130
    assert "stopped; the same command continues, from scores.json.fits\n" in capsys.readouterr().err
    assert ledger.exists() and not scores.exists() and not records.exists()
    Path("stop").unlink()
    assert run("evaluate", table_file, "--predictors", "ridge", "--splits", 2, *common) == 2
    assert re.search(
        r"scores\.json\.fits holds 5 finished fits of other settings: .*predictors", capsys.readouterr().err
    )
    assert run(*words) == 0
    assert "5 of 8 fits are there from an earlier call" in capsys.readouterr().err
    assert not ledger.exists() and len(json.loads(scores.read_text())["records"]) == 8
    assert len(records.read_text().splitlines()) == 9
    sys.modules.pop("stopping", None)


def test_records_are_checked_before_the_work(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, said in (
        (tmp_path / "records.txt", "written as .csv or .parquet"),
        (tmp_path / "none" / "records.csv", "no writable folder"),
    ):
        assert run("evaluate", table_file, "--predictors", "mean", "--records", file) == 2
        assert said in capsys.readouterr().err
    same = tmp_path / "scores.csv"
    assert run("evaluate", table_file, "--predictors", "mean", "--records", same, "--json", same) == 2
    assert "is an input or another output" in capsys.readouterr().err


def test_predictors_learn_from_other_tables_first(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / "scores.json"
    common = ["--predictors", "transfer+predictor=ridge", "--splits", 2, "--jobs", 1, "--test-size", 20]
    source = "nb201-digits:digits/test_accuracy"
    assert run("evaluate", table_file, *common, "--train-sizes", "0,5", "--sources", source, "--json", scores) == 0
    results = json.loads(scores.read_text())
    assert results["settings"]["sources"] == ["nb201-digits.h5:digits/test_accuracy"]
    assert {record["n_train"]: record["rmse"] is None for record in results["records"]} == {0: True, 5: False}
    assert "tau n=0" in capsys.readouterr().out
    for wrong, said in (
        ("nb201-digits:digits/speed", "unknown metric 'digits/speed'"),
        ("nowhere.h5", "there is no file 'nowhere.h5'"),
        (table_file, "is what predictors are scored on"),
    ):
        assert run("evaluate", table_file, *common, "--train-sizes", 5, "--sources", wrong) == 2
        assert said in capsys.readouterr().err


def test_several_benchmarks_after_a_stop(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ledger of a stopped call is used up by the next, whose results are read by the report."""
    words: list[Any] = ["synthetic-additive", "synthetic-crossing", "--strategies", "random,local", "--evaluations", 12]
    words += ["--repeats", 2, "--jobs", 1]
    results = tmp_path / "races.json"
    with RunLedger(ledger_of(results)) as ledger, pytest.raises(KeyboardInterrupt):
        benchmark = load("synthetic-additive")
        settings: dict[str, Any] = {"strategies": ["random", "local"], "evaluations": 12, "repeats": 2, "jobs": 1}
        compare(benchmark, ledger=ledger, progress=stop_after(3), **settings)
    assert run("compare", *words, "--json", results, "--records", tmp_path / "races.csv") == 0
    captured = capsys.readouterr()
    assert "3 runs are there from an earlier call" in captured.err
    assert "Over 2 benchmarks, by test regret" in captured.out and "Bradley-Terry" in captured.out
    assert not ledger_of(results).exists()
    assert json.loads(results.read_text())["kind"] == "comparisons"
    assert {row["benchmark"] for row in csv.DictReader((tmp_path / "races.csv").read_text().splitlines())} == {
        *words[:2]
    }
    assert run("report", results, "--out", tmp_path / "page.html") == 0


def stop_after(number: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise KeyboardInterrupt

    return progress


def test_a_race_says_which_seeds_strategies_saw(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    race, page = tmp_path / "race.json", tmp_path / "report.html"
    common = ["compare", "synthetic-noisy", "--strategies", "random", "--evaluations", 12, "--repeats", 2, "--jobs", 1]
    assert run(*common, "--seed-policy", "draw", "--json", race) == 0
    printed = capsys.readouterr().out
    sentence = "Strategies saw validation values of one training seed, drawn for each architecture and repeat, and"
    assert sentence in printed and "A perfect search on mean validation values" in printed
    assert json.loads(race.read_text())["settings"]["seed_policy"] == "draw"
    assert run("report", race, "--out", page) == 0
    assert sentence in page.read_text()
    capsys.readouterr()
    assert run(*common) == 0
    assert "Strategies saw validation values that are means over training seeds\n" in capsys.readouterr().out
    assert run("compare", "synthetic-additive", *common[2:], "--seed-policy", "draw") == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert "use --seed-policy mean, or build the table with --seeds 3" in captured.err


def test_a_race_on_an_unsteady_cluster_with_a_guard_and_a_memory_limit(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["compare", "synthetic-additive", "--strategies", "random", "--evaluations", 12, "--repeats", 2]
    common += ["--jobs", 1, "--workers", "2+jitter=0.2+mtbf=5+restarts=2"]
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert run(*common, "--json", one) == 0
    assert run(*common, "--guard", "--memory", 8, "--patience", 100, "--json", two) == 0
    first, second = (json.loads(path.read_text()) for path in (one, two))
    assert first["settings"]["workers"] == "2+jitter=0.2+mtbf=5.0+restarts=2"
    assert (first["records"], first["summary"]) == (second["records"], second["summary"])
    capsys.readouterr()
    for words, message in (
        (["--memory", 0], "memory must be a number above 0, got 0.0"),
        (["--workers", "2+luck=1"], "+jitter=0.3, +mtbf=SECONDS and +restarts=3 may follow"),
    ):
        assert run(*common, *words) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and message in captured.err

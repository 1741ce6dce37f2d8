"""Commands do what they say; a mistake is one line on standard error with exit status 2, and leaves nothing behind."""

import inspect
import json
import os
import re
import sys
import typing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5 import write, write_surrogate
from nasbench.benchmark.surrogate import SurrogateBenchmark, fit_surrogate
from nasbench.benchmark.table import Column, Table
from nasbench.cli import import_table, main
from nasbench.console import show
from nasbench.importers import importers
from nasbench.spaces import spaces

CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
DIMS = ("architecture", "seed", "epoch")


@pytest.fixture(scope="module")
def table_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 cells x 2 seeds x 3 epochs whose accuracy rises with their convolutions."""
    rng = np.random.default_rng(0)
    space = spaces.create("nb201")
    genotypes = np.unique(np.concatenate([[space.genotype(CELL)], space.sample(90, rng)]), axis=0)[:80]
    genotypes = np.concatenate([[space.genotype(CELL)], genotypes[(genotypes != space.genotype(CELL)).any(axis=1)]])
    counts = space.features(genotypes, "counts")
    base = 40 + 10 * counts[:, [space.ops.index("nor_conv_3x3")]] + rng.normal(0, 0.5, (len(genotypes), 2))
    accuracy = base[:, :, None] + np.array([0.0, 2.0, 3.0])
    seconds = np.broadcast_to(np.array([1.0, 2.0, 3.0]), accuracy.shape) * (1 + counts[:, 2])[:, None, None]
    accuracy[5, 1] = np.nan
    missing = np.isnan(accuracy).astype(np.uint8)
    columns = [
        Column(
            Metric("toy", "validation_accuracy", "validation", "percent", "maximise", DIMS),
            accuracy,
            missing,
            ("diverged",),
        ),
        Column(
            Metric("toy", "test_accuracy", "test", "percent", "maximise", DIMS), accuracy - 1, missing, ("diverged",)
        ),
        Column(Metric("toy", "train_seconds", "none", "seconds", "minimise", DIMS), seconds, 0 * missing),
    ]
    table = Table(space, genotypes, (0, 1), {"toy": (1, 2, 3)}, {c.metric.path: c for c in columns})
    path = tmp_path_factory.mktemp("cli") / "table.h5"
    write(table, path)
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["nasbench", *map(str, arguments)])
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


def test_query_says_what_the_number_is(table_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    assert run(monkeypatch, "query", table_file, CELL, "--metric", "test_accuracy", "--epoch", 2, "--json", file) == 0
    content = json.loads(file.read_text())
    assert content["architecture"] == CELL
    (answer,) = content["answers"]
    assert (answer["metric"], answer["split"], answer["units"]) == ("toy/test_accuracy", "test", "percent")
    assert (answer["epoch"], answer["seeds"]) == (2, [0, 1])
    assert 49 < answer["value"] < 53
    assert answer["cost"] > 0


def test_query_takes_a_genotype_and_one_seed(table_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digits = ",".join(map(str, spaces.create("nb201").genotype(CELL)))
    file = tmp_path / "answer.json"
    assert run(monkeypatch, "query", table_file, digits, "--seed", 1, "--json", file) == 0
    answers = json.loads(file.read_text())["answers"]
    assert [a["seeds"] for a in answers] == [[1], [1], [1]]
    assert [a["epoch"] for a in answers] == [3, 3, 3]


def test_query_of_what_a_row_of_its_function_answers(
    table_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that training came to, and not what the architecture itself costs."""
    table = nasbench.load(table_file).table.loaded()
    flops = Column(
        Metric("toy", "flops", "none", "count", "minimise", DIMS[:1]), np.ones(80), np.zeros(80, dtype=np.uint8)
    )
    columns = {**table.columns, "toy/flops": flops}
    write(replace(table, columns=columns, recipe={"rows_stand_for": "functions"}), tmp_path / "t.h5")
    space, file = table.space, tmp_path / "answer.json"
    every = np.concatenate(list(space.enumerate()))
    shared = np.isin(space.function_key(every), space.function_key(table.genotypes))
    beside = every[shared & ~np.isin(space.key(every), space.key(table.genotypes))][0]
    for options in ((), ("--seed", 0)):
        assert run(monkeypatch, "query", tmp_path / "t.h5", space.text(beside), *options, "--json", file) == 0
        metrics = {answer["metric"] for answer in json.loads(file.read_text())["answers"]}
        assert metrics == {"toy/validation_accuracy", "toy/test_accuracy", "toy/train_seconds"}
        assert "what this one itself costs is not known" in capsys.readouterr().out.replace("\n", " ")
    assert run(monkeypatch, "query", tmp_path / "t.h5", space.text(beside), "--metric", "flops") == 2
    assert run(monkeypatch, "query", table_file, space.text(beside)) == 2


def test_a_seed_that_is_asked_of_a_surrogate_is_not_dropped(
    table_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is one, or an epoch, that no metric has."""
    file = tmp_path / "answer.json"
    fitted = fit_surrogate(nasbench.load(table_file), "validation_accuracy", "ridge")
    for number, models in enumerate((fitted.models, {n: replace(m, noise=None) for n, m in fitted.models.items()})):
        surrogate = SurrogateBenchmark(fitted.table, models)
        write_surrogate(surrogate, tmp_path / f"s{number}.h5")
    assert run(monkeypatch, "query", tmp_path / "s0.h5", CELL, "--seed", 3, "--json", file) == 0
    for answer in json.loads(file.read_text())["answers"]:
        assert answer["seeds"] == [3]
        assert answer["value"] == fitted.query(CELL, answer["metric"], seed=3).value
    for options in (("--seed", 3), ("--epoch", 2)):
        assert run(monkeypatch, "query", tmp_path / "s1.h5", CELL, *options) == 2


def test_info_and_verify(table_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "info", table_file) == 0
    shown = capsys.readouterr().out
    assert "nb201" in shown
    assert "validation_accuracy" in shown
    assert run(monkeypatch, "verify", table_file) == 0
    assert "is sound" in capsys.readouterr().out.replace("\n", "")


def test_a_narrow_terminal_cuts_no_digit_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nasbench.console.out.width", 30)
    show([{"metric": "digits/validation_accuracy", "flops": 15_647_370, "cost": 1234.5}])
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("digits/validation_accuracy", "15647370", "1234.5"))


def test_without_a_command_it_explains_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch) == 0
    assert "evaluate" in capsys.readouterr().out


def test_evaluate_surrogate_compare_report(
    table_file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores, fitted, race, page = (tmp_path / n for n in ("scores.json", "fitted.h5", "race.json", "report.html"))
    common = ["--processes", 1]
    assert run(
        monkeypatch, "evaluate", table_file, "--predictors", "mean,ridge", "--train-sizes", "10,30",
        "--test-size", 20, "--seeds", 3, "--json", scores, *common,
    ) == 0  # fmt: skip
    assert {r["predictor"] for r in json.loads(scores.read_text())["records"]} == {"mean", "ridge"}
    assert run(monkeypatch, "surrogate", table_file, "--predictor", "ridge", "--out", fitted) == 0
    assert run(
        monkeypatch, "compare", fitted, "--strategies", "random,evolution", "--evaluations", 30,
        "--repeats", 4, "--json", race, *common,
    ) == 0  # fmt: skip
    records = json.loads(race.read_text())["records"]
    assert set(records[0]) == {
        "strategy", "repeat", "evaluations", "simulated_seconds", "valid", "test", "regret",
    }  # fmt: skip
    assert run(monkeypatch, "report", table_file, scores, fitted, race, "--out", page) == 0
    assert "<html" in page.read_text()
    assert len(list((tmp_path / "report_figures").glob("*.png"))) > 3


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"nasbench {nasbench.__version__}\n"


def test_list_names_parts_with_their_source(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "list") == 0
    shown = capsys.readouterr().out
    for name in ("nb101", "nb201", "gp", "xgb", "gnn", "evolution", "reinforce", "digits", "cifar10", "Real et al."):
        assert name in shown
    for fact in ("1,076,746,950,455,072,400 genotypes of 22 choices", "image classification", "arXiv:1806.09055"):
        assert fact in shown


def test_help_shows_defaults_that_are_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, default in (("compare", "default: 300"), ("evaluate", "default: 1000"), ("import", "default: arch")):
        assert run(monkeypatch, command, "--help") == 0
        assert default in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_help_of_import_names_the_sources_that_take_an_option() -> None:
    takes = {source: set(inspect.signature(importers.resolve(source)[0]).parameters) for source in importers}
    options = {
        name: typing.get_args(hint)[-1].help
        for name, hint in typing.get_type_hints(import_table, include_extras=True).items()
        if name not in ("source", "file", "paths", "return")
    }
    assert {"space", "column", "dataset", "lenient"} <= set(options)
    for name, told in options.items():
        named = {source for source in importers if re.search(rf"(^|[ ,]){re.escape(source)}[,:]", told)}
        assert named == {source for source in importers if name in takes[source]}, name


def test_what_a_source_needs_may_be_written_after_its_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("arch,a\n3 1 0 2 2 1,90\n")
    where = (tmp_path / "t.csv", "--column", "test_accuracy=a", "--out")
    assert run(monkeypatch, "import", "csv+space=nb201", *where, tmp_path / "a.h5") == 0
    assert run(monkeypatch, "import", "csv", *where, tmp_path / "b.h5") == 2
    assert "needs the option --space" in capsys.readouterr().err
    assert nasbench.load(tmp_path / "a.h5").query([3, 1, 0, 2, 2, 1], "test_accuracy").value == 90


def test_import_makes_a_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"arch,acc\n{CELL},90\nnonsense,1\n")
    options = ["--space", "nb201", "--column", "validation_accuracy=acc", "--lenient", "--out", tmp_path / "t.h5"]
    assert run(monkeypatch, "import", "csv", tmp_path / "t.csv", *options) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "skipped.column 'arch' is no architecture of nb201 1" in shown
    assert "1 metric of 1 architecture" in shown
    assert run(monkeypatch, "query", tmp_path / "t.h5", CELL) == 0
    assert "90" in capsys.readouterr().out


def test_merge_joins_files_and_refuses_what_they_disagree_about(
    table_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"arch,ms,acc\n{CELL},1.5,90\n|none~0|+|none~0|none~1|+{CELL.split('+')[2]},2,10\n")
    columns = ["--column", "latency=ms", "--column", "test_accuracy=acc"]
    other, merged, record = (tmp_path / name for name in ("other.h5", "merged.h5", "merged.json"))
    common = ["--space", "nb201", "--dataset", "toy", "--out", other]
    assert run(monkeypatch, "import", "csv", tmp_path / "t.csv", *columns, *common) == 0
    options = ["--out", merged, "--json", record]
    assert run(monkeypatch, "merge", table_file, other, *options) == 2
    assert "has dims 'architecture x seed x epoch' in table.h5" in capsys.readouterr().err
    assert not merged.exists() and not record.exists()
    rename = ["--rename", "other.h5:toy/test_accuracy=toy@elsewhere/test_accuracy"]
    assert run(monkeypatch, "merge", table_file, other, *options, *rename) == 0
    assert "5 metrics of 81 architectures" in capsys.readouterr().out
    content = json.loads(record.read_text())
    assert (content["by"], content["inner"], content["seeds"]) == ("key", False, [0, 1])
    assert [(row["source"], row["joined"], row["alone"]) for row in content["sources"]] == [
        ("table.h5", 1, 79),
        ("other.h5", 1, 1),
    ]
    assert run(monkeypatch, "verify", merged) == 0
    assert run(monkeypatch, "query", merged, CELL, "--metric", "latency") == 0
    assert "1.5" in capsys.readouterr().out
    assert run(monkeypatch, "merge", table_file, other, *options, *rename, "--inner", "--by", "genotype") == 0
    assert json.loads(record.read_text())["architectures"] == 1


def test_merge_prefers_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = CELL.replace("nor_conv_1x1", "nor_conv_3x3")
    for name, cell, accuracy in (("a", CELL, 90), ("b", CELL, 91), ("c", other, 92)):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}/t.csv").write_text(f"arch,acc\n{cell},{accuracy}\n")
        options = ["--space", "nb201", "--column", "test_accuracy=acc", "--out", tmp_path / f"{name}/t.h5"]
        assert run(monkeypatch, "import", "csv", tmp_path / f"{name}/t.csv", *options) == 0
    files, target = [tmp_path / "a/t.h5", tmp_path / "b/t.h5"], tmp_path / "m.h5"
    assert run(monkeypatch, "merge", *files, "--out", target) == 2
    assert "disagree about 1 of 1 numbers of 'table/test_accuracy'" in capsys.readouterr().err
    assert run(monkeypatch, "merge", *files, "--out", target, "--prefer", files[1]) == 0
    shown = capsys.readouterr().out
    assert "metrics of several files" in shown and "No number in common" not in shown
    assert nasbench.load(target).query(CELL, "test_accuracy").value == 91
    assert run(monkeypatch, "merge", files[0], tmp_path / "c/t.h5", "--out", target) == 0
    assert "No number in common: table/test_accuracy" in capsys.readouterr().out
    assert run(monkeypatch, "merge", *files, "--out", target, "--prefer", "t.h5") == 2
    assert "--prefer names one of the files" in capsys.readouterr().err


MISTAKES = [
    (["query", "{file}", "|nonsense~0|"], "nonsense"),
    (["query", "{file}", "0,1,2"], "(n, 6)"),
    (["query", "{file}", "0,1,2,3,4,5"], "position 5 is 5"),
    (["query", "{file}", CELL, "--metric", "accuracy"], "toy/validation_accuracy"),
    (["query", "{file}", CELL, "--metric", "test_accuracy", "--epoch", "99"], "99"),
    (["query", "{file}", CELL, "--metric", "test_accuracy", "--epoch", "many"], "whole number"),
    (["query", "{file}", CELL, "--metric", "test_accuracy", "--seed", "777"], "777"),
    (["query", "{file}", "\u00b2,1,1,1,1,1"], "expected a cell of nb201"),
    (["query", "{file}", "1,1,1,1,-1,1"], "position 4 is -1"),
    (["query", "{file}"], "Missing argument 'ARCH'; see nasbench query --help"),
    (["qeury", "{file}"], "No such command 'qeury'"),
    (["info", "{file}", "--jsn", "x"], "No such option"),
    (["info", "{file}", "--json", "{file}"], "would be replaced"),
    (["info", "{file}", "--json", "/dev/null"], "not a regular file"),
    (["info", "{folder}/none.h5"], "none.h5"),
    (["info", "{folder}/text.h5"], "text.h5"),
    (["info", "{folder}/cut.h5"], "cut.h5"),
    (["verify", "{folder}/cut.h5"], "cut.h5"),
    (["info", "{folder}/pipe"], "is a pipe"),
    (["evaluate", "{file}", "--predictors", "rigde"], "did you mean 'ridge'"),
    (["evaluate", "{file}", "--predictors", "ridge", "--train-sizes", "10,x"], "whole number"),
    (["evaluate", "{file}", "--predictors", "ridge", "--train-sizes", "1000"], "exceeds"),
    (["evaluate", "{file}", "--json", "{folder}/no/such/folder/x.json"], "no writable folder"),
    (["evaluate", "{file}", "--seed", "-1"], "greater than or equal to 0"),
    (["compare", "{file}", "--strategies", "random"], "nasbench surrogate"),
    (["compare", "{file}", "--strategies", "randon"], "did you mean 'random'"),
    (["compare", "{file}", "--metric", "test_accuracy"], "validation"),
    (["compare", "{file}", "--evaluations", "3", "--seconds", "3"], "one of them"),
    (["surrogate", "{file}", "--predictor", "gp", "--out", "{folder}"], "is a folder"),
    (["surrogate", "{file}", "--predictor", "nobody", "--out", "{folder}/s.h5"], "unknown predictor"),
    (["surrogate", "{file}", "--out", "{file}"], "would be replaced"),
    (["surrogate", "{file}", "--seed", "-1", "--out", "{folder}/s.h5"], "greater than or equal to 0"),
    (["report", "{folder}/text.h5", "--out", "{folder}/r.html"], "text.h5"),
    (["report", "{file}", "--out", "{file}"], "would be replaced"),
    (["build", "--space", "nb999", "--out", "{folder}/b.h5"], "unknown space"),
    (["build", "--dataset", "digitz", "--out", "{folder}/b.h5"], "did you mean 'digits'"),
    (["build", "--device", "cuda:77", "--out", "{folder}/b.h5"], "cuda:77"),
    (["build", "--gpus", "0.5", "--out", "{folder}/b.h5"], "add --engine ray"),
    (["build", "--address", "auto", "--out", "{folder}/b.h5"], "add --engine ray"),
    (["build", "--cells", "20000", "--out", "{folder}/b.h5"], "15625"),
    (["build", "--out", "{folder}/no/b.h5"], "no"),
    (["build", "--space", "nb201", "--dataset", "nothing", "--out", "{folder}/b.h5"], "unknown data set"),
    (["import", "cvs", "{folder}/text.h5", "--out", "{folder}/b.h5"], "did you mean 'csv'"),
    (["import", "csv", "{folder}/text.h5", "--out", "{folder}/b.h5"], "needs the option --space"),
    (
        ["import", "csv", "{folder}/no.csv", "--space", "nb201", "--column", "a=b", "--out", "{folder}/b.h5"],
        "no file",
    ),
    (["merge", "{file}", "--out", "{folder}/b.h5"], "at least two tables"),
    (["merge", "{file}", "{file}", "--out", "{folder}/b.h5"], "each with a name of its own"),
    (["merge", "{file}", "{folder}/cut.h5", "--out", "{folder}/b.h5"], "cut.h5"),
    (["merge", "{file}", "{file}", "--out", "{file}"], "would be replaced"),
    (["merge", "{file}", "{file}", "--by", "function", "--out", "{folder}/b.h5"], "'key', 'genotype'"),
    (["demo", "--out", "{folder}/text.h5/demo"], "--out"),
]


@pytest.mark.parametrize(("arguments", "part"), MISTAKES, ids=lambda value: " ".join(value)[:60] if value else None)
def test_a_mistake_is_one_line(
    table_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    part: str,
) -> None:
    (tmp_path / "text.h5").write_text("this is no HDF5 file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "cut.h5").write_bytes(table_file.read_bytes()[:-1000])
    before = sorted(os.listdir(tmp_path))
    filled = [a.format(file=table_file, folder=tmp_path) if "{f" in a else a for a in arguments]
    assert run(monkeypatch, *filled) == 2
    error = capsys.readouterr().err
    assert error.startswith("nasbench: ")
    assert error.count("\n") == 1, error
    assert part in error
    assert sorted(os.listdir(tmp_path)) == before

"""`--json -` is standard output, and nothing else is printed there."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.cli import COMMANDS, main

NOISY = '''"""Strategies and predictors that print."""
import os
import sys

from nasbench.predictors.ridge import Ridge
from nasbench.search.random import RandomSearch

print("noise of an import")


class Printing(Ridge):
    def _fit(self, inputs, z):
        os.write(1, b"noise")
        super()._fit(inputs, z)


class Leaving(Ridge):
    def _fit(self, inputs, z):
        print("noise")
        sys.exit(0)


class Noisy(RandomSearch):
    def _start(self):
        print("noise")
        super()._start()


class Failing(RandomSearch):
    def _ask(self):
        raise ValueError("no idea")
'''
SMALL = ["--train-sizes", "10", "--test-size", "20", "--splits", "1", "--jobs", "1", "--json", "-"]
CALLS = {
    "info": (["{table}", "--json", "-"], "kind"),
    "query": (["{table}", "{cell}", "--json", "-"], "answers"),
    "evaluate": (["{table}", "--predictors", "mean", *SMALL], "records"),
    "compare": (
        [
            "{surrogate}",
            "--strategies",
            "noisy:Noisy",
            "--evaluations",
            "12",
            "--repeats",
            "2",
            "--jobs",
            "2",
            "--json=-",
        ],
        "records",
    ),
    "merge": (["{table}", "{other}", "--out", "merged.h5", "--json", "-"], "sources"),
}


def nasbench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from nasbench.cli import main; main()", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_every_command_with_json_is_called(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        assert run(command, "--help") == 0
        assert ("--json" in capsys.readouterr().out) == (command in CALLS) == (command in WORDS), command


@pytest.mark.parametrize("command", CALLS)
def test_standard_output_is_json_alone(
    command: str, table_file: Path, surrogate_file: Path, cell: str, tmp_path: Path
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "other.h5").write_bytes(table_file.read_bytes())
    words, key = CALLS[command]
    names = {"table": table_file, "surrogate": surrogate_file, "cell": cell, "other": tmp_path / "other.h5"}
    done = nasbench(tmp_path, command, *(word.format(**names) for word in words))
    assert done.returncode == 0, done.stderr
    assert key in json.loads(done.stdout)
    assert done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "-").exists()


def option(name: str, *values: str) -> st.SearchStrategy[list[str]]:
    """An option with one of some values, or not given."""
    return st.just([]) | st.sampled_from(values).map(lambda value: [f"--{name}={value}"])


def names(name: str, *values: str) -> st.SearchStrategy[list[str]]:
    """An option with some of the names."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=3).map(lambda chosen: [f"--{name}", ",".join(chosen)])


FILES = ["{table}", "{table}", "{surrogate}", "noisy.py", "nowhere.h5"]
WORDS: dict[str, list[st.SearchStrategy[list[str]]]] = {
    "info": [],
    "query": [
        st.sampled_from([["{cell}"], ["3"], ["99"], ["1,1,1,1,1,1"], ["nonsense"], []]),
        option("metric", "test_accuracy", "train_seconds", "nothing"),
        option("epoch", "1", "9", "last", "many"),
        option("seed", "1", "mean", "777"),
    ],
    "evaluate": [
        names("predictors", "mean", "noisy:Printing", "noisy:Leaving", "nobody"),
        option("train-sizes", "2", "9,10", "99"),
        option("split", "random", "published"),
        st.sampled_from([["--splits=1", "--jobs=1"], ["--splits=2", "--jobs=1", "--strict"]]),
    ],
    "compare": [
        names("strategies", "random", "noisy:Noisy", "noisy:Failing", "nobody"),
        option("metric", "validation_accuracy", "test_accuracy"),
        option("evaluations", "1", "0", "12"),
        st.sampled_from([["--repeats=1", "--jobs=1"], ["--repeats=2", "--jobs=1", "--strict"]]),
    ],
    "merge": [
        st.sampled_from([["other.h5"], ["{table}"], ["{surrogate}"], []]),
        st.sampled_from([["--out=merged.h5"], ["--out=nowhere/merged.h5"], []]),
        option("by", "key", "genotype", "luck"),
        option("prefer", "other.h5", "nothing.h5"),
        option("rename", "toy=other", "nothing=other"),
    ],
}


@contextmanager
def standard_output_as(path: Path) -> Iterator[None]:
    """Let this process print to a file, also what does not pass through Python."""
    stdout, descriptor = sys.stdout, os.dup(1)
    with path.open("w") as file:
        os.dup2(file.fileno(), 1)
    try:
        with open(1, "w", encoding="utf-8", closefd=False) as sys.stdout:
            yield
    finally:
        sys.stdout = stdout
        os.dup2(descriptor, 1)
        os.close(descriptor)


@pytest.mark.parametrize("command", WORDS)
def test_whatever_is_asked_standard_output_is_json_or_nothing(
    command: str, table_file: Path, surrogate_file: Path, cell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    (tmp_path / "other.h5").write_bytes(table_file.read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "noisy", raising=False)
    known = {"table": table_file, "surrogate": surrogate_file, "cell": cell}

    @settings(max_examples=8)
    @given(st.sampled_from(FILES), st.tuples(*WORDS[command]))
    def check(file: str, options: tuple[list[str], ...]) -> None:
        words = [word.format(**known) for word in (file, *chain(*options))]
        monkeypatch.setattr(sys, "argv", ["nasbench", command, *words, "--json", "-"])
        with standard_output_as(tmp_path / "printed"):
            with pytest.raises(SystemExit) as end:
                main()
            assert os.path.samestat(os.fstat(1), (tmp_path / "printed").stat()), "it still leads elsewhere"
        printed = (tmp_path / "printed").read_text()
        status = end.value.code or 0
        assert status in (0, 1) if printed else status == 2
        if printed:
            assert isinstance(json.loads(printed, parse_constant=pytest.fail), dict)

    check()


def test_a_file_has_the_same_content(table_file: Path, cell: str, tmp_path: Path) -> None:
    printed = nasbench(tmp_path, "query", str(table_file), cell, "--json", "-").stdout
    assert nasbench(tmp_path, "query", str(table_file), cell, "--json", "answer.json").returncode == 0
    assert (tmp_path / "answer.json").read_text() == printed


def test_results_are_printed_also_where_a_strategy_failed(surrogate_file: Path, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    words = ["--strategies", "random,noisy:Failing", "--evaluations", "12", "--repeats", "2", "--jobs", "1"]
    done = nasbench(tmp_path, "compare", str(surrogate_file), *words, "--json", "-")
    assert done.returncode == 1
    content = json.loads(done.stdout)
    assert {record["strategy"] for record in content["records"]} == {"random"}
    assert list(content["summary"]["failures"]) == ["noisy:Failing"]


def test_a_mistake_prints_nothing(table_file: Path, cell: str, tmp_path: Path) -> None:
    done = nasbench(tmp_path, "query", str(table_file), cell, "--metric", "nothing", "--json", "-")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


@pytest.mark.parametrize(
    "words",
    [
        ["build"],
        ["import", "csv", "x.csv", "--space", "nb201", "--column", "a=b"],
        ["merge", "{table}", "{table}"],
        ["surrogate", "{table}"],
        ["report", "{table}"],
    ],
)
def test_files_are_not_piped(
    words: list[str], table_file: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(word.format(table=table_file) for word in words), "--out", "-") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "nasbench: --out is a file and cannot be standard output; name one\n"


def test_guarded_strategies_print_beside_it(surrogate_file: Path, tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    words = ["--strategies", "random,noisy:Noisy,noisy:Failing", "--evaluations", "12", "--repeats", "2", "--jobs", "1"]
    done = nasbench(tmp_path, "compare", str(surrogate_file), *words, "--guard", "--memory", "4", "--json", "-")
    assert done.returncode == 1
    content = json.loads(done.stdout)
    assert {record["strategy"] for record in content["records"]} == {"random", "noisy:Noisy"}
    assert "no idea" in content["summary"]["failures"]["noisy:Failing"]
    assert "noise of an import" in done.stderr

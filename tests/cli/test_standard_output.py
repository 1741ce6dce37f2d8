"""`--json -` is standard output, and nothing else is printed there."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nasbench.cli import COMMANDS

NOISY = '''"""A strategy that prints."""
from nasbench.search.random import RandomSearch


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
        assert ("--json" in capsys.readouterr().out) == (command in CALLS), command


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

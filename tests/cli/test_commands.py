"""The list of commands, the help texts, and a fast start."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import nasbench
import nasbench.cli
from nasbench.cli import COMMANDS
from nasbench.cli.console import show

SHARED = {"console", "engines", "failure", "options", "output", "parsing"}


def test_help_names_all_commands_in_their_order(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    words = [(line.replace("│", " ").split() or [""])[0] for line in capsys.readouterr().out.splitlines()]
    assert [word for word in words if word in COMMANDS] == [
        "demo", "build", "import", "merge", "info", "verify",
        "query", "evaluate", "surrogate", "compare", "report", "list",
    ]  # fmt: skip


def test_a_command_is_a_file_and_a_line() -> None:
    files = {path.stem for path in Path(nasbench.cli.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(COMMANDS.values()) == {f"nasbench.cli.{name}:{name}" for name in files - SHARED}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("--help", []),
        ("query nb201-digits 0", ["numpy", "h5py"]),
        ("list", ["numpy", "h5py"]),
    ],
)
def test_a_command_loads_no_library_that_it_does_not_need(words: str, needed: list[str]) -> None:
    code = f"""
import atexit, sys
from nasbench.cli import main
heavy = ("numpy", "h5py", "networkx", "pandas", "scipy", "sklearn", "matplotlib", "torch", "xgboost")
atexit.register(lambda: print([name for name in heavy if name in sys.modules], file=sys.stderr))
sys.argv = ["nasbench", *{words.split()}]
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == str(needed)


def test_a_command_imports_no_other() -> None:
    code = """
import sys
from nasbench.cli import application
application(["info"])
print([name for name in sys.modules if name in ("nasbench.cli.info", "nasbench.cli.query", "nasbench.cli.build")])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['nasbench.cli.info']"


def test_without_a_command_it_explains_itself(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert "evaluate" in capsys.readouterr().out


def test_version(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"nasbench {nasbench.__version__}\n"


def test_help_shows_defaults_that_are_found_out(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    for command, default in (("compare", "default: 300"), ("evaluate", "default: 1000"), ("import", "default: arch")):
        assert run(command, "--help") == 0
        assert default in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_a_narrow_terminal_cuts_no_digit_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nasbench.cli.console.out.width", 30)
    show([{"metric": "digits/validation_accuracy", "flops": 15_647_370, "cost": 1234.5}])
    shown = capsys.readouterr().out
    assert all(part in shown for part in ("digits/validation_accuracy", "15647370", "1234.5"))

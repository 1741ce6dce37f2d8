"""Every command stops when it is told to, in one line, and a build loses nothing that is finished."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nasbench.stopping import Stopped

HELD = """
import os, sys
from nasbench.spaces.nb201 import NB201

class Held(NB201):
    '''Waits for a line before its fourth network: one is made to see that it can be, then each is trained.'''

    made = 0

    def network(self, *arguments):
        Held.made += 1
        if str(Held.made) == os.environ["HELD"]:
            print("waiting", flush=True)
            sys.stdin.readline()
        return super().network(*arguments)
"""
BUILD = """
build --space held:Held --dataset digits+train=40+validation=20+test=20 --cells 3 --epochs 1 --channels 2 --stages 2
--batch-size 20 --jobs 1 --parallel 1 --measure costs --out t.h5
"""


def build(folder: Path, ignored: str = "", number: int | None = None) -> tuple[int, str]:
    """Exit status of `nasbench build`, started as by a shell that ignores a signal, and what it says.

    With a number it is sent this signal in its third training.
    """
    (folder / "held.py").write_text(HELD)
    shell = (f"trap '' {ignored}; " if ignored else "") + 'exec "$0" "$@"'
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    with subprocess.Popen(
        ["sh", "-c", shell, sys.executable, "-m", "nasbench", *BUILD.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "HELD": "4" if number else "", "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    ) as process:
        if number:
            said = process.stdout.readline() if process.stdout else ""
            process.send_signal(number)
        _, errors = process.communicate()
    assert not number or said == "waiting\n", errors
    return process.returncode, errors


@pytest.mark.parametrize(
    ("number", "ignored", "status"),
    [(signal.SIGINT, "INT", 130), (signal.SIGTERM, "", 143)],
    ids=["Ctrl-C in the background", "kill"],
)
def test_a_build_that_is_told_to_stop_keeps_what_is_finished(
    tmp_path: Path, number: int, ignored: str, status: int
) -> None:
    line = "nasbench: stopped: 2 of 3 trainings are finished and kept in t.h5.ledger; the same call continues\n"
    assert build(tmp_path, ignored, number) == (status, line)
    assert not (tmp_path / "t.h5").exists()
    assert build(tmp_path) == (0, "")
    assert (tmp_path / "t.h5").exists() and not (tmp_path / "t.h5.ledger").exists()


def test_a_build_under_nohup_outlives_its_terminal(tmp_path: Path) -> None:
    assert build(tmp_path, "HUP", signal.SIGHUP) == (0, "")
    assert (tmp_path / "t.h5").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_without_remedy_stops_in_one_line(
    run: Callable[..., int],
    table_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: int,
    status: int,
) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        monkeypatch.setattr("nasbench.benchmark.hdf5.verify.describe", lambda file: signal.raise_signal(number))
        assert run("info", table_file) == status
    finally:
        signal.signal(number, before)
    assert capsys.readouterr().err == "nasbench: stopped\n"


STOP = """
import importlib, os, signal, sys
os.kill(os.getpid(), {number})
sys.path.remove(os.getcwd())
del sys.modules["{module}"]
importlib.import_module("{module}")
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("module", ["typer", "h5py"])
def test_a_command_stops_in_one_line_while_it_imports(tmp_path: Path, module: str, number: int, status: int) -> None:
    """`typer` is imported before the arguments are parsed, `h5py` in the command."""
    (tmp_path / f"{module}.py").write_text(STOP.format(number=int(number), module=module))
    command = [sys.executable, "-m", "nasbench", "compare", "nb201-digits", "--repeats", "1000", "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert re.fullmatch("nasbench: stopped(; nothing was written)?\n", done.stderr)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_arguments_are_parsed(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    try:
        monkeypatch.setattr("nasbench.benchmark.load.locate", lambda path: signal.raise_signal(number))
        with pytest.raises(Stopped) as told:
            run("info", "t.h5")
        assert told.value.number == number and status == 128 + number
    finally:
        signal.signal(number, before)

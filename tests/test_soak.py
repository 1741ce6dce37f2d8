"""The soak test holds for a while, and finds faults that are planted in every process it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).with_name("soak")
NOT_ATOMIC = """
import contextlib, nasbench.files

@contextlib.contextmanager
def in_place(path):
    yield path

nasbench.files.atomic = in_place
"""
WRONG_IN_THREADS = """
import threading
from nasbench.benchmark.tabular import TabularBenchmark

query = TabularBenchmark.query

def careless(self, *arguments, **options):
    answer = query(self, *arguments, **options)
    alone = threading.current_thread() is threading.main_thread()
    return answer if alone else answer._replace(value=answer.value * (1 + 1e-15))

TabularBenchmark.query = careless
"""
ANOTHER_STATUS = "import nasbench.stopping; nasbench.stopping.exit_status = lambda interrupt: 1"


def soak(folder: Path, minutes: float, planted: str = "") -> subprocess.CompletedProcess[str]:
    """Run the soak test with a module that every process imports when it starts."""
    (folder / "sitecustomize.py").write_text(planted)
    own = {"PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}
    command = [sys.executable, str(SOAK), "--minutes", str(minutes), "--seed", "2"]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **own, "TMPDIR": str(folder)}
    )


@pytest.mark.slow
def test_nothing_breaks_in_a_short_soak(tmp_path: Path) -> None:
    done = soak(tmp_path, 1 / 6)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed 2\n") and not list(tmp_path.glob("soak-*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "words"),
    [(NOT_ATOMIC, ""), (WRONG_IN_THREADS, "of no version"), (ANOTHER_STATUS, "another exit status")],
)
def test_planted_faults_are_found(tmp_path: Path, planted: str, words: str) -> None:
    done = soak(tmp_path, 0.5, planted)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAULT" in done.stderr and words in done.stderr
    (kept,) = tmp_path.glob("soak-*")
    assert f"{kept} is kept; again: python tests/soak --seed 2 --minutes 0.5\n" in done.stderr

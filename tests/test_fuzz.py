"""Damaged files for every importer and for `load`: each is read, or refused in one line."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench.importers import importers

SCRIPT = Path(__file__).with_name("fuzz.py")
SAMPLES = re.findall(r'^    "(.+)": \w+,$', SCRIPT.read_text(encoding="utf-8"), re.MULTILINE)


def run(sample: str, *options: str) -> None:
    command = [sys.executable, "-W", "error", str(SCRIPT), sample, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


def test_every_source_has_a_sample() -> None:
    assert set(importers) <= set(SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES)
def test_damaged_files_are_refused_in_one_line(sample: str) -> None:
    run(sample, "--inputs", "60", "--seed", "1")


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES)
def test_ten_thousand_damaged_files(sample: str) -> None:
    run(sample, "--inputs", "10000")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="atheris is for Linux")
@pytest.mark.parametrize("sample", SAMPLES)
def test_led_by_coverage(sample: str) -> None:
    run(sample, "--inputs", "1000", "--atheris")

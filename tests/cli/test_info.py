"""The commands `info` and `verify`."""

from collections.abc import Callable
from pathlib import Path

import pytest


def test_info_and_verify(table_file: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", table_file) == 0
    shown = capsys.readouterr().out
    assert "nb201" in shown
    assert "validation_accuracy" in shown
    assert run("verify", table_file) == 0
    assert "is sound" in capsys.readouterr().out.replace("\n", "")

"""Workers of made-up modules, which other processes import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

STRIKE = """
import os, signal, time

def strike(task):
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "exit":
        os._exit(7)
    if task == "sleep":
        time.sleep(3600)
"""
"""How workers obey tasks that end or stall their process."""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], ModuleType]]:
    """Write a module with a name and a source, which can call `strike`, and import it."""
    made = []

    def write(name: str, source: str) -> ModuleType:
        (tmp_path / f"{name}.py").write_text(source + STRIKE)
        monkeypatch.syspath_prepend(tmp_path)  # makes Python look again
        made.append(name)
        return importlib.import_module(name)

    yield write
    for name in made:
        del sys.modules[name]

"""docs/evaluate.md: its commands and its code run, and what it names is there."""

import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.cli import main
from nasbench.evaluate.fits import TUNED
from nasbench.evaluate.tuning import FOLDS, TuningBudget, tunable_of
from nasbench.spaces import spaces

PAGE = Path(__file__).parents[2] / "docs/evaluate.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]
SMALL = {"--predictors ridge,xgb": "--predictors ridge,xgb+rounds=20", "--tune-trials 20": "--tune-trials 2"}
"""What makes the commands quick."""


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    space, rng = spaces.create("nb201"), np.random.default_rng(0)
    genotypes = rng.permutation(space.unique("function_key"))[:100]
    values = 50 + 5.0 * (genotypes == 3).sum(axis=1) + rng.normal(size=100)
    metric = Metric("toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    columns = {metric.path: Column(metric, values, np.zeros(100, dtype=np.uint8))}
    for name in ("table.h5", "other.h5"):
        hdf5.write(Table(space, genotypes, (), {}, columns), tmp_path / name)
    for line in COMMANDS:
        for long, short in SMALL.items():
            line = line.replace(long, short)
        more = ["--splits", "2", "--jobs", "1", "--test-size", "30"] if " evaluate " in line else []
        more += ["--train-sizes", "10"] if more and "--train-sizes" not in line else []
        monkeypatch.setattr(sys, "argv", [*shlex.split(line), *more])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, line
    assert {path.name for path in tmp_path.iterdir()} == {
        "table.h5", "other.h5", "scores.json", "records.csv", "report.html", "report_figures",
    }  # fmt: skip


def test_the_code_runs() -> None:
    names: dict[str, Any] = {}
    for language, text in BLOCKS:
        if language == "python":
            exec(compile(text, str(PAGE), "exec"), names)

    class Complete(names["Mine"]):  # type: ignore[misc]
        def __init__(self, depth: int = 3, rate: float = 0.1, loss: str = "mse") -> None:
            self.depth, self.rate, self.loss = depth, rate, loss

        _fit = _predict = _state = _restore = None

    assert list(tunable_of(Complete())) == ["depth", "rate", "loss"]


def test_what_the_page_says_is_so() -> None:
    assert all(f"`{field}`" in TEXT for field in TUNED)
    assert FOLDS == 5 and "at most five folds" in TEXT
    assert TuningBudget(seconds=60).seconds == 60
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert link.startswith("https:") or (PAGE.parent / link).exists(), link

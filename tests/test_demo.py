"""The demonstration trains cells that learn, and names nothing best that its repeats cannot tell."""

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from nasbench.benchmark.load import load
from nasbench.demo import QUICK, run_demo
from nasbench.progress import silent

CHANCE = 10.0
"""Accuracy of guessing one of ten digits, in percent."""


@pytest.mark.slow
def test_a_smaller_quick_demonstration(tmp_path: Path) -> None:
    told: list[str] = []
    settings = replace(
        QUICK,
        build=replace(QUICK.build, cells=4, seeds=1),
        predictors=("ridge", "forest+trees=10"),
        splits=2,
        strategies=("random", "local"),
        evaluations=20,
        repeats=3,
    )
    report = run_demo(tmp_path / "demo", settings, jobs=1, tell=told.append, bar=lambda title: nullcontext(silent))
    benchmark = load(tmp_path / "demo" / "benchmark.h5")
    reached = benchmark.query_many(benchmark.architectures(), "validation_accuracy").values
    assert reached.min() > CHANCE and reached.max() > 5 * CHANCE
    (scored,) = (line for line in told if line.startswith("Scored"))
    assert re.search(
        r"Kendall tau: \S+ has the highest mean, not distinguishable from \S+; 6 splits could tell", scored
    )
    compared = json.loads((tmp_path / "demo" / "comparison.json").read_text())["summary"]
    assert (
        "so few repeats cannot show a difference" in compared["statement"] or "the same mean" in compared["statement"]
    )
    page = report.read_text()
    assert "predicts the ranking best" not in page and "best strategy by" not in page and "best predictor" not in page

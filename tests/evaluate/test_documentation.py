"""docs/surrogates.md: its code runs, its commands too, and what it names is there."""

import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.benchmark import hdf5, noise
from nasbench.benchmark.table import Column, Table
from nasbench.cli import main
from nasbench.evaluate import holdout
from nasbench.evaluate.predictors import SCORES as EVALUATED
from nasbench.evaluate.results import Results
from nasbench.evaluate.surrogates import SCORES

PAGE = Path(__file__).parents[2] / "docs/surrogates.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
CODE = [text for language, text in BLOCKS if language == "python"]
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]


def table() -> Table:
    """Accuracies of 90 cells of the build that is shipped, found by two strategies, with published parts."""
    whole = nasbench.load("nb201-digits").table
    rows = np.random.default_rng(0).permutation(len(whole.genotypes))[:90]
    columns = {
        path: Column(column.metric, column.values[rows], column.missing[rows], column.reasons)
        for path, column in whole.columns.items()
        if path.endswith(("/validation_accuracy", "/test_accuracy"))
    }
    recipe = {
        "found_by": {"darts": list(range(50)), "de": list(range(40, 90))},
        "splits": {"train": list(range(60)), "test": list(range(60, 90))},
    }
    return replace(whole, genotypes=whole.genotypes[rows], columns=columns, recipe=recipe)


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hdf5.write(table(), tmp_path / "table.h5")
    names: dict[str, Any] = {}
    for block in CODE:
        exec(compile(block, str(PAGE), "exec"), names)
    assert set(SCORES) <= set(names["surrogate"].quality_records()[0])


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("table.h5", "nb301.h5"):
        hdf5.write(table(), tmp_path / name)
    more = {
        "surrogate": [],
        "compare": ["--evaluations", "12", "--repeats", "2", "--jobs", "1"],
        "evaluate": ["--predictors", "ridge", "--splits", "1", "--jobs", "1", "--json", "r.json"],
    }
    held_out = []
    for line in COMMANDS:
        words = shlex.split(line, comments=True)
        monkeypatch.setattr(sys, "argv", [*words, *more[words[1]]])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code, line
        if words[1] == "evaluate":
            held_out.append([record["left_out"] for record in Results.read(tmp_path / "r.json").records])
            (tmp_path / "r.json").unlink()
    assert held_out == [["darts", "de"], ["published test"]]


def test_names_of_the_page_are_there() -> None:
    assert "sparse_kendall_tau" in SCORES and "sparse_kendall_tau" in EVALUATED
    for name in re.findall(r"`(nasbench(?:\.\w+)+)`", TEXT):
        module, _, attribute = name.rpartition(".")
        assert hasattr(__import__(module, fromlist=[attribute]), attribute), name
    words = {8: "eight", 10: "ten"}
    flat = " ".join(TEXT.split())
    assert f"{words[noise.MAX_KNOTS]} quantiles" in flat
    assert f"less than {words[noise.MIN_FREEDOM]} degrees of freedom" in flat
    assert f"{words[holdout.REPEATS]} times for {holdout.EVALUATIONS} evaluations" in flat


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (PAGE.parent / link).exists(), link

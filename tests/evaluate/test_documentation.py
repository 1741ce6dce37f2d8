"""What the page about surrogates names is there."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark import noise
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column
from nasbench.evaluate import holdout, trajectories
from nasbench.evaluate.predictors import SCORES as EVALUATED
from nasbench.evaluate.surrogates import SCORES

PAGE = Path(__file__).parents[2] / "docs/surrogates.md"


def test_names_of_the_page_are_there() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in ("sparse_kendall_tau", "noise_ratio", "noise_coverage_90", "left_out", "agreement"):
        assert name in text
    assert "sparse_kendall_tau" in SCORES and "sparse_kendall_tau" in EVALUATED
    assert callable(trajectories.agreement) and callable(SurrogateBenchmark.noise)
    assert callable(holdout.left_out) and callable(holdout.published)
    words = {8: "eight", 10: "ten"}
    assert f"{words[noise.MAX_KNOTS]} quantiles" in text
    assert f"less than {words[noise.MIN_FREEDOM]} degrees of freedom" in " ".join(text.split())
    assert f"{words[holdout.REPEATS]} times for {holdout.EVALUATIONS} evaluations" in " ".join(text.split())


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table, rows, values = nasbench.load("nb201-digits").table, np.arange(80), {}
    columns = {
        path: Column(column.metric, column.values[rows], column.missing[rows], column.reasons)
        for path, column in table.columns.items()
        if path.rpartition("/")[2] in ("validation_accuracy", "test_accuracy", "train_seconds")
    }
    write(replace(table, genotypes=table.genotypes[rows], columns=columns), tmp_path / "table.h5")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code.replace('"ensemble"', '"ridge"'), "docs/surrogates.md", "exec"), values)
    assert len(values["surrogate"].quality_records()) == 3


def test_links_of_the_page_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / link).exists(), link

"""The page on importing describes every source, and its code runs."""

import re
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.importers import importers
from nasbench.spaces import spaces

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(importers))
def test_source_is_described(name: str) -> None:
    assert f"| `{name}` |" in PAGE
    importer, _ = importers.resolve(name)
    assert importer.name == name
    assert importer.paper and importer.licence


def test_code_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = spaces.create("mobile")
    metric = Metric("imagenet", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    column = Column(metric, np.ones(3), np.zeros(3, dtype=np.uint8))
    splits = {"train": [0], "validation": [1], "test": [2]}
    genotypes = space.sample(3, np.random.default_rng(0))
    hdf5.write(Table(space, genotypes, (), {}, {metric.path: column}, {"splits": splits}), tmp_path / "accel.h5")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    values: dict[str, np.ndarray] = {}
    exec(compile(code, "docs/import.md", "exec"), values)
    assert values["train"].tolist() == genotypes[:1].tolist()

"""The page on drop-in interfaces names every adapter, and its code runs as printed, in order."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write, write_surrogate
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces import spaces
from nasbench.types import GenotypeArray

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/drop-in.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.DOTALL | re.MULTILINE))
PACKAGES = {"Syne Tune": "syne_tune", "Optuna": "optuna", "BoTorch": "botorch"}
CELL = '{"matrix": [[0, 1, 1], [0, 0, 1], [0, 0, 0]], "ops": ["input", "conv3x3-bn-relu", "output"]}'
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 2)], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
    "('skip_connect', 2), ('max_pool_3x3', 1)])"
)


def table(name: str, genotypes: GenotypeArray, dataset: str, epochs: tuple[int, ...], seeds: tuple[int, ...]) -> Table:
    """Accuracies around 90 and times, by architecture, seed and epoch."""
    rng, shape = np.random.default_rng(0), (len(genotypes), len(seeds), len(epochs))
    columns = []
    for split in ("train", "validation", "test"):
        part: Any = split
        metric = Metric(dataset, f"{split}_accuracy", part, "percent", "maximise", DIMS)
        columns.append(Column(metric, 90 + rng.random(shape), np.zeros(shape, dtype=np.uint8)))
    times = Metric(dataset, "train_seconds", "none", "seconds", "minimise", DIMS)
    columns.append(Column(times, np.broadcast_to(10.0 * np.array(epochs), shape).copy(), np.zeros(shape, np.uint8)))
    once = Metric(dataset, "validation_seconds", "none", "seconds", "minimise", DIMS[:2])
    columns.append(Column(once, np.ones(shape[:2]), np.zeros(shape[:2], dtype=np.uint8)))
    return Table(spaces.create(name), genotypes, seeds, {dataset: epochs}, {c.metric.path: c for c in columns})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the page opens."""
    folder = tmp_path_factory.mktemp("page")
    nb101, nb201, darts = (spaces.create(name) for name in ("nb101", "nb201", "darts"))
    write(table("nb101", nb101.genotype(CELL)[None], "cifar10", (4, 12, 36, 108), (0, 1, 2)), folder / "nb101.h5")
    numbers = [12, 1224, 1234]
    cells = nb201.from_index(numbers)  # type: ignore[attr-defined]
    write(table("nb201", cells, "cifar10-valid@200", (*range(1, 201),), (777, 888)), folder / "nats.h5")
    genotypes = np.concatenate([darts.genotype(GENOTYPE)[None], darts.sample(30, np.random.default_rng(0))])
    write(table("darts", genotypes, "cifar10", (1, 50, 100), (1, 2)), folder / "darts.h5")
    benchmark = nasbench.load(folder / "darts.h5")
    assert isinstance(benchmark, TabularBenchmark)
    write_surrogate(fit_surrogate(benchmark, "validation_accuracy", "ridge"), folder / "surrogate.h5")
    return folder


@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame")  # which Syne Tune uses
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")  # of linear_operator, which BoTorch uses
def test_code_of_the_page(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"the example needs {PACKAGES[name]}")
    monkeypatch.chdir(folder)
    (code,) = re.findall(r"```python\n(.*?)```", SECTIONS[name], flags=re.DOTALL)
    values: dict[str, Any] = {}
    exec(compile(code, f"docs/drop-in.md, {name}", "exec"), values)
    accuracies = [values[name] for name in ("accuracy", "val_acc", "test_acc") if name in values]
    assert all(85 < accuracy < 95 for accuracy in accuracies)
    if "curve" in values:
        assert len(values["curve"]) in (3, 200)
    assert len(values) > 3


def test_every_adapter_is_on_the_page() -> None:
    for path in (ROOT / "nasbench/adapters").glob("*.py"):
        if path.stem not in ("__init__", "opening", "nats_results", "naslib_forms"):
            assert f"nasbench.adapters.{path.stem}" in PAGE or f"nasbench.adapters import {path.stem}" in PAGE


def test_readme_leads_to_the_page() -> None:
    assert "(docs/drop-in.md)" in (ROOT / "README.md").read_text(encoding="utf-8")

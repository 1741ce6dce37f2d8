"""The benchmarks that come with the package are sound and small, and separate cells."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

import nasbench
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import locate, shipped
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.datasets import datasets
from nasbench.errors import FileError

NAMES = sorted(shipped())


@pytest.fixture(params=NAMES)
def benchmark(request: pytest.FixtureRequest) -> TabularBenchmark:
    found = nasbench.load(request.param)
    assert isinstance(found, TabularBenchmark)
    return found


def test_which_there_are() -> None:
    assert sorted(AGREEMENT) == NAMES
    assert sum(path.stat().st_size for path in shipped().values()) < 10_000_000


def test_sound_and_of_the_data_that_the_package_has(benchmark: TabularBenchmark) -> None:
    assert verify(shipped()[benchmark.name.removesuffix(".h5")]) == []
    for described in benchmark.table.recipe["datasets"].values():
        data = datasets.create(described["specification"]).load()
        assert data.checksum() == described["sha256"]


AGREEMENT = {"nb201-digits": (0.75, 0.45), "nb201-mnist5k": (0.7, 0.4)}
"""Least Kendall's tau between two seeds, over all cells and in the better half."""


def test_two_seeds_agree_on_the_order_of_cells(benchmark: TabularBenchmark) -> None:
    """Seeds agree as the pages of the tables say."""
    path = benchmark.score().path
    values = benchmark.table.columns[path].values[:, :, -1]
    values = values[np.isfinite(values).all(axis=1)]
    assert values.shape[0] >= 192 and values.shape[1] == 3
    means = values.mean(axis=1)
    better = values[means >= np.median(means)]
    least, least_of_better = AGREEMENT[benchmark.name.removesuffix(".h5")]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert kendalltau(values[:, a], values[:, b]).statistic > least
        assert kendalltau(better[:, a], better[:, b]).statistic > least_of_better


def test_convolutions_win(benchmark: TabularBenchmark) -> None:
    space, cells = benchmark.space, benchmark.architectures()
    scores = benchmark.query_many(cells, benchmark.score().path).values.filled(np.nan)
    best = cells[np.argsort(-scores)[: len(cells) // 10]]
    share = {name: (best == code).mean() for code, name in enumerate(space.option_names(0))}
    assert max(share, key=lambda name: share[name]) == "nor_conv_3x3" and share["nor_conv_3x3"] > 0.4


def test_cells_differ_in_their_function(benchmark: TabularBenchmark) -> None:
    cells = benchmark.architectures()
    assert len(np.unique(benchmark.space.function_key(cells))) == len(cells)


def test_one_answers_for_the_whole_space() -> None:
    benchmark = nasbench.load("nb201-digits")
    cells = np.concatenate(list(benchmark.space.enumerate()))
    assert benchmark.complete and not benchmark.query_many(cells, "validation_accuracy").values.mask.any()


def test_a_folder_of_that_name_hides_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nb201-digits").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate("nb201-digits") == shipped()["nb201-digits"]
    assert nasbench.load("nb201-digits").name == "nb201-digits.h5"


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    assert locate("nb201-digits") == shipped()["nb201-digits"]
    (tmp_path / "nb201-digits").write_text("mine")
    assert locate("nb201-digits").read_text() == "mine"
    with pytest.raises(
        FileError, match=r"no benchmark of that name comes with nasbench \(.*nb201-digits.*\); pass a file"
    ):
        locate("nb201-letters")


def test_commands_take_the_name() -> None:
    command = [sys.executable, "-m", "nasbench", "info", "nb201-digits"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "validation_accuracy" in said and "unique" in said

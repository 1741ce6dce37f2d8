"""A table of 80 cells, and a way to run a command."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.table import Column, Table
from nasbench.cli import main
from nasbench.spaces import spaces

DIMS = ("architecture", "seed", "epoch")


@pytest.fixture(scope="session")
def cell() -> str:
    """A cell that is in the table."""
    return "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"


@pytest.fixture(scope="session")
def table_file(cell: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 cells x 2 seeds x 3 epochs whose accuracy rises with their convolutions."""
    rng = np.random.default_rng(0)
    space = spaces.create("nb201")
    genotypes = np.unique(np.concatenate([[space.genotype(cell)], space.sample(90, rng)]), axis=0)[:80]
    genotypes = np.concatenate([[space.genotype(cell)], genotypes[(genotypes != space.genotype(cell)).any(axis=1)]])
    counts = space.features(genotypes, "counts")
    base = 40 + 10 * counts[:, [space.ops.index("nor_conv_3x3")]] + rng.normal(0, 0.5, (len(genotypes), 2))
    accuracy = base[:, :, None] + np.array([0.0, 2.0, 3.0])
    seconds = np.broadcast_to(np.array([1.0, 2.0, 3.0]), accuracy.shape) * (1 + counts[:, 2])[:, None, None]
    accuracy[5, 1] = np.nan
    missing = np.isnan(accuracy).astype(np.uint8)
    columns = [
        Column(
            Metric("toy", "validation_accuracy", "validation", "percent", "maximise", DIMS),
            accuracy,
            missing,
            ("diverged",),
        ),
        Column(
            Metric("toy", "test_accuracy", "test", "percent", "maximise", DIMS), accuracy - 1, missing, ("diverged",)
        ),
        Column(Metric("toy", "train_seconds", "none", "seconds", "minimise", DIMS), seconds, 0 * missing),
    ]
    table = Table(space, genotypes, (0, 1), {"toy": (1, 2, 3)}, {c.metric.path: c for c in columns})
    path = tmp_path_factory.mktemp("cli") / "table.h5"
    write(table, path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run the command line with these arguments and give its exit status."""

    def command(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["nasbench", *map(str, arguments)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.setattr(sys.modules["__main__"], "__package__", None)  # a script, also under `python -m pytest`
        with pytest.raises(SystemExit) as exit_:
            main()
        return int(exit_.value.code or 0)

    return command


@pytest.fixture(scope="session")
def surrogate_file(table_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A surrogate of the table, which can be searched."""
    from nasbench.benchmark import hdf5
    from nasbench.benchmark.load import load
    from nasbench.evaluate.surrogates import fit_surrogate

    file = tmp_path_factory.mktemp("surrogate") / "surrogate.h5"
    hdf5.write_surrogate(fit_surrogate(load(table_file), "validation_accuracy", "ridge"), file)
    return file

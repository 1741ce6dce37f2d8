"""Parts in files outside the package, named on the command line as module:Class, work as README shows."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.table import Column, Table
from nasbench.builder.settings import BuildSettings, sampling_generator
from nasbench.cli import main
from nasbench.sampling.random import Random
from nasbench.spaces import spaces
from nasbench.testing import check_predictor, check_strategy

ROOT = Path(__file__).parent.parent

SPACE = '''"""NAS-Bench-201 without its pooling."""
from nasbench.spaces.nb201 import NB201


class NoPooling(NB201):
    name = "no_pooling"

    def __init__(self) -> None:
        super().__init__()
        self.cardinalities = (4,) * 6
'''

PREDICTOR = '''"""As many convolutions, as good."""
from nasbench.predictors.ridge import Ridge


class Convolutions(Ridge):
    def __init__(self) -> None:
        super().__init__(features="counts")
'''


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["nasbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a table of 60 cells and with the files of README."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module in ("greedy", "my_space", "my_predictor"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (greedy,) = (block for block in blocks if block.startswith("# greedy.py"))
    (tmp_path / "greedy.py").write_text(greedy)
    (tmp_path / "my_space.py").write_text(SPACE)
    (tmp_path / "my_predictor.py").write_text(PREDICTOR)
    space, rng = spaces.create("nb201"), np.random.default_rng(0)
    genotypes = np.unique(space.sample(60, rng), axis=0)
    accuracy = 50 + 8 * space.features(genotypes, "counts")[:, space.ops.index("nor_conv_3x3")]
    columns = [
        Column(
            Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture",)),
            accuracy + rng.normal(size=len(accuracy)),
            np.zeros(len(accuracy), dtype=np.uint8),
        )
        for split in ("validation", "test")
    ]
    write(Table(space, genotypes, (), {}, {c.metric.path: c for c in columns}), tmp_path / "table.h5")
    return tmp_path


def test_strategy_of_the_readme(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "surrogate", "table.h5", "--predictor", "ridge", "--out", "surrogate.h5") == 0
    command = ["compare", "surrogate.h5", "--strategies", "random,evolution,greedy:Greedy", "--json", "race.json"]
    assert run(monkeypatch, *command, "--evaluations", 40, "--repeats", 6, "--jobs", 2) == 0
    content = json.loads((here / "race.json").read_text())
    assert {record["strategy"] for record in content["records"]} == {"random", "evolution", "greedy:Greedy"}
    from greedy import Greedy  # type: ignore[import-not-found]

    check_strategy(Greedy(), spaces.create("nb201"))


def test_predictor_of_ones_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["evaluate", "table.h5", "--predictors", "mean,my_predictor:Convolutions", "--json", "scores.json"]
    assert run(monkeypatch, *command, "--train-sizes", "20", "--test-size", 20, "--splits", 3, "--jobs", 2) == 0
    records = json.loads((here / "scores.json").read_text())["records"]
    taus = [record["kendall_tau"] for record in records if record["predictor"] == "my_predictor:Convolutions"]
    assert len(taus) == 3
    assert min(taus) > 0.5
    from my_predictor import Convolutions  # type: ignore[import-not-found]

    check_predictor(Convolutions(), spaces.create("nb201"))


def test_space_of_ones_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["build", "--space", "my_space:NoPooling", "--dataset", "digits+train=60", "--out", "own.h5"]
    size = ["--cells", 3, "--epochs", 1, "--channels", 2, "--stages", 1, "--jobs", 1]
    assert run(monkeypatch, *command, *size) == 0
    benchmark = nasbench.load(here / "own.h5")
    assert benchmark.space.name == "no_pooling"
    assert benchmark.architectures().max() < 4


def test_the_table_of_the_readme_has_the_cell_that_the_readme_asks_for() -> None:
    readme = (ROOT / "README.md").read_text()
    cell = re.search(r"nasbench query table.h5 '(.*)'", readme)
    assert cell
    assert "nasbench build --space nb201 --dataset digits --cells 64 " in readme
    space = spaces.create("nb201")
    cells = Random().sample(space, 64, sampling_generator(BuildSettings()))
    assert cell[1] in [space.to_string(genotype) for genotype in cells]

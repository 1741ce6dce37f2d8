"""docs/add-a-predictor.md: all its code runs, its commands too, and what it names is there."""

import csv
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark import hdf5
from nasbench.benchmark.table import Column
from nasbench.cli import main
from nasbench.evaluate.predictors import SCORES
from nasbench.evaluate.results import Results
from nasbench.predictors import Inputs, Needs, Prediction, Predictor, predictors
from nasbench.predictors.encodings import encodings
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "add-a-predictor.md").read_text(encoding="utf-8")
README = (ROOT / "predictors" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
PREDICTOR, *CODE = (text for language, text in BLOCKS if language == "python")
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the reader works, with the predictor of the page in it."""
    (tmp_path / "my_predictor.py").write_text(PREDICTOR, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "my_predictor", raising=False)
    yield tmp_path
    sys.modules.pop("my_predictor", None)


class Line(Predictor):
    """A straight line in a column, which `needs` of the page names."""

    def _fit(self, inputs, z):
        x = inputs.columns["flops"]
        self.line_ = np.array([((x - x.mean()) * z).mean() / x.var(), z.mean(), x.mean()])

    def _predict(self, inputs):
        slope, level, centre = self.line_
        mean = level + slope * (inputs.columns["flops"] - centre)
        return Prediction(mean, np.ones_like(mean))

    def _state(self):
        return {"line": self.line_}

    def _restore(self, state):
        self.line_ = state["line"]


@pytest.mark.parametrize("space", ["nb101", "nb201"])
def test_the_example_keeps_the_contract(folder, space):
    check_predictor(predictors.create("my_predictor:NearestNeighbours+k=4"), spaces.create(space))


def test_the_code_runs(folder, monkeypatch):
    names = {"np": np}
    for block in CODE:
        exec(compile(block, "docs/add-a-predictor.md", "exec"), names)
    assert names["mean"].shape == names["std"].shape == names["draws"].shape[1:]
    monkeypatch.setattr(Line, "needs", names["needs"])
    assert Line().needs == Needs(columns=("flops",))
    check_predictor(Line(), spaces.create("nb201"), learns=False)
    assert names["inputs"].curve.shape == (len(names["accuracy"]), 4)
    assert names["search"].best_params_["features"] == "counts/curve@4"
    ours, theirs = (predictor.predict(names["inputs"]).mean for predictor in (names["predictor"], names["same"]))
    assert np.array_equal(ours, theirs)
    assert {row["predictor"] for row in names["results"].records} == {
        "ridge",
        "my_predictor:NearestNeighbours",
        "my_predictor:NearestNeighbours+k=3",
    }


def nasbench_command(monkeypatch, line, *more):
    """Run a line of the page, with settings before it, and with fewer and smaller fits."""
    words = [*shlex.split(line), *more]
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code, line


def write_tables(folder):
    """`table.h5`, a build of some cells, and `costs.csv`, numbers of other people for most of them."""
    table = nasbench.load("nb201-digits").table
    rows = np.arange(120)
    columns = {
        path: Column(column.metric, column.values[rows], column.missing[rows], column.reasons)
        for path, column in table.columns.items()
        if path.rpartition("/")[2] in ("validation_accuracy", "test_accuracy", "train_seconds")
    }
    small = replace(table, genotypes=table.genotypes[rows], columns=columns, recipe={})
    hdf5.write(small, folder / "table.h5")
    rng = np.random.default_rng(0)
    with (folder / "costs.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["cell", "flops", "synflow"])
        for genotype in small.genotypes[20:]:
            rows.writerow([table.space.to_string(genotype), int(rng.integers(1000, 9000)), rng.normal()])


def test_the_commands_run(folder, monkeypatch, capsys):
    write_tables(folder)
    for number, line in enumerate(COMMANDS):
        more = {
            "evaluate": ["--train-sizes", "15", "--test-size", "30", "--splits", "1", "--jobs", "1"],
            "compare": ["--evaluations", "12", "--repeats", "2", "--jobs", "1"],
        }
        command = shlex.split(line)[shlex.split(line).index("nasbench") + 1]
        json_file = ["--json", f"{number}.json"] if command == "evaluate" else []
        nasbench_command(monkeypatch, line.replace("predictors xgb,xgb+", "predictors xgb+rounds=20,xgb+rounds=20+"),
                         *more.get(command, []), *json_file)  # fmt: skip

    def records(what):
        number = next(number for number, line in enumerate(COMMANDS) if what in line and " evaluate " in line)
        return Results.read(folder / f"{number}.json")

    assert [row["query_seconds"] > 0 for row in records("curve@4").records] == [False, True]
    assert records("synflow").settings["unknown_inputs"] == 20


def test_options_and_names_of_the_pages_are_there():
    for name in SCORES:
        assert f"`{name}`" in PAGE, name
    (table,) = re.findall(r"^\| `Inputs`.*?\n\n", PAGE, re.DOTALL | re.MULTILINE)
    attributes = [*Inputs.__dataclass_fields__, "known", "canonical", "encoded_once"]
    assert re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in table.splitlines()[2:-1])) == attributes
    for name in encodings:
        assert f"`{name}`" in PAGE, name
        assert f"`{name}`" in README, name
    for name in predictors:
        assert f"`{name}`" in README, name
    for file in re.findall(r"`([a-z_/]+\.py)`", README):
        assert (ROOT / "predictors" / file).exists(), file

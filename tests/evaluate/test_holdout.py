"""What is left out: by a recipe, by searching, by the published parts; and the commands."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate import holdout
from nasbench.evaluate.holdout import left_out, published, visited
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.simulator.evaluator import Evaluator
from nasbench.simulator.simulate import Run, simulate
from nasbench.spaces import spaces

SPACE = spaces.create("macro")


def measured(recipe: dict[str, object]) -> TabularBenchmark:
    """All 6,561 networks, backwards; accuracy is the sum of their choices."""
    genotypes = np.concatenate(list(SPACE.enumerate()))[::-1].copy()
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("toy", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))  # type: ignore[arg-type]
        values = 50.0 + genotypes.sum(axis=1)
        columns[metric.path] = Column(metric, values, np.zeros(len(values), dtype=np.uint8))
    return TabularBenchmark(Table(SPACE, genotypes, (), {}, columns, recipe), name="toy.h5")


def test_what_the_recipe_says() -> None:
    benchmark = measured({"found_by": {"rs": [1, 5, 9], "de": [5, 7], "tpe": [11]}})
    found = left_out(benchmark, "validation_accuracy")
    assert list(found) == ["rs", "de", "tpe"]
    assert (found["de"].train.tolist(), found["de"].test.tolist()) == ([1, 9, 11], [5, 7])
    assert list(left_out(benchmark, "validation_accuracy", ["tpe"])) == ["tpe"]
    with pytest.raises(NotFoundError, match="nothing was found by 'darts'; strategies of this table are rs, de, tpe"):
        left_out(benchmark, "validation_accuracy", ["darts"])


def test_a_strategy_that_found_nothing_or_all() -> None:
    """Who found only what computes the same as the finds of the one that is left out, found nothing to learn from."""
    with pytest.raises(NotFoundError, match="nothing was found by 'de'; strategies of this table are rs, de"):
        left_out(measured({"found_by": {"rs": [1, 5], "de": []}}), "validation_accuracy", ["de"])
    functions = SPACE.function_key(measured({}).table.genotypes)
    (first, second, *_) = np.flatnonzero(functions == functions[2])
    for others in ([], [int(second)]):
        with pytest.raises(InputError, match="nobody but 'rs' found anything else to learn from; leave out another"):
            left_out(measured({"found_by": {"rs": [int(first)], "de": others}}), "validation_accuracy", ["rs"])


def test_what_searches_find(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdout, "EVALUATIONS", 30)
    monkeypatch.setattr(holdout, "REPEATS", 2)
    benchmark = measured({})
    rows = visited(benchmark, "validation_accuracy", ["random", "local"])
    assert all(10 < len(part) <= 60 for part in rows.values())
    better = {name: benchmark.table.genotypes[part].sum(axis=1).mean() for name, part in rows.items()}
    assert better["local"] > better["random"] + 1
    found = left_out(benchmark, "validation_accuracy", ["local"])["local"]
    assert found.test.tolist() == rows["local"]
    functions = SPACE.function_key(benchmark.table.genotypes)
    assert not np.isin(functions[found.train], functions[found.test]).any()
    again = left_out(benchmark, "validation_accuracy", ["local"])["local"]
    assert again.train.tolist() == found.train.tolist()


def test_what_searches_find_in_rows_that_stand_for_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row that a search is answered with: of an architecture that is no row, the one of its function."""
    runs: list[Run] = []
    evaluators: list[Evaluator] = []

    def noted(*args: Any, **kwargs: Any) -> Run:
        runs.append(simulate(*args, **kwargs))
        evaluators.append(args[1])
        return runs[-1]

    monkeypatch.setattr(holdout, "EVALUATIONS", 30)
    monkeypatch.setattr(holdout, "REPEATS", 1)
    monkeypatch.setattr(holdout, "simulate", noted)
    every = measured({})
    _, rows = np.unique(SPACE.function_key(every.table.genotypes), return_index=True)
    columns = {p: replace(c, values=c.values[rows], missing=c.missing[rows]) for p, c in every.table.columns.items()}
    columns = {p: replace(c, metric=replace(c.metric, dims=("architecture", "seed"))) for p, c in columns.items()}
    columns = {p: replace(c, values=c.values[:, None], missing=c.missing[:, None]) for p, c in columns.items()}
    table = Table(SPACE, every.table.genotypes[rows], (0,), {}, columns, {"rows_stand_for": "functions"})
    assert len(rows) < 6561
    found = visited(TabularBenchmark(table), "validation_accuracy", ["random"])["random"]
    functions = SPACE.function_key(table.genotypes)
    assert set(functions[found]) == set(SPACE.function_key(evaluators[0].genotypes(runs[0].rows)))


def test_published_parts() -> None:
    benchmark = measured({"splits": {"train": [1, 2, 3], "validation": [4], "test": [5, 6]}})
    (parts,) = published(benchmark).values()
    assert (parts.train.tolist(), parts.test.tolist()) == ([1, 3], [5, 6])  # 2 computes the same as 5
    with pytest.raises(NotFoundError, match="no split that its source publishes"):
        published(measured({}))
    with pytest.raises(InputError, match="the published parts are train; a split has train and test"):
        published(measured({"splits": {"train": [1]}}))


def test_a_surrogate_is_refused() -> None:
    benchmark = measured({})
    rows = np.arange(30)
    columns = {
        p: replace(c, values=c.values[rows], missing=c.missing[rows]) for p, c in benchmark.table.columns.items()
    }
    small = TabularBenchmark(replace(benchmark.table, genotypes=benchmark.table.genotypes[rows], columns=columns))
    with pytest.raises(InputError, match="pass the table that it was fitted on"):
        published(fit_surrogate(small, "validation_accuracy", "mean"))
    with pytest.raises(InputError, match="so a search would leave it"):
        left_out(small, "validation_accuracy")


def test_the_command(tmp_path: Path) -> None:
    found = {"rs": list(range(0, 60)), "de": list(range(40, 100)), "tpe": list(range(100, 150))}
    recipe = {"found_by": found, "splits": {"train": list(range(90)), "test": list(range(90, 120))}}
    hdf5.write(measured(recipe).table, tmp_path / "t.h5")

    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "nasbench", "evaluate", str(tmp_path / "t.h5"), "--predictors", "ridge"]
        command += ["--metric", "validation_accuracy", "--splits", "2", "--jobs", "1", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run("--leave-out", "rs,tpe", "--json", str(tmp_path / "r.json"))
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "r.json").read_text())["records"]
    sizes = {name: len(part.train) for name, part in left_out(measured(recipe), "validation_accuracy").items()}
    assert 80 < sizes["rs"] <= 90 < sizes["tpe"] <= 100
    assert [(r["left_out"], r["n_train"], r["seed"]) for r in records] == [
        (name, sizes[name], seed) for name in ("rs", "tpe") for seed in (0, 1)
    ]
    assert "rs" in done.stdout
    done = run("--split", "published", "--train-sizes", "20,40", "--json", str(tmp_path / "p.json"))
    assert done.returncode == 0, done.stderr
    records = json.loads((tmp_path / "p.json").read_text())["records"]
    assert [(r["left_out"], r["n_train"]) for r in records] == [("published test", n) for n in (20, 20, 40, 40)]
    for options, message in (
        (("--leave-out", "darts"), "nothing was found by 'darts'"),
        (("--leave-out", "all", "--split", "published"), "give one of them"),
        (("--split", "published", "--test-size", "5"), "--test-size"),
    ):
        done = run(*options)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert message in done.stderr

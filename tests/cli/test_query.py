"""An answer says which split, epoch and seeds it comes from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write, write_surrogate
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.spaces import spaces


def test_query_says_what_the_number_is(table_file: Path, run: Callable[..., int], cell: str, tmp_path: Path) -> None:
    file = tmp_path / "answer.json"
    assert run("query", table_file, cell, "--metric", "test_accuracy", "--epoch", 2, "--json", file) == 0
    content = json.loads(file.read_text())
    assert content["architecture"] == cell
    (answer,) = content["answers"]
    assert (answer["metric"], answer["split"], answer["units"]) == ("toy/test_accuracy", "test", "percent")
    assert (answer["epoch"], answer["seeds"]) == (2, [0, 1])
    assert 49 < answer["value"] < 53
    assert answer["cost"] > 0


def test_query_takes_a_genotype_and_one_seed(
    table_file: Path, run: Callable[..., int], cell: str, tmp_path: Path
) -> None:
    digits = ",".join(map(str, spaces.create("nb201").genotype(cell)))
    file = tmp_path / "answer.json"
    assert run("query", table_file, digits, "--seed", 1, "--json", file) == 0
    answers = json.loads(file.read_text())["answers"]
    assert [a["seeds"] for a in answers] == [[1], [1], [1]]
    assert [a["epoch"] for a in answers] == [3, 3, 3]


def test_query_of_what_a_row_of_its_function_answers(
    table_file: Path, run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Training metrics only, without costs of the architecture."""
    table = nasbench.load(table_file).table.loaded()  # type: ignore[attr-defined]
    flops = Metric("toy", "flops", "none", "count", "minimise", ("architecture",))
    columns = {**table.columns, "toy/flops": Column(flops, np.ones(80), np.zeros(80, dtype=np.uint8))}
    write(replace(table, columns=columns, recipe={"rows_stand_for": "functions"}), tmp_path / "t.h5")
    space, file = table.space, tmp_path / "answer.json"
    every = np.concatenate(list(space.enumerate()))
    shared = np.isin(space.function_key(every), space.function_key(table.genotypes))
    beside = every[shared & ~np.isin(space.key(every), space.key(table.genotypes))][0]
    for options in ((), ("--seed", 0)):
        assert run("query", tmp_path / "t.h5", space.to_string(beside), *options, "--json", file) == 0
        metrics = {answer["metric"] for answer in json.loads(file.read_text())["answers"]}
        assert metrics == {"toy/validation_accuracy", "toy/test_accuracy", "toy/train_seconds"}
        assert "the costs of this one are not known" in capsys.readouterr().out.replace("\n", " ")
    assert run("query", tmp_path / "t.h5", space.to_string(beside), "--metric", "flops") == 2
    assert run("query", table_file, space.to_string(beside)) == 2


def test_a_seed_that_is_asked_of_a_surrogate_is_not_dropped(
    table_file: Path, run: Callable[..., int], cell: str, tmp_path: Path
) -> None:
    """Nor is a seed or an epoch that no metric has."""
    file = tmp_path / "answer.json"
    fitted = fit_surrogate(nasbench.load(table_file), "validation_accuracy", "ridge")
    for number, models in enumerate((fitted.models, {n: replace(m, noise=None) for n, m in fitted.models.items()})):
        write_surrogate(SurrogateBenchmark(fitted.table, models), tmp_path / f"s{number}.h5")
    assert run("query", tmp_path / "s0.h5", cell, "--seed", 3, "--json", file) == 0
    for answer in json.loads(file.read_text())["answers"]:
        assert answer["seeds"] == [3]
        assert answer["value"] == fitted.query(cell, answer["metric"], seed=3).value
    for options in (("--seed", 3), ("--epoch", 2)):
        assert run("query", tmp_path / "s1.h5", cell, *options) == 2

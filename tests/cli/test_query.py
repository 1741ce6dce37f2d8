"""An answer says which split, epoch and seeds it comes from."""

import json
from collections.abc import Callable
from pathlib import Path

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

"""Published splits, and rows by the strategy that found them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.evaluate.holdout import found_by, published_split, without
from nasbench.importers.holdout_files import read_split, split_folder
from nasbench.importers.tabulate import Series, tabulate
from nasbench.spaces import spaces

ROWS = np.array([0, 1, 2, 3, 1])
NAMES = ["rs/r_0.json", "rs/r_1.json", "de/r_0.json", "de/r_1.json", "de/r_2.json"]


def table(**recipe: Any) -> Table:
    """Four architectures that compute different functions."""
    metric = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
    genotypes = np.array([[0, 0, 0, k, 0, 0] for k in range(4)], dtype=np.int8)
    return tabulate(spaces.create("nb201"), genotypes, [Series(metric, np.arange(4.0))], recipe)


def write(folder: Path, train: object, val: object, test: object) -> Path:
    for name, content in (("train", train), ("val", val), ("test", test)):
        (folder / f"{name}_paths.json").write_text(json.dumps(content))
    return folder


def lists(parts: dict[str, Any]) -> dict[str, list[int]]:
    return {name: rows.tolist() for name, rows in parts.items()}


def test_paths_become_rows(tmp_path: Path) -> None:
    folder = write(
        tmp_path, ["/x/rs/r_1.json", "C:\\y\\rs\\r_0.json"], ["de/r_0.json", "de/r_9.json"], ["z/de/r_2.json"]
    )
    found = read_split(folder, NAMES, ROWS)
    assert found.rows == {"train": [0, 1], "validation": [2], "test": [1]}
    assert found.facts == {
        "paths": {"train": 2, "validation": 2, "test": 1},
        "not_in_table": {"train": 0, "validation": 1, "test": 0},
        "architectures_in_several": 1,
    }
    imported = table(splits=found.rows)
    assert lists(published_split(imported)) == {"train": [0], "validation": [2], "test": [1]}
    assert lists(published_split(imported, disjoint=False)) == found.rows


def test_it_is_found_beside_the_table_or_where_it_is_named(tmp_path: Path) -> None:
    csv = tmp_path / "table" / "t.csv"
    (csv.parent / "raw").mkdir(parents=True)
    assert split_folder(csv, None) is None
    write(csv.parent / "raw", [], [], [])
    assert split_folder(csv, None) == csv.parent / "raw"
    assert split_folder(tmp_path, str(csv.parent / "raw")) == csv.parent / "raw"
    with pytest.raises(FileError, match="holds no train_paths"):
        split_folder(csv, str(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "train_paths.json is not a list of paths"),
        ([1], "train_paths.json is not a list of paths"),
        (["rs/r_7.json"], "lists 'rs/r_7.json' and others, none of which is in the table"),
    ],
)
def test_bad_files(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(FileError, match=message):
        read_split(write(tmp_path, content, [], []), NAMES, ROWS)
    (tmp_path / "val_paths.json").unlink()
    write(tmp_path, [], [], [])
    (tmp_path / "val_paths.json").unlink()
    with pytest.raises(FileError, match=r"no file .*val_paths\.json"):
        read_split(tmp_path, NAMES, ROWS)


def test_leave_one_strategy_out_by_hand(tmp_path: Path) -> None:
    imported = table(found_by={"rs": [0, 1], "de": [2, 3, 1]})
    hdf5.write(imported, tmp_path / "t.h5")
    for one in (imported, hdf5.read(tmp_path / "t.h5")):
        assert lists(found_by(one)) == {"rs": [0, 1], "de": [1, 2, 3]}
        assert [rows.tolist() for rows in without(one, "rs")] == [[2, 3], [0, 1]]
        assert [rows.tolist() for rows in without(one, "de")] == [[0], [1, 2, 3]]
        with pytest.raises(NotFoundError, match="nothing was found by 'darts'; strategies of this table are rs, de"):
            without(one, "darts")


def test_what_computes_the_same_is_not_learnt_from() -> None:
    """A convolution before a skip is the convolution alone."""
    metric = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
    space = spaces.create("nb201")
    genotypes = np.array([[0, 0, 0, 3, 0, 0], [3, 0, 0, 0, 1, 0], [0, 0, 0, 2, 0, 0]], dtype=np.int8)
    recipe = {"splits": {"train": [0, 2], "test": [1]}, "found_by": {"rs": [0, 2], "de": [1]}}
    imported = tabulate(space, genotypes, [Series(metric, np.arange(3.0))], recipe)
    assert lists(published_split(imported)) == {"train": [2], "test": [1]}
    assert lists(published_split(imported, disjoint=False)) == {"train": [0, 2], "test": [1]}
    assert [rows.tolist() for rows in without(imported, "de")] == [[2], [1]]


@given(st.lists(st.lists(st.integers(0, 3)), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_parts_are_disjoint_and_cover_the_same(parts: list[list[int]]) -> None:
    imported = table(splits=dict(zip(("train", "validation", "test"), parts, strict=False)))
    found = list(published_split(imported).values())
    together = np.concatenate(found)
    assert len(np.unique(together)) == len(together)
    assert set(together.tolist()) == set().union(*parts)
    assert found[-1].tolist() == sorted(set(parts[-1]))


def test_what_a_recipe_lacks_or_has_wrong() -> None:
    with pytest.raises(NotFoundError, match="no split that its source publishes"):
        published_split(table())
    with pytest.raises(NotFoundError, match="no record of which strategy"):
        without(table(), "rs")
    for wrong in ([0], {"train": [4]}, {"train": [-1]}, {"train": [0.5]}, {"train": "0"}, {"train": [[0]]}):
        with pytest.raises(InputError, match="'splits' of the recipe"):
            published_split(table(splits=wrong))

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.table import Table, row_codes
from nasbench.errors import InputError
from nasbench.spaces import Space, spaces


def test_a_sound_table_is_accepted(table: Table) -> None:
    assert replace(table) is not table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"genotypes": np.full((4, 5), 3, dtype=np.int8)}, r"shape \(n, 6\), got \(4, 5\)"),
        ({"genotypes": np.full((4, 6), 9, dtype=np.int8)}, "genotype 0 .* position 0 is 9"),
        ({"genotypes": np.arange(24).reshape(4, 6) % 5}, "int8, got int64"),
        (
            {"genotypes": np.eye(4, 6, dtype=np.int8)[[0, 1, 0, 3]]},
            r"genotype \[1, 0.*\] is in the table more than once",
        ),
        ({"genotypes": np.empty((0, 6), dtype=np.int8)}, "at least one architecture"),
        ({"seeds": (3, 3)}, r"seeds are different, got \(3, 3\)"),
        ({"seeds": (0.5, 1)}, "seeds are integers"),
        ({"seeds": range(10**6 + 1)}, "seeds are at most 1,000,000, got 1,000,001"),
        ({"recipe": {"data": [{"name\x1b": 1}]}}, r"each text of the recipe is printable text, got 'name\\x1b'"),
        ({"provenance": {"commit": "a\rb"}}, r"each text of the provenance is printable text, got 'a\\rb'"),
        ({"seeds": (0, 2**63)}, "fit 64 bits"),
        ({"seeds": ()}, "axis 'seed', but the table has no seeds"),
        ({"seeds": (1, 2, 3)}, r"have shape \(4, 3, 3\) .* got \(4, 2, 3\)"),
        ({"epochs": {"digits": (1, 12, 4)}}, "increasing, got"),
        ({"epochs": {"digits": (-1, 1, 4)}}, "at least 0; got -1"),
        ({"epochs": {}}, "axis 'epoch', but the table has no epochs"),
        ({"epochs": {"a/b": (1,)}}, "without '/'"),
    ],
)
def test_a_broken_table_is_refused(table: Table, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(table, **change)


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("parameters", {"values": np.array([1.0, 2.0, np.nan, 4.0])}, r"at \(2,\) the value is nan and missing is 0"),
        ("parameters", {"values": np.array([1.0, 2.0, np.inf, 4.0])}, "the value is inf"),
        ("parameters", {"missing": np.array([0, 1, 0, 0], dtype=np.uint8)}, "the value is 400.0 and missing is 1"),
        ("parameters", {"values": np.array([1, 2, 3, 4])}, "values of 'parameters' are float64, got int64"),
        ("parameters", {"missing": np.zeros(4)}, "missing of 'parameters' are uint8"),
        ("parameters", {"values": np.ones(3)}, r"shape \(4,\)"),
        ("digits/test_accuracy", {"reasons": ("one",)}, "names cause 3, but there are 1 reasons"),
        ("digits/test_accuracy", {"reasons": ("one", " ", "three")}, "is a sentence"),
        ("digits/test_accuracy", {"reasons": ("one", "\x07two", "three")}, r"printable text, got '\\x07two'"),
    ],
)
def test_a_broken_column_is_refused(table: Table, path: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(table, columns={**table.columns, path: replace(table.columns[path], **change)})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "flops"}, "holds metric 'flops'"),
        ({"split": "val"}, "split of 'parameters' is one of train, validation, test, none; got 'val'"),
        ({"direction": "max"}, "direction of 'parameters'"),
        ({"dims": ("architecture", "epoch")}, "dims of 'parameters'"),
        ({"units": ""}, "has no units"),
        ({"units": "per\x1b[2Jcent"}, r"units of 'parameters' is printable text, got 'per\\x1b\[2Jcent'"),
        ({"description": "a\u202eb"}, r"the description of 'parameters' is printable text, got 'a\\u202eb'"),
    ],
)
def test_a_broken_metric_is_refused(table: Table, change: dict[str, Any], message: str) -> None:
    column = table.columns["parameters"]
    broken = replace(column, metric=replace(column.metric, **change))
    with pytest.raises(InputError, match=message):
        replace(table, columns={**table.columns, "parameters": broken})


@pytest.mark.parametrize("name", ["", "a/b", "epoch", "..", "two\nlines"])
def test_names_that_a_file_cannot_hold(table: Table, name: str) -> None:
    column = table.columns["parameters"]
    renamed = replace(column, metric=replace(column.metric, name=name))
    with pytest.raises(InputError, match="the name of a metric is printable"):
        replace(table, columns={name: renamed})


def test_a_metric_named_like_a_data_set(table: Table) -> None:
    column = table.columns["parameters"]
    renamed = replace(column, metric=replace(column.metric, name="digits"))
    with pytest.raises(InputError, match="both a data set and a metric"):
        replace(table, columns={**table.columns, "digits": renamed})


def test_row_codes_of_spaces_beyond_64_bits() -> None:
    class Wide(type(spaces.create("nb201"))):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.cardinalities = (5,) * 40

    wide: Space = Wide()
    genotypes = np.random.default_rng(0).integers(0, 5, (50, 40)).astype(np.int8)
    codes = row_codes(wide, genotypes[[*range(50), 7]])
    found, counts = np.unique(codes, return_counts=True)
    assert len(found) == 50
    assert counts.max() == 2
    assert (found[np.searchsorted(found, codes)] == codes).all()

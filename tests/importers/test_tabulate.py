"""Rows of measurements as a table: repeats, epochs, curves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.base import Metric
from nasbench.errors import InputError
from nasbench.importers.tabulate import Series, table_rows, tabulate, used_reasons
from nasbench.spaces import spaces
from nasbench.types import GenotypeArray

SPACE = spaces.create("nb201")
ACCURACY = Metric("data", "validation_accuracy", "validation", "percent", "maximise", ())
SIZE = Metric("", "parameters", "none", "count", "minimise", ("architecture",))
NAN = np.nan


def cells(*numbers: int) -> GenotypeArray:
    return SPACE.decode(np.array(numbers))


def test_rows_by_hand() -> None:
    rows, first = table_rows(SPACE, cells(7, 3, 7, 9, 3))
    assert rows.tolist() == [0, 1, 0, 2, 1]
    assert first.tolist() == [0, 1, 3]


def test_curves_and_single_numbers_of_repeats() -> None:
    curves = np.array([[1, 2, 3], [4, 5, NAN], [7, 8, 9]])
    series = [
        Series(ACCURACY, curves, "not at this epoch"),
        Series(Metric("data", "test_accuracy", "test", "percent", "maximise", ()), np.array([1, NAN, 3.0])),
        Series(SIZE, np.array([5, 6, 5.0])),
    ]
    table = tabulate(SPACE, cells(7, 3, 7), series, {}, along=(1, 2, 4))
    assert table.seeds == (0, 1) and dict(table.epochs) == {"data": (1, 2, 4)}
    column = table.columns["data/validation_accuracy"]
    assert column.metric.dims == ("architecture", "seed", "epoch")
    np.testing.assert_array_equal(column.values, [[[1, 2, 3], [7, 8, 9]], [[4, 5, NAN], [NAN] * 3]])
    assert column.reasons == ("no such row in the source", "not at this epoch")
    assert column.missing.tolist() == [[[0, 0, 0], [0, 0, 0]], [[0, 0, 2], [1, 1, 1]]]
    test = table.columns["data/test_accuracy"]
    assert test.metric.dims == ("architecture", "seed")
    np.testing.assert_array_equal(test.values, [[1, 3], [NAN, NAN]])
    assert table.columns["parameters"].values.tolist() == [5, 6]


def test_what_disagrees_is_named() -> None:
    with pytest.raises(InputError, match=r"row 3: parameters is 6.*, but an earlier row of its architecture says 5"):
        tabulate(SPACE, cells(7, 3, 7), [Series(SIZE, np.array([5, 5, 6.0]))], {})
    with pytest.raises(InputError, match=r"row 2 is a second row of .* with seed 4"):
        tabulate(SPACE, cells(7, 7), [Series(ACCURACY, np.zeros(2))], {}, seeds=np.array([4, 4]))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_every_number_finds_its_place(numbers: list[int]) -> None:
    """Curve by curve, in order, as the repeats of its architecture."""
    curves = np.arange(2.0 * len(numbers)).reshape(-1, 2)
    table = tabulate(SPACE, cells(*numbers), [Series(ACCURACY, curves)], {}, along=(1, 2))
    rows, _ = table_rows(SPACE, cells(*numbers))
    values = table.columns["data/validation_accuracy"].values
    for row, number in enumerate(dict.fromkeys(numbers)):
        assert SPACE.code(table.genotypes[[row]])[0] == number
        np.testing.assert_array_equal(values[row][: (rows == row).sum()], curves[rows == row])
        assert np.isnan(values[row][(rows == row).sum() :]).all()


def test_reasons_that_do_not_occur_are_left_out() -> None:
    missing, reasons = used_reasons(np.array([0, 3, 1], dtype=np.uint8), ("a", "b", "c"))
    assert missing.tolist() == [0, 2, 1] and reasons == ("a", "c")

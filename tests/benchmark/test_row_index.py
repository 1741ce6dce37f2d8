from dataclasses import replace

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.row_index import MIN_INEXACT_LOOKUPS, RowIndex
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import NotFoundError
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
BARE = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
BESIDE = "|none~0|+|none~0|nor_conv_3x3~1|+|nor_conv_1x1~0|none~1|none~2|"  # a convolution that leads nowhere
OTHER = "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|"


@pytest.fixture
def table() -> Table:
    """One row, `BARE`, with an accuracy of 90 and 7 parameters."""
    columns = {
        metric.path: Column(
            metric, np.full((1, 1)[: len(metric.dims)], value), np.zeros((1, 1)[: len(metric.dims)], "u1")
        )
        for metric, value in (
            (Metric("", "accuracy", "validation", "percent", "maximise", ("architecture", "seed")), 90.0),
            (Metric("", "parameters", "none", "count", "minimise", ("architecture",)), 7.0),
        )
    }
    return Table(SPACE, SPACE.genotype(BARE)[None], (0,), {}, columns)


@pytest.fixture(params=["seeds", "means"])
def functions(request: pytest.FixtureRequest, table: Table) -> TabularBenchmark:
    if request.param == "means":
        column = table.columns["accuracy"]
        metric = replace(column.metric, dims=("architecture",))
        columns = {
            **table.columns,
            "accuracy": replace(column, metric=metric, values=column.values[:, 0], missing=column.missing[:, 0]),
        }
        table = replace(table, columns=columns)
    return TabularBenchmark(replace(table, recipe={"rows_stand_for": "functions"}))


def test_a_row_of_functions_answers_for_what_computes_the_same(functions: TabularBenchmark) -> None:
    beside = SPACE.genotype(BESIDE)
    assert functions.query(BESIDE, "accuracy").value == 90
    assert functions.query(beside, "accuracy", seed=np.random.default_rng(0)).value == 90
    assert functions.query_many([beside], "accuracy").values.tolist() == [90]
    assert functions.answered(BESIDE) == ["accuracy"]
    assert functions.answered(BARE) == ["accuracy", "parameters"]
    with pytest.raises(NotFoundError, match="not among the 1 trained"):
        functions.query(OTHER, "accuracy")


def test_costs_are_those_of_the_very_network(functions: TabularBenchmark) -> None:
    assert functions.query(BARE, "parameters").value == 7
    for ask in (functions.query, lambda cell, metric: functions.query_many([SPACE.genotype(cell)], metric)):
        with pytest.raises(NotFoundError, match="not among"):
            ask(BESIDE, "parameters")


def test_other_tables_answer_for_isomorphic_networks_only(table: Table) -> None:
    with pytest.raises(NotFoundError, match="not among"):
        TabularBenchmark(table).query(BESIDE, "accuracy")


@pytest.mark.parametrize("rows", ["functions", "genotypes"])
def test_complete(table: Table, rows: str) -> None:
    cells = SPACE.unique("function_key")
    columns = {
        path: replace(
            column,
            values=np.repeat(column.values, len(cells), axis=0),
            missing=np.repeat(column.missing, len(cells), axis=0),
        )
        for path, column in table.columns.items()
    }
    whole = TabularBenchmark(replace(table, genotypes=cells, columns=columns, recipe={"rows_stand_for": rows}))
    assert whole.complete == (rows == "functions")


def test_one_by_one_as_many_at_once() -> None:
    cells = SPACE.unique("function_key")
    everything = np.concatenate(list(SPACE.enumerate()))
    table = Table(SPACE, cells, (), {}, {})
    expected = RowIndex(table, "a", functions=True).rows(everything)
    assert (SPACE.function_key(cells[expected]) == SPACE.function_key(everything)).all()
    drawn = np.random.default_rng(0).integers(0, len(everything), 4 * MIN_INEXACT_LOOKUPS)
    fresh = RowIndex(table, "a", functions=True)
    assert [fresh.row(everything[at]) for at in drawn] == expected[drawn].tolist()

from dataclasses import replace

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.gather import curve_metric, gather
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.predictors import Needs
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
CELLS = SPACE.decode(np.arange(10, 15))
ACCURACY = "digits/validation_accuracy"


def column(dataset, name, split, units, values, **more):
    missing = np.isnan(values).astype(np.uint8)
    metric = Metric(dataset, name, split, units, "none", DIMS[: values.ndim], **more)
    return metric.path, Column(metric, values.astype(np.float64), missing, ("failed",))


@pytest.fixture(scope="module")
def benchmark():
    """Five cells, seeds 0 and 1; accuracy is 10 row + epoch + seed, and an epoch takes 1 + row seconds.

    The first cell has no number with seed 0, the second none at epoch 4, the third no latency. Data set `once` has a
    training of its own for each number of epochs.
    """
    row, seed, epoch = np.arange(5.0)[:, None, None], np.arange(2.0)[:, None], np.array([1.0, 2, 4])
    accuracy = 10 * row + epoch + seed
    accuracy[0, 0], accuracy[1, :, 2] = np.nan, np.nan
    seconds = np.broadcast_to((1 + row) * epoch, accuracy.shape).copy()
    parameters, latency = np.array([7.0, 8, 9, 10, 11]), np.array([0.1, 0.2, np.nan, 0.4, 0.5])
    columns = dict(
        [
            column("digits", "validation_accuracy", "validation", "percent", accuracy),
            column("digits", "test_accuracy", "test", "percent", accuracy - 100),
            column("digits", "train_loss", "train", "nats", accuracy),
            column("digits", "train_seconds", "none", "seconds", seconds),
            column("once", "validation_accuracy", "validation", "percent", accuracy, resumable=False),
            column("once", "train_seconds", "none", "seconds", seconds, resumable=False),
            column("", "parameters", "none", "count", parameters),
            column("digits", "latency", "none", "milliseconds", latency),
            column("once", "latency", "none", "milliseconds", latency + 1),
        ]
    )
    epochs = {"digits": (1, 2, 4), "once": (1, 2, 4)}
    return TabularBenchmark(Table(SPACE, CELLS, (0, 1), epochs, columns), name="toy.h5")


def test_architectures_alone(benchmark):
    inputs = gather(benchmark, CELLS[:2], Needs(), ACCURACY)
    assert np.array_equal(inputs.genotypes, CELLS[:2])
    assert (inputs.columns, inputs.curve, inputs.epochs, inputs.seconds) == ({}, None, (), None)


def test_static_columns_by_short_and_by_full_name(benchmark):
    needs = Needs(("parameters", "digits:latency", "once:latency"))
    inputs = gather(benchmark, CELLS[[3, 1]], needs, ACCURACY)
    assert {name: values.tolist() for name, values in inputs.columns.items()} == {
        "parameters": [10, 8],
        "digits:latency": [0.4, 0.2],
        "once:latency": [1.4, 1.2],
    }


def test_missing_numbers_are_nan_and_not_known(benchmark):
    inputs = gather(benchmark, CELLS, Needs(("digits:latency",), 4), ACCURACY)
    assert np.isnan(inputs.columns["digits:latency"]).tolist() == [False, False, True, False, False]
    assert inputs.known.tolist() == [True, False, False, True, True]


def test_a_curve_and_its_cost_by_hand(benchmark):
    """Means over the seeds that have a number; the time is what training up to the last epoch took."""
    inputs = gather(benchmark, CELLS, Needs((), 2), ACCURACY)
    assert inputs.epochs == (1, 2)
    assert inputs.curve.tolist() == [[2, 3], [11.5, 12.5], [21.5, 22.5], [31.5, 32.5], [41.5, 42.5]]
    assert inputs.seconds.tolist() == [2, 4, 6, 8, 10]
    longer = gather(benchmark, CELLS, Needs((), 4), ACCURACY)
    assert longer.epochs == (1, 2, 4)
    assert longer.curve[4].tolist() == [41.5, 42.5, 44.5]
    assert np.isnan(longer.curve[1]).tolist() == [False, False, True]
    assert longer.seconds.tolist() == [4, 8, 12, 16, 20]


def test_trainings_that_do_not_continue_have_the_last_epoch_and_its_cost(benchmark):
    inputs = gather(benchmark, CELLS, Needs((), 2), "once/validation_accuracy")
    assert inputs.epochs == (2,)
    assert inputs.curve.tolist() == [[3], [12.5], [22.5], [32.5], [42.5]]
    assert inputs.seconds.tolist() == [2, 4, 6, 8, 10]


def test_the_curve_of_another_split_is_that_of_the_validation_data(benchmark):
    assert curve_metric(benchmark, "digits/test_accuracy").path == ACCURACY
    assert curve_metric(benchmark, ACCURACY).path == ACCURACY
    assert curve_metric(benchmark, "digits/train_loss").path == "digits/train_loss"  # has no counterpart
    assert curve_metric(benchmark, "digits/train_seconds").path == "digits/train_seconds"
    of_test = gather(benchmark, CELLS, Needs((), 2), "digits/test_accuracy")
    assert np.array_equal(of_test.curve, gather(benchmark, CELLS, Needs((), 2), ACCURACY).curve)


def test_without_recorded_times_the_cost_is_not_known(benchmark):
    columns = {path: c for path, c in benchmark.table.columns.items() if not path.endswith("train_seconds")}
    untimed = TabularBenchmark(replace(benchmark.table, columns=columns))
    inputs = gather(untimed, CELLS, Needs((), 2), ACCURACY)
    assert inputs.curve is not None
    assert inputs.seconds is None


def test_an_encoding_that_only_the_space_knows_is_no_column(benchmark, monkeypatch):
    monkeypatch.setattr(type(SPACE), "feature_kinds", (*SPACE.feature_kinds, "wires"))
    assert gather(benchmark, CELLS, Needs(("wires", "parameters")), ACCURACY).columns.keys() == {"parameters"}


def test_a_colon_may_belong_to_the_name_of_a_column(benchmark):
    """The message offers `digits:latency:gpu`, so that name is taken."""
    column = benchmark.table.columns["digits/latency"]
    metric = replace(column.metric, name="latency:gpu")
    columns = {metric.path: replace(column, metric=metric), ACCURACY: benchmark.table.columns[ACCURACY]}
    named = TabularBenchmark(replace(benchmark.table, columns=columns))
    found = gather(named, CELLS, Needs(("digits:latency:gpu",)), ACCURACY).columns["digits:latency:gpu"]
    np.testing.assert_array_equal(found, named.query_many(CELLS, metric.path).values.filled(np.nan))


STATIC = "parameters, digits:latency, once:latency; partial curves are written curve@EPOCHS$"


@pytest.mark.parametrize(
    ("needs", "metric", "message"),
    [
        (
            Needs(("test_accuracy",)),
            ACCURACY,
            rf"no column of toy\.h5: 'digits/test_accuracy' comes of training, .*; static metrics are {STATIC}",
        ),
        (Needs(("digits:train_seconds",)), ACCURACY, "'digits/train_seconds' comes of training"),
        (
            Needs(("flops",)),
            ACCURACY,
            rf"'flops' is no encoding of nb201 \(onehot, .*\) and no column of toy\.h5: 'flops' is not .* has {STATIC}",
        ),
        (
            Needs(("latency",)),
            ACCURACY,
            f"'latency' is no encoding .*: 'latency' is not one static metric of this benchmark; it has {STATIC}",
        ),
        (Needs((), 3), ACCURACY, "curve@3 cannot be read: 'digits/validation_accuracy' of toy.h5 has epochs 1, 2, 4"),
        (Needs((), 8), ACCURACY, "curve@8 cannot be read: .* has epochs 1, 2, 4"),
        (Needs((), 2), "parameters", "curve@2 cannot be read: 'parameters' of toy.h5 has no learning curve"),
    ],
)
def test_what_cannot_be_gathered(benchmark, needs, metric, message):
    with pytest.raises(InputError, match=message) as caught:
        gather(benchmark, CELLS, needs, metric)
    assert "\n" not in str(caught.value)


def test_a_benchmark_without_static_metrics(benchmark):
    columns = {ACCURACY: benchmark.table.columns[ACCURACY]}
    bare = TabularBenchmark(replace(benchmark.table, columns=columns), name="bare.h5")
    with pytest.raises(InputError, match=r"no column of bare\.h5: 'flops' is not one static .* it has \(none\);"):
        gather(bare, CELLS, Needs(("flops",)), ACCURACY)

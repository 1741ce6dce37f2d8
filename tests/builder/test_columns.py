"""A table by hand from outcomes, and the outcomes back."""

import numpy as np
import pytest

from nasbench.builder.columns import assemble, curve_metrics, recover
from nasbench.builder.ledger import Key
from nasbench.measures.base import Measurement
from nasbench.spaces.nb201 import NB201
from nasbench.tasks.images import ImageClassification

SPACE = NB201()
CELLS = np.array([[2, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0]], dtype=np.int8)
METRICS = {"d": curve_metrics("d", ImageClassification((1, 8, 8), 10))}


def training(cell, seed, epochs):
    return Key.of("training", "d", epochs, seed, CELLS[cell])


def curve(start, epochs):
    """Seven curves."""
    return start + np.arange(7.0 * epochs).reshape(7, epochs)


def same(a, b):
    assert a.keys() == b.keys()
    for key, outcome in a.items():
        assert outcome.reason == b[key].reason
        assert (outcome.values is None) == (b[key].values is None)
        if outcome.values is not None:
            np.testing.assert_array_equal(outcome.values, b[key].values)


def test_one_schedule_is_filed_under_the_data_set():
    partial = curve(50, 2)
    partial[:, 1] = np.nan
    outcomes = {
        training(0, 0, 2): Measurement(curve(10, 2)),
        training(0, 1, 2): Measurement(partial, "diverged at epoch 2"),
        training(1, 0, 2): Measurement(None, "failed: it did"),
        Key.of("latency", "d", 0, 0, CELLS[1]): Measurement(np.array([7.5])),
    }
    table = assemble(SPACE, CELLS[:2], 2, METRICS, outcomes, {"made": "by hand"})
    assert table.seeds == (0, 1) and table.epochs == {"d": (1, 2)} and table.recipe == {"made": "by hand"}
    loss = table.columns["d/validation_loss"]  # the fourth curve: 10 + 3 * 2
    np.testing.assert_array_equal(loss.values, [[[16, 17], [56, np.nan]], [[np.nan] * 2, [np.nan] * 2]])
    np.testing.assert_array_equal(loss.missing, [[[0, 0], [0, 2]], [[3, 3], [1, 1]]])
    assert loss.reasons == ("not trained", "diverged at epoch 2", "failed: it did")
    latency = table.columns["d/latency"]
    np.testing.assert_array_equal(latency.values, [np.nan, 7.5])
    assert latency.missing.tolist() == [1, 0] and latency.reasons == ("not measured",)
    same(recover(table), outcomes)


def test_several_schedules_are_points_and_curves():
    outcomes = {training(0, 0, 1): Measurement(curve(10, 1)), training(0, 0, 3): Measurement(curve(100, 3))}
    table = assemble(SPACE, CELLS[:1], 1, METRICS, outcomes, {})
    assert table.epochs == {"d@1": (1,), "d@3": (1, 2, 3), "d": (1, 3)}
    np.testing.assert_array_equal(table.columns["d/train_loss"].values, [[[11, 105]]])
    np.testing.assert_array_equal(table.columns["d@3/train_loss"].values, [[[103, 104, 105]]])
    np.testing.assert_array_equal(table.columns["d@1/train_loss"].values, [[[11]]])
    assert table.columns["d@3/train_loss"].metric.dataset == "d@3"
    same(recover(table), outcomes)


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_in_which_work_finished_makes_no_difference(order):
    outcomes = [
        (training(cell, seed, 2), Measurement(None, f"failed: {cell}, {seed}"))
        for cell in range(3)
        for seed in range(2)
    ]
    table = assemble(SPACE, CELLS, 2, METRICS, dict(outcomes[::order]), {})
    column = table.columns["d/test_accuracy"]
    assert column.reasons[0] == "failed: 0, 0"
    assert column.missing[:, :, 0].tolist() == [[1, 2], [3, 4], [5, 6]]


def test_other_architectures_are_left_out():
    outcomes = {training(0, 0, 1): Measurement(curve(10, 1)), training(2, 0, 1): Measurement(curve(20, 1))}
    table = assemble(SPACE, CELLS[2:], 1, METRICS, outcomes, {})
    np.testing.assert_array_equal(table.columns["d/train_loss"].values, [[[21]]])

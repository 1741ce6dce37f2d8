"""Which metrics stand behind objectives, and which epochs of them answer."""

from dataclasses import replace
from typing import Any

import pytest

from nasbench.benchmark.base import Metric
from nasbench.errors import InputError
from nasbench.simulator.search_metrics import epoch_tested, epoch_timed, search_metrics


def test_metrics_of_a_search_by_hand(formula: Any) -> None:
    benchmark = formula()
    smaller = replace(benchmark.metrics["parameters"], direction="minimise")
    benchmark.metrics = {**benchmark.metrics, "parameters": smaller}
    found = search_metrics(benchmark, ["validation_score", "parameters"])
    assert [metric.path for metric in found.guides] == ["toy/validation_score", "parameters"]
    assert [metric and metric.path for metric in found.tests] == ["toy/test_score", "parameters"]
    assert found.cost is not None and found.cost.path == "toy/train_seconds"
    assert found.epochs == {1: 1, 4: 4}


def test_what_guides_no_search(formula: Any) -> None:
    with pytest.raises(InputError, match="a search is guided by a validation metric, but 'toy/test_score' belongs to"):
        search_metrics(formula(), ["test_score"])
    with pytest.raises(InputError, match="the objective 'toy/validation_score' is named twice"):
        search_metrics(formula(), ["validation_score", "toy/validation_score"])


def test_epochs_that_were_tested_and_timed(formula: Any) -> None:
    measured = formula()
    test, cost = measured.metrics["toy/test_score"], measured.metrics["toy/train_seconds"]
    assert [epoch_tested(measured, test, epochs, full=4) for epochs in (1, 2, 4)] == [1, None, "last"]
    assert epoch_tested(measured, None, 4, full=4) is None
    assert epoch_tested(measured, measured.metrics["parameters"], 1, full=4) == "last"
    assert epoch_timed(measured, cost, {1: 1, 4: 4}, 1, resumable=True) == (1, 1.0)
    whole = Metric("toy", "whole_seconds", "none", "seconds", "minimise", ("architecture",))
    measured.metrics = {**measured.metrics, whole.path: whole}
    assert epoch_timed(measured, whole, {1: 1, 4: 4}, 1, resumable=True) == ("last", 0.25)
    assert epoch_timed(measured, whole, {1: 1, 4: 4}, 1, resumable=False) == (None, 1.0)

"""Parts are named with their source."""

from collections.abc import Callable

import pytest


def test_list_names_parts_with_their_source(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    shown = capsys.readouterr().out
    for name in ("nb101", "nb201", "gp", "xgb", "gnn", "evolution", "reinforce", "digits", "cifar10", "Real et al."):
        assert name in shown
    for fact in ("1,076,746,950,455,072,400 genotypes of 22 choices", "image classification", "arXiv:1806.09055"):
        assert fact in shown


def test_columns_of_measures_are_named_when_asked_for(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("list", "measures") == 0
    shown = capsys.readouterr().out
    for fact in ("latency (milliseconds)", "training_energy (joules)", "corrupted_accuracy_elastic (percent)"):
        assert fact in shown
    assert "\\n" not in shown

"""SMAC3: what it is told, and the contract."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.search import Outcome, strategies
from nasbench.search.outside.smac import SMAC
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

pytest.importorskip("smac")


def test_costs_by_hand(problem: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two designs, of which the first fails: it waits for the second's cost, -5, and has it as a crash."""
    monkeypatch.chdir(tmp_path)
    strategy: Any = SMAC().start(problem(spaces.create("nb201"), 2), np.random.default_rng(0))
    told = []
    tell = strategy._facade.tell
    strategy._facade.tell = lambda info, value, **more: (
        told.append((value.cost, value.status.name)) or tell(info, value, **more)
    )
    for score in (np.nan, 5.0, 7.0):
        (trial,) = strategy.ask()
        strategy.tell(trial, Outcome((score,), 1.0, 1, np.array([score])))
    assert told == [(-5.0, "SUCCESS"), (-5.0, "CRASHED"), (-7.0, "SUCCESS")]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("model", ["forest", "gp"])
def test_contract(model: str) -> None:
    check_strategy(strategies.create(f"smac+model={model}"), spaces.create("nb201"), evaluations=12)


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="a model of smac is one of forest, gp; got 'rf'"):
        SMAC("rf")
    monkeypatch.setitem(sys.modules, "smac", None)
    with pytest.raises(MissingExtraError, match=r"the strategy smac needs smac: pip install 'nasbench\[smac\]'"):
        SMAC()

"""qLogEHVI: the improvement by hand, exact objectives, and the front that it finds."""

import sys
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.search import Outcome
from nasbench.search.pareto import hypervolume
from nasbench.search.problem import Objective
from nasbench.search.qlogehvi import QLogEHVI, log_improvement
from nasbench.spaces import spaces
from nasbench.testing import check_strategy

pytest.importorskip("botorch")
SMOOTHING = 1e-2
"""BoTorch's smoothed minimum is within its temperature `tau_max`, 0.01, of the exact one."""
TWO = (Objective("accuracy", "percent", "maximise"), Objective("latency", "ms", "minimise"))


def test_improvement_by_hand() -> None:
    """The front {(0.5, 1), (1, 0.5)} has 0.75; (1, 1) adds 0.25, (0.75, 0.75) a square of 0.25, (0.5, 0.5) nothing."""
    scores = np.array([[0.5, 1.0], [1.0, 0.5], [0.25, 0.25]])
    draws = np.array([[[1.0, 1.0], [0.75, 0.75], [0.5, 0.5]]] * 2)
    found = np.exp(log_improvement(draws, scores))
    np.testing.assert_allclose(found, [0.25, 0.0625, 0], atol=SMOOTHING)


@pytest.mark.parametrize("objectives", [2, 3])
def test_improvement_is_the_mean_over_draws(objectives: int) -> None:
    rng = np.random.default_rng(0)
    scores, draws = rng.random((6, objectives)), rng.random((16, 10, objectives))
    none = np.zeros(objectives)
    expected = [
        np.mean([hypervolume(np.vstack([scores, draw]), none) - hypervolume(scores, none) for draw in draws[:, row]])
        for row in range(10)
    ]
    np.testing.assert_allclose(np.exp(log_improvement(draws, scores)), expected, atol=SMOOTHING)


def play(search: Any, scored: Any, evaluations: int) -> list[Any]:
    cells = []
    for _ in range(evaluations):
        trial = search.ask()
        scores = scored(trial.architecture)
        search.strategy.tell(trial, Outcome(scores, 1.0, 1, np.array(scores[:1])))
        cells.append(trial.architecture)
    return cells


def test_static_objectives_are_looked_up(drive: Any) -> None:
    """Draws of the latency are the latency of the candidates, with the sign turned."""

    def lookup(name: str, genotypes: Any) -> Any:
        if name != "latency":
            raise InputError("no such metric")
        return genotypes.sum(axis=1).astype(float)

    search = drive(QLogEHVI("ridge", first_fit=4, draws=4), objectives=TWO, lookup=lookup)
    play(search, lambda cell: (float((cell == 3).sum()), -float(cell.sum())), 6)
    candidates = search.space.sample(5, np.random.default_rng(1))
    draws = search.strategy._draws(candidates, search.strategy._normal())
    np.testing.assert_array_equal(draws[:, :, 1], np.tile(-candidates.sum(axis=1).astype(float), (4, 1)))
    assert np.ptp(draws[:, :, 0], axis=0).min() > 0


def test_finds_the_front(drive: Any) -> None:
    """Of a sum that is good and bad at once, cells of each sum are a front; it covers more than random samples do."""
    search = drive(QLogEHVI("ridge", first_fit=6, draws=16, mutations=40, samples=40), objectives=TWO)

    def scored(cell: Any) -> tuple[float, float]:
        return float((cell == 3).sum()), float((cell == 1).sum())

    found = np.array([scored(cell) for cell in play(search, scored, 30)])
    chance = np.array([scored(cell) for cell in spaces.create("nb201").sample(30, np.random.default_rng(0))])
    reference = np.full(2, -0.5)
    assert hypervolume(found, reference) > 1.1 * hypervolume(chance, reference)


def test_contract() -> None:
    check_strategy(
        QLogEHVI("ridge", first_fit=6, draws=2, mutations=10, samples=10), spaces.create("nb201"), evaluations=9
    )


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="draws must be a power of 2, got 6"):
        QLogEHVI(draws=6)
    with pytest.raises(InputError, match="static must be true or false, got 1"):
        QLogEHVI(static=1)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "botorch.models.model", None)
    with pytest.raises(
        MissingExtraError, match=r"the strategy qlogehvi needs BoTorch: pip install 'nasbench\[botorch\]'"
    ):
        QLogEHVI()

"""What gradient-based searches share: the order of proposals, the history, the cost, and the refusals."""

from typing import Any

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.search.darts import DARTS
from nasbench.search.differentiable import proposals
from nasbench.supernet.relaxation import Softmax
from nasbench.testing.strategy import check_strategy

QUICK: dict[str, Any] = {
    "dataset": "digits+train=32+validation=32+test=8", "epochs": 2, "channels": 4, "batch": 32
}  # fmt: skip


def test_the_last_epoch_first_then_earlier_ones_then_the_most_probable() -> None:
    """Two edges with two operations: epochs favour (0, 0), (0, 1), (1, 1); with 0.6 and 0.9, (1, 1) is best."""
    history = np.array([[[0.9, 0.1], [0.8, 0.2]], [[0.9, 0.1], [0.1, 0.9]], [[0.4, 0.6], [0.1, 0.9]]])
    space = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.int8)
    expected = [[1, 1], [0, 1], [0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]
    assert proposals(history, space).tolist() == expected, "0.54, 0.36, 0.06, 0.04"


def test_none_comes_last_where_it_does_not_count() -> None:
    """Without the first operation, 0.3 and 0.1 decide on the first edge, 0.2 and 0.4 on the second."""
    history = np.array([[[0.6, 0.3, 0.1], [0.4, 0.2, 0.4]]])
    space = np.array([[0, 2], [2, 1], [1, 1], [2, 2], [1, 2]], dtype=np.int8)
    assert proposals(history, space)[0].tolist() == [0, 0]
    expected = [[1, 2], [1, 2], [1, 1], [2, 2], [2, 1], [0, 2]]
    assert proposals(history, space, none=False).tolist() == expected, "0.12, 0.06, 0.04, 0.02"


def test_a_softmax_by_hand() -> None:
    relaxation = Softmax([(0, 1)], 2, torch.Generator().manual_seed(0))
    assert relaxation.alpha.abs().max() < 0.01
    with torch.no_grad():
        relaxation.alpha.copy_(torch.log(torch.tensor([[1.0, 3.0]])))
    weights = relaxation.choice(0.0).weights
    assert weights is not None
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75]]))
    np.testing.assert_allclose(relaxation.probabilities(), [[0.25, 0.75]], rtol=1e-6)


def test_history_cost_and_proposals(drive: Any) -> None:
    search = drive(DARTS(**QUICK), initial=2)
    strategy = search.strategy
    assert strategy.history.shape == (0, 6, 5)
    designs = [search.ask() for _ in range(2)]
    assert strategy.own_epochs == 0, "initial designs need no supernet"
    found = [search.ask().architecture for _ in range(300)]
    assert strategy.history.shape == (2, 6, 5)
    np.testing.assert_allclose(strategy.history.sum(axis=2), 1)
    assert strategy.own_epochs > 10, "two epochs of two gradients, each of five operations on an edge"
    assert found[0].tolist() == strategy.history[-1].argmax(axis=1).tolist()
    everything = [trial.architecture.tobytes() for trial in designs] + [cell.tobytes() for cell in found]
    assert len(set(everything)) == 302


def test_the_same_seed_twice(drive: Any) -> None:
    state = torch.get_rng_state()
    runs = [drive(DARTS(**QUICK)) for _ in range(2)]
    first, second = ([run.ask().architecture.tolist() for _ in range(20)] for run in runs)
    assert first == second
    assert (runs[0].strategy.history == runs[1].strategy.history).all()
    assert torch.equal(torch.get_rng_state(), state)


def test_refusals(drive: Any) -> None:
    with pytest.raises(InputError, match="the space nb101 has no supernet; search one of nb201, tnb101_micro"):
        drive(DARTS(**QUICK), "nb101")
    for wrong, message in (
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch": 1}, "batch must be a whole number of at least 2, got 1"),
        ({"dataset": 3}, "dataset must name a data set, got 3"),
        ({"architecture_rate": 0}, "architecture_rate must be a number above 0, got 0"),
        ({"none": 1}, "none must be true or false, got 1"),
        ({"second_order": "no"}, "second_order must be true or false, got 'no'"),
    ):
        with pytest.raises(InputError, match=message):
            DARTS(**{**QUICK, **wrong})


def test_another_space(drive: Any) -> None:
    search = drive(DARTS(**QUICK), "tnb101_micro")
    assert search.ask().architecture.tolist() == search.strategy.history[-1].argmax(axis=1).tolist()


@pytest.mark.parametrize("second_order", [False, True])
def test_contract(second_order: bool, drive: Any) -> None:
    space = drive(DARTS(**QUICK)).space
    check_strategy(DARTS(**{**QUICK, "epochs": 1}, second_order=second_order), space, evaluations=8)

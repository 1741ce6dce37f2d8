"""PC-DARTS: normalised edges; `tests/supernet` has the channels."""

from typing import Any

import pytest
import torch

from nasbench.errors import InputError
from nasbench.search.pc_darts import PCDARTS, EdgeNormalisation
from nasbench.spaces import spaces
from nasbench.spaces.edge_cell import EDGES
from nasbench.testing.strategy import check_strategy

QUICK: dict[str, Any] = {"dataset": "digits+train=32+validation=32+test=8", "epochs": 1, "channels": 4, "batch": 32}


def test_edges_into_a_node_add_up_to_one_by_hand() -> None:
    """Edges 0-1; 0-2, 1-2; 0-3, 1-3, 2-3 with exponentials 1; 1, 3; 1, 2, 5."""
    relaxation = EdgeNormalisation(EDGES, 5, torch.Generator().manual_seed(0))
    with torch.no_grad():
        relaxation.beta.copy_(torch.log(torch.tensor([1.0, 1, 3, 1, 2, 5])))
    weights = relaxation.choice(0.0).edge_weights
    assert weights is not None
    torch.testing.assert_close(weights, torch.tensor([1, 0.25, 0.75, 0.125, 0.25, 0.625]))
    assert [parameter.shape for parameter in relaxation.parameters] == [(6, 5), (6,)]


def test_only_weights_learn_in_the_warm_up(drive: Any) -> None:
    search = drive(PCDARTS(**{**QUICK, "epochs": 4}, warm_up=0.5))
    search.ask()
    history = search.strategy.history
    assert (history[0] == history[1]).all()
    assert (history[1] != history[2]).any()


def test_refusals(drive: Any) -> None:
    with pytest.raises(InputError, match="warm_up must be a number at least 0 and below 1, got 1"):
        PCDARTS(warm_up=1)
    with pytest.raises(InputError, match="1/3 of 4 channels is no whole number"):
        drive(PCDARTS(**QUICK, share=3)).ask()
    with pytest.raises(InputError, match="operations on 1/2 of the channels have to keep the shape"):
        drive(PCDARTS(**QUICK, share=2), "tnb101_micro").ask()


def test_contract() -> None:
    check_strategy(PCDARTS(**QUICK), spaces.create("nb201"), evaluations=8)

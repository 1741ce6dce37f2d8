"""Single-path one-shot search: candidates by shared accuracy, then the rest."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.oneshot import OneShot
from nasbench.search.shared_weights import best_first
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

QUICK: dict[str, Any] = {
    "dataset": "digits+train=32+validation=32+test=8", "epochs": 1, "channels": 4, "batch": 32, "candidates": 6
}  # fmt: skip


def test_best_first_by_hand() -> None:
    genotypes = np.array([[0], [1], [2]], dtype=np.int8)
    assert best_first(genotypes, np.array([1.0, 3.0, 1.0])).tolist() == [[1], [0], [2]]


def test_candidates_best_first_then_the_rest(drive: Any) -> None:
    search = drive(OneShot(**QUICK))
    found = np.array([search.ask().architecture for _ in range(10)])
    assert found[:6].tolist() == search.strategy.candidates_.tolist()
    assert (np.diff(search.strategy.accuracies_) <= 0).all()
    assert len(np.unique(found, axis=0)) == 10


def test_candidates_and_images_cost(drive: Any) -> None:
    costs = []
    for settings in ({}, {"candidates": 600}, {"candidates": 600, "images": 8}, {"sampling": "fair"}):
        search = drive(OneShot(**{**QUICK, **settings}))
        search.ask()
        costs.append(search.strategy.own_epochs)
    few, many, less, fair = costs
    assert few < fair < less < many
    assert abs(many - 200) < 40, "600 forward passes of 32 images are 200 epochs of three passes"


def test_refusals() -> None:
    with pytest.raises(InputError, match="sampling is one of uniform, fair; got 'random'"):
        OneShot(sampling="random")
    with pytest.raises(InputError, match="images must be a whole number of at least 2, got 1"):
        OneShot(images=1)


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_contract(sampling: str) -> None:
    check_strategy(OneShot(**QUICK, sampling=sampling), spaces.create("nb201"), evaluations=8)

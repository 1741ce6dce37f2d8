"""Best-static: the order of one number."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode
from nasbench.search.problem import Constraint
from nasbench.search.static import SAMPLES, BestStatic
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy


def code(name: str, genotypes: np.ndarray) -> np.ndarray:
    """A column of which each architecture has another number, one of them missing."""
    if name not in ("flops", "other"):
        raise InputError(f"no column {name!r}")
    numbers = spaces.create("nb201").code(genotypes) * (1.0 if name == "flops" else -1.0)
    return np.where(numbers == 0, np.nan, numbers)


def codes(search: Any, count: int) -> list[int]:
    return search.space.code(np.array([search.ask().architecture for _ in range(count)])).tolist()


def test_takes_the_largest_first_or_the_smallest(drive: Any) -> None:
    assert codes(drive(BestStatic(), lookup=code), 3) == [15_624, 15_623, 15_622]
    assert codes(drive(BestStatic(direction="minimise"), lookup=code), 3) == [1, 2, 3]
    assert codes(drive(BestStatic(by="other"), lookup=code), 3) == [1, 2, 3]


@pytest.mark.parametrize("direction", ["maximise", "minimise"])
def test_a_missing_number_comes_last_and_then_all_comes_again(drive: Any, direction: Any) -> None:
    search = drive(BestStatic(direction=direction), lookup=code)
    order = codes(search, search.space.size + 1)
    assert len(set(order)) == search.space.size
    assert order[-2] == 0
    assert order[-1] == order[0]


def test_constraints_are_met_first(drive: Any) -> None:
    search = drive(BestStatic(), lookup=code, constraints=(Constraint("flops", high=100.0),))
    assert codes(search, 2) == [100, 99]


def test_without_the_column_it_counts_trainable_layers(drive: Any) -> None:
    search = drive(BestStatic())
    first = np.array([search.ask().architecture for _ in range(100)])
    layers = encode(Inputs(search.space, first), "layers")[0][:, 0]
    assert layers[0] == 6, "all edges are convolutions"
    assert (np.diff(layers) <= 0).all()
    assert len(np.unique(first[:64], axis=0)) == 64 == (layers == 6).sum(), "two convolutions on each of six edges"


def test_a_large_space_is_sampled(drive: Any) -> None:
    search = drive(BestStatic(by="layers"), "darts")
    first = np.array([search.ask().architecture for _ in range(20)])
    layers = encode(Inputs(search.space, first), "layers")[0][:, 0]
    samples = search.space.sample(SAMPLES, np.random.default_rng(0))
    assert layers[0] == encode(Inputs(search.space, samples), "layers")[0].max()
    assert (np.diff(layers) <= 0).all()


@pytest.mark.parametrize(
    ("by", "message"), [("flop", "no column 'flop'"), ("onehot", "'onehot' are 30"), ("curve@4", "curve")]
)
def test_refuses_what_is_no_number_of_an_architecture(drive: Any, by: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        drive(BestStatic(by=by), lookup=code)


def test_contract_without_a_column() -> None:
    check_strategy(BestStatic(by="layers", direction="minimise"), spaces.create("nb101"), evaluations=20)

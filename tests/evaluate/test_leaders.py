from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.evaluate.leaders import rank_predictors, rankings, standing


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def records(taus: dict[str, list[float | None]], **more: Any) -> list[dict[str, Any]]:
    return [
        {"predictor": name, "n_train": 20, "seed": seed, "kendall_tau": tau, **more}
        for name, values in taus.items()
        for seed, tau in enumerate(values)
    ]


def test_by_hand() -> None:
    """Nine splits, three pairs: `a` always wins against `c`, p = 3 / 2^8; against `b` it loses the three largest."""
    base = np.arange(9) / 100 + 0.5
    a, b = base + 0.1, base + 0.1 - np.array([1, 2, 3, 4, 5, 6, -7, -8, -9]) / 1000
    (row,) = rankings(records({"c": list(base), "b": list(b), "a": list(a), "constant": [None] * 9}), 0)
    ranking = row["ranking"]
    assert row["n_train"] == 20
    assert ranking["order"] == ("b", "a", "c")
    assert row["undistinguished"] == ["a"]
    assert ranking["means"]["c"] == pytest.approx(0.54)
    assert ranking["lows"]["c"] < 0.54 < ranking["highs"]["c"]
    pairs = {(pair["better"], pair["worse"]): pair for pair in ranking["pairs"]}
    assert pairs["a", "c"]["adjusted"] == pytest.approx(3 / 2**8)
    assert pairs["a", "c"]["difference"] == pytest.approx(0.1)
    assert row["statement"].startswith("Over 9 paired splits, b has the highest mean Kendall tau, 0.64")
    assert "cannot be told apart from a" in row["statement"]
    assert standing(ranking) == "b has the highest mean, not distinguishable from a"


def test_best_is_said_only_where_the_splits_can_tell() -> None:
    taus = {"x": np.arange(9) / 10, "y": np.arange(9) / 10 + 0.05}
    for splits, said in ((5, False), (6, True), (9, True)):
        ranking = rank_predictors({name: values[:splits] for name, values in taus.items()}, rng())
        assert ranking is not None
        text = standing(asdict(ranking))
        assert (text == "y is better than all others") == said
        assert ("so few splits" in ranking.statement) == (not said)
        if not said:
            assert text == "y has the highest mean, not distinguishable from x; 6 splits could tell"


def test_no_tau_one_tau_and_the_same_fit_repeated() -> None:
    (row,) = rankings(records({"mean": [None, None]}), 0)
    assert row == {
        "n_train": 20, "statement": "No predictor has a Kendall tau on every split: predictions are constant.",
        "undistinguished": [], "ranking": None,
    }  # fmt: skip
    (row,) = rankings(records({"mean": [None, 0.5], "gp": [0.5, 0.6]}), 0)
    assert standing(row["ranking"]) == "gp alone has a Kendall tau"
    (row,) = rankings(records({"x": [0.5] * 9, "y": [0.6] * 9}, left_out="darts"), 0)
    assert row["left_out"] == "darts"
    assert row["ranking"]["repeats"] == 1
    assert row["undistinguished"] == ["x"]
    assert "1 paired order," in row["statement"]


def test_the_order_of_the_predictors_changes_nothing() -> None:
    drawn = np.random.default_rng(1).normal(size=(4, 12))
    taus = {f"p{k}": values for k, values in enumerate(drawn)}
    assert rank_predictors(taus, rng()) == rank_predictors(dict(reversed(taus.items())), rng())


@settings(max_examples=50)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=9), st.integers(2, 5), st.floats(0, 1))
def test_nobody_leads_alone_with_a_mean_that_others_have_too(taus: list[float], number: int, less: float) -> None:
    same: dict[str, list[float | None]] = {f"p{k}": list(taus) for k in range(number)}
    (row,) = rankings(records(same), 0)
    assert standing(row["ranking"]) == "all have the same mean"
    (row,) = rankings(records({**same, "lower": [tau - 1 - less for tau in taus]}), 0)
    assert standing(row["ranking"]).startswith(f"{', '.join(same)} share the highest mean")

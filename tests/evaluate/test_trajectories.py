"""Agreement of paths: by hand, of equal paths, and what is refused."""

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.evaluate.trajectories import RESAMPLES, agreement

RNG = np.random.default_rng


def test_by_hand():
    """Means of a: 1 3 on the surrogate, 1 2 on the table; of b: 2 2 and 0 4. The order at the end is turned."""
    surrogate = {"a": np.array([[0.0, 3], [2, 3]]), "b": np.array([[2.0, 2], [2, 2]])}
    table = {"b": np.array([[0.0, 4], [0, 4]]), "a": np.array([[1.0, 2], [1, 2]])}
    found = agreement(surrogate, table, RNG(0))
    assert (found["repeats"], found["evaluations"]) == (2, 2)
    a, b = found["strategies"]
    assert (a["strategy"], a["mean_difference"], a["largest_difference"], a["final_difference"]) == ("a", 0.5, 1, 1)
    assert (b["strategy"], b["mean_difference"], b["largest_difference"], b["final_difference"]) == ("b", 2, 2, -2)
    assert found["rank_agreement"] == found["rank_agreement_low"] == -1
    # of a, twice the first repeat: 0 3 less 1 2, so a mean of 1; twice the second: 1; one of each: 0.5
    assert (a["mean_difference_low"], a["mean_difference_high"]) == (0.5, 1)
    assert (b["final_difference_low"], b["final_difference_high"]) == (-2, -2)


def test_intervals_are_those_of_a_mean():
    """The final difference is a mean of paired differences, so its interval is that of the same resamples."""
    table, surrogate = RNG(1).normal(size=(2, 5, 3))
    (row,) = agreement({"a": surrogate}, {"a": table}, RNG(0))["strategies"]
    low, high = bootstrap_interval((surrogate - table)[:, -1], RNG(0), resamples=RESAMPLES)
    assert (row["final_difference_low"], row["final_difference_high"]) == pytest.approx((low, high))


def test_equal_paths_agree():
    paths = {name: RNG(seed).normal(size=(20, 30)).cumsum(axis=1) for seed, name in enumerate("abcd")}
    found = agreement(paths, paths, RNG(0))
    assert all(row["largest_difference_high"] == 0 for row in found["strategies"])
    assert found["rank_agreement"] == 1


def test_the_interval_holds_the_difference_of_the_means():
    inside = 0
    for seed in range(40):
        rng = RNG(seed)
        table = rng.normal(size=(30, 1))
        found = agreement({"a": table + 1 + rng.normal(size=(30, 1))}, {"a": table}, rng)
        (row,) = found["strategies"]
        inside += row["final_difference_low"] <= 1 <= row["final_difference_high"]
        assert found["rank_agreement"] is None
    assert inside >= 33


@pytest.mark.parametrize(
    ("surrogate", "table", "message"),
    [
        ({}, {}, "same strategies are compared"),
        ({"a": np.ones((2, 2))}, {"b": np.ones((2, 2))}, "same strategies are compared, got"),
        ({"a": np.ones((2, 2))}, {"a": np.ones((2, 3))}, r"paths of 'a' have shape .* \(2, 2\), got \(2, 3\)"),
        ({"a": np.ones(2)}, {"a": np.ones(2)}, "have shape"),
        ({"a": np.ones((0, 2))}, {"a": np.ones((0, 2))}, "have shape"),
        ({"a": np.full((2, 2), np.nan)}, {"a": np.ones((2, 2))}, "a number after each evaluation"),
    ],
)
def test_bad_input_is_refused(surrogate, table, message):
    with pytest.raises(InputError, match=message):
        agreement(surrogate, table, RNG(0))

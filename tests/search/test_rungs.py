"""Rungs and their sizes by hand."""

from hypothesis import given
from hypothesis import strategies as st

from nasbench.search.rungs import rungs_of, sizes_of


def test_rungs_by_hand() -> None:
    assert rungs_of((1, 2, 3, 4, 5, 6, 7, 8), 3) == [1, 3, 8]
    assert rungs_of((4, 12, 36, 108), 3) == [4, 12, 36, 108]
    assert rungs_of((4, 12, 36, 108), 2) == [4, 12, 36, 108]
    assert rungs_of(range(1, 82), 3) == [1, 3, 9, 27, 81]
    assert rungs_of((7,), 3) == [7]


@given(st.sets(st.integers(1, 300), min_size=1), st.integers(2, 5))
def test_rungs_are_fidelities_from_the_least_to_a_full_training(epochs: set[int], eta: int) -> None:
    fidelities = sorted(epochs)
    rungs = rungs_of(fidelities, eta)
    assert rungs == sorted(set(rungs)) and set(rungs) <= epochs
    assert (rungs[0], rungs[-1]) == (fidelities[0], fidelities[-1])


def test_sizes_by_hand() -> None:
    assert sizes_of(81, 5, 3) == [81, 27, 9, 3, 1]
    assert sizes_of(10, 4, 3) == [10, 3, 1, 1]  # one always reaches a full training
    assert sizes_of(5, 1, 3) == [5]

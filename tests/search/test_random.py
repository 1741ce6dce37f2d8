"""Random search: uniform, and nothing twice."""

from typing import Any

import numpy as np

from nasbench.search.random import RandomSearch


def test_proposes_nothing_twice(drive: Any) -> None:
    search = drive(RandomSearch(), initial=10)
    keys = search.space.key(np.array([search.ask().architecture for _ in range(5_000)]))
    assert len(set(keys[10:].tolist())) == 4_990
    assert not set(keys[10:].tolist()) & set(keys[:10].tolist())


def test_goes_on_when_everything_was_seen(drive: Any) -> None:
    search = drive(RandomSearch())
    search.strategy._fresh._seen.add(np.concatenate(list(search.space.enumerate())))
    assert search.space.contains(search.ask().architecture[None]).all()


def test_is_uniform_over_each_position(drive: Any) -> None:
    search = drive(RandomSearch())
    proposed = np.array([search.ask().architecture for _ in range(4_000)])
    shares = (proposed[:, :, None] == np.arange(5)).mean(axis=0)
    np.testing.assert_allclose(shares, 0.2, rtol=0, atol=4 * np.sqrt(0.2 * 0.8 / 4_000))


def test_asks_for_full_trainings_of_as_many_as_may_start(drive: Any) -> None:
    search = drive(RandomSearch(), initial=2, fidelities=(1, 4, 12))
    trials = search.strategy.ask(5)
    assert [trial.epochs for trial in trials] == [12] * 5
    np.testing.assert_array_equal([trial.architecture for trial in trials[:2]], search.strategy.problem.initial)
    assert len(np.unique([trial.architecture for trial in trials], axis=0)) == 5


def test_with_replacement_each_proposal_is_independent_of_the_others(drive: Any) -> None:
    """Of n draws among N cells, N (1 - (1 - 1/N)^n) are expected to differ, with a variance below n^2 / 2N."""
    search = drive(RandomSearch(replacement=True), initial=10)
    n, cells = 5_000, search.space.size
    different = len(np.unique([search.ask().architecture for _ in range(n + 10)][10:], axis=0))
    expected = cells * (1 - (1 - 1 / cells) ** n)
    assert abs(different - expected) < 4 * np.sqrt(n**2 / (2 * cells))

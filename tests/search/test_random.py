"""Random search: uniform, and nothing twice."""

import numpy as np

from nasbench.search.random import RandomSearch
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_proposes_nothing_twice() -> None:
    initial = SPACE.sample(10, np.random.default_rng(1))
    strategy = RandomSearch().start(SPACE, np.random.default_rng(0), epochs=1, initial=initial)
    proposed = np.array([strategy.ask().architecture for _ in range(5_000)])
    keys = SPACE.key(proposed)
    assert len(set(keys[10:].tolist())) == 4_990
    assert not set(keys[10:].tolist()) & set(keys[:10].tolist())


def test_goes_on_when_everything_was_seen() -> None:
    strategy = RandomSearch().start(SPACE, np.random.default_rng(0), epochs=1)
    every = len(np.unique(SPACE.key(np.concatenate(list(SPACE.enumerate())))))
    strategy._seen = set(SPACE.key(np.concatenate(list(SPACE.enumerate()))).tolist())
    assert len(strategy._seen) == every
    assert SPACE.contains(strategy.ask().architecture[None]).all()


def test_is_uniform_over_each_position() -> None:
    strategy = RandomSearch().start(SPACE, np.random.default_rng(0), epochs=1)
    proposed = np.array([strategy.ask().architecture for _ in range(4_000)])
    shares = (proposed[:, :, None] == np.arange(5)).mean(axis=0)
    np.testing.assert_allclose(shares, 0.2, atol=0.03)

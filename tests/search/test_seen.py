"""Sets of architectures by hand, and beside a plain set of keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasbench.search.seen import Seen
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
EVERY = np.concatenate(list(SPACE.enumerate()))
A, B, C = EVERY[[5, 77, 3000]]


def rows(*cells: np.ndarray) -> np.ndarray:
    return np.stack(cells)


def test_by_hand() -> None:
    seen = Seen(SPACE, rows(A))
    np.testing.assert_array_equal(seen.new(rows(A, B, C, B)), rows(B, C))
    np.testing.assert_array_equal(seen.new(rows(A, C, B), 1), rows(C))
    np.testing.assert_array_equal(seen.take(rows(B, A, C), 1), rows(B))
    np.testing.assert_array_equal(seen.take(rows(B, A, C)), rows(C))
    assert seen.take(rows(A, B, C)).shape == (0, 6)


def test_new_adds_nothing_and_add_does() -> None:
    seen = Seen(SPACE, EVERY[:0])
    assert len(seen.new(rows(A))) == len(seen.new(rows(A))) == 1
    seen.add(rows(A, B))
    assert len(seen.new(rows(A, B))) == 0


def test_isomorphic_architectures_are_one() -> None:
    space = spaces.create("nb101")
    sampled = np.unique(space.sample(2_000, np.random.default_rng(0)), axis=0)
    twins = np.concatenate([sampled, space.canonical(sampled)])
    assert (twins[: len(sampled)] != twins[len(sampled) :]).any(axis=1).sum() > 100
    assert len(Seen(space, sampled).new(twins)) == 0
    assert len(Seen(space, sampled[:0]).take(twins)) == len(set(space.key(sampled).tolist()))


@given(st.lists(st.lists(st.integers(0, 400), min_size=1, max_size=8), min_size=1, max_size=5), st.integers(1, 4))
def test_takes_each_key_once(batches: list[list[int]], most: int) -> None:
    seen, known = Seen(SPACE, EVERY[:0]), set[int]()
    for batch in batches:
        expected = []
        for row, key in zip(batch, SPACE.key(EVERY[batch]).tolist(), strict=True):
            if key not in known and len(expected) < most:
                known.add(key)
                expected.append(row)
        np.testing.assert_array_equal(seen.take(EVERY[batch], most), EVERY[expected])

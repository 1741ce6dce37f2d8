"""Fronts and hypervolumes by hand, beside all pairs of points and beside counted unit cubes."""

from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.search.pareto import hypervolume, non_dominated
from nasbench.types import FloatArray

SHAPES = st.tuples(st.integers(0, 8), st.integers(1, 4))
SMALL = arrays(np.float64, SHAPES, elements=st.integers(0, 4).map(float))
"""Points on a grid, so that some are equal."""


def test_fronts_by_hand() -> None:
    points = np.array([[1, 3], [2, 2], [3, 1], [2, 1], [2, 2], [0, 3], [np.nan, 9], [1, np.inf]])
    assert non_dominated(points).tolist() == [True, True, True, False, True, False, False, False]
    assert non_dominated(np.array([[3.0], [5.0], [5.0], [np.nan]])).tolist() == [False, True, True, False]
    triples = np.array([[1.0, 1, 2], [1, 2, 1], [1, 1, 1], [2, 0, 0], [1, 1, 2]])
    assert non_dominated(triples).tolist() == [True, True, False, True, True]
    assert non_dominated(np.empty((0, 2))).shape == (0,)


@given(arrays(np.float64, SHAPES, elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, np.nan])))
def test_no_other_point_beats_the_front(points: FloatArray) -> None:
    known = np.isfinite(points).all(axis=1)
    beaten = [
        any(known[j] and (points[j] >= points[i]).all() and (points[j] > points[i]).any() for j in range(len(points)))
        for i in range(len(points))
    ]
    np.testing.assert_array_equal(non_dominated(points), known & ~np.array(beaten, dtype=bool))


def test_hypervolumes_by_hand() -> None:
    stairs = np.array([[1.0, 3], [2, 2], [3, 1]])
    assert hypervolume(stairs, np.zeros(2)) == 6
    assert hypervolume(stairs, np.array([0.0, 1.0])) == 3  # of widths 1 and 1, heights 2 and 1; the last has none
    assert hypervolume(stairs, np.array([5.0, 5.0])) == 0
    corners = np.array([[2.0, 1, 1], [1, 2, 1], [1, 1, 2]])
    assert hypervolume(corners, np.zeros(3)) == 4  # a common unit cube, and one more of each
    assert hypervolume(np.array([[2.0, 3, 4], [1, 1, 1]]), np.array([1.0, 1, 1])) == 6
    assert hypervolume(np.array([[2.0], [5], [3]]), np.array([1.0])) == 4
    assert hypervolume(np.empty((0, 2)), np.zeros(2)) == 0


def test_missing_points_add_nothing() -> None:
    assert hypervolume(np.array([[1.0, 1], [np.nan, 5]]), np.zeros(2)) == 1


@given(SMALL)
def test_hypervolume_counts_unit_cubes(points: FloatArray) -> None:
    cubes = product(range(1, 5), repeat=points.shape[1])
    covered = sum(bool((points >= np.array(cube)).all(axis=1).any()) for cube in cubes)
    assert hypervolume(points, np.zeros(points.shape[1])) == covered


@given(arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 4)), elements=st.floats(0, 1)), st.floats(-1, 1))
def test_hypervolume_by_inclusion_and_exclusion(
    rounding: Callable[..., float], points: FloatArray, shift: float
) -> None:
    """Of up to 31 subsets, each with a product of up to four sides below 1."""
    total = 0.0
    for k in range(1, len(points) + 1):
        for subset in combinations(points, k):
            total -= (-1) ** k * np.prod(np.min(subset, axis=0))
    reference = np.full(points.shape[1], shift)
    assert hypervolume(points + reference, reference) == pytest.approx(total, abs=rounding(31 * 10))


@given(SMALL, st.integers(0, 10**6))
def test_order_and_beaten_points_do_not_matter(points: FloatArray, seed: int) -> None:
    reference = np.zeros(points.shape[1])
    shuffled = np.random.default_rng(seed).permutation(points)
    whole = hypervolume(points, reference)
    assert hypervolume(shuffled, reference) == whole
    assert hypervolume(points[non_dominated(points)], reference) == whole
    assert hypervolume(points[:-1], reference) <= whole


def test_many_points_of_a_sphere() -> None:
    """A front on the unit sphere comes near to an eighth of its volume, from below."""
    directions = np.abs(np.random.default_rng(0).normal(size=(400, 3)))
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    assert non_dominated(points).all()
    assert 0.9 * np.pi / 6 < hypervolume(points, np.zeros(3)) < np.pi / 6

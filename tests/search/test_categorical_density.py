"""Kernel density over categorical choices: by hand, and as a distribution."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from nasbench.search.categorical_density import MIN_BANDWIDTH, CategoricalDensity

CHOICES = np.array([2, 3, 1])
ALL = np.array(list(itertools.product(*map(range, CHOICES))), dtype=np.int8)


def test_by_hand() -> None:
    """Two points that differ at the first position: impurity 1/2, times 2^(-1/7); the least bandwidth beside."""
    density = CategoricalDensity(np.array([[0, 2, 0], [1, 2, 0]], dtype=np.int8), CHOICES)
    h = 0.5 * 2 ** (-1 / 7)
    np.testing.assert_allclose(density.bandwidths, [h, MIN_BANDWIDTH, 0], rtol=1e-15)
    found = np.exp(density.log_density(np.array([[0, 2, 0], [0, 1, 0]], dtype=np.int8)))
    kept, other = 1 - MIN_BANDWIDTH, MIN_BANDWIDTH / 2
    np.testing.assert_allclose(found, [0.5 * ((1 - h) + h) * kept, 0.5 * other], rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_chances_add_to_one(n: int, rounding: Callable[..., float]) -> None:
    data = ALL[np.random.default_rng(n).integers(len(ALL), size=n)]
    total = np.exp(CategoricalDensity(data, CHOICES).log_density(ALL)).sum()
    assert total == pytest.approx(1, rel=0, abs=rounding(1000))


def test_samples_have_the_density() -> None:
    density = CategoricalDensity(ALL[[0, 0, 3, 5]], CHOICES)
    n = 20_000
    drawn = density.sample(n, np.random.default_rng(0))
    assert drawn.dtype == np.int8
    shares = (drawn[:, None] == ALL).all(axis=2).mean(axis=0)
    p = np.exp(density.log_density(ALL))
    assert (np.abs(shares - p) <= 4 * np.sqrt(p * (1 - p) / n)).all()


def test_the_widest_kernel_is_uniform() -> None:
    drawn = CategoricalDensity(ALL[[5]], CHOICES).sample(20_000, np.random.default_rng(0), widening=1e9)
    shares = (drawn[:, None] == ALL).all(axis=2).mean(axis=0)
    np.testing.assert_allclose(shares, 1 / 6, rtol=0, atol=4 * np.sqrt(5 / 36 / 20_000))


def test_the_numbers_of_options_do_not_matter(rounding: Callable[..., float]) -> None:
    choices, rng = np.array([4, 4]), np.random.default_rng(0)
    data, points, renamed = *(rng.integers(4, size=(n, 2)).astype(np.int8) for n in (9, 5)), rng.permutation(4)
    one = CategoricalDensity(data, choices).log_density(points)
    two = CategoricalDensity(renamed[data].astype(np.int8), choices).log_density(renamed[points].astype(np.int8))
    np.testing.assert_allclose(one, two, rtol=rounding(100))

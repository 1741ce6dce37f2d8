"""Genotypes and points of the unit cube, back and forth."""

import numpy as np
import pytest

from nasbench.search.relaxed import MARGIN, inside, to_genotypes, to_points
from nasbench.spaces import spaces


class Ends:
    """Draws the ends of [0, 1)."""

    def __init__(self, number: float) -> None:
        self.number = number

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, self.number)


def test_by_hand() -> None:
    """Five operations: option 3 has the points from 0.6 up to 0.8."""
    space = spaces.create("nb201")
    genotypes, valid = to_genotypes(space, np.array([[0.0, 0.19, 0.21, 0.5, 0.61, 1 - 2**-53]]))
    assert genotypes.tolist() == [[0, 0, 1, 2, 3, 4]] and genotypes.dtype == np.int8 and valid.tolist() == [True]


@pytest.mark.parametrize("name", ["nb201", "nb101", "darts", "nats_size"])
@pytest.mark.parametrize("draws", [np.random.default_rng(1), Ends(0.0), Ends(1 - 2**-53)])
def test_points_lead_back_to_their_genotypes(name: str, draws: np.random.Generator) -> None:
    space = spaces.create(name)
    genotypes = space.sample(200, np.random.default_rng(0))
    points = to_points(space, genotypes, draws)
    assert points.shape == genotypes.shape and (points >= 0).all() and (points < 1).all()
    again, valid = to_genotypes(space, points)
    assert valid.all()
    np.testing.assert_array_equal(again, space.repair(genotypes)[0])


def test_points_are_spread_over_their_interval() -> None:
    space = spaces.create("nb201")
    points = to_points(space, np.full((5_000, 6), 2, dtype=np.int8), np.random.default_rng(0)) * 5 - 2
    assert points.min() >= MARGIN / 2 and points.max() <= 1 - MARGIN / 2
    assert points.mean() == pytest.approx(0.5, abs=4 / np.sqrt(12 * points.size))


def test_what_leaves_the_cube_is_drawn_anew() -> None:
    points = np.array([[0.5, -0.1, 1.0, 0.0, 1.7]])
    assert inside(points, Ends(0.25)).tolist() == [[0.5, 0.25, 0.25, 0.0, 0.25]]  # type: ignore[arg-type]

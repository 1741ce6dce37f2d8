import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.sampling.random import Random
from nasbench.spaces.nb201 import NB201


def draw(space, n):
    return Random().sample(space, n, np.random.default_rng(0))


def test_sampled_cells_differ_and_are_drawn_alike():
    space = NB201()
    cells = draw(space, 2000)
    assert cells.dtype == np.int8
    assert len(np.unique(space.key(cells))) == 2000
    shares = (cells[:, :, None] == np.arange(5)).mean(axis=0)
    assert np.all(np.abs(shares - 0.2) < 5 * np.sqrt(0.2 * 0.8 / 2000))
    np.testing.assert_array_equal(draw(space, 100), cells[:100])


def test_all_cells_of_a_space_can_be_asked_for():
    space = NB201()
    assert len(np.unique(space.code(draw(space, space.size)))) == space.size


def test_more_cells_than_there_are():
    with pytest.raises(InputError, match="15626 cells were asked for, but nb201 has only 15625; ask for fewer"):
        draw(NB201(), 15_626)

    class Coarse(NB201):
        def canonical(self, genotypes):
            return genotypes * np.array([1, 0, 0, 0, 0, 0], dtype=np.int8)

    with pytest.raises(InputError, match="6 cells were asked for, but nb201 has no more than 5 distinct ones"):
        draw(Coarse(), 6)

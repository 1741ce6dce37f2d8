import numpy as np
import pytest

from nasbench.predictors import Inputs
from nasbench.predictors.mean import Mean
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_by_hand():
    # mean 12; sample variance (1 + 1 + 4 + 4) / 3 about it, times 1 + 1/4 for a new one
    predictor = Mean().fit(Inputs.of(SPACE, SPACE.decode(np.arange(4))), [11.0, 13.0, 10.0, 14.0])
    prediction = predictor.predict(Inputs.of(SPACE, SPACE.decode(np.arange(100, 103))))
    assert prediction.mean == pytest.approx([12.0] * 3)
    assert prediction.std == pytest.approx([np.sqrt(10 / 3 * 1.25)] * 3)


def test_draws_of_equal_architectures_are_independent():
    predictor = Mean().fit(Inputs.of(SPACE, SPACE.decode(np.arange(4))), [11.0, 13.0, 10.0, 14.0])
    draws = predictor.sample(Inputs.of(SPACE, SPACE.decode(np.array([7, 7]))), 4000, np.random.default_rng(0))
    assert abs(np.corrcoef(draws.T)[0, 1]) < 4 / np.sqrt(4000)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.predictors import Inputs, predictors
from nasbench.predictors.column_transform import LARGEST_FEATURE, QUARTILES_APART, ColumnTransform
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
NUMBERS = st.floats(-LARGEST_FEATURE, LARGEST_FEATURE)


def test_by_hand():
    transform = ColumnTransform.fit(np.array([1.0, 2.0, 3.0, 4.0, 1e9]))  # quartiles 2 and 4
    assert transform == (3.0, pytest.approx(2 / QUARTILES_APART))
    assert transform(np.array([3.0, 4.0])) == pytest.approx([0, np.arcsinh(QUARTILES_APART / 2)])
    assert transform(np.array([1e9]))[0] == pytest.approx(np.log(2 * 1e9 * QUARTILES_APART / 2))


def test_where_the_quartiles_are_one_number():
    assert ColumnTransform.fit(np.array([5.0] * 9 + [15.0])) == (5.0, pytest.approx(3.0))  # the standard deviation
    assert ColumnTransform.fit(np.full(4, 0.1)) == (0.1, 1.0)
    assert ColumnTransform.fit(np.full(4, -1e6)) == (-1e6, 1e6)


def test_what_is_missing_does_not_count_and_stays():
    transform = ColumnTransform.fit(np.array([np.nan, 1.0, 2.0, 3.0, np.inf, 1e300]))
    assert transform.centre == 2
    assert np.array_equal(transform(np.array([np.nan, -np.inf, 1e300])), [np.nan, -np.inf, 1e300], equal_nan=True)
    assert ColumnTransform.fit(np.array([np.nan])) == (0.0, 1.0)


@given(arrays(np.float64, st.integers(1, 20), elements=NUMBERS), arrays(np.float64, 10, elements=NUMBERS))
def test_it_is_increasing_and_finite(learnt, asked):
    asked = np.sort(asked)
    values = ColumnTransform.fit(learnt)(asked)
    assert np.isfinite(values).all() and (np.diff(values) >= 0).all()


@pytest.mark.parametrize("name", ["ridge", "gp", "xgb", "auto"])
def test_the_unit_of_a_column_does_not_matter(name, tmp_path):
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(30, rng)
    column = rng.lognormal(0, 3, 30)
    targets = genotypes.sum(axis=1) + np.log(column)
    means = []
    for numbers in (column, 2.0**20 * column):  # a power of two changes no digit
        inputs = Inputs.of(SPACE, genotypes, columns={"flops": numbers})
        predictor = predictors.create(name, features="onehot/flops").fit(inputs[:20], targets[:20])
        means.append(predictor.predict(inputs).mean)
        predictor.save(tmp_path / "p.h5")
        assert np.array_equal(predictor.load(tmp_path / "p.h5").predict(inputs).mean, means[-1])
    assert np.array_equal(*means)

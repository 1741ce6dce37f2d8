import numpy as np
import pytest
from scipy.stats import kendalltau

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs, predictors
from nasbench.predictors.column import RISE, Monotone, SingleColumn
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def inputs(column, name="flops"):
    genotypes = SPACE.sample(len(column), np.random.default_rng(0))
    return Inputs.of(SPACE, genotypes, columns={name: column})


def test_function_by_hand():
    """Targets 0, 2, 1, 3: the two that fall are pooled to 1.5, and the rise keeps them a third of it apart."""
    function = Monotone.fit(np.array([10.0, 20.0, 30.0, 50.0]), np.array([0.0, 2.0, 1.0, 3.0]))
    shift = RISE * np.array([-1 / 2, -1 / 6, 1 / 6, 1 / 2])
    assert function.levels == pytest.approx(np.array([0, 1.5, 1.5, 3]) + shift)
    assert function(np.array([15.0, 40.0])) == pytest.approx([0.75 - RISE / 3, 2.25 + RISE / 3])
    # half of the rise beyond an end, as far from it as it is from the median, 25
    assert function(np.array([75.0, -5.0])) == pytest.approx([3 + RISE, -RISE])


def test_numbers_that_repeat_are_one_knot():
    function = Monotone.fit(np.array([1.0, 2.0, 2.0, 2.0]), np.array([5.0, 0.0, 1.0, 2.0]))
    assert function.levels == pytest.approx([5 + RISE / 2, 1 - RISE / 2])


def test_deviation_by_hand():
    """Numbers 1, 2, 3 with z = -a, 0, a for a = sqrt(3/2): left out, an end is predicted as its neighbour, 0."""
    predictor = SingleColumn()
    predictor.fit_transformed(inputs([1.0, 2.0, 3.0]), np.array([-1.0, 0.0, 1.0]) * np.sqrt(1.5))
    end = np.sqrt(1.5) - (1 / 2 + 2 / 3) * RISE  # half up to the end of two knots, two thirds for twice the unit beyond
    assert predictor.variance_ == pytest.approx(2 * end**2 / 3)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("exponent", [1, 4])
def test_it_ranks_exactly_as_the_column(sign, exponent):
    """Other numbers as well as those learnt from, below and above them too, and over many orders of magnitude."""
    rng = np.random.default_rng(0)
    column = np.exp(exponent * rng.normal(size=400))
    column[:50] = np.quantile(column, rng.uniform(0.2, 0.8, size=50))
    y = sign * np.log(column) + exponent * rng.normal(size=400)
    mean = SingleColumn().fit(inputs(column)[:100], y[:100]).predict(inputs(column)).mean
    assert kendalltau(mean, column).statistic == pytest.approx(sign)


def test_intervals_hold_nine_of_ten():
    rng = np.random.default_rng(0)
    column = rng.uniform(size=2000)
    y = np.sqrt(column) + 0.1 * rng.normal(size=2000)
    mean, std = SingleColumn().fit(inputs(column)[:200], y[:200]).predict(inputs(column)[200:])
    assert (np.abs(y[200:] - mean) < 1.645 * std).mean() == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 200))


def test_a_column_that_says_nothing_is_the_mean():
    y = np.random.default_rng(1).normal(size=50)
    predictor = SingleColumn().fit(inputs(np.full(50, 7.0)), y)
    mean = predictor.predict_transformed(inputs(np.array([7.0, 1e20, -1e20]))).mean
    assert mean == pytest.approx([0, RISE, -RISE], abs=1e-9)


def test_it_needs_its_column():
    assert predictors.create("column+name=params").needs == Needs(("params",))
    assert SingleColumn("curve@2").needs == Needs((), 2)
    with pytest.raises(InputError, match="unknown encoding or column 'params' for nb201"):
        SingleColumn("params").fit(inputs(np.arange(5.0)), np.arange(5.0))
    with pytest.raises(InputError, match="column 'flops' is missing for 1 of 5 architectures, the first in row 2"):
        SingleColumn().fit(inputs([0, 1, np.nan, 3, 4]), np.arange(5.0))


def test_several_numbers_are_refused():
    with pytest.raises(InputError, match="column predicts from one number, and 'onehot' are 30; name one column"):
        SingleColumn("onehot").fit(inputs(np.arange(5.0)), np.arange(5.0))


def test_the_last_number_of_a_curve_ranks():
    curve = np.random.default_rng(1).random((30, 4))
    told = Inputs.of(SPACE, SPACE.sample(30, np.random.default_rng(0)), curve=curve)
    fitted = SingleColumn("last@3").fit(told[:20], curve[:20, 2] ** 3)
    assert fitted.needs == Needs(epochs=3)
    assert kendalltau(fitted.predict(told).mean, curve[:, 2]).statistic == pytest.approx(1)

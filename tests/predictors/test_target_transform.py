import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import stats

from nasbench.predictors.target_transform import TargetTransform, YeoJohnson

targets = hnp.arrays(np.float64, st.integers(3, 30), elements=st.floats(-100, 100, width=32))


def condition(transform, z):
    """By how much going there and back magnifies rounding: the size of what is transformed, times the slope back.

    Standardised targets themselves, and the logarithms on the way, add some times their own size.
    """
    size = np.abs(transform.forward(z) * transform.scale + transform.location).max() + abs(transform.location)
    back = (1 + np.abs(z)) ** ((1 - transform.exponent) * np.sign(z))
    return size * back.max() + (1 + np.abs(z).max()) ** 2


def standardised(y):
    assume(y.std() > 1e-3)
    return (y - y.mean()) / y.std()


def test_by_hand():
    # exponent 2: (z + 1)^2 / 2 - 1 / 2 above zero, -log(1 - z) below
    transform = YeoJohnson(exponent=2.0, location=0.5, scale=2.0, low=-1.0, high=3.0)
    assert transform.forward(np.array([0.0, 1.0, 3.0])) == pytest.approx([-0.25, 0.5, 3.5])
    assert transform.forward(np.array([-1.0])) == pytest.approx([(-np.log(2) - 0.5) / 2])
    assert transform.inverse(np.array([0.5, 3.5])) == pytest.approx([1.0, 3.0])


def test_beyond_what_was_seen_by_hand():
    transform = YeoJohnson(exponent=2.0, location=0.0, scale=1.0, low=0.0, high=1.0)  # w from 0 to 1.5
    # above: the local slope dz/dw = 1 / (1 + z) = 1/2 is less than the mean slope 1 / 1.5
    assert transform.inverse(np.array([2.5])) == pytest.approx([1.5])
    # below: the mean slope is less than the local slope 1
    assert transform.inverse(np.array([-1.5])) == pytest.approx([-1.0])


@given(y=targets)
@settings(deadline=None, max_examples=50)
def test_inverse_undoes_forward_and_is_increasing(y, rounding):
    z = standardised(y)
    transform = YeoJohnson.fit(z)
    near = rounding(10, condition=condition(transform, z))
    assert transform.inverse(transform.forward(z)) == pytest.approx(z, abs=near)
    assert (np.diff(transform.inverse(np.linspace(-6, 6, 101))) > 0).all()


@given(y=targets)
@settings(deadline=None, max_examples=50)
def test_transformed_targets_are_standardised(y, rounding):
    """Up to the rounding of a mean of n numbers, which may be larger than their deviation."""
    z = standardised(y)
    fitted = YeoJohnson.fit(z)
    w = fitted.forward(z)
    largest = np.abs(w * fitted.scale + fitted.location).max()
    assert w.mean() == pytest.approx(0, abs=rounding(2 * len(z), condition=largest / fitted.scale))
    assert w.std() == pytest.approx(1)


def test_a_long_tail_becomes_less_skewed():
    y = -np.random.default_rng(0).lognormal(sigma=1, size=500)
    z = (y - y.mean()) / y.std()
    assert stats.skew(z) < -2
    assert abs(stats.skew(YeoJohnson.fit(z).forward(z))) < 0.3


def test_the_sign_of_the_targets_does_not_matter():
    y = np.random.default_rng(0).lognormal(size=50)
    z = (y - y.mean()) / y.std()
    one, other = YeoJohnson.fit(-z), YeoJohnson.fit(z)
    tolerance = 2e-5  # of two exponents that `minimize_scalar` finds to its default of 1e-5 each
    assert one.exponent == pytest.approx(2 - other.exponent, abs=tolerance)
    moved = other._replace(exponent=other.exponent + tolerance).forward(z)
    assert one.forward(-z) == pytest.approx(-other.forward(z), abs=2 * np.abs(moved - other.forward(z)).max())


def test_moments_are_those_of_the_distribution():
    """Within four deviations of the moments of n draws; that of a standard deviation depends on the fourth moment."""
    y = -np.random.default_rng(0).lognormal(size=100)
    transform = YeoJohnson.fit((y - y.mean()) / y.std())
    n, given = 200_000, (np.array([0.3, -1.0]), np.array([0.5, 0.2]))
    drawn = transform.inverse(np.random.default_rng(1).normal(*given, size=(n, 2)))
    near_mean = 4 * drawn.std(axis=0).max() / np.sqrt(n)
    near_std = 4 * np.sqrt((stats.kurtosis(drawn, fisher=False).max() - 1) / (4 * n))
    mean, std = transform.moments(*given)
    assert mean == pytest.approx(drawn.mean(axis=0), abs=near_mean)
    assert std == pytest.approx(drawn.std(axis=0), rel=near_std)


def test_the_identity_changes_nothing():
    mean, std = YeoJohnson().moments(np.array([0.3]), np.array([0.5]))
    assert (mean[0], std[0]) == (0.3, 0.5)
    assert YeoJohnson().forward(np.array([-2.0, 3.0])) == pytest.approx([-2.0, 3.0])


def test_moments_of_a_long_tail():
    """Where the ends of the targets break the curve, against a thousand times as many nodes.

    A tenth of the deviation is asked of the rule, so that a central 90 % interval covers 86 to 93 %.
    """
    y = -(np.random.default_rng(0).exponential(size=100) ** 2)
    transform = YeoJohnson.fit((y - y.mean()) / y.std())
    mean, std = np.random.default_rng(1).normal(size=50), np.full(50, 0.7)
    nodes = np.linspace(-8, 8, 30_001)
    weights = np.exp(-0.5 * nodes**2) / np.exp(-0.5 * nodes**2).sum()
    z = transform.inverse(mean[:, None] + std[:, None] * nodes)
    centre = z @ weights
    found = transform.moments(mean, std)
    deviation = np.sqrt((z - centre[:, None]) ** 2 @ weights)
    assert found[0] / deviation == pytest.approx(centre / deviation, abs=0.1)
    assert found[1] == pytest.approx(deviation, rel=0.1)


# --- standardised and transformed -------------------------------------------------------------------------------------


def test_standardised_by_hand():
    transform = TargetTransform.fit(np.array([10.0, 14.0]), power=False)
    assert transform == TargetTransform(12.0, 2.0, YeoJohnson())
    assert transform.forward([10.0, 12.0, 18.0]).tolist() == [-1.0, 0.0, 3.0]
    assert transform.inverse(np.array([[-1.0], [3.0]])).tolist() == [[10.0], [18.0]]
    assert [float(m[0]) for m in transform.moments(np.array([0.5]), np.array([2.0]))] == [13.0, 4.0]


@given(y=targets)
@settings(deadline=None, max_examples=50)
def test_there_and_back(y, rounding):
    z = standardised(y)
    transform = TargetTransform.fit(y)
    near = transform.scale * rounding(10, condition=condition(transform.power, z)) + rounding(10) * np.abs(y).max()
    assert transform.inverse(transform.forward(y)) == pytest.approx(y, abs=near)
    assert (np.diff(transform.inverse(np.linspace(-5, 5, 41))) > 0).all()


@pytest.mark.parametrize("value", [90.0, 0.0])
def test_constant_targets_have_a_small_scale(value):
    assert TargetTransform.fit(np.full(5, value)) == TargetTransform(value, 1e-3 * (value or 1.0))

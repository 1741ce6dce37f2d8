import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy import stats

from nasbench.predictors.target_transform import TargetTransform, YeoJohnson

targets = hnp.arrays(np.float64, st.integers(3, 30), elements=st.floats(-100, 100, width=32))


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
def test_inverse_undoes_forward_and_is_increasing(y):
    z = standardised(y)
    transform = YeoJohnson.fit(z)
    assert transform.inverse(transform.forward(z)) == pytest.approx(z, abs=1e-6)
    assert (np.diff(transform.inverse(np.linspace(-6, 6, 101))) > 0).all()


@given(y=targets)
@settings(deadline=None, max_examples=50)
def test_transformed_targets_are_standardised(y):
    z = standardised(y)
    w = YeoJohnson.fit(z).forward(z)
    assert w.mean() == pytest.approx(0, abs=1e-6)
    assert w.std() == pytest.approx(1)


def test_a_long_tail_becomes_less_skewed():
    y = -np.random.default_rng(0).lognormal(sigma=1, size=500)
    z = (y - y.mean()) / y.std()
    assert stats.skew(z) < -2
    assert abs(stats.skew(YeoJohnson.fit(z).forward(z))) < 0.3


def test_the_sign_of_the_targets_does_not_matter():
    y = np.random.default_rng(0).lognormal(size=50)
    z = (y - y.mean()) / y.std()
    assert YeoJohnson.fit(-z).forward(-z) == pytest.approx(-YeoJohnson.fit(z).forward(z), abs=1e-3)


def test_moments_are_those_of_the_distribution():
    y = -np.random.default_rng(0).lognormal(size=100)
    transform = YeoJohnson.fit((y - y.mean()) / y.std())
    mean, std = transform.moments(np.array([0.3, -1.0]), np.array([0.5, 0.2]))
    drawn = transform.inverse(np.random.default_rng(1).normal([0.3, -1.0], [0.5, 0.2], size=(200_000, 2)))
    assert mean == pytest.approx(drawn.mean(axis=0), abs=0.01)
    assert std == pytest.approx(drawn.std(axis=0), rel=0.03)


def test_the_identity_changes_nothing():
    mean, std = YeoJohnson().moments(np.array([0.3]), np.array([0.5]))
    assert (mean[0], std[0]) == (0.3, 0.5)
    assert YeoJohnson().forward(np.array([-2.0, 3.0])) == pytest.approx([-2.0, 3.0])


def test_moments_of_a_long_tail():
    """Where the ends of the targets break the curve, against a thousand times as many nodes."""
    y = -(np.random.default_rng(0).exponential(size=100) ** 2)
    transform = YeoJohnson.fit((y - y.mean()) / y.std())
    mean, std = np.random.default_rng(1).normal(size=50), np.full(50, 0.7)
    nodes = np.linspace(-8, 8, 30_001)
    weights = np.exp(-0.5 * nodes**2) / np.exp(-0.5 * nodes**2).sum()
    z = transform.inverse(mean[:, None] + std[:, None] * nodes)
    centre = z @ weights
    found = transform.moments(mean, std)
    assert found[0] == pytest.approx(centre, abs=0.05)
    assert found[1] == pytest.approx(np.sqrt((z - centre[:, None]) ** 2 @ weights), rel=0.08)


# --- standardised and transformed -------------------------------------------------------------------------------------


def test_standardised_by_hand():
    transform = TargetTransform.fit(np.array([10.0, 14.0]), power=False)
    assert transform == TargetTransform(12.0, 2.0, YeoJohnson())
    assert transform.forward([10.0, 12.0, 18.0]).tolist() == [-1.0, 0.0, 3.0]
    assert transform.inverse(np.array([[-1.0], [3.0]])).tolist() == [[10.0], [18.0]]
    assert [float(m[0]) for m in transform.moments(np.array([0.5]), np.array([2.0]))] == [13.0, 4.0]


@given(y=targets)
@settings(deadline=None, max_examples=50)
def test_there_and_back(y):
    assume(y.std() > 1e-3)
    transform = TargetTransform.fit(y)
    assert transform.inverse(transform.forward(y)) == pytest.approx(y, abs=1e-6 * y.std())
    z = np.linspace(-5, 5, 41)
    assert (np.diff(transform.inverse(z)) > 0).all()


@pytest.mark.parametrize("value", [90.0, 0.0])
def test_constant_targets_have_a_small_scale(value):
    assert TargetTransform.fit(np.full(5, value)) == TargetTransform(value, 1e-3 * (value or 1.0))

"""Extrapolation of learning curves by power laws."""

from collections.abc import Callable

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.power_law import PowerLaw
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def curves(n: int, seed: int, epochs: int = 6) -> tuple[Inputs, np.ndarray]:
    """Curves a - b / t with any a and b, and their asymptotes a."""
    rng = np.random.default_rng(seed)
    asymptote, size = 90 + rng.normal(size=n), 5 + rng.normal(size=n)
    curve = asymptote[:, None] - size[:, None] / np.arange(1, epochs + 1)
    return Inputs.of(SPACE, SPACE.sample(n, rng), curve=curve), asymptote


def test_a_power_law_is_extrapolated_exactly(rounding: Callable[..., float]) -> None:
    """Two numbers determine each curve, so the asymptotes of new curves are found up to rounding.

    By a pseudo-inverse of the powers of t, and by a line in what it finds, each of which magnifies what is off.
    """
    train, y = curves(20, 0)
    test, expected = curves(10, 1)
    fitted = PowerLaw(4).fit(train, y)
    powers = np.stack([np.ones(4), -(np.arange(1.0, 5.0) ** -fitted.decay_)], axis=1)
    condition = np.linalg.cond(powers) * np.linalg.cond(fitted._features(train, fitted.decay_))
    assert fitted.predict(test).mean == pytest.approx(expected, rel=rounding(20, condition=condition))


def test_only_the_partial_curve_is_read() -> None:
    train, y = curves(20, 0)
    test, _ = curves(10, 1)
    late = Inputs.of(SPACE, test.genotypes, curve=np.concatenate([test.curve[:, :4], np.zeros((10, 2))], axis=1))
    fitted = PowerLaw(4).fit(train, y)
    assert np.array_equal(fitted.predict(test).mean, fitted.predict(late).mean)


def test_one_epoch_is_calibrated_by_its_last_value() -> None:
    train, y = curves(30, 2, epochs=1)
    assert np.corrcoef(PowerLaw(1).fit(train, y).predict(train).mean, train.curve[:, 0])[0, 1] > 0.999


@pytest.mark.parametrize("epochs", [0, -1])
def test_settings_are_checked(epochs: int) -> None:
    with pytest.raises(InputError, match="epochs of PowerLaw must be a whole number of at least 1"):
        PowerLaw(epochs)
    with pytest.raises(InputError, match="epochs of PowerLaw must be a whole number of at least 1"):
        PowerLaw().set_params(epochs=epochs).fit(*curves(20, 0))


def test_a_curve_that_is_too_short_is_refused() -> None:
    train, y = curves(20, 0, epochs=3)
    with pytest.raises(InputError, match="reads the curve of 4 epochs, and the inputs lack it"):
        PowerLaw(4).fit(train, y)


def test_a_number_before_training_is_not_extrapolated_from() -> None:
    """Tables may record epoch 0, where a power law has no value."""
    train, y = curves(20, 0)
    before = np.concatenate([np.full((20, 1), 10.0), train.curve], axis=1)
    longer = Inputs.of(SPACE, train.genotypes, curve=before, epochs=tuple(range(7)))
    assert np.array_equal(
        PowerLaw(4).fit(longer, y).predict(longer).mean, PowerLaw(4).fit(train, y).predict(train).mean
    )


def test_a_missing_point_is_refused() -> None:
    train, y = curves(20, 0)
    curve = train.curve.copy()
    curve[3, 1], curve[5, 5] = np.nan, np.nan  # of which only the first is read
    with pytest.raises(InputError, match="up to epoch 4 is missing for 1 of 20 architectures, the first in row 3"):
        PowerLaw(4).fit(Inputs.of(SPACE, train.genotypes, curve=curve), y)

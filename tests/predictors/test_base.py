import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.predictors.base import ROWS_AT_ONCE
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def cells(n):
    """The first cells of the space."""
    return Inputs.of(SPACE, SPACE.decode(np.arange(n)))


class Recorder(Predictor):
    """Records what it is given and predicts the first position."""

    transforms_targets = False

    def _fit(self, inputs, z):
        self.z_, self.sizes_ = z, []

    def _predict(self, inputs):
        self.sizes_.append(len(inputs))
        return Prediction(inputs.genotypes[:, 0].astype(float), np.full(len(inputs), 2.0))

    def _state(self):
        return {}

    def _restore(self, state):
        pass


def test_targets_are_standardised_and_predictions_scaled_back():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])  # mean 12, standard deviation 2
    assert predictor.z_.tolist() == [-1.0, 1.0]
    prediction = predictor.predict(Inputs.of(SPACE, [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]))
    assert prediction.mean.tolist() == [14.0, 12.0]
    assert prediction.std.tolist() == [4.0, 4.0]


def test_memory_is_bounded():
    predictor = Recorder().fit(cells(2), [0.0, 1.0])
    assert len(predictor.predict(cells(ROWS_AT_ONCE + 3)).mean) == ROWS_AT_ONCE + 3
    assert predictor.sizes_ == [ROWS_AT_ONCE, 3]


@pytest.mark.parametrize("value", [90.0, -3.0, 0.0, 0.1])
def test_targets_equal_but_for_rounding_are_constant(value):
    targets = np.full(10, value)
    targets[0] = np.nextafter(value, 100)
    predictor = Recorder().fit(cells(10), targets)
    assert not predictor.z_.any()
    assert predictor.transform_.scale == pytest.approx(1e-3 * (abs(value) or 1))


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (cells(3), [1.0, np.nan, 2.0], "target 1 is nan; leave missing"),
        (cells(3), [1.0, 2.0], r"shape \(3,\), one for each architecture; got \(2,\)"),
        (cells(1), [1.0], "Recorder needs at least 2 architectures to fit, got 1"),
        (
            cells(3).genotypes,
            [1.0, 2.0, 3.0],
            r"from and predicts Inputs, got ndarray; wrap .* Inputs\.of\(space, genoty",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(inputs, targets, message):
    with pytest.raises(InputError, match=message) as caught:
        Recorder().fit(inputs, targets)
    assert "\n" not in str(caught.value)


def test_predicting_before_fit_is_refused():
    with pytest.raises(InputError, match="not fitted; call fit first"):
        Recorder().predict(cells(2))


def test_unknown_encodings_are_refused():
    with pytest.raises(InputError, match="unknown encoding or column 'colour' for nb201"):
        predictors.create("ridge+features=counts/colour").fit(cells(3), [1.0, 2.0, 3.0])


def test_the_transformed_scale_is_increasing_and_agrees_with_the_prediction():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(40, rng))
    y = 90 - rng.lognormal(size=40)
    predictor = predictors.create("ridge").fit(inputs, y)
    w = predictor.transform(np.sort(y))
    assert (np.diff(w) > 0).all()
    assert w.mean() == pytest.approx(0, abs=1e-9)
    assert w.std() == pytest.approx(1)
    mean, std = predictor.transform_.moments(*predictor.predict_transformed(inputs))
    prediction = predictor.predict(inputs)
    assert prediction.mean == pytest.approx(mean)
    assert prediction.std == pytest.approx(std)


def test_without_a_power_transform_the_scale_is_standardised():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])
    assert predictor.transform([10.0, 12.0, 14.0]).tolist() == [-1.0, 0.0, 1.0]

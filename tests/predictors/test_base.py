import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Prediction, Predictor, predictors
from nasbench.predictors.base import CHUNK
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


class Recorder(Predictor):
    """Records what it is given and predicts the first position."""

    warped = False

    def _fit(self, genotypes, z):
        self.genotypes_, self.z_, self.sizes_ = genotypes, z, []

    def _predict(self, genotypes):
        self.sizes_.append(len(genotypes))
        return Prediction(genotypes[:, 0].astype(float), np.full(len(genotypes), 2.0))

    def _state(self):
        return {}

    def _restore(self, state):
        pass


def test_targets_are_standardised_and_predictions_scaled_back():
    genotypes = SPACE.decode(np.arange(2))
    predictor = Recorder().fit(SPACE, genotypes, [10.0, 14.0])  # mean 12, standard deviation 2
    assert predictor.z_.tolist() == [-1.0, 1.0]
    prediction = predictor.predict([[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert prediction.mean.tolist() == [14.0, 12.0]
    assert prediction.std.tolist() == [4.0, 4.0]


def test_memory_is_bounded_by_chunks():
    predictor = Recorder().fit(SPACE, SPACE.decode(np.arange(2)), [0.0, 1.0])
    assert len(predictor.predict(SPACE.decode(np.arange(CHUNK + 3))).mean) == CHUNK + 3
    assert predictor.sizes_ == [CHUNK, 3]


@pytest.mark.parametrize("value", [90.0, -3.0, 0.0, 0.1])
def test_targets_equal_but_for_rounding_are_constant(value):
    targets = np.full(10, value)
    targets[0] = np.nextafter(value, 100)
    predictor = Recorder().fit(SPACE, SPACE.decode(np.arange(10)), targets)
    assert not predictor.z_.any()
    assert predictor.scale_ == pytest.approx(1e-3 * (abs(value) or 1))


@pytest.mark.parametrize(
    ("genotypes", "targets", "message"),
    [
        (SPACE.decode(np.arange(3)), [1.0, np.nan, 2.0], "target 1 is nan; leave missing"),
        (SPACE.decode(np.arange(3)), [1.0, 2.0], r"shape \(3,\), one for each architecture; got \(2,\)"),
        (SPACE.decode(np.arange(1)), [1.0], "Recorder needs at least 2 architectures to fit, got 1"),
        (np.zeros((3, 5), dtype=int), [1.0, 2.0, 3.0], r"shape \(n, 6\), got \(3, 5\)"),
        (np.full((3, 6), 5), [1.0, 2.0, 3.0], "position 0 is 5"),
        (np.zeros((3, 6)), [1.0, 2.0, 3.0], "integers, got float64"),
    ],
)
def test_bad_input_is_refused_in_one_line(genotypes, targets, message):
    with pytest.raises(InputError, match=message) as caught:
        Recorder().fit(SPACE, genotypes, targets)
    assert "\n" not in str(caught.value)


def test_predicting_before_fit_is_refused():
    with pytest.raises(InputError, match="not fitted; call fit first"):
        Recorder().predict(SPACE.decode(np.arange(2)))


def test_unknown_encodings_are_refused():
    with pytest.raises(InputError, match="unknown encoding 'colour' for nb201"):
        predictors.create("ridge+features=live/colour").fit(SPACE, SPACE.decode(np.arange(3)), [1.0, 2.0, 3.0])


def test_the_warped_scale_is_increasing_and_agrees_with_the_prediction():
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(40, rng)
    y = 90 - rng.lognormal(size=40)
    predictor = predictors.create("ridge").fit(SPACE, genotypes, y)
    w = predictor.warp(np.sort(y))
    assert (np.diff(w) > 0).all()
    assert w.mean() == pytest.approx(0, abs=1e-9)
    assert w.std() == pytest.approx(1)
    mean, std = predictor.warp_.moments(*predictor.predict_warped(genotypes))
    prediction = predictor.predict(genotypes)
    assert prediction.mean == pytest.approx(mean * predictor.scale_ + predictor.location_)
    assert prediction.std == pytest.approx(std * predictor.scale_)


def test_without_a_warp_the_scale_is_standardised():
    predictor = Recorder().fit(SPACE, SPACE.decode(np.arange(2)), [10.0, 14.0])
    assert predictor.warp([10.0, 12.0, 14.0]).tolist() == [-1.0, 0.0, 1.0]

"""Support vector regression on structure and curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs, predictors, svr
from nasbench.predictors.svr import FOLDS, SVR, held_out_errors, kernel, machine
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

SPACE = spaces.create("nb201")


def told(n: int, epochs: int, seed: int = 0) -> tuple[Inputs, np.ndarray]:
    """Curves that start anywhere and rise evenly; the target is where they would be at epoch 10."""
    rng = np.random.default_rng(seed)
    start, rise = rng.normal(size=n), rng.normal(size=n)
    curve = start[:, None] + rise[:, None] * np.arange(1, epochs + 1)
    return Inputs.of(SPACE, SPACE.sample(n, rng), curve=curve), start + 10 * rise


def test_held_out_errors_by_hand() -> None:
    """Similar to nothing, a target is predicted by the middle of the others, here by the only other one."""
    errors = held_out_errors(np.eye(3), np.array([1.0, -1.0, -1.0]), np.array([0, 1, 1]), cost=10.0)
    assert errors.tolist() == [2.0, -2.0, -2.0]


def test_the_kernel_by_hand() -> None:
    assert kernel(np.array([[0.0, 0.0]]), np.array([[0.0, 0.0], [3.0, 4.0]])) == pytest.approx(
        np.array([[1, np.exp(-25)]])
    )


def test_predictions_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svr, "COSTS", (3.0,))
    inputs, y = told(30, 4)
    fitted = SVR(epochs=4).fit(inputs, y)
    canonical = inputs.transformed(fitted.columns_).canonical
    x = (fitted._encoded(canonical)[0] - fitted.centre_) / fitted.unit_
    expected = machine(3.0, kernel="rbf", gamma=1.0).fit(x, np.round(fitted.transform(y), 6)).predict(x)
    assert fitted.predict_transformed(inputs).mean == pytest.approx(expected, abs=1e-9)


def test_the_curve_its_differences_and_theirs_by_hand() -> None:
    curve = np.array([[1.0, 4.0, 9.0, 16.0]])
    inputs = Inputs.of(SPACE, SPACE.sample(1, np.random.default_rng(0)), curve=curve)
    for epochs, expected in ((4, [1, 4, 9, 16, 3, 5, 7, 2, 2]), (2, [1, 4, 3]), (1, [1])):
        x, structure = SVR("", epochs)._encoded(inputs)
        assert x.tolist() == [expected]
        assert not structure.any()
    x, structure = SVR("counts", 2)._encoded(inputs)
    assert structure.tolist() == [True] * 7 + [False] * 3
    assert x[0, 7:].tolist() == [1, 4, 3]


def test_a_recorded_curve_with_gaps_is_read() -> None:
    """Where a training cannot be continued, the last number comes alone."""
    inputs, y = told(20, 1)
    alone = Inputs.of(SPACE, inputs.genotypes, curve=inputs.curve, epochs=(4,))
    assert SVR("", 4)._encoded(alone)[0].shape == (20, 1)
    assert np.isfinite(SVR("", 4).fit(alone, y).predict(alone)).all()


def test_slopes_extrapolate() -> None:
    """The last number alone leaves most of the target open; structure beside it, which says nothing, does little."""
    (train, y), (test, expected) = told(80, 4), told(60, 4, seed=1)
    errors = {
        (features, epochs): np.mean((SVR(features, epochs).fit(train, y).predict(test).mean - expected) ** 2)
        for features, epochs in (("", 4), ("", 1), ("onehot", 4))
    }
    assert errors["", 4] < 0.1 * expected.var() < errors["", 1]
    assert errors["onehot", 4] < 0.5 * expected.var()


@settings(max_examples=25)
@given(st.integers(2, 8), st.integers(0, 3), st.data())
def test_few_architectures_and_odd_curves_give_finite_predictions(n: int, epochs: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(n)
    sizes = st.floats(-1e6, 1e6)
    curve = data.draw(arrays(np.float64, (n, max(epochs, 1)), elements=sizes))
    inputs = Inputs.of(SPACE, SPACE.sample(n, rng), curve=curve)
    mean, std = SVR("counts", epochs).fit(inputs, data.draw(arrays(np.float64, n, elements=sizes))).predict(inputs)
    assert np.isfinite(mean).all()
    assert (std > 0).all()


def test_noise_widens_the_intervals() -> None:
    inputs, y = told(60, 4)
    noise = np.random.default_rng(5).normal(size=60) * y.std()
    clean, noisy = (SVR("", 4).fit(inputs, targets).predict_transformed(inputs).std[0] for targets in (y, y + noise))
    assert noisy > 2 * clean


def test_folds_are_as_equal_as_they_can_be() -> None:
    assert np.bincount(SVR()._folds(12)).tolist() == [3, 3, 2, 2, 2]
    assert sorted(SVR()._folds(3)) == [0, 1, 2]
    assert FOLDS == 5


def test_needs_join_the_curve_and_the_features() -> None:
    assert predictors.create("svr").needs == Needs()
    assert predictors.create("svr+epochs=4+features=default/flops").needs == Needs(("flops",), 4)
    assert predictors.create("svr+features=curve@6+epochs=4").needs == Needs((), 6)


def test_the_contract_holds_with_a_curve() -> None:
    check_predictor(predictors.create("svr+epochs=3+features=counts"), SPACE, learns=False)


def test_nothing_to_learn_from_is_refused() -> None:
    inputs, y = told(20, 2)
    with pytest.raises(InputError, match="svr has nothing to learn from; name features, or the epochs of a curve"):
        SVR("").fit(inputs, y)
    with pytest.raises(InputError, match="'curve@4': the curve has no number at epoch 4; it has 1, 2"):
        SVR("", 4).fit(inputs, y)
    with pytest.raises(InputError, match="epochs of SVR must be a whole number of at least 0"):
        SVR("", -1).fit(inputs, y)

"""Expected improvement by hand, and proposals that follow it."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, Predictor
from nasbench.search.bayesian import BayesianOptimisation, expected_improvement
from nasbench.spaces import spaces
from nasbench.types import FloatArray, GenotypeArray

SPACE = spaces.create("nb201")


def test_expected_improvement_by_hand() -> None:
    # mean = best: std / sqrt(2 pi). One standard deviation above: phi(1) + Phi(1) = 0.24197 + 0.84134.
    found = expected_improvement(np.array([5.0, 6.0, 4.0]), np.array([2.0, 1.0, 1.0]), 5.0)
    np.testing.assert_allclose(found, [2 / math.sqrt(2 * math.pi), 1.083316, 0.083315], atol=1e-6)


def test_without_doubt_the_improvement_is_the_gain() -> None:
    found = expected_improvement(np.array([4.0, 5.0, 7.0]), np.zeros(3), 5.0)
    np.testing.assert_array_equal(found, [0, 0, 2])


@given(st.floats(-50, 50), st.floats(1e-3, 50), st.floats(-50, 50))
@settings(deadline=None, max_examples=50)
def test_expected_improvement_is_the_mean_of_improvements(mean: float, std: float, best: float) -> None:
    (found,) = expected_improvement(np.array([mean]), np.array([std]), best)
    z = np.linspace(-9, 9, 20_001)
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    expected = trapezoid(np.maximum(mean + std * z - best, 0) * density, z)
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-6 * std)
    assert found >= max(0.0, mean - best) - 1e-9


class CountsThree(Predictor):
    """Knows the target: how often option 3 occurs. Notes what it was fitted on."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def fit(self, inputs: Inputs, targets: npt.ArrayLike) -> Any:
        self.sizes.append(len(np.asarray(targets)))
        return super().fit(inputs, targets)

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        pass

    def _predict(self, inputs: Inputs) -> Prediction:
        mean = self.transform_.forward((inputs.genotypes == 3).sum(axis=1))
        return Prediction(mean, np.full(len(inputs), 1e-3))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        pass


def run(strategy: BayesianOptimisation, n: int, initial: int = 0) -> list[GenotypeArray]:
    designs = SPACE.sample(initial, np.random.default_rng(5)) if initial else None
    strategy.start(SPACE, np.random.default_rng(0), epochs=1, initial=designs)
    proposed = []
    for _ in range(n):
        trial = strategy.ask()
        proposed.append(trial.architecture)
        strategy.tell(trial, float((trial.architecture == 3).sum()))
    return proposed


def test_follows_the_predictor_to_the_optimum() -> None:
    proposed = run(BayesianOptimisation(CountsThree(), interval=1), 30)
    assert max((genotype == 3).sum() for genotype in proposed) == 6


def test_is_fitted_at_the_interval_on_everything_told() -> None:
    predictor = CountsThree()
    run(BayesianOptimisation(predictor, interval=5, minimum=12), 30, initial=3)
    assert predictor.sizes == [12, 17, 22, 27]


def test_failed_trainings_are_left_out_of_the_fit() -> None:
    predictor = CountsThree()
    strategy = BayesianOptimisation(predictor, interval=100, minimum=4)
    strategy.start(SPACE, np.random.default_rng(0), epochs=1)
    for n in range(8):
        strategy.tell(strategy.ask(), math.nan if n % 2 else float(n))
    strategy.ask()
    assert predictor.sizes == [4]


def test_never_proposes_twice() -> None:
    proposed = np.array(run(BayesianOptimisation(CountsThree(), interval=7), 200, initial=5))
    assert len(set(SPACE.key(proposed).tolist())) == 200


def test_settings_are_checked() -> None:
    with pytest.raises(InputError, match="at least 1"):
        BayesianOptimisation(interval=0)
    with pytest.raises(InputError, match="unknown predictor 'rigde'"):
        BayesianOptimisation("rigde").start(SPACE, np.random.default_rng(0), epochs=1)

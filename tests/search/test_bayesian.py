"""Expected improvement by hand, and proposals that follow it."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, Predictor
from nasbench.search import Outcome, Problem
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
def test_expected_improvement_is_the_mean_of_improvements(
    rounding: Callable[..., float], mean: float, std: float, best: float
) -> None:
    """The trapezoidal rule is off by up to h^2 / 12 where the slope changes by one; the rest is rounding of n terms."""
    (found,) = expected_improvement(np.array([mean]), np.array([std]), best)
    z, h = np.linspace(-9, 9, 20_001, retstep=True)
    size = abs(mean - best) + std
    density = np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    expected = trapezoid(np.maximum(mean + std * z - best, 0) * density, z)
    assert found == pytest.approx(expected, rel=0, abs=std * h**2 / 12 + rounding(len(z)) * size)
    assert found >= max(0.0, mean - best) - rounding(10) * size


class CountsThree(Predictor):
    """Knows the target: how often option 3 occurs. Notes what it was fitted on."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        self.sizes.append(len(z))

    def _predict(self, inputs: Inputs) -> Prediction:
        mean = self.transform((inputs.genotypes == 3).sum(axis=1))
        return Prediction(mean, np.full(len(mean), 1e-3))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        pass


def run(drive: Any, strategy: BayesianOptimisation, n: int, initial: int = 0, **settings: Any) -> list[GenotypeArray]:
    search = drive(strategy, initial=initial, **settings)
    proposed = []
    for _ in range(n):
        trial = search.ask()
        proposed.append(trial.architecture)
        search.tell(trial, float((trial.architecture == 3).sum()))
    return proposed


def test_follows_the_predictor_to_the_optimum(drive: Any) -> None:
    proposed = run(drive, BayesianOptimisation(CountsThree(), interval=1), 30)
    assert max((genotype == 3).sum() for genotype in proposed) == 6


def test_is_fitted_at_the_interval_on_everything_told(drive: Any) -> None:
    strategy = BayesianOptimisation(CountsThree(), interval=5, first_fit=12)
    run(drive, strategy, 30, initial=3)
    assert strategy._model.sizes == [12, 17, 22, 27]


def test_failed_trainings_are_left_out_of_the_fit(drive: Any) -> None:
    search = drive(BayesianOptimisation(CountsThree(), interval=100, first_fit=4))
    for n in range(8):
        search.tell(search.ask(), math.nan if n % 2 else float(n))
    search.ask()
    assert search.strategy._model.sizes == [4]


def test_never_proposes_twice(drive: Any) -> None:
    proposed = np.array(run(drive, BayesianOptimisation(CountsThree(), interval=7), 200, initial=5))
    assert len(set(SPACE.key(proposed).tolist())) == 200


def test_settings_are_checked(drive: Any) -> None:
    with pytest.raises(InputError, match="at least 1"):
        BayesianOptimisation(interval=0)
    with pytest.raises(InputError, match="unknown predictor 'rigde'"):
        drive(BayesianOptimisation("rigde"))


# --- static metrics -------------------------------------------------------------------------------------------------


class Notes(CountsThree):
    """Notes the columns that it is given, besides."""

    transforms_columns = False

    def __init__(self, features: str = "default/parameters") -> None:
        super().__init__()
        self.features = features

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        super()._fit(inputs, z)
        self.columns = {name: values.copy() for name, values in inputs.columns.items()}
        self.genotypes = inputs.genotypes


def parameters(name: str, genotypes: GenotypeArray) -> FloatArray:
    assert name == "parameters"
    return SPACE.code(genotypes) + 1.0


def test_static_metrics_that_the_predictor_names_are_looked_up(drive: Any) -> None:
    strategy = BayesianOptimisation(Notes(), interval=5)
    run(drive, strategy, 11, lookup=parameters)
    assert list(strategy._model.columns) == ["parameters"]
    np.testing.assert_array_equal(
        strategy._model.columns["parameters"], parameters("parameters", strategy._model.genotypes)
    )


def test_a_column_helps(drive: Any) -> None:
    """The score is the column, which nothing else tells: with it, proposals are the best candidates."""
    found = {}
    for features in ("counts", "counts/score"):
        search = drive(BayesianOptimisation(f"ridge+features={features}"), lookup=lambda name, g: hidden(g))
        scores = []
        for _ in range(40):
            trial = search.ask()
            scores.append(float(hidden(trial.architecture[None])[0]))
            search.tell(trial, scores[-1])
        found[features] = np.mean(scores[20:])
    assert found["counts/score"] > 0.9 > 0.7 > found["counts"]


def hidden(genotypes: GenotypeArray) -> FloatArray:
    """Numbers in [0, 1) that have nothing to do with the cell."""
    numbers = SPACE.code(genotypes).astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32)
    result: FloatArray = numbers / 2**32
    return result


def test_learning_curves_are_refused(drive: Any) -> None:
    with pytest.raises(InputError, match=r"reads 4 epochs of a learning curve, and candidates have none; leave curve@"):
        drive(BayesianOptimisation("ridge+features=default/curve@4"))


def test_columns_that_the_problem_does_not_have(drive: Any) -> None:
    with pytest.raises(InputError, match="no static metrics, so 'flops' cannot be looked up"):
        run(drive, BayesianOptimisation("ridge+features=default/flops"), 11)


class LosesItsTargets(CountsThree):
    def fit(self, inputs: Inputs, targets: npt.ArrayLike) -> Predictor:
        super().fit(inputs, targets)
        np.asarray(targets)[:] = 1e9
        return self


def test_a_predictor_that_edits_its_targets_proposes_the_same(problem: Callable[..., Problem]) -> None:
    def proposals(predictor: Predictor) -> list[list[int]]:
        strategy = BayesianOptimisation(predictor, first_fit=4).start(problem(SPACE), np.random.default_rng(0))
        asked = []
        for _ in range(12):
            (trial,) = strategy.ask()
            score = float((trial.architecture == 3).sum())
            strategy.tell(trial, Outcome((score,), 1.0, trial.epochs, np.array([score])))
            asked.append(trial.architecture.tolist())
        return asked

    assert proposals(LosesItsTargets()) == proposals(CountsThree())

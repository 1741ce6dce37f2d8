"""Proposals of Bayesian optimisation: they follow the predictor, its acquisition, and what still runs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import log_ndtr

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Prediction, Predictor
from nasbench.search import Outcome, Problem
from nasbench.search.acquisitions import ACQUISITIONS, Belief
from nasbench.search.bayesian import BATCHES, BayesianOptimisation
from nasbench.search.problem import Constraint
from nasbench.spaces import spaces
from nasbench.spaces.choices import ChoiceSpace
from nasbench.types import FloatArray, GenotypeArray

SPACE = spaces.create("nb201")


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
    with pytest.raises(InputError, match="at least 0"):
        BayesianOptimisation(interval=-1)
    with pytest.raises(InputError, match=r"an acquisition is one of ei, logei, .*, thompson; got 'eii'"):
        BayesianOptimisation(acquisition="eii")
    with pytest.raises(InputError, match="a batch is one of believer, penalty, none; got 'all'"):
        BayesianOptimisation(batch="all")
    with pytest.raises(InputError, match="unknown predictor 'rigde'"):
        drive(BayesianOptimisation("rigde"))


def test_proposals_climb_beyond_the_candidates(drive: Any) -> None:
    """With one sample and no mutation, the neighbours of the best lead to the optimum at once."""
    strategy = BayesianOptimisation(CountsThree(), interval=1, mutations=0, samples=1, first_fit=1)
    assert max((genotype == 3).sum() for genotype in run(drive, strategy, 3)) == 6


def test_all_of_a_small_space_are_candidates(problem: Callable[..., Problem]) -> None:
    strategy = BayesianOptimisation(CountsThree(), interval=1, mutations=0, samples=1, first_fit=1)
    strategy.start(problem(SPACE), np.random.default_rng(0))
    assert strategy._whole is None
    strategy.start(problem(ChoiceSpace({"a": [1, 2], "b": [1, 2, 3]})), np.random.default_rng(0))
    assert strategy._whole is not None and len(strategy._whole) == 6


@pytest.mark.parametrize("acquisition", [*ACQUISITIONS, "thompson"])
def test_every_acquisition_finds_the_optimum_of_a_predictor_that_knows(drive: Any, acquisition: str) -> None:
    found = run(drive, BayesianOptimisation(CountsThree(), acquisition, first_fit=10), 40)
    assert max((genotype == 3).sum() for genotype in found) == 6


@pytest.mark.parametrize("batch", BATCHES)
def test_workers_are_given_different_architectures(drive: Any, batch: str) -> None:
    search = drive(BayesianOptimisation("ridge", batch=batch, interval=1), workers=8)
    for _ in range(12):
        trial = search.ask()
        search.tell(trial, float((trial.architecture == 3).sum()))
    running = np.array([trial.architecture for trial in search.strategy.ask(8)])
    assert len(set(SPACE.key(running).tolist())) == 8


def test_running_trials_are_believed(drive: Any) -> None:
    """The second fit of each proposal is told what the first expects of the three that run."""
    predictor = CountsThree()
    search = drive(BayesianOptimisation(predictor, interval=1, first_fit=4), workers=4)
    for _ in range(4):
        trial = search.ask()
        search.tell(trial, float((trial.architecture == 3).sum()))
    search.strategy.ask(3)
    assert search.strategy._model.sizes == [4, 4, 5, 4, 6]


def test_penalty_by_hand(drive: Any) -> None:
    """Means 1, 5 and 1 at cells that differ in six positions, then in five: the slope is the larger one, 4 / 5.

    A trial runs at the first, where 1 +- 0.001 is expected and 5 is the best: its ball reaches to 4 / (4 / 5) = 5
    positions. The second cell is outside, the others are inside.
    """
    strategy = BayesianOptimisation(CountsThree(), batch="penalty")
    drive(strategy)
    cells = np.array([[0] * 6, [3] * 6, [0, 0, 0, 0, 0, 3]], dtype=np.int8)

    class Fixed:
        def predict_transformed(self, inputs: Inputs) -> Prediction:
            return Prediction(np.array([1.0]), np.array([0.001]))

    belief = Belief(np.array([1.0, 5.0, 1.0]), np.ones(3), 5.0)
    found = strategy._penalty(Fixed(), cells, belief, cells[:1])  # type: ignore[arg-type]
    distances = np.array([0, 6, 1])
    np.testing.assert_allclose(found, log_ndtr((0.8 * distances - 4) / 0.001), rtol=1e-9, atol=1e-300)
    assert found[1] == 0 and found[0] < found[2] < -1e6


def test_what_breaks_a_constraint_is_not_proposed(drive: Any) -> None:
    """At most two threes are allowed; the predictor wants six."""

    def threes(name: str, genotypes: GenotypeArray) -> FloatArray:
        return (genotypes == 3).sum(axis=1).astype(np.float64)

    limits = (Constraint("threes", high=2),)
    proposed = run(drive, BayesianOptimisation(CountsThree(), interval=1), 40, constraints=limits, lookup=threes)
    assert max((genotype == 3).sum() for genotype in proposed) == 2


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

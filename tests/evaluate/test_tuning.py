"""Tuning by cross-validation: what it chooses, sees and costs; cases whose best setting is known."""

import sys

import numpy as np
import pytest

from nasbench.errors import InputError, MissingExtraError
from nasbench.evaluate.tuning import TuningBudget, specification, tunable_of, tune
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.predictors.ranges import LogRange, OneOf, WholeRange, ranges
from nasbench.spaces import spaces
from nasbench.types import FloatArray

SPACE = spaces.create("nb201")
GENOTYPES = np.random.default_rng(0).permutation(SPACE.unique("function_key"))[:60]
INPUTS = Inputs.of(SPACE, GENOTYPES)
COUNTS = (GENOTYPES == 3).sum(axis=1) + np.arange(60) / 1000
TRIALS = TuningBudget(trials=20)


class Convolutions(Predictor):
    """The number of 3x3 convolutions, times a sign, plus a shift."""

    transforms_targets = False
    tunable = ranges(sign=OneOf((-1, 1)), shift=OneOf((5.0, 0.0)))
    seen: list[FloatArray] = []  # noqa: RUF012

    def __init__(self, sign: int = -1, shift: float = 5.0, factor: float = 1.0) -> None:
        self.sign, self.shift, self.factor = sign, shift, factor

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        self.seen.append(inputs.genotypes)

    def _predict(self, inputs: Inputs) -> Prediction:
        self.seen.append(inputs.genotypes)
        counts = (inputs.genotypes == 3).sum(axis=1).astype(float)
        return Prediction(self.factor * self.sign * counts + self.shift, np.ones(len(inputs)))

    def _state(self) -> dict[str, FloatArray]:
        return {}

    def _restore(self, state: dict[str, FloatArray]) -> None:
        pass


def test_the_best_of_all_settings_is_chosen_and_ties_of_tau_by_the_error() -> None:
    """The sign decides tau, the shift only the error; after four settings there is no other."""
    found = tune(Convolutions(), INPUTS, COUNTS, TRIALS)
    assert found == ({"sign": 1, "shift": 0.0}, 4, 0)
    assert specification("mine:Convolutions", found.arguments) == "mine:Convolutions+sign=1+shift=0.0"
    assert tune(Convolutions(1, 0.0), INPUTS, COUNTS, TRIALS).arguments == {}


def test_fixed_arguments_stay() -> None:
    assert tune(Convolutions(), INPUTS, COUNTS, TRIALS, fixed=frozenset(["sign"])) == ({"shift": 0.0}, 2, 0)
    assert tune(Convolutions(), INPUTS, COUNTS, TRIALS, fixed=frozenset(["sign", "shift"])) == ({}, 0, 0)


def test_nothing_but_the_training_set_is_seen_and_each_fold_is_held_out() -> None:
    Convolutions.seen = []
    tune(Convolutions(), INPUTS[:20], COUNTS[:20], TuningBudget(trials=1))
    fitted, predicted = Convolutions.seen[::2], Convolutions.seen[1::2]
    assert [len(rows) for rows in fitted] == [16] * 5 and [len(rows) for rows in predicted] == [4] * 5
    canonical = {row.tobytes() for row in SPACE.canonical(GENOTYPES[:20])}
    assert {row.tobytes() for rows in fitted for row in rows} == canonical
    assert sorted(row.tobytes() for rows in predicted for row in rows) == sorted(canonical)
    for inside, outside in zip(fitted, predicted, strict=True):
        assert not {row.tobytes() for row in inside} & {row.tobytes() for row in outside}


def test_trials_make_it_repeatable_and_seconds_end_it() -> None:
    forest = predictors.create("forest+trees=3")
    one, two = (tune(forest, INPUTS, COUNTS, TuningBudget(trials=6), seed=3) for _ in range(2))
    assert one == two and one.trials == 6
    assert tune(forest, INPUTS, COUNTS, TuningBudget(seconds=1e-9, trials=6)) == ({}, 0, 0)
    few = tune(forest, INPUTS, COUNTS, TuningBudget(seconds=0.5))
    assert few.trials >= 1
    assert TuningBudget(trials=6).note == "repeatable" and "depends on the machine" in TuningBudget(seconds=9).note


def test_defaults_are_the_first_trial_so_tuning_loses_nothing_within_the_training_set() -> None:
    assert tune(predictors.create("ridge"), INPUTS, COUNTS, TuningBudget(trials=1)) == ({}, 1, 0)


def test_numbers_are_short_and_inside_their_range() -> None:
    class Factor(Convolutions):
        tunable = ranges(factor=LogRange(0.123456, 7.654321), sign=OneOf((-1, 1)))

    found = tune(Factor(), INPUTS, COUNTS, TuningBudget(trials=30))
    factor = found.arguments["factor"]
    assert factor in Factor.tunable["factor"] and len(str(factor).lstrip("0.")) <= 4


def test_a_small_training_set_is_not_tuned() -> None:
    class Hungry(Convolutions):
        min_samples = 4

    assert tune(Hungry(), INPUTS[:4], COUNTS[:4], TRIALS) == ({}, 0, 0)
    assert tune(Hungry(), INPUTS[:5], COUNTS[:5], TRIALS).trials == 4
    assert tune(predictors.create("mean"), INPUTS, COUNTS, TRIALS) == ({}, 0, 0)


def test_settings_that_are_refused_are_counted_and_mistakes_are_raised() -> None:
    class Refusing(Convolutions):
        def _fit(self, inputs: Inputs, z: FloatArray) -> None:
            if self.sign == 1 and self.shift == 0.0:
                raise InputError("the covariance is singular")

    class Mistaken(Convolutions):
        def _fit(self, inputs: Inputs, z: FloatArray) -> None:
            if self.sign == 1:
                raise ZeroDivisionError("oh")

    assert tune(Refusing(), INPUTS, COUNTS, TRIALS) == ({"sign": 1}, 3, 1)
    with pytest.raises(InputError, match="singular"):
        tune(Refusing(1, 0.0), INPUTS, COUNTS, TRIALS)
    with pytest.raises(ZeroDivisionError):
        tune(Mistaken(), INPUTS, COUNTS, TRIALS)


def test_wrong_declarations_are_refused() -> None:
    class Absent(Convolutions):
        tunable = ranges(depth=WholeRange(1, 3))

    class Outside(Convolutions):
        tunable = ranges(sign=WholeRange(1, 3))

    class Reading(Convolutions):
        tunable = ranges(features=OneOf(("default", "default/flops")))

        def __init__(self, features: str = "default") -> None:
            super().__init__()
            self.features = features

    with pytest.raises(InputError, match="Absent declares 'depth' as tunable, but has no such argument"):
        tunable_of(Absent())
    with pytest.raises(InputError, match=r"Outside is tuned from sign=-1, which is not in WholeRange"):
        tunable_of(Outside())
    with pytest.raises(InputError, match="Reading must not read other inputs when it is tuned"):
        tune(Reading(), Inputs.of(SPACE, GENOTYPES, columns={"flops": COUNTS}), COUNTS, TRIALS)


def test_budgets_and_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="tuning needs a limit"):
        TuningBudget()
    with pytest.raises(InputError, match="tuning seconds must be a number above 0, got 0"):
        TuningBudget(seconds=0)
    with pytest.raises(InputError, match="tuning trials must be a whole number of at least 1, got 0"):
        TuningBudget(trials=0)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[optuna\]'"):
        TuningBudget(trials=1)

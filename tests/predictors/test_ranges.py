"""What registered predictors declare as tunable can be given to them, and the defaults are among it."""

import numpy as np
import pytest

from nasbench.predictors import Inputs, predictors
from nasbench.predictors.ranges import LogRange, OneOf, WholeRange
from nasbench.spaces import spaces

SHORT = {"gnn": "gnn+steps=10", "xgb": "xgb+rounds=20", "auto": "auto+members=ridge/forest"}
"""Cheaper ones."""


def ends(choice: WholeRange | LogRange | OneOf) -> tuple[object, ...]:
    return choice.values if isinstance(choice, OneOf) else (choice.least, choice.most)


@pytest.mark.parametrize("name", list(predictors))
def test_defaults_lie_in_the_ranges_which_name_arguments(name: str) -> None:
    predictor = predictors.create(name)
    for argument, choice in predictor.tunable.items():
        assert predictor.get_params()[argument] in choice, argument
        assert all(end in choice for end in ends(choice)), argument
    with pytest.raises(TypeError):
        predictor.tunable["seed"] = WholeRange(0, 9)  # type: ignore[index]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("name", [name for name in predictors if predictors.resolve(name)[0].tunable])
def test_both_ends_of_all_ranges_fit_and_predict(name: str, last: bool) -> None:
    predictor, space = predictors.create(SHORT.get(name, name)), spaces.create("nb201")
    chosen = {argument: ends(choice)[-last] for argument, choice in predictor.tunable.items()}
    inputs = Inputs.of(space, space.sample_unique(20, np.random.default_rng(0)))
    targets = space.features(inputs.genotypes, "counts")[:, 3]
    mean, std = type(predictor)(**{**predictor.get_params(), **chosen}).fit(inputs, targets).predict(inputs)
    assert np.isfinite(mean).all() and (std > 0).all()


def test_a_number_is_no_flag() -> None:
    assert True not in WholeRange(0, 1) and True not in LogRange(0.1, 1) and "1" not in LogRange(0.1, 1)

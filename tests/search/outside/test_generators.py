"""Global generators of one run: seeded once, continued, and everybody else's put back."""

import random

import numpy as np
import torch

from nasbench.search.outside.generators import OwnGenerators
from nasbench.testing.randomness import check_untouched, global_states


def draw() -> tuple[float, float, float]:
    return float(np.random.rand()), random.random(), float(torch.rand(1))  # noqa: NPY002


def test_draws_continue_and_replay_and_others_are_put_back() -> None:
    states = global_states()
    own, again = OwnGenerators(7), OwnGenerators(7)
    with own:
        first = draw()
    with own:
        second = draw()
    with again:
        both = draw(), draw()
    assert both == (first, second)
    assert first != second
    check_untouched(states, "the context")


def test_put_back_after_an_error() -> None:
    states = global_states()
    try:
        with OwnGenerators(7):
            draw()
            raise KeyError
    except KeyError:
        pass
    check_untouched(states, "the context")

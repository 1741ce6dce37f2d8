"""`check_untouched` names the global generator that was drawn from or seeded."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from nasbench.testing.randomness import check_untouched, global_states


@pytest.mark.parametrize(
    ("draw", "name"),
    [
        (lambda: np.random.random(), "np.random"),  # noqa: NPY002
        (lambda: np.random.seed(0), "np.random"),  # noqa: NPY002
        (random.random, "random module"),
        (lambda: random.seed(0), "random module"),
        (lambda: torch.rand(1), "generator of torch"),
        (lambda: torch.manual_seed(0), "generator of torch"),
    ],
)
def test_a_global_generator_is_named(draw: Callable[[], object], name: str) -> None:
    states = global_states()
    draw()
    with pytest.raises(AssertionError, match=f"^mine draws from the global {name}; use the generator"):
        check_untouched(states, "mine")


def test_own_generators_are_free() -> None:
    states = global_states()
    np.random.default_rng(0).random()
    random.Random(0).random()
    torch.rand(1, generator=torch.Generator().manual_seed(0))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
    check_untouched(states, "mine")

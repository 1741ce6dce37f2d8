"""No component draws from the generators that a process shares: numpy's, Python's and torch's."""

from __future__ import annotations

import random
import sys

import numpy as np


def global_states() -> dict[str, object]:
    """States of the global generators by name; torch's only where torch is loaded."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002  # only looked at
    states: dict[str, object] = {
        "np.random": (state["state"]["key"].tobytes(), state["state"]["pos"], state["has_gauss"]),
        "random module": random.getstate(),
    }
    if "torch" in sys.modules:
        states["generator of torch"] = sys.modules["torch"].get_rng_state().numpy().tobytes()
    return states


def check_untouched(before: dict[str, object], who: str) -> None:
    """Check that the global generators are as they were; take `before` only after libraries were imported.

    Raises:
        AssertionError: A generator was drawn from or seeded; the message begins with `who` and names it.
    """
    after = global_states()
    for name, state in before.items():
        assert after[name] == state, f"{who} draws from the global {name}; use the generator or seed that is passed"

"""Global random generators of a run's own, so that a library which draws from them disturbs nobody and replays."""

from __future__ import annotations

import random
import sys
import warnings
from typing import Any

import numpy as np


class OwnGenerators:
    """Context in which numpy's, Python's and torch's global generators are those of one run.

    They are seeded once, continue where they were when the context is entered again, and the others are put back when
    it is left. Warnings of the library are not shown.

    Args:
        seed: Seed of all of them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._own: dict[str, Any] = {}
        self._others: dict[str, Any] = {}
        self._warnings: warnings.catch_warnings[Any] | None = None

    def __enter__(self) -> None:
        """Put the run's generators in place."""
        self._others = _states()
        for name in self._others:
            if name in self._own:
                _set(name, self._own[name])
            else:
                _seed(name, self._seed)
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *error: object) -> None:
        """Put the generators of everybody else back."""
        if self._warnings is not None:
            self._warnings.__exit__(None, None, None)
        self._own = {name: state for name, state in _states().items() if name in self._others}
        for name, state in self._others.items():
            _set(name, state)


def _states() -> dict[str, Any]:
    """States by the module that holds the generator; torch's only where it is loaded."""
    states: dict[str, Any] = {
        "numpy": np.random.get_state(),  # noqa: NPY002  # put back by `_set`
        "random": random.getstate(),
    }
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_rng_state"):
        states["torch"] = torch.get_rng_state()
    return states


def _set(name: str, state: Any) -> None:
    if name == "numpy":
        np.random.set_state(state)  # noqa: NPY002
    elif name == "random":
        random.setstate(state)
    else:
        sys.modules["torch"].set_rng_state(state)


def _seed(name: str, seed: int) -> None:
    if name == "numpy":
        np.random.seed(seed)  # noqa: NPY002
    elif name == "random":
        random.seed(seed)
    else:
        sys.modules["torch"].manual_seed(seed)

"""Random numbers of simulated runs: independent for each purpose, name and index, whatever else runs."""

from __future__ import annotations

import hashlib

import numpy as np

from nasbench.errors import InputError
from nasbench.simulator.evaluator import Evaluator
from nasbench.types import GenotypeArray

MAX_DRAWS = 200
"""Batches of samples after which too few have met the constraints."""


def rng_for(seed: int, purpose: str, name: str, index: int) -> np.random.Generator:
    """The generator for one purpose, name and index; independent of all others with the same seed."""
    digest = hashlib.sha256(f"{purpose}\0{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "little"), index])


def initial_designs(evaluator: Evaluator, count: int, seed: int, repeat: int) -> GenotypeArray:
    """Random architectures `(k, d)` for one repeat that meet the constraints, none twice (by key).

    `k` is `count` unless the space is smaller.

    Raises:
        InputError: Hardly any architecture meets the constraints.
    """
    space, rng = evaluator.space, rng_for(seed, "initial", "", repeat)
    found = space.sample(4 * count, rng)
    if evaluator.constraints and count:
        found = found[evaluator.feasible(found)]
        for _ in range(MAX_DRAWS):
            if len(found) >= 4 * count:
                break
            more = space.sample(4 * count, rng)
            found = np.concatenate([found, more[evaluator.feasible(more)]])
        if not len(found):
            raise InputError(
                f"none of {4 * count * MAX_DRAWS:,} random architectures meets "
                f"{', '.join(map(str, evaluator.constraints))}; widen the limits, or set initial=0"
            )
    _, first = np.unique(space.key(found), return_index=True)
    return found[np.sort(first)[:count]]

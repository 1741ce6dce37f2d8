"""Random numbers of simulated runs: independent for each purpose, name and index, whatever else runs."""

from __future__ import annotations

import hashlib

import numpy as np

from nasbench.errors import InputError
from nasbench.simulator.evaluator import Evaluator
from nasbench.types import GenotypeArray

FREE_BATCHES, CONSTRAINED_BATCHES = 5, 200
"""Batches of samples in a row without a new architecture after which no more are looked for."""


def rng_for(seed: int, purpose: str, name: str, index: int) -> np.random.Generator:
    """The generator for one purpose, name and index; independent of all others with the same seed."""
    digest = hashlib.sha256(f"{purpose}\0{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "little"), index])


def noise_seed(seed: int, repeat: int) -> int:
    """Number of the noise draw of a repeat, for `Evaluator.drawn`: the same for all strategies."""
    return int(rng_for(seed, "noise", "", repeat).integers(2**63))


def initial_designs(evaluator: Evaluator, count: int, seed: int, repeat: int) -> GenotypeArray:
    """Random architectures `(k, d)` for one repeat that meet the constraints, none twice (by key).

    `k` is `count`, or less where no further ones are found.

    Raises:
        InputError: Hardly any architecture meets the constraints.
    """
    space, rng = evaluator.space, rng_for(seed, "initial", "", repeat)
    limit = CONSTRAINED_BATCHES if evaluator.constraints else FREE_BATCHES
    found, barren = space.sample(0, rng), 0
    while len(found) < count and barren < limit:
        samples = space.sample(4 * count, rng)
        every = np.concatenate([found, samples[evaluator.feasible(samples)]])
        _, first = np.unique(space.key(every), return_index=True)
        barren = 0 if len(first) > len(found) else barren + 1
        found = every[np.sort(first)]
    if count and not len(found):
        raise InputError(
            f"none of {4 * count * limit:,} random architectures meets {', '.join(map(str, evaluator.constraints))}; "
            "widen the limits, or start from 0 initial designs"
        )
    return found[:count]

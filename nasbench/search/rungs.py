"""Rungs: the fidelities at which successive halving compares trials (Jamieson & Talwalkar, 2016, AISTATS)."""

from __future__ import annotations

from collections.abc import Sequence


def rungs_of(fidelities: Sequence[int], eta: int) -> list[int]:
    """Epochs of the rungs, increasing: spaced by the factor `eta` down from a full training, and the least fidelity.

    A rung that is no fidelity becomes the next longer one.

    >>> rungs_of((1, 2, 3, 4, 5, 6, 7, 8), 3)
    [1, 3, 8]

    Args:
        fidelities: Epochs that a trial can ask for, increasing; the last is a full training.
        eta: Factor between the epochs of two rungs, at least 2.
    """
    level, rungs = float(fidelities[-1]), {fidelities[0]}
    while level >= fidelities[0]:
        rungs.add(min(epochs for epochs in fidelities if epochs >= level))
        level /= eta
    return sorted(rungs)


def sizes_of(first: int, rungs: int, eta: int) -> list[int]:
    """Trials at each rung of successive halving: `first`, then 1/eta of those of the rung below, at least one.

    >>> sizes_of(34, 4, 3)
    [34, 11, 3, 1]
    """
    return [max(first // eta**rung, 1) for rung in range(rungs)]

"""Luck of a trial on a simulated cluster: how slow its worker is this time, and when it dies."""

from __future__ import annotations

import math

import numpy as np

from nasbench.simulator.cluster import Cluster


class Luck:
    """What chance does to one trial.

    A trial takes a log-normal multiple of its time, of expectation 1, so a few trials straggle. Failures of a worker
    come at exponential times, whatever it has trained before; what it trained since its last checkpoint is lost.

    Args:
        cluster: What chances there are.
        chance: Draws one number at the start, and one for each part of the trial between checkpoints.

    Attributes:
        dies: Whether the part that runs ends by a failure.
        lost: Time that failures have cost so far.
    """

    __slots__ = ("_begin", "_chance", "_factor", "_left", "_mean", "dies", "lost")

    def __init__(self, cluster: Cluster, chance: np.random.Generator) -> None:
        self._chance, self._mean, self._left = chance, cluster.mtbf, cluster.restarts
        self._factor = math.exp(cluster.jitter * chance.standard_normal() - cluster.jitter**2 / 2)
        self.dies, self.lost, self._begin = False, 0.0, 0.0

    def part(self, now: float, seconds: float) -> float:
        """When a part of the trial ends that begins now and takes some time on its worker without luck."""
        seconds *= self._factor
        failure = self._chance.exponential(self._mean) if self._mean < math.inf else math.inf
        self.dies = failure < seconds
        self._begin = now
        return now + min(failure, seconds)

    def restarts(self, now: float) -> bool:
        """Note that the part died now; whether the trial is restarted at its last checkpoint."""
        self.lost += now - self._begin
        self._left -= 1
        return self._left >= 0

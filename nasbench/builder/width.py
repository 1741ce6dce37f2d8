"""The number of networks to train side by side, chosen by the fastest of short trials."""

from __future__ import annotations

import math

import numpy as np
import torch

from nasbench.builder.settings import BuildSettings, Group
from nasbench.builder.trainer import Trainer, short_of_memory
from nasbench.training.fusion import Unfusable

CPU_WIDTHS, CUDA_WIDTHS = (1, 4, 8, 16, 32), (1, 8, 32, 128, 512)
MIN_SPEED_UP = 1.05
"""Minimum speed-up for which a larger number is preferred."""


class WidthPicker:
    """Finds the number of networks that train fastest side by side, up to an even share for each job.

    Each candidate trains and evaluates a few batches of the first architectures. Candidates that exceed the memory, or
    cannot run side by side, are dropped.

    Args:
        settings: Content of the table.
        device: Training device.
        jobs: Number of groups that are trained at the same time.
    """

    def __init__(self, settings: BuildSettings, device: torch.device, jobs: int) -> None:
        self.trainer, self.jobs = Trainer(settings, device), jobs

    def __call__(self, group: Group) -> int:
        """The number for a group of all architectures to train."""
        widths = CUDA_WIDTHS if self.trainer.device.type == "cuda" else CPU_WIDTHS
        share = max(1, math.ceil(len(group.genotypes) / self.jobs))
        best, fastest = 1, math.inf
        for width in widths:
            if width > share:
                break
            trial = group._replace(genotypes=group.genotypes[np.arange(width) % len(group.genotypes)])
            try:
                seconds = self.trainer.timed(trial) / width
            except Unfusable:
                break
            except Exception as error:
                if short_of_memory(error):
                    break
                return 1  # a failing network is reported when it is trained
            if seconds * MIN_SPEED_UP < fastest:
                best, fastest = width, seconds
        return best

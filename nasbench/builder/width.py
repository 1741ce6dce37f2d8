"""The number of networks to train side by side: by a rule of settings and device, or the fastest of short trials."""

from __future__ import annotations

import math

import numpy as np
import torch

from nasbench.builder.settings import BuildSettings, Group
from nasbench.builder.trainer import Trainer, short_of_memory
from nasbench.tasks import Task
from nasbench.tasks.images import ImageClassification
from nasbench.training.fusion import Unfusable

WIDTHS = {"cpu": ((2**16, 8),), "cuda": ((2**20, 128), (2**22, 32), (2**24, 8))}
"""By kind of the device: numbers that the first layer of one network gives for a batch, and networks up to there."""
CPU_WIDTHS, CUDA_WIDTHS = (1, 4, 8, 16, 32), (1, 8, 32, 128, 512)
MIN_SPEED_UP = 1.05
"""Minimum speed-up for which a larger number is preferred."""


def usual_width(task: Task, settings: BuildSettings, device: str) -> int:
    """The number by a rule, so that a table never depends on how busy or how fast a machine is.

    The more a network has to compute in a layer, the less of a machine it leaves idle. `docs/build.md` has the
    measurements.

    Args:
        task: The task; only networks that classify images run side by side.
        settings: Channels and batch size.
        device: Kind of the device, "cpu" or "cuda".
    """
    if not isinstance(task, ImageClassification):
        return 1
    _, height, width = task.shape
    numbers = settings.network.channels * settings.train.batch_size * height * width
    return next((networks for most, networks in WIDTHS[device] if numbers <= most), 1)


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

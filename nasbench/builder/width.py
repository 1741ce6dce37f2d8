"""How many networks to train side by side: what is fastest for each in a short trial."""

from __future__ import annotations

import math

import numpy as np
import torch

from nasbench.builder.settings import BuildSettings, Group
from nasbench.builder.trainer import Trainer, short_of_memory
from nasbench.training.fusion import Unfusable

CPU_WIDTHS, CUDA_WIDTHS = (1, 4, 8, 16, 32), (1, 8, 32, 128, 512)
GAIN = 1.05
"""By how much more must be faster than less."""


class WidthPicker:
    """Finds the number of networks, up to an even share for each worker, that trains fastest.

    Each candidate trains and evaluates a few batches of the first architectures; what does not fit the memory, or
    cannot run side by side, is no candidate.

    Args:
        settings: What the table is made of.
        device: Where to train.
        jobs: How many groups are trained at a time.
    """

    def __init__(self, settings: BuildSettings, device: torch.device, jobs: int) -> None:
        self.trainer, self.jobs = Trainer(settings, device), jobs

    def __call__(self, group: Group) -> int:
        """The number for a group of all that are to be trained alike."""
        widths = CUDA_WIDTHS if self.trainer.device.type == "cuda" else CPU_WIDTHS
        most = max(1, math.ceil(len(group.genotypes) / self.jobs))
        best, fastest = 1, math.inf
        for width in widths:
            if width > most:
                break
            some = group._replace(genotypes=group.genotypes[np.arange(width) % len(group.genotypes)])
            try:
                seconds = self.trainer.timed(some) / width
            except Unfusable:
                break
            except Exception as error:
                if short_of_memory(error):
                    break
                return 1  # what fails by itself is found out, and told, when it is trained
            if seconds * GAIN < fastest:
                best, fastest = width, seconds
        return best

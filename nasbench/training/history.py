"""Training history: score, loss and time after each epoch."""

from __future__ import annotations

from dataclasses import dataclass

from nasbench.datasets.base import SPLITS
from nasbench.tasks import Task
from nasbench.types import FloatArray


@dataclass(frozen=True)
class History:
    """Measurements of one training run.

    Attributes:
        names: Names of the rows: score and loss on each part, as `validation_accuracy`, and `train_seconds`.
        values: One row per name, one column per epoch; shape `(7, epochs)`. Scores are in percent, losses in the unit
            of the task. Training score and loss are running means over the batches of the epoch. `train_seconds` is
            cumulative and excludes evaluation: wall-clock time on CUDA, processor time of the thread on the CPU (not
            affected by other load). NaN from epoch `diverged` on.
        diverged: Epoch (from 1) in which a loss stopped being finite, where training ended; None if none did.
    """

    names: tuple[str, ...]
    values: FloatArray
    diverged: int | None = None

    def __getitem__(self, name: str) -> FloatArray:
        """One curve by its name; shape `(epochs,)`."""
        curve: FloatArray = self.values[self.names.index(name)]
        return curve


def curve_names(task: Task) -> tuple[str, ...]:
    """Names of the quantities recorded after each epoch: the rows of `History.values`."""
    return (*(f"{split}_{quantity}" for split in SPLITS for quantity in (task.score, "loss")), "train_seconds")

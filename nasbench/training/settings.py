"""Training settings: schedule length, batch size, optimiser and its hyperparameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nasbench.checks import check_whole
from nasbench.errors import InputError

OPTIMISERS = {"sgd": "SGD with Nesterov momentum", "adamw": "AdamW"}
"""Values of `TrainSettings.optimiser`: SGD (Sutskever et al., 2013) and AdamW (Loshchilov & Hutter, 2019)."""


@dataclass(frozen=True)
class TrainSettings:
    """How a network is trained.

    Attributes:
        epochs: Passes over the training inputs.
        batch_size: Maximum inputs per step; an epoch is cut into steps of equal size, to within one input.
        learning_rate: Peak learning rate; the cosine ends at 0 after the last step.
        momentum: Nesterov momentum; for AdamW the decay of the mean gradient (beta 1).
        weight_decay: L2 penalty on all parameters, added to the gradient; decoupled for AdamW.
        warmup_epochs: Length of the linear warm-up at the start of the schedule; may be a fraction.
        optimiser: One of `OPTIMISERS`.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup_epochs: float = 0.0
    optimiser: str = "sgd"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            check_whole(f"training setting {name}", getattr(self, name))
        rules = {
            "learning_rate": ("a positive number", 0 < self.learning_rate < math.inf),
            "momentum": ("between 0 (excluded: Nesterov momentum needs some) and 1 (excluded)", 0 < self.momentum < 1),
            "weight_decay": ("0 or a positive number", 0 <= self.weight_decay < math.inf),
            "warmup_epochs": ("between 0 and epochs", 0 <= self.warmup_epochs <= self.epochs),
            "optimiser": (f"one of {', '.join(OPTIMISERS)}", self.optimiser in OPTIMISERS),
        }
        for name, (rule, holds) in rules.items():
            if not holds:
                raise InputError(f"training setting {name} must be {rule}, got {getattr(self, name)!r}")

    def steps_per_epoch(self, inputs: int) -> int:
        """Number of steps that one pass over `inputs` training inputs takes."""
        return math.ceil(inputs / self.batch_size)

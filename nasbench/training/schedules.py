"""Learning-rate schedule: linear warm-up, then a cosine to 0 (Loshchilov & Hutter, 2017)."""

import math


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate at a step.

    Args:
        step: Counted from 0.
        steps: Length of the whole training.
        warmup: Length of the linear warm-up in steps.
    """
    if step < warmup:
        return (step + 1) / (math.floor(warmup) + 1)
    return 0.5 + 0.5 * math.cos(math.pi * (step - warmup) / (steps - warmup))

"""Figure of win rates: how often a run of one strategy is better than a run of another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from nasbench.evaluate.quality import Regret
from nasbench.report.figures import Heatmap


def win_rates(
    anchor: str, order: Sequence[str], wins: Mapping[str, Mapping[str, float]], regret: Regret, n: str
) -> Heatmap:
    """The heatmap, row against column.

    Args:
        anchor: Of the section.
        order: Strategies, best first.
        wins: Chance of the first to beat the second.
        regret: What is smaller in a better run.
        n: Of what it is a mean, such as `30 repeats`.
    """
    values = np.array([[wins[a][b] if a != b else math.nan for b in order] for a in order])
    caption = (
        f"Chance that a run of the strategy of the row has a smaller {regret.title} than one of the column, a tie "
        f"counting half; n = {n}."
    )
    names = tuple(order)
    name = f"{anchor}-{regret.slug}wins"
    return Heatmap(name, f"Win rates by {regret.title}", caption, names, names, values, "win rate", (0.0, 1.0))

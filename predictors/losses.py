"""Losses of scores: mean squared error, and losses that only read the order of the targets.

A loss takes scores `(members, n)` of several networks, targets `(n,)` and weights `(members, n)`, which say how often
each network sees each architecture, and gives the mean for each network, `(members,)`. A weight of 2 counts as the
same architecture given twice. Without any pair to compare the loss is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import softplus

Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]
MARGIN = 0.1
"""Least difference of the scores of two architectures that the hinge loss asks for (Ning et al., 2020)."""

NEVER = 1e-30
"""Weight of a row that is not drawn, whose logarithm is finite."""


def squared_error(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean of (score - target)^2."""
    return _mean((scores - targets) ** 2, weights)


def pairwise_bce(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of the order of each pair, of probability sigmoid(s_i - s_j); 1/2 for equal targets.

    RankNet (Burges et al., 2005, equation 3).
    """
    better = (torch.sign(_differences(targets)) + 1) / 2  # (n, n)
    difference = _differences(scores)  # (members, n, n)
    distinct = 1 - torch.eye(len(targets))
    return _mean_of_pairs(softplus(difference) - better * difference, weights, distinct)


def bpr(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean of -log sigmoid(s_i - s_j) over the pairs in which i has the larger target (Rendle et al., 2009).

    The cross-entropy of pairs without those of equal targets.
    """
    return _mean_of_pairs(softplus(-_differences(scores)), weights, (_differences(targets) > 0).float())


def hinge(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Mean of max(0, margin - (s_i - s_j)) over the pairs in which i has the larger target.

    GATES (Ning et al., 2020).
    """
    return _mean_of_pairs(torch.relu(MARGIN - _differences(scores)), weights, (_differences(targets) > 0).float())


def list_mle(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Negative log-likelihood of the order of all targets, by the model of Plackett and Luce (Xia et al., 2008).

    The best is drawn first with a probability proportional to exp(score), then the next among the others. Equal targets
    are in the order of the rows.
    """
    order = targets.argsort(descending=True, stable=True)
    sorted_scores, sorted_weights = scores[:, order], weights[:, order]
    offered = sorted_scores + sorted_weights.clamp_min(NEVER).log()
    remaining = offered.flip(1).logcumsumexp(1).flip(1)  # of each row and those below it
    return _mean(remaining - sorted_scores, sorted_weights)


LOSSES: dict[str, Loss] = {
    "mse": squared_error,
    "bce": pairwise_bce,
    "bpr": bpr,
    "hinge": hinge,
    "listmle": list_mle,
}
"""Losses by the names that `gnn+loss=` takes."""


def _differences(values: Tensor) -> Tensor:
    """Row i, column j: value i minus value j; shape `(..., n, n)`."""
    return values[..., :, None] - values[..., None, :]


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean `(members,)` of `(members, n)`."""
    return (weights * values).sum(dim=1) / weights.sum(dim=1).clamp_min(1)


def _mean_of_pairs(values: Tensor, weights: Tensor, counted: Tensor) -> Tensor:
    """Weighted mean `(members,)` of `(members, n, n)` over the pairs that are counted, `(n, n)` of ones and zeros."""
    pairs = weights[:, :, None] * weights[:, None, :] * counted
    return (pairs * values).sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp_min(1)

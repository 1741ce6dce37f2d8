"""Zero-cost proxies: numbers of an untrained network that rank networks as training would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nasbench.errors import InputError
from nasbench.measures.proxies.base import Needs, Proxy

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task


def proxy_scores(
    network: torch.nn.Module,
    task: Task,
    inputs: torch.Tensor | None = None,
    targets: torch.Tensor | None = None,
    names: Iterable[str] = ("proxies",),
) -> dict[str, float]:
    """Several proxies of one network; see `Proxy.score`.

    Args:
        network: The untrained network; not changed.
        task: The task that the network is built for.
        inputs: A batch `(n, ...)`; not needed by every proxy.
        targets: Targets `(n, ...)` of the inputs; not needed by every proxy.
        names: Specifications of proxies; `"proxies"` stands for all.

    Returns:
        Scores by specification.

    Raises:
        InputError: A name is unknown or not of a proxy, or a proxy does not apply to the network, task or batch.
    """
    from nasbench.measures import measures

    scores = {}
    for name in (member for spec in names for member in measures.groups.get(spec, (spec,))):
        proxy = measures.create(name)
        if not isinstance(proxy, Proxy):
            raise InputError(f"the measure {name!r} is not a zero-cost proxy")
        scores[name] = proxy.score(network, task, inputs, targets)
    return scores


__all__ = ["Needs", "Proxy", "proxy_scores"]

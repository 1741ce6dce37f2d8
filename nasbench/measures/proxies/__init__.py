"""Zero-cost proxies: numbers of a network before any training that rank networks as training would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nasbench.measures.proxies.base import Needs, Proxy
from nasbench.registry import Registry

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

proxies: Registry[Proxy] = Registry(
    "proxy",
    "nasbench.measures.proxies.base:Proxy",
    {
        "synflow": "nasbench.measures.proxies.synflow:SynFlow",
        "snip": "nasbench.measures.proxies.snip:SNIP",
        "grasp": "nasbench.measures.proxies.grasp:GraSP",
        "fisher": "nasbench.measures.proxies.fisher:Fisher",
        "jacov": "nasbench.measures.proxies.jacov:JacobianCovariance",
        "naswot": "nasbench.measures.proxies.naswot:NASWOT",
        "zen": "nasbench.measures.proxies.zen:Zen",
        "grad_norm": "nasbench.measures.proxies.grad_norm:GradientNorm",
        "l2_norm": "nasbench.measures.proxies.l2_norm:WeightNorm",
        "params": "nasbench.measures.proxies.params:Parameters",
        "flops": "nasbench.measures.proxies.flops:FLOPs",
    },
)


def measure(
    network: torch.nn.Module,
    task: Task,
    inputs: torch.Tensor | None = None,
    targets: torch.Tensor | None = None,
    names: Iterable[str] = tuple(proxies),
) -> dict[str, float]:
    """Several proxies of one network, by the specification that names each; see `Proxy.__call__`.

    Raises:
        InputError: A name is unknown, or a proxy does not apply to the network, the task or what is passed.
    """
    return {name: proxies.create(name)(network, task, inputs, targets) for name in names}


__all__ = ["Needs", "Proxy", "measure", "proxies"]

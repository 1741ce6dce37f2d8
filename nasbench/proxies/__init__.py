"""Zero-cost proxies: numbers of a network before any training that rank networks as training would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from nasbench.proxies.base import Needs, Proxy
from nasbench.registry import Registry

if TYPE_CHECKING:
    import torch

    from nasbench.tasks import Task

proxies: Registry[Proxy] = Registry(
    "proxy",
    "nasbench.proxies.base:Proxy",
    {
        "synflow": "nasbench.proxies.synflow:SynFlow",
        "snip": "nasbench.proxies.snip:SNIP",
        "grasp": "nasbench.proxies.grasp:GraSP",
        "fisher": "nasbench.proxies.fisher:Fisher",
        "jacov": "nasbench.proxies.jacov:JacobianCovariance",
        "naswot": "nasbench.proxies.naswot:NASWOT",
        "zen": "nasbench.proxies.zen:Zen",
        "grad_norm": "nasbench.proxies.grad_norm:GradientNorm",
        "l2_norm": "nasbench.proxies.l2_norm:WeightNorm",
        "params": "nasbench.proxies.params:Parameters",
        "flops": "nasbench.proxies.flops:FLOPs",
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

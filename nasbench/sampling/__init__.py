"""Samplers: which architectures of a space a table is made of; a new one is one file here and one line below."""

from nasbench.registry import Registry
from nasbench.sampling.base import Sampler

__all__ = ["Sampler", "samplers"]

samplers: Registry[Sampler] = Registry(
    "sampler",
    "nasbench.sampling.base:Sampler",
    {
        "draws": "nasbench.sampling.draws:Draws",
        "classes": "nasbench.sampling.classes:Classes",
        "cost": "nasbench.sampling.cost:CostStrata",
        "exhaustive": "nasbench.sampling.exhaustive:Exhaustive",
        "list": "nasbench.sampling.listed:Listed",
        "active": "nasbench.sampling.active:Active",
    },
)

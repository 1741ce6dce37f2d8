"""Samplers choose the architectures of a table; a new one is one file here and one line below."""

from nasbench.registry import Registry
from nasbench.sampling.base import Sampler

__all__ = ["Sampler", "current_name", "samplers"]

samplers: Registry[Sampler] = Registry(
    "sampler",
    "nasbench.sampling.base:Sampler",
    {
        "random": "nasbench.sampling.random:Random",
        "unique": "nasbench.sampling.unique:Unique",
        "cost": "nasbench.sampling.cost:CostStrata",
        "exhaustive": "nasbench.sampling.exhaustive:Exhaustive",
        "list": "nasbench.sampling.listed:Listed",
        "active": "nasbench.sampling.active:Active",
    },
)
FORMER_NAMES = {"draws": "random", "classes": "unique"}
"""Names of samplers in the recipes of older tables."""


def current_name(specification: str) -> str:
    """The specification of a sampler, with its current name in place of a former one.

    >>> current_name("classes+by=key")
    'unique+by=key'
    """
    name, plus, arguments = specification.partition("+")
    return FORMER_NAMES.get(name, name) + plus + arguments

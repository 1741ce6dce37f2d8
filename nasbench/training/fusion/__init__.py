"""Many networks trained as one: operations of the same kind run as one operation on values side by side."""

from nasbench.training.fusion.network import FusedNetwork
from nasbench.training.fusion.operations import Unfusable

__all__ = ["FusedNetwork", "Unfusable"]

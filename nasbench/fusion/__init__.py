"""Many networks trained as one: operations of the same kind run as one operation on values side by side."""

from nasbench.fusion.network import FusedNetwork
from nasbench.fusion.operations import Unfusable

__all__ = ["FusedNetwork", "Unfusable"]

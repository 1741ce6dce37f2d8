"""Many networks trained as one: equal operations run as one call on values side by side."""

from nasbench.training.fusion.network import FusedNetwork
from nasbench.training.fusion.operations import Unfusable

__all__ = ["FusedNetwork", "Unfusable"]

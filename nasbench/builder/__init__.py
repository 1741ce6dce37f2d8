"""Building benchmarks: cells of a space are chosen, trained and measured, and become a table."""

from nasbench.builder.builder import build
from nasbench.builder.settings import BuildSettings
from nasbench.spaces import NetworkSettings
from nasbench.training.settings import TrainSettings

__all__ = ["BuildSettings", "NetworkSettings", "TrainSettings", "build"]

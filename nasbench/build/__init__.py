"""Building benchmarks: cells of a space are chosen, trained and measured, and become a table."""

from nasbench.build.builder import build
from nasbench.build.settings import BuildSettings
from nasbench.spaces import NetworkSettings
from nasbench.train import TrainSettings

__all__ = ["BuildSettings", "NetworkSettings", "TrainSettings", "build"]

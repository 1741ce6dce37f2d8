"""Build benchmarks: choose, train and measure cells of a space, and write a table."""

from nasbench.builder.builder import build
from nasbench.builder.settings import BuildSettings
from nasbench.spaces import NetworkSettings
from nasbench.training.settings import TrainSettings

__all__ = ["BuildSettings", "NetworkSettings", "TrainSettings", "build"]

"""Benchmarking suite for search strategies and performance predictors in neural architecture search."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasbench.benchmark.load import load

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    if name == "load":
        from nasbench.benchmark.load import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Where the jobs of a command run: this machine or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.parallel.jobs import Cluster


def cluster_of(engine: str, address: str | None, jobs: int | None, patience: float | None) -> Cluster | None:
    """The cluster for the options `--engine`, `--address` and `--jobs`; None for this machine."""
    if engine == "local":
        if address is not None:
            raise InputError("--address needs the engine ray; add --engine ray")
        return None
    if patience is not None:
        raise InputError("--patience ends processes of this machine; leave it out with --engine ray")
    from nasbench.parallel.ray_engine import RayEngine

    return RayEngine(address, jobs)

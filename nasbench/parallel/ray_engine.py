"""The machines of a Ray cluster run the work of a build; the driver keeps the ledger."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Generator, Sequence
from typing import Any

import torch

from nasbench.errors import InputError, MissingExtraError, NasbenchError
from nasbench.parallel.devices import pick_device
from nasbench.parallel.engine import Engine, Result, Task
from nasbench.parallel.processes import Died

NODE_LOSSES = 3
"""How many machines or processes a task may lose before it counts as having died of itself."""


class RayEngine(Engine):
    """Ray tasks (Moritz et al., OSDI 2018), each on one processor, or on a GPU or part of one.

    A task whose machine disappears runs again on another. Each machine needs nasbench and the data sets.

    Args:
        address: Of the cluster, as `ray.init` takes it ("auto", "ray://host:10001"); None starts Ray on this machine.
        jobs: Tasks at a time; what the cluster has room for if None.
        gpus: GPUs of a task, which may be a fraction so that several share one; 0 trains on processors.
    """

    def __init__(self, address: str | None = None, jobs: int | None = None, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("the engine ray needs Ray: pip install 'nasbench[ray]'") from error
        if gpus > 1 and gpus != int(gpus):
            raise InputError(f"gpus of a task is a fraction of one, or a whole number, got {gpus}")
        self.gpus = gpus
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else each start warns of its future default
        if not ray.is_initialized():
            local: dict[str, Any] = {} if address else {"num_cpus": jobs, "include_dashboard": False}
            try:
                ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, **local)
            except (ConnectionError, RuntimeError, ValueError) as error:
                reason = " ".join(str(error).split())
                raise NasbenchError(
                    f"no Ray cluster at {address!r}: {reason[:200]}; start one with ray start"
                ) from error
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        if gpus and resources.get("GPU", 0) < gpus:
            raise InputError(f"a task wants {gpus} GPUs, but the cluster has {resources.get('GPU', 0):.0f}")
        room = resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 1)
        self.jobs = max(1, int(min(room, jobs or room)))

    def device(self, name: str) -> torch.device:
        """That of a task, which Ray chooses: with GPUs the first of those that it sees."""
        if self.gpus and name in ("auto", "cuda"):
            return torch.device("cuda:0")
        if self.gpus or name not in ("auto", "cpu"):
            raise InputError(f"with the engine ray say --gpus for a GPU, and no device; got {name!r}, gpus {self.gpus}")
        return pick_device("cpu")

    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """As many at a time as there is room for."""
        import ray

        remote = ray.remote(num_cpus=0 if self.gpus else 1, num_gpus=self.gpus, max_retries=NODE_LOSSES)(_work)
        shared, token = ray.put(start), uuid.uuid4().hex
        waiting = list(reversed(tasks))
        running: dict[Any, Task] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.jobs:
                    task = waiting.pop()
                    running[remote.remote(token, shared, task)] = task
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                task = running.pop(done)
                result: Result | Died
                try:
                    result = ray.get(done)
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
                    result = Died(f"process died on the cluster ({type(error).__name__})")
                except ray.exceptions.OutOfMemoryError:
                    result = Died("process was stopped by Ray for want of memory")
                except ray.exceptions.RayError as error:
                    reason = str(error).strip().rpartition("\n")[2][:200]
                    raise NasbenchError(
                        f"a task failed on the cluster: {reason}; each machine needs nasbench and the data sets"
                    ) from error
                yield task, result
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


_started: dict[str, Callable[[Any], Any]] = {}


def _work(token: str, start: Callable[[], Callable[[Any], Any]], task: Any) -> Any:
    """Run a task in a process of the cluster, which starts once for all tasks of a call."""
    if token not in _started:
        _started.clear()
        _started[token] = start()
    return _started[token](task)

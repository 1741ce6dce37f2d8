"""Engine on a Ray cluster (Moritz et al., OSDI 2018); the driver keeps the ledger."""

from __future__ import annotations

import logging
import os
import uuid
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence, Sized
from typing import Any

import torch

from nasbench.errors import InputError, MissingExtraError, NasbenchError
from nasbench.parallel.engine import Engine
from nasbench.parallel.processes import Died, Result, Task
from nasbench.stopping import handlers_kept

MAX_NODE_LOSSES = 3
"""Lost machines or processes of a task before it counts as the cause of their death."""
GROUP_VARIABLE = "NASBENCH_GROUP"
"""Environment variable of processes that serve one group of tasks."""


class RayEngine(Engine):
    """Ray tasks, each on one CPU core, or on a GPU or a fraction of one.

    A task whose machine disappears restarts on another. Each machine needs nasbench and the data sets.

    Args:
        address: Address of the cluster for `ray.init` ("auto", "ray://host:10001"); None starts Ray on this machine.
        jobs: Number of tasks at the same time; None fills the cluster.
        gpus: GPUs per task; with a fraction, several tasks share one. 0 trains on CPU cores.
    """

    def __init__(self, address: str | None = None, jobs: int | None = None, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise MissingExtraError("the engine ray needs Ray: pip install 'nasbench[ray]'") from error
        if gpus > 1 and gpus != int(gpus):
            raise InputError(f"gpus per task is a fraction of one, or a whole number, got {gpus}")
        self.gpus, self.device = gpus, torch.device("cuda:0" if gpus else "cpu")  # the first that Ray assigns to a task
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray warns about its future default otherwise
        if not ray.is_initialized():
            local: dict[str, Any] = {} if address else {"num_cpus": jobs, "include_dashboard": False}
            try:
                with handlers_kept():  # Ray would take SIGTERM
                    ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, **local)
            except (ConnectionError, RuntimeError, ValueError) as error:
                reason = " ".join(str(error).split())
                raise NasbenchError(
                    f"no Ray cluster at {address!r}: {reason[:200]}; start one with ray start"
                ) from error
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        if gpus and resources.get("GPU", 0) < gpus:
            raise InputError(f"a task needs {gpus} GPUs, but the cluster has {resources.get('GPU', 0):.0f}")
        capacity = resources.get("GPU", 0) / gpus if gpus else resources.get("CPU", 1)
        self.jobs = max(1, int(min(capacity, jobs or capacity)))

    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Run up to `jobs` tasks at the same time."""
        return self.run_groups({"": start}, tasks, group=lambda task: "")

    def run_groups(
        self,
        starts: Mapping[str, Callable[[], Callable[[Task], Result]]],
        tasks: Sequence[Task],
        *,
        group: Callable[[Task], str],
        ends: Callable[[Result | Died], bool] = lambda result: False,
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Run tasks and yield each with its result; no process of the cluster serves two groups.

        Args:
            starts: By group, what is called once in each of its processes; returns the function that runs a task.
            tasks: Tasks that can be sent to other machines; those of a group begin in their order.
            group: The group of a task.
            ends: Whether a result ends its group: tasks of it that have not begun are left out.
        """
        import ray

        remotes, shared, call = {}, {of: ray.put(start) for of, start in starts.items()}, uuid.uuid4().hex
        for number, of in enumerate(starts):
            # Ray keeps processes of different environments apart, so this is what separates groups.
            environment = {"env_vars": {GROUP_VARIABLE: f"{call}-{number}"}} if len(starts) > 1 else {}
            remotes[of] = ray.remote(
                num_cpus=0 if self.gpus else 1,
                num_gpus=self.gpus,
                max_retries=MAX_NODE_LOSSES,
                runtime_env=environment,
            )(_work)
        waiting: dict[str, deque[Task]] = {of: deque() for of in starts}
        for task in tasks:
            waiting[group(task)].append(task)
        running: dict[Any, Task] = {}
        idle = ""  # the group whose process has nothing to do
        try:
            while any(waiting.values()) or running:
                while any(waiting.values()) and len(running) < self.jobs:
                    of = idle if waiting.get(idle) else _neediest(waiting, [group(task) for task in running.values()])
                    task, idle = waiting[of].popleft(), ""
                    running[remotes[of].remote(f"{call} {of}", shared[of], task)] = task
                (done, *_), _ = ray.wait(list(running), num_returns=1)
                task = running.pop(done)
                result: Result | Died
                try:
                    result = ray.get(done)
                except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError) as error:
                    result = Died(f"process died on the cluster ({type(error).__name__})")
                except ray.exceptions.OutOfMemoryError:
                    result = Died("process was stopped by Ray because memory ran out")
                except ray.exceptions.RayError as error:
                    reason = str(error).strip().rpartition("\n")[2][:200]
                    raise NasbenchError(
                        f"a task failed on the cluster: {reason}; each machine needs nasbench and the data sets"
                    ) from error
                idle = group(task)
                if ends(result):
                    waiting[idle].clear()
                yield task, result
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _neediest(waiting: Mapping[str, Sized], running: Sequence[str]) -> str:
    """The group with most tasks that wait, less those that run."""
    return max((of for of in waiting if waiting[of]), key=lambda of: len(waiting[of]) - running.count(of))


_started: dict[str, Callable[[Any], Any]] = {}


def _work(token: str, start: Callable[[], Callable[[Any], Any]], task: Any) -> Any:
    """Run a task in a process of the cluster, after one start for all tasks of a group of a call."""
    if token not in _started:
        _started.clear()
        _started[token] = start()
    return _started[token](task)

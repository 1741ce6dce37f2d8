"""Engines run the tasks of a build: in processes of this machine, or on a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing

import torch

from nasbench.errors import InputError
from nasbench.parallel.devices import pick_device
from nasbench.parallel.local import run_locally
from nasbench.parallel.processes import Died, Result, Task


class Engine(ABC):
    """Runs tasks in parallel processes."""

    jobs: int
    """Number of tasks that run at the same time."""
    device: torch.device
    """The torch device of each process."""

    @abstractmethod
    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Run tasks and yield each (the same object) with its result, in order of completion.

        Args:
            start: Called once in each process; returns the function that runs a task. Picklable; neither should raise.
            tasks: Picklable tasks.
        """


class LocalEngine(Engine):
    """Single-threaded processes of this machine; with one job, and on CUDA, the calling process.

    Args:
        jobs: Number of processes.
        device: Name of a device, as `pick_device` takes it.

    Raises:
        InputError: The number is below 1, or this machine has no such device.
    """

    def __init__(self, jobs: int = 1, device: str = "auto") -> None:
        if jobs < 1:
            raise InputError(f"jobs must be at least 1, got {jobs}")
        self.device = pick_device(device)
        self.jobs = 1 if self.device.type == "cuda" else jobs

    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Each process runs one task at a time; if one of several dies, only its task is lost."""
        with closing(run_locally({"": start}, tasks, self.jobs, group=lambda task: "", attempts=1)) as results:
            yield from results

"""What runs the work of a build: the processes of this machine, or those of a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from typing import TypeVar

import torch

from nasbench.errors import InputError
from nasbench.parallel.devices import pick_device
from nasbench.parallel.processes import Died, run_tasks
from nasbench.parallel.threads import single_threaded

Task = TypeVar("Task")
Result = TypeVar("Result")


class Engine(ABC):
    """Runs tasks somewhere."""

    jobs: int
    """How many tasks it runs at a time."""

    @abstractmethod
    def device(self, name: str) -> torch.device:
        """The device of each worker that a name stands for.

        Raises:
            InputError: There is no such device.
        """

    @abstractmethod
    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Run tasks and yield each, the same object, with its result, in the order in which they finish.

        Args:
            start: Called once in each process; returns what runs a task. Picklable; neither is expected to raise.
            tasks: Picklable.
        """


class LocalEngine(Engine):
    """Processes of this machine, each on one thread; with one job, the calling process."""

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise InputError(f"jobs must be at least 1, got {jobs}")
        self.jobs = jobs

    def device(self, name: str) -> torch.device:
        """A device of this machine; with one of CUDA, the calling process does all work."""
        device = pick_device(name)
        if device.type == "cuda":
            self.jobs = 1
        return device

    def run(
        self, start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task]
    ) -> Generator[tuple[Task, Result | Died], None, None]:
        """Each process runs one task at a time; the death of one costs its task."""
        if self.jobs == 1:
            with single_threaded():
                work = start()
                yield from ((task, work(task)) for task in tasks)
        else:
            with closing(run_tasks(start, tasks, self.jobs, attempts=1)) as results:
                yield from results

"""A pool of processes that each run one task at a time, so a process that dies costs only its task."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, TypeVar

from nasbench.errors import NasbenchError

Task = TypeVar("Task")
Result = TypeVar("Result")

STARTED, READY = "started", "ready"
"""What a process says before it is sent its work, and before its first task."""


class Died(Exception):
    """The processes that ran a task died without a result; the message says how."""


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    task: int | None = None


def cores() -> int:
    """Number of cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def portable(*components: object) -> bool:
    """Whether other processes can have components: classes that they can import, and settings that can be sent."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is not None and not Path(script).exists():
        return False  # a script from standard input, which processes would look for as a file
    for component in components:
        try:
            sent = bytes(ForkingPickler.dumps(component))
        except Exception:  # a class inside a function, a lambda, an open file: whatever refuses, it cannot be sent
            return False
        if script is None and b"__main__" in sent:
            return False  # typed into a session
    return True


def run_tasks(
    start: Callable[[], Callable[[Task], Result]], tasks: Sequence[Task], jobs: int, attempts: int = 2
) -> Generator[tuple[Task, Result | Died], None, None]:
    """Run tasks in spawned processes and yield each with its result, in order of completion.

    Close the generator (`contextlib.closing`) to stop the processes at once. They ignore Ctrl-C, which the caller
    handles, and exit with the calling process.

    Args:
        start: Called once in each process; returns the function that runs a task. Picklable; neither should raise.
        tasks: Picklable tasks.
        jobs: Number of processes.
        attempts: Number of processes that may die of a task before its result is `Died`.

    Raises:
        NasbenchError: A process died before it was ready for its first task.
    """
    waiting = deque(range(len(tasks)))
    deaths = [0] * len(tasks)
    unfinished = len(tasks)
    pool: dict[Connection, _Worker] = {}
    try:
        while unfinished:
            while len(pool) < min(jobs, unfinished):
                worker = _spawn()
                pool[worker.pipe] = worker
            for worker in pool.values():
                if worker.ready and worker.task is None and waiting:
                    worker.task = waiting.popleft()
                    with suppress(BrokenPipeError):  # a dead process is noticed below
                        worker.pipe.send(tasks[worker.task])
            for pipe in connection.wait(list(pool)):
                assert isinstance(pipe, Connection)
                worker = pool[pipe]
                result: Any
                try:
                    result = pipe.recv()
                except (EOFError, OSError):  # OSError: it died while sending
                    del pool[pipe]
                    cause = _cause_of_death(worker)
                    if worker.task is None:
                        continue
                    deaths[worker.task] += 1
                    if deaths[worker.task] < attempts:
                        waiting.append(worker.task)
                        continue
                    repeated = f", at each of {attempts} attempts" if attempts > 1 else ""
                    result = Died(f"its process {cause}{repeated}")
                if not worker.ready:
                    worker.ready = result == READY
                    if not worker.ready:
                        with suppress(BrokenPipeError):
                            pipe.send(start)
                    continue
                assert worker.task is not None
                task, worker.task = worker.task, None
                unfinished -= 1
                yield tasks[task], result
    finally:
        for worker in pool.values():
            worker.process.kill()
        for worker in pool.values():
            worker.process.join()
            worker.pipe.close()


def _cause_of_death(worker: _Worker) -> str:
    worker.process.join()
    worker.pipe.close()
    code = worker.process.exitcode or 0
    cause = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    if not worker.ready:
        raise NasbenchError(
            f"a worker process {cause} while it started (its own message is above); "
            "in a script, work under if __name__ == '__main__', or use one process"
        )
    return cause


def _spawn() -> _Worker:
    """A process that has been sent little: what is sent before it reads would wait for ever if it died."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    resource_tracker.ensure_running()  # it unblocks SIGINT when it starts, so before the block below
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _found_first():
            process.start()  # inherits the mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _found_first() -> Iterator[None]:
    """Let processes import this package even where another `nasbench` lies in a folder of the path."""
    home = Path(__file__).parents[1]
    found = PathFinder.find_spec(home.name)
    shadowed = found is not None and (found.origin is None or Path(found.origin).parent != home)
    before = list(sys.path)
    if shadowed:
        sys.path.insert(0, str(home.parent))
    try:
        yield
    finally:
        sys.path[:] = before


def _serve(pipe: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe.send(STARTED)
    run = pipe.recv()()
    pipe.send(READY)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(run(task))


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

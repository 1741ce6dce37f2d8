"""A pool of processes that each run one task at a time, so a process that dies costs only its task."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.machinery import PathFinder
from multiprocessing import connection, current_process, get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar, cast

from nasbench.errors import NasbenchError
from nasbench.parallel.patience import Step, note_steps
from nasbench.stopping import SIGNALS

Group = TypeVar("Group", bound=Hashable)
Task = TypeVar("Task")
Result = TypeVar("Result")

STARTED, READY = "started", "ready"
"""What a process says before it is sent its work, and before its first task."""


class Died(Exception):
    """The processes that ran a task died without a result; the message says how."""


class Overrun(Died):
    """The process that ran a task was ended, as a step of the task took too long."""


@dataclass(eq=False)
class _Worker(Generic[Group]):
    process: SpawnProcess
    pipe: Connection
    group: Group
    step: Step | None
    ready: bool = False
    task: int | None = None

    @property
    def begun(self) -> float:
        """When its step began; 0 between steps, and where nobody limits their time."""
        return self.step.begun if self.step else 0.0


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
    starts: Mapping[Group, Callable[[], Callable[[Task], Result]]],
    tasks: Sequence[Task],
    jobs: int,
    *,
    group: Callable[[Task], Group],
    attempts: int = 2,
    ends: Callable[[Result | Died], bool] = lambda result: False,
    patience: float | None = None,
) -> Generator[tuple[Task, Result | Died], None, None]:
    """Run tasks in spawned processes and yield each with its result, in order of completion.

    No process runs tasks of two groups, so no code of one can change what another does. Tasks of a group begin in
    their order.

    Close the generator (`contextlib.closing`) to stop the processes at once. They ignore Ctrl-C, which the caller
    handles, and exit with the calling process.

    Args:
        starts: By group, what is called once in each of its processes; returns the function that runs a task.
            Picklable; neither should raise.
        tasks: Picklable tasks.
        jobs: Number of processes at the same time.
        group: The group of a task.
        attempts: Number of processes that may die of a task before its result is `Died`.
        ends: Whether a result ends its group: tasks that come after it are left out.
        patience: Seconds that a step of a task may take (`nasbench.parallel.patience.watched`) before its process is
            killed; then the result is `Overrun`, at the first attempt.

    Raises:
        NasbenchError: A process died before it was ready for its first task.
    """
    waiting: dict[Group, deque[int]] = {of: deque() for of in starts}
    for number, task in enumerate(tasks):
        waiting[group(task)].append(number)
    deaths = [0] * len(tasks)
    with closing(_Pool(starts, jobs, patience)) as pool:
        while any(waiting.values()) or pool.busy:
            pool.staff({of: len(numbers) for of, numbers in waiting.items()})
            for worker in pool.idle:
                if waiting[worker.group]:
                    worker.task = waiting[worker.group].popleft()
                    with suppress(BrokenPipeError):  # a dead process is noticed below
                        worker.pipe.send(tasks[worker.task])
            for of, number, result in pool.results():
                if isinstance(result, Died) and not isinstance(result, Overrun):
                    deaths[number] += 1
                    if deaths[number] < attempts:
                        waiting[of].appendleft(number)
                        continue
                    repeated = f", at each of {attempts} attempts" if attempts > 1 else ""
                    result = Died(f"{result}{repeated}")
                if ends(result):
                    waiting[of] = deque(other for other in waiting[of] if other < number)
                yield tasks[number], result


class _Pool(Generic[Group]):
    """Processes that each serve one group of tasks."""

    def __init__(
        self, starts: Mapping[Group, Callable[[], Callable[[Any], Any]]], jobs: int, patience: float | None
    ) -> None:
        self.starts, self.jobs, self.patience = starts, jobs, patience
        self.workers: dict[Connection, _Worker[Group]] = {}
        self.resumed = 0.0
        """When this process was seen to go on after a stop (Ctrl-Z), which is no fault of a step."""

    @property
    def busy(self) -> bool:
        return any(worker.task is not None for worker in self.workers.values())

    @property
    def idle(self) -> list[_Worker[Group]]:
        return [worker for worker in self.workers.values() if worker.ready and worker.task is None]

    def staff(self, waiting: Mapping[Group, int]) -> None:
        """End processes of groups that have no task waiting; start others where most tasks wait for one."""
        free = [worker for worker in self.workers.values() if worker.task is None]
        needs = {of: number - sum(worker.group == of for worker in free) for of, number in waiting.items()}
        for worker in free:
            if not waiting[worker.group]:
                self._end(worker)
        while len(self.workers) < self.jobs and max(needs.values(), default=0) > 0:
            of = max(needs, key=needs.__getitem__)
            needs[of] -= 1
            worker = _spawn(of, noting=self.patience is not None)
            self.workers[worker.pipe] = worker

    def results(self) -> Iterator[tuple[Group, int, Any]]:
        """Wait for a message or the end of the patience; yield group, number and result of each task that is over."""
        before, allowed = monotonic(), self._allowed()
        heard = [self.workers[cast(Connection, pipe)] for pipe in connection.wait(list(self.workers), allowed)]
        now = monotonic()
        if allowed is not None and now - before > allowed + 1:
            self.resumed = now
        late = [worker for worker in self.workers.values() if worker not in heard and self._left(worker, now) <= 0]
        for worker in heard:
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):  # OSError: it died while sending
                message = Died(f"its process {_cause_of_death(worker)}")
                self._end(worker)
            if isinstance(message, Died) or worker.ready:
                if worker.task is not None:
                    number, worker.task = worker.task, None
                    yield worker.group, number, message
            elif message == READY:
                worker.ready = True
            else:
                with suppress(BrokenPipeError):
                    worker.pipe.send(self.starts[worker.group])
        for worker in late:
            assert worker.step is not None and worker.task is not None
            what = worker.step.what.decode("ascii")
            self._end(worker)
            yield worker.group, worker.task, Overrun(f"no {what} within {self.patience:g} s (--patience)")

    def close(self) -> None:
        """Kill all processes."""
        for worker in self.workers.values():
            worker.process.kill()
        for worker in list(self.workers.values()):
            self._end(worker)

    def _end(self, worker: _Worker[Group]) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        del self.workers[worker.pipe]

    def _allowed(self) -> float | None:
        """Seconds until a step may have taken too long; None if there is no limit."""
        if self.patience is None:
            return None
        now = monotonic()
        return max(0.0, min(self._left(worker, now) for worker in self.workers.values()))

    def _left(self, worker: _Worker[Group], now: float) -> float:
        """Seconds that are left to the step of a process, or would be if one began now."""
        if self.patience is None:
            return math.inf
        begun = worker.begun  # once, as its process changes it
        return (max(begun, self.resumed) if begun else now) + self.patience - now


def cause_of_death(process: SpawnProcess) -> str:
    """How a process ended, once it does."""
    process.join()
    code = process.exitcode or 0
    names = {known.value: known.name for known in signal.Signals}  # most real-time signals have none
    return f"was killed by {names.get(-code, f'signal {-code}')}" if code < 0 else f"ended with exit code {code}"


def _cause_of_death(worker: _Worker[Any]) -> str:
    cause = cause_of_death(worker.process)
    if not worker.ready:
        raise NasbenchError(
            f"a worker process {cause} while it started (its own message is above); "
            "in a script, work under if __name__ == '__main__', or use one process"
        )
    return cause


def _spawn(group: Group, noting: bool) -> _Worker[Group]:
    """A process that has been sent little: what is sent before it reads would wait for ever if it died."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    step = context.RawValue(Step) if noting else None
    process = started(_serve, theirs, step)
    theirs.close()
    return _Worker(process, ours, group, step)


def started(target: Callable[..., None], *arguments: Any) -> SpawnProcess:
    """A new process that runs a function, which calls `settle` first; it ends with this one."""
    current_process().daemon = False  # a process of a pool may have one of its own, which ends with it
    process = get_context("spawn").Process(target=target, args=arguments, daemon=True)
    resource_tracker.ensure_running()  # it unblocks SIGINT when it starts, so before the block below
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # a process that starts must be told all it waits for
    try:
        with _found_first():
            process.start()  # inherits the mask
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    return process


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


def _serve(pipe: Connection, step: Step | None) -> None:
    settle()
    note_steps(step)
    own = os.getpid()
    pipe.send(STARTED)
    run = pipe.recv()()
    pipe.send(READY)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        result = run(task)
        end_copies(own)
        pipe.send(result)


def settle() -> None:
    """Let a process that `started` began ignore Ctrl-C, obey other signals, and end with its parent."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*SIGNALS} - {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()


def end_copies(own: int) -> None:
    """End this process if it is no longer the one with that number: somebody's code forked it, and it came back."""
    if os.getpid() != own:
        os._exit(1)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

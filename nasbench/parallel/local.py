"""Tasks on this machine, each on one thread: in this process, or in several."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing

from nasbench.parallel.processes import Died, Group, Result, Task, end_copies, run_tasks
from nasbench.parallel.threads import single_threaded


def run_locally(
    starts: Mapping[Group, Callable[[], Callable[[Task], Result]]],
    tasks: Sequence[Task],
    processes: int,
    *,
    group: Callable[[Task], Group],
    attempts: int = 2,
    ends: Callable[[Result | Died], bool] = lambda result: False,
    patience: float | None = None,
    apart: bool = False,
) -> Generator[tuple[Task, Result | Died], None, None]:
    """Run tasks and yield each with its result: with one process and no patience in this one, in their order.

    `apart` keeps them out of this process in any case.

    This process cannot end a step that takes too long, nor survive a task that ends it (`os._exit`, a crash), and all
    groups share it. Otherwise as `run_tasks`, whose arguments these are; close the generator to stop at once.
    """
    with single_threaded():
        if processes == 1 and patience is None and not apart:
            yield from _run_here(starts, tasks, group, ends)
        else:
            pool = run_tasks(starts, tasks, processes, group=group, attempts=attempts, ends=ends, patience=patience)
            with closing(pool) as results:
                yield from results


def _run_here(
    starts: Mapping[Group, Callable[[], Callable[[Task], Result]]],
    tasks: Sequence[Task],
    group: Callable[[Task], Group],
    ends: Callable[[Result | Died], bool],
) -> Generator[tuple[Task, Result | Died], None, None]:
    own = os.getpid()
    run: dict[Group, Callable[[Task], Result]] = {}
    ended: set[Group] = set()
    for task in tasks:
        of = group(task)
        if of in ended:
            continue
        if of not in run:
            run[of] = starts[of]()
        result = run[of](task)
        end_copies(own)
        if ends(result):
            ended.add(of)
        yield task, result

"""Jobs that run anybody's code: in this process or in several, with errors that say which job failed and where."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from nasbench.errors import InputError, NasbenchError, described
from nasbench.parallel.local import run_locally
from nasbench.parallel.processes import Died, portable
from nasbench.parallel.threads import single_threaded
from nasbench.progress import Progress, silent

Job = TypeVar("Job", bound=Hashable)
Result = TypeVar("Result")
Task = TypeVar("Task")
Outcome = TypeVar("Outcome")


class Failure(NamedTuple):
    """Why a job has no result, in one line."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class Cluster(Protocol):
    """What runs groups of jobs elsewhere, as `nasbench.parallel.ray_engine.RayEngine` does."""

    jobs: int
    """Number of jobs that run at the same time."""

    def run_groups(
        self,
        starts: Mapping[str, Callable[[], Callable[[Task], Outcome]]],
        tasks: Sequence[Task],
        *,
        group: Callable[[Task], str],
        ends: Callable[[Outcome | Died], bool],
    ) -> Generator[tuple[Task, Outcome | Died], None, None]:
        """Run jobs and yield each with its result; no process serves two groups, and `ends` ends one."""


def processes_for(
    components: Mapping[str, object], wanted: int, patience: float | None, other: str | None = None
) -> int:
    """Number of processes for jobs that need components: one where others could not have them, else those wanted.

    Args:
        components: By kind and name, as "strategy 'local'".
        wanted: Number of processes.
        patience: That of the jobs.
        other: What else needs another process, as "a guard"; or None.

    Raises:
        InputError: Others could not have one, and a patience or something else needs another process.
    """
    needs = other if patience is None else "a patience"
    kept = [name for name, component in components.items() if not portable(component)]
    if kept and needs is not None:
        raise InputError(
            f"{needs} needs another process, which cannot be sent the {kept[0]}; put its class, and "
            "functions that it is given, into a module, or a script into a file"
        )
    return 1 if kept else wanted


def run_jobs(
    prepare: Mapping[str, Callable[[], Callable[[Job], Result]]],
    jobs: Sequence[Job],
    processes: int,
    *,
    component: Callable[[Job], str],
    describe: Callable[[Job], str],
    patience: float | None = None,
    apart: bool = False,
    strict: bool = True,
    progress: Progress = silent,
    finished: Callable[[Job, Result], None] = lambda job, result: None,
    warn: Callable[[str], None] = lambda reason: None,
    known: Mapping[Job, Result] | None = None,
    cluster: Cluster | None = None,
) -> tuple[dict[Job, Result], dict[str, str]]:
    """Results of jobs, each on one thread, and by component why it failed; neither depends on the number of processes.

    A job fails by an error of whatever kind, by `sys.exit`, by a step that takes longer than the patience, or by the
    death of its process. After a failure, the later jobs of the component are left out, so the reason that is given is
    its first in the order of the jobs. With several processes or a patience, each process runs the jobs of one
    component only. With one process and no patience, jobs run in this one: what ends it (`os._exit`, a crash) ends all.

    Args:
        prepare: By component, what is called once in each process that runs its jobs; returns what runs a job.
            Picklable where jobs run in other processes.
        jobs: Hashable, all different; picklable where they run in other processes.
        processes: Number of processes at the same time.
        component: The component whose code a job runs.
        describe: Names a job in messages.
        patience: Seconds that a step of a job may take, see `nasbench.parallel.patience.watched`; None for no limit.
        apart: Whether no job may run in this process, even where there is one only.
        strict: Raise the first failure instead of returning it.
        progress: Told the number of finished and of all jobs.
        finished: Told every result as soon as it is there, in order of completion.
        warn: Told the first failure of a component as soon as it is known.
        known: Results of jobs that are not run again.
        cluster: Runs the jobs instead of processes of this machine; it has no patience.

    Raises:
        InputError: A job failed, and `strict` is true, or all components did.
    """
    results: dict[Job, Result] = {job: known[job] for job in jobs if job in known} if known else {}
    failed: dict[Job, str] = {}
    progress(len(results), len(jobs))
    starts = {name: partial(_guarded, start) for name, start in prepare.items()}
    left = [job for job in jobs if job not in results]
    if cluster is not None:
        alone = {name: partial(_on_one_thread, start) for name, start in starts.items()}
        outcomes = cluster.run_groups(alone, left, group=component, ends=_failed)
    else:
        outcomes = run_locally(starts, left, processes, group=component, ends=_failed, patience=patience, apart=apart)
    with closing(outcomes):
        for job, outcome in outcomes:
            if isinstance(outcome, Died | Failure):
                first = component(job) not in map(component, failed)
                failed[job] = f"{describe(job)}: {outcome}"
                if strict:
                    raise InputError(failed[job])
                if first:
                    warn(failed[job])
            else:
                results[job] = outcome
                finished(job, outcome)
            progress(len(results) + len(failed), len(jobs))
    if len(results) + len(failed) < len(jobs):
        progress(len(jobs), len(jobs))  # what was left out is done too
    reasons: dict[str, str] = {}
    for job in jobs:
        if job in failed:
            reasons.setdefault(component(job), failed[job])
    if failed and not results:
        raise InputError(next(iter(reasons.values())))
    return results, reasons


def _failed(outcome: object) -> bool:
    return isinstance(outcome, Died | Failure)


def _guarded(prepare: Callable[[], Callable[[Job], Result]]) -> Callable[[Job], Result | Failure]:
    return partial(_attempt, prepare())


def _on_one_thread(start: Callable[[], Callable[[Job], Outcome]]) -> Callable[[Job], Outcome]:
    with single_threaded():
        return partial(_run_on_one_thread, start())


def _run_on_one_thread(run: Callable[[Job], Outcome], job: Job) -> Outcome:
    with single_threaded():
        return run(job)


def _attempt(run: Callable[[Job], Result], job: Job) -> Result | Failure:
    try:
        return run(job)
    except NasbenchError as error:
        return Failure(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # anybody's code may raise whatever it likes, sys.exit included
        return Failure(described(error))

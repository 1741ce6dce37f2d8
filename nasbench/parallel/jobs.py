"""Jobs that run anybody's code: in this process or in several, with errors that say which job failed and where."""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple, TypeVar

from nasbench.errors import InputError, NasbenchError, described
from nasbench.parallel.processes import Died, run_tasks
from nasbench.parallel.threads import single_threaded
from nasbench.progress import Progress, silent

Job = TypeVar("Job", bound=Hashable)
Result = TypeVar("Result")


class Failure(NamedTuple):
    """Why a job has no result, in one line."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def run_jobs(
    prepare: Callable[[], Callable[[Job], Result]],
    jobs: Sequence[Job],
    processes: int,
    *,
    describe: Callable[[Job], str],
    strict: bool = True,
    progress: Progress = silent,
) -> tuple[dict[Job, Result], dict[Job, str]]:
    """Results of all jobs, each on one thread, and why jobs failed; they do not depend on the number of processes.

    A job fails by an error of whatever kind, by `sys.exit`, or by the death of its process.

    Args:
        prepare: Called once in each process; returns what runs a job. Picklable if there are several processes.
        jobs: Hashable, all different; picklable if there are several processes.
        processes: Number of processes; with 1, jobs run in this one.
        describe: Names a job in messages.
        strict: Raise the first failure instead of returning it.
        progress: Told the number of finished and of all jobs.

    Raises:
        InputError: A job failed, and `strict` is true, or all jobs did.
    """
    results: dict[Job, Result] = {}
    failures: dict[Job, str] = {}
    progress(0, len(jobs))
    with single_threaded(), closing(_outcomes(partial(_guarded, prepare), jobs, processes)) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, Died | Failure):
                failures[job] = f"{describe(job)}: {outcome}"
                if strict:
                    raise InputError(failures[job])
            else:
                results[job] = outcome
            progress(len(results) + len(failures), len(jobs))
    if failures and not results:
        raise InputError(next(iter(failures.values())))
    return results, failures


def failures_by(name: Callable[[Job], str], jobs: Sequence[Job], failed: Mapping[Job, str]) -> dict[str, str]:
    """Why things failed whose jobs did, by their name: of each the first reason in the order of the jobs."""
    reasons: dict[str, str] = {}
    for job in jobs:
        if job in failed:
            reasons.setdefault(name(job), failed[job])
    return reasons


def _outcomes(
    start: Callable[[], Callable[[Job], Result | Failure]], jobs: Sequence[Job], processes: int
) -> Generator[tuple[Job, Result | Failure | Died], None, None]:
    if processes == 1:
        run = start()
        yield from ((job, run(job)) for job in jobs)
    else:
        with closing(run_tasks(start, jobs, processes)) as finished:
            yield from finished


def _guarded(prepare: Callable[[], Callable[[Job], Result]]) -> Callable[[Job], Result | Failure]:
    return partial(_attempt, prepare())


def _attempt(run: Callable[[Job], Result], job: Job) -> Result | Failure:
    try:
        return run(job)
    except NasbenchError as error:
        return Failure(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # anybody's code may raise whatever it likes, sys.exit included
        return Failure(described(error))

import os
import signal
from functools import partial
from multiprocessing import active_children

import pytest

from nasbench.errors import InputError, NasbenchError, NotFoundError
from nasbench.parallel.jobs import run_jobs

WORKER = """
import os, time

from nasbench.errors import NotFoundError

def prepare(factor=2):
    def run(job):
        strike(job)
        if job == "error":
            raise ValueError("no\\nluck")
        if job == "sys.exit":
            raise SystemExit(0)
        if job == "close":
            raise GeneratorExit
        if job == "ours":
            raise NotFoundError("there is no metric 'x'")
        if isinstance(job, int):
            time.sleep(0.02 * (job % 3))
        return factor * job
    return run

def threads():
    import torch
    return lambda job: (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"])

def broken():
    raise RuntimeError("cannot prepare")
"""


@pytest.fixture
def worker(module):
    return module("job_worker", WORKER)


def run(prepare, jobs, processes, **more):
    results, failures = run_jobs(prepare, jobs, processes, describe=lambda job: f"job {job!r}", **more)
    assert failures == {}
    return results


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_by_job_whatever_the_order(worker, processes):
    expected = {job: 3 * job for job in range(7)}
    assert run(partial(worker.prepare, 3), range(7), processes) == expected
    assert run(partial(worker.prepare, 3), list(reversed(range(7))), processes) == expected
    assert active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_finished_jobs_are_told(worker, processes):
    told = []
    run(worker.prepare, range(3), processes, progress=lambda *numbers: told.append(numbers))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("processes", [1, 2])
def test_no_jobs(worker, processes):
    assert run(worker.prepare, [], processes) == {}


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_names_the_job_the_kind_and_the_place_in_one_line(worker, processes):
    line = 1 + WORKER.splitlines().index('            raise ValueError("no\\nluck")')
    with pytest.raises(InputError) as caught:
        run(worker.prepare, ["error", "a"], processes)
    assert str(caught.value) == f"job 'error': ValueError: no luck (job_worker.py, line {line})"
    assert active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_that_a_user_can_mend_is_told_as_it_is(worker, processes):
    with pytest.raises(InputError) as caught:
        run(worker.prepare, ["ours"], processes)
    assert str(caught.value) == "job 'ours': there is no metric 'x'"
    assert not isinstance(caught.value, NotFoundError)


@pytest.mark.parametrize(("job", "cause"), [("kill", "was killed by SIGKILL"), ("exit", "ended with exit code 7")])
def test_the_death_of_a_process_names_the_job(worker, job, cause):
    with pytest.raises(InputError, match=f"job '{job}': its process {cause}, at each of 2 attempts"):
        run(worker.prepare, [job, 1, 2], 2)
    assert active_children() == []


def test_what_cannot_be_prepared(worker):
    with pytest.raises(RuntimeError, match="cannot prepare"):
        run(worker.broken, [1], 1)
    with pytest.raises(NasbenchError, match="ended with exit code 1 while it started"):
        run(worker.broken, [1], 2)


@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_ends_all_processes(worker, processes):
    def interrupt(done, total):
        if done:
            os.kill(os.getpid(), signal.SIGINT)

    jobs = [1, "sleep", "sleep"] if processes > 1 else [1, 2]
    with pytest.raises(KeyboardInterrupt):
        run(worker.prepare, jobs, processes, progress=interrupt)
    assert active_children() == []


@pytest.mark.parametrize("processes", [1, 2])
def test_each_job_has_one_thread_and_threads_are_given_back(worker, processes, monkeypatch):
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads()
    assert run(worker.threads, [0], processes) == {0: (1, "1")}
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("processes", [1, 2])
def test_failures_that_others_survive(worker, processes):
    """An end of the process by `sys.exit(0)` is a failure too, and the exit status of a command is not 0 then."""
    jobs = ["error", 1, "sys.exit", "close", "ours", 2, *(["exit"] if processes > 1 else [])]
    results, failures = run_jobs(worker.prepare, jobs, processes, describe=str.upper, strict=False)
    assert results == {1: 2, 2: 4}
    assert set(failures) == set(jobs) - {1, 2}
    assert failures["sys.exit"].startswith("SYS.EXIT: SystemExit: 0 (job_worker.py, line ")
    assert failures["close"].startswith("CLOSE: GeneratorExit")
    with pytest.raises(InputError, match="ERROR: ValueError: no luck"):
        run_jobs(worker.prepare, jobs, processes, describe=str.upper)


def test_nothing_but_failures(worker):
    with pytest.raises(InputError, match="error: ValueError: no luck"):
        run_jobs(worker.prepare, ["error", "ours"], 1, describe=str, strict=False)

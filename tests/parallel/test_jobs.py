import os
import signal
from functools import partial
from multiprocessing import active_children

import pytest

from nasbench.errors import InputError, NasbenchError, NotFoundError
from nasbench.parallel.jobs import processes_for, run_jobs

WORKER = """
import os, time

from nasbench.errors import NotFoundError
from nasbench.parallel.patience import watched

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

def loop():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass

def stall(first=0):
    def run(job):
        return watched("end", loop if job[1] >= first else int)()
    return run

def process():
    return lambda job: os.getpid()

def fail(first):
    def run(job):
        if job[1] >= first:
            raise NotFoundError(f"number {job[1]}")
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
    settings = {"component": lambda job: "", "describe": lambda job: f"job {job!r}", **more}
    results, failures = run_jobs({"": prepare}, jobs, processes, **settings)
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
    prepare = {str(job): worker.prepare for job in jobs}
    settings = {"component": str, "describe": str.upper}
    results, failures = run_jobs(prepare, jobs, processes, strict=False, **settings)
    assert results == {1: 2, 2: 4}
    assert set(failures) == set(jobs) - {1, 2}
    assert failures["sys.exit"].startswith("SYS.EXIT: SystemExit: 0 (job_worker.py, line ")
    assert failures["close"].startswith("CLOSE: GeneratorExit")
    with pytest.raises(InputError, match="ERROR: ValueError: no luck"):
        run_jobs(prepare, jobs, processes, **settings)


def test_nothing_but_failures(worker):
    with pytest.raises(InputError, match="error: ValueError: no luck"):
        run(worker.prepare, ["error", "ours"], 1, describe=str, strict=False)


def by_letter(prepare, jobs, processes, **more):
    """Jobs are pairs of the letter of their component and a number."""
    return run_jobs(prepare, jobs, processes, component=lambda job: job[0], describe=str, strict=False, **more)


@pytest.mark.parametrize("processes", [1, 2])
def test_after_a_failure_the_later_jobs_of_its_component_are_left_out(worker, processes):
    """The reason is the first in the order of the jobs, whichever fails first."""
    jobs, told = [(letter, number) for number in range(6) for letter in "ab"], []
    prepare = {"a": partial(worker.fail, 2), "b": partial(worker.fail, 9)}
    results, failures = by_letter(prepare, jobs, processes, progress=lambda *numbers: told.append(numbers))
    assert results.keys() >= {("b", number) for number in range(6)} | {("a", 0), ("a", 1)}
    assert not results.keys() & {("a", number) for number in range(2, 6)}
    assert failures == {"a": "('a', 2): number 2"}
    assert told[0] == (0, 12) and told[-1] == (12, 12) and told == sorted(set(told))


@pytest.mark.parametrize(("processes", "patience"), [(2, None), (1, 1000.0)])
def test_no_process_serves_two_components(worker, processes, patience):
    jobs = [(letter, number) for number in range(4) for letter in "abc"]
    results, _ = by_letter(dict.fromkeys("abc", worker.process), jobs, processes, patience=patience)
    used = {letter: {results[letter, number] for number in range(4)} for letter in "abc"}
    assert not used["a"] & used["b"] and not used["b"] & used["c"] and not used["c"] & used["a"]
    assert os.getpid() not in used["a"] | used["b"] | used["c"]
    if processes == 1:
        assert [len(ids) for ids in used.values()] == [1, 1, 1]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_step_that_never_ends_costs_its_component_the_patience_once(worker, processes):
    """The jobs of `b` have no steps, so they can take as long as they like; SIGTERM would not end the others."""
    jobs = [(letter, number) for number in range(3) for letter in "abc"]
    prepare = {"a": worker.stall, "b": worker.process, "c": partial(worker.stall, 1)}
    results, failures = by_letter(prepare, jobs, processes, patience=0.5)
    assert results.keys() >= {("b", 0), ("b", 1), ("b", 2)}
    assert failures.keys() == {"a", "c"}
    assert failures["a"] == "('a', 0): no end within 0.5 s (--patience)"
    assert active_children() == []


def test_what_another_process_cannot_have_is_refused_with_the_remedy():
    own = "strategy 'own'"
    assert processes_for({own: len}, 3, 5.0) == processes_for({own: len}, 3, None) == 3
    assert processes_for({own: lambda: 0}, 3, None) == 1
    with pytest.raises(InputError, match=r"cannot be sent the strategy 'own'; put its class, .*, into a module"):
        processes_for({"space": len, own: lambda: 0}, 3, 5.0)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_and_first_failures_are_told_at_once(worker, processes):
    jobs = [(letter, number) for number in range(4) for letter in "ab"]
    told, warned = {}, []
    prepare = {"a": partial(worker.fail, 2), "b": partial(worker.fail, 9)}
    results, failures = by_letter(prepare, jobs, processes, finished=told.__setitem__, warn=warned.append)
    assert told == results
    assert warned == list(failures.values()) == ["('a', 2): number 2"]


class InTurn:
    """A cluster of one machine, which is this process: one group after the other."""

    jobs = 1

    def run_groups(self, starts, tasks, *, group, ends):
        for of, start in starts.items():
            run = start()
            for task in (task for task in tasks if group(task) == of):
                result = run(task)
                yield task, result
                if ends(result):
                    break


def test_a_cluster_gives_what_processes_give(worker):
    jobs = [(letter, number) for number in range(4) for letter in "ab"]
    prepare = {"a": partial(worker.fail, 2), "b": partial(worker.fail, 9)}
    assert by_letter(prepare, jobs, 1, cluster=InTurn()) == by_letter(prepare, jobs, 1)
    assert by_letter(dict.fromkeys("ab", worker.threads), jobs, 1, cluster=InTurn())[0]["a", 0] == (1, "1")


def test_known_results_are_not_made_again(worker):
    jobs, told = [(letter, number) for number in range(3) for letter in "ab"], []
    prepare = {"a": partial(worker.fail, 2), "b": partial(worker.fail, 9)}
    known = {("a", 0): "known", ("b", 7): "no job"}
    results, failures = by_letter(prepare, jobs, 1, known=known, progress=lambda *numbers: told.append(numbers))
    assert results["a", 0] == "known" and ("b", 7) not in results and len(results) == 5
    assert failures == {"a": "('a', 2): number 2"}
    assert told[0] == (1, 6) and told[-1] == (6, 6)

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from multiprocessing import active_children
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nasbench.errors import NasbenchError
from nasbench.parallel import processes
from nasbench.parallel.processes import Died, portable, run_tasks

WORKER = """
import os, sys, time
from pathlib import Path
from nasbench.parallel.patience import watched

class Square:
    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / f"pid-{os.getpid()}").touch()
    def __call__(self, task):
        strike(task)
        if task == "kill once" and not (self.folder / "killed").exists():
            (self.folder / "killed").touch()
            strike("kill")
        return task * 2

def wait_for(folder):
    (Path(folder) / "begun").touch()
    while not (Path(folder) / "go").exists():
        time.sleep(0.02)
    return "done"

def waiter(folder):
    return lambda task: watched("end", wait_for)(folder)

def broken():
    sys.exit(5)

def killed(payload):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def worker(module):
    return module("pool_worker", WORKER)


def run(worker, folder, tasks, workers=2):
    with closing(one_group(partial(worker.Square, str(folder)), tasks, workers)) as results:
        return dict(results)


def one_group(start, tasks, workers, **more):
    return run_tasks({"": start}, tasks, workers, group=lambda task: "", **more)


def test_every_task_is_run_and_no_process_is_left(worker, tmp_path):
    assert run(worker, tmp_path, list(range(20))) == {task: 2 * task for task in range(20)}
    assert active_children() == []


def test_no_more_processes_than_tasks(worker, tmp_path):
    assert run(worker, tmp_path, [1], workers=5) == {1: 2}
    assert len(list(tmp_path.glob("pid-*"))) == 1


def test_a_death_costs_one_task(worker, tmp_path):
    results = run(worker, tmp_path, [1, "kill", 2, "kill once", "exit", 3])
    assert {task: results[task] for task in (1, 2, 3, "kill once")} == {
        1: 2,
        2: 4,
        3: 6,
        "kill once": "kill oncekill once",
    }
    assert isinstance(results["kill"], Died)
    assert str(results["kill"]) == "its process was killed by SIGKILL, at each of 2 attempts"
    assert str(results["exit"]) == "its process ended with exit code 7, at each of 2 attempts"


def test_closing_stops_at_once(worker, tmp_path):
    with closing(one_group(partial(worker.Square, str(tmp_path)), [1, "sleep", "sleep"], 2)) as results:
        assert next(results) == (1, 2)
    assert active_children() == []


def test_time_in_which_all_processes_are_stopped_is_not_that_of_a_step(worker, tmp_path, monkeypatch):
    """As by Ctrl-Z: the clock goes on for a quarter of an hour while this process waits."""
    pause = 0.0

    def stopped(pipes, timeout):
        nonlocal pause
        heard = wait(pipes, min(timeout, 0.05))
        if (tmp_path / "begun").exists():
            if pause:
                (tmp_path / "go").touch()
            pause = 900.0
        return heard

    monkeypatch.setattr(processes, "connection", SimpleNamespace(wait=stopped))
    monkeypatch.setattr(processes, "monotonic", lambda: time.monotonic() + pause)
    with closing(one_group(partial(worker.waiter, str(tmp_path)), [1], 1, patience=300.0)) as results:
        assert list(results) == [(1, "done")]


def test_a_process_that_cannot_start(worker):
    with pytest.raises(NasbenchError, match="ended with exit code 5 while it started"):
        list(one_group(worker.broken, [1], 1))


ends = (
    st.sampled_from([None, "'a text'", *range(-1, 260, 29)]).map("sys.exit({})".format)
    | st.integers(0, 255).map("os._exit({})".format)
    | st.sampled_from(["ValueError('no\\nluck')", "KeyboardInterrupt", "GeneratorExit"]).map("raise {}".format)
    | st.sampled_from([signal.SIGKILL, signal.SIGUSR1, signal.SIGRTMIN]).map("os.kill(os.getpid(), {:d})".format)
)


@settings(max_examples=8)
@given(ends)
@example(f"os.kill(os.getpid(), {signal.SIGRTMIN + 1})")  # which has no name
def test_whatever_ends_a_process_in_the_script_that_it_imports_is_one_error(end):
    """Processes import the script that was started, here one that does not get beyond its second line."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        script = Path(folder) / "script.py"
        script.write_text(f"import os, sys\n{end}\n")
        patch.setitem(sys.modules, "__main__", SimpleNamespace(__file__=str(script), __spec__=None))
        end_named = r"^a worker process (ended with exit code \d+|was killed by (SIG\w+|signal \d+)) while it started"
        with pytest.raises(NasbenchError, match=end_named):
            list(one_group(abs, [-1], 1))
    assert active_children() == []


def test_processes_end_with_their_parent(worker, tmp_path):
    script = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from functools import partial
import pool_worker
from nasbench.parallel.processes import run_tasks
if __name__ == "__main__":
    start = partial(pool_worker.Square, {str(tmp_path)!r})
    list(run_tasks({{"": start}}, ["sleep", "sleep"], 2, group=lambda task: ""))
"""
    (tmp_path / "main.py").write_text(script)
    with subprocess.Popen([sys.executable, str(tmp_path / "main.py")]) as process:
        wait_until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
        process.kill()
    pids = [int(path.name.removeprefix("pid-")) for path in tmp_path.glob("pid-*")]
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def wait_until(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def is_running(pid):
    """Whether a process runs and is not a zombie (orphans may stay zombies in a container)."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_ctrl_c_is_left_to_the_caller(worker, tmp_path):
    """The process that is told to stop between two tasks does the second."""
    with closing(one_group(partial(worker.Square, str(tmp_path)), [1, 2, "sleep"], 1)) as results:
        assert next(results) == (1, 2)
        (child,) = active_children()
        os.kill(child.pid, signal.SIGINT)
        assert next(results) == (2, 4)
        assert active_children() == [child]


def test_what_other_processes_can_have():
    assert portable(Path, Path("folder"), partial(max, 1))
    assert not portable(Path, partial(max, key=lambda number: -number))
    assert not portable(type("Local", (), {"__qualname__": "function.<locals>.Local"}))


RACE = """
import nasbench
from nasbench.evaluate.strategies import compare

benchmark = nasbench.load("nb201-digits")
results = compare(benchmark, "validation_accuracy", strategies=["random"], evaluations=9, repeats=2, jobs=2)
print(len(results.records))
"""


def python(*arguments, cwd, **settings):
    """What a Python process prints, its errors, and its exit status; it ends within minutes even on a busy machine."""
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, timeout=300, check=False, **settings
    )


def test_a_script_without_a_main_guard_ends_with_one_clear_error(tmp_path):
    """The benchmark that processes are sent is larger than a pipe, and they die before they read."""
    (tmp_path / "script.py").write_text(RACE)
    done = python("script.py", cwd=tmp_path)
    assert done.returncode == 1
    assert (
        done.stderr.rstrip().splitlines()[-1].startswith("nasbench.errors.NasbenchError: a worker process ended with")
    )
    assert "work under if __name__ == '__main__'" in done.stderr


@pytest.mark.parametrize("arguments", [("-",), ("-c", RACE)])
def test_code_without_a_file_runs_in_this_process_or_in_others(arguments, tmp_path):
    done = python(*arguments, cwd=tmp_path, input=RACE)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


def test_a_class_typed_into_a_session_inside_a_component_of_the_package(tmp_path):
    typed = (
        "from nasbench.search.bayesian import BayesianOptimisation\nfrom nasbench.predictors.ridge import Ridge\n"
        "class Mine(Ridge): pass\n"
    )
    done = python("-c", typed + RACE.replace('["random"]', "[BayesianOptimisation(Mine())]"), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", [False, True])
def test_another_package_of_the_same_name_in_the_working_folder_is_not_taken(folder, tmp_path):
    """Google's package is called nasbench too."""
    other = tmp_path / "nasbench/__init__.py" if folder else tmp_path / "nasbench.py"
    other.parent.mkdir(exist_ok=True)
    other.write_text("raise SystemExit('the wrong package')")
    (tmp_path / "mine.py").write_text(
        "from nasbench.search.random import RandomSearch\nclass Mine(RandomSearch): pass\n"
    )
    command = Path(sys.executable).with_name("nasbench")
    race = [
        "compare",
        "nb201-digits",
        "--strategies",
        "mine:Mine",
        "--evaluations",
        "9",
        "--repeats",
        "2",
        "--jobs",
        "2",
    ]
    done = python(str(command), *race, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_process_that_is_killed_while_it_starts(worker, tmp_path):
    with pytest.raises(NasbenchError, match="was killed by SIGKILL while it started"):
        list(one_group(partial(worker.killed, b"x" * 10**6), [1], 1))

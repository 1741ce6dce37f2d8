import fcntl
import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.builder.ledger import Key, Ledger, differences, summary
from nasbench.builder.lock import Lock
from nasbench.errors import FileError
from nasbench.measures.base import Measurement

RECIPE = {"space": "nb201", "training": {"epochs": 2, "learning_rate": 0.1}}
SHAPE = (2, 3)


def key(cell, seed):
    return Key.of("training", "digits", 3, seed, np.array([cell, cell]))


def numbers(start):
    return np.arange(start, start + 6.0).reshape(SHAPE)


def test_differences_by_hand():
    there = {"a": 1, "b": {"c": 2, "d": [1]}, "only there": 0}
    here = {"a": 1, "b": {"c": 3, "d": [1]}, "only here": None, "new": True}
    assert differences(there, here) == [("b.c", 2, 3), ("only there", 0, None), ("new", None, True)]
    assert summary(differences(there, here), most=1) == "b.c is 2 there and 3 here, and 2 more"


def test_trials_come_back_as_they_were_recorded(tmp_path):
    path = tmp_path / "ledger"
    partial = numbers(0)
    partial[:, 1:] = np.nan
    with Ledger(path, RECIPE) as ledger:
        assert ledger.finished() == {}
        ledger.record([(key(0, 1), Measurement(numbers(0)))])
        ledger.record([(key(7, 0), Measurement(partial, "diverged at epoch 2"))])
        ledger.record([(key(7, 1), Measurement(None, "failed: it did"))])
    with Ledger(path, RECIPE) as ledger:
        finished = ledger.finished()
    assert set(finished) == {key(0, 1), key(7, 0), key(7, 1)}
    np.testing.assert_array_equal(finished[key(0, 1)].values, numbers(0))
    assert finished[key(0, 1)].reason is None
    np.testing.assert_array_equal(finished[key(7, 0)].values, partial)
    assert finished[key(7, 0)].reason == "diverged at epoch 2"
    assert finished[key(7, 1)] == Measurement(None, "failed: it did")


def test_a_recorded_trial_survives_a_killed_process(tmp_path):
    path = tmp_path / "ledger"
    script = f"""
import os, signal, numpy as np
from pathlib import Path
from nasbench.builder.ledger import Key, Ledger
from nasbench.measures.base import Measurement
ledger = Ledger(Path({str(path)!r}), {RECIPE!r})
ledger.record([({key(3, 0)!r}, Measurement(np.ones({SHAPE!r})))])
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with Ledger(path, RECIPE) as ledger:
        np.testing.assert_array_equal(ledger.finished()[key(3, 0)].values, np.ones(SHAPE))


def test_another_recipe_is_refused_with_the_difference(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path, RECIPE) as ledger:
        ledger.record([(key(0, 0), Measurement(numbers(0)))])
    other = {"space": "nb201", "training": {"epochs": 4, "learning_rate": 0.1}}
    with pytest.raises(FileError, match=r"holds 1 finished results .* training.epochs is 2 there and 4 here.*delete"):
        Ledger(path, other)
    with Ledger(path, RECIPE) as ledger:
        assert len(ledger.finished()) == 1


def test_a_ledger_without_trials_takes_another_recipe(tmp_path):
    path = tmp_path / "ledger"
    Ledger(path, RECIPE).close()
    with Ledger(path, {"space": "nb101"}) as ledger:
        ledger.record([(key(0, 0), Measurement(numbers(0)))])
    with pytest.raises(FileError, match="space is 'nb101' there and 'nb201' here"):
        Ledger(path, RECIPE)


def test_only_one_build_at_a_time(tmp_path):
    with Ledger(tmp_path / "ledger", RECIPE), pytest.raises(FileError, match="in use by another build"):
        Ledger(tmp_path / "ledger", RECIPE)


def test_processes_that_make_and_remove_it_by_turns(tmp_path):
    """SQLite's logs have names only: without a lock of its own, a new ledger meets the log of a removed one."""
    path = tmp_path / "ledger"
    script = f"""
import random, sys
from pathlib import Path
import numpy as np
from nasbench.builder.ledger import Key, Ledger
from nasbench.builder.lock import Lock
from nasbench.errors import FileError
from nasbench.measures.base import Measurement
rng = random.Random(int(sys.argv[1]))
turns = 0
while turns < 40:
    try:
        with Ledger(Path({str(path)!r}), {RECIPE!r}) as ledger:
            number = len(ledger.finished())
            ledger.record([(Key("training", "digits", 1, number, bytes(30)), Measurement(np.ones({SHAPE!r})))])
            assert len(ledger.finished()) == number + 1
            if rng.random() < 0.4:
                ledger.remove()
        turns += 1
    except FileError as error:
        assert "in use by another build" in str(error), error
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(seed)], stderr=subprocess.PIPE, text=True)
        for seed in range(4)
    ]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    Ledger(path, RECIPE).remove()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_is_deleted_while_it_is_taken(tmp_path, monkeypatch):
    """Who opened the lock of one that goes does not hold the lock of the next."""
    first, flock = Lock(tmp_path / "x"), fcntl.flock

    def late(file, kind):
        monkeypatch.undo()
        first.release()
        flock(file, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    second = Lock(tmp_path / "x")
    with pytest.raises(FileError, match="in use by another build"):
        Lock(tmp_path / "x")
    second.release()
    second.release()
    Lock(tmp_path / "x").release()
    assert list(tmp_path.iterdir()) == []


def test_removed_without_a_trace(tmp_path):
    ledger = Ledger(tmp_path / "ledger", RECIPE)
    ledger.record([(key(0, 0), Measurement(numbers(0)))])
    ledger.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        Ledger(tmp_path / "nowhere" / "ledger", RECIPE)


def test_a_full_disk(tmp_path):
    with Ledger(tmp_path / "ledger", RECIPE) as ledger:
        ledger._connection.execute("PRAGMA max_page_count = 1")  # no smaller than what is used
        with pytest.raises(FileError, match=r"cannot write .*: database or disk is full; "):
            for cell in range(1000):
                ledger.record([(key(cell, 0), Measurement(numbers(0)))])
        finished = len(ledger.finished())
    with Ledger(tmp_path / "ledger", RECIPE) as ledger:
        assert len(ledger.finished()) == finished > 0


def test_another_file_is_left_alone(tmp_path):
    path = tmp_path / "ledger"
    path.write_text("dear diary, " * 100)
    with pytest.raises(FileError, match="not a ledger or is damaged"):
        Ledger(path, RECIPE)
    assert path.read_text().startswith("dear diary")


def test_another_database_is_left_alone(tmp_path):
    path = tmp_path / "ledger"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE precious (x)")
    connection.commit()
    connection.close()
    with pytest.raises(FileError, match="not a ledger"):
        Ledger(path, RECIPE)


def test_work_that_is_recorded_together_is_there_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path, RECIPE) as ledger:
        ledger.record([(key(0, 0), Measurement(numbers(0)))])
        with pytest.raises(FileError, match="UNIQUE"):
            ledger.record([(key(1, 0), Measurement(numbers(0))), (key(0, 0), Measurement(numbers(1)))])
        assert set(ledger.finished()) == {key(0, 0)}
        ledger.record([(key(0, 0), Measurement(numbers(5)))], again=True)
        np.testing.assert_array_equal(ledger.finished()[key(0, 0)].values, numbers(5))
        ledger.record([(key(1, 0), Measurement(numbers(0))), (key(2, 0), Measurement(np.arange(3.0)))])
    with Ledger(path, RECIPE) as ledger:
        assert set(ledger.finished()) == {key(0, 0), key(1, 0), key(2, 0)}
        np.testing.assert_array_equal(ledger.finished()[key(2, 0)].values, [0.0, 1.0, 2.0])


def test_what_is_settled_stays(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path, RECIPE) as ledger:
        assert ledger.settled("parallel") is None
        ledger.settle("parallel", 16)
    with Ledger(path, RECIPE) as ledger:
        assert ledger.settled("parallel") == 16
        ledger.settle("parallel", [1, {"a": None}])
        assert ledger.settled("parallel") == [1, {"a": None}]


def test_a_disk_too_full_to_begin_leaves_nothing(tmp_path):
    script = f"""
import resource
from pathlib import Path
from nasbench.builder.ledger import Ledger
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
Ledger(Path({str(tmp_path / "ledger")!r}), {RECIPE!r})
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert "FileError: cannot write" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_file(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path, RECIPE) as ledger:
        for cell in range(200):
            ledger.record([(key(cell, 0), Measurement(numbers(0)))])
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileError, match="damaged"), Ledger(path, RECIPE) as ledger:
        ledger.finished()


def test_a_number_that_the_disk_changed_is_noticed(tmp_path):
    path = tmp_path / "ledger"
    with Ledger(path, RECIPE) as ledger:
        ledger.record([(key(0, 0), Measurement(numbers(0)))])
    stored = numbers(0).tobytes()
    content = path.read_bytes()
    assert content.count(stored) == 1
    path.write_bytes(content.replace(stored, numbers(1).tobytes()))
    with Ledger(path, RECIPE) as ledger, pytest.raises(FileError, match="damaged: finished work has changed"):
        ledger.finished()


# --- damaged logs -----------------------------------------------------------------------------------------------------

KEPT = 30
"""Records of a ledger before the one whose process is killed."""
PAGE = 4096


def killed(folder):
    """A ledger before and after the step that empties its log: the file, the log, and the file afterwards."""
    path, log = folder / "ledger", folder / "ledger-wal"
    with Ledger(path, RECIPE) as ledger:
        for cell in range(KEPT):
            ledger.record([(key(cell, 0), Measurement(numbers(cell)))])
            assert log.stat().st_size == 0
        ledger._durable = ledger._reported
        ledger.record([(key(cell, 1), Measurement(numbers(cell))) for cell in range(KEPT)])
        before, written = path.read_bytes(), log.read_bytes()
    return before, written, path.read_bytes()


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    return killed(tmp_path_factory.mktemp("killed"))


def opened(file, log):
    """What a ledger of these bytes has, and how many records it dropped."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger"
        path.write_bytes(file)
        path.with_name("ledger-wal").write_bytes(log)
        with Ledger(path, RECIPE) as ledger:
            return ledger.finished(), ledger.dropped


def check_kept(finished):
    """Whether the last record is there too; all others are."""
    for seed in (0, 1)[: 1 + (len(finished) > KEPT)]:
        for cell in range(KEPT):
            np.testing.assert_array_equal(finished[key(cell, seed)].values, numbers(cell))
    assert len(finished) in (KEPT, 2 * KEPT)
    return len(finished) > KEPT


@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True))
def test_a_changed_byte_of_the_log_loses_the_last_record_at_most_and_says_so(states, place):
    file, log, _ = states
    changed = bytearray(log)
    changed[int(place * len(log))] ^= 0xFF
    finished, dropped = opened(file, bytes(changed))
    assert (check_kept(finished), dropped) in ((True, 0), (False, 1))


@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1))
def test_a_log_that_ends_early_is_no_record_yet(states, place):
    """So it looks when a process is killed on the way: nothing that was recorded is lost, so nothing is said."""
    file, log, _ = states
    size = int(place * len(log))
    finished, dropped = opened(file, log[:size])
    assert (check_kept(finished), dropped) == (size == len(log), 0)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_process_that_is_killed_while_it_empties_the_log_loses_nothing(states, data):
    """Any of the pages may be in the file; if the log is damaged besides, the ledger may be refused."""
    before, log, after = states
    pages = [data.draw(st.booleans()) for _ in range(0, len(after), PAGE)]
    mixed = b"".join(
        (after if new else before.ljust(len(after), b"\0"))[at * PAGE : (at + 1) * PAGE] for at, new in enumerate(pages)
    )
    finished, dropped = opened(mixed, log)
    assert check_kept(finished) and dropped == 0
    changed = bytearray(log)
    changed[data.draw(st.integers(0, len(log) - 1))] ^= 0xFF
    try:
        finished, dropped = opened(mixed, bytes(changed))
    except FileError as error:
        assert "damaged" in str(error)
    else:
        assert check_kept(finished) or dropped == 1

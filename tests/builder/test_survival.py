"""Builds that are killed, meet a full disk, or meet each other: finished work is neither lost nor repeated."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from nasbench.builder import build, builder
from nasbench.builder.ledger import Ledger
from nasbench.errors import FileError

NURSERY = """
import os, resource, signal, sys, time
from pathlib import Path
import numpy as np
from nasbench.benchmark import hdf5
from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings, build
from nasbench.errors import FileError

SETTINGS = {settings!r}
OUT = Path({out!r})

def start(limit=None):
    '''A build in a process of its own, of which all is imported already; returns its number.'''
    pid = os.fork()
    if pid:
        return pid
    status = 3
    try:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        build(SETTINGS, OUT, parallel={parallel}, jobs={jobs})
        status = 0
    except FileError as error:
        print(error, file=sys.stderr)
        status = 4
    finally:
        os._exit(status)

def end(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""

KILL = """
begin = time.perf_counter()
assert end(start()) == 0
whole = time.perf_counter() - begin
rng = np.random.default_rng({seed})
kills = finished = 0
while kills < {kills}:
    pid = start()
    time.sleep(rng.uniform(0, whole))
    os.kill(pid, signal.SIGKILL)
    code = end(pid)
    assert code in (0, -signal.SIGKILL), code
    kills += code != 0
    if OUT.exists():
        finished += 1
        OUT.rename(OUT.with_name(f"{{finished}}.h5"))
assert end(start()) == 0
print(kills, finished)
"""


def nursery(script, out, settings, parallel=2, jobs=1, **details):
    text = NURSERY.format(settings=settings, out=str(out), parallel=parallel, jobs=jobs) + script.format(**details)
    done = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_killed_at_random_moments(small, same, tmp_path):
    """Every resulting table equals that of an uninterrupted build, except measured times."""
    (tmp_path / "reference").mkdir()
    build(small, tmp_path / "reference" / "t.h5", parallel=2)
    said = nursery(KILL, tmp_path / "t.h5", small, seed=50, kills=50)
    assert int(said.split()[0]) == 50
    tables = sorted(tmp_path.glob("*.h5"))
    assert len(tables) == 1 + int(said.split()[1])
    for path in tables:
        same(path, tmp_path / "reference" / "t.h5")
    assert not list(tmp_path.glob("*ledger*")) and not list(tmp_path.glob(".*"))


@pytest.mark.slow
def test_killed_with_workers_and_several_schedules_and_data_sets(small, same, tmp_path):
    settings = replace(
        small, datasets=(*small.datasets, "mnist5k+size=7+train=40+validation=20+test=20"), shorter=(1,), cells=4
    )
    (tmp_path / "reference").mkdir()
    build(settings, tmp_path / "reference" / "t.h5", parallel=2)
    nursery(KILL, tmp_path / "t.h5", settings, jobs=2, seed=0, kills=5)
    for path in tmp_path.glob("*.h5"):
        same(path, tmp_path / "reference" / "t.h5")


FULL = """
assert end(start(limit={limit})) == 4
"""


@pytest.mark.parametrize(
    ("limit", "epochs"),
    [
        (100, 2),
        pytest.param(30_000, 20, marks=pytest.mark.slow),  # longer curves let the ledger grow
    ],
)
def test_a_full_disk(small, same, tmp_path, limit, epochs):
    """The disk is full at the start or during the build; later it has space again."""
    out = tmp_path / "t.h5"
    small = replace(small, train=replace(small.train, epochs=epochs))
    nursery(FULL, out, small, parallel=1, limit=limit)
    assert not out.exists()
    told = []
    build(small, out, progress=lambda done, total: told.append((done, total)))
    kept = told[0][0]
    assert kept == 0 if limit == 100 else 0 < kept < 12
    build(small, tmp_path / "reference.h5")
    same(out, tmp_path / "reference.h5")
    assert len(list(tmp_path.iterdir())) == 2


def test_two_builders_of_one_file(small, tmp_path):
    """The second is refused while the first works, and finds everything done afterwards."""
    refused = []

    def meanwhile(done, total):
        try:
            build(small, tmp_path / "t.h5")
        except FileError as error:
            refused.append(str(error))

    table = build(small, tmp_path / "t.h5", progress=meanwhile)
    assert len(refused) == 16 and all("is in use by another build" in one for one in refused)
    assert all(np.isfinite(column.values).all() for column in table.columns.values())
    assert os.listdir(tmp_path) == ["t.h5"]


def test_another_builder_that_finishes_while_this_one_begins(small, tmp_path, monkeypatch):
    """A table that appears after the first check is extended, not replaced."""
    few, out = replace(small, cells=2, seeds=1, measures=()), tmp_path / "t.h5"

    def late(*args):
        monkeypatch.undo()
        build(replace(few, seeds=2), out)
        return Ledger(*args)

    monkeypatch.setattr(builder, "Ledger", late)
    table = build(replace(few, cells=3), out)
    assert table.columns["digits/test_loss"].missing[..., 0].tolist() == [[0, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("emptied", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_log_of_the_ledger(small, same, tmp_path, monkeypatch, emptied, seed):
    """It costs nothing, or the build says what; a ledger of which no log is emptied has one of all records."""
    reference, left = tmp_path / "reference.h5", tmp_path / "left"
    left.mkdir()
    rng = np.random.default_rng(seed)

    def leave(done, total):
        if done == 6 and total == 12 and not list(left.iterdir()):
            for path in tmp_path.glob("reference.h5.ledger*"):
                shutil.copy(path, left / path.name)

    if not emptied:
        monkeypatch.setattr(Ledger, "_durable", Ledger._reported)
    build(small, reference, parallel=2, progress=leave)
    monkeypatch.undo()
    log = left / "reference.h5.ledger-wal"
    content = bytearray(log.read_bytes())
    assert bool(content) is not emptied
    for _ in range(3 if content else 0):
        content[rng.integers(len(content))] ^= 0xFF
    log.write_bytes(content or rng.bytes(5000))
    told, steps = [], []
    build(small, left / "reference.h5", parallel=2, progress=lambda *step: steps.append(step), tell=told.append)
    kept = steps[0][0]
    assert kept == 6 if emptied else kept <= 6
    lost = [note for note in told if "wal was damaged: the last" in note]
    assert bool(lost) == (kept < 6)
    same(left / "reference.h5", reference)

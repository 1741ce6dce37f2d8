import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.load import load
from nasbench.builder import BuildSettings, build
from nasbench.builder.columns import _columns
from nasbench.builder.settings import trial_seeds
from nasbench.builder.trainer import Trainer
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.measures.base import Measurement
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.parallel.engine import LocalEngine
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification
from nasbench.training.settings import TrainSettings

TINY = BuildSettings(
    datasets=("digits+train=40+validation=20+test=30",),
    cells=3,
    seeds=2,
    network=NetworkSettings(channels=2, cells=1, stages=2),
    train=TrainSettings(epochs=2, batch_size=20),
    latency_repeats=2,
)
TIMINGS = ("digits/train_seconds", "digits/latency")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The table of `TINY`, built in one process without interruption."""
    out = tmp_path_factory.mktemp("tiny") / "tiny.h5"
    return out, build(TINY, out)


def assert_same(a, b):
    """Assert that everything except measured times is equal."""
    assert (a.recipe, a.seeds, a.epochs, set(a.columns)) == (b.recipe, b.seeds, b.epochs, set(b.columns))
    np.testing.assert_array_equal(a.genotypes, b.genotypes)
    for name, column in a.columns.items():
        assert column.metric == b.columns[name].metric and column.reasons == b.columns[name].reasons
        np.testing.assert_array_equal(column.missing, b.columns[name].missing)
        if name not in TIMINGS:
            np.testing.assert_array_equal(column.values, b.columns[name].values)


def test_what_a_table_holds(tiny):
    out, table = tiny
    space = spaces.create("nb201")
    assert out.exists() and list(out.parent.iterdir()) == [out]
    assert table.space.name == "nb201"
    assert table.genotypes.shape == (3, 6)
    assert table.seeds == (0, 1)
    assert table.epochs == {"digits": (1, 2)}
    assert sorted(table.columns) == [
        "digits/flops",
        "digits/latency",
        "digits/parameters",
        "digits/test_accuracy",
        "digits/test_loss",
        "digits/train_accuracy",
        "digits/train_loss",
        "digits/train_seconds",
        "digits/validation_accuracy",
        "digits/validation_loss",
    ]
    for path, column in table.columns.items():
        metric = column.metric
        assert path == metric.path
        assert column.values.shape == ((3,) if metric.dims == ("architecture",) else (3, 2, 2))
        assert np.isfinite(column.values).all() and not column.missing.any()
        assert metric.direction == ("maximise" if path.endswith("accuracy") else "minimise")
        assert metric.split == (path[7:].partition("_")[0] if path.endswith(("accuracy", "loss")) else "none")
    assert table.columns["digits/train_seconds"].metric.units == "seconds"
    assert table.columns["digits/latency"].metric.units == "milliseconds"
    accuracy = table.columns["digits/test_accuracy"].values
    np.testing.assert_allclose(accuracy * 30 / 100, np.round(accuracy * 30 / 100))  # thirtieths, in percent
    for row, genotype in enumerate(table.genotypes):
        network = space.network(genotype, ImageClassification((1, 8, 8), 10), TINY.network)
        assert table.columns["digits/parameters"].values[row] == parameters(network)
        assert table.columns["digits/flops"].values[row] == flops(network, torch.ones(1, 1, 8, 8))


def test_the_file_is_the_table(tiny):
    out, table = tiny
    stored = hdf5.read(out)
    assert_same(stored, table)
    for name in TIMINGS:
        np.testing.assert_array_equal(stored.columns[name].values, table.columns[name].values)


def test_the_recipe_says_how(tiny):
    recipe = tiny[1].recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["parts"][0]["epochs"] == [2] and recipe["parts"][0]["cells"] == 3
    assert recipe["network"] == {"channels": 2, "cells": 1, "stages": 2}
    assert recipe["datasets"]["digits"]["inputs"] == {"train": 40, "validation": 20, "test": 30}
    assert len(recipe["datasets"]["digits"]["sha256"]) == 64
    assert recipe["made_with"] == [{"device": "cpu, one thread", "torch": torch.__version__, "side_by_side": 1}]
    assert recipe["precision"] == "float32" and 0 < recipe["datasets"]["digits"]["linear_accuracy"]["test"] < 100


def test_jobs_do_not_change_the_table(tiny, tmp_path):
    assert_same(build(TINY, tmp_path / "t.h5", jobs=2), tiny[1])
    assert [path.name for path in tmp_path.iterdir()] == ["t.h5"]


TWO = replace(TINY, datasets=(*TINY.datasets, "mnist5k+size=7+train=40+validation=20+test=20"), cells=2, seeds=1)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The table of `TWO`, built in one process without interruption."""
    return build(TWO, tmp_path_factory.mktemp("two") / "two.h5")


@pytest.mark.slow
@settings(max_examples=5)
@given(st.permutations(TWO.datasets), st.lists(st.integers(0, 4), max_size=3))
def test_order_of_data_sets_and_interruptions_do_not_change_the_table(two, datasets, stops):
    def stop_at(number):
        def progress(done, total):
            if done == number:
                raise KeyboardInterrupt

        return progress

    with TemporaryDirectory() as folder:
        out, asked = Path(folder) / "t.h5", replace(TWO, datasets=tuple(datasets))
        for number in stops:
            with suppress(KeyboardInterrupt):
                build(asked, out, progress=stop_at(number))
        table = build(asked, out)
        assert [path.name for path in Path(folder).iterdir()] == ["t.h5"]
    np.testing.assert_array_equal(table.genotypes, two.genotypes)
    assert table.columns.keys() == two.columns.keys()
    for name, column in two.columns.items():
        np.testing.assert_array_equal(table.columns[name].missing, column.missing)
        if not name.endswith(("train_seconds", "latency")):
            np.testing.assert_array_equal(table.columns[name].values, column.values)


@pytest.mark.cuda
@pytest.mark.parametrize("parallel", [1, 3])
def test_cuda_makes_the_same_table_twice(tmp_path, parallel):
    tables = [build(TINY, tmp_path / f"{turn}.h5", device="cuda", parallel=parallel) for turn in range(2)]
    assert_same(*tables)
    assert tables[0].recipe["precision"] == "bfloat16 autocast"
    assert tables[0].recipe["made_with"][0]["device"].startswith("cuda (")
    assert not any(column.missing.any() for column in tables[0].columns.values())


def test_another_seed_is_another_table(tiny, tmp_path):
    other = build(replace(TINY, seed=1, cells=1), tmp_path / "t.h5")
    assert not np.array_equal(other.genotypes[0], tiny[1].genotypes[0])


def test_a_larger_table_holds_the_smaller(tiny, tmp_path):
    small = build(replace(TINY, cells=1, seeds=1), tmp_path / "t.h5")
    np.testing.assert_array_equal(small.genotypes, tiny[1].genotypes[:1])
    name = "digits/validation_loss"
    np.testing.assert_array_equal(small.columns[name].values, tiny[1].columns[name].values[:1, :1])


def test_progress_counts_trainings(tmp_path):
    told = []
    build(replace(TINY, cells=2), tmp_path / "t.h5", progress=lambda done, total: told.append((done, total)))
    assert told[:5] == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[5:] == [(2, 6), (4, 6), (6, 6)]  # three measures of the two networks


def test_a_complete_table_is_not_made_again(tiny, monkeypatch):
    monkeypatch.setattr("nasbench.builder.trainer.Trainer.__call__", None)
    assert_same(build(TINY, tiny[0]), tiny[1])


def test_another_table_is_not_overwritten(tiny):
    with pytest.raises(FileError, match=r"another recipe: training.batch_size is 20 there and 10 here; name another"):
        build(replace(TINY, train=replace(TINY.train, batch_size=10)), tiny[0])


def test_another_file_is_not_overwritten(tmp_path):
    out = tmp_path / "t.h5"
    out.write_text("precious")
    with pytest.raises(FileError):
        build(TINY, out)
    assert out.read_text() == "precious"


# --- interruption -------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from pathlib import Path
from nasbench.builder import build, BuildSettings, NetworkSettings, TrainSettings

def progress(done, total):
    print(done, total, flush=True)
    if done == 2:
        sys.stdin.readline()

if __name__ == "__main__":
    try:
        build({settings!r}, Path({out!r}), jobs={jobs}, progress=progress)
    except KeyboardInterrupt as error:
        print(error, flush=True)
        sys.exit(130)
"""


@pytest.mark.parametrize(
    ("stop", "jobs", "shell"),
    [(signal.SIGINT, 2, ""), (signal.SIGINT, 1, "trap '' INT; "), (signal.SIGKILL, 1, "")],
    ids=["Ctrl-C", "Ctrl-C in the background", "kill -9"],
)
def test_stopped_and_called_again(tiny, tmp_path, stop, jobs, shell):
    """After an interruption at 2 of 6 trainings, the next call trains only the other 4.

    A shell without job control starts background processes with SIGINT ignored.
    """
    out = tmp_path / "t.h5"
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(settings=TINY, out=str(out), jobs=jobs))
    with subprocess.Popen(
        ["sh", "-c", f'{shell}exec "$0" "$1"', sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while process.stdout.readline() != "2 6\n":
            assert process.poll() is None, process.stderr.read()
        if stop == signal.SIGINT:
            os.killpg(process.pid, stop)  # as a terminal does: to the workers as well
        else:
            process.kill()
        said, errors = process.communicate()
    assert errors == ""
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert said == f"2 of 6 trainings are finished and kept in {out}.ledger; the same call continues\n"
    assert not out.exists()

    with pytest.raises(FileError, match="holds 2 finished results of another recipe: seed is 0 there and 1 here"):
        build(replace(TINY, seed=1), out)
    told = []
    table = build(TINY, out, progress=lambda done, total: told.append(done))
    assert told == [2, 3, 4, 5, 6, 3, 6, 9]  # trainings, then measurements
    assert_same(table, tiny[1])
    assert not out.with_name("t.h5.ledger").exists()


def test_stopped_in_one_process(tiny, tmp_path):
    out = tmp_path / "t.h5"

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"^3 of 6 trainings are finished and kept in .*; the same call"):
        build(TINY, out, progress=stop)
    assert_same(build(TINY, out), tiny[1])


def test_a_ledger_left_beside_its_table_is_cleared_away(tmp_path, monkeypatch):
    out = tmp_path / "t.h5"
    monkeypatch.setattr("nasbench.builder.ledger.Ledger.remove", lambda ledger: None)
    build(replace(TINY, cells=1, seeds=1), out)
    assert out.with_name("t.h5.ledger").exists()
    monkeypatch.undo()
    build(replace(TINY, cells=1, seeds=1), out)
    assert [path.name for path in tmp_path.iterdir()] == ["t.h5"]


def test_a_full_disk_keeps_what_is_finished(tmp_path, monkeypatch):
    def full(table, path):
        raise FileError(f"cannot write {path}: No space left on device; nothing was written")

    out, settings = tmp_path / "t.h5", replace(TINY, cells=1)
    monkeypatch.setattr("nasbench.benchmark.hdf5.write", full)
    with pytest.raises(FileError, match="No space left"):
        build(settings, out)
    monkeypatch.undo()
    monkeypatch.setattr("nasbench.builder.trainer.Trainer.__call__", None)  # all is trained
    assert not build(settings, out).columns["digits/test_accuracy"].missing.any()


# --- failures -----------------------------------------------------------------------------------------------------

FAULTY = '''
import os, signal
from torch import nn
from nasbench.spaces.nb201 import NB201
from nasbench.tasks.images import ImageClassification

class Network(nn.Module):
    def __init__(self, wrapped, fault):
        super().__init__()
        self.wrapped, self.fault = wrapped, fault
    def forward(self, x):
        if self.training and self.fault == "raise":
            raise RuntimeError("out of\\nmemory")
        if self.training and self.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.wrapped(x[0] if self.fault == "shape" else x)

class Faulty(NB201):
    """Networks that begin with pooling fail in training."""
    def __init__(self, fault: str = "raise", all: bool = False) -> None:
        super().__init__()
        self.fault, self.all = fault, all
    def network(self, genotype, task, settings):
        wrapped = super().network(genotype, task, settings)
        return Network(wrapped, self.fault) if genotype[0] == 4 or self.all else wrapped
'''


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    (tmp_path / "faulty_space.py").write_text(FAULTY)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("faulty_space", None)


@pytest.mark.parametrize(
    ("fault", "jobs", "reason"),
    [
        ("raise", 1, "failed: RuntimeError: out of memory"),
        ("kill", 2, "failed: its process was killed by SIGKILL, at each of 2 attempts"),
    ],
)
def test_a_training_that_fails_is_missing_with_its_reason(faulty, tmp_path, fault, jobs, reason):
    settings = replace(TINY, space=f"faulty_space:Faulty+fault={fault}", cells=2, seeds=1, train=TrainSettings(1))
    table = build(settings, tmp_path / "t.h5", jobs=jobs)
    failed = table.genotypes[:, 0] == 4
    assert failed.sum() == 1
    for name, column in table.columns.items():
        if column.metric.dims == ("architecture",):
            assert np.isfinite(column.values).all(), name
            continue
        np.testing.assert_array_equal(np.isnan(column.values[:, 0, 0]), failed)
        np.testing.assert_array_equal(column.missing[:, 0, 0], failed)
        assert column.reasons == (reason,)


@pytest.mark.parametrize("stopped", [True, False], ids=["in the ledger", "in the table"])
def test_what_failed_is_trained_again_when_asked(faulty, tmp_path, monkeypatch, stopped):
    settings = replace(TINY, space="faulty_space:Faulty", cells=8, seeds=1, train=TrainSettings(1))
    out = tmp_path / "t.h5"

    def stop(done, total):
        if stopped and done == 7:
            raise KeyboardInterrupt

    if stopped:
        with pytest.raises(KeyboardInterrupt):
            build(settings, out, progress=stop)
    else:
        column = build(settings, out).columns["digits/test_loss"]
        assert 0 < column.missing.sum() < 8
    counts = []
    build(settings, out, progress=lambda done, total: counts.append(done))
    assert counts == ([7, 8, 8, 16, 24] if stopped else [])  # failures are results
    monkeypatch.setattr(sys.modules["faulty_space"].Network, "forward", lambda network, x: network.wrapped(x))
    table = build(settings, out, retry_failed=True, progress=lambda done, total: counts.append(done))
    assert not table.columns["digits/test_loss"].missing.any()
    assert table.columns["digits/test_loss"].reasons == ()
    assert counts[-1] == 8 and not out.with_name("t.h5.ledger").exists()


def test_what_was_trained_again_is_not_lost_when_that_was_stopped(faulty, tmp_path, monkeypatch):
    """The next call without a retry writes the finished work."""
    settings = replace(TINY, space="faulty_space:Faulty", cells=8, seeds=1, train=TrainSettings(1))
    out, trained = tmp_path / "t.h5", []
    failed = build(settings, out).columns["digits/test_loss"].missing
    assert failed.sum() > 1
    call = Trainer.__call__

    def stopped(self, group):
        if trained:
            raise KeyboardInterrupt
        trained.append(group)
        return call(self, group)

    monkeypatch.setattr(sys.modules["faulty_space"].Network, "forward", lambda network, x: network.wrapped(x))
    monkeypatch.setattr(Trainer, "__call__", stopped)
    with pytest.raises(KeyboardInterrupt):
        build(settings, out, retry_failed=True)
    assert build(settings, out).columns["digits/test_loss"].missing.sum() == failed.sum() - 1
    assert not out.with_name("t.h5.ledger").exists()


def test_what_fails_does_not_cost_what_was_not_asked_for(faulty, tmp_path):
    """Other seeds, in table and ledger, are kept when trainings of this call fail or are retried."""
    settings = replace(TINY, space="faulty_space:Faulty", cells=8, train=TrainSettings(1))
    table = build(settings, tmp_path / "t.h5")
    failed = table.columns["digits/test_loss"].missing
    again = build(replace(settings, seeds=1), tmp_path / "t.h5", retry_failed=True)
    np.testing.assert_array_equal(again.columns["digits/test_loss"].missing, failed)
    broken = replace(settings, space="faulty_space:Faulty+all=true", cells=2, seeds=1)
    with pytest.raises(NasbenchError, match="every training failed"):
        build(broken, tmp_path / "u.h5")
    assert not list(tmp_path.glob("u.h5*"))


def test_when_every_training_fails_nothing_is_written(faulty, tmp_path):
    settings = replace(TINY, space="faulty_space:Faulty+all=true", cells=2)
    with pytest.raises(NasbenchError, match="every training failed: RuntimeError: out of memory; nothing was written"):
        build(settings, tmp_path / "t.h5")
    assert not list(tmp_path.glob("t.h5*"))


def test_a_cost_that_cannot_be_measured_is_missing_with_its_reason(tmp_path, monkeypatch):
    calls = iter([2.5, ValueError("no clock"), 1.5])

    def latency(*_):
        value = next(calls)
        if isinstance(value, Exception):
            raise value
        return value

    monkeypatch.setattr("nasbench.measures.latency.latency", latency)
    table = build(replace(TINY, seeds=1), tmp_path / "t.h5")
    column = table.columns["digits/latency"]
    np.testing.assert_array_equal(column.values, [2.5, np.nan, 1.5])
    assert column.missing.tolist() == [0, 1, 0] and column.reasons == ("failed: ValueError: no clock",)


def test_more_reasons_than_a_byte_can_tell_apart():
    outcomes = [((row,), Measurement(None, f"failed: {row}")) for row in range(300)]
    (column,) = _columns(
        [Metric("d", "latency", "none", "milliseconds", "minimise", ("architecture",))], outcomes, (300,), "no"
    )
    assert len(column.reasons) == 254
    told = [column.reasons[code - 1] for code in column.missing]
    assert told[:253] == [f"failed: {row}" for row in range(253)]
    assert set(told[253:]) == {"failed or diverged, for one reason more than fit here"}


def test_a_network_that_cannot_be_computed_is_said_before_anything_is_trained(faulty, tmp_path):
    settings = replace(TINY, space="faulty_space:Faulty+fault=shape+all=true")
    with pytest.raises(InputError, match=r"the network of \|.* fails on inputs of shape \(1, 8, 8\): .*other network"):
        build(settings, tmp_path / "t.h5")
    assert not list(tmp_path.glob("t.h5*"))


def test_a_diverged_training_is_missing_from_where_it_diverged(tmp_path):
    table = build(replace(TINY, train=TrainSettings(2, learning_rate=1e30)), tmp_path / "t.h5")
    column = table.columns["digits/test_accuracy"]
    np.testing.assert_array_equal(np.isnan(column.values), column.missing > 0)
    diverged = column.missing[:, :, -1] > 0
    assert diverged.any()
    assert set(column.reasons) <= {"diverged at epoch 1", "diverged at epoch 2"}


# --- what is asked for --------------------------------------------------------------------------------------------


def test_trainings_have_seeds_of_their_own():
    genotypes = [np.array(genotype, dtype=np.int8) for genotype in ([0, 0], [0, 1], [1, 0])]
    seeds = [
        number
        for master in (0, 1)
        for trial in (0, 1)
        for genotype in genotypes
        for number in trial_seeds(master, trial, genotype)
    ]
    assert len(set(seeds)) == 2 * 2 * 2 * 3
    assert trial_seeds(0, 1, genotypes[0]) == trial_seeds(0, 1, genotypes[0].copy())


@pytest.mark.parametrize("name", ["cells", "seeds", "latency_repeats"])
def test_sizes_below_1_are_refused(name):
    with pytest.raises(InputError, match=f"{name} must be a whole number of at least 1, got 0"):
        replace(TINY, **{name: 0})


def test_other_unacceptable_requests(tmp_path):
    out = tmp_path / "t.h5"
    with pytest.raises(InputError, match=r"network\.channels must be a whole number of at least 1, got 0"):
        replace(TINY, network=NetworkSettings(channels=0))
    with pytest.raises(InputError, match="seed must be a whole number of at least 0, got -1"):
        replace(TINY, seed=-1)
    with pytest.raises(InputError, match="jobs must be at least 1, got 0"):
        build(TINY, out, jobs=0)
    with pytest.raises(InputError, match="no device 'tpu' here"):
        build(TINY, out, device="tpu")
    with pytest.raises(InputError, match="an engine has a device of its own; leave out device='cpu', or the engine"):
        build(TINY, out, device="cpu", engine=LocalEngine())
    with pytest.raises(InputError, match="unknown space 'nb202': did you mean 'nb201'"):
        build(replace(TINY, space="nb202"), out)
    with pytest.raises(InputError, match="16000 cells"):
        build(replace(TINY, cells=16_000), out)
    assert list(tmp_path.iterdir()) == []


def test_outputs_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr("nasbench.builder.trainer.Trainer.__call__", None)  # said before anything is trained
    with pytest.raises(FileError, match=r"cannot write into .*nowhere: No such file or directory; make that folder"):
        build(TINY, tmp_path / "nowhere" / "t.h5")
    with pytest.raises(FileError, match="is a folder; name a file"):
        build(TINY, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match=r"cannot write into .*file: Not a directory"):
        build(TINY, tmp_path / "file" / "t.h5")


def test_a_link_leads_to_the_table_and_to_its_ledger(tiny, tmp_path):
    """The build through a link continues that of the file itself, and leaves the link."""

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    real, link = tmp_path / "disk" / "t.h5", tmp_path / "t.h5"
    real.parent.mkdir()
    link.symlink_to(real)
    with pytest.raises(KeyboardInterrupt):
        build(TINY, link, progress=stop)
    assert [path.name for path in real.parent.iterdir()] == ["t.h5.ledger"]
    assert_same(build(TINY, real), tiny[1])
    build(replace(TINY, cells=4), link)
    assert link.is_symlink() and len(hdf5.read(real).genotypes) == 4
    assert list(real.parent.iterdir()) == [real] and set(tmp_path.iterdir()) == {link, real.parent}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o500)
    with pytest.raises(FileError, match="Permission denied"):
        build(TINY, folder / "t.h5")


def test_a_damaged_ledger(tmp_path):
    ledger = tmp_path / "t.h5.ledger"
    ledger.write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(FileError, match="is not a ledger or is damaged"):
        build(TINY, tmp_path / "t.h5")
    assert Path(ledger).exists()


TASKS = [
    ("flexibert", "text+train=60+validation=20+test=20+length=8", 8, "accuracy"),
    ("nlp", "text+train=60+validation=20+test=20+length=8", 8, "accuracy"),
    ("graph", "karate", 4, "accuracy"),
    ("detection+phis=1", "digit_scenes+train=8+validation=4+test=4", 4, "map"),
]


@pytest.mark.parametrize(("space", "dataset", "channels", "score"), TASKS, ids=[task[0] for task in TASKS])
def test_every_task_is_trained_by_one_loop(tmp_path, space, dataset, channels, score):
    settings = BuildSettings(
        space=space,
        datasets=(dataset,),
        cells=2,
        seeds=1,
        network=NetworkSettings(channels=channels, cells=1, stages=1),
        train=TrainSettings(epochs=2, batch_size=16, optimiser="adamw", learning_rate=0.003),
        latency_repeats=1,
    )
    table = build(settings, tmp_path / "t.h5")
    name = dataset.partition("+")[0]
    column = table.columns[f"{name}/validation_{score}"]
    assert column.metric.direction == "maximise" and column.metric.units == "percent"
    assert np.isfinite(column.values).all()
    assert {f"{name}/{metric}" for metric in ("train_loss", "test_loss", "flops", "parameters")} <= set(table.columns)
    assert (table.columns[f"{name}/flops"].values > 0).all()
    assert load(tmp_path / "t.h5").score().path == column.metric.path
    again = build(replace(settings, seed=settings.seed), tmp_path / "u.h5")
    for path, one in table.columns.items():
        if not path.endswith(("seconds", "latency")):
            np.testing.assert_array_equal(again.columns[path].values, one.values)


@pytest.mark.parametrize(("space", "usual"), [("nb201", "digits"), ("transformer", "text"), ("graph", "digits_graph")])
def test_a_data_set_for_another_task_is_refused(tmp_path, space, usual):
    dataset = "karate" if space != "graph" else "digits"
    with pytest.raises(InputError, match=f"networks of {space} are trained for .*; train on '{usual}', for example"):
        build(BuildSettings(space=space, datasets=(dataset,)), tmp_path / "t.h5")

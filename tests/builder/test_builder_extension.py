"""Tables extended by cells, seeds, schedules and data sets, and networks trained side by side."""

from dataclasses import replace

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.load import TABLES
from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings, build
from nasbench.builder.settings import sampling_generator
from nasbench.builder.trainer import Trainer
from nasbench.errors import FileError, InputError
from nasbench.sampling import samplers

MNIST = "mnist5k+size=7+train=40+validation=20+test=20"


@pytest.fixture
def trained(monkeypatch):
    """Trainings that ran: data set, epochs, seed, number of cells."""
    found = []
    train = Trainer.train

    def noted(self, networks, orders, group):
        found.append((group.dataset.partition("+")[0], group.epochs, group.seed, len(networks)))
        return train(self, networks, orders, group)

    monkeypatch.setattr(Trainer, "train", noted)
    return found


def test_more_cells_and_seeds(small, same, tmp_path, trained):
    """Existing results are not trained again, and the file equals that of a single call."""
    out = tmp_path / "t.h5"
    build(replace(small, cells=2, seeds=1), out)
    assert trained == [("digits", 2, 0, 1)] * 2
    trained.clear()
    build(replace(small, cells=3, seeds=2), out)
    assert trained == [("digits", 2, 0, 1)] + [("digits", 2, 1, 1)] * 3
    trained.clear()
    build(replace(small, cells=3, seeds=2), tmp_path / "whole.h5")
    assert len(trained) == 6
    same(out, tmp_path / "whole.h5")
    trained.clear()
    assert len(build(replace(small, cells=2, seeds=1), out).genotypes) == 3  # which holds all of it
    assert trained == []


def test_parts_that_are_no_rectangle(small, tmp_path):
    """Two cells with two seeds, four cells with one: the missing trainings have a reason."""
    out = tmp_path / "t.h5"
    build(replace(small, cells=2, seeds=2), out)
    table = build(replace(small, cells=4, seeds=1), out)
    column = table.columns["digits/test_accuracy"]
    assert column.values.shape == (4, 2, 2)
    np.testing.assert_array_equal(column.missing[:, :, 0], [[0, 0], [0, 0], [0, 1], [0, 1]])
    assert column.reasons == ("not trained",)
    assert [(part["cells"], part["seeds"]) for part in table.recipe["parts"]] == [(2, 2), (4, 1)]
    whole = build(replace(small, cells=4, seeds=2), out)
    assert [(part["cells"], part["seeds"]) for part in whole.recipe["parts"]] == [(4, 2)]


def test_more_schedules_and_data_sets(small, same, tmp_path, trained):
    out = tmp_path / "t.h5"
    few = replace(small, cells=2, seeds=1)
    build(few, out)
    trained.clear()
    longer = replace(few, train=replace(few.train, epochs=3), shorter=(1, 2))
    build(longer, out)
    assert trained == [("digits", 1, 0, 1)] * 2 + [("digits", 3, 0, 1)] * 2
    trained.clear()
    table = build(replace(longer, datasets=(MNIST, *few.datasets)), out)
    assert [entry[0] for entry in trained] == ["mnist5k"] * 6
    assert set(table.epochs) == {name + end for name in ("digits", "mnist5k") for end in ("", "@1", "@2", "@3")}
    assert all(not column.missing.any() for column in table.columns.values())
    np.testing.assert_array_equal(
        table.columns["digits/test_loss"].values[..., 1], table.columns["digits@2/test_loss"].values[..., -1]
    )
    build(replace(longer, datasets=(*few.datasets, MNIST)), tmp_path / "whole.h5")
    assert np.array_equal(hdf5.read(out).genotypes, hdf5.read(tmp_path / "whole.h5").genotypes)
    for path, column in hdf5.read(out).columns.items():
        if not path.endswith(("train_seconds", "latency")):
            np.testing.assert_array_equal(column.values, hdf5.read(tmp_path / "whole.h5").columns[path].values)


def test_schedules_are_trainings_of_their_own(small, tmp_path):
    """The learning rate falls to 0 in each, so the first of two epochs differs from a training of one."""
    settings = replace(small, cells=2, seeds=1, shorter=(1,))
    table = build(settings, tmp_path / "t.h5")
    alone = build(replace(settings, train=replace(small.train, epochs=1), shorter=()), tmp_path / "u.h5")
    one, two = (table.columns[f"digits@{length}/validation_loss"].values for length in (1, 2))
    np.testing.assert_array_equal(one, alone.columns["digits/validation_loss"].values)
    assert not np.array_equal(one[..., 0], two[..., 0])


def test_a_ledger_of_more_than_is_asked_for_is_kept(small, tmp_path):
    """Interrupted on the way to six cells, then three are requested: the others are kept for a later call."""

    def stop(done, total):
        if done == 8:
            raise KeyboardInterrupt

    out, told = tmp_path / "t.h5", []
    with pytest.raises(KeyboardInterrupt, match="8 of 12"):
        build(small, out, progress=stop)
    table = build(replace(small, cells=3), out, tell=told.append)
    assert len(table.genotypes) == 3 and len(table.seeds) == 2
    assert told == [f"{out}.ledger keeps 3 finished results beyond this request; request more to use them"]
    counts = []
    build(small, out, progress=lambda done, total: counts.append(done))
    assert counts[0] == 9 and not (tmp_path / "t.h5.ledger").exists()


def test_seeds_and_data_sets_that_were_begun_are_kept(small, tmp_path):
    """Seeds or data sets of an interrupted call are kept when a later call requests only the existing table."""
    out, few = tmp_path / "t.h5", replace(small, cells=2, seeds=1)
    build(few, out)

    def stop(done, total):
        if done == 3:
            raise KeyboardInterrupt

    for more in (replace(few, seeds=3), replace(few, datasets=(*few.datasets, MNIST))):
        told = []
        with pytest.raises(KeyboardInterrupt, match="3 of"):
            build(more, out, progress=stop)
        build(few, out, tell=told.append)
        assert len(told) == 1 and "keeps 1 finished results beyond this request" in told[0]
        counts = []
        build(more, out, progress=lambda done, total, counts=counts: counts.append(done))
        assert counts[0] == 3 and not (tmp_path / "t.h5.ledger").exists()


def test_a_list_that_has_become_longer(small, tmp_path):
    path, out = tmp_path / "list.txt", tmp_path / "t.h5"
    path.write_text("2,0,0,0,0,0\n3,0,0,0,0,0\n")
    settings = replace(small, cells=None, seeds=1, sampling=f"list+path={path}")
    assert len(build(settings, out).genotypes) == 2
    path.write_text("2,0,0,0,0,0\n3,0,0,0,0,0\n3,3,0,0,0,0\n")
    assert build(settings, out).genotypes.tolist() == [[2, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0], [3, 3, 0, 0, 0, 0]]


def test_a_list_that_has_changed_to_what_another_call_trained_less(small, tmp_path):
    """Two cells with two seeds, and one from another sampler with one seed, which is then added to the list."""
    path, out = tmp_path / "list.txt", tmp_path / "t.h5"
    path.write_text("2,0,0,0,0,0\n3,0,0,0,0,0\n")
    listed = replace(small, cells=None, measures=(), sampling=f"list+path={path}")
    build(listed, out)
    (drawn,) = build(replace(small, cells=1, seeds=1, measures=()), out).genotypes[2:]
    path.write_text(f"2,0,0,0,0,0\n{','.join(map(str, drawn))}\n")
    assert build(listed, out).columns["digits/test_loss"].missing[..., 0].tolist() == [[0, 0]] * 3
    costs = replace(listed, measures=("costs",))
    path.write_text("2,0,0,0,0,0\n")
    build(costs, out)
    path.write_text("3,0,0,0,0,0\n")
    assert build(costs, out).columns["digits/flops"].missing.tolist() == [0, 0, 1]


def test_robustness_that_is_asked_for_too_late(small, tmp_path):
    out, told = tmp_path / "t.h5", []
    settings = replace(small, cells=2, seeds=1)
    build(settings, out)
    late = build(replace(settings, measures=("robustness",)), out, tell=told.append)
    assert told == ["robustness is measured right after training, so it is missing for networks trained earlier"]
    assert "digits/corrupted_accuracy" not in late.columns
    more = build(replace(settings, cells=3, measures=("robustness",)), out, tell=told.append)
    assert more.columns["digits/corrupted_accuracy"].missing.tolist() == [[1], [1], [0]]


def test_the_linear_model_is_fitted_once_for_each_data_set(small, tmp_path, monkeypatch):
    from nasbench.builder import builder

    fitted, linear_accuracy = [], builder.linear_accuracy
    monkeypatch.setattr(builder, "linear_accuracy", lambda data: fitted.append(data) or linear_accuracy(data))
    few, out = replace(small, cells=1, seeds=1, measures=()), tmp_path / "t.h5"
    first = build(few, out).recipe["datasets"]
    assert build(replace(few, cells=2), out).recipe["datasets"] == first
    assert len(fitted) == 1


def test_the_same_data_written_in_another_way(small, tmp_path, trained):
    out = tmp_path / "t.h5"
    few = replace(small, cells=1, seeds=1)
    build(few, out)
    build(replace(few, datasets=("digits+test=30+train=40+validation=20",)), out)
    assert len(trained) == 1


def test_a_sound_table_of_several_schedules(small, tmp_path):
    from nasbench.benchmark.hdf5.verify import verify

    out = tmp_path / "t.h5"
    table = build(replace(small, cells=2, seeds=1, shorter=(1,)), out)
    seconds = table.columns["digits/train_seconds"].values
    seconds[0, 0] = [2.0, 1.0]  # one epoch by itself was slower than two
    table.columns["digits@1/train_seconds"].values[0, 0] = 2.0
    table.columns["digits@2/train_seconds"].values[0, 0] = [0.5, 1.0]
    hdf5.write(table, out)
    assert verify(out) == []


def test_another_table_is_not_extended(small, tmp_path):
    out = tmp_path / "t.h5"
    few = replace(small, cells=1, seeds=1)
    build(few, out)
    with pytest.raises(FileError, match=r"another recipe: network.channels is 2 there and 4 here"):
        build(replace(few, network=replace(few.network, channels=4)), out)
    with pytest.raises(FileError, match=r"another recipe: digits.settings.train is 40 there and 50 here"):
        build(replace(few, datasets=("digits+train=50+validation=20+test=30",)), out)
    with pytest.raises(InputError, match="are both named 'digits'; build a file for each"):
        build(replace(few, datasets=("digits", "digits+train=50")), tmp_path / "u.h5")


def test_data_that_changed_since_the_build_began(small, tmp_path, monkeypatch):
    def stop(done, total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(small, tmp_path / "t.h5", progress=stop)
    monkeypatch.setattr("nasbench.datasets.base.Data.checksum", lambda data: "0" * 64)
    with pytest.raises(FileError, match=r"holds trainings on other data: digits.sha256 is '.*' there and '0{64}' here"):
        build(small, tmp_path / "t.h5")


def test_trainings_that_all_diverged_are_a_result_wherever_they_come_from(small, tmp_path):
    """A fresh result has curves without a number, one from a table has none."""
    hopeless = replace(small, cells=1, seeds=1, measures=(), train=replace(small.train, learning_rate=1e30))
    hopeless = replace(hopeless, train=replace(hopeless.train, epochs=1))
    out = tmp_path / "t.h5"
    table = build(hopeless, out)
    assert table.columns["digits/test_loss"].reasons == ("diverged at epoch 1",)
    assert np.isfinite(build(replace(hopeless, measures=("counts",)), out).columns["digits/flops"].values).all()
    more = build(replace(hopeless, cells=2), out)
    assert more.columns["digits/test_loss"].missing.shape == (2, 1, 1) and more.columns["digits/test_loss"].missing[0]


# --- side by side -------------------------------------------------------------------------------------------------


def test_side_by_side_is_invisible_in_the_table(small, tmp_path, rounding):
    alone = build(replace(small, cells=4), tmp_path / "alone.h5")
    fused = build(replace(small, cells=4), tmp_path / "fused.h5", parallel=3)
    np.testing.assert_array_equal(alone.genotypes, fused.genotypes)
    assert fused.recipe["made_with"][0]["side_by_side"] == 3
    for path, column in alone.columns.items():
        other = fused.columns[path]
        assert column.metric == other.metric and not other.missing.any()
        if path.endswith("loss"):
            # the two steps of an epoch multiply the rounding of single precision by less than 1e4, further ones by more
            np.testing.assert_allclose(other.values[..., 0], column.values[..., 0], rtol=rounding(1e4, "float32"))
        if path.endswith("train_seconds"):
            assert (np.diff(other.values, axis=2) > 0).all() and (other.values > 0).all()


def test_the_recipe_says_how_trainings_were_made_and_no_other_calls(small, tmp_path):
    """Two side by side, interrupted, then one by one; measurements and existing trainings do not count."""

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    out, few = tmp_path / "t.h5", replace(small, cells=3, seeds=1, measures=())
    with pytest.raises(KeyboardInterrupt):
        build(few, out, parallel=2, progress=stop)
    build(few, out)
    build(few, out, parallel=8, retry_failed=True)
    table = build(replace(few, measures=("memory",)), out, parallel="auto")
    assert [made["side_by_side"] for made in table.recipe["made_with"]] == [2, 1]


def test_a_group_that_does_not_fit_the_memory_is_halved(small, tmp_path, monkeypatch):
    from nasbench.builder import trainer

    sizes, train_many = [], trainer.train_many

    def crowded(networks, *rest):
        sizes.append(len(networks))
        if len(networks) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate much")
        return train_many(networks, *rest)

    monkeypatch.setattr(trainer, "train_many", crowded)
    told = []
    table = build(replace(small, cells=5, seeds=1), tmp_path / "t.h5", parallel=4, tell=told.append)
    assert sizes == [4, 2, 2] and told == ["4 networks side by side exceed the memory; their number is halved"]
    assert not table.columns["digits/test_loss"].missing.any()


def test_networks_that_cannot_run_side_by_side_are_trained_one_by_one(small, tmp_path, monkeypatch):
    from nasbench.builder import trainer
    from nasbench.training.fusion import Unfusable

    def refuse(*_):
        raise Unfusable("it draws random numbers")

    monkeypatch.setattr(trainer, "train_many", refuse)
    table = build(small, tmp_path / "t.h5", parallel=4)
    monkeypatch.undo()
    alone = build(small, tmp_path / "u.h5")
    for path, column in alone.columns.items():
        if not path.endswith(("train_seconds", "latency")):
            np.testing.assert_array_equal(column.values, table.columns[path].values)


def test_the_same_call_makes_the_same_table(small, same, tmp_path, monkeypatch):
    """The number side by side follows from the settings, never from a clock, and an interrupted build keeps it."""

    def stop(done, total):
        if done == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "timed", None)
    told = []
    for name in ("a.h5", "b.h5"):
        table = build(small, tmp_path / name, parallel="auto", tell=told.append)
        assert [made["side_by_side"] for made in table.recipe["made_with"]] == [8]
    assert told == ["8 networks are trained side by side"] * 2
    with pytest.raises(KeyboardInterrupt):
        build(small, tmp_path / "c.h5", parallel="auto", progress=stop)
    build(small, tmp_path / "c.h5", parallel="auto", tell=told.append)
    assert len(told) == 2
    same(tmp_path / "a.h5", tmp_path / "b.h5")
    same(tmp_path / "a.h5", tmp_path / "c.h5")


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_build_that_goes_on_keeps_the_number_side_by_side(small, tmp_path, monkeypatch, interrupted):
    """Also one that was given, for a larger table and for what was interrupted."""

    def stop(done, total):
        if interrupted and done == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "timed", None)
    out, few = tmp_path / "t.h5", replace(small, cells=3, measures=())
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            build(few, out, parallel=3, progress=stop)
    else:
        build(few, out, parallel=3)
    for parallel in ("auto", "measure"):
        table = build(replace(few, cells=4), out, parallel=parallel)
        assert [made["side_by_side"] for made in table.recipe["made_with"]] == [3]


def test_how_many_side_by_side_is_measured_once(small, same, tmp_path, monkeypatch):
    """An interrupted build continues with the same number."""
    seconds = {1: 1.0, 4: 3.0, 8: 6.5, 16: 99.0}
    monkeypatch.setattr(Trainer, "timed", lambda self, group: seconds[len(group.genotypes)])
    told = []

    def stop(done, total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(small, tmp_path / "t.h5", parallel="measure", tell=told.append, progress=stop)
    assert told == ["4 networks are trained side by side"]
    seconds[1] = 0.0  # the machine is another now
    build(small, tmp_path / "t.h5", parallel="measure", tell=told.append)
    assert len(told) == 1
    build(small, tmp_path / "u.h5", parallel=4)
    same(tmp_path / "t.h5", tmp_path / "u.h5")


def test_active_sampling_is_told_the_scores(small, tmp_path):
    settings = replace(small, cells=7, seeds=1, sampling="active+start=4+batch=2+predictor=ridge+pool=50")
    told = []
    table = build(settings, tmp_path / "t.h5", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (3 * 7, 3 * 7)  # three measures of each
    assert len(np.unique(table.space.key(table.genotypes))) == 7
    assert table.recipe["parts"][0]["sampling"] == settings.sampling
    scores = table.columns["digits/validation_accuracy"].values[:, 0, -1]
    rounds = samplers.create(settings.sampling).rounds(table.space, 7, sampling_generator(settings))
    chosen = next(rounds)
    for known in (4, 6):
        chosen = np.concatenate([chosen, rounds.send(scores[:known])])
    np.testing.assert_array_equal(table.genotypes, chosen)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shorter": (2,)}, "shorter schedules must be increasing numbers of epochs below 2"),
        ({"shorter": (0,)}, "shorter schedules must be a whole number of at least 1, got 0"),
        ({"shorter": (True,)}, "shorter schedules must be a whole number of at least 1, got True"),
        ({"seeds": True}, "seeds must be a whole number of at least 1, got True"),
        ({"measures": "costs"}, r"measures must be a tuple of names, such as \('costs',\), got 'costs'"),
        ({"datasets": "digits"}, "datasets must be a tuple of specifications"),
        ({"datasets": ()}, "datasets must be a tuple"),
        ({"cells": 0}, "cells must be a whole number of at least 1"),
        ({"measures": ("taste",)}, "unknown measure 'taste': known are "),
        ({"sampling": "guess"}, "unknown sampler 'guess'"),
    ],
)
def test_unacceptable_settings(small, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        build(replace(small, **change), tmp_path / "t.h5")
    with pytest.raises(InputError, match="parallel must be a whole number of at least 1, got 0"):
        build(small, tmp_path / "t.h5", parallel=0)
    with pytest.raises(InputError, match="retries must be a whole number of at least 0"):
        build(small, tmp_path / "t.h5", retries=-1)
    assert not list(tmp_path.iterdir())


def test_a_table_gets_no_sampler_imported(small, tmp_path, monkeypatch):
    """A sampler named in a file is code of the file's author."""
    (tmp_path / "foreign_sampler.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    out, few = tmp_path / "t.h5", replace(small, cells=1, seeds=1, measures=())
    table = build(few, out)
    foreign = {**table.recipe["parts"][0], "sampling": "foreign_sampler:Foreign"}
    hdf5.write(replace(table, recipe={**table.recipe, "parts": [foreign]}), out)
    assert len(build(replace(few, cells=2), out).genotypes) == 2


def test_rows_of_unique_functions_stand_for_functions(small, tmp_path):
    """Until cells of another sampler are added."""
    out = tmp_path / "t.h5"
    few = replace(small, cells=2, seeds=1)
    assert build(replace(few, sampling="unique"), out).rows_stand_for_functions
    told = []
    assert not build(few, out, tell=told.append).rows_stand_for_functions
    assert told == [
        f"{out} no longer answers for all cells with a trained function: new cells were not chosen by function"
    ]
    assert not build(replace(few, sampling="unique+by=key"), tmp_path / "u.h5").rows_stand_for_functions


def test_a_shipped_table_with_former_names_of_samplers_is_complete_and_extended(tmp_path, trained):
    """It was built when `unique` was still called `classes`."""
    out = tmp_path / "nb201-digits.h5"
    before = hdf5.read(TABLES / "nb201-digits.h5")
    parts = [{**part, "sampling": "classes"} for part in before.recipe["parts"]]
    hdf5.write(replace(before, recipe={**before.recipe, "parts": parts}), out)
    settings = BuildSettings(
        datasets=("digits+train=600+validation=400+test=600+distortion=0.75",),
        sampling="unique",
        cells=1000,
        seeds=3,
        network=NetworkSettings(channels=16, cells=1, stages=1),
        train=TrainSettings(epochs=8, batch_size=32, learning_rate=0.1),
        measures=(),
    )
    assert len(build(settings, out).genotypes) == 5044 and trained == []
    build(replace(settings, cells=1, seeds=4), out)
    assert len(trained) == 1
    after = hdf5.read(out)
    assert {part["sampling"] for part in after.recipe["parts"]} == {"unique"} and after.rows_stand_for_functions
    np.testing.assert_array_equal(after.genotypes, before.genotypes)

"""Measures in a table: their columns, and the reasons of missing numbers."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings, build
from nasbench.datasets.digits import Digits
from nasbench.errors import InputError, MissingExtraError
from nasbench.measures import PROXIES, Measure, Measurement, Quantity, measures
from nasbench.measures.memory import inference_memory
from nasbench.measures.parameters import parameters
from nasbench.spaces import spaces
from nasbench.tasks.images import ImageClassification


def test_everything_at_once(small, tmp_path, rounding):
    """One table with all measures from the start, and one that gets them later."""
    settings = replace(small, cells=2, measures=tuple(measures))
    table = build(settings, tmp_path / "t.h5", parallel=2)
    columns = table.columns
    for what in settings.measures:
        measure = measures.create(what)
        for quantity in measure.quantities:
            metric = columns[f"digits/{quantity.name}"].metric
            assert metric.dims == (("architecture", "seed") if measure.trained else ("architecture",))
            assert (metric.units, metric.direction, metric.split) == quantity[1:3] + quantity[4:]
    network = spaces.create("nb201").network(
        table.genotypes[1], ImageClassification((1, 8, 8), 10), NetworkSettings(channels=2, cells=1, stages=1)
    )
    assert columns["digits/parameters"].values[1] == parameters(network)
    one = ImageClassification((1, 8, 8), 10).inputs(1)
    assert columns["digits/inference_memory"].values[1] == inference_memory(network, one)
    for name in ("latency", "onnx_latency", "inference_seconds", "training_memory"):
        assert (columns[f"digits/{name}"].values > 0).all()
    parts = [columns[name].values for name in columns if "corrupted_accuracy_" in name]
    assert len(parts) == 8
    np.testing.assert_allclose(np.mean(parts, axis=0), columns["digits/corrupted_accuracy"].values, rtol=rounding(10))
    for energy in (columns["digits/inference_energy"], columns["digits/training_energy"]):
        if energy.missing.any():
            assert energy.missing.all() and energy.reasons[0].startswith("absent: ")
        else:
            assert (energy.values > 0).all()

    build(replace(settings, measures=()), tmp_path / "u.h5", parallel=2)
    later = build(settings, tmp_path / "u.h5", parallel=2)
    assert set(later.columns) == {path for path in columns if "corrupted" not in path}  # which needs trained networks
    for path, column in later.columns.items():
        if not any(word in path for word in ("seconds", "latency", "energy")):
            np.testing.assert_array_equal(column.values, columns[path].values)


def test_proxies_are_those_of_the_initial_network(small, tmp_path):
    table = build(replace(small, cells=1, seeds=1, measures=("proxies",)), tmp_path / "t.h5")
    assert {f"digits/{name}" for name in PROXIES} <= set(table.columns)
    assert table.columns["digits/synflow"].metric.description.startswith("Before training: ")


def test_a_recipe_that_names_a_group_covers_its_members(small, tmp_path, monkeypatch):
    """Earlier versions recorded `costs` where the recipe now names its members."""
    settings, out = replace(small, cells=1, seeds=1), tmp_path / "t.h5"
    table = build(settings, out)
    (part,) = table.recipe["parts"]
    assert part["measures"] == ["parameters", "flops", "latency"]
    hdf5.write(replace(table, recipe={**table.recipe, "parts": [{**part, "measures": ["costs"]}]}), out)
    monkeypatch.setattr("nasbench.builder.trainer.Measurer.__call__", None)
    assert build(settings, out).recipe["parts"][0]["measures"] == ["costs"]


def test_a_measure_takes_no_arguments_in_a_table(small, tmp_path):
    with pytest.raises(InputError, match=r"'zen\+seed=1' takes no arguments"):
        build(replace(small, measures=("zen+seed=1",)), tmp_path / "t.h5")


def test_what_does_not_apply_to_a_network_is_absent(tmp_path):
    settings = BuildSettings(
        space="graph",
        datasets=("karate",),
        cells=1,
        seeds=1,
        network=NetworkSettings(channels=4, cells=1, stages=1),
        train=TrainSettings(epochs=1, batch_size=16),
        measures=("robustness", "proxies"),
    )
    table = build(settings, tmp_path / "t.h5")
    robust = table.columns["karate/corrupted_accuracy"]
    assert robust.reasons == ("absent: corruptions are of images, not of node_classification",)
    zen = table.columns["karate/zen"]
    assert np.isnan(zen.values).all() and zen.reasons[0].startswith("absent: ")
    for name in ("jacov", "naswot", "zen"):  # each says why it is, and not why the first of them is
        assert name in table.columns[f"karate/{name}"].reasons[0]


def test_a_missing_package_is_said_before_anything_is_trained(small, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[onnx\]'"):
        build(replace(small, measures=("onnx",)), tmp_path / "t.h5")
    assert not list(tmp_path.iterdir())


def test_robustness_of_a_diverged_training(small, tmp_path):
    settings = replace(small, cells=3, measures=("robustness",), train=replace(small.train, learning_rate=1e30))
    column = build(settings, tmp_path / "t.h5").columns["digits/corrupted_accuracy"]
    assert column.missing.any() and set(column.reasons) <= {"diverged at epoch 1", "diverged at epoch 2"}


class Stub(Measure):
    """Returns what it is told."""

    quantities = (Quantity("stub", "count", "none", "A stub."), Quantity("stub_too", "count", "none", "Another."))

    def __init__(self, taken=None):
        self.taken = taken

    def _take(self, subject):
        return self.taken


@pytest.mark.parametrize(
    ("taken", "message"),
    [
        (Measurement.of(1, np.nan), r"Stub gave \[ 1\. nan\]; say why a number is missing"),
        (Measurement.of(1, np.inf), r"Stub gave \[ 1\. inf\]; say why a number is missing"),
        (Measurement(np.array([1, -np.inf]), "absent: too large"), "a missing number is NaN"),
        (Measurement(None), "Stub gave None; say why a number is missing"),
        (Measurement(None, " "), "Stub gave None; say why a number is missing"),
        (Measurement.of(1), r"Stub must return 2 values, got shape \(1,\)"),
    ],
)
def test_a_missing_number_has_a_reason(taken, message):
    with pytest.raises(ValueError, match=message):
        Stub(taken)(None)


def test_numbers_of_a_measure_become_an_array_of_doubles():
    values, reason = Stub(Measurement([1, np.nan], "absent: one of them"))(None)
    assert values.dtype == np.float64 and reason == "absent: one of them"


OWN = '''
import math
from pathlib import Path
from nasbench.measures.base import Measure, Measurement, Quantity

class Unsure(Measure):
    """NaN without a reason, until a file says otherwise."""
    quantities = (Quantity("unsure", "count", "none", "A number."),)
    def _take(self, subject):
        return Measurement.of(7.0 if Path("sure").exists() else math.nan)

class Nameless(Measure):
    def _take(self, subject):
        return Measurement.of(1.0)

class Slash(Unsure):
    quantities = (Quantity("a/b", "count", "none", "A number."),)

class Unitless(Unsure):
    quantities = (Quantity("unitless", "", "none", "A number."),)

class Sideways(Unsure):
    quantities = (Quantity("sideways", "count", "up", "A number."),)

class Curve(Unsure):
    quantities = (Quantity("validation_accuracy", "count", "none", "A number."),)

class Twice(Unsure):
    quantities = (Quantity("twice", "count", "none", "A number."),) * 2
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module with measures of a user's own, in the current folder."""
    (tmp_path / "own_measures.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_measures", None)


def test_a_number_that_is_not_finite_is_a_failure_that_is_repeated(own, small, tmp_path):
    settings, out = replace(small, cells=2, seeds=1, measures=("own_measures:Unsure",)), tmp_path / "t.h5"
    column = build(settings, out).columns["digits/unsure"]
    assert column.missing.all() and "failed: ValueError: Unsure gave [nan]" in column.reasons[0]
    (tmp_path / "sure").touch()
    assert build(settings, out, retry_failed=True).columns["digits/unsure"].values.tolist() == [7.0, 7.0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Nameless", "the measure 'own_measures:Nameless' does not say its quantities"),
        ("Slash", "the name of a metric is printable, without '/'"),
        ("Unitless", "metric 'digits/unitless' has no units"),
        ("Sideways", "direction of 'digits/sideways' is one of maximise"),
        ("Curve", "the training and the measure 'own_measures:Curve' both record 'validation_accuracy'"),
        ("Twice", "both record 'twice'; rename one column"),
    ],
)
def test_columns_that_no_table_can_hold_are_refused_before_anything_is_trained(own, small, tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        build(replace(small, measures=(f"own_measures:{name}",)), tmp_path / "t.h5")
    assert not list(tmp_path.glob("t.h5*"))


@pytest.mark.parametrize("name", ["a/b", "epoch", "a\nb"])
def test_a_data_set_of_an_impossible_name_is_refused_before_anything_is_trained(small, tmp_path, monkeypatch, name):
    monkeypatch.setattr(Digits, "name", name)
    with pytest.raises(InputError, match="the name of a data set is printable"):
        build(small, tmp_path / "t.h5")
    assert not list(tmp_path.iterdir())

import json
import subprocess
import sys

import h5py
import numpy as np
import pytest

from nasbench.errors import FileError, InputError
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.predictors.in_context import InContext
from nasbench.predictors.mean import Mean
from nasbench.predictors.ridge import Ridge
from nasbench.predictors.storage import FORMAT, _checksum, _read
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
FITTED = [name for name in predictors if not isinstance(predictors.create(name), InContext)]
FEWER = {
    "gnn": "gnn+members=2+steps=2",
    "xgb": "xgb+boosters=2+rounds=5",
    "gp": "gp+steps=2",
    "conformal": "conformal+predictor=mean",
}


def told(n, seed=0):
    """Inputs with a column and a curve."""
    rng = np.random.default_rng(seed)
    curve = rng.normal(size=(n, 4))
    return Inputs.of(SPACE, SPACE.sample(n, rng), columns={"flops": rng.normal(size=n)}, curve=curve)


TRAIN, TEST = told(30), told(50, seed=1)
Y = TRAIN.columns["flops"] + TRAIN.curve[:, -1]


@pytest.fixture
def saved(tmp_path):
    """A small file of a fitted predictor."""
    Ridge("counts").fit(TRAIN, Y).save(tmp_path / "ridge")
    return tmp_path / "ridge"


def test_a_file_by_hand(tmp_path):
    """Named arrays, and a description in JSON."""
    Mean().fit(TRAIN[:2], [10.0, 14.0]).save(tmp_path / "mean")
    with h5py.File(tmp_path / "mean") as file:
        assert (set(file), set(file["state"])) == ({"description", "state"}, {"location", "scale", "warp", "std"})
        assert (file["state/location"][()], file["state/scale"][()]) == (12.0, 2.0)
        assert json.loads(file["description"][()].tobytes()) == {
            "format": FORMAT,
            "predictor": "mean",
            "arguments": {},
            "default_features": 2,
            "space": "nb201",
            "space_settings": {},
        }


@pytest.mark.parametrize("features", ["default", "default/flops/curve@4"])
@pytest.mark.parametrize("name", FITTED)
def test_every_predictor_comes_back_bit_for_bit(tmp_path, name, features):
    predictor = predictors.create(FEWER.get(name, name))
    if "features" in predictor.get_params():
        predictor.set_params(features=features)
    predictor.fit(TRAIN, Y).save(str(tmp_path / "file"))
    loaded = Predictor.load(str(tmp_path / "file"))
    assert type(loaded) is type(predictor)
    assert loaded.get_params() == predictor.get_params()
    assert loaded.needs == predictor.needs
    for ours, theirs in zip(predictor.predict(TEST), loaded.predict(TEST), strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(*(p.sample(TEST, 3, np.random.default_rng(0)) for p in (predictor, loaded)))
    assert np.array_equal(predictor.transform(Y), loaded.transform(Y))
    loaded.save(tmp_path / "again")
    with h5py.File(tmp_path / "file") as one, h5py.File(tmp_path / "again") as two:
        assert one.attrs["sha256"] == two.attrs["sha256"]


def test_a_space_with_arguments_comes_back(tmp_path):
    space = spaces.create("graph+before=0")
    inputs = Inputs.of(space, space.sample(20, np.random.default_rng(0)))
    Ridge().fit(inputs, np.arange(20.0)).save(tmp_path / "file")
    loaded = Predictor.load(tmp_path / "file")
    assert (loaded.space_.name, loaded.space_.before) == (space.name, 0)
    assert loaded.predict(inputs).mean.shape == (20,)


def test_a_loaded_predictor_can_be_fitted_again(saved):
    loaded = Predictor.load(saved)
    again = loaded.fit(TRAIN, -Y).predict(TEST)
    assert np.array_equal(again.mean, Ridge("counts").fit(TRAIN, -Y).predict(TEST).mean)


# --- what cannot be written -------------------------------------------------------------------------------------------


class OddArguments(Mean):
    def __init__(self, number=0.0):
        self.number = number


class StoresObjects(Mean):
    def _state(self):
        return {**super()._state(), "cells": np.array([None, {}])}


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Mean(), "Mean is not fitted; call fit first"),
        (OddArguments(np.nan).fit(TRAIN, Y), "OddArguments cannot be saved: .*; use JSON values"),
        (OddArguments({1, 2}).fit(TRAIN, Y), "OddArguments cannot be saved: .*; use JSON values"),
        (
            StoresObjects().fit(TRAIN, Y),
            "StoresObjects cannot be saved: state 'cells' is an array of object; use numbers",
        ),
    ],
)
def test_what_cannot_be_saved_leaves_no_file(tmp_path, predictor, message):
    with pytest.raises(InputError, match=message):
        predictor.save(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileError, match="cannot write"):
        Mean().fit(TRAIN, Y).save(tmp_path / "absent" / "file")


# --- what cannot be read ----------------------------------------------------------------------------------------------


def refused(path, message="is no saved predictor, or is damaged"):
    with pytest.raises(FileError, match=message) as caught:
        Predictor.load(path)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path):
    refused(tmp_path / "absent", r"there is no file '.*absent'; pass one that Predictor\.save wrote")
    refused(tmp_path)


def test_files_of_something_else(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"text", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80\x04N."):
        path.write_bytes(content)
        refused(path)
    with h5py.File(path, "w") as file:
        file["a"] = np.arange(3)
    refused(path, "it has no description and state")
    with h5py.File(path, "w") as file:
        file["description"], file["state/a"] = "text", np.arange(3)
    refused(path)


def test_arrays_that_say_to_be_larger_than_the_file_are_not_read(saved):
    with h5py.File(saved, "r+") as file:
        file.create_dataset("state/huge", shape=(10**9,), dtype=np.float64, chunks=(10**6,))
    refused(saved, "its arrays are larger than the file")


def test_links_to_other_files_are_not_followed(saved, tmp_path):
    with h5py.File(tmp_path / "other", "w") as file:
        file["secret"] = np.arange(3)
    with h5py.File(saved, "r+") as file:
        file["state/stolen"] = h5py.ExternalLink(str(tmp_path / "other"), "secret")
    assert Predictor.load(saved).get_params() == {"features": "counts"}


class StoresMore(Mean):
    def _state(self):
        return {**super()._state(), "1/weight": np.arange(3.0), "a.b": np.array(True), "c d@2": np.zeros((0, 2))}

    def _restore(self, state):
        super()._restore(state)
        self.more_ = {name: state[name] for name in ("1/weight", "a.b", "c d@2")}


def test_names_with_slashes_and_points_come_back(tmp_path):
    StoresMore().fit(TRAIN, Y).save(tmp_path / "file")
    more = Predictor.load(tmp_path / "file").more_
    assert more["1/weight"].tolist() == [0, 1, 2] and more["a.b"] and more["c d@2"].shape == (0, 2)


def rewritten(path, changes=(), without=None):
    """The file with fields of its description changed, or without an array; its checksum fits."""
    described, state = _read(path)
    text = json.dumps({**described, **dict(changes)}).encode()
    state.pop(without, None)
    with h5py.File(path, "w") as file:
        file["description"] = np.frombuffer(text, dtype=np.uint8)
        for name, array in state.items():
            file[f"state/{name}"] = array
        file.attrs["sha256"] = np.bytes_(_checksum(text, state))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "nasbench predictor 99"}, "nasbench predictor 99"),
        ({"predictor": "rigde"}, "did you mean 'ridge'"),
        ({"predictor": "gp"}, "is no saved predictor"),
        ({"predictor": 3}, "is no saved predictor"),
        ({"arguments": {"colour": 1}}, "colour"),
        ({"arguments": []}, "is no saved predictor"),
        ({"space": "nb2"}, "unknown space 'nb2'"),
        ({"space_settings": None}, "is no saved predictor"),
        ({"predictor": "antigravity:Predictor"}, "set NASBENCH_TRUSTED_MODULES=antigravity"),
    ],
)
def test_a_description_that_is_wrong(saved, changes, message):
    rewritten(saved, changes)
    refused(saved, message)


@pytest.mark.parametrize("absent", ["location", "warp", "weight"])
def test_arrays_that_are_absent(saved, absent):
    rewritten(saved, without=absent)
    refused(saved, absent)


def test_numbers_that_were_changed(saved):
    with h5py.File(saved, "r+") as file:
        file["state/weight"][0] += 1
    refused(saved, "the checksum differs")


def test_a_file_that_ends_early(saved):
    whole = saved.read_bytes()
    for length in {*range(0, len(whole), 61), *range(len(whole) - 40, len(whole))}:
        saved.write_bytes(whole[:length])
        refused(saved)


def test_a_file_with_a_damaged_byte(saved):
    """A byte that nobody reads, such as unused room, may be anything; the predictor is the same or refused."""
    whole, expected = saved.read_bytes(), Predictor.load(saved).predict(TEST)
    rng, refusals = np.random.default_rng(0), 0
    for position in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        saved.write_bytes(damaged)
        try:
            loaded = Predictor.load(saved)
        except FileError as error:
            assert "\n" not in str(error)
            refusals += 1
        else:
            assert all(map(np.array_equal, loaded.predict(TEST), expected))
    assert refusals > len(whole) / 17 / 2


MINE = """
import numpy as np
from nasbench.predictors import Prediction, Predictor

print("imported")

class Constant(Predictor):
    def __init__(self, value=0.0):
        self.value = value

    def _fit(self, inputs, z):
        pass

    def _predict(self, inputs):
        return Prediction(np.full(len(inputs), self.value), np.ones(len(inputs)))

    def _state(self):
        return {}

    def _restore(self, state):
        pass
"""
LOAD = """
import sys
from nasbench.errors import FileError
from nasbench.predictors import Predictor
try:
    print(Predictor.load(sys.argv[1]))
except FileError as error:
    print(error)
"""


def test_a_module_of_ones_own_is_imported_only_if_it_is_trusted(tmp_path, monkeypatch):
    (tmp_path / "my_constant.py").write_text(MINE)
    monkeypatch.syspath_prepend(str(tmp_path))
    predictors.create("my_constant:Constant+value=3").fit(TRAIN, Y).save(tmp_path / "file")
    assert Predictor.load(tmp_path / "file").get_params() == {"value": 3}  # it is imported already
    sys.modules.pop("my_constant")

    def load():
        command = [sys.executable, "-c", LOAD, str(tmp_path / "file")]
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()

    (line,) = load()
    assert "if you trust the module 'my_constant', import it first or set NASBENCH_TRUSTED_MODULES=my_constant" in line
    monkeypatch.setenv("NASBENCH_TRUSTED_MODULES", "my_constant")
    assert load() == ["imported", "Constant(value=3)"]


def test_predictions_are_those_of_the_base_class(saved):
    loaded = Predictor.load(saved)
    assert isinstance(loaded.predict(TEST), Prediction)
    with pytest.raises(InputError, match="was fitted on nb201, got inputs of nb101"):
        nb101 = spaces.create("nb101")
        loaded.predict(Inputs.of(nb101, nb101.sample(2, np.random.default_rng(0))))

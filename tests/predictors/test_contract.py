"""Every registered predictor keeps the contract, and the contract catches predictors that do not."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from nasbench.predictors import Needs, Prediction, Predictor, predictors
from nasbench.predictors.encodings import encode
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

NB101 = spaces.create("nb101")
FEWER = {
    "gnn": "gnn+members=3+steps=120",
    "hist": "hist+boosters=4+rounds=20",
    "xgb": "xgb+boosters=3+rounds=60",
    "conformal": "conformal+predictor=ridge",
    "auto": "auto+members=ridge/gp-wl/forest",
    "ensemble": "ensemble+members=gp-wl/forest",
}
"""Cheaper, and enough for the easy target."""
WEIGHTS_NEEDED = ("tabpfn", "tabicl")


@pytest.mark.parametrize("space", ["nb201", "nb101"])
@pytest.mark.parametrize("name", list(predictors))
def test_registered_predictors_keep_the_contract(name, space):
    if name in WEIGHTS_NEEDED:
        pytest.skip(f"{name} needs pretrained weights, which a user brings; test_in_context.py makes some up")
    learns = name not in ("mean", "column", "power-law")  # curves and columns are made up here
    check_predictor(predictors.create(FEWER.get(name, name)), spaces.create(space), learns=learns)


class Nearest(Predictor):
    """Mean and spread of the targets of the five nearest training architectures: keeps the contract."""

    def __init__(self, features="counts"):
        self.features = features

    def _encode(self, inputs):
        return encode(inputs, self.features)[0]

    def _fit(self, inputs, z):
        self.x_, self.z_ = self._encode(inputs), z

    def _predict(self, inputs):
        distance = np.abs(self._encode(inputs)[:, None] - self.x_).sum(axis=-1)
        nearest = self.z_[np.argsort(distance, axis=1, kind="stable")[:, :5]]
        return Prediction(nearest.mean(axis=1), nearest.std(axis=1) + 0.1)

    def _state(self):
        return {"x": self.x_, "z": self.z_}

    def _restore(self, state):
        self.x_, self.z_ = state["x"], state["z"]


class LearnsNothing(Nearest):
    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(np.zeros_like(mean), std)


class BatchDependent(Nearest):
    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(mean - 0.1 * mean.mean(), std)


class Remembers(Nearest):
    def _fit(self, inputs, z):
        self.fits_ = [*getattr(self, "fits_", []), z.tobytes()]
        super()._fit(inputs, z + 0.1 * (len(set(self.fits_)) - 1))


class Random(Nearest):
    def __init__(self):
        self.rng = np.random.default_rng(0)
        super().__init__()

    def _fit(self, inputs, z):
        super()._fit(inputs, z + self.rng.normal(size=len(z)) * 0.01)


class DependsOnNumbering(Nearest):
    def predict(self, inputs):
        mean, std = super().predict(inputs)
        return Prediction(mean + 0.0003 * self.transform_.scale * inputs.genotypes[:, :21] @ np.arange(21), std)


class NegativeStd(Nearest):
    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(mean, -std)

    def _sample(self, inputs, k, rng):
        raise AssertionError("not reached")


class ZeroStd(Nearest):
    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(mean, std - std.min())


class NotFinite(Nearest):
    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(np.where(mean == mean.max(), np.nan, mean), std)


class ModifiesTargets(Nearest):
    def fit(self, inputs, targets):
        super().fit(inputs, targets)
        targets -= self.transform_.location
        return self


class StandardisesColumns(Nearest):
    def _encode(self, inputs):
        for values in inputs.columns.values():
            values -= values.mean()
        return super()._encode(inputs)


class AddsAColumn(Nearest):
    def _encode(self, inputs):
        inputs.columns["sum"] = inputs.genotypes.sum(axis=1)
        return super()._encode(inputs)


class SortsGenotypes(Nearest):
    def _sample(self, inputs, k, rng):
        inputs.genotypes.sort(axis=0)
        return super()._sample(inputs, k, rng)


class WritesBehindTheLock(Nearest):
    def fit(self, inputs, targets):
        genotypes = inputs.genotypes
        while genotypes.base is not None:
            genotypes = genotypes.base
        genotypes[0] = genotypes[1]
        return super().fit(inputs, targets)


class PretrainsInPlace(Nearest):
    def pretrain(self, sources):
        for _, targets in sources:
            targets -= targets.mean()
        return self


class KeepsThePrediction(Nearest):
    def predict(self, inputs):
        known = vars(self).setdefault("known", {})
        self._check_fitted()
        name = self.z_.tobytes() + inputs.genotypes.tobytes()
        if name not in known:
            known[name] = super().predict(inputs)
        return known[name]


class KeepsTargets(Nearest):
    def fit(self, inputs, targets):
        self.targets_ = targets
        return super().fit(inputs, targets)

    def predict(self, inputs):
        mean, std = super().predict(inputs)
        return Prediction(np.clip(mean, self.targets_.min(), self.targets_.max()), std)


class DependsOnUnit(Nearest):
    def predict(self, inputs):
        mean, std = super().predict(inputs)
        return Prediction(mean, std + 1)

    def sample(self, inputs, k, rng):
        mean, std = self.predict(inputs)
        return mean + std * rng.standard_normal((k, len(mean)))


class AcceptsNaN(Nearest):
    def fit(self, inputs, targets):
        return super().fit(inputs, np.nan_to_num(targets, posinf=0))


class AcceptsArrays(Nearest):
    def _given(self, inputs):
        from nasbench.predictors import Inputs

        return Inputs.of(NB101, inputs) if isinstance(inputs, np.ndarray) else inputs


class RaisesSomethingElse(Nearest):
    def fit(self, inputs, targets):
        if len(targets) != len(inputs):
            raise IndexError("oops")
        return super().fit(inputs, targets)


class DrawsTooWide(Nearest):
    def _sample(self, inputs, k, rng):
        mean, std = self._predict(inputs)
        return mean + 1.5 * std * rng.standard_normal((k, len(mean)))


class DrawsMeansOnly(Nearest):
    def _sample(self, inputs, k, rng):
        return np.repeat(self._predict(inputs).mean[None], k, axis=0)


class DrawsElsewhere(Nearest):
    def _sample(self, inputs, k, rng):
        return super()._sample(inputs, k, rng) + 1


class DrawsTransposed(Nearest):
    def _sample(self, inputs, k, rng):
        return super()._sample(inputs, k, rng).T


class DrawsByItself(Nearest):
    def _sample(self, inputs, k, rng):
        return super()._sample(inputs, k, np.random.default_rng())


class ForgetsToRestore(Nearest):
    def _restore(self, state):
        self.x_, self.z_ = state["x"], np.zeros_like(state["z"])


class ForgetsToSave(Nearest):
    def save(self, path):
        sound = self.z_
        self.z_ = np.zeros_like(sound)
        super().save(path)
        self.z_ = sound


class StoresObjects(Nearest):
    def _state(self):
        return {"all": np.array([self.x_, self.z_, None], dtype=object)}


class StoresUnderATakenName(Nearest):
    def _state(self):
        return {**super()._state(), "scale": np.ones(1)}


class ScalesConstantsByOne(Nearest):
    transforms_columns = False  # which would do it

    def _predict(self, inputs):
        mean, std = super()._predict(inputs)
        return Prediction(mean + 1e-3 * (self._encode(inputs) - self.x_.mean(axis=0)).sum(axis=1), std)


class KeepsARefusedFit(Nearest):
    def _forget(self):
        pass


class ChangesAnArgument(Nearest):
    def __init__(self, features="counts", ks=(3, 5)):
        super().__init__(features)
        self.ks = list(ks)


class ForgetsAParameter(Nearest):
    def __init__(self, features="counts", k=5):
        super().__init__(features)
        self.k = k

    def restore(self, space, state):
        self.k = 6
        return super().restore(space, state)


class AcceptsAnyArgument(Nearest):
    def set_params(self, **params):
        known = {name: value for name, value in params.items() if name == "features"}
        return super().set_params(**known)


class DoesNotSayWhatItNeeds(Nearest):
    @property
    def needs(self):
        return Needs()


class ForgetsTheCurve(Nearest):
    @property
    def needs(self):
        return Needs(super().needs.columns)


class IgnoresColumns(Nearest):
    def _encode(self, inputs):
        return super()._encode(replace(inputs, columns={name: np.zeros(len(inputs)) for name in inputs.columns}))


class GuessesMissingColumns(Nearest):
    def _encode(self, inputs):
        if self.needs.columns and not inputs.columns:
            return np.zeros((len(inputs), len(NB101.ops) + 1))
        return super()._encode(inputs)


class WithoutFeatures(Predictor):
    """Keeps the contract without an argument `features`, though one of its arguments has another meaning."""

    def __init__(self, k=5):
        self.k = k

    def _fit(self, inputs, z):
        self.nearest_ = Nearest().fit_transformed(inputs, z)

    def _predict(self, inputs):
        return self.nearest_.predict_transformed(inputs)

    def _state(self):
        return {f"nearest_{name}": array for name, array in self.nearest_.state().items()}

    def _restore(self, state):
        state = {name.removeprefix("nearest_"): array for name, array in state.items()}
        self.nearest_ = Nearest().restore(self.space_, state)


@pytest.mark.parametrize(
    "predictor", [Nearest(), Nearest("counts/flops"), Nearest("counts/curve@1"), WithoutFeatures()]
)
def test_a_sound_predictor_of_ones_own_keeps_the_contract(predictor):
    check_predictor(predictor, NB101)


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (LearnsNothing, "learns nothing"),
        (BatchDependent, "batch dependent"),
        (Remembers, "remembers an earlier fit"),
        (Random, "not deterministic"),
        (DependsOnNumbering, "numbering of the nodes"),
        (NegativeStd, "standard deviation is not positive"),
        (ZeroStd, "standard deviation is not positive"),
        (NotFinite, "mean is not finite"),
        (ModifiesTargets, "modifies its targets"),
        (partial(StandardisesColumns, "counts/flops"), "writes to its inputs, which others read too"),
        (AddsAColumn, "writes to its inputs, which others read too"),
        (SortsGenotypes, "writes to its inputs, which others read too"),
        (WritesBehindTheLock, "modifies its inputs"),
        (PretrainsInPlace, "modifies its targets"),
        (KeepsThePrediction, "returns the same memory from two calls of predict: return copies"),
        (KeepsTargets, "goes on using the array of targets"),
        (DependsOnUnit, "not equivariant"),
        (AcceptsNaN, "a target that is nan is not refused"),
        (AcceptsArrays, "an array in the place of Inputs is not refused"),
        (RaisesSomethingElse, "raises IndexError, not InputError"),
        (DrawsTooWide, "the spread of the draws is not the predicted standard deviation"),
        (DrawsMeansOnly, "the spread of the draws is not the predicted standard deviation"),
        (DrawsElsewhere, "the mean of the draws is not the predicted mean"),
        (DrawsTransposed, r"draws have shape \(60, 400\), not \(400, 60\)"),
        (DrawsByItself, "the same rng gives other draws"),
        (ForgetsToRestore, "restored predictor predicts differently"),
        (ForgetsToSave, "loaded predictor predicts differently"),
        (StoresObjects, "holds object, not numbers"),
        (StoresUnderATakenName, "cannot be stored: .* names an array 'scale', which the base class stores; rename it"),
        (ScalesConstantsByOne, "a column that is constant where it is learnt from moves predictions far away"),
        (KeepsARefusedFit, "predicting after a fit that was refused"),
        (ChangesAnArgument, "the constructor changes an argument"),
        (ForgetsAParameter, "does not reconstruct"),
        (AcceptsAnyArgument, "an argument that does not exist is not refused"),
        (DoesNotSayWhatItNeeds, "does not say that it needs 'made_up'"),
        (ForgetsTheCurve, "does not say that it needs 'curve@3'"),
        (IgnoresColumns, "learns nothing from 'made_up'"),
        (GuessesMissingColumns, "inputs without 'made_up' is not refused"),
    ],
)
def test_a_fault_is_caught_by_name(predictor, message):
    with pytest.raises(AssertionError, match=message):
        check_predictor(predictor(), NB101)


def test_a_baseline_need_not_learn():
    check_predictor(LearnsNothing(), NB101, learns=False)


class Forest(Predictor):
    """Standardised features and a random forest, which decides ties between splits by the last bit of the targets."""

    def __init__(self, features="op_counts_live/counts", digits=None):
        self.features, self.digits = features, digits

    def _fit(self, inputs, z):
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.preprocessing import StandardScaler

        if self.digits is not None:
            z = np.round(z, self.digits)
        x = encode(inputs, self.features)[0]
        self.scaler_ = StandardScaler().fit(x)
        self.x_, self.z_ = x, z
        self.forest_ = RandomForestRegressor(20, random_state=0).fit(self.scaler_.transform(x), z)

    def _predict(self, inputs):
        x = self.scaler_.transform(encode(inputs, self.features)[0])
        trees = np.stack([tree.predict(x) for tree in self.forest_.estimators_])
        return Prediction(trees.mean(axis=0), np.sqrt(trees.var(axis=0) + 0.01))

    def _state(self):
        return {"x": self.x_, "z": self.z_}

    def _restore(self, state):
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.preprocessing import StandardScaler

        self.x_, self.z_ = state["x"], state["z"]
        self.scaler_ = StandardScaler().fit(self.x_)
        self.forest_ = RandomForestRegressor(20, random_state=0).fit(self.scaler_.transform(self.x_), self.z_)


def test_trees_that_break_ties_by_rounding_are_told_what_to_do():
    with pytest.raises(AssertionError, match=r"trees decide ties by rounding, .* as in `z = np\.round\(z, 6\)`"):
        check_predictor(Forest(), NB101)
    check_predictor(Forest(digits=6), NB101)

"""Every registered predictor keeps the contract, and the contract catches predictors that do not."""

import numpy as np
import pytest

from nasbench.predictors import Prediction, Predictor, predictors
from nasbench.spaces import spaces
from nasbench.testing import check_predictor

NB101 = spaces.create("nb101")


@pytest.mark.parametrize("space", ["nb201", "nb101"])
@pytest.mark.parametrize("name", list(predictors))
def test_registered_predictors_keep_the_contract(name, space):
    fewer = {"steps": 100} if name == "gnn" else {}  # enough for the easy target
    check_predictor(predictors.create(name, **fewer), spaces.create(space), learns=name != "mean")


class Nearest(Predictor):
    """Mean and spread of the targets of the five nearest training architectures: keeps the contract."""

    def _fit(self, genotypes, z):
        self.counts_, self.z_ = self.space_.features(genotypes, "counts"), z

    def _predict(self, genotypes):
        counts = self.space_.features(genotypes, "counts")
        distance = np.abs(counts[:, None] - self.counts_).sum(axis=-1)
        nearest = self.z_[np.argsort(distance, axis=1, kind="stable")[:, :5]]
        return Prediction(nearest.mean(axis=1), nearest.std(axis=1) + 0.1)

    def _state(self):
        return {"counts": self.counts_, "z": self.z_}

    def _restore(self, state):
        self.counts_, self.z_ = state["counts"], state["z"]


class LearnsNothing(Nearest):
    def _predict(self, genotypes):
        mean, std = super()._predict(genotypes)
        return Prediction(np.zeros_like(mean), std)


class BatchDependent(Nearest):
    def _predict(self, genotypes):
        mean, std = super()._predict(genotypes)
        return Prediction(mean - 0.1 * mean.mean(), std)


class Remembers(Nearest):
    def _fit(self, genotypes, z):
        self.fits_ = [*getattr(self, "fits_", []), z.tobytes()]
        super()._fit(genotypes, z + 0.1 * (len(set(self.fits_)) - 1))


class Random(Nearest):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def parameters(self):
        return {}

    def _fit(self, genotypes, z):
        super()._fit(genotypes, z + self.rng.normal(size=len(z)) * 0.01)


class DependsOnNumbering(Nearest):
    def predict(self, genotypes):
        mean, std = super().predict(genotypes)
        return Prediction(mean + 0.001 * self.scale_ * np.asarray(genotypes)[:, :21] @ np.arange(21), std)


class NegativeStd(Nearest):
    def _predict(self, genotypes):
        mean, std = super()._predict(genotypes)
        return Prediction(mean, -std)


class ZeroStd(Nearest):
    def _predict(self, genotypes):
        mean, std = super()._predict(genotypes)
        return Prediction(mean, std - std.min())


class NotFinite(Nearest):
    def _predict(self, genotypes):
        mean, std = super()._predict(genotypes)
        return Prediction(np.where(mean == mean.max(), np.nan, mean), std)


class ModifiesTargets(Nearest):
    def fit(self, space, genotypes, targets):
        super().fit(space, genotypes, targets)
        targets -= self.location_
        return self


class DependsOnUnit(Nearest):
    def predict(self, genotypes):
        mean, std = super().predict(genotypes)
        return Prediction(mean, std + 1)


class AcceptsNaN(Nearest):
    def fit(self, space, genotypes, targets):
        return super().fit(space, genotypes, np.nan_to_num(targets, posinf=0))


class RaisesSomethingElse(Nearest):
    def fit(self, space, genotypes, targets):
        if len(targets) != len(genotypes):
            raise IndexError("oops")
        return super().fit(space, genotypes, targets)


class ForgetsToStore(Nearest):
    def _restore(self, state):
        self.counts_, self.z_ = state["counts"], np.zeros_like(state["z"])


class StoresObjects(Nearest):
    def _state(self):
        return {"all": np.array([self.counts_, self.z_, None], dtype=object)}


class ForgetsAParameter(Nearest):
    def __init__(self, k=3):
        self.k = 5

    def parameters(self):
        return {"k": self.k}

    def restore(self, space, state):
        self.k = 6
        return super().restore(space, state)


def test_a_sound_predictor_of_ones_own_keeps_the_contract():
    check_predictor(Nearest(), NB101)


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
        (DependsOnUnit, "not equivariant"),
        (AcceptsNaN, "a target that is nan is not refused"),
        (RaisesSomethingElse, "raises IndexError, not InputError"),
        (ForgetsToStore, "restored predictor predicts differently"),
        (StoresObjects, "holds object, not numbers"),
        (ForgetsAParameter, "does not reconstruct"),
    ],
)
def test_a_fault_is_caught_by_name(predictor, message):
    with pytest.raises(AssertionError, match=message):
        check_predictor(predictor(), NB101)


def test_a_baseline_need_not_learn():
    check_predictor(LearnsNothing(), NB101, learns=False)

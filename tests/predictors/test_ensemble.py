"""An ensemble is the mixture of its members."""

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors.ensemble import Ensemble
from nasbench.predictors.mean import Mean
from nasbench.predictors.ridge import Ridge
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
GENOTYPES = SPACE.sample(80, np.random.default_rng(0))
Y = SPACE.features(GENOTYPES, "counts") @ np.arange(7.0)


def test_mixture_by_hand():
    """Means 0 and m, deviations a and b: mean m / 2, variance (a^2 + b^2) / 2 + m^2 / 4."""
    found = Ensemble("mean/ridge", "onehot").fit(SPACE, GENOTYPES, Y)
    z = found.warp(Y)
    one, other = (member.fit(SPACE, GENOTYPES, z).predict(GENOTYPES) for member in (Mean(), Ridge("onehot")))
    mixture = found.predict_warped(GENOTYPES)
    assert mixture.mean == pytest.approx((one.mean + other.mean) / 2, abs=1e-9)
    assert mixture.std**2 == pytest.approx((one.std**2 + other.std**2) / 2 + (one.mean - other.mean) ** 2 / 4)


def test_one_member_is_that_member():
    """But for a second warp, of targets that are nearly normal already."""
    alone = Ridge().fit(SPACE, GENOTYPES, Y).predict(GENOTYPES).mean
    assert Ensemble("ridge").fit(SPACE, GENOTYPES, Y).predict(GENOTYPES).mean == pytest.approx(alone, abs=0.1 * Y.std())


def test_features_and_seed_reach_the_members():
    members = Ensemble("xgb/ridge/mean", "counts", seed=5)._made()
    assert (members[0].features, members[0].seed, members[1].features) == ("counts", 5, "counts")


@pytest.mark.parametrize("members", ["", "gp/rigde", "ensemble/gp", "gp,xgb", 3, "os:path"])
def test_what_cannot_be_a_member(members):
    with pytest.raises(InputError, match="members of an ensemble are known predictors joined by '/': mean, ridge, gp"):
        Ensemble(members).fit(SPACE, GENOTYPES, Y)

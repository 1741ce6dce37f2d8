import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.column_transform import ColumnTransform
from nasbench.predictors.encodings import STRUCTURE, encode
from nasbench.predictors.gp_unlabelled import UnlabelledGP, spread_over_space
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
INPUTS = Inputs.of(SPACE, SPACE.sample(20, np.random.default_rng(1)))
Y = np.arange(20.0)


def test_spread_by_hand():
    """Each of six positions holds each of five options with chance 1/5, so its variance is 4/25."""
    spread = spread_over_space(SPACE, "onehot", 20_000)
    # the variance of a share of 20,000 draws is known to 3 standard errors of sqrt(.2 * .8 / 20,000) * (1 - 2 * .2)
    assert spread**2 == pytest.approx(np.full(30, 4 / 25), abs=4 * 0.0017)


def test_the_mean_squared_distance_over_the_space_is_one():
    fitted = UnlabelledGP("onehot", drawn=2000).fit(INPUTS, Y)
    drawn = SPACE.canonical(SPACE.sample(2000, np.random.default_rng(0)))
    x = encode(Inputs(SPACE, drawn), "onehot")[0] / fitted.unit_
    # over all pairs it is twice the sum of the variances
    assert 2 * x.var(axis=0).sum() == pytest.approx(1.0)
    assert np.ptp(x.var(axis=0)) == pytest.approx(0.0, abs=1e-12)  # every feature has the same share


def test_units_depend_on_no_label():
    fits = [UnlabelledGP().fit(INPUTS[rows], Y[rows]) for rows in (slice(10), slice(10, 20))]
    assert np.array_equal(fits[0].unit_, fits[1].unit_)


def test_all_features_of_graphs_have_one_weight_and_a_column_its_own():
    inputs = Inputs.of(SPACE, INPUTS.genotypes, columns={"flops": Y**2})
    fitted = UnlabelledGP("default/flops/counts").fit(inputs, Y)
    width = encode(INPUTS, STRUCTURE)[0].shape[1]
    graph, column = np.delete(fitted.weight_, width), fitted.weight_[width]
    assert len(set(graph)) == 1
    assert column != graph[0]
    flops = inputs.columns["flops"]
    assert fitted.unit_[width] == pytest.approx(np.sqrt(2) * ColumnTransform.fit(flops)(flops).std())


def test_default_is_what_flows():
    one, same = (UnlabelledGP(features).fit(INPUTS, Y).predict(INPUTS) for features in ("default", STRUCTURE))
    assert all(map(np.array_equal, one, same))
    sized = spaces.create("nats_size")
    inputs = Inputs.of(sized, sized.sample(10, np.random.default_rng(0)))
    fitted = UnlabelledGP(drawn=50).fit(inputs, np.arange(10.0))
    assert fitted.points_[0].shape == encode(inputs, "default")[0].shape


def test_the_spread_is_remembered_and_read_only():
    spread = spread_over_space(SPACE, "counts", 100)
    assert spread_over_space(SPACE, "counts", 100) is spread
    assert not spread.flags.writeable


def test_nothing_drawn_is_refused():
    with pytest.raises(InputError, match="drawn of UnlabelledGP must be a whole number of at least 2, got 0"):
        UnlabelledGP(drawn=0).fit(INPUTS, Y)

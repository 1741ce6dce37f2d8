import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from nasbench.errors import InputError
from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode
from nasbench.predictors.encodings.encoder import Encoder
from nasbench.spaces import spaces

SPACE, NB101 = spaces.create("nb201"), spaces.create("nb101")


def linear(n=90):
    """Cells with a target that operations and a column decide."""
    rng = np.random.default_rng(0)
    genotypes, flops = SPACE.sample(n, rng), rng.normal(size=n)
    inputs = Inputs.of(SPACE, genotypes, columns={"flops": flops})
    return inputs, SPACE.features(genotypes, "counts") @ np.arange(7.0) + 5 * flops


def test_features_are_those_of_the_canonical_genotypes():
    rng = np.random.default_rng(0)
    inputs = Inputs.of(NB101, NB101.sample(20, rng), columns={"flops": np.arange(20.0)})
    features = Encoder("adjacency/flops").fit(inputs).transform(inputs)
    assert np.array_equal(features, encode(inputs.canonical, "adjacency/flops")[0])
    assert np.array_equal(Encoder().fit_transform(inputs), encode(inputs.canonical, "default")[0])


def test_nothing_is_learnt():
    encoder = Encoder("counts")
    check_is_fitted(encoder)
    assert clone(encoder).get_params() == {"features": "counts"}
    with pytest.raises(InputError, match="unknown encoding or column 'flops'"):
        encoder.set_params(features="flops").transform(Inputs.of(SPACE, SPACE.decode(np.arange(2))))


@pytest.mark.parametrize("name", list(spaces))
def test_no_inputs_have_no_features_of_as_many_columns(name):
    space = spaces.create(name)
    inputs = Inputs.of(space, space.sample(2, np.random.default_rng(0)))
    assert Encoder().transform(inputs[:0]).shape == (0, Encoder().transform(inputs).shape[1])


def test_any_regressor_fits_on_inputs():
    inputs, y = linear()
    pipeline = Pipeline([("encode", Encoder("default/flops")), ("forest", RandomForestRegressor(20, random_state=0))])
    predicted = pipeline.fit(inputs[:60], y[:60]).predict(inputs[60:])
    assert np.corrcoef(predicted, y[60:])[0, 1] > 0.7
    exact = make_pipeline(Encoder("counts/flops"), StandardScaler(), LinearRegression())
    assert cross_val_score(exact, inputs, y, cv=3, error_score="raise") == pytest.approx([1, 1, 1])


def test_a_grid_over_features():
    inputs, y = linear()
    pipeline = Pipeline([("encode", Encoder()), ("linear", LinearRegression())])
    grid = {"encode__features": ["counts", "counts/flops", "flops"], "linear__fit_intercept": [True, False]}
    search = GridSearchCV(pipeline, grid, cv=3, error_score="raise").fit(inputs, y)
    assert search.best_params_["encode__features"] == "counts/flops"

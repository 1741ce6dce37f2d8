import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.errors import InputError
from nasbench.predictors import Inputs, Needs, Prediction, Predictor, predictors
from nasbench.predictors.base import LARGEST_TARGET, ROWS_AT_ONCE
from nasbench.predictors.in_context import InContext
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
FITTED = [name for name in predictors if not isinstance(predictors.create(name), InContext)]
"""Predictors that do not need weights which a user brings; test_in_context.py tests the others."""


def cells(n):
    """The first cells of the space."""
    return Inputs.of(SPACE, SPACE.decode(np.arange(n)))


class Recorder(Predictor):
    """Records what it is given and predicts the first position."""

    transforms_targets = False

    def _fit(self, inputs, z):
        self.z_, self.sizes_ = z, []

    def _predict(self, inputs):
        self.sizes_.append(len(inputs))
        return Prediction(inputs.genotypes[:, 0].astype(float), np.full(len(inputs), 2.0))

    def _state(self):
        return {}

    def _restore(self, state):
        pass


def test_targets_are_standardised_and_predictions_scaled_back():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])  # mean 12, standard deviation 2
    assert predictor.z_.tolist() == [-1.0, 1.0]
    prediction = predictor.predict(Inputs.of(SPACE, [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]))
    assert prediction.mean.tolist() == [14.0, 12.0]
    assert prediction.std.tolist() == [4.0, 4.0]


def test_memory_is_bounded():
    predictor = Recorder().fit(cells(2), [0.0, 1.0])
    assert len(predictor.predict(cells(ROWS_AT_ONCE + 3)).mean) == ROWS_AT_ONCE + 3
    assert predictor.sizes_ == [ROWS_AT_ONCE, 3]


@pytest.mark.parametrize("value", [90.0, -3.0, 0.0, 0.1])
def test_targets_equal_but_for_rounding_are_constant(value):
    targets = np.full(10, value)
    targets[0] = np.nextafter(value, 100)
    predictor = Recorder().fit(cells(10), targets)
    assert not predictor.z_.any()
    assert predictor.transform_.scale == pytest.approx(1e-3 * (abs(value) or 1))


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (cells(3), [1.0, np.nan, 2.0], "target 1 is nan; leave missing"),
        (cells(3), [1.0, 2.0], r"targets has shape \(3,\), one row for each architecture; got \(2,\)"),
        (cells(3), [[1.0], [2.0], [3.0]], r"targets has shape \(3,\), .* got \(3, 1\)"),
        (cells(3), ["a"] * 3, "the array of targets holds numbers"),
        (cells(3), [1.0, -2e300, 2.0], r"targets are at most 1e\+300 in size: target 1 is -2e\+300; rescale them"),
        (cells(1), [1.0], "Recorder needs at least 2 architectures to fit, got 1"),
        (
            cells(3).genotypes,
            [1.0, 2.0, 3.0],
            r"from and predicts Inputs, got ndarray; wrap .* Inputs\.of\(space, genoty",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(inputs, targets, message):
    with pytest.raises(InputError, match=message) as caught:
        Recorder().fit(inputs, targets)
    assert "\n" not in str(caught.value)


def test_predicting_before_fit_is_refused():
    with pytest.raises(InputError, match="not fitted; call fit first"):
        Recorder().predict(cells(2))


class Stubborn(Recorder):
    """Refuses targets that begin with their largest, when it has forgotten the earlier ones."""

    def _fit(self, inputs, z):
        super()._fit(inputs, z)
        if z.argmax() == 0:
            raise InputError("not these")


@pytest.mark.parametrize("targets", [[3.0, 1.0], [np.nan, 1.0]])
def test_a_fit_that_fails_leaves_nothing_fitted(targets):
    for predictor in (Stubborn(), Stubborn().fit(cells(2), [1.0, 3.0])):
        with pytest.raises(InputError):
            predictor.fit(cells(2), targets)
        for ask in (predictor.state, lambda p=predictor: p.predict(cells(2)), lambda p=predictor: p.transform([1.0])):
            with pytest.raises(InputError, match="Stubborn is not fitted; call fit first"):
                ask()


@pytest.mark.parametrize("name", ["location", "scale", "warp", "curve_epochs"])
def test_names_that_the_base_class_stores_are_refused(name):
    predictor = Recorder().fit(cells(2), [1.0, 3.0])
    predictor._state = lambda: {name: np.zeros(1)}
    with pytest.raises(InputError, match=f"Recorder names an array '{name}', which the base class stores; rename it"):
        predictor.state()


def test_unknown_encodings_are_refused():
    with pytest.raises(InputError, match="unknown encoding or column 'colour' for nb201"):
        predictors.create("ridge+features=counts/colour").fit(cells(3), [1.0, 2.0, 3.0])


def test_the_transformed_scale_is_increasing_and_agrees_with_the_prediction(rounding):
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(40, rng))
    y = 90 - rng.lognormal(size=40)
    predictor = predictors.create("ridge").fit(inputs, y)
    w = predictor.transform(np.sort(y))
    assert (np.diff(w) > 0).all()
    assert w.mean() == pytest.approx(0, abs=rounding(len(y), condition=y.max() / y.std()))
    assert w.std() == pytest.approx(1)
    mean, std = predictor.transform_.moments(*predictor.predict_transformed(inputs))
    prediction = predictor.predict(inputs)
    assert prediction.mean == pytest.approx(mean)
    assert prediction.std == pytest.approx(std)


def test_without_a_power_transform_the_scale_is_standardised():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])
    assert predictor.transform([10.0, 12.0, 14.0]).tolist() == [-1.0, 0.0, 1.0]


def test_members_learn_from_targets_that_are_transformed_already():
    inputs = cells(2)
    predictor = Recorder().fit_transformed(inputs, np.array([10.0, 14.0]))
    assert predictor.z_.tolist() == [10.0, 14.0]
    assert np.array_equal(predictor.predict(inputs).mean, predictor.predict_transformed(inputs).mean)


def test_pretraining_does_nothing_by_itself():
    predictor = Recorder()
    assert predictor.pretrain([(cells(3), np.arange(3.0))]) is predictor
    with pytest.raises(InputError, match="not fitted"):
        predictor.predict(cells(2))


def test_another_space_is_refused():
    nb101 = spaces.create("nb101")
    other = Inputs.of(nb101, nb101.sample(2, np.random.default_rng(0)))
    predictor = Recorder().fit(cells(2), [1.0, 2.0])
    for ask in (predictor.predict, lambda inputs: predictor.sample(inputs, 2, np.random.default_rng(0))):
        with pytest.raises(InputError, match="Recorder was fitted on nb201, got inputs of nb101"):
            ask(other)


def test_another_setting_of_the_space_is_refused_by_name(tmp_path):
    one, other = spaces.create("graph"), spaces.create("graph+before=0")
    genotypes = one.sample(20, np.random.default_rng(0))
    predictor = predictors.create("ridge").fit(Inputs.of(one, genotypes), np.arange(20.0))
    predictor.save(tmp_path / "file")
    for fitted in (predictor, Predictor.load(tmp_path / "file")):
        with pytest.raises(InputError, match="was fitted on graph with before=1, got inputs with before=0"):
            fitted.predict(Inputs.of(other, genotypes))
        assert len(fitted.predict(Inputs.of(spaces.create("graph"), genotypes)).mean) == 20


# --- numbers of any size ----------------------------------------------------------------------------------------------

QUICK = {
    "gnn": "gnn+members=2+steps=2",
    "xgb": "xgb+boosters=2+rounds=5",
    "gp": "gp+steps=5",
    "gp-deep": "gp-deep+steps=3",
    "hist": "hist+boosters=2+rounds=5",
    "auto": "auto+members=ridge/gp-wl/forest",
    "conformal": "conformal+predictor=ridge",
}
"""A few steps of each."""


@pytest.mark.parametrize("name", FITTED)
def test_a_power_of_two_changes_the_unit_and_no_digit(name):
    rng = np.random.default_rng(0)
    y = 90 - rng.lognormal(size=20)
    columns = {"flops": rng.normal(size=20)}
    inputs = Inputs.of(SPACE, SPACE.sample(20, rng), columns=columns, curve=rng.normal(size=(20, 4)))
    predictor = predictors.create(QUICK.get(name, name)).fit(inputs, y)
    moments, score = predictor.predict(inputs), predictor.score(inputs, y)
    for exponent in (-980, -530, 530, 980):
        scaled = np.ldexp(y, exponent)
        assert np.array_equal(predictor.fit(inputs, scaled).predict(inputs), np.ldexp(moments, exponent)), exponent
        assert predictor.score(inputs, scaled) == score


@pytest.mark.parametrize("name", FITTED)
@given(
    y=hnp.arrays(float, 8, elements=st.floats(-LARGEST_TARGET, LARGEST_TARGET)),
    told=hnp.arrays(float, (8, 3), elements=st.floats(-1e31, 1e31)),
)
@settings(deadline=None, max_examples=15)
def test_any_numbers_are_learnt_from_or_refused_in_one_line(name, y, told):
    inputs = Inputs.of(SPACE, cells(8).genotypes, columns={"flops": told[:, 2]}, curve=told[:, :2])
    predictor = predictors.create(QUICK.get(name, name))
    known = predictor.get_params()
    wanted = {"features": "default/flops/curve@2", "epochs": 2}
    predictor.set_params(**{argument: value for argument, value in wanted.items() if argument in known})
    try:
        prediction = predictor.fit(inputs, y).predict(inputs)
    except InputError as error:
        assert "exceeds 1e+30 in row" in str(error) and np.abs(told).max() > 1e30
    else:
        assert np.isfinite(prediction).all() and (prediction.std > 0).all()


@pytest.mark.parametrize("name", ["ridge", "gp", "gnn", "xgb", "forest", "ensemble"])
def test_a_column_that_was_constant_moves_no_prediction_far(name):
    rng = np.random.default_rng(0)
    genotypes = SPACE.sample(40, rng)
    y = SPACE.features(genotypes, "counts") @ np.arange(7.0)
    predictor = predictors.create(QUICK.get(name, name)).set_params(features="default/bytes")
    predictor.fit(Inputs.of(SPACE, genotypes, columns={"bytes": np.full(40, 1e8)}), y)
    mean = predictor.predict(Inputs.of(SPACE, genotypes, columns={"bytes": np.full(40, 2e8)})).mean
    assert np.abs(mean - y.mean()).max() < 10 * np.ptp(y)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("xgb+boosters=0", "boosters of XGBoost must be a whole number of at least 1, got 0"),
        ("xgb+rounds=0", "rounds of XGBoost must be a whole number of at least 1, got 0"),
        ("xgb+rounds=2.5", r"rounds of XGBoost must be a whole number of at least 1, got 2\.5"),
        ("xgb+depth=-1", "depth of XGBoost must be a whole number of at least 0, got -1"),
        ("xgb+seed=-1", "seed of XGBoost must be a whole number of at least 0, got -1"),
        ("xgb+rate=a", "rate of XGBoost must be a number from 0 to 1, got 'a'"),
        ("xgb+columns=2", "columns of XGBoost must be a number from 0 to 1, got 2"),
        ("gnn+members=0", "members of GNN must be a whole number of at least 1, got 0"),
        ("gnn+hidden=0", "hidden of GNN must be a whole number of at least 1, got 0"),
        ("gnn+layers=-1", "layers of GNN must be a whole number of at least 0, got -1"),
        ("gnn+steps=true", "steps of GNN must be a whole number of at least 0, got True"),
        ("gnn+seed=-1", "seed of GNN must be a whole number of at least 0, got -1"),
        ("gnn+rate=-1", "rate of GNN must be a number from 0 to 1, got -1"),
        ("gp+steps=a", "steps of GaussianProcess must be a whole number of at least 0, got 'a'"),
        ("ensemble+members=xgb+seed=-1", "seed of XGBoost must be a whole number of at least 0, got -1"),
        ("gnn+features=null", "features are names joined by '/', as 'default/flops'; got None"),
        *(
            (f"{name}+features=", "features '' name nothing to learn from")
            for name in ("ridge", "gp", "xgb", "forest", "ensemble")
        ),
    ],
)
def test_arguments_that_cannot_be_are_refused_by_name(spec, message):
    with pytest.raises(InputError, match=message):
        predictors.create(spec).fit(cells(8), np.arange(8.0))


# --- columns and curves -----------------------------------------------------------------------------------------------


FEWER = {
    "gnn": "gnn+members=2+steps=200",
    "xgb": "xgb+rounds=200",
    "hist": "hist+boosters=3+rounds=40",
    "auto": "auto+members=ridge/gp-wl/forest",
}
WITH_FEATURES = [name for name in FITTED if "features" in predictors.create(name).get_params()]


@pytest.mark.parametrize("features", ["default/flops", "default/curve@4"])
@pytest.mark.parametrize("name", WITH_FEATURES)
def test_a_column_that_is_the_target_is_learnt(name, features):
    """And without it nothing is, as the target has nothing to do with the architecture."""
    rng = np.random.default_rng(0)
    curve = rng.normal(size=(160, 4))
    y = curve[:, -1]
    inputs = Inputs.of(SPACE, SPACE.sample(160, rng), columns={"flops": y}, curve=curve)

    def correlation(predictor):
        mean = predictor.fit(inputs[:100], y[:100]).predict(inputs[100:]).mean
        return np.corrcoef(mean, y[100:])[0, 1]

    predictor = predictors.create(FEWER.get(name, name))
    assert correlation(predictor.set_params(features=features)) > 0.8
    if name == "ridge":
        assert abs(np.nan_to_num(correlation(predictor.set_params(features="default")))) < 0.4


@pytest.mark.parametrize("name", WITH_FEATURES)
def test_a_curve_at_other_epochs_is_refused(name, tmp_path):
    """Fitted on epochs 1 to 4, asked with one number after epoch 4; later epochs are nobody's business."""
    rng = np.random.default_rng(0)
    genotypes, curve = SPACE.sample(20, rng), rng.normal(size=(20, 4))
    inputs = Inputs.of(SPACE, genotypes, curve=curve)
    predictor = predictors.create(QUICK.get(name, name)).set_params(features="counts/curve@4").fit(inputs, curve[:, 3])
    predictor.save(tmp_path / "file")
    for fitted in (predictor, Predictor.load(tmp_path / "file")):
        with pytest.raises(InputError, match=r"was fitted on the curve at epochs 1, 2, 3, 4, got 4$"):
            fitted.predict(Inputs.of(SPACE, genotypes, curve=curve[:, 3:], epochs=(4,)))
        longer = Inputs.of(SPACE, genotypes, curve=np.pad(curve, ((0, 0), (0, 1))))
        assert np.array_equal(fitted.predict(longer).mean, fitted.predict(inputs).mean)


def test_files_of_a_time_without_epochs_are_read():
    curve = np.random.default_rng(0).normal(size=(20, 4))
    inputs = Inputs.of(SPACE, cells(20).genotypes, curve=curve)
    fitted = predictors.create("ridge+features=curve@4").fit(inputs, curve[:, 3])
    state = {name: array for name, array in fitted.state().items() if name != "curve_epochs"}
    restored = predictors.create("ridge+features=curve@4").restore(SPACE, state)
    assert np.array_equal(restored.predict(inputs).mean, fitted.predict(inputs).mean)


@pytest.mark.parametrize("name", WITH_FEATURES)
def test_needs_are_what_features_name(name):
    predictor = predictors.create(f"{name}+features=default/flops/curve@4/digits:latency")
    assert predictor.needs == Needs(("flops", "digits:latency"), 4)
    assert predictors.create(name).needs == Needs() == predictors.create("mean").needs


@pytest.mark.parametrize("name", WITH_FEATURES)
def test_inputs_that_lack_what_is_needed_are_refused(name):
    inputs = Inputs.of(SPACE, SPACE.decode(np.arange(0, 900, 30)), columns={"flops": np.arange(30.0)})
    predictor = predictors.create(FEWER.get(name, name)).set_params(features="default/flops")
    bare = Inputs.of(SPACE, inputs.genotypes)
    with pytest.raises(InputError, match="unknown encoding or column 'flops' for nb201"):
        predictor.fit(bare, np.arange(30.0))
    predictor.fit(inputs, np.arange(30.0))
    with pytest.raises(InputError, match="unknown encoding or column 'flops' for nb201"):
        predictor.predict(bare)


def test_features_that_are_no_text_mean_something_else():
    class Numbered(Recorder):
        def __init__(self, features=10):
            self.features = features

    assert Numbered().needs == Needs()
    with pytest.raises(InputError, match="features are names joined by '/'"):
        predictors.create("ridge+features=3").fit(cells(3), [1.0, 2.0, 3.0])


# --- draws ------------------------------------------------------------------------------------------------------------


def test_draws_are_independent_normal_and_in_the_unit_of_the_targets():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])
    inputs = Inputs.of(SPACE, [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    draws = predictor.sample(inputs, 4000, np.random.default_rng(0))  # means 14, 12, 14, standard deviation 4
    assert draws.shape == (4000, 3)
    error = 4 / np.sqrt(4000)
    assert draws.mean(axis=0) == pytest.approx([14, 12, 14], abs=4 * error)
    assert draws.std(axis=0) == pytest.approx([4, 4, 4], rel=4 / np.sqrt(2 * 4000))
    assert np.abs(np.corrcoef(draws.T) - np.eye(3)).max() < 4 / np.sqrt(4000)


def test_draws_stay_where_the_transform_leads():
    """Of a long lower tail, draws of the transformed targets come back with that tail and the predicted mean."""
    rng = np.random.default_rng(0)
    inputs = Inputs.of(SPACE, SPACE.sample(60, rng))
    predictor = predictors.create("mean")
    predictor.transforms_targets = True
    predictor.fit(inputs, 90 - rng.lognormal(size=60))
    draws, (mean, std) = predictor.sample(inputs[:1], 20_000, rng)[:, 0], predictor.predict(inputs[:1])
    assert draws.mean() == pytest.approx(mean[0], abs=4 * std[0] / np.sqrt(20_000))
    kurtosis = ((draws - draws.mean()) ** 4).mean() / draws.var() ** 2
    assert draws.std() == pytest.approx(std[0], rel=4 * np.sqrt((kurtosis - 1) / (4 * 20_000)))
    assert np.median(draws) > draws.mean()


@pytest.mark.parametrize("name", FITTED)
def test_numbers_of_draws_and_rows_may_be_none(name):
    curve = np.arange(120.0).reshape(30, 4) ** 0.5
    inputs = Inputs.of(SPACE, cells(30).genotypes, columns={"flops": curve[:, 0]}, curve=curve)
    predictor = predictors.create(QUICK.get(name, name))
    predictor.fit(inputs, np.arange(30.0))
    assert predictor.sample(inputs, 0, np.random.default_rng(0)).shape == (0, 30)
    assert predictor.sample(inputs[:0], 3, np.random.default_rng(0)).shape == (3, 0)


# --- scikit-learn -----------------------------------------------------------------------------------------------------


def linear(n=90):
    """Cells with a target that operations and a column decide."""
    rng = np.random.default_rng(0)
    genotypes, flops = SPACE.sample(n, rng), rng.normal(size=n)
    inputs = Inputs.of(SPACE, genotypes, columns={"flops": flops})
    return inputs, SPACE.features(genotypes, "counts") @ np.arange(7.0) + 5 * flops


@pytest.mark.parametrize("name", list(predictors))
def test_clones_are_unfitted_and_have_the_same_arguments(name):
    from sklearn.base import clone, is_regressor

    predictor = predictors.create(name)
    if name == "ridge":
        predictor.fit(*linear())
    copied = clone(predictor)
    assert type(copied) is type(predictor)
    assert copied.get_params() == predictor.get_params() == copied.get_params(deep=False)
    assert not hasattr(copied, "space_")
    assert is_regressor(predictor)


def test_whether_it_is_fitted_is_seen():
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    with pytest.raises(NotFittedError):
        check_is_fitted(predictors.create("ridge"))
    check_is_fitted(predictors.create("ridge").fit(*linear()))


def test_arguments_are_set_by_name():
    predictor = predictors.create("xgb")
    assert predictor.set_params(depth=2, seed=7) is predictor
    assert (predictor.depth, predictor.seed, predictor.get_params()["depth"]) == (2, 7, 2)
    with pytest.raises(InputError, match="XGBoost has no argument 'colour'; it takes features, boosters, rounds"):
        predictor.set_params(colour="red")
    assert repr(predictors.create("ridge+features=counts")) == "Ridge(features='counts')"


def test_another_argument_forgets_the_fit():
    inputs, y = linear()
    predictor = predictors.create("ridge").fit(inputs, y)
    before = predictor.predict(inputs).mean
    assert np.array_equal(predictor.set_params(features="default").predict(inputs).mean, before)
    with pytest.raises(InputError, match="Ridge is not fitted; call fit first"):
        predictor.set_params(features="counts").predict(inputs)


def test_score_by_hand():
    predictor = Recorder().fit(cells(2), [10.0, 14.0])
    inputs = Inputs.of(SPACE, [[1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    # predicted 14 and 12; targets 14 and 10 have squared deviations 4 + 4 from 12
    assert predictor.score(inputs, [14.0, 10.0]) == 1 - 4 / 8
    assert np.isnan(predictor.score(inputs, [3.0, 3.0]))
    assert np.isnan(predictor.score(cells(10), np.full(10, 0.1)))  # whose mean is not 0.1, but for rounding
    with pytest.raises(InputError, match=r"targets has shape \(2,\), one row for each architecture; got \(2, 1\)"):
        predictor.score(inputs, [[14.0], [10.0]])


def test_cross_validation_by_hand():
    from sklearn.model_selection import KFold, cross_val_score

    inputs, y = linear()
    scores = cross_val_score(predictors.create("ridge"), inputs, y, cv=KFold(3), error_score="raise")
    rows = np.array_split(np.arange(len(y)), 3)
    for score, test in zip(scores, rows, strict=True):
        train = np.setdiff1d(np.arange(len(y)), test)
        assert score == predictors.create("ridge").fit(inputs[train], y[train]).score(inputs[test], y[test])


@pytest.mark.parametrize(
    ("name", "grid", "best"),
    [
        ("ridge", {"features": ["counts", "counts/flops", "onehot"]}, {"features": "counts/flops"}),
        ("xgb", {"rounds": [1, 100], "boosters": [2]}, {"rounds": 100, "boosters": 2}),
    ],
)
def test_a_grid_finds_what_predicts_best(name, grid, best):
    from sklearn.model_selection import GridSearchCV

    inputs, y = linear()
    search = GridSearchCV(predictors.create(name), grid, cv=3, error_score="raise").fit(inputs[:60], y[:60])
    assert search.best_params_ == best
    alone = predictors.create(name).set_params(**best).fit(inputs[:60], y[:60])
    assert np.array_equal(search.predict(inputs[60:]).mean, alone.predict(inputs[60:]).mean)
    assert search.score(inputs[60:], y[60:]) == alone.score(inputs[60:], y[60:])


def test_a_pipeline_may_end_in_a_predictor():
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    inputs, y = linear()
    pruned = FunctionTransformer(lambda given: Inputs.of(SPACE, SPACE.prune(given.genotypes), columns=given.columns))
    pipeline = Pipeline([("prune", pruned), ("ridge", predictors.create("ridge"))])
    search = GridSearchCV(pipeline, {"ridge__features": ["counts", "counts/flops"]}, cv=3, error_score="raise")
    search.fit(inputs[:60], y[:60])
    assert search.best_params_ == {"ridge__features": "counts/flops"}
    assert search.predict(inputs[60:]).mean.shape == (30,)
    assert pipeline.set_params(ridge__features="onehot").get_params()["ridge__features"] == "onehot"


class EditsTargets(Recorder):
    """Standardises and sorts its targets in place."""

    def _fit(self, inputs, z):
        z *= 100
        z.sort()
        super()._fit(inputs, z)


def test_targets_are_a_predictors_own():
    y = np.array([3.0, 1.0])
    z = y.copy()
    EditsTargets().fit(cells(2), y).fit_transformed(cells(2), z)
    assert y.tolist() == z.tolist() == [3, 1]


def test_the_state_is_read_only_and_restored_arrays_are_not():
    fitted = predictors.create("gp").fit(cells(12), np.arange(12.0))
    state = fitted.state()
    assert not any(array.flags.writeable for array in state.values())
    restored = predictors.create("gp").restore(SPACE, state)
    restored.points_[0][:] = 0
    before, after = fitted.predict(cells(3)), restored.predict(cells(3))
    assert np.isfinite(before.mean).all() and not np.array_equal(before.mean, after.mean)
    assert np.array_equal(fitted.state()["x"], state["x"]) and state["x"].any()

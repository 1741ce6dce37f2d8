import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5 import attributes
from nasbench.benchmark.hdf5.verify import describe, verify
from nasbench.benchmark.load import load
from nasbench.benchmark.surrogate import SurrogateBenchmark, from_log
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NasbenchError, NotFoundError
from nasbench.evaluate import metrics
from nasbench.evaluate import surrogates as module
from nasbench.evaluate.surrogates import cross_validate, fit_surrogate
from nasbench.importers.csv import CSV
from nasbench.predictors import Inputs, Prediction, Predictor, predictors
from nasbench.spaces import Space, spaces
from nasbench.types import FloatArray, GenotypeArray


class Convolutions(Predictor):
    """A straight line through the number of 3x3 convolutions."""

    transforms_targets = False

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        self.line_ = np.polyfit((inputs.genotypes == 3).sum(axis=1), z, 1)

    def _predict(self, inputs: Inputs) -> Prediction:
        mean = np.polyval(self.line_, (inputs.genotypes == 3).sum(axis=1))
        return Prediction(mean, np.full(len(mean), 0.1))

    def _state(self) -> dict[str, Any]:
        return {"line": self.line_}

    def _restore(self, state: dict[str, Any]) -> None:
        self.line_ = state["line"]


@pytest.fixture(scope="module", autouse=True)
def few_resamples() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "RESAMPLES", 20)
        yield


PREDICTOR = f"{__name__}:Convolutions"
LINE_CONDITION = 100
"""Of the least squares of a line in 0 to 6 convolutions, whose columns are 1 and their number: below (6 / 0.6)^2."""


def measured(space: Space, genotypes: GenotypeArray) -> Table:
    """Accuracies are 40 + 10 x convolutions (validation; test is 1 less), time doubles with each; two seeds, epochs."""
    n, convolutions = len(genotypes), (genotypes == 3).sum(axis=1)[:, None, None]
    spread = np.array([-0.5, 0.5])[:, None]
    progress = np.array([0.5, 1.0])
    accuracy = (40 + 10 * convolutions + spread) * progress
    columns = {}
    for name, split, units, values in (
        ("validation_accuracy", "validation", "percent", accuracy),
        ("test_accuracy", "test", "percent", accuracy - progress),
        ("train_seconds", "none", "seconds", 2.0**convolutions * (1 + 0 * spread) * progress),
        ("parameters", "none", "count", 100.0 + convolutions[:, 0, 0]),
    ):
        values = np.broadcast_to(values, (n, 2, 2)[: values.ndim]).copy()
        missing = np.zeros(values.shape, dtype=np.uint8)
        if split != "none":
            values[0], missing[0] = np.nan, 1  # the first cell failed
            values[1:2, 0], missing[1:2, 0] = np.nan, 1  # the second with the first seed
        direction = "maximise" if units == "percent" else "minimise"
        metric = Metric("digits", name, split, units, direction, DIMS[: values.ndim])  # type: ignore[arg-type]
        columns[metric.path] = Column(metric, values, missing, ("failed",) if missing.any() else ())
    return Table(space, genotypes, (0, 1), {"digits": (1, 2)}, columns, {"from": "a test"}, {"python": "3"})


@pytest.fixture(scope="session")
def tabular() -> TabularBenchmark:
    space = spaces.create("nb201")
    codes = np.random.default_rng(0).choice(space.size, 40, replace=False)
    return TabularBenchmark(measured(space, space.decode(codes)), name="cells.h5")


@pytest.fixture(scope="module")
def surrogate(tabular: TabularBenchmark) -> SurrogateBenchmark:
    return fit_surrogate(tabular, "validation_accuracy", PREDICTOR)


# --- answers --------------------------------------------------------------------------------------------------------


def test_it_answers_what_the_line_says(surrogate: SurrogateBenchmark, rounding: Callable[..., float]) -> None:
    """Five convolutions: 90 %, 1 less on the test split, 32 seconds; the variance of a logarithm increases the mean."""
    answer = surrogate.query([3, 3, 3, 0, 3, 3], "validation_accuracy")
    assert answer.value == pytest.approx(90, abs=0.1)
    assert answer[1:6] == ("digits/validation_accuracy", "validation", "percent", 2, ())
    assert answer.reason is None
    scale = surrogate.models["digits/train_seconds"].predictor.transform_.scale
    assert answer.cost == pytest.approx(
        32 * math.exp((0.1 * scale) ** 2 / 2), rel=rounding(40, condition=LINE_CONDITION)
    )
    test = surrogate.query("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|",
                           "test_accuracy", epoch=2, seed="mean")  # fmt: skip
    assert test.value == pytest.approx(answer.value - 1)
    assert test.split == "test"


def test_moments_of_the_log_normal_distribution() -> None:
    found = from_log(Prediction(np.array([0.0, math.log(3)]), np.array([1.0, 1e-9])))
    np.testing.assert_allclose(found.mean, [math.exp(0.5), 3])
    np.testing.assert_allclose(found.std, [math.sqrt((math.e - 1) * math.e), 3e-9], rtol=1e-6)


def test_predictions_are_not_clamped(tabular: TabularBenchmark, surrogate: SurrogateBenchmark) -> None:
    """Six convolutions are 100 %; with a steeper line, clamping would make all of them 100 %."""
    column = tabular.table.columns["digits/validation_accuracy"]
    steeper = replace(
        tabular.table, columns={"digits/validation_accuracy": replace(column, values=column.values * 1.1)}
    )
    found = fit_surrogate(TabularBenchmark(steeper), "validation_accuracy", PREDICTOR)
    assert found.query([3] * 6, "validation_accuracy").value > 105


def test_it_is_complete_and_answers_for_the_whole_space(surrogate: SurrogateBenchmark) -> None:
    everything = np.concatenate(list(surrogate.space.enumerate()))
    answers = surrogate.query_many(everything, "validation_accuracy")
    assert surrogate.complete
    assert answers.seed == "mean"
    assert np.ma.count_masked(answers.values) == 0
    prediction = surrogate.predict(everything, "validation_accuracy")
    np.testing.assert_array_equal(answers.values, prediction.mean)
    assert (prediction.std > 0).all()
    for row in (0, 77, 15_624):
        assert surrogate.query(everything[row], "validation_accuracy").value == answers.values[row]


def test_parts_of_the_table_that_need_no_model(surrogate: SurrogateBenchmark, tabular: TabularBenchmark) -> None:
    assert list(surrogate.metrics) == ["digits/validation_accuracy", "digits/test_accuracy", "digits/train_seconds"]
    np.testing.assert_array_equal(surrogate.architectures(), tabular.architectures())
    assert surrogate.recorded_epochs("validation_accuracy") == (2,)
    assert surrogate.recorded_seeds("validation_accuracy") == ()


def test_targets_are_the_means_of_what_was_measured(surrogate: SurrogateBenchmark, tabular: TabularBenchmark) -> None:
    column = surrogate.table.columns["digits/validation_accuracy"]
    expected = tabular.query_many(tabular.architectures(), "validation_accuracy").values.filled()
    np.testing.assert_array_equal(column.values, expected)
    assert column.missing.nonzero()[0].tolist() == [0]
    assert column.reasons == ("failed",)
    assert surrogate.quality_records()[0]["n"] == 39


def test_large_spaces_are_predicted_on_demand() -> None:
    space = spaces.create("nb101")
    genotypes = np.unique(space.sample(40, np.random.default_rng(0)), axis=0)
    found = fit_surrogate(TabularBenchmark(measured(space, genotypes)), "validation_accuracy", "ridge")
    others = space.sample(20, np.random.default_rng(1))
    many = found.query_many(others, "validation_accuracy").values
    for _ in range(2):
        one = [found.query(genotype, "validation_accuracy").value for genotype in others]
        np.testing.assert_allclose(many, one, rtol=1e-12)


# --- storing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("predictor", ["mean", "gp", "xgb", "gnn+steps=5", PREDICTOR])
def test_stored_and_read(tabular: TabularBenchmark, tmp_path: Path, predictor: str) -> None:
    fitted = fit_surrogate(tabular, "validation_accuracy", predictor, seed=3)
    hdf5.write_surrogate(fitted, tmp_path / "a.h5")
    found = load(tmp_path / "a.h5")
    assert isinstance(found, SurrogateBenchmark)
    genotypes = found.space.sample(100, np.random.default_rng(0))
    for metric in fitted.metrics:
        np.testing.assert_array_equal(found.query_many(genotypes, metric)[0], fitted.query_many(genotypes, metric)[0])
    by_metric = {record["metric"]: record for record in fitted.quality_records()}
    assert {record["metric"]: record for record in found.quality_records()} == by_metric
    hdf5.write_surrogate(hdf5.read_surrogate(tmp_path / "a.h5"), tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert verify(tmp_path / "a.h5") == []


def test_description(surrogate: SurrogateBenchmark, tmp_path: Path) -> None:
    hdf5.write_surrogate(surrogate, tmp_path / "surrogate.h5")
    content = describe(tmp_path / "surrogate.h5")
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert (content["kind"], content["complete"], content["architectures"]) == ("surrogate", True, 40)
    assert content["recipe"]["predictor"] == PREDICTOR
    assert content["recipe"]["table"]["recipe"] == {"from": "a test"}
    (quality,) = [record for record in content["quality"] if record["metric"] == "digits/test_accuracy"]
    assert quality["r2_low"] <= quality["r2"] <= 1
    assert (quality["n"], quality["folds"]) == (39, 5)


def test_a_table_is_no_surrogate_and_the_reverse(
    tabular: TabularBenchmark, surrogate: SurrogateBenchmark, tmp_path: Path
) -> None:
    hdf5.write(tabular.table, tmp_path / "table.h5")
    hdf5.write_surrogate(surrogate, tmp_path / "surrogate.h5")
    with pytest.raises(FileError, match="is a surrogate benchmark; pass the tabular one"):
        hdf5.read(tmp_path / "surrogate.h5")
    with pytest.raises(FileError, match="is a tabular benchmark"):
        hdf5.read_surrogate(tmp_path / "table.h5")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda group: attributes.put(group, "predictor", "gpp"), "unknown predictor 'gpp'"),
        (lambda group: attributes.put(group, "predictor", "antigravity:x"), "NASBENCH_TRUSTED_MODULES=antigravity"),
        (lambda group: attributes.put(group, "parameters", '{"k": 1}'), r"Convolutions\(\) takes no arguments"),
        (lambda group: attributes.put(group, "transform", "exp"), "transform is one of"),
        (lambda group: attributes.put(group, "epoch", "last"), "epoch an integer"),
        (lambda group: group.__delitem__("line"), "'line'"),
        (lambda group: group.parent.__delitem__("test_accuracy"), "/models/digits/test_accuracy: is missing"),
    ],
)
def test_broken_models(surrogate: SurrogateBenchmark, tmp_path: Path, edit: Any, message: str) -> None:
    path = tmp_path / "surrogate.h5"
    hdf5.write_surrogate(surrogate, path)
    with h5py.File(path, "r+") as content:
        edit(content["models/digits/test_accuracy"])
    with pytest.raises(FileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert verify(path)


# --- quality --------------------------------------------------------------------------------------------------------


def test_quality_is_that_of_held_out_cells() -> None:
    """A predictor that memorises its training cells and predicts the mean elsewhere scores nothing."""

    class ByHeart(Predictor):
        def _fit(self, inputs: Inputs, z: FloatArray) -> None:
            self.known = dict(zip(map(bytes, inputs.genotypes), z.tolist(), strict=True))

        def _predict(self, inputs: Inputs) -> Prediction:
            mean = np.array([self.known.get(bytes(genotype), 0.0) for genotype in inputs.genotypes])
            return Prediction(mean, np.ones(len(mean)))

        def _state(self) -> dict[str, Any]:
            return {}

        def _restore(self, state: dict[str, Any]) -> None:
            pass

    space = spaces.create("nb201")
    rng = np.random.default_rng(0)
    genotypes = space.decode(rng.choice(space.size, 60, replace=False))
    quality, _ = cross_validate(ByHeart, space, genotypes, rng.normal(size=60), "identity", folds=5, seed=0)
    assert quality["r2"] <= 0


def test_cells_of_one_function_share_a_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    space = spaces.create("nb201")
    genotypes = space.decode(np.arange(2000))
    seen: list[tuple[set[int], set[int]]] = []

    class Watching(Convolutions):
        def fit(self, inputs: Inputs, targets: Any) -> "Watching":
            self.trained = set(space.function_key(inputs.genotypes).tolist())
            super().fit(inputs, targets)
            return self

        def predict(self, inputs: Inputs) -> Prediction:
            seen.append((self.trained, set(space.function_key(inputs.genotypes).tolist())))
            return super().predict(inputs)

    y = (genotypes == 3).sum(axis=1).astype(np.float64)
    quality, _ = cross_validate(Watching, space, genotypes, y, "identity", folds=4, seed=0)
    assert len(seen) == quality["folds"] == 4
    assert all(not trained & tested for trained, tested in seen)
    assert quality["groups"] == len(np.unique(space.function_key(genotypes)))
    assert quality["r2"] == pytest.approx(1)


def test_a_score_that_is_undefined_is_none(rounding: Callable[..., float]) -> None:
    space = spaces.create("nb201")
    genotypes = space.decode(np.random.default_rng(0).choice(space.size, 30, replace=False))
    quality, held_out = cross_validate(Convolutions, space, genotypes, np.full(30, 7.0), "identity", folds=3, seed=0)
    assert quality["kendall_tau"] is quality["r2_low"] is None
    near = 7 * rounding(30)  # a mean of 20 numbers, and a line through zeros
    assert quality["rmse"] == pytest.approx(0, abs=near)
    assert held_out == pytest.approx(np.full(30, 7.0), rel=0, abs=near)


def test_intervals_are_percentiles_over_resampled_groups(rounding: Callable[..., float]) -> None:
    """The groups that are drawn, with all their members as often as they are drawn."""
    rng = np.random.default_rng(0)
    group = np.array([0, 1, 1, 2, 3, 3, 3, 4, 5, 6])
    y, predicted = rng.integers(0, 4, 10).astype(np.float64), rng.integers(0, 4, 10).astype(np.float64)
    found = module._scores(y, predicted, group, 3, "percent")
    draws = np.random.default_rng(np.random.SeedSequence(3, spawn_key=(module.BOOTSTRAP_STREAM,)))
    samples = [draws.integers(7, size=7) for _ in range(module.RESAMPLES)]
    rows = [np.concatenate([np.flatnonzero(group == each) for each in sample]) for sample in samples]
    for name in ("kendall_tau", "spearman", "r2", "rmse"):
        score = getattr(metrics, name)
        low, high = np.quantile([score(y[sample], predicted[sample]) for sample in rows], [0.025, 0.975])
        near = pytest.approx([low, high], rel=0, abs=max(abs(low), abs(high)) * rounding(100))
        assert [found[f"{name}_low"], found[f"{name}_high"]] == near


def test_intervals_of_smaller_resamples_are_as_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of B normal numbers, the distance of the 2.5 % and 97.5 % quantiles has a standard error of 0.96 / root B."""
    monkeypatch.setattr(module, "RESAMPLES", 400)
    rng = np.random.default_rng(0)
    y = rng.normal(size=800)
    arguments = y, y + rng.normal(size=800), np.arange(800), 0, "percent"
    whole = module._scores(*arguments)
    monkeypatch.setattr(module, "MAX_RESAMPLED_GROUPS", 100)
    part = module._scores(*arguments)
    for name in ("kendall_tau", "spearman", "r2", "rmse"):
        widths = [float(found[f"{name}_high"] or 0) - float(found[f"{name}_low"] or 0) for found in (whole, part)]
        assert part[name] == whole[name]
        assert widths[1] / widths[0] == pytest.approx(1, abs=4 * 0.96 * np.sqrt(2 / 400))


def test_the_same_seed_gives_the_same_surrogate(tabular: TabularBenchmark, tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        hdf5.write_surrogate(fit_surrogate(tabular, "validation_accuracy", "ridge", seed=1), tmp_path / name)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


# --- bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "parameters"}, NotFoundError, "unknown metric 'parameters'; this benchmark has digits/val"),
        ({"epoch": 1}, NotFoundError, "was learnt at epoch 2 only|of surrogate of cells.h5"),
        ({"epoch": 2.0}, InputError, "got 2.0"),
        ({"seed": -1}, InputError, "a whole number from 0 on, or a generator; got -1"),
        ({"seed": "first"}, InputError, "got 'first'"),
    ],
)
def test_what_a_surrogate_does_not_know(
    surrogate: SurrogateBenchmark, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    arguments = {"metric": "validation_accuracy", **arguments}
    with pytest.raises(error, match=message):
        surrogate.query([3] * 6, **arguments)
    with pytest.raises(error, match=message):
        surrogate.query_many([[3] * 6], **arguments)


def test_an_architecture_outside_the_space(surrogate: SurrogateBenchmark) -> None:
    with pytest.raises(InputError, match="position 5 is 5"):
        surrogate.query([3, 3, 3, 3, 3, 5], "validation_accuracy")
    with pytest.raises(InputError, match="shape"):
        surrogate.query_many([[3] * 5], "validation_accuracy")
    with pytest.raises(InputError, match="shape"):
        surrogate.query(np.full((2, 3), 3, dtype=np.int8), "validation_accuracy")


@pytest.mark.parametrize(
    ("metric", "predictor", "options", "error", "message"),
    [
        ("nonsense", "ridge", {}, NotFoundError, "unknown metric"),
        ("test_accuracy", "ridge", {}, InputError, "belongs to split 'test'; name one of: digits/validation_accuracy"),
        ("parameters", "ridge", {}, InputError, "belongs to split 'none'"),
        ("validation_accuracy", "rigde", {}, InputError, "did you mean 'ridge'"),
        ("validation_accuracy", "ridge+x=1", {}, InputError, "unknown argument 'x'"),
        ("validation_accuracy", "ridge", {"folds": 1}, InputError, "at least 2 folds, got 1"),
    ],
)
def test_what_cannot_be_fitted(
    tabular: TabularBenchmark, metric: str, predictor: str, options: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit_surrogate(tabular, metric, predictor, **options)


def test_too_few_cells() -> None:
    space = spaces.create("nb201")
    few = TabularBenchmark(measured(space, np.array([[0] * 6, [3] * 6, [2] * 6], dtype=np.int8)), name="few.h5")
    message = (
        r"^'digits/validation_accuracy' of few\.h5 has numbers of 2 architectures, of 2 different functions: too few "
        "to cross-validate, as 1 would be left to learn from, and Mean learns from at least 2; measure more arch"
    )
    with pytest.raises(InputError, match=message):
        fit_surrogate(few, "validation_accuracy", "mean")
    none = TabularBenchmark(measured(space, space.decode(np.array([0]))))
    with pytest.raises(InputError, match="has no number, so nothing can be learnt; the first reason: failed"):
        fit_surrogate(none, "validation_accuracy", "mean")


@pytest.mark.parametrize("predictor", ["mean", "ridge", "gp"])
@pytest.mark.parametrize("same", [False, True], ids=["different functions", "one function"])
def test_tables_of_few_rows(tmp_path: Path, predictor: str, same: bool) -> None:
    """Csv files of 0 to 12 rows give a surrogate, or one line with their number: two of three functions are learnt."""
    space = spaces.create("nb201")
    networks, functions = space.unique(), space.unique("function_key")
    equal = space.function_key(networks) == space.function_key(networks[:1])
    cells, path, fitted = networks[equal] if same else functions[1000:], tmp_path / "few.csv", []
    for n in range(13):
        rows = [f'"{",".join(map(str, cell))}",{50 + row}' for row, cell in enumerate(cells[:n].tolist())]
        path.write_text("\n".join(["arch,accuracy", *rows, ""]))
        try:
            table = CSV("nb201", ["validation_accuracy=accuracy"], dataset="toy").read([path])
            surrogate = fit_surrogate(TabularBenchmark(table, path.name), "validation_accuracy", predictor)
        except NasbenchError as error:
            counted = f"'toy/validation_accuracy' of few.csv has numbers of {n} architecture{'s' * (n != 1)}, of "
            assert str(error).startswith(counted if n else "few.csv has no row that can be read")
            assert str(error).endswith("; measure more architectures") or not n
        else:
            fitted.append(n)
            assert surrogate.quality_records()[0]["n"] == n
    assert fitted == ([] if same else list(range(3, 13)))


def test_a_time_of_zero(tabular: TabularBenchmark) -> None:
    table = tabular.table
    column = table.columns["digits/train_seconds"]
    broken = replace(
        table, columns={**table.columns, "digits/train_seconds": replace(column, values=column.values * 0)}
    )
    with pytest.raises(InputError, match=r"'digits/train_seconds' of \|.* is 0.0; a cost must be positive"):
        fit_surrogate(TabularBenchmark(broken), "validation_accuracy", "mean")


def test_a_surrogate_of_a_surrogate(surrogate: SurrogateBenchmark) -> None:
    with pytest.raises(InputError, match="pass the table it came from"):
        fit_surrogate(surrogate, "validation_accuracy", "mean")


def test_the_registry_has_what_is_stored() -> None:
    assert predictors.resolve(PREDICTOR)[0] is Convolutions


@pytest.mark.parametrize(
    ("features", "needed"),
    [
        ("default/parameters", "column 'parameters'"),
        ("default/curve@1", "the curve of 1 epochs"),
        ("curve@1/no_such_column", "column 'no_such_column'"),
    ],
)
def test_columns_and_curves_are_known_of_the_table_only(tabular: TabularBenchmark, features: str, needed: str) -> None:
    message = f"answers for the whole space, and 'ridge.*' needs {needed}, which only the 40 architectures of the table"
    with pytest.raises(InputError, match=message):
        fit_surrogate(tabular, "validation_accuracy", f"ridge+features={features}")
    assert fit_surrogate(tabular, "validation_accuracy", "ridge+features=counts/onehot/paths").complete

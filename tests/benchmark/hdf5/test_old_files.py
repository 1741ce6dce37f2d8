"""Files that earlier versions wrote are still read: the same numbers, metrics and predictions.

`tests/data/written_by_3afb413` was written by the code of that commit, of schema version 1, before metrics had the
attribute `resumable` and before encodings were renamed. The numbers are made up, for 12 cells of nb201 with 2 seeds:
after 3 epochs (`table.h5`), and at the ends of schedules of 1 and 3 epochs (`schedules.h5`). The rest are surrogates.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import load
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.errors import NotFoundError
from nasbench.predictors import Predictor
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.ridge import Ridge
from nasbench.predictors.xgb import XGBoost
from nasbench.types import FloatArray

FOLDER = Path(__file__).parents[2] / "data/written_by_3afb413"
CODES = 7 + 1301 * np.arange(12)
HELD_OUT_CODES = np.array([0, 100, 5000, 15_624])
METRICS = ("digits/validation_accuracy", "digits/train_seconds")
PREDICTIONS = {
    "ridge": [
        [[60.7643730352938, 58.030320783484804, 60.7643730352938, 57.66575479726609],
         [4.610679755403928, 4.078362020138732, 4.610679755403928, 5.479709873604447]],
        [[0.13080741621017697, 0.11441578803945535, 0.13080741621017697, 0.09859480963097944],
         [0.012765654670600273, 0.010721181614551972, 0.012765654670600273, 0.010164014951074371]],
    ],
    "gp": [
        [[61.81214492236111, 58.14577207214912, 61.413344175903724, 63.118823109456734],
         [5.525444030456526, 5.970742933685688, 4.9186070886769695, 6.242709261148081]],
        [[0.1359683190193247, 0.12365001828405806, 0.14018070103686586, 0.13568366818476887],
         [0.025203839103718175, 0.025786803405894232, 0.02622264091577019, 0.030779579033947936]],
    ],
    "xgb": [
        [[64.159802396913, 66.27190183210918, 64.159802396913, 77.32421426112992],
         [2.329587816773276, 5.329750868247267, 2.329587816773276, 3.0378143939592572]],
        [[0.1969999391007779, 0.2026049911158015, 0.1969999391007779, 0.23189243346090768],
         [0.11678467226153699, 0.11927795862013503, 0.11678467226153699, 0.1276178321929227]],
    ],
}  # fmt: skip
"""Mean and standard deviation of each metric that commit 3afb413 predicted for `HELD_OUT_CODES`, by predictor."""


def accuracy(convolutions: FloatArray) -> FloatArray:
    """The made-up validation accuracies of all cells, before any is missing; shape `(12, 2, 3)`."""
    cell, seed, epoch = np.arange(12)[:, None, None], np.arange(2)[:, None], np.arange(1, 4)
    sign = np.where(cell % 2, 1, -1)
    return np.round(50 + 5 * convolutions[:, None, None] + 4 * np.sin(3 * cell) + 2 * epoch + 0.5 * seed * sign, 2)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.h5")), ids=lambda path: path.stem)
def test_old_files_are_sound(path: Path) -> None:
    assert verify(path) == []


def test_an_old_table_has_the_same_numbers() -> None:
    benchmark = load(FOLDER / "table.h5")
    genotypes = benchmark.space.decode(CODES)
    convolutions = np.isin(genotypes, (2, 3)).sum(axis=1)
    expected = accuracy(convolutions)
    expected[3, 1, 2] = np.nan  # diverged
    expected[5] = np.nan  # out of memory
    assert (benchmark.architectures() == genotypes).all()
    assert list(benchmark.metrics) == [
        "digits/test_accuracy", "digits/train_seconds", "digits/validation_accuracy", "parameters",
    ]  # fmt: skip
    assert all(metric.resumable for metric in benchmark.metrics.values())
    for seed in (0, 1):
        for epoch in (1, 2, 3):
            answers = benchmark.query_many(genotypes, "validation_accuracy", epoch=epoch, seed=seed)
            np.testing.assert_array_equal(answers.values.filled(np.nan), expected[:, seed, epoch - 1])
    np.testing.assert_array_equal(benchmark.query_many(genotypes, "parameters").values, 1000 + 500 * convolutions)
    assert benchmark.query(genotypes[3], "validation_accuracy", seed=1).reason == "training diverged"
    assert benchmark.query(genotypes[5], "validation_accuracy").reason == "out of memory"
    last = benchmark.query(genotypes[0], "test_accuracy", seed=1)
    assert (last.value, last.epoch, last.seeds, last.units, last.split) == (
        expected[0, 1, 2] - 1,
        3,
        (1,),
        "percent",
        "test",
    )
    assert last.cost == pytest.approx(1.01 * (0.1 + 0.03 * convolutions[0]), rel=1e-12)


def test_several_schedules_are_no_learning_curve() -> None:
    benchmark = load(FOLDER / "schedules.h5")
    assert {path: metric.resumable for path, metric in benchmark.metrics.items()} == {
        "digits/train_seconds": False,
        "digits/validation_accuracy": False,
        "digits@1/validation_accuracy": True,
        "digits@3/validation_accuracy": True,
        "parameters": True,
    }
    genotypes = benchmark.architectures()
    expected = accuracy(np.isin(genotypes, (2, 3)).sum(axis=1))
    assert benchmark.recorded_epochs("digits/validation_accuracy") == (1, 3)
    for name, epoch, offset in (("digits", 3, 0), ("digits", 1, 0), ("digits@1", 1, 1), ("digits@3", 2, 3)):
        answers = benchmark.query_many(genotypes, f"{name}/validation_accuracy", epoch=epoch, seed=0)
        np.testing.assert_array_equal(answers.values, expected[:, 0, epoch - 1] + offset)
    with pytest.raises(NotFoundError, match="ambiguous"):
        benchmark.metric("validation_accuracy")


def off(predictor: Predictor, rounding: Callable[..., float]) -> float:
    """Difference that rounding allows, as a share of the mean: targets are a few deviations around it at most."""
    if isinstance(predictor, XGBoost):  # the leaves of its trees are added in float32
        return rounding(max(model.num_boosted_rounds() for model in predictor.models_), "float32")
    if isinstance(predictor, Ridge):  # a quadratic form of the features
        return rounding(len(predictor.weight_) ** 2)
    assert isinstance(predictor, GaussianProcess)  # a covariance of rows by features, and a triangular system
    rows, features = predictor.points_[0].shape
    return rounding(rows * (rows + features), condition=float(np.linalg.cond(predictor.cholesky_.numpy())))


@pytest.mark.parametrize("name", PREDICTIONS)
def test_an_old_surrogate_predicts_the_same(name: str, rounding: Callable[..., float]) -> None:
    surrogate = load(FOLDER / f"{name}.h5")
    assert isinstance(surrogate, SurrogateBenchmark)
    assert set(surrogate.metrics) == set(METRICS)
    assert surrogate.takes_seed("validation_accuracy")
    assert {row["metric"]: (row["n"], row["folds"], row["epoch"]) for row in surrogate.quality_records()} == {
        "digits/validation_accuracy": (11, 2, 3), "digits/train_seconds": (12, 2, 3),
    }  # fmt: skip
    genotypes = surrogate.space.decode(HELD_OUT_CODES)
    for path, expected in zip(METRICS, PREDICTIONS[name], strict=True):
        bound = off(surrogate.models[path].predictor, rounding) * np.abs(expected[0]).max()
        np.testing.assert_allclose(surrogate.predict(genotypes, path), expected, rtol=0, atol=bound)

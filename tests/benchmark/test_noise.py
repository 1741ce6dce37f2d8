"""The noise between seeds: by hand, by simulation, on a published table, and in damaged files.

Simulated numbers may be off by `ERRORS` standard errors, which a normal number exceeds once in 16,000 times.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nasbench.benchmark import hdf5, noise
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import load
from nasbench.benchmark.noise import Noise, deviates, fit_noise, spread
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.evaluate.surrogates import fit_surrogate, noise_quality
from nasbench.spaces import spaces
from nasbench.types import FloatArray

SPACE = spaces.create("nb201")
MACRO = Path(__file__).parents[2] / "../shared/tables/nas_bench_macro/raw"


ERRORS = 4.0


def off_mean(n: int, deviation: float = 1.0) -> float:
    """How far the mean of `n` independent numbers may be off."""
    return ERRORS * deviation / np.sqrt(n)


def off_deviation(freedom: float, kurtosis: float = 3.0) -> float:
    """How far a standard deviation may be off, as a share of it; that of normal numbers where not said."""
    return ERRORS * np.sqrt((kurtosis - 1) / (4 * freedom))


def off_share(n: int, share: float = 0.9) -> float:
    """How far a share of `n` independent events may be off."""
    return ERRORS * np.sqrt(share * (1 - share) / n)


def made(n: int, seeds: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Means from 50 to 90, and numbers around them with a deviation that falls from 3 to 1."""
    mean = rng.uniform(50, 90, n)
    return mean, mean[:, None] + (3 - (mean[:, None] - 50) / 20) * rng.normal(size=(n, seeds))


# --- by hand --------------------------------------------------------------------------------------------------------


def test_spread_by_hand() -> None:
    """1 and 3 have variance 2; each differs by 1 from the mean 2, which stands for a deviation of root 2."""
    found = spread(np.array([[1.0, 3, np.nan], [5, 5, 8], [7, np.nan, np.nan], [np.nan] * 3]))
    assert found.variance.tolist() == [2, 3, 0, 0]
    assert found.freedom.tolist() == [1, 2, 0, 0]
    root = np.sqrt([2, 1.5])
    np.testing.assert_allclose(found.residuals[0], [-root[0], root[0], np.nan])
    np.testing.assert_allclose(found.residuals[1], [-root[1], -root[1], 2 * root[1]])
    assert np.isnan(found.residuals[2:]).all()


def test_pools_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five numbers in at most two pools: three and two, weighted by degrees of freedom."""
    five = noise._Variations(*map(np.array, ([1.0, 2, 3, 4, 5], [6.0, 6, 3, 2, 4], [1.0, 1, 2, 1, 1])))
    assert five.pools() is five
    monkeypatch.setattr(noise, "MAX_POOLS", 2)
    pooled = five.pools()
    assert [array.tolist() for array in pooled] == [[2.25, 4.5], [4.5, 3], [4, 2]]


def test_pools_change_the_noise_less_than_its_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    mean, values = made(4_000, 3, np.random.default_rng(0))
    arguments = mean, spread(values), np.arange(4_000)
    exact = fit_noise(*arguments)
    monkeypatch.setattr(noise, "MAX_POOLS", 200)
    pooled = fit_noise(*arguments)
    assert exact is not None and pooled is not None
    np.testing.assert_allclose(pooled.deviations, exact.deviations, rtol=off_deviation(8_000) / ERRORS)


def test_noise_by_hand() -> None:
    one = Noise(np.array([10.0, 20.0]), np.array([4.0, 2.0]))
    mean = np.array([0.0, 10, 15, 99])
    np.testing.assert_allclose(one.at(mean), [4, 4, 3, 2])
    np.testing.assert_allclose(one.add(mean, np.array([1.0, -1, 2, 0]), log=False), [4, 6, 21, 99])
    np.testing.assert_allclose(one.std(mean, log=False), [4, 4, 3, 2])


def test_the_noise_of_a_logarithm_leaves_the_mean_as_it_is() -> None:
    one = Noise(np.array([1.0]), np.array([0.5]))
    n = 200_000
    drawn = one.add(np.full(n, 8.0), np.random.default_rng(0).standard_normal(n), log=True)
    w = np.exp(0.5**2)  # the kurtosis of a log-normal number is w^4 + 2 w^3 + 3 w^2 - 3
    deviation = 8 * np.sqrt(w - 1)
    assert (drawn > 0).all()
    assert one.std(np.array([8.0]), log=True)[0] == pytest.approx(deviation)
    assert drawn.mean() == pytest.approx(8, abs=off_mean(n, deviation))
    assert drawn.std() == pytest.approx(deviation, rel=off_deviation(n, w**4 + 2 * w**3 + 3 * w**2 - 3))
    assert np.log(drawn).std() == pytest.approx(0.5, rel=off_deviation(n))


def test_equal_variances_give_one_deviation(rounding: Callable[..., float]) -> None:
    """Every variance is 4, so the optimiser stays where it starts; 40 variances are added, each of 8 operations."""
    x = np.linspace(0, 1, 40)
    found = spread(np.stack([x - np.sqrt(2), x + np.sqrt(2)], axis=1))
    learnt = fit_noise(x, found, np.arange(40))
    assert learnt is not None
    np.testing.assert_allclose(learnt.deviations, 2, rtol=rounding(40 * 8))


# --- learning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_a_deviation_that_falls_is_found(seeds: int) -> None:
    """Logarithms of variances of two seeds are 1.27 too small on average; the likelihood is unbiased."""
    mean, values = made(3000, seeds, np.random.default_rng(seeds))
    learnt = fit_noise(mean, spread(values), np.arange(3000))
    assert learnt is not None
    near_a_knot = 3000 * (seeds - 1) / noise.MAX_KNOTS
    found = learnt.at(np.array([55.0, 70, 85]))
    np.testing.assert_allclose(found, [2.75, 2, 1.25], rtol=off_deviation(near_a_knot))
    quality = noise_quality(mean, spread(values), np.arange(3000), np.random.default_rng(0))
    assert quality["noise_cells"] == 3000
    # Variances have twice the relative error of deviations, and that of a mixture of deviations from 1 to 3 is more:
    spreads = np.linspace(1, 3, 1000)
    mixture = np.sqrt((spreads**4).mean()) / (spreads**2).mean()
    assert quality["noise_ratio"] == pytest.approx(1, abs=2 * mixture * off_deviation(3000 * (seeds - 1)))
    assert quality["noise_coverage_90"] == pytest.approx(0.9, abs=off_share(3000 * (seeds - 1)))


def test_few_cells_do_not_bend_it() -> None:
    mean, values = made(12, 2, np.random.default_rng(0))
    learnt = fit_noise(mean, spread(values), np.arange(12))
    assert learnt is not None
    assert learnt.deviations.max() < 2 * learnt.deviations.min()


def test_too_few_seeds_say_nothing() -> None:
    mean, values = made(noise.MIN_FREEDOM - 1, 2, np.random.default_rng(0))
    assert fit_noise(mean, spread(values), np.arange(len(mean))) is None
    mean, values = made(100, 1, np.random.default_rng(0))
    assert fit_noise(mean, spread(values), np.arange(100)) is None


def test_trainings_that_agree_have_no_noise() -> None:
    mean = np.arange(50.0)
    learnt = fit_noise(mean, spread(np.stack([mean, mean], axis=1)), np.arange(50))
    assert learnt is not None
    assert learnt.deviations.tolist() == [0]
    assert noise_quality(mean, spread(np.stack([mean, mean], axis=1)), np.arange(50), np.random.default_rng(0)) == {
        "noise_cells": 50,
        "noise_ratio": None,
        "noise_coverage_90": None,
    }


def test_a_constant_prediction_pools() -> None:
    values = np.random.default_rng(0).normal(size=(400, 3))
    learnt = fit_noise(np.full(400, 7.0), spread(values), np.arange(400))
    assert learnt is not None
    assert learnt.deviations.tolist() == pytest.approx([np.sqrt(spread(values).variance.mean())])


@given(st.floats(1e-6, 1e6), st.integers(0, 99))
@settings(max_examples=12)
def test_another_unit_changes_nothing(factor: float, seed: int) -> None:
    mean, values = made(60, 3, np.random.default_rng(seed))
    one = fit_noise(mean, spread(values), np.arange(60))
    other = fit_noise(mean * factor, spread(values * factor), np.arange(60))
    assert one is not None and other is not None
    # L-BFGS-B stops where a step gains less than 2.2e-9 of the loss, here of 120 degrees of freedom / 2. The loss bends
    # by at least the smallest penalty, so that this is a step of:
    step = np.sqrt(2 * 2.2e-9 * 60 / min(noise.PENALTIES))
    np.testing.assert_allclose(other.at(mean * factor), one.at(mean) * factor, rtol=2 * step)


# --- draws ----------------------------------------------------------------------------------------------------------


def test_deviates_are_standard_normal_and_independent() -> None:
    keys = SPACE.key(SPACE.unique())
    drawn = np.stack([deviates(keys, "digits/test_accuracy", seed) for seed in range(4)])
    assert stats.kstest(drawn.ravel(), "norm").pvalue > 2 * stats.norm.sf(ERRORS)
    assert np.abs(np.corrcoef(drawn) - np.eye(4)).max() < off_mean(len(keys))
    other = deviates(keys, "digits/validation_accuracy", 0)
    assert abs(np.corrcoef(other, drawn[0])[0, 1]) < off_mean(len(keys))


def test_deviates_stay_what_they_are() -> None:
    """A file gives the same answers years later."""
    found = deviates(np.array([0, 1, -1, 2**63 - 1]), "digits/test_accuracy", 7)
    np.testing.assert_allclose(found, GOLDEN, rtol=1e-12)


GOLDEN = [0.9078860036934503, 0.18563939573264682, -0.1508982611304442, 0.8032900977793482]


@pytest.fixture(scope="module")
def tabular() -> TabularBenchmark:
    genotypes = SPACE.decode(np.random.default_rng(0).choice(SPACE.size, 200, replace=False))
    base = 40.0 + 8 * (genotypes == 3).sum(axis=1)
    rng = np.random.default_rng(1)
    columns = {}
    for name, split, units, values in (
        ("validation_accuracy", "validation", "percent", base[:, None] + rng.normal(size=(200, 3))),
        ("test_accuracy", "test", "percent", base),
        ("train_seconds", "none", "seconds", base[:, None] * np.exp(0.1 * rng.normal(size=(200, 3)))),
    ):
        dims = ("architecture", "seed")[: np.ndim(values)]
        metric = Metric("toy", name, split, units, "maximise" if units == "percent" else "minimise", dims)  # type: ignore[arg-type]
        columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    return TabularBenchmark(Table(SPACE, genotypes, (0, 1, 2), {}, columns), name="toy.h5")


@pytest.fixture(scope="module")
def surrogate(tabular: TabularBenchmark) -> SurrogateBenchmark:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nasbench.evaluate.surrogates.RESAMPLES", 20)
        return fit_surrogate(tabular, "validation_accuracy", "ridge")


def test_answers_with_a_seed_have_the_variance_that_was_found(surrogate: SurrogateBenchmark) -> None:
    genotypes = SPACE.unique()[:3000]
    mean = surrogate.query_many(genotypes, "validation_accuracy").values
    drawn = np.stack([surrogate.query_many(genotypes, "validation_accuracy", seed=s).values for s in range(5)])
    fitted = off_deviation(200 * 2)  # of 200 cells with three seeds each
    learnt = surrogate.noise(genotypes, "validation_accuracy")
    assert learnt.mean() == pytest.approx(1, rel=fitted)
    assert (drawn - mean).std() == pytest.approx(np.sqrt((learnt**2).mean()), rel=off_deviation(drawn.size))
    assert (drawn - mean).mean() == pytest.approx(0, abs=off_mean(drawn.size, learnt.max()))
    (quality,) = [r for r in surrogate.quality_records() if r["metric"] == "toy/validation_accuracy"]
    assert quality["noise_cells"] == 200
    assert quality["noise_ratio"] == pytest.approx(1, abs=2 * fitted)
    assert quality["noise_coverage_90"] == pytest.approx(0.9, abs=off_share(200 * 2))


def test_the_same_seed_gives_the_same_answer_in_any_order(surrogate: SurrogateBenchmark) -> None:
    genotypes = SPACE.sample(50, np.random.default_rng(3))
    together = surrogate.query_many(genotypes, "validation_accuracy", seed=11)
    backwards = surrogate.query_many(genotypes[::-1], "validation_accuracy", seed=11).values[::-1]
    np.testing.assert_array_equal(together.values, backwards)
    assert together.seed == 11
    for row in (49, 0, 7):
        answer = surrogate.query(genotypes[row], "validation_accuracy", seed=np.int64(11))  # type: ignore[arg-type]
        assert answer.value == together.values[row]
        assert answer.seeds == (11,)
    other = surrogate.query_many(genotypes, "validation_accuracy", seed=12).values
    assert not (other == together.values).any()


def test_isomorphic_cells_are_one_training() -> None:
    nb101 = spaces.create("nb101")
    genotypes = nb101.sample(100, np.random.default_rng(0))
    assert (
        deviates(nb101.key(genotypes), "a", 1).tolist()
        == deviates(nb101.key(nb101.canonical(genotypes)), "a", 1).tolist()
    )


def test_a_generator_draws_anew(surrogate: SurrogateBenchmark) -> None:
    rng = np.random.default_rng(0)
    cell = [3, 3, 3, 0, 3, 3]
    drawn = [surrogate.query(cell, "validation_accuracy", seed=rng).value for _ in range(300)]
    assert len(set(drawn)) == 300
    learnt = surrogate.noise([cell], "validation_accuracy")[0]
    assert np.std(drawn) == pytest.approx(learnt, rel=off_deviation(300))
    assert surrogate.query_many([cell], "validation_accuracy", seed=rng).seed == "random"
    assert surrogate.query(cell, "validation_accuracy", seed=rng).seeds == ()


def test_costs_vary_with_the_seed_and_stay_positive(surrogate: SurrogateBenchmark) -> None:
    genotypes = SPACE.unique()[:500]
    costs = [surrogate.query(g, "validation_accuracy", seed=5).cost for g in genotypes]
    assert min(costs) > 0
    np.testing.assert_array_equal(costs, surrogate.query_many(genotypes, "train_seconds", seed=5).values)
    ratio = np.log(costs / surrogate.query_many(genotypes, "train_seconds").values)
    assert ratio.std() == pytest.approx(0.1, rel=off_deviation(200 * 2) + off_deviation(500))


def test_a_metric_of_one_training_has_no_noise(surrogate: SurrogateBenchmark) -> None:
    for seed in (0, np.random.default_rng(0)):
        with pytest.raises(
            NotFoundError, match=r"does not know how .* seeds differ in 'toy/test_accuracy': too few arch"
        ):
            surrogate.query([3] * 6, "test_accuracy", seed=seed)
        with pytest.raises(NotFoundError, match="ask with seed='mean'"):
            surrogate.query_many([[3] * 6], "test_accuracy", seed=seed)
    with pytest.raises(NotFoundError, match="does not know how"):
        surrogate.noise([[3] * 6], "test_accuracy")


def test_the_name_of_a_metric_is_a_string(surrogate: SurrogateBenchmark) -> None:
    with pytest.raises(InputError, match="the name of a metric is a string"):
        surrogate.query([3] * 6, ["validation_accuracy"])  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, True, 1.0, "first", None])
def test_what_is_no_seed(surrogate: SurrogateBenchmark, seed: object) -> None:
    with pytest.raises(InputError, match="is 'mean', a whole number from 0 on, or a generator; got"):
        surrogate.query([3] * 6, "validation_accuracy", seed=seed)  # type: ignore[arg-type]


# --- files ----------------------------------------------------------------------------------------------------------


def test_stored_and_read(surrogate: SurrogateBenchmark, tmp_path: Path) -> None:
    hdf5.write_surrogate(surrogate, tmp_path / "a.h5")
    assert verify(tmp_path / "a.h5") == []
    found = load(tmp_path / "a.h5")
    genotypes = SPACE.sample(30, np.random.default_rng(0))
    for seed in (0, 9):
        np.testing.assert_array_equal(
            found.query_many(genotypes, "validation_accuracy", seed=seed).values,
            surrogate.query_many(genotypes, "validation_accuracy", seed=seed).values,
        )
    with pytest.raises(NotFoundError):
        found.query_many(genotypes, "test_accuracy", seed=0)
    with h5py.File(tmp_path / "a.h5") as file:
        assert sorted(file["noise/toy"]) == ["train_seconds", "validation_accuracy"]
        assert json.loads(file["models/toy/validation_accuracy"].attrs["quality"])["noise_cells"] == 200


@pytest.mark.parametrize(
    ("part", "values", "message"),
    [
        ("knots", [2.0, 1.0], "finite and increasing"),
        ("knots", [np.nan, 1.0], "finite and increasing"),
        ("knots", [1.0], "as many deviations"),
        ("knots", list(range(100)), "1 to 8 knots"),
        ("knots", np.array([1, 2]), "holds float64, got int64"),
        ("knots", [[1.0, 2.0]], r"has shape \(any,\)"),
        ("deviations", [-1.0, 1.0], "from 0 to 1e[+]100"),
        ("deviations", [np.nan, 1.0], "from 0 to 1e[+]100"),
        ("deviations", [np.inf, 1.0], "from 0 to 1e[+]100"),
        ("deviations", None, "is missing"),
        (None, None, "is a group, got an array|is missing"),
    ],
)
def test_broken_noise(
    surrogate: SurrogateBenchmark, tmp_path: Path, part: str | None, values: object, message: str
) -> None:
    path = tmp_path / "a.h5"
    two = replace(surrogate.models["toy/validation_accuracy"], noise=Noise(np.array([1.0, 2.0]), np.array([1.0, 2.0])))
    models = {**surrogate.models, "toy/validation_accuracy": two}
    hdf5.write_surrogate(SurrogateBenchmark(surrogate.table, models), path)
    with h5py.File(path, "r+") as file:
        group = file["noise/toy/validation_accuracy"]
        if part is None:
            del file["noise/toy/validation_accuracy"]
            file["noise/toy/validation_accuracy"] = np.zeros(3)
        else:
            del group[part]
            if values is not None:
                group[part] = np.asarray(values) if isinstance(values, np.ndarray) else np.asarray(values, dtype=float)
    with pytest.raises(FileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert verify(path)


def test_a_logarithm_of_absurd_noise_is_refused() -> None:
    with pytest.raises(InputError, match="from 0 to 10"):
        Noise(np.array([1.0]), np.array([11.0])).check(log=True)


# --- a published table ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not MACRO.exists(), reason="the published table is not here")
def test_noise_of_nas_bench_macro() -> None:
    """Three trainings of 6,561 networks: noise fitted on 400 of them holds for the others."""
    from nasbench.importers.nas_bench_macro import NASBenchMacro

    table = NASBenchMacro().read([next(MACRO.glob("*.json"))])
    column = table.columns["cifar10/test_accuracy"]
    metric = replace(column.metric, name="validation_accuracy", split="validation")
    rows = np.random.default_rng(0).permutation(len(table.genotypes))
    seen, held_out = rows[:400], rows[400:]
    part = Column(metric, column.values[seen], column.missing[seen])
    small = TabularBenchmark(Table(table.space, table.genotypes[seen], table.seeds, {}, {metric.path: part}))
    surrogate = fit_surrogate(small, "validation_accuracy", "ridge")
    found, expected = spread(column.values[held_out]), surrogate.noise(table.genotypes[held_out], metric.path)
    fitted = off_deviation(400 * 2)  # of 400 networks with three seeds each
    assert (expected**2).mean() / found.variance.mean() == pytest.approx(1, abs=2 * fitted)
    within = stats.norm.isf(0.05)
    moved = 2 * within * stats.norm.pdf(within) * fitted  # the share that a wider interval has more
    covered = (np.abs(found.residuals / expected[:, None]) < within).mean()
    assert covered == pytest.approx(0.9, abs=moved + off_share(len(held_out) * 2))

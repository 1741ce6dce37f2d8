"""How far surrogate benchmarks can be trusted, on published tables.

python benchmarks/surrogate.py searches    searches on surrogates of NAS-Bench-201 beside those on the table
python benchmarks/surrogate.py noise       noise learnt from a part of NAS-Bench-Macro beside that of the rest
python benchmarks/surrogate.py published   the published split of Accel-NASBench
python benchmarks/surrogate.py sizes       seconds to fit on made-up tables of up to all cells of NAS-Bench-101
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time

import numpy as np

from nasbench.benchmark.base import Benchmark, Metric
from nasbench.benchmark.noise import spread
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate import metrics
from nasbench.evaluate.holdout import published_split
from nasbench.evaluate.quality import incumbents
from nasbench.evaluate.splits import targets
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.evaluate.trajectories import agreement
from nasbench.importers import importers
from nasbench.predictors import Inputs, predictors
from nasbench.search import strategies
from nasbench.search.problem import Budget
from nasbench.simulator.evaluator import Evaluator, make_evaluator
from nasbench.simulator.simulate import Run, simulate
from nasbench.simulator.streams import initial_designs, rng_for
from nasbench.spaces import spaces
from nasbench.types import FloatArray

TABLES = Path(__file__).parents[2] / "shared/tables"
STRATEGIES = ("random", "local", "evolution", "reinforce")
INITIAL = 10
"""Designs that every run begins with."""
METRIC = "cifar10/validation_accuracy"


def imported(source: str, path: Path, **options: object) -> Table:
    """A published table."""
    if not path.exists():
        sys.exit(f"needs {path}, a table that is not part of the project")
    return importers.create(source, **options).read([path])


def part(table: Table, rows: np.ndarray) -> TabularBenchmark:  # type: ignore[type-arg]
    """Some rows of a table."""
    columns = {
        path: replace(column, values=column.values[rows], missing=column.missing[rows])
        for path, column in table.columns.items()
    }
    return TabularBenchmark(Table(table.space, table.genotypes[rows], table.seeds, dict(table.epochs), columns))


# --- searches -------------------------------------------------------------------------------------------------------


def runs(benchmark: Benchmark, name: str, evaluations: int, repeats: int) -> list[tuple[Evaluator, Run]]:
    """Runs of one strategy; the same repeat has the same seed and designs on every benchmark."""
    evaluator = make_evaluator(benchmark, [METRIC])
    return [
        (
            evaluator,
            simulate(
                strategies.create(name),
                evaluator,
                Budget(evaluations=evaluations),
                rng_for(0, "strategy", name, repeat),
                initial=initial_designs(evaluator, INITIAL, 0, repeat),
            ),
        )
        for repeat in range(repeats)
    ]


def paths(done: list[tuple[Evaluator, Run]], table: TabularBenchmark | None = None) -> FloatArray:
    """The incumbent's value after each evaluation `(repeats, evaluations)`: as the run saw it, or as a table has it."""
    result = []
    for evaluator, run in done:
        values = run.scores[:, 0]
        changes = incumbents(run.positions, values, np.isfinite(values))
        at = changes[np.searchsorted(changes, np.arange(len(values)), side="right") - 1]
        cells = evaluator.genotypes(run.rows)
        seen = values if table is None else table.query_many(cells, METRIC).values.filled()
        result.append(seen[at])
    return np.array(result)


def searches(predictor: str, sizes: list[int], evaluations: int, repeats: int) -> None:
    columns = ["validation_accuracy=validation accuracy", "test_accuracy=test accuracy"]
    file = TABLES / "nb201_nasgraph/raw/nasbench201_cifar10.csv"
    table = imported("csv", file, space="nb201", column=columns, arch_column="arch str", dataset="cifar10")
    whole = TabularBenchmark(table, name="NAS-Bench-201")
    on_table = {name: runs(whole, name, evaluations, repeats) for name in STRATEGIES}
    for size in sizes:
        rows = np.random.default_rng(0).permutation(len(table.genotypes))
        begin = process_time()
        surrogate = fit_surrogate(part(table, rows[:size]), METRIC, predictor, folds=2)
        seconds = process_time() - begin
        unseen = ~np.isin(
            table.space.function_key(table.genotypes), table.space.function_key(table.genotypes[rows[:size]])
        )
        y = table.columns[METRIC].values[unseen]
        predicted = surrogate.query_many(table.genotypes[unseen], METRIC).values.filled()
        print(f"\n{predictor} from {size:,} cells, {seconds:.0f} s of CPU; on {unseen.sum():,} cells "
              f"of other functions: "
              f"R2 {metrics.r2(y, predicted):.3f}, Kendall tau {metrics.kendall_tau(y, predicted):.3f}, "
              f"sparse {metrics.sparse_kendall_tau(y, predicted):.3f}")  # fmt: skip
        on_surrogate = {name: runs(surrogate, name, evaluations, repeats) for name in STRATEGIES}
        for what, read in ("surrogate's values", None), ("values in the table", whole):
            found = agreement(
                {name: paths(done, read)[:, INITIAL:] for name, done in on_surrogate.items()},
                {name: paths(done)[:, INITIAL:] for name, done in on_table.items()},
                np.random.default_rng(0),
            )
            print(f"  incumbents of searches on the surrogate, {what}, less those of searches on the table:")
            for row in found["strategies"]:
                cells = [
                    f"{measure.replace('_', ' ')} {row[measure]:.2f} [{row[measure + '_low']:.2f}, "
                    f"{row[measure + '_high']:.2f}]"
                    for measure in ("mean_difference", "largest_difference", "final_difference")
                ]
                print(f"    {row['strategy']:>10}: {', '.join(cells)}")
            low, high = found["rank_agreement_low"], found["rank_agreement_high"]
            print(f"    order of the strategies: Kendall tau {found['rank_agreement']:.2f} [{low:.2f}, {high:.2f}]")


# --- noise ----------------------------------------------------------------------------------------------------------


def noise(predictor: str, sizes: list[int]) -> None:
    folder = TABLES / "nas_bench_macro/raw"
    table = imported("nas-bench-macro", next(folder.glob("*.json"), folder))
    column = table.columns["cifar10/test_accuracy"]
    # a surrogate is fitted for a validation metric; what the table calls test is the only one it has
    metric = replace(column.metric, name="validation_accuracy", split="validation")
    table = replace(table, columns={METRIC: Column(metric, column.values, column.missing)})
    rows = np.random.default_rng(0).permutation(len(table.genotypes))
    for size in sizes:
        surrogate = fit_surrogate(part(table, rows[:size]), METRIC, predictor, folds=2)
        held_out = rows[size:]
        genotypes, values = table.genotypes[held_out], column.values[held_out]
        found, deviation = spread(values), surrogate.noise(genotypes, METRIC)
        mean = surrogate.query_many(genotypes, METRIC).values.filled()
        drawn = np.stack([surrogate.query_many(genotypes, METRIC, seed=s).values.filled() for s in range(3)], axis=1)
        rows_apart = found.variance > 0
        arguments = values.mean(axis=1)[rows_apart], np.sqrt(found.variance[rows_apart]), mean[rows_apart]
        pooled = np.full(rows_apart.sum(), np.sqrt(spread(column.values[rows[:size]]).variance.mean()))
        predictive = surrogate.predict(genotypes, METRIC).std[rows_apart]
        print(
            f"{predictor} from {size:,} networks, on the other {len(held_out):,}: "
            f"R2 {metrics.r2(values.mean(axis=1), mean):.3f}, variance drawn by variance found "
            f"{spread(drawn).variance.mean() / found.variance.mean():.3f}, inside 90 % "
            f"{(np.abs(found.residuals / deviation[:, None]) < metrics.NORMAL_90).mean():.3f}; "
            f"Kullback-Leibler divergence {metrics.normal_kl(*arguments, deviation[rows_apart]).mean():.2f}, "
            f"of one pooled deviation {metrics.normal_kl(*arguments, pooled).mean():.2f}, "
            f"of the predictor's own {metrics.normal_kl(*arguments, predictive).mean():.2f}"
        )


# --- a published split ----------------------------------------------------------------------------------------------


def published(names: list[str]) -> None:
    table = imported("accel-nasbench", TABLES / "accel_nasbench/accel_nasbench.csv")
    parts = published_split(table)
    found = targets(TabularBenchmark(table), "imagenet/validation_accuracy")
    train, test = (np.isin(found.rows, parts[name]) for name in ("train", "test"))
    for name in names:
        begin = process_time()
        fitted = predictors.create(name).fit(Inputs(table.space, found.genotypes[train]), found.values[train])
        seconds, y = process_time() - begin, found.values[test]
        mean, std = fitted.predict(Inputs(table.space, found.genotypes[test]))
        print(
            f"{name}: {train.sum():,} networks in {seconds:.0f} s of CPU; {test.sum()} tested: Kendall tau "
            f"{metrics.kendall_tau(y, mean):.3f}, sparse {metrics.sparse_kendall_tau(y, mean):.3f}, "
            f"R2 {metrics.r2(y, mean):.3f}, inside 90 % {metrics.coverage_90(y, mean, std):.2f}"
        )


# --- sizes ----------------------------------------------------------------------------------------------------------


def fitting_time(predictor: str) -> None:
    space, rng = spaces.create("nb101"), np.random.default_rng(0)
    genotypes = rng.permutation(space.unique())
    features = space.features(genotypes, "adjacency")
    means = 90 + features @ rng.normal(0, 0.5, features.shape[1]) + rng.normal(0, 0.5, len(genotypes))
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("cifar10", f"{split}_accuracy", split, "percent", "maximise", DIMS)
        values = means[:, None, None] + rng.normal(0, 0.3, (len(genotypes), 3, 1))
        columns[metric.path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    table = Table(space, genotypes, (0, 1, 2), {"cifar10": (108,)}, columns)
    for n in (5_000, 50_000, len(genotypes)):
        benchmark = part(table, np.arange(n))
        begin = process_time()
        quality = fit_surrogate(benchmark, METRIC, predictor).models[METRIC].quality
        print(
            f"{predictor} on {n:,} cells, three seeds, two metrics: {process_time() - begin:.1f} s of CPU; Kendall tau "
            f"{quality['kendall_tau']:.4f} [{quality['kendall_tau_low']:.4f}, {quality['kendall_tau_high']:.4f}]"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("searches", "noise", "published", "sizes"))
    parser.add_argument("--predictors", default="", help="comma-separated")
    parser.add_argument("--sizes", default="300,1000", help="comma-separated numbers of architectures")
    parser.add_argument("--evaluations", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    names = options.predictors.split(",") if options.predictors else ["gp"]
    sizes = [int(size) for size in options.sizes.split(",")]
    if options.what == "published":
        published(options.predictors.split(",") if options.predictors else ["gp", "xgb", "ensemble"])
    if options.what == "sizes":
        for name in options.predictors.split(",") if options.predictors else ["ridge"]:
            fitting_time(name)
    for name in names if options.what in ("searches", "noise") else []:
        if options.what == "searches":
            searches(name, sizes, options.evaluations, options.repeats)
        else:
            noise(name, sizes)


if __name__ == "__main__":
    main()

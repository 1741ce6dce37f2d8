"""Speed of simulated search, and its quality on the published NAS-Bench-201 table (CIFAR-10, all 15,625 cells).

python benchmarks/search.py speed            1,000 repeats x 300 evaluations on one core
python benchmarks/search.py guard            the same evaluations in this process, and behind the guard
python benchmarks/search.py cluster          events a second on simulated clusters, with a strategy that does nothing
python benchmarks/search.py quality          best validation accuracy after 50, 100, 150 and 300 evaluations
python benchmarks/search.py quality --strategies auto --repeats 100 --points 16,32,48,64,96,128
python benchmarks/search.py fidelity         epochs until 91.4 %, where 12 epochs can be trained besides 200
python benchmarks/search.py front --table FILE --metrics ACCURACY,LATENCY     share of the exact hypervolume
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from scipy.special import gammaln

from nasbench.benchmark.base import Metric
from nasbench.benchmark.load import load
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.quality import best_of_space
from nasbench.evaluate.runtimes import Target, expected_running_time, runtimes
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.evaluate.strategies import compare
from nasbench.search import Strategy, Trial, strategies
from nasbench.search.problem import Budget
from nasbench.simulator.cluster import Cluster
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.guard import Guarded
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import initial_designs, rng_for
from nasbench.spaces import spaces
from nasbench.types import FloatArray

SOURCE = Path(__file__).parents[2] / "shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv"
POINTS = (50, 100, 150, 300)
METRIC = "cifar10/validation_accuracy"


def table(dataset: str = "cifar10") -> TabularBenchmark:
    """The published table; training costs are not in it, so every evaluation takes one unit of time."""
    source = SOURCE.with_name(f"nasbench201_{dataset}.csv")
    if not source.exists():
        sys.exit(f"needs {source}, a table that is not part of the project")
    with source.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    space = spaces.create("nb201")
    columns = {}
    for split in ("validation", "test"):
        metric = Metric(dataset, f"{split}_accuracy", split, "percent", "maximise", ("architecture",))  # type: ignore[arg-type]
        values = np.array([float(row[f"{split} accuracy"]) for row in rows])
        columns[metric.path] = Column(metric, values, np.zeros(len(rows), dtype=np.uint8))
    genotypes = np.stack([space.genotype(row["arch str"]) for row in rows])
    return TabularBenchmark(Table(space, genotypes, (), {}, columns), name=f"nb201-{dataset}")


def speed(repeats: int, names: list[str]) -> None:
    begin = perf_counter()
    evaluator = make_evaluator(table(), [METRIC])
    print(f"reading the table and looking it up: {perf_counter() - begin:.1f} s")
    for name in names:
        begin, begin_cpu = perf_counter(), process_time()
        for repeat in range(repeats):
            initial = initial_designs(evaluator, 10, 0, repeat)
            rng = rng_for(0, "strategy", name, repeat)
            simulate(strategies.create(name), evaluator, Budget(evaluations=300), rng, initial=initial)
        seconds, cpu = perf_counter() - begin, process_time() - begin_cpu
        each = cpu / repeats / 300 * 1e6
        print(f"{name:>24}: {repeats:,} x 300 in {seconds:.1f} s ({cpu:.1f} s of CPU, {each:.1f} us an evaluation)")


def guard(repeats: int, names: list[str]) -> None:
    evaluator = make_evaluator(load("nb201-digits"), ["validation_accuracy"])
    for name in names:
        for kind, strategy in (("free", strategies.create(name)), ("guarded", Guarded(name))):
            begin = perf_counter()
            simulate(strategy, evaluator, Budget(evaluations=1), rng_for(0, "strategy", name, 0))
            first = perf_counter() - begin
            begin = perf_counter()
            for repeat in range(repeats):
                simulate(strategy, evaluator, Budget(evaluations=300), rng_for(0, "strategy", name, repeat))
            each = (perf_counter() - begin) / repeats / 300 * 1e6
            print(f"{name:>24} {kind:>8}: {each:.1f} us an evaluation ({repeats} x 300), first run {first:.2f} s")


class Cycle(Strategy):
    """Proposes a thousand architectures in turn."""

    def _start(self) -> None:
        self.trials, self.at = [self.trial(cell) for cell in self.space.sample(1000, self.rng)], 0

    def _ask(self) -> Trial:
        self.at += 1
        return self.trials[self.at % 1000]


def cluster(trials: int) -> None:
    evaluator = make_evaluator(load("nb201-digits"), ["validation_accuracy"])
    for workers in ("1", "16", "1000", "16+jitter=0.3", "16+jitter=0.3+mtbf=2+restarts=9"):
        begin = process_time()
        run = simulate(
            Cycle(), evaluator, Budget(evaluations=trials), rng_for(0, "", "", 0), workers=Cluster.parse(workers)
        )
        seconds, lost = process_time() - begin, run.lost.sum() / (run.seconds - run.begun).sum()
        print(
            f"{workers:>32} workers: {trials / seconds:,.0f} finished trials a second of CPU ({trials:,} in all), "
            f"{lost:.0%} of the busy time lost, {np.isnan(run.scores).mean():.1%} of the trials failed"
        )


def quality(repeats: int, names: list[str], jobs: int | None, points: tuple[int, ...]) -> None:
    benchmark = table()
    begin = perf_counter()
    results = compare(benchmark, METRIC, strategies=names, evaluations=points[-1], repeats=repeats, jobs=jobs)
    curves = anytime(results.records, points, value="valid")
    print(f"best validation accuracy in percent, mean of {repeats} runs with 95 % bootstrap interval, after")
    print(f"{'':>24} " + " ".join(f"{point:>21}" for point in points))
    values = np.array(benchmark.query_many(benchmark.architectures(), METRIC).values)
    exact = [expected_maximum(values, point) for point in points]
    print(f"{'random, exact':>24} " + " ".join(f"{value:>21.2f}" for value in exact))
    for name, reached in curves.items():
        low, high = bootstrap_interval(reached, np.random.default_rng(0))
        cells = [f"{m:.3f} ({a:.2f}-{b:.2f})" for m, a, b in zip(reached.mean(axis=0), low, high, strict=True)]
        print(f"{name:>24} " + " ".join(f"{cell:>21}" for cell in cells))
        print(f"{'':>24} the best of all in {(reached[:, -1] == values.max()).mean():.0%} of runs, after {points[-1]}")
    print(f"{perf_counter() - begin:.0f} s in all")
    print(results.summary["statement"])


def two_fidelities() -> TabularBenchmark:
    """The published table with the accuracies after separate schedules of 12 and of 200 epochs."""
    long = table().table
    file = SOURCE.parents[2] / "nb201_mini_12epoch/mini_nb201_12epoch.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        short = {row["cellstr"]: row for row in csv.DictReader(lines)}
    cells = [short[long.space.to_string(genotype)] for genotype in long.genotypes]
    columns = {}
    for path, column in long.columns.items():
        part = "val" if column.metric.split == "validation" else "test"
        after_12 = np.array([float(row[f"cifar10-{part}"]) for row in cells])
        values = np.stack([after_12, column.values], axis=1)[:, None, :]
        metric = replace(column.metric, dims=DIMS, resumable=False)
        columns[path] = Column(metric, values, np.zeros(values.shape, dtype=np.uint8))
    made = Table(long.space, long.genotypes, (0,), {"cifar10": (12, 200)}, columns)
    return TabularBenchmark(made, name="nb201-12-and-200-epochs")


def fidelity(repeats: int, names: list[str], jobs: int | None) -> None:
    benchmark = two_fidelities()
    results = compare(benchmark, METRIC, strategies=names, epochs=60_000, repeats=repeats, jobs=jobs)
    target = Target(0.0, results.summary["best_valid"] - 91.4)
    print(f"epochs until a training of 200 epochs reaches 91.4 %, {repeats} runs of 60,000 epochs")
    for name, (first, spent) in runtimes(results.records, [target], "epochs").items():
        expected = expected_running_time(first[:, 0], spent)
        print(f"{name:>24} {expected:>10,.0f}, reached in {np.isfinite(first).mean():.0%} of runs")


def front(file: Path, metrics: list[str], repeats: int, names: list[str], points: tuple[int, ...]) -> None:
    """Share of the hypervolume of the exact front, run by run, since some runs take minutes."""
    evaluator = make_evaluator(load(file), metrics)
    best = best_of_space(evaluator)
    if best.valid_bounds is None:
        sys.exit("name two metrics or more, separated by commas")
    shares: dict[str, list[list[float]]] = {name: [] for name in names}
    print(f"share of the hypervolume of the exact front after {', '.join(map(str, points))} evaluations")
    for repeat in range(repeats):
        initial = initial_designs(evaluator, 10, 0, repeat)
        for name in names:
            begin = perf_counter()
            rng = rng_for(0, "strategy", name, repeat)
            run = simulate(strategies.create(name), evaluator, Budget(evaluations=points[-1]), rng, initial=initial)
            known = [scores[np.isfinite(scores).all(axis=1)] for scores in (run.scores[:point] for point in points)]
            shares[name].append([best.valid_bounds.share(scores) / best.valid for scores in known])
            cells = " ".join(f"{share:.4f}" for share in shares[name][-1])
            print(f"{name:>24}, repeat {repeat}: {cells} in {perf_counter() - begin:.1f} s", flush=True)
    for name, rows in shares.items():
        means, lowest = np.mean(rows, axis=0), np.min(rows, axis=0)
        cells = " ".join(f"{mean:.4f} ({low:.4f})" for mean, low in zip(means, lowest, strict=True))
        print(f"{name:>24}, mean of {repeats} runs (lowest): {cells}")


def expected_maximum(values: FloatArray, n: int) -> float:
    """Expected largest of `n` values drawn without replacement; the k-th smallest is it with C(k-1, n-1) / C(N, n)."""
    ranks = np.arange(n, len(values) + 1)
    log = gammaln(ranks) - gammaln(ranks - n + 1) - gammaln(n)
    total = gammaln(len(values) + 1) - gammaln(len(values) - n + 1) - gammaln(n + 1)
    return math.fsum(np.exp(log - total) * np.sort(values)[n - 1 :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("speed", "guard", "cluster", "quality", "fidelity", "front"))
    parser.add_argument("--table", type=Path, help="benchmark file, for front")
    parser.add_argument("--metrics", default="", help="comma-separated objectives, for front")
    parser.add_argument("--strategies", help="comma-separated")
    parser.add_argument("--repeats", type=int)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--points", help="comma-separated numbers of evaluations, increasing")
    options = parser.parse_args()
    names = options.strategies.split(",") if options.strategies else None
    points = tuple(map(int, options.points.split(","))) if options.points else POINTS
    if options.what == "speed":
        speed(options.repeats or 1000, names or ["random", "evolution"])
    elif options.what == "fidelity":
        among = names or ["random", "evolution", "halving", "hyperband", "asha", "bohb", "dehb", "freeze-thaw", "auto"]
        fidelity(options.repeats or 100, among, options.jobs)
    elif options.what == "cluster":
        cluster(300 * (options.repeats or 1000))
    elif options.what == "guard":
        guard(options.repeats or 10, names or ["random", "evolution"])
    elif options.what == "front":
        contestants = names or ["qlogehvi", "parego", "nsga2", "random"]
        front(options.table, options.metrics.split(","), options.repeats or 10, contestants, points)
    else:
        quality(options.repeats or 500, names or ["random", "evolution", "local", "reinforce"], options.jobs, points)


if __name__ == "__main__":
    main()

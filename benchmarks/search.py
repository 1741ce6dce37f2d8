"""Speed of simulated search, and its quality on the published NAS-Bench-201 table (CIFAR-10, all 15,625 cells).

python benchmarks/search.py speed            1,000 repeats x 300 evaluations on one core
python benchmarks/search.py quality          best validation accuracy after 50, 100, 150 and 300 evaluations
python benchmarks/search.py quality --strategies auto --repeats 100 --points 16,32,48,64,96,128
python benchmarks/search.py front --table FILE --metrics ACCURACY,LATENCY     share of the exact hypervolume
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from scipy.special import gammaln

from nasbench.benchmark.base import Metric
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.evaluate.anytime import anytime
from nasbench.evaluate.quality import best_of_space
from nasbench.evaluate.statistics import bootstrap_interval
from nasbench.evaluate.strategies import compare
from nasbench.search import strategies
from nasbench.search.problem import Budget
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import initial_designs, rng_for
from nasbench.spaces import spaces
from nasbench.types import FloatArray

SOURCE = Path(__file__).parents[2] / "shared/tables/nb201_nasgraph/raw/nasbench201_cifar10.csv"
POINTS = (50, 100, 150, 300)
METRIC = "cifar10/validation_accuracy"


def table() -> TabularBenchmark:
    """The published table; training costs are not in it, so every evaluation takes one unit of time."""
    if not SOURCE.exists():
        sys.exit(f"needs {SOURCE}, a table that is not part of the project")
    with SOURCE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    space = spaces.create("nb201")
    columns = {}
    for split in ("validation", "test"):
        metric = Metric("cifar10", f"{split}_accuracy", split, "percent", "maximise", ("architecture",))  # type: ignore[arg-type]
        values = np.array([float(row[f"{split} accuracy"]) for row in rows])
        columns[metric.path] = Column(metric, values, np.zeros(len(rows), dtype=np.uint8))
    genotypes = np.stack([space.genotype(row["arch str"]) for row in rows])
    return TabularBenchmark(Table(space, genotypes, (), {}, columns))


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
    parser.add_argument("what", choices=("speed", "quality", "front"))
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
    elif options.what == "front":
        contestants = names or ["qlogehvi", "parego", "nsga2", "random"]
        front(options.table, options.metrics.split(","), options.repeats or 10, contestants, points)
    else:
        quality(options.repeats or 500, names or ["random", "evolution", "local", "reinforce"], options.jobs, points)


if __name__ == "__main__":
    main()

"""Strategies on all complete tables at hand, and over them.

    python benchmarks/ranking.py --out FOLDER [--page docs/search.md] [--strategies a,b] [--repeats 30]

Each race is kept in the folder once it is over, so a command that was stopped goes on, and `nasbench report
FOLDER/ranking.json` draws it. The published tables are not part of the project.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

from search import SOURCE, table

from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.load import load
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.cli.compare import interval
from nasbench.evaluate.quality import REGRETS
from nasbench.evaluate.races import joined
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.importers import importers

RANKED = "random,local,tabu,annealing,evolution,genetic,differential,reinforce,ppo,bayesian-xgb,auto"
"""Strategies that train in full, of every family."""
RACES: dict[str, dict[str, str]] = {
    "nb201-cifar10": {},
    "nb201-cifar100": {},
    "nb201-ImageNet16-120": {},
    "macro": {"guide": "test_accuracy@0", "judge": "test_accuracy@1,2"},
    "nb201-digits": {},
    "graph-arxiv": {"metric": "arxiv/validation_accuracy"},
    "graph-cora": {"metric": "cora/validation_accuracy"},
    "synthetic-additive": {},
    "synthetic-deceptive": {},
}
"""Benchmarks of a ranking, with what `compare` is told besides."""


def loaded(name: str) -> Benchmark:
    """A benchmark of a ranking."""
    if name.startswith("nb201-") and name != "nb201-digits":
        return table(name.removeprefix("nb201-"))
    if name == "macro":
        file = SOURCE.parents[2] / "nas_bench_macro/raw/nas-bench-macro_cifar10.json"
        return TabularBenchmark(importers.create("nas-bench-macro").read([file]), name=name)
    if name.startswith("graph-"):
        return TabularBenchmark(importers.create("nas-bench-graph").read([]), name=name)
    return load(name)


HOW_SOON = "Interquartile mean, over all runs, of the area under the distribution of running times; more is better:"
PAGE = """# Which strategy is best?

{repeats} runs of {evaluations} evaluations on each table that is at hand and complete; every run begins with {initial}
random architectures, which all strategies share. Written by
`python benchmarks/ranking.py --out FOLDER --repeats {repeats} --page docs/search.md`.
The published tables are not part of the project. On NAS-Bench-Macro, which has three trainings of each network and no
validation part, the first guides and the others judge. Regrets are in percentage points; mean ranks and ratings
(Bradley-Terry, mean 1,000) have 95 % bootstrap intervals over the tables, which of so few are rough.
[Which strategies there are](strategies.md) says what the names are.
"""


def ranking(names: list[str], repeats: int, evaluations: int, jobs: int | None, folder: Path) -> Results:
    """Races on all benchmarks, each kept in the folder once it is over, and what they say together."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, told in RACES.items():
        kept = folder / f"{name}.json"
        if not kept.exists():
            begin = perf_counter()
            settings: dict[str, Any] = {"evaluations": evaluations, "repeats": repeats, "jobs": jobs, **told}
            benchmark = loaded(name)
            if not told:
                settings["metric"] = benchmark.score().path
            compare(benchmark, strategies=names, **settings).write(kept)
            print(f"{name}: {perf_counter() - begin:.0f} s", flush=True)
        parts.append(Results.read(kept))
    results = joined(parts, 0)
    results.write(folder / "ranking.json")
    return results


def page_of(results: Results) -> str:
    """The ranking over benchmarks as a page in Markdown."""
    settings = next(iter(results.settings["tables"].values()))
    lines = [PAGE.format(evaluations=settings["evaluations"], repeats=settings["repeats"], initial=settings["initial"])]
    for regret, found in zip(REGRETS, results.summary["over"], strict=True):
        lines += [f"## By {regret.title}", "", f"{regret.meaning.capitalize()}. {found['statement']}", ""]
        columns = [name.removesuffix(".h5") for name in found["benchmarks"]]
        lines += [f"| | mean rank | rating | {' | '.join(columns)} |", "|---" * (3 + len(columns)) + "|"]
        order = found["ranking"]["order"]
        for name in order:
            rank = interval(*(found["ranking"][key][name] for key in ("means", "lows", "highs")))
            rating = interval(*(found["ratings"][name][key] for key in ("rating", "low", "high")), 0)
            regrets = " | ".join(f"{value:.3g}" for value in found["regrets"][name])
            lines.append(f"| `{name}` | {rank} | {rating} | {regrets} |")
        apart = f"{found['critical_difference']:.2f}"
        lines += ["", f"By Nemenyi's test, level 0.05, two strategies differ whose mean ranks are {apart} apart.", ""]
        lines += ["Share of runs of the row that are better than a run of the column, a tie counting half:", ""]
        lines += [f"| | {' | '.join(f'`{name}`' for name in order)} |", "|---" * (1 + len(order)) + "|"]
        for name in order:
            wins = ["-" if name == other else f"{found['wins'][name][other]:.0%}" for other in order]
            lines.append(f"| `{name}` | {' | '.join(wins)} |")
        lines.append("")
    lines += [
        "## How soon",
        "",
        "Interquartile mean, over all runs, of the area under the distribution of running times:",
    ]
    lines += ["", "| | area |", "|---|---|"]
    lines += [f"| `{n}` | {interval(a['mean'], a['low'], a['high'], 3)} |" for n, a in results.summary["areas"].items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strategies", default=RANKED, help="comma-separated")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--evaluations", type=int, default=100)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the races")
    parser.add_argument("--page", type=Path, help="page to write in Markdown")
    options = parser.parse_args()
    names = options.strategies.split(",")
    text = page_of(ranking(names, options.repeats, options.evaluations, options.jobs, options.out))
    print(text)
    if options.page:
        options.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

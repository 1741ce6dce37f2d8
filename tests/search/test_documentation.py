"""docs/add-a-strategy.md: all its code and commands run, and what it names is there."""

import inspect
import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.hdf5.writer import write_surrogate
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.cli import main
from nasbench.cli.compare import compare as command
from nasbench.evaluate.results import Results
from nasbench.evaluate.strategies import compare
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.search import Problem, strategies
from nasbench.search.problem import Budget, Constraint
from nasbench.simulator.evaluator import TabulatedEvaluator
from nasbench.simulator.simulate import simulate
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

PAGE = (Path(__file__).parents[2] / "docs/add-a-strategy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
CODE = [text for language, text in BLOCKS if language == "python"]
CLASSES = {re.findall(r"^class (\w+)", text, re.MULTILINE)[0]: text for text in CODE if "\nclass " in text}
SCRIPTS = [text for text in CODE if "\nclass " not in text]
COMMANDS = [line for language, text in BLOCKS if not language for line in text.splitlines()]
OPTIONS = re.findall(r"`(--[a-z-]+ [^` ]+)", PAGE.partition("| option |")[2].partition("\n\n")[0])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the reader works, with the first strategy of the page in `my_search.py` and the others beside it."""
    modules = {name: "my_search" if name == "HillClimber" else name.lower() for name in CLASSES}
    for name, text in CLASSES.items():
        (tmp_path / f"{modules[name]}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, modules[name], raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr("nasbench.evaluate.strategies.cores", lambda: 1)
    yield tmp_path
    for module in modules.values():
        sys.modules.pop(module, None)


@pytest.fixture
def bench(folder: Path) -> Path:
    """A surrogate of some cells of the table that comes with the package."""
    table, rows = load("nb201-digits").table, np.arange(120)
    columns = {
        path: Column(column.metric, column.values[rows], column.missing[rows], column.reasons)
        for path, column in table.columns.items()
        if path.rpartition("/")[2] in ("validation_accuracy", "test_accuracy", "train_seconds")
    }
    some = TabularBenchmark(replace(table, genotypes=table.genotypes[rows], columns=columns, recipe={}))
    write_surrogate(fit_surrogate(some, some.score().path, "ridge", folds=2), folder / "bench.h5")
    return folder / "bench.h5"


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code, words


SPECIFICATIONS = ["my_search:HillClimber", "successivehalving:SuccessiveHalving", "medianstopping:MedianStopping",
                  "feasiblesearch:FeasibleSearch"]  # fmt: skip


def test_every_class_is_tested() -> None:
    assert [name.partition(":")[2] for name in SPECIFICATIONS] == list(CLASSES)


@pytest.mark.parametrize("specification", [*SPECIFICATIONS, "successivehalving:SuccessiveHalving+size=3"])
@pytest.mark.parametrize("space", ["nb101", "nb201"])
def test_the_examples_keep_the_contract(folder: Path, specification: str, space: str) -> None:
    check_strategy(strategies.create(specification), spaces.create(space))


def test_the_hill_climber_learns(folder: Path, formula: Any) -> None:
    climber = strategies.create("my_search:HillClimber+patience=10")
    check_strategy(climber, spaces.create("nb101"), evaluations=80, learns=True)
    results = compare(
        formula(), "validation_score", strategies=["random", "my_search:HillClimber"], evaluations=80, repeats=8
    )
    assert results.summary["ranking"]["order"][0] == "my_search:HillClimber"


@pytest.mark.parametrize("workers", [1, 4])
def test_short_trainings_are_worth_it(folder: Path, formula: Any, workers: int) -> None:
    """In the formula, one epoch ranks as eight do; so both strategies beat random search at equal epochs."""
    benchmark, names = formula(), SPECIFICATIONS[1:3]
    benchmark.epochs = (1, 2, 4, 8)
    results = compare(
        benchmark, "validation_score", strategies=["random", *names], epochs=200, repeats=20, workers=workers
    )
    means = results.summary["valid_ranking"]["means"]
    assert all(means[name] < 0.9 * means["random"] for name in names), means
    last = {(record["strategy"], record["repeat"]): record for record in results.records}
    assert all(last["random", repeat]["evaluations"] == 25 for repeat in range(20))
    assert all(last[name, repeat]["evaluations"] > 30 for name in names for repeat in range(20))


def test_the_better_half_is_trained_on(folder: Path, formula: Any) -> None:
    """Four architectures for 1 epoch, the two best of them for 4, and four new ones."""
    results: list[tuple[int, int]] = []
    base: Any = strategies.resolve("successivehalving:SuccessiveHalving")[0]

    class Noted(base):  # type: ignore[misc]
        def _tell(self, trial: Any, outcome: Any) -> None:
            super()._tell(trial, outcome)
            results.append((trial.epochs, outcome.score))

    compare(formula(), "validation_score", strategies=[Noted(size=4)], evaluations=10, repeats=1, initial=0)
    first, again = results[:10], results[10:]
    assert first == again
    assert [epochs for epochs, _ in first] == [1, 1, 1, 1, 4, 4, 1, 1, 1, 1]
    first, second = ([score for _, score in results[at]] for at in (slice(0, 4), slice(4, 6)))
    totals = sorted(score - 80 for score in first)
    np.testing.assert_allclose(sorted(score - 80 for score in second), [4 * total for total in totals[2:]])


def test_the_last_survivor_is_trained_in_full(folder: Path, formula: Any) -> None:
    """Of four architectures two reach the second fidelity, and one the third and the last."""
    benchmark = formula()
    benchmark.epochs = (1, 2, 4, 8)
    halving = strategies.create("successivehalving:SuccessiveHalving+size=4")
    evaluator = TabulatedEvaluator(benchmark, ["validation_score"])
    run = simulate(halving, evaluator, Budget(evaluations=9), np.random.default_rng(0))
    assert [benchmark.epochs[position] for position in run.positions] == [1, 1, 1, 1, 2, 2, 4, 8, 1]


def test_the_feasible_search_meets_constraints(folder: Path, formula: Any) -> None:
    benchmark, limits = formula(), [Constraint("parameters", high=3000)]
    evaluator = TabulatedEvaluator(benchmark, ["validation_score"], limits)
    search = strategies.create("feasiblesearch:FeasibleSearch")
    run = simulate(search, evaluator, Budget(evaluations=50), np.random.default_rng(0))
    assert evaluator.feasible(evaluator.genotypes(run.rows)).all()


def test_the_code_and_the_commands_run(
    bench: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    for script in SCRIPTS:
        names = {"__name__": "__main__"}
        exec(compile(script, "docs/add-a-strategy.md", "exec"), names)
    assert "lowest mean final test regret" in capsys.readouterr().out
    assert names["run"].epochs[-1] == 800
    assert names["run"].scores[names["best"], 0] == names["run"].scores.max()
    small = ["--repeats", 2, "--jobs", 1]
    for line in COMMANDS:
        run(monkeypatch, *shlex.split(line.replace("FILE", "bench.h5")), "--evaluations", 12, *small)
    by_name: dict[str, list[str]] = {}
    for option in OPTIONS:
        by_name.setdefault(shlex.split(option)[0], []).append(option)
    del by_name["--metric"], by_name["--limit"]  # a surrogate has no static metrics
    budgets = [by_name.pop(name)[0] for name in ("--evaluations", "--epochs-budget", "--seconds")]
    for number, budget in enumerate(budgets):
        words = shlex.split(" ".join([budget, *(options[number % len(options)] for options in by_name.values())]))
        run(monkeypatch, "nasbench", "compare", "bench.h5", "--strategies", "random", *words, *small)


def test_names_of_the_page_are_there(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spelled = inspect.getsource(command)
    for option in {shlex.split(option)[0] for option in OPTIONS}:
        assert f'"{option}"' in spelled or option[2:] in inspect.signature(command).parameters, option
    json_file = bench.parent / "results.json"
    run(monkeypatch, "nasbench", "compare", bench, "--strategies", "random", "--evaluations", 12, "--repeats", 1,
        "--score", "retrained", "--json", json_file)  # fmt: skip
    table = PAGE.partition("| field |")[2].partition("\n\n")[0]
    fields = [name for line in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])]
    assert sorted(fields) == sorted(Results.read(json_file).records[0])
    keys = PAGE.partition("| key |")[2].partition("\n\n")[0]
    listed = [name for line in keys.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert listed == list(json.loads(json_file.read_text(encoding="utf-8")))
    problem = PAGE.partition("| `self.problem` |")[2].partition("\n\n")[0]
    for line in problem.splitlines()[2:]:
        for name in re.findall(r"`([a-z_]+)", line.split("|")[1]):
            assert name in Problem.__dataclass_fields__ or hasattr(Problem, name), name

"""Logs of other people's runs: read by hand, replayed as the strategy that wrote them, and refused row by row."""

from pathlib import Path
from typing import Any

import pytest

from nasbench.benchmark.load import load
from nasbench.errors import FileError, InputError
from nasbench.evaluate.logs import read_log
from nasbench.evaluate.strategies import compare
from nasbench.search.problem import Budget
from nasbench.search.random import RandomSearch
from nasbench.simulator.evaluator import make_evaluator
from nasbench.simulator.simulate import simulate
from nasbench.simulator.streams import initial_designs, rng_for
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
HEADER = "strategy,repeat,evaluation,architecture"
METRIC = "digits/validation_accuracy"


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "runs.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def test_rows_by_hand(tmp_path: Path) -> None:
    """Two strategies; rows in any order, numbers of repeats and evaluations with gaps, and a column more."""
    rows = ['b,7,20,"0,0,0,0,0,1",4,x', 'a,0,1,"1,1,1,1,1,1",,x', 'b,7,3,"0,0,0,0,0,2",,x', 'b,2,1,"0,0,0,0,0,3",1,x']
    found = read_log(written(tmp_path, *rows, header=f"{HEADER},epochs,note"), SPACE)
    assert [log.name for log in found] == ["b", "a"]
    trials = [[(cell.tolist()[-1], epochs) for cell, epochs in run] for run in found[0].runs]
    assert trials == [[(3, 1)], [(2, None), (1, 4)]]


def test_a_replay_is_the_run_it_was_logged_from(tmp_path: Path) -> None:
    """Random search, written down with the strings of its architectures, has the records of random search."""
    benchmark = load("nb201-digits")
    evaluator = make_evaluator(benchmark, [METRIC], [])
    rows = []
    for repeat in range(2):
        designs = initial_designs(evaluator, 3, 0, repeat)
        rng = rng_for(0, "strategy", "random", repeat)
        run = simulate(RandomSearch(), evaluator, Budget(evaluations=12), rng, initial=designs)
        cells = evaluator.genotypes(run.rows)
        rows += [f"logged,{repeat},{number},{SPACE.to_string(cell)}" for number, cell in enumerate(cells)]
    logs = read_log(written(tmp_path, *rows), benchmark.space)
    settings: Any = {"strategies": ["random"], "evaluations": 12, "repeats": 2, "initial": 3, "jobs": 1}
    results = compare(benchmark, METRIC, logs=logs, **settings)
    own, logged = ([r for r in results.records if r["strategy"] == name] for name in ("random", "logged"))
    assert logged == [{**record, "strategy": "logged"} for record in own]
    assert results.settings["strategies"] == ["random", "logged"]
    assert results.summary["failures"] == {}
    alone = compare(benchmark, METRIC, **settings)
    assert [record for record in results.records if record["strategy"] == "random"] == alone.records


def test_short_trainings_pay_for_their_epochs(tmp_path: Path) -> None:
    rows = ['mine,0,1,"0,0,0,0,0,1",1', 'mine,0,2,"0,0,0,0,0,1",4', 'mine,0,3,"0,0,0,0,0,3",']
    benchmark = load("nb201-digits")
    (log,) = read_log(written(tmp_path, *rows, header=f"{HEADER},epochs"), benchmark.space)
    results = compare(benchmark, METRIC, strategies=["random"], logs=[log], evaluations=3, repeats=1, jobs=1)
    spent = {r["evaluations"]: r["epochs"] for r in results.records if r["strategy"] == "mine"}
    last = make_evaluator(benchmark, [METRIC], []).fidelities[-1]
    assert spent[3] == 4 + last


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,0,1,conv", r"row 3: architecture: .*"),
        ('a,0,1,"9,0,0,0,0,0"', r"row 3: architecture: .*"),
        ('a,x,1,"0,0,0,0,0,1"', "row 3: repeat must be a whole number of at least 0, got 'x'; correct it"),
        ('a,0,-1,"0,0,0,0,0,1"', "row 3: evaluation must be a whole number of at least 0, got '-1'; correct it"),
        ('b,0,0,"0,0,0,0,0,1"', "row 3: evaluation 0 of 'b', repeat 0, is there already"),
        (' ,0,1,"0,0,0,0,0,1"', "row 3: strategy is empty; give it a name"),
        ("a,0", "row 3: it has fewer fields than the header; a log has the columns strategy, repeat"),
    ],
)
def test_bad_rows_are_one_line(tmp_path: Path, row: str, message: str) -> None:
    path = written(tmp_path, 'b,0,0,"0,0,0,0,0,1"', row)
    with pytest.raises(InputError, match=message) as error:
        read_log(path, SPACE)
    assert "\n" not in str(error.value)


def test_files_that_are_no_log(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read"):
        read_log(tmp_path / "none.csv", SPACE)
    with pytest.raises(InputError, match="row 1: no column 'architecture'; a log has the columns"):
        read_log(written(tmp_path, header="strategy,repeat,evaluation"), SPACE)
    with pytest.raises(InputError, match="has no rows"):
        read_log(written(tmp_path), SPACE)
    with pytest.raises(InputError, match="epochs must be a whole number of at least 1, got '0'"):
        read_log(written(tmp_path, 'a,0,0,"0,0,0,0,0,1",0', header=f"{HEADER},epochs"), SPACE)
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is not a CSV file in UTF-8"):
        read_log(tmp_path / "runs.csv", SPACE)


def test_what_a_comparison_refuses(tmp_path: Path) -> None:
    benchmark = load("nb201-digits")

    def refused(message: str, *rows: str, **more: Any) -> None:
        logs = read_log(written(tmp_path, *rows, header=f"{HEADER},epochs"), benchmark.space)
        settings = {"evaluations": 1, "repeats": 1, "jobs": 1, "strategies": ["random"], **more}
        with pytest.raises(InputError, match=message):
            compare(benchmark, METRIC, logs=logs, **settings)

    cell = '"0,0,0,0,0,1"'
    refused("the log has 1 repeats of 'a' and the comparison 3; compare with --repeats 1", f"a,0,0,{cell},", repeats=3)
    short = "the log of 'a' has 1 evaluations in repeat 0 and the budget is 2; compare with --evaluations 1"
    refused(short, f"a,0,0,{cell},", evaluations=2)
    refused(r"a training of 9 epochs \(repeat 0, evaluation 1\)", f"a,0,0,{cell},9")
    refused("'random' is a strategy of the comparison and in a log", f"random,0,0,{cell},")
    ended = "the log of 'a' ends after 1 evaluations, before the budget does"
    refused(ended, f"a,0,0,{cell},", evaluations=None, epochs=100, strict=True)

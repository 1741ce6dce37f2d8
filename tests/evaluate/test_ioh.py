"""IOHprofiler's format: written by hand, read back, and refused where it cannot say what was found."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nasbench.errors import FileError, InputError
from nasbench.evaluate.ioh import check_ioh_folder, write_ioh
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import join


def record(strategy: str, repeat: int, evaluations: int, valid: float, benchmark: str = "a.h5") -> dict[str, Any]:
    spent = {"epochs": 4 * evaluations, "simulated_seconds": 0.1 * evaluations}
    return {"benchmark": benchmark, "strategy": strategy, "repeat": repeat, "evaluations": evaluations, **spent,
            "valid": valid, "test": valid - 1, "regret": 0.0, "valid_regret": 0.0}  # fmt: skip


def results(records: list[dict[str, Any]], direction: str = "maximise") -> Results:
    objectives = [{"name": "toy/accuracy", "units": "percent", "direction": direction}]
    return Results("comparison", "a.h5", "nb201", "toy/accuracy", "percent", {"objectives": objectives}, records)


def read_back(folder: Path) -> dict[tuple[str, int], list[list[dict[str, float]]]]:
    """By strategy and function, the rows of each run: what IOHanalyzer reads."""
    found = {}
    for path in sorted(folder.glob("*/IOHprofiler_f*.json")):
        meta = json.loads(path.read_text())
        for scenario in meta["scenarios"]:
            runs: list[list[dict[str, float]]] = []
            for line in (path.parent / scenario["path"]).read_text().splitlines():
                words = line.split(" ")
                if words == meta["attributes"]:
                    runs.append([])
                else:
                    runs[-1].append(dict(zip(meta["attributes"], map(float, words), strict=True)))
            for rows, run in zip(runs, scenario["runs"], strict=True):
                assert run["evals"] == rows[-1]["evaluations"], "a run ends with its last evaluation"
                best = (max if meta["maximization"] else min)(rows, key=lambda row: row["raw_y"])
                assert run["best"] == {"evals": best["evaluations"], "y": best["raw_y"], "x": []}
            found[meta["algorithm"]["name"], meta["function_id"]] = runs
    return found


RUNS = [
    record("random", 0, 1, 80.0), record("random", 0, 3, 80.1 + 0.2), record("random", 0, 9, 80.3),
    record("random", 1, 9, 85.0), record("local+full=true", 0, 9, 70.0), record("local+full=true", 1, 9, 71.0),
]  # fmt: skip


def test_what_is_read_back(tmp_path: Path) -> None:
    write_ioh(results(RUNS), tmp_path / "ioh", 6)
    found = read_back(tmp_path / "ioh")
    assert list(found) == [("random", 1), ("local+full=true", 1)]
    assert [[(row["evaluations"], row["raw_y"]) for row in run] for run in found["random", 1]] == [
        [(1, 80.0), (3, 80.1 + 0.2), (9, 80.3)],
        [(9, 85.0)],
    ]
    first = found["random", 1][0][0]
    assert first == {"evaluations": 1, "raw_y": 80.0, "test": 79.0, "epochs": 4, "simulated_seconds": 0.1}
    meta = json.loads((tmp_path / "ioh/1_random/IOHprofiler_f1_a.h5.json").read_text())
    assert meta["maximization"] is True
    assert meta["scenarios"][0]["dimension"] == 6
    assert [path.name for path in tmp_path.iterdir()] == ["ioh"]


def test_costs_are_minimised_and_missing_numbers_left_out(tmp_path: Path) -> None:
    records = [{**row, "simulated_seconds": math.nan} for row in [record("a", 0, 1, math.nan), *RUNS[:3]]]
    for row in records:
        row["strategy"] = "a"
    write_ioh(results(records, "minimise"), tmp_path / "ioh", 6)
    (runs,) = read_back(tmp_path / "ioh").values()
    assert list(runs[0][0]) == ["evaluations", "raw_y", "test", "epochs"]
    assert [row["evaluations"] for row in runs[0]] == [1, 3, 9]


def test_each_benchmark_is_a_function(tmp_path: Path) -> None:
    parts = [
        replace(results([record("random", 0, 5, valid, name)]), benchmark=name, summary={"failures": {}})
        for name, valid in (("a.h5", 80.0), ("b.h5", 70.0))
    ]
    write_ioh(join(parts, {}), tmp_path / "ioh", {"a.h5": 6, "b.h5": 26})
    assert list(read_back(tmp_path / "ioh")) == [("random", 1), ("random", 2)]
    assert (tmp_path / "ioh/1_random/data_f2_b.h5/IOHprofiler_f2_DIM26.dat").exists()


def test_names_are_no_paths(tmp_path: Path) -> None:
    names = ["../../etc:X", "bayesian+predictor=" + "x" * 300, ".."]
    write_ioh(results([record(name, 0, 1, 1.0) for name in names]), tmp_path / "ioh", 6)
    assert [name for name, _ in read_back(tmp_path / "ioh")] == names
    assert [path.name for path in tmp_path.iterdir()] == ["ioh"]


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'random' found nothing on a\.h5 in repeat 0"):
        write_ioh(results([record("random", 0, 1, math.nan)]), tmp_path / "ioh", 6)
    with pytest.raises(InputError, match="cannot be made: no folder"):
        write_ioh(results(RUNS), tmp_path / "none/ioh", 6)
    evaluation = Results("evaluation", "a.h5", "nb201", "toy/accuracy", "percent", {}, [])
    with pytest.raises(InputError, match="is for results of nasbench compare"):
        write_ioh(evaluation, tmp_path / "ioh", 6)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="is there already and would be mixed"):
            check_ioh_folder(path)


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "ioh").mkdir()
    write_ioh(results(RUNS), tmp_path / "ioh", 6)
    assert len(list((tmp_path / "ioh").iterdir())) == 2


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FileError, match="No space left on device; nothing was written"):
        write_ioh(results(RUNS), tmp_path / "ioh", 6)
    assert list(tmp_path.iterdir()) == []

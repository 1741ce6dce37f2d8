"""`nasbench compare` with runs from elsewhere, and files for elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

SMALL = ["--strategies", "random", "--evaluations", 2, "--repeats", 2, "--initial", 1, "--jobs", 1]
LOG = """strategy,repeat,evaluation,architecture
mine,0,1,"0,1,2,3,4,0"
mine,0,2,"3,3,3,3,3,3"
mine,1,1,"0,0,0,0,0,2"
mine,1,2,"0,0,0,0,0,3"
"""


def test_logged_runs_take_part_and_all_files_agree(run: Callable[..., int], tmp_path: Path) -> None:
    log, records, folder = tmp_path / "runs.csv", tmp_path / "records.csv", tmp_path / "ioh"
    log.write_text(LOG, encoding="utf-8")
    results = tmp_path / "results.json"
    words = ["--log", log, "--records", records, "--ioh", folder, "--json", results]
    assert run("compare", "nb201-digits", *SMALL, *words) == 0
    frame = pd.read_csv(records)
    written = json.loads(results.read_text())["records"]
    assert frame["strategy"].unique().tolist() == ["random", "mine"]
    assert frame["valid"].tolist() == [record["valid"] for record in written]
    assert sorted(path.name for path in folder.iterdir()) == ["1_random", "2_mine"]


def test_mistakes_are_said_before_the_race(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "runs.csv"
    log.write_text(LOG.replace("3,3,3,3,3,3", "3,3,3,3,3,9"), encoding="utf-8")
    assert run("compare", "nb201-digits", *SMALL, "--log", log) == 2
    assert "runs.csv, row 3: architecture:" in capsys.readouterr().err.replace("\n", " ")
    assert run("compare", "nb201-digits", *SMALL, "--log", log, "--records", log) == 2
    assert "would be replaced" in capsys.readouterr().err.replace("\n", " ")
    assert run("compare", "nb201-digits", *SMALL, "--ioh", tmp_path) == 2
    assert "is there already" in capsys.readouterr().err.replace("\n", " ")
    assert [path.name for path in tmp_path.iterdir()] == ["runs.csv"]

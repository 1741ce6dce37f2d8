"""Files are merged; conflicting values are refused or decided."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import nasbench


def test_merge_joins_files_and_refuses_what_they_disagree_about(
    table_file: Path, run: Callable[..., int], cell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"arch,ms,acc\n{cell},1.5,90\n|none~0|+|none~0|none~1|+{cell.split('+')[2]},2,10\n")
    columns = ["--column", "latency=ms", "--column", "test_accuracy=acc"]
    other, merged, record = (tmp_path / name for name in ("other.h5", "merged.h5", "merged.json"))
    common = ["--space", "nb201", "--dataset", "toy", "--out", other]
    assert run("import", "csv", tmp_path / "t.csv", *columns, *common) == 0
    options = ["--out", merged, "--json", record]
    assert run("merge", table_file, other, *options) == 2
    assert "has dims 'architecture x seed x epoch' in table.h5" in capsys.readouterr().err
    assert not merged.exists() and not record.exists()
    rename = ["--rename", "other.h5:toy/test_accuracy=toy@elsewhere/test_accuracy"]
    assert run("merge", table_file, other, *options, *rename) == 0
    assert "5 metrics of 81 architectures" in capsys.readouterr().out
    content = json.loads(record.read_text())
    assert (content["by"], content["inner"], content["seeds"]) == ("key", False, [0, 1])
    assert [(row["source"], row["joined"], row["alone"]) for row in content["sources"]] == [
        ("table.h5", 1, 79),
        ("other.h5", 1, 1),
    ]
    assert run("verify", merged) == 0
    assert run("query", merged, cell, "--metric", "latency") == 0
    assert "1.5" in capsys.readouterr().out
    assert run("merge", table_file, other, *options, *rename, "--inner", "--by", "genotype") == 0
    assert json.loads(record.read_text())["architectures"] == 1


def test_merge_prefers_a_file(
    run: Callable[..., int], cell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = cell.replace("nor_conv_1x1", "nor_conv_3x3")
    for name, row, accuracy in (("a", cell, 90), ("b", cell, 91), ("c", other, 92)):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}/t.csv").write_text(f"arch,acc\n{row},{accuracy}\n")
        options = ["--space", "nb201", "--column", "test_accuracy=acc", "--out", tmp_path / f"{name}/t.h5"]
        assert run("import", "csv", tmp_path / f"{name}/t.csv", *options) == 0
    files, target = [tmp_path / "a/t.h5", tmp_path / "b/t.h5"], tmp_path / "m.h5"
    assert run("merge", *files, "--out", target) == 2
    assert "disagree about 1 of 1 numbers of 'table/test_accuracy'" in capsys.readouterr().err
    assert run("merge", *files, "--out", target, "--prefer", files[1]) == 0
    shown = capsys.readouterr().out
    assert "metrics of several files" in shown and "No number in common" not in shown
    assert nasbench.load(target).query(cell, "test_accuracy").value == 91
    assert run("merge", files[0], tmp_path / "c/t.h5", "--out", target) == 0
    assert "No number in common: table/test_accuracy" in capsys.readouterr().out
    assert run("merge", *files, "--out", target, "--prefer", "t.h5") == 2
    assert "--prefer names one of the files" in capsys.readouterr().err

"""Tables are imported with what their source takes and needs."""

import inspect
import re
import typing
from collections.abc import Callable
from pathlib import Path

import pytest

import nasbench
from nasbench.cli.import_table import import_table
from nasbench.importers import importers


def test_help_of_import_names_the_sources_that_take_an_option() -> None:
    takes = {source: set(inspect.signature(importers.resolve(source)[0]).parameters) for source in importers}
    options = {
        name: typing.get_args(hint)[-1].help
        for name, hint in typing.get_type_hints(import_table, include_extras=True).items()
        if name not in ("source", "file", "paths", "return")
    }
    assert {"space", "column", "dataset", "lenient"} <= set(options)
    for name, told in options.items():
        named = {source for source in importers if re.search(rf"(^|[ ,]){re.escape(source)}[,:]", told)}
        assert named == {source for source in importers if name in takes[source]}, name


def test_what_a_source_needs_may_be_written_after_its_name(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("arch,a\n3 1 0 2 2 1,90\n")
    where = (tmp_path / "t.csv", "--column", "test_accuracy=a", "--out")
    assert run("import", "csv+space=nb201", *where, tmp_path / "a.h5") == 0
    assert run("import", "csv", *where, tmp_path / "b.h5") == 2
    assert "needs the option --space" in capsys.readouterr().err
    assert nasbench.load(tmp_path / "a.h5").query([3, 1, 0, 2, 2, 1], "test_accuracy").value == 90


def test_import_makes_a_benchmark(
    run: Callable[..., int], cell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"arch,acc\n{cell},90\nnonsense,1\n")
    options = ["--space", "nb201", "--column", "validation_accuracy=acc", "--lenient", "--out", tmp_path / "t.h5"]
    assert run("import", "csv", tmp_path / "t.csv", *options) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "skipped.column 'arch' is no architecture of nb201 1" in shown
    assert "1 metric of 1 architecture" in shown
    assert run("query", tmp_path / "t.h5", cell) == 0
    assert "90" in capsys.readouterr().out

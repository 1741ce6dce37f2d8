"""Tables are imported with what their source takes and needs."""

from collections.abc import Callable
from pathlib import Path

import pytest

import nasbench
from nasbench.importers import importers
from nasbench.importers.options import options_of

IMPORTER = """
from pathlib import Path
from nasbench.importers.hat import HAT

class Mine(HAT):
    '''Files of mine.

    Args:
        folder: Where the rest lies,
            in `[quotes]`.
        names: One at a time.
        top_k: How many.
        exact: As they are.
    '''

    def __init__(self, folder: Path, names: list[str] | None = None, top_k: int = 3, exact: bool = False):
        self.given = [type(folder).__name__, str(folder), names, top_k, exact]

    def read(self, paths):
        raise ValueError(repr(self.given))
"""


def shown(capsys: pytest.CaptureFixture[str]) -> str:
    """What was printed, without frames and line breaks."""
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_help_names_the_options_of_every_source(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "--help") == 0
    text = shown(capsys)
    for source in importers:
        flags = ", ".join(option.flag for option in options_of(importers.resolve(source)[0]))
        described = text.rpartition(f" {source}: ")[2].replace(" (required)", "")
        assert not flags or ", ".join(part.split()[0] for part in described.split(", ")).startswith(flags)
    assert "csv: --space (required), --column (required), --arch-column (default: arch), " in text


def test_help_of_a_source_is_its_docstring(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "csv", "--help") == 0
    text = shown(capsys)
    assert "import csv [OPTIONS]" in text
    assert "each as METRIC=COLUMN, followed by :unit, :min or :max, and :static" in text
    assert "default: arch" in text


def test_an_importer_outside_the_package_has_its_options(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mine_of_import.py").write_text(IMPORTER)
    monkeypatch.chdir(tmp_path)
    source = "mine_of_import:Mine"
    assert run("import", source, "--help") == 0
    text = shown(capsys)
    assert "Files of mine." in text
    assert "Where the rest lies, in [quotes]." in text
    assert "default: 3" in text
    flags = ("--folder", "f", "--names", "a", "--names", "b", "--top-k", "5", "--exact")
    with pytest.raises(ValueError, match=r"\['PosixPath', 'f', \['a', 'b'\], 5, True\]"):
        run("import", source, "--out", "t.h5", *flags)
    with pytest.raises(ValueError, match=r"\['PosixPath', 'f', None, 3, False\]"):
        run("import", "--out", "t.h5", source, "--folder", "f")
    assert run("import", source, "--out", "t.h5", "--folder", "f", "--top-k", "many") == 2
    assert "--top-k" in capsys.readouterr().err


def test_an_option_of_another_source_is_one_line(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import", "hat", "hat.csv", "--space", "nb201", "--out", "t.h5") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--space" in line
    assert "import hat --help" in line


def test_options_may_stand_before_the_source(run: Callable[..., int], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("arch,a\n3 1 0 2 2 1,90\n")
    options = ["--out", tmp_path / "t.h5", "--space", "nb201", "--column", "test_accuracy=a:percent"]
    assert run("import", "--lenient", *options, "csv", tmp_path / "t.csv") == 0
    assert run("import", *options, "cvs", tmp_path / "t.csv") == 2


def test_what_a_source_needs_may_be_written_after_its_name(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("arch,a\n3 1 0 2 2 1,90\n")
    where = (tmp_path / "t.csv", "--column", "test_accuracy=a", "--out")
    assert run("import", "csv+space=nb201", *where, tmp_path / "a.h5") == 0
    assert run("import", "csv", *where, tmp_path / "b.h5") == 2
    assert "Missing option '--space'" in capsys.readouterr().err
    assert nasbench.load(tmp_path / "a.h5").query([3, 1, 0, 2, 2, 1], "test_accuracy").value == 90


def test_import_makes_a_benchmark(
    run: Callable[..., int], cell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text(f"arch,acc\n{cell},90\nnonsense,1\n")
    options = ["--space", "nb201", "--column", "validation_accuracy=acc", "--lenient", "--out", tmp_path / "t.h5"]
    assert run("import", "csv", tmp_path / "t.csv", *options) == 0
    text = shown(capsys)
    assert "skipped.column 'arch' is no architecture of nb201 1" in text
    assert "1 metric of 1 architecture" in text
    assert run("query", tmp_path / "t.h5", cell) == 0
    assert "90" in capsys.readouterr().out

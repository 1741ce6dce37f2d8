"""Paths of importers: files, folders, devices, and duplicates."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nasbench.errors import FileError, InputError
from nasbench.importers import importers
from nasbench.importers.base import files_among, files_of, regular
from nasbench.importers.formats.frames import read_frame
from nasbench.importers.formats.json import read_json

READERS: dict[str, Callable[[Path], object]] = {
    "frame": lambda path: read_frame(path, ["a"]),
    "json": read_json,
    "transnas101": lambda path: importers.create("transnas101+space=micro").read([path]),
    "analog-nasbench": lambda path: importers.create("analog-nasbench").read([path]),
}


def test_a_file_is_itself_and_a_folder_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("c", "a", "b/d"):
        (tmp_path / name).touch()
    assert regular(tmp_path / "a") == tmp_path / "a"
    assert files_of(tmp_path / "a") == [tmp_path / "a"]
    assert files_of(tmp_path) == [tmp_path / name for name in ("a", "b/d", "c")]
    assert files_among([tmp_path / "c", tmp_path / "b"], lambda file: file.name == "x") == [tmp_path / "c"]


@pytest.mark.parametrize("reader", READERS)
def test_a_path_that_is_no_file_is_called_what_it_is(reader: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(FileError, match=r"t\.csv is a folder, expected a file$"):
        READERS[reader](tmp_path / "t.csv")
    with pytest.raises(FileError, match=r"no file .*none\.csv$"):
        READERS[reader](tmp_path / "none.csv")


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="no devices here")
def test_a_device_is_no_file_and_no_folder() -> None:
    for read in (regular, files_of):
        with pytest.raises(FileError, match=r"^/dev/null is not a regular file$"):
            read(Path("/dev/null"))


@pytest.mark.parametrize("source", ["hat", "hw-nas-bench", "nas-bench-bert", "yolobench"])
def test_a_file_counts_once(source: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").touch()
    for again in (tmp_path / "t.csv", tmp_path / ".." / tmp_path.name / "t.csv"):
        with pytest.raises(InputError, match=r"t\.csv is given twice; name each file once"):
            importers.create(source).read([tmp_path / "t.csv", again])


def test_a_file_and_the_folder_it_is_in_name_it_twice(tmp_path: Path) -> None:
    (tmp_path / "t.csv").touch()
    assert files_among([tmp_path], lambda file: True) == [tmp_path / "t.csv"]
    with pytest.raises(InputError, match="is given twice"):
        files_among([tmp_path, tmp_path / "t.csv"], lambda file: True)

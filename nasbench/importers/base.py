"""What an importer is: it reads the files of a published table, checks them, and gives a `Table`."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError


class Importer(ABC):
    """Reads one layout of files. The constructor stores its settings.

    What was read stands in `Table.recipe["source"]`: the importer, the paper, the licence, the files with their
    checksums, how many rows of how many architectures there were, and how many rows were skipped for which reason.
    """

    name: ClassVar[str]
    """Name in the registry."""
    paper: ClassVar[str]
    """Authors, year, title or identifier of the paper, and where the files are distributed."""
    licence: ClassVar[str] = "not stated by the source"
    """Licence of the numbers, which goes with them."""

    @abstractmethod
    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these files or folders.

        Raises:
            FileError: A file is missing, damaged, or is not of this layout; says which record.
            InputError: What it says cannot be: an unknown architecture, text for a number.
        """

    def source(self, paths: Sequence[Path], **facts: Any) -> dict[str, Any]:
        """The entry of a recipe that says where numbers come from."""
        files = [file for path in paths for file in files_of(path)]
        return {
            "importer": self.name,
            "paper": self.paper,
            "licence": self.licence,
            "files": [path.name for path in paths],
            "bytes": sum(file.stat().st_size for file in files),
            "sha256": _sha256(files),
            **facts,
        }


def files_of(path: Path) -> list[Path]:
    """The file itself, or all files in a folder and below, in order of their names.

    Raises:
        FileError: There is none.
    """
    if not path.is_dir():
        return [regular(path)]
    found = sorted(file for file in path.rglob("*") if file.is_file())
    if not found:
        raise FileError(f"the folder {path} holds no file")
    return found


def regular(path: Path) -> Path:
    """The path itself, which must be that of a file with content of its own: no folder, device or pipe.

    Raises:
        FileError: It is not; says what it is.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder, expected a file")
    if not path.is_file():
        raise FileError(f"{path} is not a regular file" if path.exists() else f"no file {path}")
    return path


def files_among(paths: Sequence[Path], fits: Callable[[Path], object]) -> list[Path]:
    """The files that are named, and of the folders that are named, those files in them that `fits` accepts.

    Raises:
        FileError: There is no such path, or a folder without files.
        InputError: A file is named twice, whose numbers would count twice.
    """
    files = [file for path in paths for file in files_of(path) if path.is_file() or fits(file)]
    seen: set[Path] = set()
    for file in files:
        if file.resolve() in seen:
            raise InputError(f"{file} is given twice; name each file once")
        seen.add(file.resolve())
    return files


def one_path(paths: Sequence[Path], what: str) -> Path:
    """The only one of some paths; `what` says what it should be."""
    if len(paths) != 1:
        raise InputError(f"expected {what}, got {len(paths)} paths")
    return Path(paths[0])


def _sha256(files: Sequence[Path]) -> str:
    """Of the content of one file; of several, of the list of their checksums."""
    digests = []
    for file in files:
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

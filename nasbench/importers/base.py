"""Base class of importers, which read and check the files of a published table and return a `Table`."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError


class Importer(ABC):
    """Reader of one layout of files. The constructor stores the settings; its arguments become command line flags.

    `Table.recipe["source"]` documents the origin: importer, paper, licence, files with their checksums, numbers of rows
    and architectures, and the number of skipped rows by reason.
    """

    name: ClassVar[str]
    """Name in the registry."""
    paper: ClassVar[str]
    """Authors, year, title or identifier of the paper, and the place that distributes the files."""
    licence: ClassVar[str] = "not stated by the source"
    """Licence of the numbers, stored with them."""

    @abstractmethod
    def read(self, paths: Sequence[Path]) -> Table:
        """The table in these files or folders.

        Raises:
            FileError: A file is missing, damaged, or has another layout; names the record.
            InputError: A value is impossible: an unknown architecture, text for a number.
        """

    def source(self, paths: Sequence[Path], **facts: Any) -> dict[str, Any]:
        """The entry of a recipe about the origin of the numbers."""
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
    """The file itself, or all files in a folder and its subfolders, sorted by name.

    Raises:
        FileError: There is no file.
    """
    if not path.is_dir():
        return [regular(path)]
    files = sorted(file for file in path.rglob("*") if file.is_file())
    if not files:
        raise FileError(f"the folder {path} holds no file")
    return files


def regular(path: Path) -> Path:
    """The path itself, which must be a regular file: no folder, device or pipe.

    Raises:
        FileError: It is something else; says what.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder, expected a file")
    if not path.is_file():
        raise FileError(f"{path} is not a regular file" if path.exists() else f"no file {path}")
    return path


def files_among(paths: Sequence[Path], fits: Callable[[Path], object]) -> list[Path]:
    """The given files, and the files in the given folders that `fits` accepts.

    Raises:
        FileError: A path does not exist, or a folder holds no file.
        InputError: A file is given twice, so that its numbers would count twice.
    """
    files = [file for path in paths for file in files_of(path) if path.is_file() or fits(file)]
    seen: set[Path] = set()
    for file in files:
        if file.resolve() in seen:
            raise InputError(f"{file} is given twice; name each file once")
        seen.add(file.resolve())
    return files


def names_in(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names separated by commas, or a sequence of names."""
    return tuple(names.split(",")) if isinstance(names, str) else tuple(names)


def one_path(paths: Sequence[Path], expected: str) -> Path:
    """The only path; `expected` describes it in the message if there are none or several."""
    if len(paths) != 1:
        raise InputError(f"expected {expected}, got {len(paths)} paths")
    return Path(paths[0])


def _sha256(files: Sequence[Path]) -> str:
    """Checksum of the content of one file; for several files, of the list of their checksums."""
    digests = []
    for file in files:
        with file.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "sha256").hexdigest())
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

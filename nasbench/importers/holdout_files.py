"""Published splits in files: for each part, a list of paths to trainings.

An importer stores them in the recipe as row numbers of the table; `nasbench.evaluate.holdout` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.errors import FileError
from nasbench.importers.formats.json import read_json
from nasbench.printable import brief
from nasbench.types import IntArray

PARTS = {"train": "train", "val": "validation", "test": "test"}
"""Our name of a part by the name of its file, `<name>_paths.json`."""
NEARBY_FOLDERS = ("", "raw", "..", "configs/data_splits/default_split", "../configs/data_splits/default_split")
"""Folders searched for these files, relative to the folder of the table."""


class Published(NamedTuple):
    """Published parts of a table.

    Attributes:
        rows: Increasing row numbers by our name of the part.
        facts: Facts for the recipe: numbers of paths, of paths that are not in the table, and of architectures in
            several parts (an architecture may have several trainings).
    """

    rows: dict[str, list[int]]
    facts: dict[str, Any]


def split_folder(path: Path, named: str | None) -> Path | None:
    """The folder with `train_paths.json`: the named one, or one near the table in `path`; None if there is none.

    Raises:
        FileError: The named folder has no such file.
    """
    base = path if path.is_dir() else path.parent
    folders = [base / folder for folder in NEARBY_FOLDERS] if named is None else [Path(named)]
    for folder in folders:
        if (folder / "train_paths.json").is_file():
            return folder
    if named is not None:
        raise FileError(f"the folder {named} holds no train_paths.json")
    return None


def split_files(folder: Path) -> list[Path]:
    """The three files of a published split, in the order of `PARTS`."""
    return [folder / f"{name}_paths.json" for name in PARTS]


def read_split(folder: Path, names: Sequence[str], rows: IntArray) -> Published:
    """The parts in three files of paths.

    Args:
        folder: Folder of `train_paths.json`, `val_paths.json` and `test_paths.json`, each a list of paths.
        names: End of the path to each of `r` trainings, all of the same depth: `result_7.json`, `rs/results_7.json`.
        rows: Table row of each training; shape `(r,)`.

    Raises:
        FileError: A file is missing, is not a list of paths, or none of its paths is in the table.
    """
    depth = names[0].count("/") + 1
    row_of = dict(zip(names, rows.tolist(), strict=True))
    parts, paths, absent = {}, {}, {}
    for file, part in zip(split_files(folder), PARTS.values(), strict=True):
        listed = read_json(file)
        if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
            raise FileError(f"{file} is not a list of paths")
        path_ends = ["/".join(entry.replace("\\", "/").split("/")[-depth:]) for entry in listed]
        known = [row_of[end] for end in path_ends if end in row_of]
        if listed and not known:
            raise FileError(f"{file} lists {brief(listed[0])} and others, none of which is in the table")
        parts[part], paths[part], absent[part] = sorted(set(known)), len(listed), len(listed) - len(known)
    _, counts = np.unique(
        np.concatenate([np.array(part, dtype=np.int64) for part in parts.values()]), return_counts=True
    )
    shared = int((counts > 1).sum())
    return Published(parts, {"paths": paths, "not_in_table": absent, "architectures_in_several": shared})

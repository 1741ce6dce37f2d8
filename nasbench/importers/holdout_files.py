"""Files in which a source publishes its splits: lists of the paths to trainings, part by part.

An importer keeps them in the recipe as row numbers of the table; `nasbench.evaluate.holdout` reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.errors import FileError
from nasbench.importers.formats.json import read_json
from nasbench.types import IntArray

PARTS = {"train": "train", "val": "validation", "test": "test"}
"""Our name of what a file `<name>_paths.json` lists."""
BESIDE = ("", "raw", "..", "configs/data_splits/default_split", "../configs/data_splits/default_split")
"""Where these files are looked for, from the folder in which the table is."""


class Published(NamedTuple):
    """Parts that a source publishes.

    Attributes:
        rows: By our name of the part, the row numbers of the table, increasing.
        facts: For the entry of a recipe about the source: paths, those that are not in the table, and architectures
            that are in more than one part, as those are that several trainings were made of.
    """

    rows: dict[str, list[int]]
    facts: dict[str, Any]


def split_folder(path: Path, named: str | None) -> Path | None:
    """The folder that holds `train_paths.json`: the named one, or one beside the table in `path`; None if none does.

    Raises:
        FileError: The named folder holds none.
    """
    base = path if path.is_dir() else path.parent
    places = [base / place for place in BESIDE] if named is None else [Path(named)]
    for place in places:
        if (place / "train_paths.json").is_file():
            return place
    if named is not None:
        raise FileError(f"the folder {named} holds no train_paths.json")
    return None


def split_files(folder: Path) -> list[Path]:
    """The three files of a published split, in the order of `PARTS`."""
    return [folder / f"{name}_paths.json" for name in PARTS]


def read_split(folder: Path, names: Sequence[str], rows: IntArray) -> Published:
    """The parts that three files of paths describe.

    Args:
        folder: Holds `train_paths.json`, `val_paths.json` and `test_paths.json`, each a list of paths.
        names: What a path to each of `r` trainings ends in, all of as many parts: `result_7.json`, `rs/results_7.json`.
        rows: The row of the table that each is in; shape `(r,)`.

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
        ends = ["/".join(entry.replace("\\", "/").split("/")[-depth:]) for entry in listed]
        known = [row_of[end] for end in ends if end in row_of]
        if listed and not known:
            raise FileError(f"{file} lists {listed[0][:100]!r} and others, none of which is in the table")
        parts[part], paths[part], absent[part] = sorted(set(known)), len(listed), len(listed) - len(known)
    _, times = np.unique(
        np.concatenate([np.array(part, dtype=np.int64) for part in parts.values()]), return_counts=True
    )
    shared = int((times > 1).sum())
    return Published(parts, {"paths": paths, "not_in_table": absent, "architectures_in_several": shared})

"""Which architectures of a table a source set aside for training, validation and test, and which strategy found them.

An importer keeps both in the recipe, as row numbers of the table by name: `recipe["splits"]` has the parts that the
source publishes, `recipe["found_by"]` the strategies. They are read with the functions here:

    table = nasbench.load("nb301.h5").table
    parts = published_split(table)                    # {"train": rows, "validation": rows, "test": rows}
    train, test = leave_out(table, "darts")           # learn from what other strategies found
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.importers.jsons import read_json

IntArray = npt.NDArray[np.int64]
ROW_NUMBERS = ("splits", "found_by")
"""Entries of a recipe that hold row numbers by name."""
PARTS = {"train": "train", "val": "validation", "test": "test"}
"""Our name of what a file `<name>_paths.json` lists."""
BESIDE = ("", "raw", "..", "configs/data_splits/default_split", "../configs/data_splits/default_split")
"""Where these files are looked for, from the folder in which the table is."""


class Holdout(NamedTuple):
    """Row numbers of a table, increasing: no function is in both.

    Attributes:
        train: To learn from; shape `(k,)`.
        test: To be scored on; shape `(m,)`.
    """

    train: IntArray
    test: IntArray


class Published(NamedTuple):
    """Parts that a source publishes.

    Attributes:
        rows: By our name of the part, the row numbers of the table, increasing.
        facts: For the entry of a recipe about the source: paths, those that are not in the table, and architectures
            that are in more than one part, as those are that several trainings were made of.
    """

    rows: dict[str, list[int]]
    facts: dict[str, Any]


# --- for who has a table --------------------------------------------------------------------------------------------


def published_split(table: Table, disjoint: bool = True) -> dict[str, IntArray]:
    """The parts that the source of a table publishes: by name (`train`, `validation`, `test`) the rows, increasing.

    Args:
        table: As imported, or `benchmark.table` of a file.
        disjoint: Leave architectures that compute the same function (`Space.function_key`) only in the last part that
            has one of them, so that nothing is learnt from what is scored. Where not, all parts are as published.

    Raises:
        NotFoundError: Its recipe has none.
        InputError: The recipe is damaged.
    """
    parts = row_sets(table, "splits", "no split that its source publishes")
    if disjoint:
        functions = table.space.function_key(table.genotypes)
        later = functions[:0]
        for name in reversed(list(parts)):
            own = functions[parts[name]]
            parts[name] = parts[name][~np.isin(own, later)]
            later = np.union1d(later, own)
    return parts


def found_by(table: Table) -> dict[str, IntArray]:
    """By search strategy the rows that it found, increasing; a row may have been found by several.

    Raises:
        NotFoundError: The recipe does not say.
        InputError: The recipe is damaged.
    """
    return row_sets(table, "found_by", "no record of which strategy found what")


def leave_out(table: Table, strategy: str) -> Holdout:
    """What one strategy found as test rows, and as training rows what others found, but for the same functions.

    Raises:
        NotFoundError: The recipe does not say who found what, or knows no such strategy; says which there are.
        InputError: The recipe is damaged.
    """
    found = found_by(table)
    if strategy not in found:
        raise NotFoundError(f"nothing was found by {strategy!r}; strategies of this table are {', '.join(found)}")
    test = found.pop(strategy)
    train = np.unique(np.concatenate([test[:0], *found.values()]))
    functions = table.space.function_key(table.genotypes)
    return Holdout(train[~np.isin(functions[train], functions[test])], test)


def row_sets(table: Table, name: str, lacking: str) -> dict[str, IntArray]:
    """Row numbers of a table by name from an entry of its recipe, one of `ROW_NUMBERS`, increasing.

    Raises:
        NotFoundError: There is no such entry; it is `lacking`.
        InputError: The entry is damaged.
    """
    stored = table.recipe.get(name)
    if stored is None:
        raise NotFoundError(f"the recipe of this table has {lacking}")
    if not isinstance(stored, dict):
        raise InputError(f"{name!r} of the recipe is no dictionary of row numbers")
    result = {}
    for key, values in stored.items():
        rows = np.asarray(values if isinstance(values, list) and values else np.zeros(0, dtype=np.int64))
        fine = isinstance(values, list) and rows.ndim == 1 and rows.dtype == np.int64
        if not fine or (len(rows) and not 0 <= rows.min() <= rows.max() < len(table.genotypes)):
            raise InputError(f"{name!r} of the recipe lists other than row numbers for {key!r}")
        result[key] = np.unique(rows)
    return result


# --- for importers --------------------------------------------------------------------------------------------------


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
        FileError: A file is missing, is no list of paths, or none of its paths is in the table.
    """
    depth = names[0].count("/") + 1
    row_of = dict(zip(names, rows.tolist(), strict=True))
    parts, paths, absent = {}, {}, {}
    for file, part in zip(split_files(folder), PARTS.values(), strict=True):
        listed = read_json(file)
        if not isinstance(listed, list) or not all(isinstance(entry, str) for entry in listed):
            raise FileError(f"{file} is no list of paths")
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

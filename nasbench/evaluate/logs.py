"""Logs of searches that ran elsewhere, as contestants: their architectures are trained again, in their order."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from nasbench.errors import FileError, InputError
from nasbench.search.base import Strategy, Trial
from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray

COLUMNS = ("strategy", "repeat", "evaluation", "architecture")
"""Columns of a log; a column `epochs` may be there, too."""
REMEDY = f"a log has the columns {', '.join(COLUMNS)} and, if trainings were short, epochs"


@dataclass(frozen=True)
class LoggedRuns:
    """All runs of one strategy.

    Attributes:
        name: Name of the strategy.
        runs: For each repeat, in the order of their numbers, the architectures `(d,)` and epochs in the order of their
            evaluations; epochs are None for a full training.
    """

    name: str
    runs: tuple[tuple[tuple[GenotypeArray, int | None], ...], ...]

    def check(self, repeats: int, evaluations: int | None, fidelities: Sequence[int]) -> None:
        """Refuse a comparison that needs more, or other, trainings than the log has.

        Raises:
            InputError: There are too few repeats or evaluations, or epochs that were not recorded.
        """
        if len(self.runs) < repeats:
            raise InputError(
                f"the log has {len(self.runs)} repeats of {self.name!r} and the comparison {repeats}; "
                f"compare with --repeats {len(self.runs)}"
            )
        for repeat, trials in enumerate(self.runs[:repeats]):
            if evaluations is not None and len(trials) < evaluations:
                raise InputError(
                    f"the log of {self.name!r} has {len(trials)} evaluations in repeat {repeat} and the budget is "
                    f"{evaluations}; compare with --evaluations {len(trials)}"
                )
            for number, (_, epochs) in enumerate(trials):
                if epochs is not None and epochs not in fidelities:
                    known = ", ".join(map(str, fidelities))
                    raise InputError(
                        f"the log of {self.name!r} has a training of {epochs} epochs (repeat {repeat}, evaluation "
                        f"{number + 1}), and this benchmark answers for {known}; leave out the column epochs for full "
                        "trainings"
                    )

    @property
    def checksum(self) -> str:
        """SHA-256 of all trainings."""
        return sha256(repr([[(a.tolist(), epochs) for a, epochs in run] for run in self.runs]).encode()).hexdigest()

    def strategy(self, repeat: int) -> Replay:
        """The strategy that does what the log says of one repeat."""
        return Replay(self.name, self.runs[repeat])


class Replay(Strategy):
    """Asks for the trials of one logged run, whatever it is told.

    Args:
        name: Name of the logged strategy.
        trials: Architectures and epochs.
    """

    max_objectives = sys.maxsize

    def __init__(self, name: str, trials: Sequence[tuple[GenotypeArray, int | None]]) -> None:
        self.name, self.trials = name, trials

    def _start(self) -> None:
        self._at = 0

    def _ask(self) -> Trial:
        if self._at == len(self.trials):
            raise InputError(
                f"the log of {self.name!r} ends after {self._at} evaluations, before the budget does; compare with a "
                "smaller budget"
            )
        architecture, epochs = self.trials[self._at]
        self._at += 1
        return self.trial(architecture) if epochs is None else Trial(architecture, epochs)


def read_log(path: Path, space: Space) -> list[LoggedRuns]:
    """The strategies of a CSV file with the columns strategy, repeat, evaluation, architecture and perhaps epochs.

    Rows may be in any order. Architectures are in any text form that `Space.genotype` takes; repeats and evaluations
    are whole numbers, of which only the order counts. Other columns are ignored.

    Raises:
        FileError: The file cannot be read.
        InputError: A row is wrong; the message says which, what and the remedy.
    """
    runs: dict[str, dict[int, dict[int, tuple[GenotypeArray, int | None]]]] = {}
    for where, row in _rows(path):
        name = row["strategy"].strip()
        if not name:
            raise InputError(f"{where}: strategy is empty; give it a name")
        repeat, evaluation = (_whole(where, column, row[column], 0) for column in ("repeat", "evaluation"))
        epochs = _whole(where, "epochs", row["epochs"], 1) if row.get("epochs") else None
        try:
            architecture = space.genotype(row["architecture"])
        except InputError as error:
            raise InputError(f"{where}: architecture: {error}") from error
        trials = runs.setdefault(name, {}).setdefault(repeat, {})
        if evaluation in trials:
            what = f"evaluation {evaluation} of {name!r}, repeat {repeat}"
            raise InputError(f"{where}: {what}, is there already; number the evaluations of a repeat differently")
        trials[evaluation] = architecture, epochs
    if not runs:
        raise InputError(f"{path} has no rows; {REMEDY}")
    return [
        LoggedRuns(
            name, tuple(tuple(trials[number] for number in sorted(trials)) for _, trials in sorted(repeats.items()))
        )
        for name, repeats in runs.items()
    ]


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each row of a file and its place, for messages; the header is row 1."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            absent = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if absent:
                raise InputError(f"{path}, row 1: no column {absent[0]!r}; {REMEDY}")
            for number, row in enumerate(reader, 2):
                where = f"{path}, row {number}"
                if any(row.get(column) is None for column in COLUMNS):
                    raise InputError(f"{where}: it has fewer fields than the header; {REMEDY}")
                yield where, row
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file in UTF-8: {error}; {REMEDY}") from error


def _whole(where: str, column: str, text: str, least: int) -> int:
    """A whole number of a row."""
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdigit() and len(stripped) < 19 and int(stripped) >= least):
        raise InputError(f"{where}: {column} must be a whole number of at least {least}, got {text!r}; correct it")
    return int(stripped)

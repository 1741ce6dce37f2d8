"""What a build has finished so far, in one SQLite file beside its output: what is recorded once is durable."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from nasbench.errors import FileError
from nasbench.measures.base import Measurement
from nasbench.types import FloatArray, GenotypeArray

APPLICATION = 0x6E617362  # "nasb": what `file` and this module know a ledger by
VERSION = 4
TRAINING = "training"
"""What the ledger calls a training; other work is called by the name of its measure."""


class Key(NamedTuple):
    """What a piece of work was: a training, or the measurement of an untrained network.

    Attributes:
        what: `TRAINING`, or the name of a measure.
        dataset: Name of the data set.
        epochs: Length of the schedule; 0 of an untrained network.
        seed: Number of the training seed; 0 of an untrained network.
        genotype: The architecture, as the bytes of its int8 genotype.
    """

    what: str
    dataset: str
    epochs: int
    seed: int
    genotype: bytes

    @classmethod
    def of(cls, what: str, dataset: str, epochs: int, seed: int, genotype: GenotypeArray) -> Key:
        """The key of one architecture, a genotype `(d,)`."""
        return cls(what, dataset, epochs, seed, genotype.astype(np.int8).tobytes())


class Ledger:
    """The finished work of one recipe.

    Only one process at a time can have a ledger open. Used as a context manager it closes at the end of the block.

    Args:
        path: The file; made where it does not exist.
        recipe: What all of it was made with, as JSON values.

    Raises:
        FileError: The file cannot be written, is in use, is no ledger, is damaged, or belongs to another recipe (and
            holds work).
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any]) -> None:
        self.path = Path(path)
        fresh = not self.path.exists()
        with self._reported():
            self._connection = sqlite3.connect(self.path, timeout=0.5, isolation_level=None)
        try:
            with self._reported():
                self._open(recipe)
        except BaseException:
            self._connection.close()
            if fresh and self.path.exists() and not self.path.stat().st_size:
                self.path.unlink()  # the disk was too full to begin
            raise

    def _open(self, recipe: Mapping[str, Any]) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("BEGIN EXCLUSIVE")  # fails where another process has it
        if not self.path.exists():
            raise FileError(f"{self.path} was in use by another build, which has just finished; repeat the call")
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        marks = (run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0])
        if tables and marks != (APPLICATION, VERSION):
            raise FileError(f"{self.path} is not a ledger of this version of nasbench; move it away or choose another")
        if not tables:
            run(f"PRAGMA application_id = {APPLICATION}")
            run(f"PRAGMA user_version = {VERSION}")
            run("CREATE TABLE fact (name TEXT PRIMARY KEY, json TEXT NOT NULL)")
            run(
                "CREATE TABLE work (what TEXT, dataset TEXT, epochs INTEGER, seed INTEGER, genotype BLOB, "
                "columns INTEGER, numbers BLOB, reason TEXT, crc INTEGER, "
                "PRIMARY KEY (what, dataset, epochs, seed, genotype))"
            )
        stored = self._fact("recipe")
        finished = self._finished()
        differing = differences(stored, recipe) if stored is not None else []
        if differing and finished:
            raise FileError(
                f"{self.path} holds {finished} finished pieces of work of another recipe: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing or stored is None:
            run("INSERT OR REPLACE INTO fact VALUES ('recipe', ?)", (json.dumps(recipe),))
        run("COMMIT")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")

    def _finished(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM work").fetchone()[0])

    def _fact(self, name: str) -> Any:
        found = self._connection.execute("SELECT json FROM fact WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found[0])

    def settled(self, name: str) -> Any:
        """What was decided once for all of the work, as JSON values; None where it was not."""
        with self._reported():
            return self._fact(name)

    def settle(self, name: str, value: Any) -> None:
        """Decide it."""
        with self._reported():
            self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))

    def finished(self) -> dict[Key, Measurement]:
        """All that was recorded."""
        with self._reported():
            rows = self._connection.execute("SELECT * FROM work").fetchall()
        found = {}
        for *work, crc in rows:
            if _checksum(work) != crc:
                raise FileError(f"{self.path} is damaged: finished work has changed; delete it to start again")
            *key, columns, blob, reason = work
            found[Key(*key)] = Measurement(None if blob is None else _numbers(blob, columns), reason)
        return found

    def record(self, outcomes: Iterable[tuple[Key, Measurement]], *, again: bool = False) -> None:
        """Store finished work, all of it or none; when this returns it survives a crash of the machine.

        Args:
            outcomes: What became of it.
            again: Whether some of it may be recorded already, and was done again; else that is an error.
        """
        rows = []
        for key, (values, reason) in outcomes:
            blob = None if values is None else np.ascontiguousarray(values, dtype="<f8").tobytes()
            work = (*key, values.shape[1] if values is not None and values.ndim == 2 else 0, blob, reason)
            rows.append((*work, _checksum(work)))
        with self._reported():
            run = self._connection.execute
            run("BEGIN IMMEDIATE")
            try:
                insert = "INSERT OR REPLACE" if again else "INSERT"
                self._connection.executemany(f"{insert} INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
                run("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    run("ROLLBACK")
                raise

    def forget(self, keys: Iterable[Key]) -> None:
        """Strike out finished work, which is to be done again."""
        with self._reported():
            self._connection.executemany(
                "DELETE FROM work WHERE what = ? AND dataset = ? AND epochs = ? AND seed = ? AND genotype = ?", keys
            )

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def remove(self) -> None:
        """Delete the file and close: in this order, so that who has waited for it finds it gone."""
        with suppress(sqlite3.Error):  # a disk too full to empty the log does not matter any more
            self._connection.execute("PRAGMA journal_mode = DELETE")
        for suffix in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Close; after an error, without leaving a file in which there is nothing."""
        with suppress(sqlite3.Error):  # the error that is on its way says more
            if error is not None and self.path.exists() and not self._finished():
                self.remove()
        self.close()

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn SQLite's errors into the user's."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise FileError(f"{self.path} is in use by another build; wait for it or write elsewhere") from error
            raise FileError(
                f"cannot write {self.path}: {error}; is its folder there, writable, and not full?"
            ) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            raise FileError(f"{self.path} is no ledger or is damaged: {error}; delete it to start again") from error


def _numbers(blob: bytes, columns: int) -> FloatArray:
    values = np.frombuffer(blob, dtype="<f8").astype(np.float64)
    return values.reshape(-1, columns) if columns else values


def _checksum(work: Iterable[Any]) -> int:
    """What tells that the disk has changed a row: SQLite keeps no checksums."""
    return zlib.crc32(repr(tuple(work)).encode())


def differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Fields in which two nested mappings differ: dotted name, value there, value here; None where there is none."""
    found: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*there, *here]):
        a, b = there.get(name), here.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{prefix}{name}.")
        elif a != b:
            found.append((prefix + name, a, b))
    return found


def summary(differing: list[tuple[str, Any, Any]], most: int = 4) -> str:
    """Differences in words, the first few of them."""
    shown = [f"{name} is {there!r} there and {here!r} here" for name, there, here in differing[:most]]
    more = len(differing) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")

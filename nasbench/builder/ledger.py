"""The ledger of a build: its finished work, durable in one SQLite file beside the output.

SQLite drops a damaged write-ahead log without a word. So the log is emptied into the file after each record, and no
finished work depends on it; a process that is killed meanwhile leaves a log of one record.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from nasbench.builder.lock import Lock
from nasbench.errors import FileError
from nasbench.measures.base import Measurement
from nasbench.printable import MOST, brief, printable
from nasbench.types import FloatArray, GenotypeArray

APPLICATION = 0x6E617362  # "nasb", the magic number of a ledger
VERSION = 4
TRAINING = "training"
"""Kind of work that is a training; the kind of other work is the name of its measure."""


class Key(NamedTuple):
    """Identity of a piece of work: a training, or a measurement of a network.

    Attributes:
        kind: `TRAINING`, or the name of a measure.
        dataset: Name of the data set.
        epochs: Length of the schedule; 0 for an untrained network.
        seed: Number of the training seed; 0 for an untrained network.
        genotype: The architecture, as the bytes of its int8 genotype.
    """

    kind: str
    dataset: str
    epochs: int
    seed: int
    genotype: bytes

    @classmethod
    def of(cls, kind: str, dataset: str, epochs: int, seed: int, genotype: GenotypeArray) -> Key:
        """The key for a genotype `(d,)`."""
        return cls(kind, dataset, epochs, seed, genotype.astype(np.int8).tobytes())


class Ledger:
    """The finished work of one recipe.

    Only one process at a time can open a ledger. As a context manager it closes at the end of the block.

    Args:
        path: The file; created if missing.
        recipe: Recipe of all its work, as JSON values.

    Raises:
        FileError: The file cannot be written, is in use, is not a ledger, is damaged, or holds work of another recipe.

    Attributes:
        dropped: Records that were finished, but lost in a damaged log.
    """

    dropped = 0

    def __init__(self, path: Path, recipe: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._lock = Lock(self.path)
        try:
            fresh = not self.path.exists()
            with self._reported():
                self._connection = sqlite3.connect(self.path, timeout=0.5, isolation_level=None)
            try:
                with self._reported():
                    self._open(recipe)
            except BaseException:
                self._connection.close()
                if fresh and self.path.exists() and not self.path.stat().st_size:
                    self.path.unlink()  # the disk was full from the start
                raise
        except BaseException:
            self._lock.release()
            raise

    def _open(self, recipe: Mapping[str, Any]) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("BEGIN EXCLUSIVE")  # fails if another program has it open
        self._empty_log()
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        marks = (run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0])
        if tables and marks != (APPLICATION, VERSION):
            raise FileError(f"{self.path} is not a ledger of this version of nasbench; move it or choose another file")
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
                f"{self.path} holds {finished} finished results of another recipe: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing:
            run("DELETE FROM fact")  # decisions for another recipe
        if differing or stored is None:
            run("INSERT OR REPLACE INTO fact VALUES ('recipe', ?)", (json.dumps(recipe),))
        run("COMMIT")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")

    def _empty_log(self) -> None:
        """Move into the file what a killed process left in its log, and count what SQLite drops of it.

        Raises:
            FileError: The file has a part of what stood in the log, and the log is damaged.
        """
        run, path = self._connection.execute, self._log
        log = path.read_bytes() if path.exists() else b""
        run("COMMIT")
        size, (_, valid, _) = run("PRAGMA page_size").fetchone()[0], run("PRAGMA wal_checkpoint").fetchone()
        run("PRAGMA wal_checkpoint(TRUNCATE)")
        if log:
            self.dropped = _records(log, size, valid)
            fault = run("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise sqlite3.DatabaseError(fault)
        run("BEGIN EXCLUSIVE")

    @property
    def _log(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")

    def _finished(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM work").fetchone()[0])

    def _fact(self, name: str) -> Any:
        row = self._connection.execute("SELECT json FROM fact WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def settled(self, name: str) -> Any:
        """A decision for all of the work, as JSON values; None if it was not made."""
        with self._reported():
            return self._fact(name)

    def settle(self, name: str, value: Any) -> None:
        """Record a decision for all of the work."""
        with self._durable():
            self._connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, json.dumps(value)))

    def finished(self) -> dict[Key, Measurement]:
        """All recorded work."""
        with self._reported():
            rows = self._connection.execute("SELECT * FROM work").fetchall()
        outcomes = {}
        for *work, crc in rows:
            if _checksum(work) != crc:
                raise FileError(f"{self.path} is damaged: finished work has changed; delete it to start again")
            *key, columns, blob, reason = work
            outcomes[Key(*key)] = Measurement(None if blob is None else _numbers(blob, columns), reason)
        return outcomes

    def record(self, outcomes: Iterable[tuple[Key, Measurement]], *, again: bool = False) -> None:
        """Store finished work atomically; afterwards it survives a crash of the machine.

        Args:
            outcomes: Finished work and its outcomes.
            again: Whether to replace recorded work that was repeated; otherwise that is an error.
        """
        rows = []
        for key, (values, reason) in outcomes:
            blob = None if values is None else np.ascontiguousarray(values, dtype="<f8").tobytes()
            work = (*key, values.shape[1] if values is not None and values.ndim == 2 else 0, blob, reason)
            rows.append((*work, _checksum(work)))
        with self._durable():
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
        """Delete finished work, so that it is repeated."""
        with self._durable():
            self._connection.executemany(
                "DELETE FROM work WHERE what = ? AND dataset = ? AND epochs = ? AND seed = ? AND genotype = ?", keys
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._lock.release()

    def remove(self) -> None:
        """Delete the file, and close it."""
        with suppress(sqlite3.Error):  # failing to empty the log on a full disk no longer matters
            self._connection.execute("PRAGMA journal_mode = DELETE")
        for suffix in ("-wal", "-shm", ""):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Close the file; after an error, delete it if it is empty."""
        with suppress(sqlite3.Error):  # the original error says more
            if error is not None and self.path.exists() and not self._finished():
                self.remove()
        self.close()

    @contextmanager
    def _durable(self) -> Iterator[None]:
        """Move what is written from the log into the file; errors as of `_reported`."""
        with self._reported():
            yield
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn SQLite errors into user errors."""
        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise FileError(f"{self.path} is in use by another program; wait for it or write elsewhere") from error
            raise FileError(
                f"cannot write {self.path}: {error}; is its folder there, writable, and not full?"
            ) from error
        except (sqlite3.DatabaseError, ValueError) as error:
            fault = printable(str(error), MOST)
            raise FileError(f"{self.path} is not a ledger or is damaged: {fault}; delete it to start again") from error


def _numbers(blob: bytes, columns: int) -> FloatArray:
    values = np.frombuffer(blob, dtype="<f8").astype(np.float64)
    return values.reshape(-1, columns) if columns else values


def _records(log: bytes, page_size: int, begin: int) -> int:
    """Number of records that end in the frames of a write-ahead log (sqlite.org/fileformat2.html#walformat).

    A frame that a killed process was writing is not whole, or ends no record.

    Args:
        log: Content of the log.
        page_size: Bytes of a page.
        begin: Number of frames to skip.
    """
    header, frame = 32, 24 + page_size
    if log[:3] != b"\x37\x7f\x06" and log[16:24] != log[header + 8 : header + 16]:  # neither its mark nor its salt
        return 0  # no log at all
    starts = range(header + begin * frame, len(log) - frame + 1, frame)
    return sum(log[at + 4 : at + 8] != bytes(4) for at in starts)


def _checksum(work: Iterable[Any]) -> int:
    """Checksum of a row, to detect changes on disk; SQLite has none."""
    return zlib.crc32(repr(tuple(work)).encode())


def differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Any]]:
    """Differing fields of nested mappings: dotted name, value there, value here; None for a missing value."""
    differing: list[tuple[str, Any, Any]] = []
    for name in dict.fromkeys([*there, *here]):
        a, b = there.get(name), here.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            differing += differences(a, b, f"{prefix}{name}.")
        elif a != b:
            differing.append((prefix + name, a, b))
    return differing


def summary(differing: list[tuple[str, Any, Any]], most: int = 4) -> str:
    """The first `most` differences in words."""
    shown = [f"{name} is {brief(there)} there and {brief(here)} here" for name, there, here in differing[:most]]
    more = len(differing) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")

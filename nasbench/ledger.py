"""What a build has finished so far, in one SQLite file beside its output: each trial is durable once it is recorded."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from nasbench.errors import FileError
from nasbench.spaces.base import FloatArray

APPLICATION = 0x6E617362  # "nasb": what `file` and this module know a ledger by
VERSION = 2


class Outcome(NamedTuple):
    """What became of one trial.

    Attributes:
        values: Measured numbers, shape `(names, epochs)`, NaN where there is none; None where nothing was measured.
        reason: Why numbers are missing, or None.
    """

    values: FloatArray | None
    reason: str | None = None


class Ledger:
    """The finished trials of one recipe, by the indices of cell and seed.

    Only one process at a time can have a ledger open. Used as a context manager it closes at the end of the block.

    Args:
        path: The file; made where it does not exist.
        recipe: What the trials were made with, as JSON values.
        shape: Shape `(names, epochs)` of the numbers of a trial.

    Raises:
        FileError: The file cannot be written, is in use, is no ledger, is damaged, or belongs to another recipe (and
            holds trials).
    """

    def __init__(self, path: Path, recipe: Mapping[str, Any], shape: tuple[int, int]) -> None:
        self.path, self.shape = Path(path), shape
        with self._reported():
            self._connection = sqlite3.connect(self.path, timeout=0.5, isolation_level=None)
        try:
            with self._reported():
                self._open(recipe)
        except BaseException:
            self._connection.close()
            raise

    def _open(self, recipe: Mapping[str, Any]) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        run("BEGIN EXCLUSIVE")  # fails where another process has it
        tables = run("SELECT count(*) FROM sqlite_master").fetchone()[0]
        marks = (run("PRAGMA application_id").fetchone()[0], run("PRAGMA user_version").fetchone()[0])
        if tables and marks != (APPLICATION, VERSION):
            raise FileError(f"{self.path} is not a ledger of this version of nasbench; move it away or choose another")
        if not tables:
            run(f"PRAGMA application_id = {APPLICATION}")
            run(f"PRAGMA user_version = {VERSION}")
            run("CREATE TABLE recipe (json TEXT NOT NULL)")
            run(
                "CREATE TABLE trial (cell INTEGER, seed INTEGER, numbers BLOB, reason TEXT, crc INTEGER, "
                "PRIMARY KEY (cell, seed))"
            )
        stored = run("SELECT json FROM recipe").fetchone()
        finished = run("SELECT count(*) FROM trial").fetchone()[0]
        differing = differences(json.loads(stored[0]), recipe) if stored else []
        if differing and finished:
            raise FileError(
                f"{self.path} holds {finished} finished trials of another recipe: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing or not stored:
            run("DELETE FROM recipe")
            run("INSERT INTO recipe VALUES (?)", (json.dumps(recipe),))
        run("COMMIT")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")

    def finished(self) -> dict[tuple[int, int], Outcome]:
        """All recorded trials by (cell, seed)."""
        with self._reported():
            rows = self._connection.execute("SELECT cell, seed, numbers, reason, crc FROM trial").fetchall()
        for *trial, crc in rows:
            if _checksum(*trial) != crc:
                raise FileError(f"{self.path} is damaged: a trial has changed; delete it to start again")
        return {(cell, seed): Outcome(self._numbers(blob), reason) for cell, seed, blob, reason, _ in rows}

    def record(self, cell: int, seed: int, outcome: Outcome) -> None:
        """Store a trial; when this returns it survives a crash of the machine."""
        blob = None if outcome.values is None else np.ascontiguousarray(outcome.values, dtype="<f8").tobytes()
        trial = (cell, seed, blob, outcome.reason)
        with self._reported():
            self._connection.execute("INSERT INTO trial VALUES (?, ?, ?, ?, ?)", (*trial, _checksum(*trial)))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def remove(self) -> None:
        """Close and delete the file."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _numbers(self, blob: bytes | None) -> FloatArray | None:
        if blob is None:
            return None
        values = np.frombuffer(blob, dtype="<f8") if len(blob) % 8 == 0 else np.empty(0)
        if values.size != np.prod(self.shape):
            raise FileError(f"{self.path} is damaged: a trial has {len(blob)} bytes; delete it to start again")
        return values.reshape(self.shape).astype(np.float64)

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


def _checksum(cell: Any, seed: Any, numbers: Any, reason: Any) -> int:
    """What tells that the disk has changed a trial: SQLite keeps no checksums."""
    return zlib.crc32(repr((cell, seed, numbers, reason)).encode())


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

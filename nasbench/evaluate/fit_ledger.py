"""The ledger of an evaluation: finished fits, durable line by line, so that the same call goes on after a stop.

A line is the CRC-32 of a JSON text and the text. The first says of which settings and numbers the fits are; a last line
that was cut off counts as not written. Once the results are written, the file is deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from nasbench.errors import FileError
from nasbench.evaluate.evaluation import Evaluation
from nasbench.evaluate.fits import FitJob
from nasbench.evaluate.results import json_values
from nasbench.predictors import predictors as registry
from nasbench.printable import brief
from nasbench.provenance import provenance

FORMAT = "nasbench-fits 1"
SUFFIX = ".fits"


def ledger_of(results: Path) -> Path:
    """The ledger of an evaluation that writes its results to a file."""
    return results.with_name(results.name + SUFFIX)


class FitLedger:
    """Finished fits of one call. As a context manager it is closed at the end, and deleted if nothing is in it.

    Args:
        path: The file; created if missing.
        evaluations: What is evaluated, one of each table.

    Raises:
        FileError: The file cannot be written, is in use, is no ledger, is damaged, or holds fits of other settings.

    Attributes:
        finished: Scores of finished fits, by the name of the table.
    """

    def __init__(self, path: Path, evaluations: Sequence[Evaluation]) -> None:
        self.path = path
        self.finished: dict[str, dict[FitJob, dict[str, Any]]] = {plan.benchmark.name: {} for plan in evaluations}
        header = json_values({"format": FORMAT, **_identity(evaluations)})
        self._file = _locked(path)
        try:
            self._read(header)
        except BaseException:
            os.close(self._file)
            raise

    def _read(self, header: Mapping[str, Any]) -> None:
        """Read what is there and cut a torn last line off; start anew if no fit is there."""
        content = self.path.read_bytes()
        lines = content.split(b"\n")[:-1]
        values = [_value(line) for line in lines]
        if values and values[-1] is None:  # the machine stopped before all of it was written
            values.pop()
        if None in values:
            raise FileError(f"{self.path} is damaged at line {values.index(None) + 1}, or no ledger; delete or move it")
        torn = content == _line(header)[: len(content)]
        if not (torn if not values else isinstance(values[0], dict) and values[0].get("format") == FORMAT):
            raise FileError(f"{self.path} is no ledger of an evaluation; move it or write to another file")
        if len(values) < 2:
            os.ftruncate(self._file, 0)
            self._append(header)
            return
        there, *rows = values
        differing = _first_difference(there, header)
        if differing:
            raise FileError(
                f"{self.path} holds {len(rows)} finished {'fit' if len(rows) == 1 else 'fits'} of other settings: "
                f"{differing}; repeat those settings, write to another file, or delete this one"
            )
        for table, place, scores in rows:
            self.finished[table][FitJob(*place)] = scores
        os.ftruncate(self._file, sum(len(line) + 1 for line in lines[: len(values)]))

    def hooks(self, table: str) -> dict[str, Any]:
        """Arguments of `Evaluation.run` for a table: the fits that are known, and what stores those that are made."""

        def finished(fit: FitJob, scores: dict[str, Any]) -> None:
            self._append([table, fit, scores])

        return {"known": self.finished[table], "finished": finished}

    def _append(self, value: Any) -> None:
        line = _line(value)
        try:
            written = os.write(self._file, line)
            while written < len(line):
                written += os.write(self._file, line[written:])
            os.fsync(self._file)
        except OSError as error:
            raise FileError(f"cannot write {self.path}: {error.strerror}; what is finished is kept") from error

    @property
    def count(self) -> int:
        """Number of fits that were finished when the ledger was opened."""
        return sum(map(len, self.finished.values()))

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file; delete it if it holds no fit."""
        if os.pread(self._file, os.fstat(self._file).st_size, 0).count(b"\n") < 2:
            self.remove()
        os.close(self._file)


def _locked(path: Path) -> int:
    """A descriptor of the file, which no other process has; freed by the system when its holder dies."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise FileError(f"cannot write {path}: {error.strerror}; name another file") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except FileNotFoundError:  # deleted by who held it
            pass
        except BlockingIOError as error:
            os.close(file)
            raise FileError(f"{path} is in use by another evaluation; wait for it or write elsewhere") from error
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _line(value: Any) -> bytes:
    text = json.dumps(value, default=float).encode()  # NaN stays NaN, as records are made of it
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _value(line: bytes) -> Any:
    """The value of a line without its end; None if it is damaged."""
    crc, _, text = line.partition(b" ")
    if crc != b"%08x" % zlib.crc32(text):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _identity(evaluations: Sequence[Evaluation]) -> dict[str, Any]:
    """All that the scores of fits depend on."""
    tables = {plan.benchmark.name: {"metric": plan.metric.path, **plan.settings, **_sums(plan)} for plan in evaluations}
    return {"tables": tables, "provenance": provenance()}


def _sums(plan: Evaluation) -> dict[str, Any]:
    """Checksums of the numbers of a table and of its splits, and of the files of the predictors."""
    numbers: list[np.ndarray[Any, Any]] = [plan.targets.genotypes, plan.targets.values]
    for inputs in plan.inputs.values():
        numbers += [*inputs.columns.values(), *([] if inputs.curve is None else [inputs.curve])]
    for inputs, values in (source for learnt in plan.learnt_first.values() for source in learnt):
        numbers += [inputs.genotypes, values, *inputs.columns.values()]
    splits = [rows for parts in plan.held_out.values() for part in parts for rows in part]
    files = {}
    for name, component in plan.predictors.items():
        try:
            file = Path(inspect.getfile(type(registry.create(component))))
            files[name] = hashlib.sha256(file.read_bytes()).hexdigest()
        except (OSError, TypeError):  # typed into a session
            files[name] = ""
    return {"numbers": _checksum(numbers), "rows": _checksum(splits), "code": files}


def _checksum(arrays: Sequence[np.ndarray[Any, Any]]) -> str:
    total = hashlib.sha256()
    for array in arrays:
        total.update(repr((array.shape, array.dtype.str)).encode())
        total.update(np.ascontiguousarray(array).tobytes())
    return total.hexdigest()


def _first_difference(there: Any, here: Any, name: str = "") -> str:
    """The first difference of nested mappings in words; empty if there is none."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            text = _first_difference(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
            if text:
                return text
        return ""
    return "" if there == here else f"{name} is {brief(there)} there and {brief(here)} here"

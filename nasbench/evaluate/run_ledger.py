"""The ledger of a comparison: finished runs, so that the same call goes on after a stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.evaluate.ledger import Ledger
from nasbench.evaluate.quality import Standing
from nasbench.evaluate.results import json_values
from nasbench.provenance import provenance

SUFFIX = ".runs"


def ledger_of(results: Path) -> Path:
    """The ledger of a comparison that writes its results to a file."""
    return results.with_name(results.name + SUFFIX)


class RunLedger(Ledger):
    """Finished runs of one call, on one benchmark or several.

    A benchmark is written down, with all that its runs depend on, when its race begins.

    Args:
        path: The file; created if missing.

    Raises:
        FileError: See `Ledger`.
    """

    format, one, whose = "nasbench-runs 1", "run", "a comparison"

    def __init__(self, path: Path) -> None:
        super().__init__(path, {"provenance": provenance()})
        self._identities = {name: value for kind, name, value in self.rows if kind == "benchmark"}
        self._runs: dict[str, list[Any]] = {}
        for kind, name, value in self.rows:
            if kind == "run":
                self._runs.setdefault(name, []).append(value)

    @property
    def count(self) -> int:
        """Number of finished runs when the ledger was opened."""
        return sum(kind == "run" for kind, *_ in self.rows)

    def known(self, benchmark: str, identity: Mapping[str, Any]) -> dict[tuple[Any, ...], Standing]:
        """Finished runs on a benchmark, by the fields of their jobs.

        Raises:
            FileError: They are of other settings, numbers or code.
        """
        if benchmark not in self._identities:
            self.append(["benchmark", benchmark, json_values({**identity})])
        else:
            self.check_same(self._identities[benchmark], {**identity})
        return {tuple(job): _standing(values) for job, values in self._runs.get(benchmark, [])}

    def keep(self, benchmark: str, job: tuple[Any, ...], found: Standing) -> None:
        """Write a finished run down."""
        arrays = [[array.dtype.str, array.shape, array.ravel().tolist()] for array in astuple(found)]
        self.append(["run", benchmark, [[*job], arrays]])


def _standing(values: Any) -> Standing:
    return Standing(*(np.array(numbers, dtype=kind).reshape(shape) for kind, shape, numbers in values))

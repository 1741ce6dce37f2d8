"""The ledger of an evaluation: finished fits, so that the same call goes on after a stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.evaluate.evaluation import Evaluation
from nasbench.evaluate.fits import FitJob
from nasbench.evaluate.ledger import Ledger, checksum, code_of
from nasbench.predictors import predictors as registry
from nasbench.provenance import provenance

SUFFIX = ".fits"


def ledger_of(results: Path) -> Path:
    """The ledger of an evaluation that writes its results to a file."""
    return results.with_name(results.name + SUFFIX)


class FitLedger(Ledger):
    """Finished fits of one call.

    Args:
        path: The file; created if missing.
        evaluations: What is evaluated, one of each table.

    Raises:
        FileError: See `Ledger`.

    Attributes:
        finished: Scores of finished fits, by the name of the table.
    """

    format, one, whose = "nasbench-fits 1", "fit", "an evaluation"

    def __init__(self, path: Path, evaluations: Sequence[Evaluation]) -> None:
        tables = {plan.benchmark.name: _identity(plan) for plan in evaluations}
        super().__init__(path, {"tables": tables, "provenance": provenance()})
        self.finished: dict[str, dict[FitJob, dict[str, Any]]] = {name: {} for name in tables}
        for table, place, scores in self.rows:
            self.finished[table][FitJob(*place)] = scores

    def hooks(self, table: str) -> dict[str, Any]:
        """Arguments of `Evaluation.run` for a table: the fits that are known, and what stores those that are made."""

        def finished(fit: FitJob, scores: dict[str, Any]) -> None:
            self.append([table, fit, scores])

        return {"known": self.finished[table], "finished": finished}


def _identity(plan: Evaluation) -> dict[str, Any]:
    """All that scores on a table depend on: settings, numbers, splits, and the files of the predictors."""
    numbers: list[np.ndarray[Any, Any]] = [plan.targets.genotypes, plan.targets.values]
    for inputs in plan.inputs.values():
        numbers += [*inputs.columns.values(), *([] if inputs.curve is None else [inputs.curve])]
    for inputs, values in (source for learnt in plan.learnt_first.values() for source in learnt):
        numbers += [inputs.genotypes, values, *inputs.columns.values()]
    splits = [rows for parts in plan.held_out.values() for part in parts for rows in part]
    sums = {"numbers": checksum(numbers), "rows": checksum(splits), "code": code_of(plan.predictors, registry)}
    return {"metric": plan.metric.path, **plan.settings, **sums}

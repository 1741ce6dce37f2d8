"""Result files: records of an evaluation or a comparison as JSON, with settings and provenance."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nasbench.errors import FileError
from nasbench.files import atomic
from nasbench.provenance import provenance

FORMAT = "nasbench-results"


@dataclass(frozen=True)
class Results:
    """What `nasbench evaluate` (kind `"evaluation"`) or `nasbench compare` (kind `"comparison"`) found.

    Attributes:
        kind: `"evaluation"` or `"comparison"`.
        benchmark: Name of the benchmark file.
        space: Name of the search space.
        metric: Full name of the metric.
        units: Unit of the metric.
        settings: What was asked for, with every default filled in.
        records: One mapping a row; missing numbers are None.
        summary: Statements about the records (a ranking with its test), as JSON values.
        provenance: Package versions, machine, commit.
    """

    kind: str
    benchmark: str
    space: str
    metric: str
    units: str
    settings: dict[str, Any]
    records: list[dict[str, Any]]
    summary: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, str] = field(default_factory=provenance)

    def write(self, path: Path) -> None:
        """Write as strict JSON (NaN becomes null), whole or not at all."""
        text = json.dumps({"format": FORMAT, "version": 1, **json_values(asdict(self))}, indent=1, allow_nan=False)
        with atomic(path) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote.

        Raises:
            FileError: The file is missing, is not a result file, or is damaged.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise FileError(f"{path} is not a result file: {error}; pass what --json of nasbench wrote") from error
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT or content.pop("version", None) != 1:
            raise FileError(f"{path} is not a result file of this version; pass what --json of nasbench wrote")
        try:
            found = cls(**content)
        except TypeError as error:
            raise FileError(f"{path} is damaged: {error}; make it again") from error
        kinds = {"settings": dict, "records": list, "summary": dict, "provenance": dict}
        wrong = [name for name, value in content.items() if not isinstance(value, kinds.get(name, str))]
        if wrong or not all(isinstance(record, dict) for record in found.records):
            raise FileError(f"{path} is damaged: {(wrong or ['records'])[0]!r} is of another type; make it again")
        return found


def json_values(value: Any) -> Any:
    """JSON values: numpy scalars and arrays become Python's, NaN and infinities None."""
    if isinstance(value, dict):
        return {str(k): json_values(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(v) for v in value]
    if hasattr(value, "tolist"):
        return json_values(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

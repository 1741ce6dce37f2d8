"""Files that commands write: refused before the work begins where that cannot be done, and named when it is done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.cli.console import counted, out
from nasbench.errors import InputError

if TYPE_CHECKING:
    from nasbench.benchmark.table import Table
    from nasbench.evaluate.results import Results


def writable(path: Path | None, *sources: Path) -> None:
    """Refuse before the work begins an output that cannot be written after it, or that would replace its source."""
    if path is None:
        return
    if path.exists() and any(source.exists() and path.samefile(source) for source in sources):
        raise InputError(f"{path} would be replaced by what is made from it; name another file")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        what = "is a folder" if path.is_dir() else f"cannot be written: no writable folder {path.parent}"
        raise InputError(f"{path} {what}; name another file")


def wrote(path: Path, table: Table | None = None) -> None:
    """Name a file that was written, and say how much it holds where that is a table."""
    line = f"Wrote {path}"
    if table is not None:
        line += f": {counted(len(table.columns), 'metric')} of {counted(len(table.genotypes), 'architecture')}"
    out.print(line, soft_wrap=True)


def write_json(path: Path | None, content: Any) -> None:
    """Write JSON values where they were asked for, whole or not at all."""
    if path is None:
        return
    from nasbench.evaluate.results import json_values
    from nasbench.files import atomic

    with atomic(path) as temporary:
        temporary.write_text(json.dumps(json_values(content), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def save(results: Results, path: Path | None) -> None:
    """Write results where they were asked for."""
    if path:
        results.write(path)
        wrote(path)

"""`nasbench verify`: test a benchmark file for damage."""

from __future__ import annotations

import typer

from nasbench.cli.console import out
from nasbench.cli.options import BenchmarkFile, stored


def verify(file: BenchmarkFile) -> None:
    """Recompute every checksum and test every invariant of a file; exit status 1 if one is broken."""
    from nasbench.benchmark.hdf5.verify import verify as verify_file

    findings = verify_file(stored(file))
    for finding in findings:
        print(finding)
    if findings:
        raise typer.Exit(1)
    out.print(f"{file} is sound", soft_wrap=True)

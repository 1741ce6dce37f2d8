"""`nasbench report`: benchmarks and results on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nasbench.cli.console import out
from nasbench.cli.options import all_located, named_file
from nasbench.cli.output import writable


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RESULTS...", help="Benchmarks (HDF5) and result files.", callback=all_located),
    ],
    target: Annotated[
        Path,
        typer.Option("--out", help="File to write (default: report.html).", show_default=False, callback=named_file),
    ] = Path("report.html"),
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "nasbench report",
) -> None:
    """Write one self-contained HTML page with interactive plots, and its figures as PNG beside it."""
    from nasbench.report.page import write_report

    writable(target, *sources)
    written = write_report(sources, target, title=title)
    out.print(f"Wrote {written[0]} and {len(written) - 1} figures", soft_wrap=True)

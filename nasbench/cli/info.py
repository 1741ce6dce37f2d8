"""`nasbench info`: what a benchmark holds."""

from __future__ import annotations

from nasbench.cli.console import facts, is_table, out, quality, show
from nasbench.cli.options import BenchmarkFile, JsonOption
from nasbench.cli.output import writable, write_json


def info(file: BenchmarkFile, json_file: JsonOption = None) -> None:
    """Say what a benchmark holds: space, metrics with their units, seeds, epochs, recipe, provenance."""
    from nasbench.benchmark.hdf5.verify import describe

    writable(json_file, file)
    content = describe(file)
    write_json(json_file, content)
    tables = {name: value for name, value in content.items() if is_table(value)}
    nested = {name: value for name, value in content.items() if isinstance(value, dict)}
    out.print(facts({name: value for name, value in content.items() if name not in tables | nested}))
    if "metrics" in tables:  # what fits a terminal; --json has the rest
        columns = ("metric", "units", "epochs", "seeds", "missing", "least", "most")
        tables["metrics"] = [{column: metric[column] for column in columns} for metric in tables["metrics"]]
    if "quality" in tables:
        tables["quality"] = quality(tables["quality"])
    for name, value in (tables | nested).items():
        out.print(f"\n[bold]{name}[/]")
        if name in tables:
            show(value)
        else:
            out.print(facts(value))

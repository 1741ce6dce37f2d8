"""`nasbench info`: the contents of a benchmark."""

from __future__ import annotations

from nasbench.cli.console import facts, is_table, out, quality, show
from nasbench.cli.options import BenchmarkFile, JsonOption, stored
from nasbench.cli.output import writable, write_json


def info(file: BenchmarkFile, json_file: JsonOption = None) -> None:
    """Show the contents of a benchmark: space, metrics with their units, seeds, epochs, recipe, provenance."""
    from nasbench.benchmark.hdf5.verify import describe

    writable(json_file, file)
    description = describe(stored(file))
    write_json(json_file, description)
    tables = {name: value for name, value in description.items() if is_table(value)}
    nested = {name: value for name, value in description.items() if isinstance(value, dict)}
    out.print(facts({name: value for name, value in description.items() if name not in tables | nested}))
    if "metrics" in tables:  # the columns that fit a terminal; --json has all
        columns = ("metric", "units", "epochs", "seeds", "missing", "least", "most")
        tables["metrics"] = [{column: metric[column] for column in columns} for metric in tables["metrics"]]
    if "quality" in tables:
        tables["quality"] = quality(tables["quality"])
    for name, value in (tables | nested).items():
        out.print()
        out.heading(name)
        if name in tables:
            show(value)
        else:
            out.print(facts(value))

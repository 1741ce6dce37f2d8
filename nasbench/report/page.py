"""Composition of the report: its sections as one HTML file that needs no network, and its figures as PNG."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from nasbench import __version__
from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.errors import FileError, InputError
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import EVALUATIONS as TABLES
from nasbench.evaluate.several import separate
from nasbench.files import atomic, one_file
from nasbench.provenance import provenance
from nasbench.report import interactive
from nasbench.report.comparison_section import comparison_section
from nasbench.report.document import (
    Block,
    Facts,
    Figures,
    Lines,
    Paragraph,
    Section,
    TextTable,
    flatten,
    known,
    mapping,
)
from nasbench.report.evaluation_section import evaluation_section
from nasbench.report.figures import Figure, Heatmap, Plot, Style, legend, styles
from nasbench.report.measurements import measurements_of
from nasbench.report.ranks_section import ranks_section
from nasbench.report.static import png
from nasbench.report.surrogate_section import surrogate_section
from nasbench.report.table_section import table_section

Source: TypeAlias = Path | Benchmark | Results
SIGNATURE = b"\x89HDF\r\n\x1a\n"
NUMBER = (int, float, type(None))
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "evaluation": {"predictor": (str,), "n_train": (int,), "seed": (int,)},
    TABLES: {"benchmark": (str,), "predictor": (str,), "n_train": (int,), "seed": (int,)},
    "comparison": {
        "strategy": (str,),
        "repeat": (int,),
        "evaluations": (int,),
        "epochs": (int,),
        **dict.fromkeys(("simulated_seconds", "valid", "test", "regret", "valid_regret"), NUMBER),
    },
}
"""Fields that every record of a result file has, with their types."""
BY_STRATEGY = ("means", "lows", "highs", "mean_ranks")
"""Fields of a ranking with a number for each strategy."""


def write_report(
    sources: Sequence[Source], out: Path, *, title: str = "nasbench report", notes: Sequence[str] = ()
) -> list[Path]:
    """Write a report of benchmarks and results.

    Args:
        sources: Benchmarks (tabular or surrogate) and results (evaluations and comparisons), as files or values, in
            any order; each adds its sections.
        out: HTML file to write. The figures go to the folder `<name of out>_figures` beside it.
        title: Heading of the page.
        notes: Lines of the summary, such as what was done and how long it took.

    Returns:
        The written paths, the page first.

    Raises:
        InputError: There are no sources, or the page would overwrite one.
        FileError: A source cannot be read or is neither a benchmark nor a result file, or the output cannot be
            written; then nothing is written.
    """
    if not sources:
        raise InputError("a report needs at least one source: pass benchmarks (HDF5) and result files (JSON)")
    out = Path(out)
    if out.is_dir():
        raise FileError(f"cannot write {out}: it is a folder; name a file such as {out / 'report.html'}")
    if any(isinstance(source, str | Path) and one_file(out, Path(source)) for source in sources):
        raise InputError(f"{out} is a source of the report and would be overwritten; name another output")
    if not out.parent.is_dir():
        raise FileError(f"cannot write {out}: there is no folder {out.parent}; make it first")
    folder = out.parent / f"{out.stem}_figures"
    if folder.exists() and not folder.is_dir():
        raise FileError(f"cannot write the figures: {folder} is a file; move it or name another output")
    sections = compose([read(source) for source in sources], notes)
    figures = [
        f for section in sections for block in section.blocks if isinstance(block, Figures) for f in block.figures
    ]
    page = render(title, sections, folder.name)
    return _write(out, page, folder, figures)


def read(source: Source) -> Benchmark | Results:
    """A source as a value; the kind of a file follows from its content.

    Raises:
        FileError: It cannot be read, or is neither a benchmark nor a result file.
    """
    if isinstance(source, Benchmark):
        return source
    if isinstance(source, Results):
        return _checked(source, "a result")
    path = Path(source)
    try:
        with path.open("rb") as file:
            begin = file.read(len(SIGNATURE))
    except OSError as error:
        raise FileError(f"cannot read {path}: {error.strerror}") from error
    if begin == SIGNATURE:
        from nasbench.benchmark.load import load

        return load(path)
    if begin.lstrip()[:1] != b"{":
        raise FileError(f"{path} is neither a benchmark (HDF5) nor a result file (JSON); pass what nasbench wrote")
    return _checked(Results.read(path), str(path))


def _checked(results: Results, where: str) -> Results:
    def refuse(fault: str) -> FileError:
        return FileError(f"{where} is damaged: {fault}; create it again")

    if not isinstance(results.kind, str) or results.kind not in FIELDS:
        raise FileError(f"{where} is of kind {results.kind!r}; a report knows {' and '.join(FIELDS)}")
    for name in ("benchmark", "space", "metric", "units"):
        if not isinstance(getattr(results, name), str):
            raise refuse(f"its {name} is {getattr(results, name)!r}")
    for name in ("settings", "summary", "provenance"):
        if not isinstance(getattr(results, name), Mapping):
            raise refuse(f"its {name} are not a mapping")
    for name in ("evaluations", "epochs", "seconds") if results.kind == "comparison" else ():
        if not (results.settings.get(name) is None or known(results.settings[name])):
            raise refuse(f"its budget of {name} is {results.settings[name]!r}")
    if not isinstance(results.records, list) or not results.records:
        raise refuse("it holds no records")
    for number, record in enumerate(results.records):
        if not isinstance(record, Mapping):
            raise refuse(f"record {number} is not a mapping")
        for name, types in FIELDS[results.kind].items():
            if name not in record:
                raise refuse(f"record {number} has no {name!r}")
            if not isinstance(record[name], types) or isinstance(record[name], bool):
                raise refuse(f"{name!r} of record {number} is {record[name]!r}")
    if results.kind == TABLES and (fault := _fault_of_tables(results)):
        raise refuse(fault)
    for name in ("ranking", "valid_ranking"):
        ranking = results.summary.get(name)
        if ranking is not None and not _complete(ranking, {record.get("strategy") for record in results.records}):
            raise refuse(f"its {name.replace('_', ' ')} is incomplete")
    return results


def _fault_of_tables(results: Results) -> str:
    """What is wrong with the parts of results of several tables; empty if nothing is."""
    tables, summaries = results.settings.get("tables"), results.summary.get("tables")
    if not isinstance(tables, Mapping) or not isinstance(summaries, Mapping):
        return "it has no settings or no summary of each table"
    for name, described in tables.items():
        if not isinstance(described, Mapping) or not isinstance(summaries.get(name), Mapping):
            return f"settings or summary of the table {name!r} are missing"
        if not all(isinstance(described.get(field), str) for field in ("space", "metric", "units")):
            return f"space, metric or units of the table {name!r} are missing"
    stray = next((record for record in results.records if record["benchmark"] not in tables), None)
    if stray is not None:
        return f"a record is of the table {stray['benchmark']!r}, which has no settings"
    if {*tables} != {record["benchmark"] for record in results.records}:
        return "a table has no records"
    for row in results.summary.get("ranks") or [{}]:
        ranking = mapping(row).get("ranking", {})
        if ranking is not None and not _complete(ranking, mapping(mapping(row).get("taus"))):
            return "its ranks over tables are incomplete"
        if not known(row["n_train"]) or not all(isinstance(row.get(name), list) for name in ("tables", "left_out")):
            return "its ranks over tables are incomplete"
        for taus in row["taus"].values():
            if not isinstance(taus, list) or len(taus) != len(row["tables"]) or not all(map(known, taus)):
                return "its ranks over tables are incomplete"
    return ""


def _complete(ranking: Any, strategies: Container[Any]) -> bool:
    """Whether a ranking has every field that is shown."""
    try:
        names = ranking["order"]
        numbers = [
            ranking["repeats"],
            ranking["level"],
            *(ranking[field][name] for field in BY_STRATEGY for name in names),
        ]
        numbers += [pair["adjusted"] for pair in ranking["pairs"]]
        named = [*names, *(name for pair in ranking["pairs"] for name in (pair["better"], pair["worse"]))]
        named += [name for group in ranking["groups"] for name in group]
        known_names = len(names) > 0 and all(name in strategies for name in named)
    except (KeyError, TypeError, IndexError):
        return False
    return known_names and all(known(number) for number in numbers)


KINDS = ("table", "ranks", "evaluation", "surrogate", "comparison")
"""Kinds of sections, in the order of the page."""


def compose(sources: Sequence[Benchmark | Results], notes: Sequence[str] = ()) -> list[Section]:
    """The sections of a page: summary, sections of the sources in the order of `KINDS`, provenance."""
    found: dict[str, list[Section]] = {kind: [] for kind in KINDS}
    settings: list[TextTable] = []
    styles_of = _styles(sources)
    for source in sources:
        if isinstance(source, Results) and source.kind == TABLES:
            found["ranks"].append(ranks_section(source, styles_of, _anchor("ranks", found)))
    for source, alone in _by_table(sources):
        if isinstance(source, Results):
            described = {"metric": source.metric, "settings": source.settings, "provenance": source.provenance}
            title = f"{source.kind.capitalize()} on {source.benchmark}"
            make = evaluation_section if source.kind == "evaluation" else comparison_section
            section = make(source, styles_of, _anchor(source.kind, found))
            if not alone:  # the summary has the ranks over tables instead
                section = replace(section, sentences=(), facts=())
            found[source.kind].append(section)
        else:
            described = {"recipe": source.table.recipe, "provenance": source.table.provenance}
            if isinstance(source, SurrogateBenchmark):
                title = f"Surrogate {source.name}"
                found["surrogate"].append(surrogate_section(source, _anchor("surrogate", found)))
            else:
                title = f"Cells of {source.space.name}: recipe and provenance"
                for dataset in dict.fromkeys(metric.dataset for metric in source.metrics.values()):
                    data = measurements_of(source, dataset)
                    if data is not None:
                        found["table"].append(table_section(data, source.table.recipe, _anchor("table", found)))
        settings.append(_folded(title, described))
    settings.append(_folded("This page", provenance()))
    sections = [section for kind in KINDS for section in found[kind]]
    blocks: list[Block] = [Facts(tuple(fact for section in sections for fact in section.facts))]
    blocks += [Paragraph(sentence) for section in sections for sentence in section.sentences]
    blocks += [Lines(tuple(notes))] if notes else []
    return [
        Section("summary", "Summary", tuple(blocks)),
        *sections,
        Section("provenance", "Settings, seeds and versions", tuple(settings)),
    ]


def _by_table(sources: Sequence[Benchmark | Results]) -> Iterator[tuple[Benchmark | Results, bool]]:
    """The sources, with one of several tables in parts, and whether each stands alone and not for such a part."""
    for source in sources:
        if isinstance(source, Results) and source.kind == TABLES:
            yield from ((part, False) for part in separate(source))
        else:
            yield source, True


def _anchor(kind: str, found: Mapping[str, Sequence[Section]]) -> str:
    return f"{kind}-{len(found[kind]) + 1}"


def render(title: str, sections: Sequence[Section], folder: str) -> str:
    """The page as HTML, with all texts of the sections escaped.

    Args:
        title: Heading.
        sections: Content.
        folder: Folder of the PNG files, relative to the page.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(package_files("nasbench.report").joinpath("page.html").read_text("utf-8"))
    return template.render(
        title=title,
        version=__version__,
        sections=sections,
        folder=folder,
        font=Markup(interactive.FONT),
        library=interactive.library(),
        kind=lambda block: type(block).__name__,
        legend=legend,
        height=height,
        description=interactive.description,
        picture=interactive.picture,
        swatch=interactive.swatch,
    )


def height(figure: Plot | Heatmap) -> int:
    """Height of a plot on the page, in pixels."""
    if isinstance(figure, Heatmap):
        return 130 + 36 * len(figure.rows)
    return 90 + 40 * len(figure.y.categories) if figure.y.categories else 360


def _write(out: Path, page: str, folder: Path, figures: Sequence[Figure]) -> list[Path]:
    """Write the page and its figures, all of them or none."""
    files = {out: page.encode(), **{folder / f"{figure.name}.png": png(figure) for figure in figures}}
    fresh = not folder.exists()
    try:
        if figures:
            folder.mkdir(exist_ok=True)
        with ExitStack() as stack:  # files take their names only after all were written
            for path, data in files.items():
                stack.enter_context(atomic(path)).write_bytes(data)
    except OSError as error:
        if fresh and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        if isinstance(error, FileError):
            raise
        raise FileError(f"cannot write {folder}: {error.strerror}; name another place with --out") from error
    return list(files)


def _styles(sources: Sequence[Benchmark | Results]) -> dict[str, Style]:
    """One style for each predictor and each strategy, the same in all figures."""
    records = [record for source in sources if isinstance(source, Results) for record in source.records]
    names = ([record[kind] for record in records if kind in record] for kind in ("predictor", "strategy"))
    return {name: style for kind in names for name, style in styles(kind).items()}


def _folded(caption: str, settings: Mapping[str, Any]) -> TextTable:
    return TextTable(caption, ("setting", "value"), tuple(flatten(settings)), folded=True)

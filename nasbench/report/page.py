"""Composition of the report: its sections as one HTML file that needs no network, and its figures as PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from nasbench import __version__
from nasbench.benchmark.base import Benchmark
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.errors import FileError, InputError
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import COMPARISONS, EVALUATIONS, PARTS, separate
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
)
from nasbench.report.evaluation_section import evaluation_section
from nasbench.report.figures import Figure, Heatmap, Plot, Style, legend, styles
from nasbench.report.measurements import measurements_of
from nasbench.report.races_section import races_section
from nasbench.report.ranks_section import ranks_section
from nasbench.report.sources import Source, read
from nasbench.report.static import png
from nasbench.report.surrogate_section import surrogate_section
from nasbench.report.table_section import table_section


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


KINDS = ("table", "ranks", "evaluation", "surrogate", "races", "comparison")
"""Kinds of sections, in the order of the page."""
OVER = {EVALUATIONS: ("ranks", ranks_section), COMPARISONS: ("races", races_section)}
"""Kind and maker of the section on all tables, by the kind of results of several."""


def compose(sources: Sequence[Benchmark | Results], notes: Sequence[str] = ()) -> list[Section]:
    """The sections of a page: summary, sections of the sources in the order of `KINDS`, provenance."""
    found: dict[str, list[Section]] = {kind: [] for kind in KINDS}
    settings: list[TextTable] = []
    styles_of = _styles(sources)
    for source in sources:
        if isinstance(source, Results) and source.kind in OVER:
            kind, make_over = OVER[source.kind]
            found[kind].append(make_over(source, styles_of, _anchor(kind, found)))
    for source, alone in _by_table(sources):
        if isinstance(source, Results):
            described = {"metric": source.metric, "settings": source.settings, "provenance": source.provenance}
            title = f"{source.kind.capitalize()} on {source.benchmark}"
            make = evaluation_section if source.kind == "evaluation" else comparison_section
            section = make(source, styles_of, _anchor(source.kind, found))
            if not alone:  # the summary has what is found over all instead
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
        if isinstance(source, Results) and source.kind in PARTS:
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

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from time import process_time

import numpy as np
import pytest
from matplotlib.image import imread

from nasbench.benchmark.hdf5.writer import write, write_surrogate
from nasbench.benchmark.surrogate import SurrogateBenchmark
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError
from nasbench.evaluate.predictors import SCORES
from nasbench.evaluate.results import Results
from nasbench.report.page import compose, write_report
from nasbench.report.sources import read

NASTY = "<script>alert('x')</script>&\"$"


class Page(HTMLParser):
    """Everything in a page that a browser loads or runs."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "data", "poster") or (name == "href" and tag != "a"):
                self.loads.append(f"{tag} {name}={value}")
            if name == "href" and tag == "a":
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            assert not name.startswith("on")
        if tag == "script":
            self.scripts.append("")
        self._script = tag == "script"

    def handle_data(self, data: str) -> None:
        if self._script:
            self.scripts[-1] += data
        else:
            self.text.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = False


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory,
    benchmark: TabularBenchmark,
    surrogate: SurrogateBenchmark,
    evaluation: Results,
    comparison: Results,
) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    write(benchmark.table, folder / "benchmark.h5")
    write_surrogate(surrogate, folder / "surrogate.h5")
    evaluation.write(folder / "evaluation.json")
    comparison.write(folder / "comparison.json")
    return [folder / name for name in ("benchmark.h5", "evaluation.json", "surrogate.h5", "comparison.json")]


@pytest.fixture(scope="module")
def written(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(files, out, title="A <title>", notes=["Trained 30 cells (12 s)"])


def test_the_page_has_every_section_and_figure(written: list[Path]) -> None:
    page = Page(written[0].read_text(encoding="utf-8"))
    text = " ".join(page.text)
    assert {"summary", "table-1", "evaluation-1", "surrogate-1", "comparison-1", "provenance"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert {path.stem for path in written[1:]} <= set(page.ids)
    for words in ("A <title>", "Trained 30 cells (12 s)", "linear model", "Kendall", "paired repeats"):
        assert words in text


def test_the_page_loads_nothing(written: list[Path]) -> None:
    page = Page(written[0].read_text(encoding="utf-8"))
    assert page.loads == []
    for link in page.links:
        if not link.startswith("#"):
            assert (written[0].parent / link).is_file()
    assert all(link[1:] in page.ids for link in page.links if link.startswith("#"))
    outside = [script for script in page.scripts if len(script) < 1_000_000]
    assert len(outside) == len(page.scripts) - 1  # plotly.js, once
    assert not [script for script in outside if re.search(r"https?:", script)]
    assert "Content-Security-Policy" in written[0].read_text(encoding="utf-8")
    assert written[0].stat().st_size < 8_000_000


def test_every_figure_is_a_png(written: list[Path]) -> None:
    assert len(written) > 15
    for path in written[1:]:
        assert path.parent.name == "report_figures"
        assert path.stat().st_size > 5_000
        assert imread(path).shape[2] == 4


def test_values_make_the_same_page_as_files(
    written: list[Path], benchmark: TabularBenchmark, evaluation: Results, comparison: Results
) -> None:
    sections = compose([benchmark, evaluation, comparison])
    assert [section.anchor for section in sections] == [
        "summary",
        "table-1",
        "evaluation-1",
        "comparison-1",
        "provenance",
    ]
    assert [section.anchor for section in compose([comparison])] == ["summary", "comparison-1", "provenance"]
    twice = compose([comparison, comparison])
    assert [section.anchor for section in twice] == ["summary", "comparison-1", "comparison-2", "provenance"]


def test_the_same_sources_make_the_same_files(tmp_path: Path, comparison: Results) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_report([comparison], tmp_path / "a" / "r.html")
    second = write_report([comparison], tmp_path / "b" / "r.html")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_names_of_users_are_text_and_not_code(tmp_path: Path, make_comparison: Callable[..., Results]) -> None:
    results = make_comparison({NASTY: 1.0, "evolution": 2.0})
    results = Results(**{**vars(results), "benchmark": NASTY, "metric": NASTY, "settings": {NASTY: NASTY}})
    text = write_report([results], tmp_path / "r.html", title=NASTY, notes=[NASTY])[0].read_text(encoding="utf-8")
    page = Page(text)
    assert not [script for script in page.scripts if "alert('x')" in script and "\\u003cscript" not in script]
    descriptions = [json.loads(script) for script in page.scripts if script.startswith("{")]
    names = {trace["name"] for figure in descriptions for trace in figure["data"] if trace["type"] == "scatter"}
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;$" in names
    assert NASTY in "".join(page.text)
    assert text.count("<script") == len(descriptions) + 2


def test_a_source_is_not_overwritten(tmp_path: Path, comparison: Results) -> None:
    path = tmp_path / "comparison.json"
    comparison.write(path)
    with pytest.raises(InputError, match="would be overwritten"):
        write_report([path], path)
    assert read(path) == Results.read(path)


@pytest.mark.parametrize("part", ["order", "means", "pairs", "groups", "level"])
def test_a_ranking_that_is_incomplete(comparison: Results, part: str) -> None:
    ranking = dict(comparison.summary["ranking"])
    for damage in (None, {"another": 1.0}):
        summary = {**comparison.summary, "ranking": {**ranking, part: damage}}
        with pytest.raises(FileError, match="ranking is incomplete"):
            read(Results(**{**vars(comparison), "summary": summary}))


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one source"):
        write_report([], tmp_path / "r.html")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither a benchmark"),
        (b"\x89PNG", "neither a benchmark"),
        (b"{}", "not a result file"),
        (b"{", "not a result file"),
        (b"\x89HDF\r\n\x1a\n and then it broke off", "damaged"),
        (b'{"format": "nasbench-results", "version": 1, "kind": "x"}', "damaged"),
    ],
)
def test_a_file_that_is_no_source(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "source"
    path.write_bytes(content)
    with pytest.raises(FileError, match=message) as caught:
        write_report([path], tmp_path / "r.html")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == [path]


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot read"):
        read(tmp_path / "absent.json")
    with pytest.raises(FileError, match="cannot read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "poem"}, "kind 'poem'"),
        ({"records": []}, "no records"),
        ({"records": {}}, "no records"),
        ({"records": [1]}, "record 0"),
        ({"records": [{"strategy": "a"}]}, "record 0 has no 'repeat'"),
        ({"records": [{"strategy": 1}]}, "'strategy' of record 0 is 1"),
        ({"settings": []}, "settings"),
        ({"settings": {"evaluations": "x"}}, "its budget of evaluations is 'x'"),
        ({"settings": {"seconds": [1]}}, r"its budget of seconds is \[1\]"),
        ({"units": ["percent"]}, "its units is"),
        ({"summary": {"ranking": {"order": [[1]]}}}, "ranking"),
        ({"summary": {"ranking": {"order": []}}}, "ranking"),
    ],
)
def test_results_that_are_none(comparison: Results, change: dict[str, object], message: str) -> None:
    with pytest.raises(FileError, match=message):
        read(Results(**{**vars(comparison), **change}))


def test_an_output_that_cannot_be_written(tmp_path: Path, comparison: Results) -> None:
    with pytest.raises(FileError, match="it is a folder"):
        write_report([comparison], tmp_path)
    with pytest.raises(FileError, match="cannot write"):
        write_report([comparison], tmp_path / "absent" / "r.html")
    (tmp_path / "r_figures").write_text("in the way")
    with pytest.raises(FileError, match="r_figures"):
        write_report([comparison], tmp_path / "r.html")
    assert [path.name for path in tmp_path.iterdir()] == ["r_figures"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, comparison: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Path.write_bytes

    def limited(path: Path, data: bytes) -> int:
        if ".comparison-1-pairs" in path.name:
            raise OSError(28, "No space left on device")
        return plain(path, data)

    monkeypatch.setattr(Path, "write_bytes", limited)
    with pytest.raises(FileError, match="No space left on device"):
        write_report([comparison], tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_page_of_200_000_evaluation_records_takes_seconds(tmp_path: Path, evaluation: Results) -> None:
    """Seconds of this process, whatever else the machine does."""
    drawn = np.random.default_rng(0).random((10, 20, 1000, len(SCORES))).tolist()
    records = [
        {
            "predictor": f"p{predictor}",
            "n_train": 10 * size + 10,
            "seed": seed,
            **dict(zip(SCORES, scores, strict=True)),
        }
        for predictor, sizes in enumerate(drawn)
        for size, seeds in enumerate(sizes)
        for seed, scores in enumerate(seeds)
    ]
    begin = process_time()
    write_report([replace(evaluation, records=records)], tmp_path / "page.html")
    assert len(records) == 200_000 and process_time() - begin < 20

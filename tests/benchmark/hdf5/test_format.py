import re
from pathlib import Path

import h5py
import pytest

DOCUMENT = (Path(__file__).parents[3] / "docs/format.md").read_text(encoding="utf-8")


def test_the_example_runs(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    example = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)[0]
    file.rename(file.with_name("benchmark.h5"))
    monkeypatch.chdir(file.parent)
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"):  # the table has a cell without any number
        exec(example, {})
    assert capsys.readouterr().out.splitlines() == [
        "tabular benchmark of nb201",
        "percent test architecture seed epoch",
        "best of 4 is [3 1 3 1 3 2] at epoch 12",
    ]


def test_every_name_in_a_file_is_documented(file: Path) -> None:
    with h5py.File(file) as content:
        names = set(content.attrs) | {"architecture", "position", "seed", "epoch", "genotypes", "metrics", "missing"}
        assert {name for group in content.values() for name in group.attrs} - {"CLASS", "NAME", "REFERENCE_LIST"} <= {
            "description", "sha256", "DIMENSION_LIST",
        }  # fmt: skip
        names |= set(content["metrics/digits/test_accuracy"].attrs) | set(content["missing/digits/test_accuracy"].attrs)
    assert not [name for name in names if name not in DOCUMENT]

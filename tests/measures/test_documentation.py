"""The page on measurements names every measure and every column, and its own measure can be built."""

import re
import sys
from pathlib import Path

import pytest

import nasbench
from nasbench.cli import main
from nasbench.datasets.transforms.corruptions import CORRUPTIONS
from nasbench.measures import PROXIES, measures

PAGE = (Path(__file__).parents[2] / "docs/measurements.md").read_text(encoding="utf-8")


def test_every_measure_has_a_row_with_its_columns() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (`[^|]*`) \|", PAGE, flags=re.MULTILINE))
    names = [name for name in measures.expand(measures) if name not in PROXIES or name in measures.groups["counts"]]
    assert list(rows) == names
    for name in names:
        columns = [quantity.name for quantity in measures.create(name).quantities]
        named = re.findall(r"`(\w+)`", rows[name])
        assert named == [column for column in columns if not column.startswith("corrupted_accuracy_")], name


def test_every_group_is_named() -> None:
    assert all(f"`{group}`" in PAGE for group in measures.groups)


def test_every_corruption_is_named() -> None:
    assert all(f"`{name}`" in PAGE for name in CORRUPTIONS)


@pytest.mark.slow
def test_the_example_of_ones_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "(Measure)" in block)
    (tmp_path / "my_measure.py").write_text(f"{code}\n\nclass Again(Layers):\n    pass\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_measure", raising=False)
    words = "build --dataset digits+train=50+validation=20+test=20 --epochs 1 --channels 2 --stages 1 --out t.h5"

    def build(measure: str, cells: int) -> int:
        monkeypatch.setattr(sys, "argv", ["nasbench", *words.split(), "--measure", measure, "--cells", str(cells)])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    assert build("my_measure:Layers,parameters", 2) == 0
    column = nasbench.load("t.h5").table.columns["digits/layers"]
    assert column.metric.units == "count" and (column.values >= 2).all()
    assert build("my_measure:Layers,flops", 3) == 0
    columns = nasbench.load("t.h5").table.columns
    assert {"digits/layers", "digits/parameters", "digits/flops"} <= set(columns)
    assert not columns["digits/layers"].missing.any()
    assert build("flops", 4) == 2
    assert "name them too, with --measure my_measure:Layers" in capsys.readouterr().err
    assert build("my_measure:Layers,my_measure:Again", 4) == 2
    assert "both record 'layers'" in capsys.readouterr().err

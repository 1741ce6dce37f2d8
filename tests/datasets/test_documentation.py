"""The page on adding a data set does what it says."""

import re
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "add-a-dataset.md"


def test_example_keeps_the_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "stripes.py").write_text(blocks[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    exec(compile(blocks[1], str(PAGE), "exec"), {})
    from nasbench.datasets import datasets

    assert len(datasets.create("stripes:Stripes+count=900").load().labels) == 900
    monkeypatch.delitem(sys.modules, "stripes")

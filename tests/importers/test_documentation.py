"""The page on importing describes every source."""

from pathlib import Path

import pytest

from nasbench.importers import importers

PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(importers))
def test_source_is_described(name: str) -> None:
    assert f"| `{name}` |" in PAGE
    importer, _ = importers.resolve(name)
    assert importer.name == name
    assert importer.paper and importer.licence

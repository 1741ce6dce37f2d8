"""Folders of installed packages, found without importing them."""

import sys
from pathlib import Path

import pytest

from nasbench.errors import MissingExtraError
from nasbench.importers.installed import folder_of


def test_a_package_is_found_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "holds_a_table").mkdir()
    (tmp_path / "holds_a_table" / "__init__.py").write_text("raise RuntimeError('it ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert folder_of("holds_a_table", "holds-a-table", "x") == tmp_path / "holds_a_table"
    assert "holds_a_table" not in sys.modules


def test_a_missing_one_is_named_with_the_remedy() -> None:
    with pytest.raises(MissingExtraError, match=r"no-such-table, which is not installed: pip install 'nasbench\[x\]'"):
        folder_of("no_such_table", "no-such-table", "x")

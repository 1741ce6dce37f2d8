"""Provenance names the commit, and leaves the checkout as it is."""

import subprocess
from pathlib import Path

import pytest

from nasbench import provenance


def test_git_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file whose time has changed is one whose entry git would refresh in its index."""
    file = tmp_path / "nasbench" / "provenance.py"
    file.parent.mkdir()
    file.write_text("")
    author = ["-c", "user.name=n", "-c", "user.email=e@e"]
    for words in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    monkeypatch.setattr(provenance, "__file__", str(file))
    index = tmp_path / ".git" / "index"
    before = index.stat().st_ino, index.read_bytes()
    file.touch()
    commit = provenance._commit()
    assert commit and len(commit) == 12 and (index.stat().st_ino, index.read_bytes()) == before
    file.write_text("changed")
    assert provenance._commit() == f"{commit}+"

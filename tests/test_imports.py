"""Modules of the user's own: what cannot be imported is said in one line."""

import sys
from pathlib import Path

import pytest

from nasbench.errors import InputError
from nasbench.search import strategies


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize("spec", [":X", ".x:Y", "a-b:C", "a..b:C", "1a:C"])
def test_names_that_no_module_has(folder: Path, spec: str) -> None:
    with pytest.raises(InputError, match="is no name of a module"):
        strategies.create(spec)


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("unwritten", None, "no module 'unwritten' here or on PYTHONPATH"),
        ("own_syntax", "def f(:\n", r"'own_syntax' cannot be imported: SyntaxError: .* \(own_syntax.py, line 1\)"),
        ("own_raise", "x = 1\nraise ValueError('no\\nluck')", r"ValueError: no luck \(own_raise.py, line 2\)"),
        (
            "own_exit",
            "import sys\nsys.exit(0)",
            r"cannot be imported: SystemExit: 0 \(own_exit.py, line 2\)",
        ),
        ("own_name", "from nasbench import nothing_there", r"ImportError: cannot import name 'nothing_there'"),
        ("own_need", "import package_that_lacks", "needs the package 'package_that_lacks': pip install it"),
        ("own_longer", "import own_long", "needs the package 'own_long': pip install it"),
    ],
)
def test_modules_that_cannot_be_imported(folder: Path, name: str, source: str | None, message: str) -> None:
    if source is not None:
        (folder / f"{name}.py").write_text(source)
    with pytest.raises(InputError, match=message) as caught:
        strategies.create(f"{name}:Mine")
    assert "\n" not in str(caught.value)

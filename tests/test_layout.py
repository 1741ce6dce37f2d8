"""The package list, the links and the imports are what they should be."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = ("predictors", "spaces", "datasets")
# What a package may import from; imports run one way.
LOWER = {"nasbench.errors", "nasbench.registry", "nasbench.files", "nasbench.progress", "nasbench.provenance"}
LOWER |= {"nasbench.pool", "nasbench.threads", "nasbench.tasks", "nasbench.strict_json"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_package_list_matches_the_disk() -> None:
    inside = {f"nasbench.{p.parent.name}" for p in (ROOT / "nasbench").glob("*/__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == inside | {"nasbench"}
    for folder in FOLDERS:
        assert PROJECT["tool"]["setuptools"]["package-dir"][f"nasbench.{folder}"] == folder
        assert not [p for p in (ROOT / folder).rglob("__init__.py") if p.parent != ROOT / folder], "list it as well"


@pytest.mark.parametrize("folder", FOLDERS)
def test_links_lead_to_the_top_level_folders(folder: str) -> None:
    link = ROOT / "nasbench" / folder
    assert link.is_symlink()
    assert link.resolve() == ROOT / folder


@pytest.mark.parametrize("folder", ["spaces", "datasets", "predictors", "nasbench/search", "nasbench/evaluate"])
def test_imports_run_one_way(folder: str) -> None:
    allowed = {
        "spaces": {"nasbench.spaces"},
        "datasets": {"nasbench.datasets"},
        "predictors": {"nasbench.predictors", "nasbench.spaces"},
        "nasbench/search": {"nasbench.search", "nasbench.predictors", "nasbench.spaces", "nasbench.benchmark"},
        "nasbench/evaluate": {"nasbench.evaluate", "nasbench.predictors", "nasbench.spaces", "nasbench.benchmark"},
    }[folder] | LOWER
    if folder.startswith("nasbench/"):
        allowed |= {"nasbench.results", "nasbench.statistics"}
    for path in modules(folder):
        ours = {name for name in imported(path) if name.split(".")[0] == "nasbench"}
        stray = {name for name in ours if not any(name == a or name.startswith(f"{a}.") for a in allowed)}
        assert not stray, f"{path.relative_to(ROOT)} imports {stray}"


def test_every_module_says_its_idea_in_one_line() -> None:
    for folder in (*FOLDERS, "nasbench", "benchmarks"):
        for path in modules(folder):
            docstring = ast.get_docstring(ast.parse(path.read_text()))
            assert docstring, path
            assert len(docstring.partition("\n")[0]) <= 120, path


def test_import_is_light() -> None:
    code = "import sys, nasbench; print([m for m in ('torch', 'xgboost', 'pandas', 'networkx') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_no_pickle() -> None:
    for folder in (*FOLDERS, "nasbench"):
        for path in modules(folder):
            assert not imported(path) & {"pickle", "dill", "joblib", "cloudpickle", "shelve"}, path

"""The package list, the links and the imports are what they should be."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = ("predictors", "spaces", "datasets")
FOUNDATIONS = (
    "printable",
    "errors",
    "types",
    "arrays",
    "literals",
    "checks",
    "imports",
    "registry",
    "specification",
    "files",
    "hdf5_image",
    "progress",
    "provenance",
    "stopping",
)
ROOMS: dict[str, tuple[str, ...]] = {  # what each may import from, besides itself and the foundations
    "tasks": (),
    "parallel": (),
    "spaces": ("tasks",),
    "datasets": ("tasks",),
    "training": ("spaces", "datasets", "tasks", "parallel"),
    "measures": ("training", "spaces", "datasets", "tasks", "parallel"),
    "supernet": ("training", "spaces", "datasets", "tasks", "parallel"),
    "predictors": ("spaces",),
    "benchmark": ("predictors", "spaces"),
    "sampling": ("predictors", "measures", "spaces", "tasks"),
    "builder": ("benchmark", "sampling", "measures", "training", "spaces", "datasets", "tasks", "parallel"),
    "search": ("predictors", "supernet", "training", "spaces", "parallel"),
    "simulator": ("search", "benchmark", "spaces", "parallel"),
    "evaluate": ("simulator", "search", "benchmark", "predictors", "spaces", "parallel"),
    "importers": ("benchmark", "spaces"),
    "adapters": ("importers", "benchmark", "predictors", "spaces"),
    "report": ("evaluate", "benchmark", "spaces"),
    "testing": ("search", "predictors", "spaces", "datasets", "tasks"),
}
"""The rooms from the lowest up: none imports from one that stands below it here, early or late."""
APPLICATIONS = ("cli", "demo", "api", "__main__", "__init__")
"""What stands on all of them."""


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "nasbench":
            found |= {f"nasbench.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_package_list_matches_the_disk() -> None:
    within = {str(p.parent.relative_to(ROOT)).replace("/", ".") for p in (ROOT / "nasbench").rglob("__init__.py")}
    apart = {str(p.parent.relative_to(ROOT)) for folder in FOLDERS for p in (ROOT / folder).rglob("__init__.py")}
    linked = {f"nasbench.{folder.replace('/', '.')}": folder for folder in apart}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == within | linked.keys()
    assert PROJECT["tool"]["setuptools"]["package-dir"] == linked


@pytest.mark.parametrize("folder", FOLDERS)
def test_links_lead_to_the_top_level_folders(folder: str) -> None:
    link = ROOT / "nasbench" / folder
    assert link.is_symlink()
    assert link.resolve() == ROOT / folder


def room_of(module: str) -> str:
    """`spaces` for `nasbench.spaces.base`."""
    return module.split(".")[1]


def test_every_folder_is_a_room() -> None:
    folders = {path.parent.name for path in (ROOT / "nasbench").glob("*/__init__.py")}
    files = {path.stem for path in (ROOT / "nasbench").glob("*.py")}
    assert folders == {*ROOMS, "cli"}
    assert files == {*FOUNDATIONS, *APPLICATIONS} - {"cli"}


def test_the_page_on_design_lists_the_rooms_in_their_order() -> None:
    table = (ROOT / "docs/design.md").read_text(encoding="utf-8").partition("| room |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    foundations, *rooms = (re.findall(r"`(?:nasbench/)?(\w+)(?:\.py|/)`", row) for row in rows)
    assert tuple(foundations) == FOUNDATIONS
    listed = [room for row in rooms for room in row]
    assert [room for room in listed if room in ROOMS] == list(ROOMS)
    assert {*listed} - {*ROOMS} == {"cli", "demo", "api", "tables"}


def test_rooms_are_listed_from_the_lowest_up() -> None:
    names = list(ROOMS)
    for position, room in enumerate(names):
        assert set(ROOMS[room]) <= set(names[:position]), f"{room} would import from a room above it"


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    folder = room if room in FOLDERS else f"nasbench/{room}"
    for path in modules(folder):
        ours = {name for name in imported(path) if name.split(".")[0] == "nasbench"}
        stray = {name for name in ours if room_of(name) not in {room, *ROOMS[room], *FOUNDATIONS, "__version__"}}
        assert not stray, f"{path.relative_to(ROOT)} imports {stray}"


def test_foundations_import_foundations() -> None:
    for position, name in enumerate(FOUNDATIONS):
        ours = {found for found in imported(ROOT / f"nasbench/{name}.py") if found.split(".")[0] == "nasbench"}
        assert {room_of(found) for found in ours} <= set(FOUNDATIONS[:position]), name


def test_only_networks_import_torch() -> None:
    for path in modules("spaces"):
        if "networks" not in path.parts:
            top = {node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)}
            names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
            names |= {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
            assert not {name for name in names if name.split(".")[0] == "torch" or ".networks" in name}, path


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

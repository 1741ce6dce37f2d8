"""The files, commands and snippets of the page on adding a space run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.datasets import datasets
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, Space, spaces
from nasbench.testing import check_space

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-space.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## Your own space in 30 lines") : PAGE.index("## A class of your own")]
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", SECTION, flags=re.DOTALL)
FILES = {match[1]: code for kind, code in BLOCKS if kind == "python" and (match := re.match(r"# (\w+)\.py\n", code))}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Working folder with the files of the page."""
    for name, code in FILES.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    return tmp_path


def run(command: str, here: Path, **environment: str) -> str:
    """Exit status and output of a command of the page, in a separate process."""
    code = "import sys; from nasbench.cli import main; sys.argv[0] = 'nasbench'; main()"
    done = subprocess.run(
        ["bash", "-c", f'nasbench() {{ "{sys.executable}" -c "{code}" "$@"; }}\n{command}'],
        cwd=here,
        env={**os.environ, "COLUMNS": "300", **environment},
        capture_output=True,
        text=True,
    )
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


def test_the_files_are_two_of_at_most_thirty_lines() -> None:
    assert sorted(FILES) == ["cells", "mine"]
    assert all(len(code.splitlines()) <= 30 for code in FILES.values())


@pytest.mark.parametrize("spec", ["mine:Mine", "cells:Cells"])
def test_the_spaces_keep_the_contract(spec: str, here: Path) -> None:
    check_space(spaces.create(spec))


def test_the_parallel_nodes_change_places(here: Path) -> None:
    space: Space = spaces.create("cells:Cells")
    pair = ("a=skip,b=conv3x3,c=none,edge_x_c=0", "a=conv3x3,b=skip,c=none,edge_x_c=0")
    assert len(np.unique(space.key(np.array([space.genotype(text) for text in pair])))) == 1
    assert space.size == 6**3 * 2


@pytest.mark.slow
def test_the_commands_build_a_benchmark_and_open_it(here: Path) -> None:
    (commands,) = (code for kind, code in BLOCKS if not kind)
    build, info = commands.strip().splitlines()
    assert run(build, here).startswith("0\n")
    opened, untrusted = run(info, here), run(info.partition(" ")[2], here)
    assert opened.startswith("0\n")
    assert "432" in opened
    assert untrusted.startswith("2\n")
    assert "NASBENCH_TRUSTED_MODULES=cells" in untrusted
    (name,) = re.findall(r"called as in `(.*?)`", SECTION)
    space: Space = spaces.create("cells:Cells")  # imported now, and so trusted
    assert space.to_string(space.genotype(name)) == name
    benchmark = nasbench.load(here / "cells.h5")
    assert len(benchmark.architectures()) == 8
    assert benchmark.space.ops == space.ops


def test_the_readme_races_a_space_of_this_page_with_costs(here: Path) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    build, compare = re.findall(r"^.*mine\.h5.*$", readme, flags=re.MULTILINE)
    space: Space = spaces.create("mine:Mine")
    task = datasets.create("digits").load().task
    sizes = [parameters(space.network(genotype, task, NetworkSettings())) for (genotype,) in space.enumerate(1)]
    (limit,) = re.findall(r"parameters<=(\d+)", compare)
    assert 0 < sum(size <= int(limit) for size in sizes) < len(sizes) == 12
    assert run(f"{build} --channels 4 --jobs 1", here).startswith("0\n")
    assert run(f"{compare} --repeats 2 --jobs 1", here).startswith("0\n")


OWN = """import mine


def build(choices, task, settings):
    return mine.build({**choices, "pool": "max"}, task, settings)
"""


def test_named_choices_are_built_and_stored_with_their_arguments(here: Path) -> None:
    size = "--dataset digits+train=60 --cells 3 --epochs 1 --seeds 1 --channels 4 --jobs 1"
    assert run(f"nasbench build --space mine:Mine {size} --out mine.h5", here).startswith("0\n")
    spec = """'nasbench.spaces.choices:ChoiceSpace+options={"depth": [1, 2], "kernel": [3, 5]}+build=own:build'"""
    (here / "own.py").write_text(OWN, encoding="utf-8")
    assert run(f"nasbench build --space {spec} {size} --out own.h5", here).startswith("0\n")
    (here / "own.py").unlink()
    refused = run("nasbench info own.h5", here)
    assert refused.startswith("2\n")
    assert "NASBENCH_TRUSTED_MODULES=own" in refused
    assert run("nasbench info own.h5", here, NASBENCH_TRUSTED_MODULES="own").startswith(
        "0\n"
    )  # only networks need the file


def test_a_table_of_named_choices_is_imported(here: Path) -> None:
    (command,) = (code for kind, code in BLOCKS if kind == "sh")
    (here / "results.csv").write_text(
        'arch,accuracy\n"depth=1,kernel=3",90\n"kernel=5,depth=2",91.5\n', encoding="utf-8"
    )
    assert run(command, here).startswith("0\n")
    benchmark = nasbench.load(here / "results.h5")
    assert benchmark.query("depth=2,kernel=5", "test_accuracy").value == 91.5


def test_other_libraries_search(here: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    (code,) = (code for kind, code in BLOCKS if kind == "python" and "optuna" in code)
    scope: dict[str, object] = {}
    exec(compile(code, "add-a-space.md", "exec"), scope)
    space, best = scope["space"], scope["best"]
    assert isinstance(space, Space) and isinstance(best, np.ndarray)
    assert scope["study"].trials[0].params == space.to_config(str(scope["known"]))  # type: ignore[attr-defined]
    space.check(best[None])

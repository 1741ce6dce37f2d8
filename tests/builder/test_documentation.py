"""docs/build.md names existing options and measures, and its code runs."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

import nasbench
from nasbench.cli import application
from nasbench.measures import measures
from nasbench.sampling import samplers

PAGE = (Path(__file__).parents[2] / "docs/build.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_all_samplers_and_measures_are_named() -> None:
    for name in samplers:
        assert f"| `{name}" in PAGE, name
    grouped = {name for members in measures.groups.values() for name in members}
    for name in (*measures.groups, *measures.groups["costs"], *set(measures.expand(measures)) - grouped):
        assert f"`{name}`" in PAGE, name


def test_options_that_are_named_are_there() -> None:
    said = (
        CliRunner().invoke(application(["build"]), ["build", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    )
    named = {word for word in re.findall(r"--[a-z][a-z-]+", PAGE) if not word.startswith(("--nodes", "--ntasks"))}
    slurm = {"--cpus-per-task", "--gpus-per-node", "--time", "--exclude", "--head", "--port", "--block"}
    assert named - slurm <= set(re.findall(r"--[a-z][a-z-]+", said))


def test_the_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = blocks("python")
    monkeypatch.chdir(tmp_path)
    script = code.replace("jobs=2", "jobs=1")  # processes want a file to start from
    exec(compile(script, "docs/build.md", "exec"), {})
    assert len(nasbench.load(tmp_path / "table.h5").architectures()) == 4


def test_the_script_for_slurm_is_a_script() -> None:
    (script,) = blocks("bash")
    words = shlex.split(script.replace("\\\n", " "), comments=True)
    assert words.count("ray") == 3 and "nasbench" in words

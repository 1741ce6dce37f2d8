"""A former word of the command line is refused in one line that says the new one."""

from collections.abc import Callable

import pytest

from nasbench.cli.failure import RENAMED

FORMER = [(command, old, new) for command, names in RENAMED.items() for old, new in names.items()]


@pytest.mark.parametrize(("command", "old", "new"), FORMER, ids=lambda word: word.strip("-"))
@pytest.mark.parametrize("form", ["{} 1", "{}=1"])
def test_a_former_word_names_the_new_one(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], command: str, old: str, new: str, form: str
) -> None:
    assert run(command, *form.format(old).split()) == 2
    assert capsys.readouterr().err == f"nasbench {command}: {old} is now {new}\n"


@pytest.mark.parametrize(("command", "new"), [(command, new) for command, _, new in FORMER if new.startswith("--")])
def test_the_new_word_is_an_option(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], command: str, new: str
) -> None:
    assert run(command, "--help") == 0
    assert f"{new} " in capsys.readouterr().out

"""Tables and values in the terminal."""

import pytest
from rich.console import Console

from nasbench.cli.console import Terminal, counted, facts, plain, records


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (True, "yes"),
        (0.123456789, "0.12346"),
        (2.0, "2"),
        ([], "-"),
        ([1, None, "a"], "1, -, a"),
        (list(range(50)), ", ".join(map(str, range(50)))),
        (list(range(12_345)), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... (12,345 in all)"),
    ],
)
def test_values_as_a_person_reads_them(value: object, text: str) -> None:
    assert plain(value) == text


def test_facts_keep_the_end_of_a_word_that_is_longer_than_the_line() -> None:
    checksum = "0123456789abcdef" * 4
    console = Console(width=40)
    with console.capture() as capture:
        console.print(facts({"sha256": checksum}))
    assert "".join(line.removeprefix("sha256").strip() for line in capture.get().splitlines()) == checksum


def test_counts_agree_with_their_noun() -> None:
    assert [counted(n, "metric") for n in (0, 1, 1_234)] == ["0 metrics", "1 metric", "1,234 metrics"]


@pytest.mark.parametrize("width", [80, 60, 200])
def test_long_names_are_broken_where_their_parts_meet(width: int) -> None:
    name = "ImageNet16-120@12/validation_and_test_accuracy"
    rows = [{"metric": name, "units": "percent", "epochs": "1 to 12", "seeds": 1, "missing": 108, "least": 3.5333}]
    console = Console(width=width)
    with console.capture() as capture:
        console.print(records(rows))
    lines = [line.rstrip() for line in capture.get().splitlines()[1:]]
    pieces = [line.split()[0] for line in lines]
    assert "".join(pieces) == name
    assert all(piece[-1] in "/_" for piece in pieces[:-1])
    assert (len(pieces) == 1) == (width == 200)


@pytest.mark.parametrize("text", ["a[b].json", "d[/x]", "[bold]", "[/]", r"\[red]"])
def test_brackets_are_no_markup(text: str) -> None:
    console = Terminal(width=80)
    with console.capture() as capture:
        console.print(text)
        console.print(facts({text: text}))
        console.print(records([{text: text, "n": 1}]))
        console.heading(text)
    assert capture.get().count(text) == 6


HOSTILE = "per\x1b[2Jcent \x07\x9b31m\u202etxet\x00"


def test_control_characters_are_escaped_wherever_text_is_shown() -> None:
    console = Terminal(width=300, force_terminal=True, no_color=True)
    with console.capture() as capture:
        console.print(HOSTILE)
        console.print(facts({HOSTILE: HOSTILE, "list": [HOSTILE]}))
        console.print(records([{HOSTILE: HOSTILE, "n": 1}, {HOSTILE: HOSTILE * 9, "n": 1}]))
        console.heading(HOSTILE)
    shown = capture.get()
    own = {"\x1b[1m", "\x1b[0m"}
    for code in own:
        shown = shown.replace(code, "")
    assert "\x1b" not in shown
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert r"per\x1b[2Jcent \x07\x9b31m\u202etxet\x00" in shown

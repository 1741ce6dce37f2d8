"""What a person sees in the terminal."""

import pytest
from rich.console import Console

from nasbench.console import facts, plain


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

"""What a person sees in the terminal."""

import pytest

from nasbench.console import plain


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

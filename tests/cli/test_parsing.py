"""Numbers and lists are parsed, or refused with the expected form."""

import pytest

from nasbench.cli.parsing import number, separated, whole
from nasbench.errors import InputError


def test_a_number_or_the_word_in_its_place() -> None:
    assert number(" 12 ", "epoch", "last") == 12
    assert number(" last", "epoch", "last") == "last"
    assert whole("-1", "epochs") == -1
    with pytest.raises(InputError, match=r"^epoch must be a whole number or 'last', got 'first'$"):
        number("first", "epoch", "last")
    with pytest.raises(InputError, match=r"^epochs must be a whole number, got '1.5'$"):
        whole("1.5", "epochs")


def test_names_without_blanks_and_repetitions() -> None:
    assert separated(" gp, xgb,,gp ") == ["gp", "xgb"]
    with pytest.raises(InputError, match=r"^expected names separated by commas, got ' ,'$"):
        separated(" ,")

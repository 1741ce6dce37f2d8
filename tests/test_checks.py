"""Whole numbers are told from everything that looks like one."""

import pytest

from nasbench.checks import check_whole
from nasbench.errors import InputError


def test_whole_numbers_within_bounds_pass():
    check_whole("k", 1)
    check_whole("k", 0, least=0)
    check_whole("k", 5, least=2, most=5)


@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, float("nan")])
def test_all_else_is_refused_by_name(value):
    with pytest.raises(InputError, match=f"^k must be a whole number of at least 1, got {value!r}$"):
        check_whole("k", value)


def test_both_bounds_are_named():
    with pytest.raises(InputError, match=r"^k must be a whole number from 2 to 5, got 6$"):
        check_whole("k", 6, least=2, most=5)

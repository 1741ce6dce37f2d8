"""Checks of settings."""

from typing import Any

import numpy as np
import pytest

from nasbench.checks import check_flag, check_number, check_whole
from nasbench.errors import InputError


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None, float("nan")])
def test_what_is_no_whole_number(value: Any) -> None:
    with pytest.raises(InputError, match=r"^size must be a whole number of at least 1, got "):
        check_whole("size", value)
    check_whole("size", np.int64(1))
    with pytest.raises(InputError, match=r"^size must be a whole number from 0 to 3, got 4$"):
        check_whole("size", 4, 0, 3)


@pytest.mark.parametrize("value", [-0.1, 1.0, True, "1", None, float("nan"), float("inf")])
def test_what_is_no_number_within_bounds(value: Any) -> None:
    with pytest.raises(InputError, match=r"^rate must be a number at least 0 and below 1, got "):
        check_number("rate", value, least=0, below=1)
    check_number("rate", np.float32(0.5), least=0, below=1)


def test_bounds_are_stated() -> None:
    for bounds, words in (
        ({"above": 0}, "a number above 0"), ({"least": 0, "most": 1}, "a number from 0 to 1"), ({}, "a number")
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"^x must be {words}, got 'a'$"):
            check_number("x", "a", **bounds)


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_what_is_no_flag(value: Any) -> None:
    with pytest.raises(InputError, match=r"^full must be true or false, got "):
        check_flag("full", value)
    check_flag("full", np.bool_(True))

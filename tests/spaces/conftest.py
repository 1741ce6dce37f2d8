"""Whether two outputs come from one function."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch


@pytest.fixture(scope="session")
def same_function(rounding: Callable[..., float]) -> Callable[[torch.Tensor | float, torch.Tensor], bool]:
    """Decide by the largest gap between two outputs in double precision, one of which is given.

    Small networks add and multiply some thousands of times. Other functions are away from each other by more than a
    million times the rounding of that; a gap in between decides nothing and fails.
    """

    def decide(gap: torch.Tensor | float, output: torch.Tensor) -> bool:
        gap, near = float(gap), rounding(1e4) * float(output.abs().max())
        assert gap <= near or gap > 1e6 * near, f"a gap of {gap} is neither rounding nor another function"
        return gap <= near

    return decide

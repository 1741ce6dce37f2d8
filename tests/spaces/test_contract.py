"""Every registered space keeps the contract."""

import pytest

from nasbench.spaces import spaces
from nasbench.testing import check_space


@pytest.mark.parametrize("name", list(spaces))
@pytest.mark.parametrize("seed", [0, 1])
def test_registered_space(name: str, seed: int) -> None:
    check_space(spaces.create(name), seed=seed)

"""The settings of a device hold within their context alone."""

import pytest
import torch

from nasbench.training.device import deterministic

CUDNN = torch.backends.cudnn


@pytest.mark.parametrize("before", [(False, True), (True, False)])
def test_deterministic_convolutions_in_the_context_alone(
    before: tuple[bool, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CUDNN, "deterministic", before[0])
    monkeypatch.setattr(CUDNN, "benchmark", before[1])
    with pytest.raises(KeyError), deterministic():
        assert (CUDNN.deterministic, CUDNN.benchmark) == (True, False)
        raise KeyError
    assert (CUDNN.deterministic, CUDNN.benchmark) == before


@pytest.mark.skipif(not hasattr(CUDNN, "conv"), reason="this torch has no precision for each operation")
def test_the_precision_that_a_caller_chose_is_kept() -> None:
    before = CUDNN.conv.fp32_precision
    CUDNN.conv.fp32_precision = "ieee"
    try:
        with deterministic():
            assert CUDNN.conv.fp32_precision == "ieee"
        assert CUDNN.conv.fp32_precision == "ieee"
    finally:
        CUDNN.conv.fp32_precision = before

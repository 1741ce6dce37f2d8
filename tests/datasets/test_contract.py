"""The contract of a data set finds planted faults, each by name."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch

from nasbench.datasets import Dataset, ImageData
from nasbench.testing import check_dataset


def good() -> ImageData:
    labels = np.tile(np.arange(3), 10)
    images = np.random.default_rng(0).random((30, 1, 4, 4)).astype(np.float32)
    parts = np.split(np.arange(30), [12, 20])
    return ImageData(images, labels, dict(zip(("train", "validation", "test"), parts, strict=True)), classes=3)


class Planted(Dataset):
    name = "planted"
    source = "drawn at random"
    make: Callable[[], ImageData] = staticmethod(good)

    def __init__(self, size: int = 3) -> None:
        self.size = size

    def load(self) -> ImageData:
        return type(self).make()


def test_accepts_a_good_one() -> None:
    check_dataset(Planted())


FAULTS: dict[str, Callable[[ImageData], ImageData]] = {
    "not (n, channels, height, width)": lambda data: replace(data, images=data.images[:, 0]),
    "float64, not float32": lambda data: replace(data, images=data.images.astype(np.float64)),
    "not finite": lambda data: replace(data, images=np.where(data.images > 0.9, np.float32(np.nan), data.images)),
    "above 1": lambda data: replace(data, images=data.images * 255),
    "below 0": lambda data: replace(data, images=data.images - 1),
    "not (30,)": lambda data: replace(data, labels=data.labels[:-1]),
    "int32, not int64": lambda data: replace(data, labels=data.labels.astype(np.int32)),
    "where there are 2 classes": lambda data: replace(data, classes=2),
    "not ('train', 'validation', 'test')": lambda data: replace(data, splits={"train": data.splits["train"]}),
    "part test is empty": lambda data: replace(data, splits={**data.splits, "test": np.arange(0)}),
    "in two parts": lambda data: replace(data, splits={**data.splits, "test": np.arange(11, 14)}),
    "has the row 30 of 30": lambda data: replace(data, splits={**data.splits, "test": np.arange(28, 31)}),
    "no training image": lambda data: replace(data, splits={**data.splits, "train": np.array([0, 1, 3])}),
}


@pytest.mark.parametrize("message", FAULTS)
def test_finds_faults_in_the_data(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planted, "make", staticmethod(lambda: FAULTS[message](good())))
    with pytest.raises(AssertionError) as error:
        check_dataset(Planted())
    assert message in str(error.value)


def test_finds_loads_that_share_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    data = good()
    monkeypatch.setattr(Planted, "make", staticmethod(lambda: data))
    with pytest.raises(AssertionError, match="two loads share memory: return copies, or make arrays read-only"):
        check_dataset(Planted())
    for array in (*data.arrays(), *data.splits.values()):
        array.flags.writeable = False
    check_dataset(Planted())


class SharesItsLabels(ImageData):
    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        return {
            split: (x, torch.from_numpy(self.labels)[rows[0] : rows[-1] + 1])
            for (split, rows), (x, _) in zip(self.splits.items(), super().tensors(device).values(), strict=True)
        }


def test_finds_tensors_that_share_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planted, "make", staticmethod(lambda: SharesItsLabels(**vars(good()))))
    with pytest.raises(AssertionError, match="tensors of part train share memory with the data"):
        check_dataset(Planted())


def test_finds_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    shifts = count()
    monkeypatch.setattr(
        Planted, "make", staticmethod(lambda: replace(good(), labels=(good().labels + next(shifts)) % 3))
    )
    with pytest.raises(AssertionError, match="a second load gives other data"):
        check_dataset(Planted())


def test_finds_a_slash_in_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planted, "name", "a/b")
    with pytest.raises(AssertionError, match="has a slash"):
        check_dataset(Planted())


def test_finds_settings_that_json_changes() -> None:
    with pytest.raises(AssertionError, match="changes on the way through JSON"):
        check_dataset(Planted(size=(3, 4)))  # type: ignore[arg-type]

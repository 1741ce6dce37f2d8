"""The adapter for torchvision, on a module of the same interface."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nasbench.datasets import datasets
from nasbench.errors import FileError, InputError, MissingExtraError
from nasbench.testing import check_dataset

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


class Shapes:
    """As torchvision's `MNIST`: it has `train`, raises where files are missing, and yields (picture, label)."""

    classes = ("circle", "square", "triangle")

    def __init__(self, root: str, train: bool = True, transform: Any = None, download: bool = False) -> None:
        assert not download
        if not (Path(root) / "shapes").exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.offset, self.count = (0, 30) if train else (100, 12)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row: int) -> tuple[Any, int]:
        if row >= self.count:
            raise IndexError(row)
        return Image.new("L", (5, 4), color=self.offset + row), row % 3


class Numbers(Shapes):
    """As torchvision's `SVHN`: `split` instead of `train`."""

    def __init__(self, root: str, split: str = "train", download: bool = False) -> None:
        super().__init__(root, {"train": True, "test": False}[split], download=download)


class Unsplit(Shapes):
    """As torchvision's `SEMEION`: one part only."""

    def __init__(self, root: str, download: bool = False) -> None:
        super().__init__(root)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "shapes").touch()
    module = ModuleType("torchvision.datasets")
    for cls in (Shapes, Numbers, Unsplit):
        setattr(module, cls.__name__, cls)
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)
    return tmp_path


@pytest.mark.parametrize("name", ["Shapes", "Numbers"])
def test_published_test_images_stay_apart(folder: Path, name: str) -> None:
    dataset = datasets.create(f"torchvision+name={name}+folder={folder}+validation=9")
    check_dataset(dataset)
    data = dataset.load()
    assert dataset.name == name and data.shape == (1, 4, 5) and data.classes == 3
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 21, "validation": 9, "test": 12}
    brightness = np.round(data.images[:, 0, 0, 0] * 255)
    assert set(brightness[data.splits["test"]]) == set(range(100, 112))
    assert np.array_equal(data.labels, [row % 3 for count in (30, 12) for row in range(count)])


def test_settings(folder: Path) -> None:
    data = datasets.create(f"torchvision+name=Shapes+folder={folder}+channels=3+size=8+train=6+test=3").load()
    assert data.shape == (3, 8, 8)
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 6, "validation": 6, "test": 3}


def test_files_are_not_there(folder: Path) -> None:
    with pytest.raises(FileError) as error:
        datasets.create(f"torchvision+name=Shapes+folder={folder / 'elsewhere'}").load()
    assert str(error.value) == (
        f"cannot read torchvision.datasets.Shapes in {folder / 'elsewhere'}: Dataset not found."
        "; put its files there (nothing is downloaded) and pass the folder as folder=DIR"
    )


@pytest.mark.parametrize("name", ["Unsplit", "Missing"])
def test_no_such_class(folder: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"torchvision.datasets has no '{name}' with published training and test"):
        datasets.create(f"torchvision+name={name}+folder={folder}").load()


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'nasbench\[torchvision\]'"):
        datasets.create("torchvision").load()

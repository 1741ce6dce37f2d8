"""Base classes of data sets: inputs and targets in memory, with fixed training, validation and test splits."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from nasbench.registry import arguments_of
from nasbench.tasks import Task
from nasbench.tasks.images import ImageClassification

if TYPE_CHECKING:
    import torch

SPLITS = ("train", "validation", "test")
Splits: TypeAlias = Mapping[str, npt.NDArray[np.int64]]
"""Row numbers of the "train", "validation" and "test" split; disjoint."""


class Data(ABC):
    """Training data and its task. Subclasses are frozen dataclasses."""

    splits: Splits

    @abstractmethod
    def __len__(self) -> int:
        """Number of rows that the splits divide."""

    @property
    @abstractmethod
    def task(self) -> Task:
        """The task, with the sizes of this data."""

    @abstractmethod
    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Inputs and targets of each split as tensors on a device."""

    @abstractmethod
    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """All arrays of the data except the splits, for its checksum."""

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]] | None:
        """Inputs of a linear model `(n, f)` and classes `(n,)`; None where the task has no such form."""
        return None

    def checksum(self) -> str:
        """Hexadecimal SHA-256 of arrays and splits with their shapes; stored in every table."""
        digest = hashlib.sha256()
        for array in (*self.arrays(), *(self.splits[split] for split in SPLITS)):
            digest.update(f"{array.dtype}{array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class ImageData(Data):
    """Images with labels and fixed splits.

    Attributes:
        images: Pixel intensities in [0, 1], float32, shape `(n, channels, height, width)`.
        labels: Class of each image, int64, shape `(n,)`.
        splits: Row numbers of each split.
        classes: Number of classes.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    splits: Splits
    classes: int = field(default=10)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def task(self) -> ImageClassification:
        """One class for each image."""
        return ImageClassification(self.shape, self.classes)

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Images and labels."""
        return self.images, self.labels

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Pixels and labels."""
        return self.images.reshape(len(self.images), -1).astype(np.float64), self.labels

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Images and labels of each split as tensors on a device.

        Images are float32 `(n, channels, height, width)`, standardised by mean and standard deviation of each channel
        over the training images; labels are int64 `(n,)`.
        """
        import torch

        training = self.images[self.splits["train"]]
        mean = training.mean(axis=(0, 2, 3), dtype=np.float64, keepdims=True)
        std = training.std(axis=(0, 2, 3), dtype=np.float64, keepdims=True)
        location, scale = mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)
        return {
            split: (
                torch.from_numpy((self.images[rows] - location) / scale).to(device),
                torch.from_numpy(self.labels[rows]).to(device),
            )
            for split, rows in self.splits.items()
        }


class Dataset(ABC):
    """A source of `Data`. The constructor stores its arguments under their names; `load` reads the data.

    The same settings give the same data and splits on every machine.
    """

    name: str
    """Prefix of the metrics measured on it; without a slash."""
    source: str
    """Origin of the data: authors, year, and the package or archive that holds it."""

    @abstractmethod
    def load(self) -> Data:
        """Read the data.

        Raises:
            InputError: The settings do not fit the data.
            FileError: A file is missing, damaged or of another kind.
            MissingExtraError: The package that holds the data is not installed.
        """

    def settings(self) -> dict[str, Any]:
        """Constructor arguments by name, as JSON values."""
        return arguments_of(self)

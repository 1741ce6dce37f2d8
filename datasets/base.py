"""What a data set is: images and labels in memory, cut once into training, validation and test parts."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageData:
    """Images with labels and their fixed splits.

    Attributes:
        images: Pixel intensities in [0, 1], float32, shape `(n, channels, height, width)`.
        labels: Class of each image, int64, shape `(n,)`.
        splits: Row numbers of each part: "train", "validation" and "test"; disjoint.
        classes: Number of classes.
    """

    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    splits: Mapping[str, npt.NDArray[np.int64]]
    classes: int = field(default=10)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def checksum(self) -> str:
        """SHA-256 over images, labels and splits, as hexadecimal digits; what a table stores as its data."""
        digest = hashlib.sha256()
        for array in (self.images, self.labels, *(self.splits[split] for split in SPLITS)):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


class Dataset(ABC):
    """A source of `ImageData`; the constructor stores settings, `load` reads. Always the same data and splits."""

    name: ClassVar[str]
    source: ClassVar[str]
    """Where the images come from: authors, year, and the package or archive that holds them."""

    @abstractmethod
    def load(self) -> ImageData:
        """Read the data.

        Raises:
            FileError: A file is missing or is not what it should be.
            MissingExtraError: The package that holds the data is not installed.
        """

    def settings(self) -> dict[str, Any]:
        """Constructor arguments that change the data, as JSON values."""
        return {}

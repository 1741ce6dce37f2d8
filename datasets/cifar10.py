"""Photographs at 32x32 pixels: CIFAR-10 (Krizhevsky, 2009), read from the official binary archive."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import Dataset, ImageData
from nasbench.datasets.splits import split
from nasbench.errors import FileError

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"
PIXELS = 3 * 32 * 32


class CIFAR10(Dataset):
    """50,000 training and 10,000 test images in 10 classes; half of the training images serve as validation set.

    NAS-Bench-201 also takes 25,000 training images for validation, but not the same ones. The archive is checked by
    its published MD5. No checksums are published for the extracted files: only their size and record structure are
    checked, so prefer the archive.

    Args:
        folder: Folder of `cifar-10-binary.tar.gz`, or the folder `cifar-10-batches-bin` extracted from it.
        train: Training images; None takes all that validation leaves over.
        validation: Validation images.
        test: Test images; None takes all 10,000.
    """

    name = "cifar10"
    source = f"CIFAR-10 (Krizhevsky, Learning multiple layers of features from tiny images, 2009), {HOME}"
    md5: ClassVar[str] = "c32a1d4ab5d03f1284b67883e8d87530"
    """MD5 of the archive, as published on its page."""
    images_per_file: ClassVar[int] = 10_000

    def __init__(
        self, folder: str = ".", train: int | None = None, validation: int = 25_000, test: int | None = None
    ) -> None:
        self.folder = str(folder)
        self.train, self.validation, self.test = train, validation, test

    def load(self) -> ImageData:
        """Read and check the six files; needs about 0.8 GB of memory."""
        images = np.empty((6 * self.images_per_file, 3, 32, 32), dtype=np.float32)
        labels = np.empty(len(images), dtype=np.int64)
        for number, (name, content) in enumerate(self._files()):
            rows = slice(number * self.images_per_file, (number + 1) * self.images_per_file)
            records = self._records(name, content)  # label byte, then red, green and blue pixels, row by row
            labels[rows] = records[:, 0]
            np.divide(records[:, 1:].reshape(-1, 3, 32, 32), np.float32(255), out=images[rows])
        training = 5 * self.images_per_file
        published = {"train": labels[:training], "test": labels[training:]}
        return ImageData(images, labels, split(published, self.train, self.validation, self.test))

    def _files(self) -> list[tuple[str, bytes]]:
        """Name and content of the six files, in order."""
        archive, extracted = Path(self.folder) / ARCHIVE, Path(self.folder) / FOLDER
        try:
            if archive.is_file():
                return self._unpack(archive)
            if not extracted.is_dir() and Path(self.folder).name == FOLDER:
                extracted = Path(self.folder)
            if not extracted.is_dir():
                raise FileError(
                    f"no {ARCHIVE} and no {FOLDER} in {self.folder}"
                    f"; get the binary version from {HOME} and pass its folder as cifar10+folder=DIR"
                )
            return [(str(extracted / name), self._bounded(extracted / name)) for name in FILES]
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"cannot read {error.filename}: {error.strerror}; extract {ARCHIVE} again") from error

    def _unpack(self, archive: Path) -> list[tuple[str, bytes]]:
        with archive.open("rb") as file:
            md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if md5 != self.md5:
            raise FileError(f"{archive} is damaged or another file: MD5 is {md5}, expected {self.md5}; get it again")
        with tarfile.open(archive) as members:
            contents = [(name, members.extractfile(f"{FOLDER}/{name}")) for name in FILES]
            return [(f"{archive}: {name}", content.read()) for name, content in contents if content is not None]

    def _bounded(self, path: Path) -> bytes:
        """Content of a file, at most one byte more than its expected size."""
        with path.open("rb") as file:
            return file.read(self.images_per_file * (1 + PIXELS) + 1)

    def _records(self, name: str, content: bytes) -> npt.NDArray[np.uint8]:
        expected = self.images_per_file * (1 + PIXELS)
        if len(content) != expected:
            size = f"{len(content)}" if len(content) < expected else "more"
            raise FileError(
                f"{name} is truncated or another file: it has {size} bytes, expected {expected}; get it again"
            )
        records = np.frombuffer(content, dtype=np.uint8).reshape(-1, 1 + PIXELS)
        wrong = records[:, 0] > 9
        if wrong.any():
            row = int(np.argmax(wrong))
            raise FileError(f"{name} is damaged: label of image {row} is {records[row, 0]}, not 0 to 9; get it again")
        return records

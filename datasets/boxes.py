"""Images with bounding boxes, for object detection."""

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
    """Images with the boxes of their objects and fixed splits.

    Attributes:
        images: Pixel intensities in [0, 1], float32, shape `(n, channels, height, width)`.
        boxes: Class, x1, y1, x2 and y2 in pixels, float32, shape `(n, boxes, 5)`; class -1 is padding.
        splits: Row numbers of each split.
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
        """Boxes and classes of the objects of each image."""
        _, channels, height, width = self.images.shape
        return ObjectDetection((channels, height, width), self.classes, self.boxes.shape[1])

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Images and boxes."""
        return self.images, self.boxes

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Standardised images (as in `ImageData`) and boxes of each split as tensors on a device."""
        import torch

        pictures = ImageData(self.images, np.zeros(len(self), dtype=np.int64), self.splits).tensors(device)
        return {
            split: (images, torch.from_numpy(self.boxes[self.splits[split]]).to(device))
            for split, (images, _) in pictures.items()
        }

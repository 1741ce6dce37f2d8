"""Image classification: one class per image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from nasbench.tasks.classification import Classification

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ImageClassification(Classification):
    """Inputs are images `(b, channels, height, width)`, float32; outputs are logits `(b, classes)`.

    Attributes:
        shape: Channels, height and width of an image.
        classes: Number of classes.
    """

    shape: tuple[int, int, int]
    classes: int

    name: ClassVar[str] = "image_classification"
    scored: ClassVar[str] = "Images classified correctly"

    @classmethod
    def small(cls) -> Self:
        """Grey images of 8x8 pixels in three classes."""
        return cls((1, 8, 8), 3)

    def inputs(self, n: int) -> torch.Tensor:
        """White images `(n, channels, height, width)`."""
        import torch

        return torch.ones(n, *self.shape)

    def targets(self, n: int) -> torch.Tensor:
        """Classes `(n,)` in turn."""
        import torch

        return torch.arange(n) % self.classes

"""Classification: cross-entropy and accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nasbench.tasks.base import Outputs, Tallies, Tally, Task

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""Target of places that do not count, as in `torch.nn.functional.cross_entropy`."""


class Classification(Task):
    """Outputs are logits `(b, classes, ...)`, targets are classes `(b, ...)`, int64, or `IGNORED`."""

    score: ClassVar[str] = "accuracy"
    lost: ClassVar[str] = "Mean cross-entropy"
    loss_units: ClassVar[str] = "nats"
    classes: int

    def check(self, outputs: Outputs, n: int) -> None:
        """Check that logits are finite, with one per class at each place that has a target."""
        import torch

        shape = (n, self.classes, *self.targets(n).shape[1:])
        assert isinstance(outputs, torch.Tensor), f"returns {type(outputs).__name__}, not logits"
        assert outputs.shape == shape, f"gives logits of shape {tuple(outputs.shape)}, expected {shape}"
        assert torch.isfinite(outputs).all(), "gives logits that are not finite"

    def loss(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy in nats over the targets that count."""
        from torch.nn.functional import cross_entropy

        assert not isinstance(outputs, list), "a classifier returns one tensor"
        return cross_entropy(outputs, targets, ignore_index=IGNORED)

    def tally(self) -> Tally:
        """Accuracy over the targets that count."""
        return Accuracy()

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean cross-entropy of each network, in one call."""
        from torch.nn.functional import cross_entropy

        each = cross_entropy(outputs.flatten(0, 1), targets.flatten(0, 1), ignore_index=IGNORED, reduction="none")
        axes = (0, *range(2, targets.dim()))
        return each.view(targets.shape).sum(axes) / (targets != IGNORED).sum(axes)

    def tallies(self, count: int) -> Tallies:
        """Accuracy of each network, counted together."""
        return Accuracies()


class Accuracy(Tally):
    """Accuracy in percent and mean loss; all targets that count have equal weight."""

    def __init__(self) -> None:
        self.correct: torch.Tensor | int = 0
        self.counted: torch.Tensor | int = 0
        self.loss: torch.Tensor | float = 0.0

    def add(self, outputs: Outputs, targets: torch.Tensor, loss: torch.Tensor) -> None:
        """Add logits `(b, classes, ...)` and classes `(b, ...)`."""
        assert not isinstance(outputs, list), "a classifier returns one tensor"
        counted = (targets != IGNORED).sum()
        self.correct = self.correct + (outputs.detach().argmax(1) == targets).sum()
        self.counted = self.counted + counted
        self.loss = self.loss + loss.detach() * counted

    def result(self) -> tuple[float, float]:
        """Accuracy in percent and mean cross-entropy in nats."""
        counted = int(self.counted)
        return 100 * int(self.correct) / counted, float(self.loss) / counted


class Accuracies(Tallies):
    """`Accuracy` of each of `k` networks."""

    def __init__(self) -> None:
        self.correct: torch.Tensor | int = 0
        self.counted: torch.Tensor | int = 0
        self.loss: torch.Tensor | float = 0.0

    def add(self, outputs: torch.Tensor, targets: torch.Tensor, losses: torch.Tensor) -> None:
        """Add logits `(b, k, classes, ...)`, classes `(b, k, ...)` and losses `(k,)`."""
        axes = (0, *range(2, targets.dim()))
        counted = (targets != IGNORED).sum(axes)  # (k,)
        self.correct = self.correct + (outputs.detach().argmax(2) == targets).sum(axes)
        self.counted = self.counted + counted
        self.loss = self.loss + losses.detach() * counted

    def results(self) -> list[tuple[float, float]]:
        """Accuracy in percent and mean cross-entropy in nats of each network."""
        import torch

        columns = (torch.as_tensor(part).tolist() for part in (self.correct, self.counted, self.loss))
        return [(100 * correct / counted, loss / counted) for correct, counted, loss in zip(*columns, strict=True)]

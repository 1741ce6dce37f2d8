"""Masked language modelling: predict the masked characters of a text (Devlin et al., 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from nasbench.tasks.classification import IGNORED, Classification

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MaskedLanguage(Classification):
    """Inputs are tokens `(b, length)`, int64; outputs are logits `(b, vocabulary, length)`.

    A masked character has the token `vocabulary`. Targets `(b, length)` are the masked characters, and `IGNORED`
    everywhere else: only masked characters count.

    Attributes:
        length: Characters of an input.
        vocabulary: Number of different characters, without the mask.
    """

    length: int
    vocabulary: int

    name: ClassVar[str] = "masked_language"
    scored: ClassVar[str] = "Hidden characters restored"
    training: ClassVar[dict[str, Any]] = {
        "optimiser": "adamw",
        "learning_rate": 0.003,
        "weight_decay": 0.01,
        "warmup_epochs": 1,
    }

    @property
    def classes(self) -> int:  # type: ignore[override]
        """Number of different characters."""
        return self.vocabulary

    @classmethod
    def small(cls) -> Self:
        """Eight characters of a vocabulary of five."""
        return cls(8, 5)

    def inputs(self, n: int) -> torch.Tensor:
        """Tokens that count up, with every fourth masked."""
        import torch

        tokens = (torch.arange(n)[:, None] + torch.arange(self.length)) % self.vocabulary
        tokens[:, ::4] = self.vocabulary
        return tokens

    def targets(self, n: int) -> torch.Tensor:
        """The masked tokens."""
        import torch

        tokens = (torch.arange(n)[:, None] + torch.arange(self.length)) % self.vocabulary
        return torch.where(torch.arange(self.length) % 4 == 0, tokens, IGNORED)

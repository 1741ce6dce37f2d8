"""Masked characters of the Python Language Reference, an English text that comes with Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.checks import check_whole
from nasbench.datasets.base import SPLITS, Data, Dataset, Splits
from nasbench.datasets.transforms.distortions import uniform
from nasbench.errors import InputError
from nasbench.tasks.classification import IGNORED
from nasbench.tasks.language import MaskedLanguage

if TYPE_CHECKING:
    import torch

ALPHABET = " abcdefghijklmnopqrstuvwxyz.,;:'\"()[]_-=*0?"
"""The vocabulary: every digit is read as 0, every other character as `?`."""
LINEAR_CONTEXT = 3
"""Characters on each side of a hidden one that a linear model sees."""


@dataclass(frozen=True, eq=False)
class TextData(Data):
    """Windows of a text with hidden characters, and fixed splits.

    Attributes:
        tokens: Numbers of the characters; int64, shape `(n, length)`.
        hidden: Whether each is hidden; shape `(n, length)`.
        splits: Row numbers of each split.
        vocabulary: Number of different characters.
    """

    tokens: npt.NDArray[np.int64]
    hidden: npt.NDArray[np.bool_]
    splits: Splits
    vocabulary: int

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.tokens)

    @property
    def task(self) -> MaskedLanguage:
        """Prediction of the hidden characters."""
        return MaskedLanguage(self.tokens.shape[1], self.vocabulary)

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Tokens and the mask of hidden ones."""
        return self.tokens, self.hidden

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """One-hot context of the first hidden character of each window, and that character."""
        n = len(self)
        shown = np.pad(
            np.where(self.hidden, self.vocabulary, self.tokens),
            ((0, 0), (LINEAR_CONTEXT, LINEAR_CONTEXT)),
            constant_values=-1,
        )
        place = self.hidden.argmax(axis=1)
        around = np.array([step for step in range(-LINEAR_CONTEXT, LINEAR_CONTEXT + 1) if step != 0])
        seen = shown[np.arange(n)[:, None], place[:, None] + LINEAR_CONTEXT + around]  # (n, 2 LINEAR_CONTEXT)
        onehot = (seen[:, :, None] == np.arange(-1, self.vocabulary + 1)).astype(np.float64)
        return onehot.reshape(n, -1), self.tokens[np.arange(n), place]

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Tokens of each split, with `vocabulary` where hidden, and their targets; both int64 `(n, length)`."""
        import torch

        shown = np.where(self.hidden, self.vocabulary, self.tokens)
        wanted = np.where(self.hidden, self.tokens, IGNORED)
        return {
            split: (torch.from_numpy(shown[rows]).to(device), torch.from_numpy(wanted[rows]).to(device))
            for split, rows in self.splits.items()
        }


class Text(Dataset):
    """Consecutive windows of equal length, without repetitions.

    The splits are three stretches of the text, so they share no passage. The text differs slightly between Python
    versions; the checksum in every table identifies it.

    Args:
        train: Training windows.
        validation: Validation windows.
        test: Test windows.
        length: Characters in a window.
        hidden: Share of hidden characters, the same number in each window.
    """

    name = "text"
    source = "The Python Language Reference (Python Software Foundation), as pydoc_data.topics of Python's library"

    def __init__(
        self, train: int = 2000, validation: int = 500, test: int = 500, length: int = 32, hidden: float = 0.15
    ) -> None:
        self.train, self.validation, self.test, self.length, self.hidden = train, validation, test, length, hidden

    def load(self) -> TextData:
        """Read, split and hide characters."""
        from pydoc_data.topics import topics

        for name in SPLITS:
            check_whole(name, getattr(self, name))
        check_whole("length", self.length, least=4)
        if not isinstance(self.hidden, int | float) or not 0 < self.hidden < 1:
            raise InputError(f"hidden must be a number between 0 and 1, got {self.hidden!r}")
        tokens = encode(" ".join(topics[name] for name in sorted(topics)))
        n, count = self.train + self.validation + self.test, len(tokens) // self.length
        if n <= count:
            windows = tokens[: count * self.length].reshape(count, self.length)
            _, first = np.unique(windows, axis=0, return_index=True)
            windows, count = windows[np.sort(first)[:n]], len(first)
        if n > count:
            raise InputError(f"the text has {count} windows of {self.length} characters, and {n} were asked for")
        hidden_each = max(1, round(self.hidden * self.length))
        order = np.argsort(uniform([self.length], windows.shape), axis=1, kind="stable")
        hidden = np.zeros(windows.shape, dtype=bool)
        np.put_along_axis(hidden, order[:, :hidden_each], True, axis=1)
        cuts = np.cumsum([self.train, self.validation])
        parts = np.split(np.arange(n), cuts)
        return TextData(windows, hidden, dict(zip(SPLITS, parts, strict=True)), len(ALPHABET))


def encode(text: str) -> npt.NDArray[np.int64]:
    """Positions of the characters of a text in `ALPHABET`, in lower case, with single spaces."""
    plain = " ".join(text.lower().split())
    numbers = np.full(1 << 8, ALPHABET.index("?"), dtype=np.int64)
    for number, character in enumerate(ALPHABET):
        numbers[ord(character)] = number
    numbers[[ord(digit) for digit in "0123456789"]] = ALPHABET.index("0")
    encoded: npt.NDArray[np.int64] = numbers[np.frombuffer(plain.encode("latin-1", errors="replace"), dtype=np.uint8)]
    return encoded

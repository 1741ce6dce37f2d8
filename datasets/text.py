"""Characters of the Python Language Reference, which comes with Python: an English text to fill gaps in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nasbench.datasets.base import Data, Dataset, Splits
from nasbench.datasets.transforms.distortions import uniform
from nasbench.errors import InputError
from nasbench.tasks.classification import IGNORED
from nasbench.tasks.language import MaskedLanguage

if TYPE_CHECKING:
    import torch

ALPHABET = " abcdefghijklmnopqrstuvwxyz.,;:'\"()[]_-=*0?"
"""The characters that are told apart: all digits are 0, and what is none of these is `?`."""
AROUND = 3
"""Characters on each side that a linear model sees."""


@dataclass(frozen=True, eq=False)
class TextData(Data):
    """Windows of a text, some characters of which are hidden, and their fixed splits.

    Attributes:
        tokens: Numbers of the characters; int64, shape `(n, length)`.
        hidden: Which of them are hidden; shape `(n, length)`.
        splits: Row numbers of each part.
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
        """The characters that are hidden."""
        return MaskedLanguage(self.tokens.shape[1], self.vocabulary)

    def arrays(self) -> Sequence[npt.NDArray[Any]]:
        """Tokens, and which are hidden."""
        return self.tokens, self.hidden

    def flat(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """What is around the first hidden character of each window, one-hot, and that character."""
        n = len(self)
        shown = np.pad(
            np.where(self.hidden, self.vocabulary, self.tokens), ((0, 0), (AROUND, AROUND)), constant_values=-1
        )
        place = self.hidden.argmax(axis=1)
        around = np.array([step for step in range(-AROUND, AROUND + 1) if step != 0])
        seen = shown[np.arange(n)[:, None], place[:, None] + AROUND + around]  # (n, 2 AROUND)
        onehot = (seen[:, :, None] == np.arange(-1, self.vocabulary + 1)).astype(np.float64)
        return onehot.reshape(n, -1), self.tokens[np.arange(n), place]

    def tensors(self, device: torch.device | str) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        """Each split's tokens, with what is hidden as `vocabulary`, and what is to be restored; int64 `(n, length)`."""
        import torch

        shown = np.where(self.hidden, self.vocabulary, self.tokens)
        wanted = np.where(self.hidden, self.tokens, IGNORED)
        return {
            split: (torch.from_numpy(shown[rows]).to(device), torch.from_numpy(wanted[rows]).to(device))
            for split, rows in self.splits.items()
        }


class Text(Dataset):
    """Windows of equal length that follow each other in the text, none of which occurs twice.

    The parts are three stretches of the text, so that nothing of one is seen in another. The text is that of the Python
    that runs, and differs a little from version to version: the checksum that every table stores says which it was.

    Args:
        train: Training windows.
        validation: Validation windows.
        test: Test windows.
        length: Characters of a window.
        hidden: Share of the characters of a window that are hidden, the same number in each.
    """

    name = "text"
    source = "The Python Language Reference (Python Software Foundation), as pydoc_data.topics of Python's library"

    def __init__(
        self, train: int = 2000, validation: int = 500, test: int = 500, length: int = 32, hidden: float = 0.15
    ) -> None:
        self.train, self.validation, self.test, self.length, self.hidden = train, validation, test, length, hidden

    def load(self) -> TextData:
        """Read, cut and hide."""
        from pydoc_data.topics import topics

        sizes = {"train": self.train, "validation": self.validation, "test": self.test, "length": self.length}
        for name, size in sizes.items():
            if not isinstance(size, int) or isinstance(size, bool) or size < (4 if name == "length" else 1):
                raise InputError(
                    f"{name} must be a whole number of at least {4 if name == 'length' else 1}, got {size!r}"
                )
        if not isinstance(self.hidden, int | float) or not 0 < self.hidden < 1:
            raise InputError(f"hidden must be a number between 0 and 1, got {self.hidden!r}")
        tokens = encode(" ".join(topics[name] for name in sorted(topics)))
        windows = tokens[: len(tokens) // self.length * self.length].reshape(-1, self.length)
        _, first = np.unique(windows, axis=0, return_index=True)
        windows = windows[np.sort(first)]
        n = self.train + self.validation + self.test
        if n > len(windows):
            raise InputError(f"the text has {len(windows)} windows of {self.length} characters, and {n} were asked for")
        windows = windows[:n]
        count = max(1, round(self.hidden * self.length))
        order = np.argsort(uniform([self.length], windows.shape), axis=1, kind="stable")
        hidden = np.zeros(windows.shape, dtype=bool)
        np.put_along_axis(hidden, order[:, :count], True, axis=1)
        cuts = np.cumsum([self.train, self.validation])
        parts = np.split(np.arange(n), cuts)
        return TextData(windows, hidden, dict(zip(("train", "validation", "test"), parts, strict=True)), len(ALPHABET))


def encode(text: str) -> npt.NDArray[np.int64]:
    """The numbers of the characters of a text in `ALPHABET`, in lower case, with one space for any white space."""
    plain = " ".join(text.lower().split())
    numbers = np.full(1 << 8, ALPHABET.index("?"), dtype=np.int64)
    for number, character in enumerate(ALPHABET):
        numbers[ord(character)] = number
    numbers[[ord(digit) for digit in "0123456789"]] = ALPHABET.index("0")
    found: npt.NDArray[np.int64] = numbers[np.frombuffer(plain.encode("latin-1", errors="replace"), dtype=np.uint8)]
    return found

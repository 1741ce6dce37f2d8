"""What a search strategy is: it is asked for the next architecture and told the validation metric of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np

from nasbench.spaces.base import Space
from nasbench.types import GenotypeArray


class Trial(NamedTuple):
    """One architecture to train.

    Attributes:
        architecture: Genotype; shape `(d,)`.
        epochs: Epochs to train for.
    """

    architecture: GenotypeArray
    epochs: int


class Strategy(ABC):
    """Base class. The constructor stores settings; `start` begins a run; then `ask` and `tell` alternate.

    With several workers, `ask` is called again before earlier trials were told, and `tell` may come in another order.
    A subclass writes `_ask` and, if it learns, `_start` and `_tell`. It sees scores of which more is always better
    (`tell` turns the sign of metrics that are minimised), and never the benchmark.
    """

    space: Space
    rng: np.random.Generator

    def start(
        self,
        space: Space,
        rng: np.random.Generator,
        *,
        epochs: int,
        initial: GenotypeArray | None = None,
        maximise: bool = True,
    ) -> Self:
        """Begin a run, forgetting any earlier one.

        Args:
            space: Where to search.
            rng: All randomness of the run.
            epochs: Epochs of a full training.
            initial: Architectures `(k, d)` that are proposed first, the same for all strategies of a comparison.
            maximise: Whether more of the metric is better.
        """
        self.space, self.rng, self.epochs = space, rng, epochs
        self._initial = [] if initial is None else list(initial[::-1])
        self._sign = 1.0 if maximise else -1.0
        self._start()
        return self

    def ask(self) -> Trial:
        """The next trial."""
        if self._initial:
            return Trial(self._initial.pop(), self.epochs)
        return self._ask()

    def tell(self, trial: Trial, value: float) -> None:
        """Report the validation metric of a trial, in its own unit; NaN where the training failed."""
        self._tell(trial, self._sign * value)

    def _start(self) -> None:
        """Forget the earlier run."""

    @abstractmethod
    def _ask(self) -> Trial:
        """Propose; `self.space`, `self.rng` and `self.epochs` are set."""

    def _tell(self, trial: Trial, score: float) -> None:
        """Learn from a score (more is better; NaN where the training failed), the initial designs' included."""

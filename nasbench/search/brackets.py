"""Brackets: runs of successive halving, open side by side where workers would idle (Li et al., 2018, JMLR 18)."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

from nasbench.checks import check_whole
from nasbench.search.base import Outcome, Strategy, Trial
from nasbench.search.rungs import rungs_of
from nasbench.search.seen import FreshSamples
from nasbench.types import GenotypeArray


class Bracket:
    """One run of successive halving: when all trials of a rung are told, the best go on to the next.

    Of equal scores the earlier trial is the better one. Failed trainings never go on, so that fewer may reach a rung
    than its size.

    Args:
        first: Number of the lowest rung.
        sizes: Trials at the lowest rung and at each rung above it.
    """

    def __init__(self, first: int, sizes: Sequence[int]) -> None:
        self.rung, self._sizes = first, list(sizes)
        self.size = self._sizes.pop(0)  # trials of the present rung
        self._vacant = self._awaited = self.size  # those to ask for, and to be told
        self._promoted: list[GenotypeArray] = []
        self._scored: list[tuple[float, int, GenotypeArray]] = []

    @property
    def vacant(self) -> bool:
        """Whether a trial of the present rung can start."""
        return self._vacant > 0

    @property
    def takes_new(self) -> bool:
        """Whether a new architecture can start, which is in the lowest rung."""
        return self._vacant > len(self._promoted)

    @property
    def finished(self) -> bool:
        """Whether all trials are told."""
        return self._awaited == 0

    def take(self) -> GenotypeArray | None:
        """Occupy a vacancy: the best of the promoted architectures that waits, None in the lowest rung."""
        self._vacant -= 1
        return self._promoted.pop() if self._promoted else None

    def tell(self, score: float, number: int, architecture: GenotypeArray) -> None:
        """Report a trial of the present rung; NaN where it failed, `number` is larger for later trials."""
        self._awaited -= 1
        if not math.isnan(score):
            self._scored.append((-score, number, architecture))
        if self._awaited == 0 and self._sizes:
            best = sorted(self._scored, key=lambda scored: scored[:2])[: self._sizes.pop(0)]
            self._promoted, self._scored = [architecture for _, _, architecture in best[::-1]], []
            self.size = self._vacant = self._awaited = len(best)
            self.rung += 1


class Bracketed(Strategy):
    """Base class of strategies that run brackets, each anew when no open one has a trial that can start.

    With one worker, a bracket ends before the next begins; with several, none ever waits. The oldest bracket goes
    first. Initial designs are the first architectures of the lowest rungs. A trial's tag is its bracket and its number.

    A subclass writes `_sizes`, and `_sample` or `_choose`.

    Args:
        eta: Factor between the epochs of two rungs, and between the numbers of trials that reach them.
    """

    def __init__(self, eta: int = 3) -> None:
        check_whole("eta", eta, 2)
        self.eta = eta

    def _start(self) -> None:
        self._rungs = rungs_of(self.problem.fidelities, self.eta)
        self._open: dict[int, Bracket] = {}
        self._opened = self._asked = 0
        self._samples = FreshSamples(self.space, self.problem.initial, self.rng)

    @abstractmethod
    def _sizes(self, opened: int) -> list[int]:
        """Trials at each rung of a bracket, the last at a full training, when `opened` were opened before."""

    def _sample(self) -> GenotypeArray:
        """An architecture for the lowest rung of a bracket; here a uniform sample."""
        return self._samples.draw()

    def _choose(self, bracket: Bracket, promoted: GenotypeArray | None) -> GenotypeArray:
        """The architecture of the next trial; here the promoted one, and a sample in the lowest rung of a bracket."""
        return self._sample() if promoted is None else promoted

    def _ask(self) -> Trial:
        vacant = (opened for opened, bracket in self._open.items() if bracket.vacant)
        opened = next(vacant, None) or self._begin_bracket()
        bracket = self._open[opened]
        return self._trial(opened, self._choose(bracket, bracket.take()))

    def _design(self, architecture: GenotypeArray) -> Trial:
        vacant = (opened for opened, bracket in self._open.items() if bracket.takes_new)
        opened = next(vacant, None) or self._begin_bracket()
        self._open[opened].take()
        return self._trial(opened, architecture)

    def _begin_bracket(self) -> int:
        """Number of a new bracket, from 1."""
        sizes = self._sizes(self._opened)
        self._opened += 1
        self._open[self._opened] = Bracket(len(self._rungs) - len(sizes), sizes)
        return self._opened

    def _trial(self, opened: int, architecture: GenotypeArray) -> Trial:
        self._asked += 1
        return Trial(architecture, self._rungs[self._open[opened].rung], (opened, self._asked))

    def _tell(self, trial: Trial, outcome: Outcome) -> None:
        opened, number = trial.tag
        bracket = self._open[opened]
        bracket.tell(outcome.score, number, trial.architecture)
        if bracket.finished:
            del self._open[opened]

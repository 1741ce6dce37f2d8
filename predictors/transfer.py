"""Transfer: a score learnt from other tables is the prior mean of another predictor (as in Golovin et al., 2017)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least, same_space
from nasbench.predictors.encodings import encode, units, variances
from nasbench.predictors.encodings.statistics import NAMES
from nasbench.predictors.gp import GaussianProcess
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.spaces.base import Space
from nasbench.types import FloatArray

DRAWN = 2000
"""Architectures drawn from a space to tell what is usual there."""
ROWS = 2000
"""Most architectures that are learnt from in each source."""
TRUST = {"space": 0.8, "task": 0.6, "other": 0.2}
"""Slope that the mean of the scores is expected to have, with targets of standard deviation 1, by what is shared."""
PULL = 10.0
"""How many architectures that expectation counts as much as."""
SHARES = {1.0: 0.8, 0.5: 0.15, 0.0: 0.05}
"""Shares of the scores that may be used, and how likely each is thought to be the best before anything is measured."""
SPACES_IN_CACHE = 64
"""Spaces whose drawn architectures are remembered."""
SHIPPED = Path(__file__).with_name("transfer.json")
"""Weight of each statistic, by its name, learnt from the tables that come with the package."""
SHIPPED_TASK = "image_classification"
"""Task of these tables."""
INNER, SAME = "inner_", "same_{}_"
"""Begin the names of what is stored of the residuals' predictor, and of those of the space's sources."""


class Transfer(Predictor):
    """Another predictor, of what scores learnt from other tables leave unexplained.

    `pretrain` learns two kinds of score. From each table of the same space `predictor` learns the targets, and what it
    predicts is a score. Where there is none of the same space, ridge regression learns weights of the statistics of
    graphs that every space has (`encodings.statistics`), as normal scores of their ranks in the space, from all tables
    of the same task, or else from all. Without `pretrain`, these weights come with the package.

    `fit` predicts targets by ridge regression on the scores, pulled to the slope `TRUST` of their mean, and fits
    `predictor` to the residuals. A Gaussian process also tells by its leave-one-out predictions whether to use the
    scores, half of them, or none (`SHARES`). Without any architecture to learn from, predictions only rank: they have
    no unit.

    Args:
        predictor: Specification of the other predictor ("gp-wl", "auto+features=default/flops").
        seed: Seed of that predictor, if it takes one, and of the choice of architectures from large tables.
    """

    min_samples = 0
    transforms_columns = False  # the others transform columns as they learnt to

    def __init__(self, predictor: str = "gp-wl", seed: int = 0) -> None:
        self.predictor, self.seed = predictor, seed

    @property
    def needs(self) -> Needs:
        """The needs of the other predictor."""
        return self._create_inner().needs

    def _create_inner(self) -> Predictor:
        """The other predictor, not fitted."""
        from nasbench.predictors import predictors  # which names this file

        return predictors.create(self.predictor, seed=self.seed)

    def pretrain(self, sources: Sequence[tuple[Inputs, FloatArray]]) -> Self:
        """Learn scores from other tables, forgetting what was learnt from others before.

        Args:
            sources: Inputs and targets `(n,)` of each table, NaN where unknown; more is better in all of them and in
                the tables to come, or less is better in all. `ROWS` architectures of a larger table are learnt from.

        Raises:
            InputError: There is no table, or one is not acceptable to `predictor`.
        """
        if not sources:
            raise InputError("pretrain learns from at least one table; pass inputs and targets of each")
        at_least(self, 0, "seed")
        self._forget()
        self.parts_ = [part(inputs, np.asarray(targets, dtype=np.float64), self.seed) for inputs, targets in sources]
        self.learnt_: dict[int, LearntScore] = {}
        return self

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 0, "seed")
        parts: list[tuple[Inputs, FloatArray]] = getattr(self, "parts_", [])
        self.scores_ = self._of_same_space(parts)
        self.weights_, shared = self._weights(parts)
        scores = self._scores(inputs)
        self.centre_ = scores.mean(axis=0) if len(z) else np.zeros(scores.shape[1])
        self.slopes_ = slopes(scores - self.centre_, z, TRUST["space" if self.scores_ else shared])
        self.inner_: Predictor | None = None
        if len(z) >= max(self._create_inner().min_samples, 1):
            self._fit_residuals(inputs, z, (scores - self.centre_) @ self.slopes_)

    def _fit_residuals(self, inputs: Inputs, z: FloatArray, prior: FloatArray) -> None:
        """Fit the other predictor to what the prior means `(n,)`, or a share of them, leave of the targets `(n,)`."""
        worth = {}
        for share, expected in SHARES.items():
            residuals = z - share * prior
            inner = self._create_inner().fit(inputs, residuals)
            if not isinstance(inner, GaussianProcess):
                self.inner_ = inner
                return
            mean, std = inner.leave_one_out()
            density = -0.5 * ((residuals - mean) / std) ** 2 - np.log(std)
            worth[share] = float(density.sum() + np.log(expected)), inner
        best = max(worth, key=lambda share: worth[share][0])  # the first of equal ones
        self.slopes_, self.inner_ = best * self.slopes_, worth[best][1]

    def _weights(self, parts: list[tuple[Inputs, FloatArray]]) -> tuple[FloatArray, str]:
        """Weights of statistics that the sources tell, and what they share with the space."""
        if not parts:
            return shipped_weights(), "task" if self.space_.task == SHIPPED_TASK else "other"
        same_task = [(inputs, targets) for inputs, targets in parts if inputs.space.task == self.space_.task]
        return ridge_weights(same_task or parts), "task" if same_task else "other"

    def _of_same_space(self, parts: list[tuple[Inputs, FloatArray]]) -> list[LearntScore]:
        """The score of each source of the space, learnt when it is needed first."""
        same = [number for number, (inputs, _) in enumerate(parts) if same_space(inputs.space, self.space_)]
        for number in same:
            if number not in self.learnt_:
                self.learnt_[number] = LearntScore.of(self._create_inner(), *parts[number])
        return [self.learnt_[number] for number in same]

    def _scores(self, inputs: Inputs) -> FloatArray:
        """Scores `(n, k)`: of each source of the space, or else of all sources together."""
        if not self.scores_:
            weighted: FloatArray = statistics(inputs) @ self.weights_
            centre, unit = moments(drawn_statistics(self.space_) @ self.weights_)
            return ((weighted - centre) / unit)[:, None]
        return np.stack([score(inputs) for score in self.scores_], axis=1)

    def _predict(self, inputs: Inputs) -> Prediction:
        prior = (self._scores(inputs) - self.centre_) @ self.slopes_
        if self.inner_ is None:
            return Prediction(prior, np.ones(len(prior)))
        mean, std = self.inner_.predict(inputs)
        return Prediction(prior + mean, std)

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        if self.inner_ is None:
            return super()._sample(inputs, k, rng)
        return (self._scores(inputs) - self.centre_) @ self.slopes_ + self.inner_.sample(inputs, k, rng)

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        own = {"weights": self.weights_, "centre": self.centre_, "slopes": self.slopes_}
        own["scores"] = np.array([(score.centre, score.unit) for score in self.scores_]).reshape(-1, 2)
        for number, score in enumerate(self.scores_):
            own |= {SAME.format(number) + name: array for name, array in score.source.state().items()}
        return own | {INNER + name: array for name, array in (self.inner_.state() if self.inner_ else {}).items()}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        def restored(start: str) -> Predictor | None:
            own = {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
            return self._create_inner().restore(self.space_, own) if own else None

        self.weights_, self.centre_, self.slopes_ = state["weights"], state["centre"], state["slopes"]
        sources = [restored(SAME.format(number)) for number in range(len(state["scores"]))]
        scores = zip(sources, state["scores"].tolist(), strict=True)
        self.scores_ = [LearntScore(source, *numbers) for source, numbers in scores if source]
        self.inner_ = restored(INNER)


class LearntScore(NamedTuple):
    """What a predictor that was fitted to another table of the space expects, in units of its spread there.

    Attributes:
        source: The predictor.
        centre: Mean of its predictions for the architectures that it learnt from.
        unit: Their standard deviation.
    """

    source: Predictor
    centre: float
    unit: float

    @classmethod
    def of(cls, source: Predictor, inputs: Inputs, targets: FloatArray) -> Self:
        """Fit a predictor to another table."""
        return cls(source, *moments(source.fit(inputs, targets).predict_transformed(inputs).mean))

    def __call__(self, inputs: Inputs) -> FloatArray:
        """Scores `(n,)`."""
        score: FloatArray = (self.source.predict_transformed(inputs).mean - self.centre) / self.unit
        return score


class Drawn(NamedTuple):
    """Architectures drawn from a space with a fixed seed: `genotypes` `(m, d)` and their sorted statistics `(m, f)`."""

    genotypes: npt.NDArray[np.int8]
    statistics: FloatArray


def part(inputs: Inputs, targets: FloatArray, seed: int) -> tuple[Inputs, FloatArray]:
    """At most `ROWS` architectures of a source, drawn from those whose inputs and target `(n,)` are known."""
    rows = np.flatnonzero(np.isfinite(targets) & inputs.known)
    if len(rows) > ROWS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, ROWS, replace=False))
    return inputs[rows], targets[rows]


@lru_cache(maxsize=SPACES_IN_CACHE)
def drawn(space: Space) -> Drawn:
    """What is usual in a space."""
    genotypes = space.canonical(space.sample(DRAWN, np.random.default_rng(0)))
    return Drawn(read_only(genotypes), read_only(np.sort(_rounded(Inputs(space, genotypes)), axis=0)))


@lru_cache(maxsize=SPACES_IN_CACHE)
def drawn_statistics(space: Space) -> FloatArray:
    """Statistics of the drawn architectures, as `statistics` gives them."""
    return read_only(statistics(Inputs(space, drawn(space).genotypes)))


def statistics(inputs: Inputs) -> FloatArray:
    """Normal scores of the statistics of `n` graphs, by their ranks in the space; shape `(n, len(NAMES))`."""
    return normal_scores(_rounded(inputs.canonical), drawn(inputs.space).statistics)


def _rounded(inputs: Inputs) -> FloatArray:
    """Statistics `(n, f)` without the rounding errors that would tell equal ones apart."""
    return np.round(encode(inputs, "statistics")[0], 9)


def moments(values: FloatArray) -> tuple[float, float]:
    """Mean of numbers `(n,)` and their standard deviation, or where they are constant their size."""
    centre = values.mean(keepdims=True)
    return float(centre[0]), float(units(np.sqrt(variances(values[:, None])), centre)[0])


def normal_scores(x: FloatArray, reference: FloatArray) -> FloatArray:
    """Quantiles of a standard normal distribution at the ranks of `(n, f)` among `(m, f)`, sorted along the first axis.

    Ranks are mid-ranks, so that a number that all have is 0; below and above all others, as half a rank apart.

    >>> normal_scores(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [2.0], [3.0]])).round(2).ravel().tolist()
    [-0.67, 0.0, 0.67]
    """
    from scipy.special import ndtri  # takes long to import

    m = len(reference)
    pairs = zip(x.T, reference.T, strict=True)
    between = [np.searchsorted(column, values) + np.searchsorted(column, values, "right") for values, column in pairs]
    share = (np.stack(between, axis=1) + 1) / 2 / (m + 1)
    scores: FloatArray = ndtri(share)
    return np.where(np.ptp(reference, axis=0) > 0, scores, 0.0)


def ridge_weights(parts: Sequence[tuple[Inputs, FloatArray]]) -> FloatArray:
    """Weight `(len(NAMES),)` of each statistic, for the normal scores of the targets `(n,)` of tables of any spaces.

    Ridge regression on means over the architectures of each table, added up: all tables count the same, and the penalty
    as much as they do.
    """
    squares: FloatArray = len(parts) * np.eye(len(NAMES))
    products: FloatArray = np.zeros(len(NAMES))
    for inputs, targets in parts:
        x, z = statistics(inputs), normal_scores(targets[:, None], np.sort(targets)[:, None])[:, 0]
        squares = squares + x.T @ x / max(len(x), 1)
        products = products + x.T @ z / max(len(x), 1)
    return np.asarray(np.linalg.solve(squares, products), dtype=np.float64)


def slopes(scores: FloatArray, z: FloatArray, trust: float) -> FloatArray:
    """Slopes `(k,)` of centred scores `(n, k)` for targets `(n,)`: ridge regression pulled to one slope of their mean.

    All 0 for two or more equal targets, which no score explains.
    """
    n, k = scores.shape
    if n > 1 and not np.ptp(z) > 0:
        return np.zeros(k)
    expected = np.full(k, trust / k)
    step: FloatArray = np.linalg.solve(scores.T @ scores + PULL * np.eye(k), scores.T @ (z - scores @ expected))
    return expected + step


@cache
def shipped_weights() -> FloatArray:
    """The weights of `SHIPPED`, in the order of `NAMES`; 0 for statistics that it does not know."""
    known: dict[str, float] = json.loads(SHIPPED.read_text(encoding="utf-8"))["weights"]
    return read_only(np.array([known.get(name, 0.0) for name in NAMES]))

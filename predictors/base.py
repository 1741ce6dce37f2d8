"""What a predictor is: `fit` on architectures with targets, then `predict` a mean and a standard deviation."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.predictors.warp import Warp
from nasbench.spaces.base import Space
from nasbench.types import FloatArray, GenotypeArray

CHUNK = 4096
"""Most architectures that are predicted at once, so that memory does not grow with their number."""


class Prediction(NamedTuple):
    """Prediction for `n` architectures, in the unit of the targets.

    Attributes:
        mean: Expected target; shape `(n,)`.
        std: Standard deviation of the target of one training run; shape `(n,)`, positive.
    """

    mean: FloatArray
    std: FloatArray


class Predictor(ABC):
    """Base class. The constructor stores its arguments under their names; `fit` learns names that end in `_`.

    A subclass writes `_fit`, `_predict` and, to be stored, `_state` and `_restore`. It receives *canonical* genotypes
    (so a prediction cannot depend on how the nodes are numbered) and targets that are warped towards a normal
    distribution, with mean 0 and standard deviation 1; what it predicts on that scale is taken back here. Seeds are
    constructor arguments: fitting twice gives the same predictor.
    """

    min_samples: ClassVar[int] = 2
    """Fewest architectures that `fit` accepts."""
    warped: ClassVar[bool] = True
    """Whether targets are warped; if not, they are only standardised."""

    def fit(self, space: Space, genotypes: npt.ArrayLike, targets: npt.ArrayLike) -> Self:
        """Learn from architectures `(n, d)` of `space` with targets `(n,)`, forgetting any earlier fit.

        Raises:
            InputError: A genotype is not in the space, a target is not finite, lengths differ, or n is too small.
        """
        checked = space.check(genotypes)
        y = np.asarray(targets, dtype=np.float64)
        if y.shape != (len(checked),):
            raise InputError(f"targets have shape ({len(checked)},), one for each architecture; got {y.shape}")
        if not np.isfinite(y).all():
            row = int(np.argmin(np.isfinite(y)))
            raise InputError(f"targets must be finite: target {row} is {y[row]}; leave missing architectures out")
        if len(y) < self.min_samples:
            name = type(self).__name__
            raise InputError(f"{name} needs at least {self.min_samples} architectures to fit, got {len(y)}")
        self.space_ = space
        self.location_, self.scale_ = float(y.mean()), float(y.std())
        if self.scale_ <= 1e-12 * np.abs(y).max():  # constant but for rounding
            self.scale_, self.warp_, z = 1e-3 * (abs(self.location_) or 1.0), Warp(), np.zeros(len(y))
        else:
            z = (y - self.location_) / self.scale_
            self.warp_ = Warp.fit(z) if self.warped else Warp()
        self._fit(space.canonical(checked), self.warp_.forward(z))
        return self

    def predict(self, genotypes: npt.ArrayLike) -> Prediction:
        """Mean and standard deviation for architectures `(n, d)`; each row's answer is independent of the others."""
        warped = self.predict_warped(genotypes)
        rows = range(CHUNK, len(warped.mean), CHUNK)
        parts = [self.warp_.moments(*part) for part in zip(*(np.array_split(a, rows) for a in warped), strict=True)]
        mean, std = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Prediction(mean * self.scale_ + self.location_, std * self.scale_)

    def predict_warped(self, genotypes: npt.ArrayLike) -> Prediction:
        """Normal distributions of `warp(target)` for architectures `(n, d)`.

        An acquisition function that assumes a normal distribution, such as expected improvement, belongs on this scale:
        in the unit of the targets the distribution has a long tail.
        """
        if not hasattr(self, "space_"):
            raise InputError(f"{type(self).__name__} is not fitted; call fit first")
        checked = self.space_.check(genotypes)
        if not len(checked):
            return Prediction(np.empty(0), np.empty(0))
        canonical = self.space_.canonical(checked)
        parts = [self._predict(canonical[start : start + CHUNK]) for start in range(0, len(canonical), CHUNK)]
        return Prediction(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def warp(self, targets: npt.ArrayLike) -> FloatArray:
        """Targets that were fitted on, on the scale of `predict_warped`; an increasing function, same shape."""
        return self.warp_.forward((np.asarray(targets, dtype=np.float64) - self.location_) / self.scale_)

    @abstractmethod
    def _fit(self, genotypes: GenotypeArray, z: FloatArray) -> None:
        """Learn from canonical genotypes `(n, d)` and warped targets `(n,)`; `self.space_` is set."""

    @abstractmethod
    def _predict(self, genotypes: GenotypeArray) -> Prediction:
        """Mean and standard deviation `(n,)` of warped targets, each row's without regard to the other rows."""

    # --- storing without pickle ---------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Any]:
        """Constructor arguments by name, all of them JSON values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What `fit` learnt, as named arrays (a serialised model is an array of uint8)."""
        scale = {"location": np.array(self.location_), "scale": np.array(self.scale_), "warp": np.array(self.warp_)}
        return {**scale, **self._state()}

    def restore(self, space: Space, state: dict[str, npt.NDArray[Any]]) -> Self:
        """Become the fitted predictor whose `state` this is."""
        self.space_, self.location_, self.scale_ = space, float(state["location"]), float(state["scale"])
        self.warp_ = Warp(*state["warp"].tolist())
        self._restore(state)
        return self

    @abstractmethod
    def _state(self) -> dict[str, npt.NDArray[Any]]:
        """Learnt arrays of the subclass."""

    @abstractmethod
    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Inverse of `_state`; `self.space_` is set."""

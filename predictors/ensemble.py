"""Ensemble of different predictors: the mixture of their distributions (Lakshminarayanan et al., 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import reduce
from operator import or_
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor
from nasbench.predictors.encodings import DEFAULT
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.predictors.ranges import GRAPH_FEATURES, OneOf, ranges
from nasbench.types import FloatArray

COMBINATIONS = ("ensemble", "auto")
"""Predictors made of others, which are no members."""


class Ensemble(Predictor):
    """Mean and standard deviation of the mixture of several predictors' normal distributions.

    Predictors of different kinds err differently: the mean of a Gaussian process and of trees ranks better than either.
    Targets are transformed once, for all members.

    Args:
        members: Names of predictors joined by `/`; each is constructed with `features` and `seed` if it takes them.
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        seed: Seed of the members.
    """

    tunable = ranges(features=GRAPH_FEATURES, members=OneOf(("gp/xgb", "gp-wl/xgb", "gp-wl/forest", "gp-wl/xgb/gnn")))

    def __init__(self, members: str = "gp/xgb", features: str = DEFAULT, seed: int = 0) -> None:
        self.members, self.features, self.seed = members, features, seed

    @property
    def needs(self) -> Needs:
        """The needs of all members."""
        return reduce(or_, (member.needs for member in self._create_members()))

    @property
    def min_samples(self) -> int:  # type: ignore[override]
        """The largest minimum of the members."""
        return max(member.min_samples for member in self._create_members())

    @property
    def pretrains(self) -> bool:
        """Whether a member learns from other tables."""
        return any(member.pretrains for member in self._create_members())

    def pretrain(self, sources: Sequence[tuple[Inputs, FloatArray]]) -> Self:
        """Let all members learn from other tables."""
        self._forget()
        self.pretrained_ = [member.pretrain(sources) for member in self._create_members()]
        return self

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        inputs = inputs.encoded_once
        self.members_ = [member.fit_transformed(inputs, z) for member in self._create_members()]

    def _create_members(self) -> list[Predictor]:
        """The members, not fitted."""
        from nasbench.predictors import predictors  # which names this file

        names = str(self.members).split("/")
        single = [name for name in predictors if name not in COMBINATIONS]
        for name in names:
            if name not in single:
                known = ", ".join(single)
                raise InputError(f"members of an ensemble are known predictors joined by '/': {known}; got {name!r}")
        members = [predictors.create(name, features=self.features, seed=self.seed) for name in names]
        before = getattr(self, "pretrained_", members)  # since then an argument may have been set
        if [type(member) for member in before] != [type(member) for member in members]:
            return members
        return [copy(old).set_params(**new.get_params()) for old, new in zip(before, members, strict=True)]

    def _predict(self, inputs: Inputs) -> Prediction:
        inputs = inputs.encoded_once
        means, stds = map(np.stack, zip(*(member.predict_transformed(inputs) for member in self.members_), strict=True))
        return Prediction(means.mean(axis=0), np.sqrt((stds**2).mean(axis=0) + means.var(axis=0)))

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        inputs = inputs.encoded_once
        draws = np.stack([member.sample(inputs, k, rng) for member in self.members_])  # (members, k, n)
        result: FloatArray = draws[rng.integers(len(draws), size=k), np.arange(k)]
        return result

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {
            f"member_{number}_{name}": array
            for number, member in enumerate(self.members_)
            for name, array in member.state().items()
        }

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        self.members_ = []
        for number, member in enumerate(self._create_members()):
            start = f"member_{number}_"
            own = {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
            self.members_.append(member.restore(self.space_, own))

"""Base class of predictors: `fit` on inputs with targets, then `predict` a mean and a standard deviation."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.errors import InputError
from nasbench.predictors.encodings import needs_of
from nasbench.predictors.inputs import Inputs, Needs
from nasbench.predictors.target_transform import TargetTransform, YeoJohnson
from nasbench.spaces.base import Space
from nasbench.types import FloatArray

ROWS_AT_ONCE = 4096
"""Architectures predicted at a time, which bounds the memory."""


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

    A subclass writes `_fit`, `_predict` and, to be stored, `_state` and `_restore`. It receives inputs with *canonical*
    genotypes (so a prediction cannot depend on how the nodes are numbered) and targets that are transformed to mean 0,
    standard deviation 1 and nearly a normal distribution; its predictions on that scale are taken back here. Seeds are
    constructor arguments: fitting twice gives the same predictor.

    It is an estimator of scikit-learn whose `X` are `Inputs`: `clone`, `GridSearchCV` and pipelines work.
    """

    min_samples: ClassVar[int] = 2
    """Fewest architectures that `fit` accepts."""
    transforms_targets: ClassVar[bool] = True
    """Whether targets are brought near to a normal distribution; if not, they are only standardised."""

    @property
    def needs(self) -> Needs:
        """The inputs that its argument `features` names; a predictor without such a text needs none."""
        features = getattr(self, "features", "")
        return needs_of(features) if isinstance(features, str) else Needs()

    def pretrain(self, sources: Sequence[tuple[Inputs, FloatArray]]) -> Self:
        """Learn from other tables, as inputs and targets `(n,)` of each; kept by later fits. Does nothing here."""
        return self

    # --- fitting and predicting ---------------------------------------------------------------------------------

    def fit(self, inputs: Inputs, targets: npt.ArrayLike) -> Self:
        """Learn from `n` architectures with targets `(n,)`, forgetting any earlier fit.

        Raises:
            InputError: A target is not finite, lengths differ, n is too small, or a needed input is missing.
        """
        given = self._given(inputs)
        y = np.asarray(targets, dtype=np.float64)
        if y.shape != (len(given),):
            raise InputError(f"targets have shape ({len(given)},), one for each architecture; got {y.shape}")
        if not np.isfinite(y).all():
            row = int(np.argmin(np.isfinite(y)))
            raise InputError(f"targets must be finite: target {row} is {y[row]}; leave missing architectures out")
        if len(y) < self.min_samples:
            name = type(self).__name__
            raise InputError(f"{name} needs at least {self.min_samples} architectures to fit, got {len(y)}")
        transform = TargetTransform.fit(y, self.transforms_targets)
        z = transform.forward(y)
        self.fit_transformed(given.canonical, z if np.ptp(z) > 1e-9 else np.zeros_like(z))
        self.transform_ = transform
        return self

    def fit_transformed(self, inputs: Inputs, z: FloatArray) -> Self:
        """Learn from canonical inputs and targets `(n,)` that are transformed already, as members of an ensemble do."""
        self.space_, self.transform_ = inputs.space, TargetTransform()
        self._fit(inputs, z)
        return self

    def predict(self, inputs: Inputs) -> Prediction:
        """Mean and standard deviation for `n` architectures; each row's answer is independent of the others."""
        transformed = self.predict_transformed(inputs)
        rows = range(ROWS_AT_ONCE, len(transformed.mean), ROWS_AT_ONCE)
        pieces = zip(*(np.array_split(moment, rows) for moment in transformed), strict=True)
        mean, std = zip(*(self.transform_.moments(*piece) for piece in pieces), strict=True)
        return Prediction(np.concatenate(mean), np.concatenate(std))

    def predict_transformed(self, inputs: Inputs) -> Prediction:
        """Normal distributions of transformed targets for `n` architectures.

        An acquisition function that assumes a normal distribution, such as expected improvement, belongs on this scale:
        in the unit of the targets the distribution has a long tail.
        """
        given = self._fitted(inputs)
        if not len(given):
            return Prediction(np.empty(0), np.empty(0))
        canonical = given.canonical
        pieces = [self._predict(canonical[at : at + ROWS_AT_ONCE]) for at in range(0, len(canonical), ROWS_AT_ONCE)]
        return Prediction(*(np.concatenate(moments) for moments in zip(*pieces, strict=True)))

    def sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        """`k` joint draws of the targets of `n` architectures, in their unit; shape `(k, n)`.

        Draws of different rows are independent unless a predictor knows better.
        """
        given = self._fitted(inputs)
        if not len(given):
            return np.empty((k, 0))
        return self.transform_.inverse(self._sample(given.canonical, k, rng))

    def transform(self, targets: npt.ArrayLike) -> FloatArray:
        """Targets on the scale of `predict_transformed`; an increasing function, same shape."""
        return self.transform_.forward(targets)

    @abstractmethod
    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        """Learn from `n` canonical inputs and transformed targets `(n,)`; `self.space_` is set."""

    @abstractmethod
    def _predict(self, inputs: Inputs) -> Prediction:
        """Mean and standard deviation `(n,)` of transformed targets, each row by itself."""

    def _sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        """Draws `(k, n)` of transformed targets with the moments of `_predict`."""
        mean, std = self._predict(inputs)
        return mean + std * rng.standard_normal((k, len(mean)))

    def _fitted(self, inputs: Inputs) -> Inputs:
        if not hasattr(self, "space_"):
            raise InputError(f"{type(self).__name__} is not fitted; call fit first")
        given = self._given(inputs)
        if given.space.name != self.space_.name:
            name, space = type(self).__name__, self.space_.name
            raise InputError(f"{name} was fitted on {space}, got inputs of {given.space.name}")
        return given

    def _given(self, inputs: Inputs) -> Inputs:
        if not isinstance(inputs, Inputs):
            raise InputError(
                f"{type(self).__name__} learns from and predicts Inputs, got {type(inputs).__name__}; "
                "wrap architectures as Inputs.of(space, genotypes)"
            )
        return inputs

    # --- an estimator of scikit-learn ---------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name, all of them JSON values."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Change constructor arguments; what was learnt is kept until the next fit.

        Raises:
            InputError: There is no such argument.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                takes = ", ".join(known) or "no arguments"
                raise InputError(f"{type(self).__name__} has no argument {name!r}; it takes {takes}")
            setattr(self, name, value)
        return self

    def score(self, inputs: Inputs, targets: npt.ArrayLike) -> float:
        """Coefficient of determination of the predicted means: 1 at best; NaN where the targets are constant."""
        y = np.asarray(targets, dtype=np.float64)
        total = ((y - y.mean()) ** 2).sum()
        return float(1 - ((y - self.predict(inputs).mean) ** 2).sum() / total) if total > 0 else np.nan

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator: this is a regressor."""
        from sklearn.utils import RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            classifier_tags=None,
            regressor_tags=RegressorTags(),
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` was called."""
        return hasattr(self, "space_")

    def __repr__(self) -> str:
        """Constructor call that makes an equal, unfitted predictor."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_params().items())
        return f"{type(self).__name__}({arguments})"

    # --- storing without pickle ---------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the fitted predictor to one file, without pickle; see `nasbench.predictors.storage`.

        Raises:
            InputError: It is not fitted.
            FileError: The file cannot be written.
        """
        from nasbench.predictors.storage import save

        save(self, Path(path))

    @staticmethod
    def load(path: str | Path) -> Predictor:
        """Read a predictor that `save` wrote; its predictions are bit-identical.

        Raises:
            FileError: The file cannot be read, or names a module that is not trusted.
        """
        from nasbench.predictors.storage import load

        return load(Path(path))

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """What `fit` learnt, as named arrays (a serialised model is an array of uint8)."""
        location, scale, power = self.transform_
        return {"location": np.array(location), "scale": np.array(scale), "warp": np.array(power), **self._state()}

    def restore(self, space: Space, state: dict[str, npt.NDArray[Any]]) -> Self:
        """Become the fitted predictor whose `state` this is."""
        power = YeoJohnson(*state["warp"].tolist())
        self.space_, self.transform_ = space, TargetTransform(float(state["location"]), float(state["scale"]), power)
        self._restore(state)
        return self

    @abstractmethod
    def _state(self) -> dict[str, npt.NDArray[Any]]:
        """Learnt arrays of the subclass."""

    @abstractmethod
    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Inverse of `_state`; `self.space_` is set."""

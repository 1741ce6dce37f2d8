"""Base class of predictors: `fit` on inputs with targets, then `predict` a mean and a standard deviation."""

from __future__ import annotations

import inspect
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from nasbench.arrays import read_only
from nasbench.checks import check_number, check_whole
from nasbench.errors import InputError
from nasbench.predictors.column_transform import ColumnTransform
from nasbench.predictors.encodings import needs_of
from nasbench.predictors.inputs import CURVE, Inputs, Needs, shaped
from nasbench.predictors.ranges import Range, ranges
from nasbench.predictors.target_transform import TargetTransform, YeoJohnson, power_of_two
from nasbench.registry import arguments_of
from nasbench.spaces.base import Space
from nasbench.types import FloatArray

ROWS_AT_ONCE = 4096
"""Architectures predicted at a time, which bounds the memory."""
COLUMN = "column:"
"""Begins the names under which the transforms of columns are stored."""
LEAST_TARGET, LARGEST_TARGET = 1e-300, 1e300
"""Sizes of targets between which nothing that is computed of them overflows or vanishes; smaller ones count as 0."""


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
    standard deviation 1 and nearly a normal distribution; its predictions on that scale are taken back here. Columns
    and curves come without their units and long tails. Inputs are read-only, the targets are its own. Seeds are
    constructor arguments: fitting twice gives the same predictor.

    It is an estimator of scikit-learn whose `X` are `Inputs`: `clone`, `GridSearchCV` and pipelines work with the
    default scoring. As `predict` gives a `Prediction`, `scoring` by name and `cross_val_predict` do not work; they do
    for a pipeline of an `Encoder` and a regressor of scikit-learn.
    """

    min_samples: ClassVar[int] = 2
    """Fewest architectures that `fit` accepts."""
    transforms_targets: ClassVar[bool] = True
    """Whether targets are brought near to a normal distribution; if not, they are only standardised."""
    transforms_columns: ClassVar[bool] = True
    """Whether columns and curves are brought to one scale, without long tails (`column_transform.py`)."""
    tunable: ClassVar[Mapping[str, Range]] = ranges()
    """Constructor arguments that may be tuned (`nasbench.evaluate.tuning`); defaults lie in their ranges."""

    @property
    def needs(self) -> Needs:
        """The inputs that its argument `features` names; a predictor without such a text needs none."""
        features = getattr(self, "features", "")
        return needs_of(features) if isinstance(features, str) else Needs()

    @property
    def pretrains(self) -> bool:
        """Whether `pretrain` learns anything."""
        return type(self).pretrain is not Predictor.pretrain

    def pretrain(self, sources: Sequence[tuple[Inputs, FloatArray]]) -> Self:
        """Learn from other tables, as inputs and targets `(n,)` of each; kept by later fits. Does nothing here."""
        return self

    # --- fitting and predicting ---------------------------------------------------------------------------------

    def fit(self, inputs: Inputs, targets: npt.ArrayLike) -> Self:
        """Learn from `n` architectures with targets `(n,)`, forgetting any earlier fit, even where this one fails.

        Raises:
            InputError: A target is not finite or too large, lengths differ, n is too small, a needed input is
                missing, or an argument is not acceptable.
        """
        self._forget()
        given = self._given(inputs)
        y = shaped("the array of targets", targets, (len(given),))
        if not np.isfinite(y).all():
            row = int(np.argmin(np.isfinite(y)))
            raise InputError(f"targets must be finite: target {row} is {y[row]}; leave missing architectures out")
        if (np.abs(y) > LARGEST_TARGET).any():
            row = int(np.argmax(np.abs(y)))
            raise InputError(f"targets are at most {LARGEST_TARGET:g} in size: target {row} is {y[row]}; rescale them")
        y = np.where(np.abs(y) < LEAST_TARGET, 0.0, y)
        if len(y) < self.min_samples:
            name = type(self).__name__
            raise InputError(f"{name} needs at least {self.min_samples} architectures to fit, got {len(y)}")
        transform = TargetTransform.fit(y, self.transforms_targets) if len(y) else TargetTransform()
        z = transform.forward(y)
        columns = self._columns_transforms(given) if self.transforms_columns else {}
        self.fit_transformed(
            given.transformed(columns).canonical, z if len(z) and np.ptp(z) > 1e-9 else np.zeros_like(z)
        )
        self.transform_, self.columns_ = transform, columns
        return self

    def _columns_transforms(self, given: Inputs) -> dict[str, ColumnTransform]:
        """A transform for each needed column, and one for the whole curve."""
        known = {name: given.columns[name] for name in self.needs.columns if name in given.columns}
        if given.curve is not None and self.needs.epochs:
            known[CURVE] = given.curve.ravel()
        return {name: ColumnTransform.fit(values) for name, values in known.items()}

    def fit_transformed(self, inputs: Inputs, z: FloatArray) -> Self:
        """Learn from canonical inputs, and columns and targets `(n,)` that are transformed already, as members do."""
        self.curve_epochs_ = self._epochs_read(inputs)
        self.space_, self.transform_, self.columns_ = inputs.space, TargetTransform(), {}
        try:
            self._fit(inputs, z.copy())  # all members of an ensemble are given the same
        except BaseException:
            self._forget()
            raise
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
        canonical = given.transformed(self.columns_).canonical
        pieces = [self._predict(canonical[at : at + ROWS_AT_ONCE]) for at in range(0, len(canonical), ROWS_AT_ONCE)]
        return Prediction(*(np.concatenate(moments) for moments in zip(*pieces, strict=True)))

    def sample(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        """`k` joint draws of the targets of `n` architectures, in their unit; shape `(k, n)`.

        Draws of different rows are independent unless a predictor knows better.
        """
        draws = self.sample_transformed(inputs, k, rng)
        return self.transform_.inverse(draws)

    def sample_transformed(self, inputs: Inputs, k: int, rng: np.random.Generator) -> FloatArray:
        """The draws of `sample` before they are taken back to the unit of the targets; shape `(k, n)`."""
        given = self._fitted(inputs)
        if not len(given):
            return np.empty((k, 0))
        return self._sample(given.transformed(self.columns_).canonical, k, rng)

    def transform(self, targets: npt.ArrayLike) -> FloatArray:
        """Targets on the scale of `predict_transformed`; an increasing function, same shape."""
        self._check_fitted()
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

    def _forget(self) -> None:
        """Be unfitted; what `pretrain` learnt stays."""
        vars(self).pop("space_", None)

    def _check_fitted(self) -> None:
        if not hasattr(self, "space_"):
            raise InputError(f"{type(self).__name__} is not fitted; call fit first")

    def _fitted(self, inputs: Inputs) -> Inputs:
        """The inputs, if they are of the kind that was learnt from."""
        self._check_fitted()
        given, name = self._given(inputs), type(self).__name__
        if given.space is not self.space_:
            ours, theirs = _described(self.space_), _described(given.space)
            setting = next((key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)), None)
            if setting == "name":
                raise InputError(f"{name} was fitted on {self.space_.name}, got inputs of {given.space.name}")
            if setting is not None:
                space, one, other = self.space_.name, ours.get(setting), theirs.get(setting)
                raise InputError(
                    f"{name} was fitted on {space} with {setting}={one}, got inputs with {setting}={other}"
                )
        read = self._epochs_read(given)
        if given.curve is not None and self.curve_epochs_ and read != self.curve_epochs_:
            one, other = (", ".join(map(str, epochs)) or "none" for epochs in (self.curve_epochs_, read))
            raise InputError(f"{name} was fitted on the curve at epochs {one}, got {other}")
        return given

    def _epochs_read(self, inputs: Inputs) -> tuple[int, ...]:
        """The epochs of the curve up to the last that is needed."""
        last = self.needs.epochs if inputs.epochs else 0
        return tuple(epoch for epoch in inputs.epochs if epoch <= last)

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
        """Change constructor arguments; where a value changes, what was learnt is forgotten.

        Raises:
            InputError: There is no such argument.
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                takes = ", ".join(known) or "no arguments"
                raise InputError(f"{type(self).__name__} has no argument {name!r}; it takes {takes}")
            if value != known[name]:
                self._forget()
            setattr(self, name, value)
        return self

    def score(self, inputs: Inputs, targets: npt.ArrayLike) -> float:
        """Coefficient of determination of the predicted means: 1 at best; NaN where the targets are constant.

        Raises:
            InputError: Lengths differ, or as `predict`.
        """
        mean = self.predict(inputs).mean
        y = shaped("the array of targets", targets, mean.shape)
        if len(y) < 2 or not np.ptp(y) > 0:
            return np.nan
        unit = power_of_two(y)
        error, deviation = (y - mean) / unit, (y - y.mean()) / unit
        return float(1 - (error**2).sum() / (deviation**2).sum())

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
        """What `fit` learnt, as read-only arrays by name (a serialised model is an array of uint8).

        Raises:
            InputError: It is not fitted, or its `_state` has a name that is taken.
        """
        self._check_fitted()
        location, scale, power = self.transform_
        common = {"location": np.array(location), "scale": np.array(scale), "warp": np.array(power)}
        if self.curve_epochs_:
            common["curve_epochs"] = np.array(self.curve_epochs_)
        for name, transform in self.columns_.items():
            common[f"{COLUMN}{name}"] = np.array(transform)
        own = self._state()
        taken = [name for name in own if name in (*common, "curve_epochs") or name.startswith(COLUMN)]
        if taken:
            raise InputError(
                f"{type(self).__name__} names an array {taken[0]!r}, which the base class stores; rename it"
            )
        return {name: read_only(np.asarray(array)) for name, array in {**common, **own}.items()}

    def restore(self, space: Space, state: dict[str, npt.NDArray[Any]]) -> Self:
        """Become the fitted predictor whose `state` this is; arrays that can be written to are its own from now on."""
        power = YeoJohnson(*state["warp"].tolist())
        self.space_, self.transform_ = space, TargetTransform(float(state["location"]), float(state["scale"]), power)
        self.curve_epochs_ = tuple(state.get("curve_epochs", np.empty(0)).tolist())  # earlier versions stored none
        columns = {name: array.tolist() for name, array in state.items() if name.startswith(COLUMN)}
        self.columns_ = {name.removeprefix(COLUMN): ColumnTransform(*numbers) for name, numbers in columns.items()}
        self._restore({name: array if array.flags.writeable else array.copy() for name, array in state.items()})
        return self

    @abstractmethod
    def _state(self) -> dict[str, npt.NDArray[Any]]:
        """Learnt arrays of the subclass."""

    @abstractmethod
    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Inverse of `_state`; `self.space_` is set."""


def at_least(predictor: Predictor, least: int, *names: str) -> None:
    """Test arguments of a predictor that count something, at the start of `_fit`: `set_params` may have set them.

    Raises:
        InputError: One is no whole number, or is below the least.
    """
    for name in names:
        check_whole(f"{name} of {type(predictor).__name__}", getattr(predictor, name), least)


def between(predictor: Predictor, low: float, high: float, *names: str) -> None:
    """Test other numbers among its arguments, as `at_least` does.

    Raises:
        InputError: One is no number from `low` to `high`.
    """
    for name in names:
        check_number(f"{name} of {type(predictor).__name__}", getattr(predictor, name), least=low, most=high)


def same_space(one: Space, other: Space) -> bool:
    """Whether two spaces have the same name and settings, as those of two files may have."""
    return one is other or _described(one) == _described(other)


def _described(space: Space) -> dict[str, str]:
    """Name and settings of a space as text, in which lists and tuples are the same, as they are in files."""
    return {"name": space.name, **{key: json.dumps(value, default=repr) for key, value in arguments_of(space).items()}}

"""Base class of pretrained transformers, which read the training set as context and are not trained on it."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from pathlib import Path
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from nasbench.errors import InputError
from nasbench.predictors.base import Prediction, Predictor, at_least
from nasbench.predictors.encodings import DEFAULT, encode, learnable
from nasbench.predictors.inputs import Inputs
from nasbench.types import FloatArray

LEVELS = (0.05, 0.95)
"""Levels of the quantiles that the standard deviation follows from."""
STDS_APART = NormalDist().inv_cdf(LEVELS[1]) - NormalDist().inv_cdf(LEVELS[0])
"""Distance of these quantiles of a normal distribution, in standard deviations: 3.29."""
MIN_STD = 0.03
"""Smallest standard deviation, relative to that of the targets."""


class InContext(Predictor):
    """A regressor of another package, with pretrained weights in a file of the user's; nothing is downloaded.

    The mean is that of the predicted distribution; the standard deviation is that of a normal distribution with the
    same central 90 % interval. A saved predictor holds the training set and a checksum of the weights, and loading
    reads it anew, with the file of the weights at the same path.

    Args:
        weights: File of pretrained weights, of the package's own format.
        features: Encodings, columns and curves joined by `/`; see `nasbench.predictors.encodings`.
        members: Number of views of the training set whose predictions are averaged.
        device: Where torch computes: "cpu", "cuda".
        seed: Seed of the views.
    """

    source: ClassVar[str]
    """Where weights are to be had, for messages."""

    def __init__(
        self, weights: str = "", features: str = DEFAULT, members: int = 8, device: str = "cpu", seed: int = 0
    ) -> None:
        self.weights, self.features, self.members = weights, features, members
        self.device, self.seed = device, seed

    @abstractmethod
    def _regressor(self, weights: Path) -> Any:
        """The regressor of the package, not fitted.

        Raises:
            MissingExtraError: The package is not installed.
        """

    @abstractmethod
    def _distribution(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Mean and lower and upper quantile `(n,)` at features `(n, f)`."""

    def _fit(self, inputs: Inputs, z: FloatArray) -> None:
        at_least(self, 1, "members")
        at_least(self, 0, "seed")
        x, _ = learnable(inputs, self.features)
        self._read(x, z, *self._checked_weights())

    def _checked_weights(self) -> tuple[Path, npt.NDArray[np.uint8]]:
        """The file of the weights, and its SHA-256 `(32,)`."""
        name, path = type(self).__name__, Path(self.weights).expanduser()
        if not self.weights or not path.is_file():
            found = f"{self.weights!r} is no file" if self.weights else "none are named"
            raise InputError(f"{name} reads pretrained weights, and {found}; get them from {self.source}, and pass "
                             "weights=PATH")  # fmt: skip
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        return path.absolute(), np.frombuffer(digest, dtype=np.uint8)

    def _read(self, x: FloatArray, z: FloatArray, weights: Path, digest: npt.NDArray[np.uint8]) -> None:
        """Take features `(n, f)` and targets `(n,)` as context."""
        self.x_, self.z_, self.digest_ = x, z, digest
        self.varying_ = np.flatnonzero(np.ptp(x, axis=0) > 0)
        regressor = self._regressor(weights)
        self.tells_ = bool(len(self.varying_)) and np.ptp(z) > 0  # or the packages differ in what they do
        with torch.random.fork_rng(devices=[]):  # networks draw initial weights before they are given others
            self.regressor_: Any = regressor.fit(x[:, self.varying_], z) if self.tells_ else None

    def _predict(self, inputs: Inputs) -> Prediction:
        x, _ = encode(inputs, self.features)
        if not self.tells_:
            return Prediction(np.full(len(x), self.z_.mean()), np.full(len(x), max(float(self.z_.std()), MIN_STD)))
        mean, low, high = (part.astype(np.float64) for part in self._distribution(x[:, self.varying_]))
        return Prediction(mean, np.maximum((high - low) / STDS_APART, MIN_STD))

    def _state(self) -> dict[str, npt.NDArray[Any]]:
        return {"x": self.x_, "z": self.z_, "digest": self.digest_}

    def _restore(self, state: dict[str, npt.NDArray[Any]]) -> None:
        weights, digest = self._checked_weights()
        if not np.array_equal(digest, state["digest"]):
            raise InputError(f"{self.weights!r} holds other weights than at the fit; bring those back, or fit again")
        self._read(state["x"], state["z"], weights, digest)

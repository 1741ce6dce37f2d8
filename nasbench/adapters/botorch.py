"""Predictors as models of BoTorch, whose acquisition functions choose among architectures (Balandat et al., 2020)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from nasbench.checks import check_whole
from nasbench.errors import InputError, MissingExtraError
from nasbench.predictors import Inputs, Predictor
from nasbench.predictors.gp import GaussianProcess
from nasbench.types import Direction, FloatArray, GenotypeArray

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit, in linear_operator
        from botorch.models.model import Model
        from botorch.posteriors import GPyTorchPosterior, Posterior
        from botorch.posteriors.ensemble import EnsemblePosterior
        from gpytorch.distributions import MultivariateNormal
except ImportError as error:
    raise MissingExtraError("models for BoTorch need it: pip install 'nasbench[botorch]'") from error

JOINT_ROWS = 512
"""Architectures whose joint covariance is computed at a time."""


class BotorchModel(Model):  # type: ignore[misc]
    """A fitted predictor whose `posterior` is one of transformed targets, larger where better.

    On that scale distributions are normal; `predictor.transform` takes a target there, such as the best so far. The
    posterior is of the target of one training, noise included, as in `predict_transformed`: a joint normal distribution
    with a Gaussian process, and independent ones with other predictors, or `draws` joint draws of any.

    Architectures are genotypes as floats. No gradient leads back to them: choose with `optimize_acqf_discrete`.

    Args:
        predictor: The predictor.
        inputs_of: Inputs of genotypes `(n, d)`, for predictors that read columns or curves.
        direction: Whether more of the target is better; if it is to be minimised, the posterior is of its negative.
        draws: Number of draws, for the posterior of an ensemble; 0 for normal distributions.
        seed: Seed of the draws.

    Raises:
        InputError: The predictor is not fitted, or an argument is not acceptable.
    """

    num_outputs = 1
    """One target."""
    batch_shape = torch.Size([])
    """One predictor."""

    def __init__(
        self,
        predictor: Predictor,
        inputs_of: Callable[[GenotypeArray], Inputs] | None = None,
        *,
        direction: Direction = "maximise",
        draws: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not hasattr(predictor, "space_"):
            raise InputError(f"{type(predictor).__name__} is not fitted; call fit first")
        if direction not in ("maximise", "minimise"):
            raise InputError(f"a direction is 'maximise' or 'minimise', got {direction!r}")
        check_whole("draws of BotorchModel", draws, 0)
        self.predictor, self.draws, self.seed = predictor, draws, seed
        self.sign = 1.0 if direction == "maximise" else -1.0
        self._inputs_of = inputs_of

    def posterior(
        self,
        X: torch.Tensor,  # BoTorch passes it by this name
        output_indices: list[int] | None = None,
        observation_noise: bool | torch.Tensor = False,
        posterior_transform: Any = None,
    ) -> Posterior:
        """Posterior at genotypes `(..., q, d)`, joint over each `q`; of shape `(..., q, 1)`, in float64.

        `observation_noise` changes nothing: the noise of one training is always in it.

        Raises:
            InputError: A number is not whole, or a genotype is not in the space.
        """
        inputs, shape = self._inputs(X), X.shape[:-1]
        if self.draws:
            rng = np.random.default_rng(self.seed)
            values = self.sign * self.predictor.sample_transformed(inputs, self.draws, rng)  # (draws, n)
            by_batch = torch.from_numpy(values).reshape(self.draws, *shape).movedim(0, -2)  # (..., draws, q)
            posterior: Posterior = EnsemblePosterior(by_batch[..., None].to(X.device))
        else:
            mean, covariance = self._moments(inputs, shape[-1])
            means = torch.from_numpy(self.sign * mean).reshape(shape)
            covariances = torch.from_numpy(covariance).reshape(*shape, shape[-1])
            posterior = GPyTorchPosterior(MultivariateNormal(means.to(X.device), covariances.to(X.device)))
        return posterior if posterior_transform is None else posterior_transform(posterior)

    def _inputs(self, x: torch.Tensor) -> Inputs:
        """Inputs of all genotypes, one after the other."""
        numbers = x.detach().cpu().numpy().reshape(-1, x.shape[-1])
        if not (numbers == np.round(numbers)).all():
            row = int(np.argmin((numbers == np.round(numbers)).all(axis=1)))
            raise InputError(
                f"genotypes are whole numbers: row {row} is {numbers[row].tolist()}; choose among architectures with "
                "optimize_acqf_discrete"
            )
        genotypes = self.predictor.space_.check(numbers.astype(np.int64))
        return self._inputs_of(genotypes) if self._inputs_of else Inputs.of(self.predictor.space_, genotypes)

    def _moments(self, inputs: Inputs, q: int) -> tuple[FloatArray, FloatArray]:
        """Mean `(n,)`, and covariance `(n / q, q, q)` of each `q`."""
        if q == 1 or not isinstance(self.predictor, GaussianProcess):
            mean, std = self.predictor.predict_transformed(inputs)
            return mean, (std**2).reshape(-1, q)[:, :, None] * np.eye(q)
        mean, covariance = np.empty(len(inputs)), np.empty((len(inputs) // q, q, q))
        together = max(1, JOINT_ROWS // q)
        for start in range(0, len(covariance), together):
            batches = slice(start, start + together)
            rows = slice(start * q, (start + together) * q)
            mean[rows], joint = self.predictor.joint_transformed(inputs[rows])
            number = len(joint) // q
            covariance[batches] = joint.reshape(number, q, number, q)[np.arange(number), :, np.arange(number)]
        return mean, covariance

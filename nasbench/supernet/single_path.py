"""Single-path training of a supernet: one sampled architecture a step (Guo et al., 2020), or fair rounds of them."""

from __future__ import annotations

import numpy as np
import torch

from nasbench.errors import InputError
from nasbench.spaces.base import Space
from nasbench.supernet.choice import Choice
from nasbench.supernet.shared import FORWARD, SharedTraining, SupernetSettings
from nasbench.types import FloatArray, GenotypeArray

SAMPLINGS = ("uniform", "fair")


def check_sampling(sampling: str) -> None:
    """Refuse what is no kind of sampling.

    Raises:
        InputError: It is none.
    """
    if sampling not in SAMPLINGS:
        raise InputError(f"sampling is one of {', '.join(SAMPLINGS)}; got {sampling!r}")


def sample_round(sampling: str, edges: int, operations: int, rng: np.random.Generator) -> GenotypeArray:
    """Genotypes whose gradients make one step of the weights.

    `"uniform"` draws one, `(1, edges)`. `"fair"` draws as many as there are operations, `(operations, edges)`, among
    which each edge has each operation once (Chu et al., ICCV 2021, Algorithm 1).
    """
    if sampling == "uniform":
        return rng.integers(operations, size=(1, edges)).astype(np.int8)
    return np.stack([rng.permutation(operations) for _ in range(edges)], axis=1).astype(np.int8)


def train_single_path(shared: SharedTraining, sampling: str, rng: np.random.Generator) -> None:
    """Train the weights of a supernet on sampled architectures, in place.

    Args:
        shared: The supernet.
        sampling: One of `SAMPLINGS`.
        rng: Draws the architectures.

    Raises:
        InputError: There is no such sampling.
    """
    check_sampling(sampling)
    network = shared.network
    for _ in range(shared.settings.epochs):
        for batch in shared.batches():
            genotypes = sample_round(sampling, len(network.edges), network.operations, rng)
            shared.step(batch, [Choice.of(genotype) for genotype in genotypes])


def shared_accuracies(shared: SharedTraining, genotypes: GenotypeArray, images: int | None = None) -> FloatArray:
    """Validation score in percent of `n` genotypes `(n, edges)` with shared weights; shape `(n,)`.

    Args:
        shared: The supernet.
        genotypes: The architectures.
        images: Number of validation images, the first ones; None for all. They are one batch.
    """
    x, y = (part[:images] for part in shared.validation)
    scores = np.empty(len(genotypes))
    with torch.inference_mode():
        for row, genotype in enumerate(genotypes):
            choice, tally = Choice.of(genotype), shared.task.tally()
            outputs = shared.outputs(x, choice)
            shared.spend(x, choice, FORWARD)
            tally.add(outputs, y, shared.task.loss(outputs, y))
            scores[row] = tally.result()[0]
    return scores


def single_path_training(
    space: Space, settings: SupernetSettings, sampling: str, rng: np.random.Generator
) -> SharedTraining:
    """A supernet of a space, trained on sampled architectures; all randomness from `rng`.

    Raises:
        InputError: The space has no supernet, does not fit the data, or there is no such sampling.
    """
    check_sampling(sampling)
    shared = SharedTraining(space, settings, rng)
    train_single_path(shared, sampling, rng)
    return shared

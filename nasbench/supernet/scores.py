"""One-shot scores: accuracies of architectures with the weights of one supernet (Bender et al., ICML 2018)."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_whole
from nasbench.parallel.threads import single_threaded
from nasbench.spaces import Space
from nasbench.supernet.shared import SupernetSettings
from nasbench.supernet.single_path import shared_accuracies, single_path_training
from nasbench.types import FloatArray, GenotypeArray


def one_shot_scores(
    space: Space,
    genotypes: GenotypeArray | None = None,
    settings: SupernetSettings | None = None,
    *,
    sampling: str = "uniform",
    images: int | None = None,
    seed: int = 0,
) -> FloatArray:
    """Validation accuracies with shared weights, as a static column: nothing is trained but the supernet.

    Args:
        space: A space that has a supernet.
        genotypes: Architectures `(n, d)`; None for all of `space.unique()`, in their order.
        settings: Data and training of the supernet.
        sampling: `"uniform"` or `"fair"`.
        images: Number of validation images, the first ones; None for all.
        seed: Seed of everything random.

    Returns:
        Accuracies in percent, more is better; shape `(n,)`.

    Raises:
        InputError: The space has no supernet, does not fit the data, or an architecture is not in the space.
    """
    check_whole("seed", seed, least=0)
    checked = space.unique() if genotypes is None else space.check(genotypes)
    if images is not None:
        check_whole("images", images, least=2)
    with single_threaded():
        shared = single_path_training(space, settings or SupernetSettings(), sampling, np.random.default_rng(seed))
        return shared_accuracies(shared, checked, images)

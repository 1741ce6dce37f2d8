"""Single-path one-shot search: rank architectures by their accuracy with shared weights (Guo et al., ECCV 2020)."""

from __future__ import annotations

import numpy as np

from nasbench.checks import check_whole
from nasbench.search.shared_weights import SharedWeights, best_first
from nasbench.supernet.shared import SharedTraining
from nasbench.supernet.single_path import check_sampling, shared_accuracies, train_single_path
from nasbench.types import FloatArray, GenotypeArray


class OneShot(SharedWeights):
    """Trains sampled architectures one step each, then proposes candidates by their accuracy with shared weights.

    Candidates are random architectures, or the whole space where it is no larger. After them come the others of the
    space, in random order. The accuracies cost forward passes, which are charged with the training. The default has
    more and shorter steps than that of the gradient-based strategies, because a step trains one operation an edge.

    Args:
        dataset: See `SharedWeights`.
        epochs: As there.
        channels: As there.
        cells: As there.
        stages: As there.
        batch: As there.
        learning_rate: As there.
        sampling: `"uniform"` trains one architecture a step, `"fair"` each operation of each edge equally often in each
            step (FairNAS; Chu et al., ICCV 2021).
        candidates: Architectures that are ranked.
        images: Validation images that rank them, the first ones.

    Attributes:
        candidates_: Ranked architectures `(n, d)`, best first.
        accuracies_: Their accuracies with shared weights in percent; shape `(n,)`.
    """

    candidates_: GenotypeArray
    accuracies_: FloatArray

    def __init__(
        self,
        dataset: str = "digits",
        epochs: int = 100,
        channels: int = 8,
        cells: int = 1,
        stages: int = 1,
        batch: int = 32,
        learning_rate: float = 0.1,
        sampling: str = "uniform",
        candidates: int = 1000,
        images: int = 100,
    ) -> None:
        super().__init__(dataset, epochs, channels, cells, stages, batch, learning_rate)
        check_sampling(sampling)
        check_whole("candidates", candidates)
        check_whole("images", images, least=2)
        self.sampling, self.candidates, self.images = sampling, candidates, images

    def _train(self, shared: SharedTraining) -> GenotypeArray:
        train_single_path(shared, self.sampling, self.rng)
        unique = self.space.unique()
        shuffled = unique[self.rng.permutation(len(unique))]
        chosen, others = shuffled[: self.candidates], shuffled[self.candidates :]
        accuracies = shared_accuracies(shared, chosen, self.images)
        self.candidates_, self.accuracies_ = best_first(chosen, accuracies), -np.sort(-accuracies)
        return np.concatenate([self.candidates_, others])

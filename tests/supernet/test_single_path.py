"""Single-path training: what is drawn, what a step touches, and what it costs."""

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, spaces
from nasbench.supernet.choice import Choice
from nasbench.supernet.scores import one_shot_scores
from nasbench.supernet.shared import SharedTraining, SupernetSettings
from nasbench.supernet.single_path import sample_round, shared_accuracies, train_single_path
from nasbench.training.settings import TrainSettings

SPACE = spaces.create("nb201")
SMALL = SupernetSettings(
    "digits+train=64+validation=32+test=8", NetworkSettings(4, 1, 1), TrainSettings(epochs=1, batch_size=16)
)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_fair_rounds_have_each_operation_once_on_each_edge() -> None:
    for _ in range(20):
        genotypes = sample_round("fair", 6, 5, rng())
        assert (np.sort(genotypes, axis=0) == np.arange(5)[:, None]).all()


def test_uniform_rounds_are_one_architecture() -> None:
    generator = rng()
    drawn = np.concatenate([sample_round("uniform", 6, 5, generator) for _ in range(2000)])
    assert drawn.shape == (2000, 6)
    counts = (drawn[:, :, None] == np.arange(5)).sum(axis=0)
    assert (np.abs(counts - 400) < 5 * np.sqrt(2000 * 0.2 * 0.8)).all(), "five standard deviations"


@pytest.mark.parametrize("sampling", ["uniform", "fair"])
def test_a_step_changes_only_sampled_weights(sampling: str) -> None:
    shared = SharedTraining(SPACE, SMALL, rng())
    before = {name: weight.detach().clone() for name, weight in shared.network.named_parameters()}
    genotypes = sample_round(sampling, 6, 5, rng())
    shared.step(next(shared.batches()), [Choice.of(genotype) for genotype in genotypes])
    live = SPACE.live(genotypes)
    for name, weight in shared.network.named_parameters():
        changed = not torch.equal(weight, before[name])
        if ".candidates." in name:
            edge, operation = map(int, name.split(".")[3:5])
            sampled = genotypes[:, edge] == operation
            assert changed >= (sampled & live[:, edge]).any(), name
            assert changed <= sampled.any(), name
        else:
            assert changed, name


def test_fair_training_trains_every_operation_equally_often() -> None:
    shared = SharedTraining(SPACE, SMALL, rng())
    counts = np.zeros((6, 5), dtype=int)
    step = shared.step

    def noted(batch: object, choices: list[Choice]) -> None:
        for choice in choices:
            counts[np.arange(6), [active[0] for active in choice.active]] += 1
        step(batch, choices)  # type: ignore[arg-type]

    shared.step = noted  # type: ignore[method-assign,assignment]
    train_single_path(shared, "fair", rng())
    assert (counts == 4).all(), "four steps an epoch"


def test_costs_by_hand() -> None:
    """Three passes of 64 images through a mean architecture are one epoch; the first fair round costs five."""
    shared = SharedTraining(SPACE, SMALL, rng())
    assert shared.epochs == 0
    train_single_path(shared, "fair", rng())
    assert shared.epochs == 5
    shared_accuracies(shared, SPACE.sample(1, rng()), 8)
    assert shared.epochs == 6, "rounded up"


def test_scores_repeat_and_leave_the_global_generators_alone() -> None:
    genotypes = SPACE.sample(5, rng())
    state = torch.get_rng_state()
    first, second = (one_shot_scores(SPACE, genotypes, SMALL, images=16) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.tolist() == second.tolist()
    assert first.shape == (5,)
    assert ((first >= 0) & (first <= 100)).all()
    assert one_shot_scores(SPACE, genotypes[3:4], SMALL, images=16).tolist() == [first[3]]
    assert one_shot_scores(SPACE, genotypes, SMALL, images=16, seed=1).tolist() != first.tolist()


def test_more_training_gives_better_scores() -> None:
    genotypes = np.array([[3, 3, 3, 3, 3, 3]], dtype=np.int8)
    longer = SupernetSettings("digits", NetworkSettings(8, 1, 1), TrainSettings(epochs=3, batch_size=16))
    assert one_shot_scores(SPACE, genotypes, longer, sampling="fair")[0] > 20, "chance is 10 %, give or take 1.3"


def test_a_supernet_that_diverges_says_so() -> None:
    shared = SharedTraining(SPACE, SMALL, rng())
    with torch.no_grad():
        next(shared.network.parameters()).fill_(torch.nan)
    with pytest.raises(InputError, match=r"the supernet diverges in step 1; lower its learning_rate of 0\.1"):
        train_single_path(shared, "uniform", rng())


def test_refusals() -> None:
    with pytest.raises(InputError, match="sampling is one of uniform, fair; got 'unfair'"):
        one_shot_scores(SPACE, settings=SMALL, sampling="unfair")
    with pytest.raises(InputError, match="the space nb101 has no supernet"):
        one_shot_scores(spaces.create("nb101"), settings=SMALL)
    with pytest.raises(InputError, match="image"):
        one_shot_scores(SPACE, settings=SupernetSettings("text"))

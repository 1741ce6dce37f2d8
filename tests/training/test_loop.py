import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nasbench.parallel.devices import pick_device
from nasbench.parallel.threads import single_threaded
from nasbench.tasks.images import ImageClassification
from nasbench.training.device import seeded
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings

CPU = torch.device("cpu")
TASK = ImageClassification((2, 4, 4), 3)


def blobs(n=60, classes=3, seed=0):
    """Images (2, 4, 4) of classes that differ in brightness."""
    rng = np.random.default_rng(seed)
    data = {}
    for split in ("train", "validation", "test"):
        labels = rng.integers(0, classes, n)
        images = rng.normal(0, 0.5, (n, 2, 4, 4)) + labels[:, None, None, None]
        data[split] = (torch.tensor(images, dtype=torch.float32), torch.tensor(labels))
    return data


def small(seed=0):
    with seeded(seed, CPU):
        return nn.Sequential(
            nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        )


def run(seed=0, data=None, **changes):
    with single_threaded():
        return train(
            small(), TASK, data or blobs(), TrainSettings(**{"epochs": 3, "batch_size": 16} | changes), seed, CPU
        )


class Tracker(nn.Module):
    """Constant logits from a bias alone; records its inputs."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(2))
        self.seen = []

    def forward(self, x):
        if self.training:
            self.seen.append(x[:, 0, 0, 0].tolist())
        return self.bias.expand(len(x), 2)


def numbered(n):
    images, labels = torch.arange(n, dtype=torch.float32).view(n, 1, 1, 1), torch.zeros(n, dtype=torch.int64)
    return dict.fromkeys(("train", "validation", "test"), (images, labels))


def test_one_step_by_hand(rounding):
    """A bias at 0, all labels 0: gradient (-1/2, 1/2); Nesterov's first step is lr (1 + momentum) times that."""
    network = Tracker()
    history = train(
        network,
        TASK,
        numbered(4),
        TrainSettings(1, batch_size=4, learning_rate=0.1, momentum=0.9, weight_decay=0),
        0,
        CPU,
    )
    near = rounding(20, "float32")  # softmax, mean of 4 gradients, step; two exponentials, logarithm, mean of 4 losses
    assert network.bias.tolist() == pytest.approx([0.095, -0.095], rel=near)
    assert history["train_loss"][0] == pytest.approx(math.log(2), rel=near)  # before the step
    assert history["validation_loss"][0] == pytest.approx(math.log(1 + math.exp(-0.19)), rel=near)  # after it
    assert history["test_accuracy"][0] == 100


def test_one_step_of_adamw_by_hand(rounding):
    """Adam's first step is the learning rate times the sign of the gradient; the weights are 0, so nothing decays."""
    network = Tracker()
    settings = TrainSettings(1, batch_size=4, learning_rate=0.1, weight_decay=0.5, optimiser="adamw")
    train(network, TASK, numbered(4), settings, 0, CPU)
    near = rounding(20, "float32") + 2e-8  # Adam divides by |gradient| + 1e-8, and the gradient is 1/2
    assert network.bias.tolist() == pytest.approx([0.1, -0.1], rel=near)


@given(n=st.integers(2, 40), batch=st.integers(1, 50))
@settings(deadline=None, max_examples=30)
def test_each_epoch_shows_every_image_once_in_even_batches(n, batch):
    network = Tracker()
    train(network, TASK, numbered(n), TrainSettings(epochs=2, batch_size=batch), 0, CPU)
    steps = math.ceil(n / batch)
    assert len(network.seen) == 2 * steps
    for epoch in (network.seen[:steps], network.seen[steps:]):
        assert sorted(value for shown in epoch for value in shown) == list(range(n))
        sizes = [len(shown) for shown in epoch]
        assert max(sizes) <= batch and max(sizes) - min(sizes) <= 1


def test_it_learns_and_says_so_in_percent_nats_and_seconds():
    history = run(epochs=8)
    assert history.values.shape == (7, 8)
    assert history.diverged is None
    assert history["test_accuracy"][-1] > 80
    assert history["test_loss"][-1] < history["test_loss"][0]
    for split in ("train", "validation", "test"):
        assert np.all((history[f"{split}_accuracy"] >= 0) & (history[f"{split}_accuracy"] <= 100))
    assert np.all(np.diff(history["train_seconds"]) > 0)


def test_it_learns_in_mixed_precision(monkeypatch):
    """As on CUDA; fails if low-precision copies of the weights outlive a step."""
    monkeypatch.setattr("nasbench.training.steps.precision", lambda device: torch.autocast("cpu", torch.bfloat16))
    assert run(epochs=8)["test_accuracy"][-1] > 80


def test_the_same_seed_repeats_exactly_and_another_does_not():
    measured = slice(0, -1)
    first, again, other = run(seed=1).values, run(seed=1).values, run(seed=2).values
    np.testing.assert_array_equal(first[measured], again[measured])
    assert not np.array_equal(first[measured], other[measured])


def test_global_generators_neither_matter_nor_change():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first = run(seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(6)
    np.testing.assert_array_equal(run(seed=1)["test_loss"], first["test_loss"])


def test_evaluation_does_not_change_training(monkeypatch, rounding):
    data = blobs()
    other = {**data, "test": tuple(part[:7] for part in data["test"]), "validation": data["test"]}
    np.testing.assert_array_equal(run(data=data)["train_loss"], run(data=other)["train_loss"])
    expected = run()
    monkeypatch.setattr("nasbench.training.steps.EVALUATION_BATCH", 7)
    # the same weights; of each of 60 losses 18 and 16 products, 4 steps of a softmax, and a sum of all
    np.testing.assert_allclose(run()["test_loss"], expected["test_loss"], rtol=rounding(100, "float32"))


def test_a_diverged_network_has_no_accuracy():
    history = run(learning_rate=1e30)
    assert history.diverged is not None
    assert np.isnan(history.values[:, history.diverged - 1 :]).all()
    assert np.isfinite(history.values[:, : history.diverged - 1]).all()


def test_divergence_at_a_later_epoch_keeps_what_came_before():
    class Bomb(Tracker):
        def forward(self, x):
            return super().forward(x) * (math.nan if len(self.seen) > 4 else 1)

    history = train(Bomb(), TASK, numbered(8), TrainSettings(epochs=4, batch_size=4), 0, CPU)
    assert history.diverged == 3
    assert np.isfinite(history.values[:, :2]).all() and np.isnan(history.values[:, 2:]).all()


@pytest.mark.cuda
def test_cuda_learns_and_repeats():
    device = pick_device("cuda")
    data = {split: (images.to(device), labels.to(device)) for split, (images, labels) in blobs().items()}
    histories = [train(small(), TASK, data, TrainSettings(epochs=8, batch_size=16), 0, device) for _ in range(2)]
    assert histories[0]["test_accuracy"][-1] > 80
    np.testing.assert_array_equal(histories[0].values[:-1], histories[1].values[:-1])

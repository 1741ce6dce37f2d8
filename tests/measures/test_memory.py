"""Peak memory: two layers by hand, repeatability, and growth with sizes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.measures.memory import inference_memory, training_memory
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks import tasks
from nasbench.tasks.images import ImageClassification
from nasbench.training.settings import TrainSettings

TASK = ImageClassification((1, 2, 2), 3)
FLOAT, INDEX = 4, 8
"""Bytes of a float32 and of an int64."""
WEIGHTS = (4 * 8 + 8 * 3) * FLOAT


def layers() -> nn.Sequential:
    """From 4 pixels to 8 hidden numbers to 3 classes."""
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))


@pytest.mark.parametrize("batch", [1, 16])
def test_inference_by_hand(batch: int) -> None:
    """The peak is after ReLU: its 8 input numbers are still alive."""
    pixels, hidden = batch * 4 * FLOAT, batch * 8 * FLOAT
    assert inference_memory(layers(), TASK.inputs(batch)) == WEIGHTS + pixels + 2 * hidden


def test_inference_in_place_needs_one_less() -> None:
    network = layers()
    network[2] = nn.ReLU(inplace=True)
    assert inference_memory(network, TASK.inputs(16)) == WEIGHTS + 16 * (4 + 8 + 3) * FLOAT


def test_training_by_hand() -> None:
    """The peak is in the second step, when the gradient passes back through ReLU."""
    batch = 16
    hidden, logits = batch * 8 * FLOAT, batch * 3 * FLOAT
    held = {
        "weights": WEIGHTS,
        "momentum": WEIGHTS,
        "images and classes of the batch": batch * (4 * FLOAT + INDEX),
        "order of the inputs of both steps": 2 * batch * INDEX,
        "score and loss so far: right choices, choices, loss": 2 * INDEX + FLOAT,
        "loss, and the weight it divides by": 2 * FLOAT,
        "logits": logits,
        "gradient of the second layer's weights": 8 * 3 * FLOAT,
        "what ReLU answered; gradients after and before it": 3 * hidden,
    }
    assert training_memory(layers(), TASK, TrainSettings(batch_size=batch)) == sum(held.values())


def test_adamw_keeps_twice_as_much_as_momentum() -> None:
    sgd, adamw = (training_memory(layers(), TASK, TrainSettings(batch_size=64, optimiser=o)) for o in ("sgd", "adamw"))
    steps = 2 * FLOAT  # how many steps were taken, for each tensor of weights
    assert adamw - sgd == WEIGHTS + steps


def test_shared_weights_and_views_count_once() -> None:
    layer = nn.Linear(4, 4, bias=False)
    inputs = torch.ones(1, 4)
    twice = inference_memory(nn.Sequential(layer, layer), inputs)
    assert twice == inference_memory(layer, inputs) + 4 * FLOAT
    assert inference_memory(nn.Flatten(), torch.ones(2, 3, 5)) == 30 * FLOAT


class Sparse(nn.Module):
    """Unused weights still take memory."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.ones(1000))
        self.register_buffer("kept", torch.ones(10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1


def test_what_is_not_used_counts() -> None:
    assert inference_memory(Sparse(), torch.ones(1, 5)) == (1000 + 10 + 5 + 5) * FLOAT


@pytest.mark.parametrize("name", ["nb201", "nb101", "transformer"])
def test_repeats_exactly_and_leaves_the_network_alone(name: str) -> None:
    space = spaces.create(name)
    task = tasks.resolve(space.task)[0].small()
    genotype = space.sample(1, np.random.default_rng(0))[0]
    network = space.network(genotype, task, NetworkSettings(channels=8, cells=1))
    before = [tensor.clone() for tensor in network.state_dict().values()]
    seen = {
        (training_memory(network, task, TrainSettings(batch_size=8)), inference_memory(network, task.inputs(4)))
        for _ in range(3)
    }
    assert len(seen) == 1
    training, inference = seen.pop()
    assert training > inference > sum(p.numel() for p in network.parameters()) * FLOAT
    assert all(torch.equal(a, b) for a, b in zip(before, network.state_dict().values(), strict=True))


def test_grows_by_the_same_with_each_input() -> None:
    space = spaces.create("nb201")
    task = ImageClassification((1, 8, 8), 10)
    network = space.network(np.array([3] * 6), task, NetworkSettings(channels=4, cells=1))
    answering = [inference_memory(network, task.inputs(n)) for n in (8, 16, 24)]
    training = [training_memory(network, task, TrainSettings(batch_size=n)) for n in (8, 16, 24)]
    for bytes_ in (answering, training):
        assert bytes_[2] - bytes_[1] == bytes_[1] - bytes_[0] > 0


def test_on_cuda_it_is_what_the_allocator_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the allocator: earlier allocations are not counted."""
    calls: list[str] = []

    def says(name: str, answer: Any) -> Callable[..., Any]:
        return lambda device: calls.append(name) or answer

    monkeypatch.setattr("torch.cuda.memory_allocated", says("allocated", 1000))
    monkeypatch.setattr("torch.cuda.reset_peak_memory_stats", says("reset", None))
    monkeypatch.setattr("torch.cuda.max_memory_allocated", says("most", 5096))
    monkeypatch.setattr("torch.nn.Module.to", lambda self, device: self)
    monkeypatch.setattr("torch.Tensor.to", lambda self, device: self)
    assert inference_memory(layers(), TASK.inputs(1), torch.device("cuda:0")) == 4096
    assert calls == ["allocated", "reset", "most"]


@pytest.mark.cuda
def test_cuda_needs_weights_and_batch_at_least() -> None:
    network, task, device = layers(), TASK, torch.device("cuda:0")
    weights = sum(weight.nbytes for weight in network.parameters())
    assert inference_memory(network, task.inputs(16), device) >= weights + task.inputs(16).nbytes
    assert training_memory(network, task, TrainSettings(batch_size=16), device) >= 3 * weights  # gradients, momenta

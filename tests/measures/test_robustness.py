"""Accuracy on corrupted images: by hand with one pixel, then with a trained network."""

import torch
from torch import nn

from nasbench.datasets import datasets
from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.corruptions import CORRUPTIONS, corrupted
from nasbench.measures.robustness import corruption_scores
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification
from nasbench.training.device import seeded
from nasbench.training.loop import train
from nasbench.training.settings import TrainSettings
from nasbench.training.steps import evaluate

CPU = torch.device("cpu")


class Sign(nn.Module):
    """Class 1 if the only pixel is positive, else class 0."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pixel = x.flatten(1)
        return torch.cat([-pixel, pixel], dim=1)


def test_by_hand() -> None:
    labels = torch.tensor([0, 0, 1, 1])
    pixels = {"none": [-1.0, -1, 1, 1], "one": [-1.0, 1, 1, 1], "all": [1.0, 1, -1, -1]}
    inputs = {name: (torch.tensor(row).view(4, 1, 1, 1), labels) for name, row in pixels.items()}
    scores = corruption_scores(Sign(), ImageClassification((1, 1, 1), 2), inputs)
    assert scores == {"none": 100.0, "one": 75.0, "all": 0.0}


def test_a_trained_network_sees_less_through_stronger_corruptions() -> None:
    data = datasets.create("digits+validation=100+test=300").load()
    assert isinstance(data, ImageData)
    tensors = data.tensors(CPU)
    space = spaces.create("nb201")
    with seeded(0, CPU):
        network = space.network(
            space.genotype("|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|"),
            data.task,
            NetworkSettings(channels=4, cells=1),
        )
    train(network, data.task, tensors, TrainSettings(epochs=2), 0, CPU)
    clean = evaluate(network, data.task, *tensors["test"])[0]
    means = []
    for severity in (1, 3, 5):
        scores = corruption_scores(network, data.task, corrupted(data, CPU, severity, limit=100))
        assert set(scores) == set(CORRUPTIONS)
        assert all(0 <= score <= 100 for score in scores.values())
        means.append(sum(scores.values()) / len(scores))
    assert clean > means[0] > means[1] > means[2] > 100 / data.classes

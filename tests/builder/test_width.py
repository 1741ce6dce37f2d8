"""The number of networks side by side by the rule."""

import pytest

from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings
from nasbench.builder.width import WIDTHS, usual_width
from nasbench.tasks import tasks
from nasbench.tasks.images import ImageClassification


def settings(channels, batch):
    return BuildSettings(network=NetworkSettings(channels=channels), train=TrainSettings(batch_size=batch))


@pytest.mark.parametrize(
    ("device", "channels", "batch", "side", "width"),
    [
        ("cpu", 2, 1, 8, 8),
        ("cpu", 16, 64, 8, 8),  # 16 * 64 * 64 numbers, 2 ** 16
        ("cpu", 17, 64, 8, 1),
        ("cpu", 16, 64, 9, 1),
        ("cuda", 16, 64, 32, 128),
        ("cuda", 16, 256, 32, 32),
        ("cuda", 64, 256, 224, 1),
    ],
)
def test_by_hand(device, channels, batch, side, width):
    assert usual_width(ImageClassification((3, side, side), 10), settings(channels, batch), device) == width


@pytest.mark.parametrize("device", list(WIDTHS))
def test_wider_networks_are_never_more(device):
    task = ImageClassification((1, 8, 8), 10)
    widths = [usual_width(task, settings(channels, 32), device) for channels in range(1, 300)]
    assert widths == sorted(widths, reverse=True) and widths[-1] >= 1


@pytest.mark.parametrize("task", [name for name in tasks if name != ImageClassification.name])
def test_other_tasks_are_trained_one_by_one(task):
    assert usual_width(tasks.resolve(task)[0].small(), BuildSettings(), "cpu") == 1

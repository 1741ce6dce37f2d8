"""The number of networks side by side by the rule."""

import pytest

from nasbench.builder.width import CHANNELS_SIDE_BY_SIDE, usual_width
from nasbench.spaces import NetworkSettings
from nasbench.tasks import tasks
from nasbench.tasks.images import ImageClassification

IMAGES = ImageClassification((1, 8, 8), 10)


@pytest.mark.parametrize(
    ("device", "channels", "width"),
    [("cpu", 2, 8), ("cpu", 16, 8), ("cpu", 32, 4), ("cpu", 100, 1), ("cpu", 500, 1), ("cuda", 16, 128)],
)
def test_by_hand(device, channels, width):
    assert usual_width(IMAGES, NetworkSettings(channels=channels), device) == width


@pytest.mark.parametrize("device", list(CHANNELS_SIDE_BY_SIDE))
def test_wider_networks_are_never_more(device):
    widths = [usual_width(IMAGES, NetworkSettings(channels=channels), device) for channels in range(1, 600)]
    assert widths == sorted(widths, reverse=True) and widths[-1] >= 1


@pytest.mark.parametrize("task", [name for name in tasks if name != IMAGES.name])
def test_other_tasks_are_trained_one_by_one(task):
    assert usual_width(tasks.resolve(task)[0].small(), NetworkSettings(), "cpu") == 1

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.measure import flops, latency, parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification


def test_parameters_by_hand():
    network = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 10))
    assert parameters(network) == 2 * 9 + 2 * 2 + (8 * 10 + 10)


def test_a_shared_parameter_counts_once_and_a_frozen_one_not_at_all():
    layer = nn.Linear(3, 3)
    assert parameters(nn.Sequential(layer, nn.ReLU(), layer)) == 12
    layer.bias.requires_grad_(False)
    assert parameters(layer) == 9


def test_flops_by_hand():
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, bias=False),  # 8 x 8 positions, 9 x 1 x 2 each
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(2, 4, 1),  # 4 x 4 positions, 2 x 4 and 4 biases each
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4, bias=False),  # 2 x 2 positions, 9 x 4 each
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    assert flops(network, torch.ones(1, 1, 8, 8)) == 64 * 18 + 16 * (8 + 4) + 4 * 36 + (160 + 10)


def test_flops_of_a_layer_without_bias():
    assert flops(nn.Sequential(nn.Flatten(), nn.Linear(12, 5, bias=False)), torch.ones(1, 3, 2, 2)) == 60


def test_flops_do_not_touch_batch_norm_statistics():
    network = nn.Sequential(nn.BatchNorm2d(1))
    flops(network, torch.ones(1, 1, 2, 2))
    assert network[0].num_batches_tracked == 0


def test_published_costs_of_nas_bench_201():
    """Architecture 0 with 16 channels and 5 cells a stage on CIFAR-10, as NAS-Bench-201 lists it."""
    space = spaces.create("nb201")
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    network = space.network(
        space.genotype(text), ImageClassification((3, 32, 32), 10), NetworkSettings(channels=16, cells=5)
    )
    assert parameters(network) / 1e6 == pytest.approx(0.129306, abs=1e-9)
    assert flops(network, torch.ones(1, 3, 32, 32)) / 1e6 == pytest.approx(15.64737, abs=1e-9)


def test_latency_is_a_finite_time_in_milliseconds():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    value = latency(network, torch.ones(1, 1, 8, 8), repeats=3)
    assert np.isfinite(value) and value > 0


def test_latency_counts_only_the_timed_passes(monkeypatch):
    clock = iter([0, 9_000_000, 0, 1_000_000, 0, 3_000_000, 0, 2_000_000])
    monkeypatch.setattr("nasbench.measure.time.perf_counter_ns", lambda: next(clock))
    assert latency(nn.Identity(), torch.ones(1, 1, 1, 1), repeats=3, warmup=1) == 2.0


def test_latency_without_repeats_is_refused():
    with pytest.raises(InputError, match="at least 1 repeat"):
        latency(nn.Identity(), torch.ones(1, 1, 1, 1), repeats=0)

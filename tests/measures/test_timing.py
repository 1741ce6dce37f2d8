"""Times: medians by hand with a scripted clock."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.errors import InputError
from nasbench.measures.inference import inference_seconds
from nasbench.measures.latency import latency
from nasbench.measures.timing import median_seconds
from nasbench.training.steps import EVALUATION_BATCH

ONE = torch.ones(1, 1, 1, 1)


def clock(*milliseconds: int) -> Callable[[], int]:
    """A clock by which each pass takes the given time."""
    shown = iter([moment for time in milliseconds for moment in (0, 1_000_000 * time)])
    return lambda: next(shown)


class Counting(nn.Module):
    """Records batch sizes and numbers of threads."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, int]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append((len(x), torch.get_num_threads()))
        return x


def test_the_median_of_the_timed_passes() -> None:
    assert median_seconds(lambda: None, 3, 1, clock(9, 1, 3, 2)) == 0.002
    assert median_seconds(lambda: None, 2, 0, clock(4, 1)) == 0.0025


def test_latency_is_in_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasbench.measures.latency.median_seconds", lambda work, repeats, warmup: repeats + warmup)
    assert latency(nn.Identity(), ONE, repeats=3, warmup=1) == 4000


def test_seconds_of_many_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasbench.measures.inference.time.thread_time_ns", clock(90, 40, 20, 60))
    network = Counting()
    assert inference_seconds(network, torch.ones(EVALUATION_BATCH + 5, 1)) == 0.04
    assert network.seen == 4 * [(EVALUATION_BATCH, 1), (5, 1)]


def test_real_clocks_show_finite_times() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    inputs = torch.ones(64, 1, 8, 8)
    times = latency(network, inputs[:1], repeats=3), inference_seconds(network, inputs)
    assert np.isfinite(times).all() and min(times) > 0
    assert not network.training and network[1].num_batches_tracked == 0


@pytest.mark.parametrize(("repeats", "warmup"), [(0, 1), (1, -1)])
def test_nothing_to_time_is_refused(repeats: int, warmup: int) -> None:
    for timed in (latency, inference_seconds):
        with pytest.raises(InputError, match=f"at least 1 repeat and 0 warm-up passes, got {repeats} and {warmup}"):
            timed(nn.Identity(), ONE, repeats, warmup)

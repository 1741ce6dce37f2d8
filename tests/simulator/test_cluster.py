"""Clusters, and what cannot be one."""

import math

import pytest

from nasbench.errors import InputError
from nasbench.simulator.cluster import Cluster


def test_numbers_and_speeds() -> None:
    assert Cluster.of(3).speeds == Cluster.parse("3").speeds == (1.0, 1.0, 1.0)
    assert Cluster.parse("1,1,0.5").speeds == (1.0, 1.0, 0.5)
    assert len(Cluster.parse("1, 0.5")) == 2
    cluster = Cluster((2.0,))
    assert Cluster.of(cluster) is cluster


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan])
def test_speeds_are_positive_numbers(speed: float) -> None:
    with pytest.raises(InputError, match="the speed of a worker is a positive number, got"):
        Cluster((1.0, speed))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "the number of workers must be a whole number of at least 1, got 0"),
        ("-2", "the number of workers must be a whole number of at least 1, got -2"),
        ("1,0", "a positive number, got 0.0"),
        ("two", "workers are a number, or their speeds separated by commas, as in 1,1,0.5; got 'two'"),
        ("0.5", "workers are a number"),
        ("1,,2", "workers are a number"),
    ],
)
def test_texts_that_state_no_cluster(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cluster.parse(text)


def test_a_cluster_has_a_worker() -> None:
    with pytest.raises(InputError, match="at least 1 worker, got none"):
        Cluster(())

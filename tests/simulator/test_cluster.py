"""Clusters, and what cannot be one."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.simulator.cluster import Cluster


def test_numbers_and_speeds() -> None:
    assert Cluster.of(3).speeds == Cluster.parse("3").speeds == (1.0, 1.0, 1.0)
    assert Cluster.parse("1,1,0.5").speeds == (1.0, 1.0, 0.5)
    assert len(Cluster.parse("1, 0.5")) == 2
    cluster = Cluster((2.0,))
    assert Cluster.of(cluster) is cluster


def test_settings_follow_the_speeds() -> None:
    assert Cluster.parse("2+jitter=0.3+mtbf=1e+3+restarts=0") == Cluster((1.0, 1.0), 0.3, 1000.0, 0)
    assert Cluster.parse("1,0.5+mtbf=60") == Cluster((1.0, 0.5), mtbf=60.0)
    assert Cluster.parse("3+jitter=0").steady and not Cluster.parse("3+mtbf=9").steady
    assert Cluster.parse("3+jitter=0").recorded == 3
    assert Cluster.parse("1,0.5").recorded == (1.0, 0.5)
    assert Cluster((1.0,), jitter=0.5).recorded == "1+jitter=0.5"


@given(
    st.lists(st.floats(0.01, 100), min_size=2, max_size=5), st.floats(0.01, 3), st.floats(0.001, 1e9), st.integers(0, 9)
)
def test_a_recorded_text_is_the_cluster(speeds: list[float], jitter: float, mtbf: float, restarts: int) -> None:
    cluster = Cluster(tuple(speeds), jitter, mtbf, restarts)
    assert isinstance(cluster.recorded, str) and Cluster.parse(cluster.recorded) == cluster


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
        ("2+jitter=-1", "the jitter of workers must be a number from 0 to 3, got -1.0"),
        ("2+mtbf=0", r"the mean time between failures \(mtbf\) must be a number above 0, got 0.0"),
        ("2+restarts=-1", "the number of restarts must be a whole number of at least 0, got -1"),
        ("2+restarts=1.5", r"as in 1,1,0.5; got '2\+restarts=1.5'; \+jitter=0.3, \+mtbf=SECONDS and \+restarts=3 may"),
        ("2+speed=1", "workers are a number"),
        ("2+jitter=1+jitter=1", "workers are a number"),
    ],
)
def test_texts_that_state_no_cluster(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Cluster.parse(text)


def test_a_cluster_has_a_worker() -> None:
    with pytest.raises(InputError, match="at least 1 worker, got none"):
        Cluster(())

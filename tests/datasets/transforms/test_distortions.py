"""Distortions are reproducible, mild at small strength, and different for each image and copy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.datasets import datasets
from nasbench.datasets.transforms.distortions import distort, uniform
from nasbench.errors import InputError
from nasbench.testing import check_dataset


def test_uniform_is_fixed_for_good() -> None:
    assert uniform([1, 0], (3,)).tolist() == [0.023643249400513433, 0.9009273926518706, -0.7116807745607325]
    drawn = uniform([7], (100_000,))
    assert -1 <= drawn.min() < -0.999 and 0.999 < drawn.max() < 1
    assert abs(drawn.mean()) < 4 / np.sqrt(3 * 100_000)


@given(st.floats(0.01, 4), st.integers(0, 5))
@settings(deadline=None, max_examples=25)
def test_properties(strength: float, copy: int) -> None:
    images = np.random.default_rng(1).random((6, 1, 8, 8)).astype(np.float32)
    before = images.copy()
    result = distort(images, strength, copy)
    assert np.array_equal(images, before)  # the input is left alone
    assert result.shape == images.shape and result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    assert np.array_equal(result, (np.rint(result * 255.0) / 255).astype(np.float32))
    assert np.array_equal(distort(images[:4], strength, copy), result[:4])  # an image's own row decides
    assert not np.array_equal(distort(images, strength, copy + 1), result)


def test_stronger_is_further_from_the_original() -> None:
    images = datasets.create("digits").load().images
    away = [np.abs(distort(images, strength) - images).mean() for strength in (0.0, 0.1, 0.5, 1.0)]
    assert away[0] == 0
    assert away == sorted(away) and away[1] < 0.03


def test_copies_enlarge_validation_and_test_only() -> None:
    settings = "digits+train=50+validation=20+test=30+distortion=1"
    one, three = datasets.create(settings).load(), datasets.create(settings + "+copies=3").load()
    assert {part: len(rows) for part, rows in three.splits.items()} == {"train": 50, "validation": 60, "test": 90}
    for part, rows in three.splits.items():
        first = one.splits[part]
        assert np.array_equal(three.images[rows[: len(first)]], one.images[first])  # the first copy is the same
        assert np.array_equal(three.labels[rows], np.tile(one.labels[first], len(rows) // len(first)))
    test = three.images[three.splits["test"]].reshape(3, 30, -1)
    assert not (test[0] == test[1]).all(axis=-1).any() and not (test[1] == test[2]).all(axis=-1).any()
    check_dataset(datasets.create(settings + "+copies=3"))


def test_distortion_leaves_the_parts_alone() -> None:
    plain, hard = datasets.create("digits+train=100").load(), datasets.create("digits+train=100+distortion=1").load()
    assert np.array_equal(plain.labels, hard.labels)
    assert all(np.array_equal(plain.splits[part], hard.splits[part]) for part in plain.splits)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("digits+distortion=-0.1", "distortion must be a number from 0 to 4, got -0.1"),
        ("digits+distortion=5", "distortion must be a number from 0 to 4, got 5"),
        ("digits+distortion=NaN", "distortion must be a number from 0 to 4, got nan"),
        ("digits+distortion=mild", "distortion must be a number from 0 to 4, got 'mild'"),
        ("digits+copies=0", "copies must be a whole number of at least 1, got 0"),
        ("digits+copies=1.5", "copies must be a whole number of at least 1, got 1.5"),
        ("digits+copies=2", "copies=2 of undistorted images are all the same; set distortion too"),
        ("digits+train=5000", "train=5000: 500 images are left for the train part; lower train, validation or test"),
    ],
)
def test_refuses_settings(spec: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        datasets.create(spec).load()
    assert str(error.value) == message

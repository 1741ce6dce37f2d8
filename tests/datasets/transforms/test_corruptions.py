"""Corruptions by hand on a few pixels, properties of all of them, and reproducible pixels."""

import hashlib
from collections.abc import Callable
from functools import reduce

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.datasets import datasets
from nasbench.datasets.base import ImageData
from nasbench.datasets.transforms.corruptions import (
    CORRUPTIONS,
    brightness,
    contrast,
    corrupt,
    corrupted,
    elastic,
    gaussian_blur,
    gaussian_noise,
    impulse_noise,
    normal,
    pixelate,
    shot_noise,
)
from nasbench.datasets.transforms.distortions import uniform
from nasbench.errors import InputError

SEED = [7]


def picture(*rows: list[float]) -> npt.NDArray[np.float64]:
    """One grey image of these levels."""
    return np.array(rows, dtype=np.float64)[None, None]


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_brightness_by_hand() -> None:
    assert brightness(picture([0, 100]), 0.2, SEED)[0, 0].tolist() == [[51, 151]]
    assert corrupt(np.float32([[[[0, 1]]]]), "brightness", 5).ravel().tolist() == [np.float32(41 / 255), 1]


def test_contrast_by_hand() -> None:
    """The mean is 100; half of each difference from it is left."""
    assert contrast(picture([0, 200], [60, 140]), 0.5, SEED)[0, 0].tolist() == [[50, 150], [80, 120]]


def test_contrast_of_each_channel_by_itself() -> None:
    levels = np.concatenate([picture([0, 100]), picture([200, 200])], axis=1)
    assert contrast(levels, 0.0, SEED)[0].tolist() == [[[50, 50]], [[200, 200]]]


def test_blur_by_hand() -> None:
    """Half of the white pixel goes to its neighbours along each axis; that at the border goes to the border itself."""
    middle = gaussian_blur(picture([0, 0, 0], [0, 160, 0], [0, 0, 0]), 0.5, SEED)[0, 0]
    assert middle.tolist() == [[10, 20, 10], [20, 40, 20], [10, 20, 10]]
    assert gaussian_blur(picture([160, 0, 0]), 0.5, SEED)[0, 0].tolist() == [[120, 40, 0]]


def test_pixelate_by_hand() -> None:
    """Five columns become two blocks, of three and of two; two rows become one."""
    levels = picture([0, 6, 12, 100, 100], [0, 6, 12, 0, 0])
    assert pixelate(levels, 0.4, SEED)[0, 0].tolist() == [[6, 6, 6, 50, 50]] * 2
    assert np.array_equal(pixelate(levels, 1.0, SEED), levels)


def test_impulse_noise_by_hand() -> None:
    levels = np.full((1, 1, 50, 40), 100.0)
    chance = (uniform(SEED, levels.shape) + 1) / 2
    expected = np.where(chance < 0.1, 0, np.where(chance >= 0.9, 255, 100))
    assert np.array_equal(impulse_noise(levels, 0.2, SEED), expected)
    black, white = (expected == 0).mean(), (expected == 255).mean()
    assert [black, white] == pytest.approx([0.1, 0.1], abs=4 * np.sqrt(0.1 * 0.9 / levels.size))
    assert np.array_equal(impulse_noise(levels, 0.0, SEED), levels)


def test_noise_by_hand(rounding: Callable[..., float]) -> None:
    levels = picture([0, 64, 255])
    drawn = normal(SEED, levels.shape)
    assert np.array_equal(gaussian_noise(levels, 0.1, SEED), levels + 0.1 * 255 * drawn)
    # of 100 photons at white 10 are the standard deviation, a tenth of white; at a quarter of white half of that
    expected = np.array([0, 255 * np.sqrt(64 / 255) / 10, 25.5]) * drawn[0, 0, 0]
    changed, near = shot_noise(levels, 100, SEED)[0, 0, 0], rounding(10, condition=255)  # levels end at 255
    np.testing.assert_allclose(changed - levels[0, 0, 0], expected, rtol=0, atol=near)


def test_a_normal_number_by_hand() -> None:
    """The sum of the eight bytes of a raw number, less its mean 1020, over the root of 8 (256^2 - 1) / 12 = 43690."""
    raw = int(np.random.PCG64(SEED).random_raw())
    total = sum(raw >> 8 * place & 255 for place in range(8))
    assert normal(SEED, (1,)).tolist() == [(total - 1020) / 43690**0.5]


def test_normal_numbers_are_nearly_normal() -> None:
    n = 100_000
    drawn = normal(SEED, (n,))
    assert drawn.mean() == pytest.approx(0, abs=4 / np.sqrt(n))
    assert drawn.std() == pytest.approx(1, abs=4 / np.sqrt(2 * n))
    sums = reduce(np.convolve, [np.full(256, 1 / 256)] * 8)  # probabilities of 0, 1, ..., 2040
    numbers = (np.arange(len(sums)) - 1020) / 43690**0.5
    for bound, of_normal in {1: 0.683, 2: 0.954, 3: 0.997}.items():
        share = sums[abs(numbers) < bound].sum()
        assert (abs(drawn) < bound).mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / n))
        assert share == pytest.approx(of_normal, abs=0.01)


def test_elastic_moves_no_farther_than_it_says() -> None:
    """On a ramp, levels show the shift of each pixel."""
    ramp = np.broadcast_to(10.0 * np.arange(20), (3, 1, 20, 20))
    moved = elastic(ramp, 0.1, SEED)[..., 3:-3] - ramp[..., 3:-3]
    inner = moved[:, :, 3:-3]  # nothing comes from outside
    assert 1 < abs(inner).max() <= 10 * 0.1 * 20
    assert abs(np.diff(inner, axis=-1)).max() < 10  # near places move alike
    assert np.array_equal(elastic(ramp, 0.0, SEED), ramp)


# --- all of them ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CORRUPTIONS)
@given(seed=st.integers(0, 100), channels=st.sampled_from([1, 3]), side=st.integers(1, 9), severity=st.integers(1, 5))
@settings(max_examples=15)
def test_properties(name: str, seed: int, channels: int, side: int, severity: int) -> None:
    images = np.random.default_rng(seed).random((5, channels, side, side + 1)).astype(np.float32)
    before = images.copy()
    result = corrupt(images, name, severity)
    assert np.array_equal(images, before)
    assert result.shape == images.shape and result.dtype == np.float32
    assert result.min() >= 0 and result.max() <= 1
    assert np.array_equal(result, (np.rint(result * 255.0) / 255).astype(np.float32))
    assert np.array_equal(corrupt(images[:3], name, severity), result[:3])  # an image's own row decides


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_stronger_is_further_from_the_original(name: str) -> None:
    images = datasets.create("digits").load().images[:300]
    away = [np.abs(corrupt(images, name, severity) - images).mean() for severity in range(1, 6)]
    assert away[0] > 0 and away == sorted(away) and away[-1] > 1.5 * away[0]
    assert all(len(set(corruption.amounts)) == 5 for corruption in CORRUPTIONS.values())


def test_pixels_are_fixed_for_good() -> None:
    images = datasets.create("digits").load().images[:100]
    found = {name: hashlib.sha256(corrupt(images, name).tobytes()).hexdigest()[:16] for name in CORRUPTIONS}
    assert found == FIXED


FIXED = {
    "gaussian_noise": "f00c3a2146eaf1d0",
    "shot_noise": "062e61a378fce2d6",
    "impulse_noise": "cbfe660a1886f3d7",
    "gaussian_blur": "06d6c3fcd71449ca",
    "brightness": "5106dd68716a6e9f",
    "contrast": "eafdae078af76178",
    "pixelate": "9325094fae21ba15",
    "elastic": "5e20634fd9560f3e",
}


# --- test parts -------------------------------------------------------------------------------------------------------


def test_corrupted_test_images_are_standardised_by_the_training_images(rounding: Callable[..., float]) -> None:
    data = datasets.create("digits+train=50+validation=20+test=30").load()
    assert isinstance(data, ImageData)
    rows = data.splits["test"]
    training = data.images[data.splits["train"]].astype(np.float64)
    tensors = corrupted(data, "cpu", severity=2)
    near = rounding(4, "float32", condition=1 / training.std())
    assert list(tensors) == list(CORRUPTIONS)
    for name, (images, labels) in tensors.items():
        expected = (corrupt(data.images[rows], name, 2) - training.mean()) / training.std()
        np.testing.assert_allclose(images.numpy(), expected, rtol=near, atol=near)
        assert torch.equal(labels, torch.from_numpy(data.labels[rows]))


def test_fewer_test_images_are_evenly_spaced() -> None:
    data = datasets.create("digits+train=50+validation=20+test=30").load()
    assert isinstance(data, ImageData)
    for limit, places in {3: [0, 10, 20], 4: [0, 7, 15, 22], 30: list(range(30)), 99: list(range(30))}.items():
        images, labels = corrupted(data, "cpu", limit=limit)["contrast"]
        assert labels.tolist() == data.labels[data.splits["test"][places]].tolist()
        assert images.shape == (len(places), 1, 8, 8)


@pytest.mark.parametrize(
    ("name", "severity", "message"),
    [
        ("fog", 3, "unknown corruption 'fog'; known are gaussian_noise, shot_noise"),
        ("contrast", 0, "severity must be a whole number from 1 to 5, got 0"),
        ("contrast", 6, "severity must be a whole number from 1 to 5, got 6"),
        ("contrast", True, "severity must be a whole number from 1 to 5, got True"),
    ],
)
def test_refuses_what_is_not_there(name: str, severity: int, message: str) -> None:
    with pytest.raises(InputError) as error:
        corrupt(np.zeros((1, 1, 2, 2), dtype=np.float32), name, severity)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("limit", [0, -1, 2.5, True])
def test_refuses_a_limit(limit: int) -> None:
    data = datasets.create("digits").load()
    assert isinstance(data, ImageData)
    with pytest.raises(InputError, match=f"limit must be a whole number of at least 1, got {limit!r}"):
        corrupted(data, "cpu", limit=limit)

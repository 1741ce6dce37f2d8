"""Bilinear interpolation by hand."""

import numpy as np

from nasbench.datasets.transforms.resampling import bilinear


def test_bilinear_by_hand() -> None:
    image = np.array([[0.0, 1.0], [0.5, 0.25]], dtype=np.float32).reshape(1, 1, 2, 2)
    y = np.array([[0.0, 0.5, 0.5, -0.5, 1.5, -1.0, 7.0]])[None]
    x = np.array([[1.0, 0.0, 0.5, 1.00, 0.0, 0.0, 7.0]])[None]
    # a pixel; between two; between four; half outside, where it is dark; outside
    assert bilinear(image, y, x).ravel().tolist() == [1.0, 0.25, 0.4375, 0.5, 0.25, 0.0, 0.0]


def test_identity_places_give_the_image_back() -> None:
    images = np.random.default_rng(0).random((3, 2, 5, 4)).astype(np.float32)
    y, x = np.broadcast_arrays(np.arange(5.0)[:, None], np.arange(4.0))
    assert np.array_equal(bilinear(images, np.stack([y] * 3), np.stack([x] * 3)), images)

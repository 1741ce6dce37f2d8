"""The embedded data set: scikit-learn's digits, bit for bit."""

import numpy as np
from sklearn.datasets import load_digits

from nasbench.datasets import datasets
from nasbench.testing import check_dataset


def test_images_are_those_of_scikit_learn() -> None:
    data = datasets.create("digits+train=null").load()
    pixels, labels = load_digits(return_X_y=True)
    ours = data.images.reshape(-1, 64) * 16
    assert sorted(map(tuple, np.c_[ours, data.labels])) == sorted(map(tuple, np.c_[pixels, labels]))
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 500, "validation": 500, "test": 797}


def test_fixed_for_good() -> None:
    assert (
        datasets.create("digits").load().checksum()
        == "767a4914b20293ea5219c4b9059a503b31d5339fd6205ee46ab29397edd4148f"
    )
    hard = datasets.create("digits+train=200+distortion=1.0+copies=2").load()
    assert hard.checksum() == "364cd82a86c3ec52e2c980cb639df7ce02180caf20dbe604448845a105cc3209"


def test_contract() -> None:
    check_dataset(datasets.create("digits"))

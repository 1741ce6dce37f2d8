"""Splits are reproducible, disjoint and nested."""

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.datasets.splits import order, split
from nasbench.errors import InputError


def test_order_is_fixed_for_good() -> None:
    assert order(np.zeros(10, np.int64)).tolist() == [3, 2, 1, 8, 6, 0, 7, 4, 5, 9]
    assert order(np.array([0, 0, 0, 0, 1, 1])).tolist() == [3, 4, 2, 1, 5, 0]
    assert hashlib.sha256(order(np.arange(1797) % 10).astype("<i8").tobytes()).hexdigest()[:16] == "909b87dbb237d95a"


def test_every_piece_keeps_the_shares_of_the_classes() -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 50])
    rows = order(labels)
    assert sorted(rows) == list(range(200))
    assert [np.bincount(labels[piece]).tolist() for piece in np.split(rows, [4, 44])] == [
        [2, 1, 1],
        [20, 10, 10],
        [78, 39, 39],
    ]


def test_two_published_parts_by_hand() -> None:
    # training rows 0 to 5, test rows 6 to 8; validation is the first fifth of the former in their order, rounded down
    train, test = np.array([0, 1, 0, 1, 0, 1]), np.array([1, 0, 0])
    parts = split({"train": train, "test": test})
    assert parts["validation"].tolist() == order(train)[:1].tolist()
    assert parts["train"].tolist() == order(train)[1:].tolist()
    assert parts["test"].tolist() == (6 + order(test)).tolist()


def test_published_validation_lies_between_train_and_test() -> None:
    labels = np.zeros(9, np.int64)
    parts = split({"train": labels[:4], "validation": labels[:3], "test": labels[:2]}, train=2, test=1)
    assert set(parts["validation"]) == {4, 5, 6}
    assert len(parts["train"]) == 2 and set(parts["train"]) < {0, 1, 2, 3}
    assert len(parts["test"]) == 1 and set(parts["test"]) < {7, 8}


sizes = st.integers(1, 30)


@given(sizes, sizes, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_parts_are_disjoint_and_smaller_parts_nest(train: int, validation: int, test: int, spare: int) -> None:
    published = {"train": np.arange(train + validation + test + spare) % 3}
    parts = split(published, train, validation, test)
    assert {part: len(rows) for part, rows in parts.items()} == {
        "train": train,
        "validation": validation,
        "test": test,
    }
    together = np.concatenate(list(parts.values()))
    assert len(set(together)) == len(together)
    assert set(together) <= set(range(len(published["train"])))
    more = split(published, train + spare, validation, test)
    assert more["train"][:train].tolist() == parts["train"].tolist()
    assert all(more[part].tolist() == parts[part].tolist() for part in ("validation", "test"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 9}, "train=9: 6 images are left for the train part; lower train, validation or test"),
        ({"validation": 9, "test": 1}, "train=all: 0 images are left"),
        ({"validation": 9, "test": 2}, "validation=9: 8 images are left"),
        ({"validation": 8, "test": 2}, "train=all: 0 images are left"),
        ({"train": 0}, "train must be a whole number of at least 1, got 0"),
        ({"test": -1}, "test must be a whole number of at least 1, got -1"),
        ({"validation": 0.5}, "validation must be a whole number of at least 1, got 0.5"),
        ({"train": True}, "train must be a whole number of at least 1, got True"),
        ({"train": "half"}, "train must be a whole number of at least 1, got 'half'"),
    ],
)
def test_refuses_sizes(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        split({"train": np.zeros(10, np.int64)}, **arguments)
    assert "\n" not in str(error.value)

"""Pictures become arrays: by hand, grey and colour, resized, and refused."""

import numpy as np
import pytest

from nasbench.datasets.pictures import collect
from nasbench.errors import InputError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def picture(height: int = 2, width: int = 3, mode: str = "RGB") -> object:
    return Image.new(mode, (width, height), color=255)


def test_by_hand() -> None:
    colour = Image.fromarray(np.array([[[255, 0, 51], [0, 255, 0]]], dtype=np.uint8))  # one row, two columns
    images, labels = collect([(colour, 3), (colour, 0)])
    assert images.shape == (2, 3, 1, 2) and images.dtype == np.float32
    assert images[0].tolist() == [[[1.0, 0.0]], [[0.0, 1.0]], [[np.float32(0.2), 0.0]]]
    assert labels.tolist() == [3, 0] and labels.dtype == np.int64


def test_channels_follow_the_first_picture_or_the_setting() -> None:
    mixed = [(picture(mode="L"), 0), (picture(mode="RGB"), 1)]
    assert collect(mixed)[0].shape == (2, 1, 2, 3)
    assert collect(mixed, channels=3)[0].shape == (2, 3, 2, 3)
    assert collect(mixed[::-1])[0].shape == (2, 3, 2, 3)
    assert collect([(picture(mode="1"), 0)])[0].tolist() == np.ones((1, 1, 2, 3)).tolist()


def test_resizing_makes_sizes_agree() -> None:
    images, _ = collect([(picture(2, 3), 0), (picture(9, 5), 0)], size=4)
    assert images.shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("examples", "settings", "message"),
    [
        ([], {}, "the data set has no images"),
        ([(picture(), 0), (picture(4, 3), 0)], {}, "image 1 has 4x3 pixels, the first 2x3; set size"),
        ([(picture(), -1)], {}, "label of image 0 is -1, expected a class from 0; leave unlabelled ones out"),
        ([(picture(), None)], {}, "label of image 0 is None, expected a class from 0; leave unlabelled ones out"),
        ([(picture(mode="F"), 0)], {}, "image 0 is of kind 'F', expected 8 bits a channel; convert it first"),
        ([("cat.png", 0)], {}, "image 0 is of kind 'str', expected 8 bits a channel; convert it first"),
        ([(picture(), 0)], {"channels": 2}, "channels must be 1 (grey) or 3 (red, green, blue), got 2"),
        ([(picture(), 0)], {"size": 0}, "size must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses(examples: list[tuple[object, int]], settings: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        collect(examples, **settings)
    assert str(error.value) == message

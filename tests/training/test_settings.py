import math

import pytest

from nasbench.errors import InputError
from nasbench.training.settings import TrainSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("epochs", 1.5),
        ("epochs", True),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("learning_rate", math.nan),
        ("optimiser", "adam"),
        ("momentum", 1),
        ("momentum", 0),
        ("weight_decay", -1e-4),
        ("warmup_epochs", 13),
    ],
)
def test_unacceptable_settings_are_named(name, value):
    with pytest.raises(InputError, match=f"training setting {name} must be .*, got {value!r}"):
        TrainSettings(**{name: value})

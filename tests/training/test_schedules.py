import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.training.schedules import learning_rate_factor


def test_schedule_by_hand():
    assert [learning_rate_factor(step, 4, 0) for step in range(4)] == pytest.approx(
        [1, 0.5 + 0.5 / 2**0.5, 0.5, 0.5 - 0.5 / 2**0.5]
    )
    assert [learning_rate_factor(step, 4, 2) for step in range(4)] == pytest.approx([1 / 3, 2 / 3, 1, 0.5])


@given(steps=st.integers(1, 200), share=st.floats(0, 1))
@settings(deadline=None, max_examples=50)
def test_schedule_rises_then_falls_within_0_and_1(steps, share):
    factors = [learning_rate_factor(step, steps, share * steps) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    peak = int(np.argmax(factors))
    assert np.all(np.diff(factors[: peak + 1]) > 0)
    assert np.all(np.diff(factors[peak:]) <= 0)

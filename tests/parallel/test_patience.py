"""Notes of steps, as a parent reads them; that it acts on them is tested in `test_jobs.py`."""

from time import monotonic

import pytest

from nasbench.parallel.patience import Step, note_steps, watched


@pytest.fixture
def step():
    noted = Step()
    note_steps(noted)
    yield noted
    note_steps(None)


def test_a_step_is_noted_while_it_lasts(step):
    before = monotonic()

    def propose(most, *, least):
        assert before <= step.begun <= monotonic()
        assert step.what == b"proposal"
        return most + least

    assert watched("proposal", propose)(3, least=1) == 4
    assert step.begun == 0


def test_a_step_that_fails_is_over(step):
    with pytest.raises(ZeroDivisionError):
        watched("fit", lambda: 1 / 0)()
    assert (step.begun, step.what) == (0, b"fit")


def test_where_nobody_looks_nothing_is_noted():
    assert watched("fit", len) is len

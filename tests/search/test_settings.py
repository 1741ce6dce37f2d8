"""Settings of strategies are checked where they are made, each refused in one line."""

import pytest

from nasbench.errors import InputError
from nasbench.search import strategies


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("asha+eta=1", "eta is a whole number of at least 2, got 1"),
        ("asha+eta=2.5", "eta is a whole number of at least 2, got 2.5"),
        ("bayesian+interval=0", "interval is a whole number of at least 1, got 0"),
        ("bayesian+first_fit=x", "first_fit is a whole number of at least 1, got 'x'"),
        ("bayesian+mutations=-1", "mutations is a whole number of at least 0, got -1"),
        ("evolution+population=0", "population is a whole number of at least 1, got 0"),
        ("evolution+population=NaN", "population is a whole number of at least 1, got nan"),
        ("evolution+sample=true", "sample is a whole number of at least 1, got True"),
        ("evolution+population=5+population=7", "the argument 'population' is given twice"),
        ("local+full=maybe", "full is true or false, got 'maybe'"),
        ("nsga2+population=1", "population is a whole number of at least 2, got 1"),
        ("nsga2+crossover=1.5", "crossover is a number from 0 to 1, got 1.5"),
        ("reinforce+decay=1", "decay is a number at least 0 and below 1, got 1"),
        ("reinforce+learning_rate=fast", "learning_rate is a number above 0, got 'fast'"),
        ("reinforce+entropy=-0.1", "entropy is a number at least 0, got -0.1"),
    ],
)
def test_settings_that_are_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        strategies.create(spec)
    assert message in str(error.value)

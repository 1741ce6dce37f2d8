"""Settings of strategies are checked where they are made, each refused in one line."""

import pytest

from nasbench.errors import InputError
from nasbench.search import strategies


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("annealing+cooling=1.5", "cooling must be a number above 0 and at most 1, got 1.5"),
        ("annealing+temperature=0", "temperature must be a number above 0, got 0"),
        ("asha+eta=1", "eta must be a whole number of at least 2, got 1"),
        ("asha+eta=2.5", "eta must be a whole number of at least 2, got 2.5"),
        ("asha-stopping+eta=1", "eta must be a whole number of at least 2, got 1"),
        ("hyperband+eta=1", "eta must be a whole number of at least 2, got 1"),
        ("halving+size=0", "size must be a whole number of at least 1, got 0"),
        ("pasha+percentile=101", "percentile must be a number from 0 to 100, got 101"),
        ("bohb+random_fraction=2", "random_fraction must be a number from 0 to 1, got 2"),
        ("bohb+good=0", "good must be a number above 0 and below 1, got 0"),
        ("bohb+candidates=0", "candidates must be a whole number of at least 1, got 0"),
        ("bohb+widening=0", "widening must be a number above 0, got 0"),
        ("dehb+scale=0", "scale must be a number above 0, got 0"),
        ("dehb+crossover=2", "crossover must be a number from 0 to 1, got 2"),
        ("ranked-evolution+sample=0", "sample must be a whole number of at least 1, got 0"),
        ("bayesian+interval=-1", "interval must be a whole number of at least 0, got -1"),
        (
            "bayesian+acquisition=best",
            "an acquisition is one of ei, logei, pi, ucb, mean, its, mes, thompson; got 'best'",
        ),
        ("bayesian+batch=2", "a batch is one of believer, penalty, none; got 2"),
        ("bayesian+first_fit=x", "first_fit must be a whole number of at least 1, got 'x'"),
        ("bayesian+mutations=-1", "mutations must be a whole number of at least 0, got -1"),
        ("controller+hidden=0", "hidden must be a whole number of at least 1, got 0"),
        ("differential+population=3", "population must be a whole number of at least 4, got 3"),
        ("differential+weight=0", "weight must be a number above 0 and at most 2, got 0"),
        ("enumeration+shuffle=1", "shuffle must be true or false, got 1"),
        ("evolution+population=0", "population must be a whole number of at least 1, got 0"),
        ("evolution+population=NaN", "population must be a whole number of at least 1, got nan"),
        ("evolution+sample=true", "sample must be a whole number of at least 1, got True"),
        ("evolution+population=5+population=7", "the argument 'population' is given twice"),
        ("genetic+children=0", "children must be a whole number of at least 1, got 0"),
        ("genetic+mutation=2", "mutation must be a number from 0 to 1, got 2"),
        ("local+full=maybe", "full must be true or false, got 'maybe'"),
        ("nsga2+population=1", "population must be a whole number of at least 2, got 1"),
        ("nsga2+crossover=1.5", "crossover must be a number from 0 to 1, got 1.5"),
        ("ppo+clip=1", "clip must be a number above 0 and below 1, got 1"),
        ("random+replacement=2", "replacement must be true or false, got 2"),
        ("reinforce+decay=1", "decay must be a number at least 0 and below 1, got 1"),
        ("reinforce+learning_rate=fast", "learning_rate must be a number above 0, got 'fast'"),
        ("reinforce+entropy=-0.1", "entropy must be a number at least 0, got -0.1"),
        ("static+by=3", "by must name a column or an encoding, got 3"),
        ("static+direction=up", "direction of static is one of maximise, minimise; got 'up'"),
        ("tabu+tenure=0", "tenure must be a whole number of at least 1, got 0"),
    ],
)
def test_settings_that_are_refused(spec: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        strategies.create(spec)
    assert message in str(error.value)

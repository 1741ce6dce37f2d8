"""Known scores by hand."""

import math
from typing import Any

import numpy as np

from nasbench.search.known import KnownScores
from nasbench.search.problem import Constraint
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")


def test_running_told_and_failed(problem: Any) -> None:
    made = problem(SPACE, 2)
    known = KnownScores(made)
    first, second = SPACE.key(made.initial).tolist()
    assert first in known
    assert math.isnan(known[first])
    assert known.tell(made.initial[0], 3.0) == 3.0 == known[first]
    assert known.tell(made.initial[1], math.nan) == -math.inf == known[second]
    known.run(first)
    assert known[first] == 3.0, "a second training does not forget the first"


def test_isomorphic_genotypes_are_known_together(problem: Any) -> None:
    space = spaces.create("nb101")
    samples = space.sample(200, np.random.default_rng(0))
    canonical = space.canonical(samples)
    changed = np.flatnonzero((canonical != samples).any(axis=1))[0]
    known = KnownScores(problem(space))
    known.tell(samples[changed], 1.0)
    assert known[int(space.key(canonical[changed][None])[0])] == 1.0


def test_new_rows_are_feasible_and_each_once(problem: Any) -> None:
    limit = Constraint("size", high=2.0)
    known = KnownScores(problem(SPACE, constraints=(limit,), lookup=lambda name, rows: rows.sum(axis=1) * 1.0))
    rows = np.zeros((5, 6), dtype=np.int8)
    rows[:, 0] = [0, 1, 1, 3, 2]
    known.run_all(rows[:1])
    assert known.new_rows(rows) == [1, 4]
    assert known.feasible(rows)[:, 0].tolist() == [0, 1, 1, 2]
    assert known.tell(rows[3], 5.0) == -math.inf


def test_samples_are_new_and_feasible_where_there_are_such(problem: Any) -> None:
    small = Constraint("size", high=11.0)
    lookup = {"lookup": lambda name, rows: rows.sum(axis=1) * 1.0}
    rng = np.random.default_rng(0)
    known = KnownScores(problem(SPACE, constraints=(small,), **lookup))
    samples = np.array([known.sample(rng) for _ in range(300)])
    assert len(np.unique(samples, axis=0)) == 300
    assert samples.sum(axis=1).max() <= 11
    none = KnownScores(problem(SPACE, constraints=(Constraint("size", high=-1.0),), **lookup))
    assert SPACE.contains(none.sample(rng)[None]).all()

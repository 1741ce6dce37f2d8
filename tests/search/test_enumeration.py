"""Enumeration: everything once, in order, and then again."""

from typing import Any

import numpy as np
import pytest

from nasbench.errors import InputError
from nasbench.search.enumeration import Enumeration
from nasbench.search.problem import Constraint
from nasbench.spaces import spaces


def proposed(search: Any, count: int) -> np.ndarray:
    return np.array([search.ask().architecture for _ in range(count)])


def test_proposes_every_architecture_once_in_the_order_of_the_space(drive: Any) -> None:
    search = drive(Enumeration())
    every = np.concatenate(list(search.space.enumerate()))
    np.testing.assert_array_equal(proposed(search, len(every)), every)
    np.testing.assert_array_equal(proposed(search, 3), every[:3])


def test_leaves_the_initial_designs_out(drive: Any) -> None:
    every = np.concatenate(list(spaces.create("nb201").enumerate()))
    search = drive(Enumeration(), initial=every[[1, 3]])
    np.testing.assert_array_equal(proposed(search, 7), every[[1, 3, 0, 2, 4, 5, 6]])


def test_isomorphic_genotypes_are_one_architecture(drive: Any) -> None:
    search = drive(Enumeration(), "nb101")
    first = proposed(search, 1_000)
    np.testing.assert_array_equal(first, next(search.space.enumerate_unique())[:1_000])
    assert len(np.unique(search.space.key(first))) == 1_000


def test_a_random_order_has_everything_once_too(drive: Any) -> None:
    search = drive(Enumeration(shuffle=True), initial=5)
    first = proposed(search, search.space.size)
    assert len(np.unique(first, axis=0)) == search.space.size
    again, other = drive(Enumeration(shuffle=True), initial=5), drive(Enumeration())
    np.testing.assert_array_equal(proposed(again, 100), first[:100])
    assert not np.array_equal(proposed(other, 100), first[5:105])


def test_leaves_out_what_breaks_a_constraint_unless_all_do(drive: Any) -> None:
    def total(name: str, genotypes: np.ndarray) -> np.ndarray:
        return genotypes.sum(axis=1) * 1.0

    search = drive(Enumeration(), constraints=(Constraint("size", high=1.0),), lookup=total)
    assert proposed(search, 7).sum(axis=1).tolist() == [0, 1, 1, 1, 1, 1, 1]
    search = drive(Enumeration(), constraints=(Constraint("size", high=-1.0),), lookup=total)
    np.testing.assert_array_equal(proposed(search, 2), [[0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]])


def test_refuses_a_space_that_is_too_large(drive: Any) -> None:
    with pytest.raises(InputError, match=r"at most 2,000,000 genotypes, and darts has .*; use random"):
        drive(Enumeration(), "darts")

"""Made-up problems: their optima and curves by hand, and what strategies find there."""

import math
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmark.load import load
from nasbench.benchmark.synthetic import EPOCHS, NOISE, SEEDS, SYNTHETIC, utilities
from nasbench.errors import FileError
from nasbench.evaluate.strategies import compare

BEST, WORST = [4] * 6, [0] * 6


def accuracy(name, cell, split="test", **how):
    return load(name).query(np.array(cell, dtype=np.int8), f"{split}_accuracy", **how).value


def test_utilities_by_hand():
    """The weights 1 to 6 add up to 21, so one step of the last choice is 6 / (21 x 4)."""
    assert utilities(np.array([WORST, BEST, [0, 0, 0, 0, 0, 1]], dtype=np.int8)) == pytest.approx([0, 1, 6 / 84])


def test_every_problem_is_complete_and_has_its_optimum_at_the_last_options():
    for name in SYNTHETIC:
        benchmark = nasbench.load(name)
        assert benchmark is load(name)  # made once
        cells = benchmark.architectures()
        assert len(cells) == benchmark.space.size == 5**6
        values = benchmark.query_many(cells, "test_accuracy").values
        assert cells[values.argmax()].tolist() == BEST
        assert (values == values.max()).sum() == 1


def test_additive_by_hand():
    assert accuracy("synthetic-additive", BEST) == 100
    assert accuracy("synthetic-additive", WORST) == 50
    assert accuracy("synthetic-additive", [1, 0, 0, 0, 0, 0]) == pytest.approx(50 + 50 / 84)


def test_deceptive_by_hand():
    """Each block of three is worth 2, 1, 0 and 3 with 0, 1, 2 and 3 options 4; 50/6 points each."""
    blocks = ([0, 1, 2], 2), ([4, 1, 2], 1), ([4, 4, 2], 0), ([4, 4, 4], 3)
    for block, worth in blocks:
        assert accuracy("synthetic-deceptive", [*block, 0, 0, 0]) == pytest.approx(50 + 50 * (worth + 2) / 6)


def test_no_single_change_leads_away_from_the_trap():
    space = load("synthetic-deceptive").space
    around = space.neighbours(np.array(WORST, dtype=np.int8))
    values = load("synthetic-deceptive").query_many(around, "test_accuracy").values
    assert values.max() == accuracy("synthetic-deceptive", WORST)


def test_noise_has_the_deviation_that_is_said():
    """Five standard errors of the mean and of the deviation over all trainings."""
    benchmark = load("synthetic-noisy")
    cells = benchmark.architectures()
    exact = benchmark.query_many(cells, "test_accuracy").values.filled(np.nan)
    noise = np.array(
        [benchmark.query_many(cells, "validation_accuracy", seed=s).values.filled(np.nan) - exact for s in SEEDS]
    )
    n = noise.size
    assert abs(noise.mean()) < 5 * NOISE / math.sqrt(n)
    assert noise.std() == pytest.approx(NOISE, abs=5 * NOISE / math.sqrt(2 * n))
    assert np.array_equal(exact, load("synthetic-additive").query_many(cells, "test_accuracy").values)


def test_curves_cross():
    """After one epoch the order is reversed, after two all are equal, after 16 it is nearly that of the utilities."""
    for epoch, best, worst in ((1, 50, 90), (2, 70, 70), (4, 85, 55)):
        assert accuracy("synthetic-crossing", BEST, epoch=epoch) == pytest.approx(best)
        assert accuracy("synthetic-crossing", WORST, epoch=epoch) == pytest.approx(worst)
    assert accuracy("synthetic-crossing", BEST) == pytest.approx(90, abs=41 * 2.0**-15)
    benchmark = load("synthetic-crossing")
    assert benchmark.recorded_epochs("validation_accuracy") == EPOCHS
    assert benchmark.query(np.array(BEST, dtype=np.int8), "validation_accuracy").cost == EPOCHS[-1]


def test_strategies_find_what_the_problems_are_made_for():
    """Climbing finds the additive optimum and the trap; promotion by the first epoch keeps the worst."""

    def mean_regret(name, strategies, **budget):
        results = compare(load(name), "validation_accuracy", strategies=strategies, repeats=10, jobs=1, **budget)
        return results.summary["ranking"]["means"]

    easy = mean_regret("synthetic-additive", ["random", "local"], evaluations=150)
    assert easy["local"] == 0 < easy["random"]
    assert mean_regret("synthetic-deceptive", ["local"], evaluations=60)["local"] > 0
    early = mean_regret("synthetic-crossing", ["random", "asha"], epochs=320)
    assert early["asha"] > early["random"]


def test_names_have_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match="there is no file 'synthetic-other'"):
        load("synthetic-other")
    Path("synthetic-additive").write_bytes(b"a file wins")
    with pytest.raises(FileError):
        load("synthetic-additive")

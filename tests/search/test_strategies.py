"""Every registered strategy keeps the contract."""

import inspect
import re
from pathlib import Path

import pytest

from nasbench.search import strategies
from nasbench.spaces import spaces
from nasbench.testing.strategy import check_strategy

LEARN_WITHIN = {
    "local": 40,
    "annealing": 80,
    "tabu": 40,
    "evolution": 80,
    "genetic": 80,
    "differential": 200,
    "reinforce": 200,
    "ppo": 200,
    "controller": 80,
    "bayesian+predictor=ridge+interval=5": 40,
}
ALIASES = [name for name, entry in strategies.entries.items() if entry.startswith("bayesian+")]
SLOW = ("bayesian", "parego", "qlogehvi", "gradient", "freeze-thaw")  # with their own predictor
OUTSIDE = [
    name for name, entry in strategies.entries.items() if entry.startswith(("nasbench.search.outside", "optuna+"))
]
"""Of other libraries; tests/search/outside holds them to the contract where they are installed."""
TRAINING = [name for name in strategies if name not in (*ALIASES, *OUTSIDE) and strategies.resolve(name)[0].trains]
"""Strategies that train networks; the tests of each hold it to the contract with the smallest networks."""
OTHERS = [name for name in strategies if name not in (*ALIASES, *SLOW, *OUTSIDE, *TRAINING)]
CLASSES = [*OTHERS, *SLOW, *TRAINING, *(n for n in OUTSIDE if not strategies.entries[n].startswith("optuna+"))]
SMALL_GNN = '"gnn+members=1+hidden=4+layers=1+steps=5"'
RIDGE = ["bayesian+predictor=ridge+interval=5", "parego+predictor=ridge+interval=5"]


@pytest.mark.parametrize("space", ["nb201", "nb101"])
@pytest.mark.parametrize(
    "spec",
    [
        *OTHERS,
        "random+replacement=true",
        "enumeration+shuffle=true",
        "local+full=true",
        "annealing+patience=10",
        "tabu+full=true+candidates=5",
        "genetic+population=3+children=8+crossover=1",
        "reinforce+entropy=0.01",
        *RIDGE,
        f"gradient+predictor={SMALL_GNN}+steps=5+interval=20",
    ],
)
def test_contract(spec: str, space: str) -> None:
    check_strategy(strategies.create(spec), spaces.create(space))


@pytest.mark.parametrize(
    "spec",
    [
        "auto",
        pytest.param("bayesian-gnn", marks=pytest.mark.slow),
        *(f"{alias}+predictor=ridge" for alias in ALIASES),
    ],
)
def test_contract_of_named_settings(spec: str) -> None:
    check_strategy(strategies.create(spec), spaces.create("nb201"), evaluations=12)


@pytest.mark.parametrize("spec", list(LEARN_WITHIN))
def test_learns(spec: str) -> None:
    check_strategy(strategies.create(spec), spaces.create("nb201"), evaluations=LEARN_WITHIN[spec], learns=True)


@pytest.mark.parametrize("name", CLASSES)
def test_each_names_its_source(name: str) -> None:
    assert any(digit.isdigit() for digit in strategies.describe(name)), "the first line of the module cites the paper"


def test_the_page_of_strategies_lists_each_with_its_arguments() -> None:
    page = (Path(__file__).parents[2] / "docs/strategies.md").read_text(encoding="utf-8")
    rows = {}
    for line in page.splitlines():
        if line.startswith("| `"):
            cells = line.split("|")
            rows.update(dict.fromkeys(re.findall(r"`([\w-]+)`", cells[1]), re.findall(r"`([\w-]+)`", cells[3])))
    assert sorted(rows) == sorted(strategies)
    for name in CLASSES:
        cls, _ = strategies.resolve(name)
        assert rows[name] == list(inspect.signature(cls).parameters), name

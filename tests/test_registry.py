"""The registry resolves names, aliases, arguments and classes outside the package, and says what went wrong."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nasbench.cli.parsing import separated
from nasbench.datasets import datasets
from nasbench.errors import InputError
from nasbench.importers import importers
from nasbench.measures import measures
from nasbench.predictors import Predictor, predictors
from nasbench.predictors.ridge import Ridge
from nasbench.registry import Registry, arguments_of
from nasbench.search import strategies
from nasbench.search.bayesian import BayesianOptimisation
from nasbench.spaces import spaces
from nasbench.specification import name_of

ALL: list[Registry] = [spaces, predictors, strategies, datasets, measures]

OWN = '''"""A predictor of one's own."""
from nasbench.predictors.mean import Mean

class Median(Mean):
    def __init__(self, k: int = 5) -> None:
        super().__init__()
        self.k = k

class Other:
    pass
'''


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "own_predictor.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "own_predictor", raising=False)
    return "own_predictor"


@pytest.mark.parametrize("registry", ALL, ids=lambda r: r.kind)
def test_every_entry_resolves_and_has_one_line(registry: Registry) -> None:
    for name in registry:
        cls, _ = registry.resolve(name)
        assert isinstance(cls, type)
        assert len(registry.describe(name)) > 20 or ":" not in registry.entries[name], name


@pytest.mark.parametrize("head", ['"""{}"""', "# a licence\n\n'{}'", '\n"""\n{}\n\nMore.\n"""', 'r"{}"\n'])
def test_a_description_is_what_python_takes_for_the_docstring(own: str, head: str) -> None:
    Path("own_described.py").write_text(head.format("The median.") + "\nx = 1\n")
    sys.path.append(str(Path.cwd()))
    assert Registry("thing", "a:B", {"own": "own_described:Own"}).describe("own") == "The median."
    assert "own_described" not in sys.modules


@pytest.mark.parametrize("source", ["", "x = 1\n", "# only a comment\n"])
def test_without_a_docstring_there_is_no_description(own: str, source: str) -> None:
    Path("own_described.py").write_text(source)
    sys.path.append(str(Path.cwd()))
    assert Registry("thing", "a:B", {"own": "own_described:Own"}).describe("own") == ""


def test_arguments_are_json_or_text() -> None:
    cls, arguments = strategies.resolve("bayesian+predictor=ridge+interval=7")
    assert cls.__name__ == "BayesianOptimisation"
    assert arguments == {"predictor": "ridge", "interval": 7}


def test_a_specification_inside_a_specification() -> None:
    nested = "ridge+features=counts/parameters"
    assert strategies.resolve(f'bayesian+predictor="{nested}"+interval=7')[1] == {"predictor": nested, "interval": 7}
    twice = json.dumps(f"bayesian+predictor={json.dumps(nested)}")
    assert strategies.resolve(f"bayesian+predictor={twice}")[1] == {"predictor": f'bayesian+predictor="{nested}"'}
    assert separated(f'random,bayesian+predictor="{nested}+ranks=[1,2]",local') == [
        "random",
        f'bayesian+predictor="{nested}+ranks=[1,2]"',
        "local",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, JSON)
@example(1e25, 1.5e300)
def test_the_name_of_an_instance_is_its_specification(predictor: Any, interval: Any) -> None:
    """Whatever JSON the arguments are: the name is understood again, alone and in a list."""
    instance = BayesianOptimisation()
    instance.predictor, instance.interval = predictor, interval
    name = name_of(instance, strategies)
    cls, arguments = strategies.resolve(name)
    assert cls is BayesianOptimisation
    assert {**arguments_of(BayesianOptimisation()), **arguments} == arguments_of(instance)
    assert separated(f"random,{name},local") == ["random", name, "local"]


def test_names_of_settings_that_are_not_json() -> None:
    """They are read back where they are numbers, and are the same in every process, whatever its hash seed."""
    instance = BayesianOptimisation(Ridge("counts"))
    instance.interval, instance.parents = np.int64(3), np.array([1, 2])  # type: ignore[assignment]
    instance.samples = {"b", "a", "c"}  # type: ignore[assignment]
    name = name_of(instance, strategies)
    assert strategies.resolve(name)[1] == {
        "predictor": 'nasbench.predictors.ridge:Ridge+features="counts"',
        "interval": 3,
        "parents": [1, 2],
        "samples": ["a", "b", "c"],
    }
    again = BayesianOptimisation(strategies.resolve(name)[1]["predictor"])
    assert predictors.create(again.predictor).get_params() == Ridge("counts").get_params()
    instance.samples = {(1, 2): 3}  # type: ignore[assignment]
    assert '"{(1, 2): 3}"' in name_of(instance, strategies)


def test_a_name_does_not_hold_addresses() -> None:
    """Random streams come from names, so they must be the same in every process."""
    instance = BayesianOptimisation()
    instance.predictor, instance.interval = Ridge, lambda: 0  # type: ignore[assignment]
    instance.samples = object()  # type: ignore[assignment]
    name = name_of(instance, strategies)
    assert "0x" not in name
    assert '+predictor="nasbench.predictors.ridge:Ridge"' in name
    assert '<lambda>"' in name


def test_alias_presets_arguments_that_can_be_overridden() -> None:
    assert strategies.resolve("bayesian-gp")[1] == {"predictor": "gp"}
    assert strategies.resolve("bayesian-gp+predictor=xgb")[1] == {"predictor": "xgb"}


def test_class_outside_the_package(own: str) -> None:
    predictor = predictors.create(f"{own}:Median+k=3")
    assert isinstance(predictor, Predictor)
    assert predictor.k == 3  # type: ignore[attr-defined]


def test_defaults_apply_only_where_they_are_taken(own: str) -> None:
    assert predictors.create(f"{own}:Median", k=9, unheard_of=1).k == 9  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rigde", "did you mean 'ridge'"),
        ("zzz", "known are mean, column, ridge"),
        ("ridge+", "expected name=value"),
        ("ridge+nonsense=1", "unknown argument 'nonsense'; it takes"),
        ("no_such_module:Thing", "no module 'no_such_module'"),
        ("own_predictor:Nothing", "has no 'Nothing'"),
        ("own_predictor:Other", "is not a Predictor"),
    ],
)
def test_mistakes_are_named(own: str, spec: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        predictors.create(spec)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("nats", "nats-bench"),
        ("bert", "nas-bench-bert"),
        ("nasbench1", "nasbench101"),
        ("hw-nsabench", "hw-nas-bench"),
    ],
)
def test_a_name_that_holds_what_was_typed_is_suggested_before_one_that_resembles_it(typed: str, meant: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{meant}'"):
        importers.create(typed)


def test_a_package_missing_inside_a_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_more.py").write_text("import a_package_that_is_missing\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(InputError, match="needs the package 'a_package_that_is_missing'"):
        predictors.create("needs_more:Thing")


def test_arguments_come_back_by_name() -> None:
    assert arguments_of(spaces.create("nb201")) == {}
    assert arguments_of(datasets.create("digits")) == datasets.create("digits").settings()


def test_an_argument_that_is_not_kept_is_named() -> None:
    class Forgetful:
        def __init__(self, k: int = 5, depth: int = 2) -> None:
            self.k = k

    with pytest.raises(InputError, match="Forgetful does not keep its argument 'depth' as an attribute; store it"):
        arguments_of(Forgetful())


def test_a_group_stands_for_its_members_and_an_alias_for_its_target() -> None:
    assert measures.expand(["counts", "params", "mymodule:Mine", "costs"]) == (
        "parameters",
        "flops",
        "mymodule:Mine",
        "latency",
    )
    with pytest.raises(InputError, match="measure 'counts' stands for several: name one of parameters, flops"):
        measures.create("counts")
    with pytest.raises(InputError, match="did you mean 'proxies'"):
        measures.create("proxie")

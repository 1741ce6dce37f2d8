"""Spaces from dictionaries of named choices."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError
from nasbench.registry import arguments_of
from nasbench.spaces import ChoiceSpace, NetworkSettings, spaces
from nasbench.spaces.networks.layers import conv_bn_relu, head
from nasbench.specification import component_name, restore
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space

OPTIONS: dict[str, list[Any]] = {"depth": [1, 2, 3], "kernel": [3, 5], "pool": ["max", "avg"]}


def convolutions(choices: Any, task: Any, settings: Any) -> torch.nn.Module:
    images, c = ImageClassification.expect(task), settings.channels
    pool = torch.nn.MaxPool2d(2) if choices.get("pool") == "max" else torch.nn.AvgPool2d(2)
    blocks = [conv_bn_relu(c, c, choices.get("kernel", 3)) for _ in range(choices.get("depth", 1))]
    return torch.nn.Sequential(conv_bn_relu(images.shape[0], c, 3), pool, *blocks, head(c, images.classes))


def nothing(choices: Any, task: Any, settings: Any) -> Any:
    return choices


def swapped(task: Any, choices: Any, settings: Any) -> Any:
    return choices


BUILD = f"{__name__}:convolutions"
SPACE = ChoiceSpace(OPTIONS, build=BUILD)


# --- by hand ----------------------------------------------------------------------------------------------------


def test_an_architecture_by_hand() -> None:
    genotype = SPACE.genotype("depth=2,kernel=5,pool=max")
    assert genotype.tolist() == [1, 1, 0]
    assert SPACE.to_string(genotype) == "depth=2,kernel=5,pool=max"
    assert SPACE.to_config(genotype) == {"depth": 2, "kernel": 5, "pool": "max"}
    assert list(SPACE.graph(genotype).nodes(data=True)) == [
        (0, {"op": "input"}),
        (1, {"op": "depth=2", "value": 2}),
        (2, {"op": "kernel=5", "value": 5}),
        (3, {"op": "pool=max"}),
        (4, {"op": "output"}),
    ]
    assert list(SPACE.graph(genotype).edges) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert SPACE.node_values(genotype[None]).tolist() == [[[0], [2], [5], [0], [0]]]
    assert SPACE.size == 12


def test_choices_may_come_in_any_order() -> None:
    assert SPACE.genotype(" pool=avg, depth=3, kernel=3").tolist() == [2, 0, 1]


def test_the_network_is_what_the_function_makes() -> None:
    task, size = ImageClassification((1, 8, 8), 10), NetworkSettings(channels=4)
    network = SPACE.network(SPACE.genotype("depth=2,kernel=5,pool=max"), task, size)
    assert sum(p.numel() for p in network.parameters()) == 4 * 9 + 2 * 16 * 25 + 3 * 2 * 4 + 4 * 10 + 10
    assert sum(isinstance(part, torch.nn.MaxPool2d) for part in network.modules()) == 1


# --- contract ---------------------------------------------------------------------------------------------------

WORDS = st.text("abc xyz0123.-é_|~", min_size=1, max_size=6).filter(lambda word: word == word.strip())
VALUES = WORDS | st.integers(-99, 99) | st.floats(-10, 10, allow_subnormal=False) | st.booleans()
DICTIONARIES = st.dictionaries(
    WORDS,
    st.lists(VALUES, min_size=1, max_size=5, unique_by=(str, lambda value: value)),
    min_size=1,
    max_size=5,
).filter(lambda options: any(len(values) > 1 for values in options.values()))


@pytest.mark.parametrize("seed", [0, 1])
def test_contract(seed: int) -> None:
    check_space(SPACE, seed)


def test_contract_of_a_space_for_tables_only() -> None:
    space = ChoiceSpace(OPTIONS)
    assert not space.trainable
    check_space(space)


def test_a_subclass_may_write_the_network() -> None:
    class Own(ChoiceSpace):
        def network(self, genotype: Any, task: Any, settings: Any) -> torch.nn.Module:
            return convolutions(self.to_config(genotype), task, settings)

    assert Own(OPTIONS).trainable
    check_space(Own(OPTIONS))


def ignored(choices: Any, task: Any, settings: Any) -> torch.nn.Module:
    return convolutions({}, task, settings)


@settings(max_examples=20)
@given(options=DICTIONARIES)
def test_contract_of_any_dictionary(options: dict[str, list[Any]]) -> None:
    space = ChoiceSpace(options, build=f"{__name__}:ignored")
    check_space(space, n=16)
    again = ChoiceSpace(**json.loads(json.dumps(arguments_of(space))))
    assert (again.ops, again.cardinalities, again.options) == (space.ops, space.cardinalities, space.options)
    for genotype in space.sample(5, np.random.default_rng(0)):
        assert np.array_equal(space.from_config(space.to_config(genotype)), genotype)


def test_numbers_of_numpy_and_ranges_are_options() -> None:
    space = ChoiceSpace({"width": range(8, 33, 8), "rate": np.array([0.1, 0.5]), "bias": (True, False)})
    assert space.options == {"width": [8, 16, 24, 32], "rate": [0.1, 0.5], "bias": [True, False]}
    assert space.to_string(np.array([3, 0, 1])) == "width=32,rate=0.1,bias=False"
    assert "value" not in space.graph(np.array([3, 0, 1])).nodes[3]
    assert ChoiceSpace({"pool": ["max", "avg"]}).attributes == ()


# --- refusals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([1, 2], "choices are a dictionary of names and lists of options, got list"),
        ({"depth": 3}, "the options of 'depth' are a list, got 3"),
        ({"pool": "max"}, "the options of 'pool' are a list, got 'max'"),
        ({"pool": []}, "choices: the choice 'pool' has no options"),
        ({}, "choices leaves nothing to choose"),
        ({"depth": [3], "pool": ["max"]}, "leaves nothing to choose; add a choice of at least two options"),
        ({"depth": [1, 1.0]}, "'depth' has 1 and 1.0, which are the same as text"),
        ({"depth": [1, "1"]}, "'depth' has 1 and '1', which are the same as text"),
        ({"depth": [1, True]}, "'depth' has 1 and True, which are the same as text"),
        ({"depth": [1, None]}, "None cannot be an option of 'depth'; take strings and finite numbers"),
        ({"depth": [1, float("nan")]}, "nan cannot be an option of 'depth'"),
        ({"a=b": [1, 2]}, "'a=b' cannot be the name of a choice; use a string without"),
        ({3: [1, 2]}, "3 cannot be the name of a choice"),
        ({"pool": ["max,avg", "none"]}, "'max,avg' cannot be the option of 'pool'"),
        ({"pool": [" max", "none"]}, "' max' cannot be the option of 'pool'"),
        ({"a": range(100), "b": range(100)}, "has 200 options in all, but a space has at most 126"),
    ],
)
def test_dictionaries_that_are_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ChoiceSpace(options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("depth=2,kernel=5", "choices needs the choice 'pool'"),
        ("depth=2,kernel=5,pool=max,size=3", "choices has no choice 'size'; its choices are depth, kernel, pool"),
        ("depth=4,kernel=5,pool=max", "'depth' of choices cannot be '4'; its options are 1, 2, 3"),
        ("depth=2,kernel=5,pool", "expected an architecture of choices as in 'depth=1,kernel=3,pool=max', got"),
        ("depth=2,depth=2,kernel=5,pool=max", "expected an architecture of choices as in"),
    ],
)
def test_text_that_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


def test_graphs_that_are_refused() -> None:
    def changed(**data: Any) -> Any:
        graph = SPACE.graph(np.array([1, 1, 0]))
        graph.nodes[1].update(data)
        return graph

    with pytest.raises(InputError, match="node 1 has op 'depth=9'"):
        SPACE.genotype(changed(op="depth=9"))
    with pytest.raises(
        InputError, match="node 1 has op 'kernel=5'; at its place choices allows depth=1, depth=2, depth=3"
    ):
        SPACE.genotype(changed(op="kernel=5"))
    with pytest.raises(InputError, match="node 1 has op 'depth=2' but value 3; it is 2"):
        SPACE.genotype(changed(value=3))
    graph = changed()
    graph.add_edge(0, 4)
    with pytest.raises(InputError, match="a graph of choices is a directed path of 5 nodes, this one is not"):
        SPACE.genotype(graph)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (None, "choices has no networks: it has no function that builds them"),
        (
            "convolutions",
            "expected 'module:function' for a function function.choices, task, settings., got 'convol",
        ),
        ("no_such_module:make", "the function 'no_such_module:make': no module 'no_such_module' here or on PYTHONPATH"),
        (f"{__name__}:absent", "has no function absent.choices, task, settings."),
        (f"{__name__}:swapped", "must be swapped.choices, task, settings., but is swapped.task"),
        ("subprocess:Popen", "must be Popen.choices, task, settings., but is Popen.args"),
        (f"{__name__}:nothing", "nothing returns dict, not a torch.nn.Module"),
    ],
)
def test_functions_that_are_refused(build: str | None, message: str) -> None:
    space = ChoiceSpace(OPTIONS, build=build)
    with pytest.raises(InputError, match=message):
        space.network(np.array([0, 0, 0]), ImageClassification.small(), NetworkSettings())


# --- storage ----------------------------------------------------------------------------------------------------


def test_a_file_names_the_space_by_its_arguments() -> None:
    space = ChoiceSpace(OPTIONS, name="toy", paper="example", build=BUILD)
    assert component_name(space, spaces) == "nasbench.spaces.choices:ChoiceSpace"
    stored = json.loads(json.dumps(arguments_of(space)))
    assert stored == {"options": OPTIONS, "name": "toy", "paper": "example", "build": BUILD}
    again = restore(spaces, component_name(space, spaces), stored)
    assert isinstance(again, ChoiceSpace)
    assert (again.name, again.paper, again.ops) == ("toy", "example", space.ops)


def test_modules_of_the_package_need_no_trust_and_others_do(tmp_path: Path) -> None:
    """In a separate process without prior imports."""
    (tmp_path / "mine.py").write_text("raise SystemExit('was imported')")
    code = f"""
import sys
from nasbench.specification import restore
from nasbench.registry import Registry
from nasbench.errors import FileError
spaces = Registry("space", "nasbench.spaces.base:Space", {{}})
assert "nasbench.spaces" not in sys.modules
space = restore(spaces, "nasbench.spaces.choices:ChoiceSpace", {{"options": {OPTIONS}}})
try:
    restore(spaces, "nasbench.spaces.choices:ChoiceSpace", {{"options": {OPTIONS}, "build": "mine:make"}})
except FileError as error:
    print(space.size, error)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.startswith("12 functions that the space 'nasbench.spaces.choices:ChoiceSpace' calls lie outside")
    assert "NASBENCH_TRUSTED_MODULES=mine" in run.stdout


def test_a_trusted_function_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"options": OPTIONS, "build": "no_such_module:make"}
    with pytest.raises(FileError, match="if you trust the module 'no_such_module', import it first"):
        restore(spaces, "nasbench.spaces.choices:ChoiceSpace", stored)
    monkeypatch.setenv("NASBENCH_TRUSTED_MODULES", "other,no_such_module")
    assert restore(spaces, "nasbench.spaces.choices:ChoiceSpace", stored).size == 12

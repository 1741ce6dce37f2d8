"""Recurrent cells: recipes by hand, sizes, the published generator, and exact keys."""

import json
from itertools import combinations, islice
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings
from nasbench.spaces.networks.nlp import Cell, LanguageModel
from nasbench.spaces.nlp import BLEND_PASS, NLP
from nasbench.spaces.nlp_cells import (
    BLEND,
    MAX_NODES,
    OPERATIONS,
    canonical,
    packed,
    renumbered,
    rules,
    states,
    unpacked,
)
from nasbench.spaces.nlp_enumeration import all_genotypes, genotype_count
from nasbench.spaces.nlp_sampling import draw_cells
from nasbench.tasks.language import MaskedLanguage

SPACE = NLP()
RNN = '{"f": {"op": "linear", "input": ["x", "h_prev_0"]}, "h_new_0": {"op": "activation_tanh", "input": ["f"]}}'
GRU = json.dumps(
    {
        "r": {"op": "linear", "input": ["x", "h_prev_0"]},
        "r_act": {"op": "activation_sigm", "input": ["r"]},
        "z": {"op": "linear", "input": ["x", "h_prev_0"]},
        "z_act": {"op": "activation_sigm", "input": ["z"]},
        "rh": {"op": "elementwise_prod", "input": ["r_act", "h_prev_0"]},
        "h_tilde": {"op": "linear", "input": ["x", "rh"]},
        "h_tilde_act": {"op": "activation_tanh", "input": ["h_tilde"]},
        "h_new_0": {"op": "blend", "input": ["z_act", "h_prev_0", "h_tilde_act"]},
    }
)
"""Two of the three example cells of the authors; the fixture `lstm` is the third."""


def renamed(text: str, names: dict[str, str]) -> str:
    """A recipe with other names for some nodes and inputs."""
    recipe = json.loads(text)
    return json.dumps(
        {
            names.get(name, name): {"op": node["op"], "input": [names.get(read, read) for read in node["input"]]}
            for name, node in recipe.items()
        }
    )


NO_X = renamed(RNN, {"x": "g"})[:-1] + ', "g": {"op": "activation_tanh", "input": ["h_prev_0"]}}'


def key(text: str) -> int:
    return int(SPACE.key(SPACE.genotype(text)[None])[0])


def labels(graph: Any) -> dict[int, str]:
    """The operation of each node."""
    return dict(graph.nodes(data="op"))


def of_kind(graph: Any, kind: str) -> int:
    """The first node of an operation."""
    return next(node for node, op in labels(graph).items() if op == kind)


def tree(leaves: int) -> str:
    """A binary tree of sums over tanh of linear maps of the same inputs; nodes of one height are interchangeable."""
    recipe, layer = {}, []
    for leaf in range(leaves):
        recipe[f"l{leaf}"] = {"op": "linear", "input": ["x", "h_prev_0"]}
        recipe[f"t{leaf}"] = {"op": "activation_tanh", "input": [f"l{leaf}"]}
        layer.append(f"t{leaf}")
    while len(layer) > 1:
        sums = []
        for a, b in zip(layer[::2], layer[1::2], strict=True):
            name = "h_new_0" if len(layer) == 2 else f"s{len(recipe)}"
            recipe[name] = {"op": "elementwise_sum", "input": [a, b]}
            sums.append(name)
        layer = sums
    return json.dumps(recipe)


# --- recipes ---------------------------------------------------------------------------------------------------------


def test_a_plain_cell_by_hand() -> None:
    genotype = SPACE.genotype(RNN)
    assert genotype.tolist() == [1, 0, 0, 1, 1, 2, 0, 5, 5, 0, 0, *[0] * 4 * (MAX_NODES - 2)]
    assert SPACE.recipe(genotype) == {
        "node_0": {"op": "linear", "input": ["x", "h_prev_0"]},
        "h_new_0": {"op": "activation_tanh", "input": ["node_0"]},
    }
    graph = SPACE.graph(genotype)
    assert [*labels(graph).values()] == ["input", "h_prev_0", "linear", "activation_tanh", "output"]
    assert sorted(graph.edges) == [(0, 2), (1, 2), (2, 3), (3, 4)]


def test_published_examples_keep_their_nodes(lstm: str) -> None:
    for text, nodes, hidden in ((RNN, 2, 1), (lstm, 13, 2), (GRU, 8, 1)):
        genotype = SPACE.genotype(text)
        cells = unpacked(genotype[None])
        assert ((cells.ops > 0).sum(), states(cells)[0]) == (nodes, hidden)
        theirs, ours = json.loads(text), SPACE.recipe(genotype)
        assert sorted(node["op"] for node in theirs.values()) == sorted(node["op"] for node in ours.values())
        assert key(json.dumps(dict(reversed(theirs.items())))) == key(text)


def test_only_the_inputs_of_a_blend_are_ordered() -> None:
    assert key(GRU.replace('"z_act", "h_prev_0", "h_tilde_act"', '"z_act", "h_tilde_act", "h_prev_0"')) != key(GRU)
    assert key(GRU.replace('["r_act", "h_prev_0"]', '["h_prev_0", "r_act"]')) == key(GRU)
    graph = SPACE.graph(SPACE.genotype(GRU))
    blend, passed = (of_kind(graph, kind) for kind in ("blend", BLEND_PASS))
    reads, kept = set(graph.predecessors(blend)), set(graph.predecessors(passed))
    assert {labels(graph)[node] for node in reads} == {BLEND_PASS, "activation_sigm", "activation_tanh"}
    assert {labels(graph)[node] for node in kept} == {"activation_sigm", "h_prev_0"}
    assert {labels(graph)[node] for node in reads & kept} == {"activation_sigm"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a recipe as JSON"),
        ("{", "expected a recipe as JSON"),
        (RNN.replace('"h_new_0"', '"f"'), "a name occurs twice"),
        (RNN.replace("tanh", "tan"), "did you mean 'activation_tanh'"),
        (RNN.replace("input", "inputs"), "node 'f' is no"),
        (RNN.replace('"h_new_0"', '"h_new_1"'), "has no h_new_0; new hidden states"),
        (RNN.replace('"h_new_0"', '"g"'), "has no h_new_0, which is its output"),
        (RNN.replace('"f":', '"x":'), "node 'x' has the name of an input of the cell"),
        (RNN.replace('["f"]', '["g"]'), "node 'h_new_0' reads 'g', which is no node"),
        (RNN.replace('["f"]', '["f", "f"]'), r"node 'h_new_0' \(activation_tanh\) has 2 inputs, expected 1"),
        (RNN.replace('["x", "h_prev_0"]', '["x"]'), "has 1 inputs, expected 2 or 3"),
        (RNN.replace('"h_prev_0"', '"h_new_0"'), "read each other in a cycle"),
        (RNN.replace('"h_prev_0"', '"x"'), "reads one input twice"),
        (RNN.replace('["f"]', '["h_prev_0"]'), "is read by no other"),
        (RNN.replace('["x", "h_prev_0"]', '["x", "h_prev_0", "h_prev_1"]'), "reads what is absent"),
        (RNN.replace('["f"]', '["x"]'), "not linear reads x"),
        (NO_X, "no node reads x"),
        (GRU.replace('"x"', '"r"', 1), "cycle"),
        (json.dumps({f"n{i}": {"op": "linear", "input": ["x", "h_prev_0"]} for i in range(26)}), "got 26"),
    ],
)  # fmt: skip
def test_other_recipes_are_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


def test_graphs_of_other_forms_are_refused() -> None:
    graph = SPACE.graph(SPACE.genotype(GRU))
    blend, one = (of_kind(graph, kind) for kind in ("blend", BLEND_PASS))
    cut = graph.copy()
    cut.remove_edge(one, blend)
    with pytest.raises(InputError, match=rf"node {blend} \(blend\) must read its gate, another input"):
        SPACE.genotype(cut)
    double = graph.copy()
    double.add_node(99, op="input")
    double.add_edge(99, of_kind(graph, "linear"))
    with pytest.raises(InputError, match="an input occurs twice"):
        SPACE.genotype(double)
    with pytest.raises(InputError, match=r"\(output\) is not the only one"):
        late = graph.copy()
        late.add_node(99, op="output")
        late.add_edge(blend, 99)
        SPACE.genotype(late)


def test_genotypes_of_other_forms_are_refused() -> None:
    rnn = SPACE.genotype(RNN)
    for change, message in (
        ({4: 0, 5: 1, 6: 2}, "an input follows one that is absent"),
        ({4: 2, 5: 1}, "are not sorted"),
        ({0: 2}, "a hidden state is a node that is absent"),
        ({2: 1}, "a hidden state follows one that is absent"),
        ({11: 1, 12: 1, 13: 2}, "is read by no other"),
        ({15: 5, 16: 5}, "is read by no other"),
    ):
        broken = rnn.copy()
        for position, option in change.items():
            broken[position] = option
        with pytest.raises(InputError, match=message):
            SPACE.check(broken[None])


# --- size ------------------------------------------------------------------------------------------------------------


def test_cells_of_two_nodes_by_hand() -> None:
    """With one node there is only the linear map of x and the state; the cells of two nodes are enumerated."""
    assert [genotype_count(1), genotype_count(2)] == [1, 225]
    assert len(list(all_genotypes(1))) == 1
    genotypes = np.array(list(all_genotypes(2)), dtype=np.int8)
    assert len(np.unique(genotypes, axis=0)) == len(genotypes) == 225
    assert (np.lexsort(genotypes.T[::-1]) == np.arange(225)).all()
    assert np.array_equal(SPACE.check(genotypes), genotypes)


@pytest.mark.slow
def test_cells_of_three_nodes() -> None:
    assert sum(1 for _ in all_genotypes(3)) == genotype_count(3) == 466_141


def test_size() -> None:
    assert SPACE.size == genotype_count(MAX_NODES)
    assert f"{SPACE.size:.2e}" == "6.51e+82"
    (chunk,) = islice(SPACE.enumerate(300), 1)
    assert len(chunk) == 300 and SPACE.contains(chunk).all()


# --- keys ------------------------------------------------------------------------------------------------------------


def test_keys_of_all_cells_of_two_nodes_are_exact() -> None:
    genotypes = np.array(list(all_genotypes(2)), dtype=np.int8)
    keys = SPACE.key(genotypes)
    graphs = [SPACE.graph(genotype) for genotype in genotypes]
    kinds = [sorted(labels(graph).values()) for graph in graphs]
    for i, j in combinations(range(len(graphs)), 2):
        same = kinds[i] == kinds[j] and nx.is_isomorphic(graphs[i], graphs[j], node_match=lambda a, b: a == b)
        assert same == (keys[i] == keys[j]), (SPACE.to_string(genotypes[i]), SPACE.to_string(genotypes[j]))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_keys_do_not_depend_on_the_numbers_of_nodes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = draw_cells(20, rng)
    order = np.argsort(rng.random((20, MAX_NODES)), axis=1)  # any, not only inputs first
    assert np.array_equal(packed(canonical(renumbered(cells, order))), packed(canonical(cells)))


def test_cells_of_many_equal_parts() -> None:
    """128 automorphisms: all numberings related by them are tried and give one canonical form."""
    text = tree(8)
    first = key(text)
    names = [*json.loads(text).items()]
    rng = np.random.default_rng(0)
    for _ in range(3):
        assert key(json.dumps(dict(names[at] for at in rng.permutation(len(names))))) == first
    swapped = json.loads(text)
    swapped["t0"]["op"] = swapped["t1"]["op"] = "activation_sigm"
    beside = key(json.dumps(swapped))
    swapped["t1"]["op"], swapped["t2"]["op"] = "activation_tanh", "activation_sigm"
    assert len({first, beside, key(json.dumps(swapped))}) == 3


def test_function_keys_ignore_the_names_of_later_states() -> None:
    rng = np.random.default_rng(0)
    cells = draw_cells(200, rng)
    three = packed(cells.take(states(cells) == 3))
    names = {f"h_{when}_{a}": f"h_{when}_{b}" for when in ("prev", "new") for a, b in ((1, 2), (2, 1))}
    swapped = [SPACE.genotype(renamed(SPACE.to_string(genotype), names)) for genotype in three]
    assert np.array_equal(SPACE.function_key(three), SPACE.function_key(np.array(swapped)))
    assert (SPACE.key(three) != SPACE.key(np.array(swapped))).mean() > 0.9


# --- the published generator -----------------------------------------------------------------------------------------


def test_samples_keep_the_rules_of_the_generator() -> None:
    cells = draw_cells(2_000, np.random.default_rng(0))
    assert all(kept.all() for kept in rules(cells).values())
    activation = cells.ops >= 1 + OPERATIONS.index("activation_tanh")
    read = np.take_along_axis(cells.ops, np.maximum(cells.inputs[:, :, 0] - 5, 0), axis=1)
    assert set(read[activation]) == {1 + OPERATIONS.index("linear")}
    linear = cells.ops == 1 + OPERATIONS.index("linear")
    sources = cells.inputs[linear]
    owner = np.nonzero(linear)[0][:, None]
    inner = sources >= 5
    assert activation[np.broadcast_to(owner, sources.shape)[inner], sources[inner] - 5].all()
    for state in range(3):
        rows = np.flatnonzero(cells.new[:, state])
        own = cells.inputs[rows, cells.new[rows, state] - 1]
        assert not ((own >= 2) & (own < 5)).any()


def test_samples_have_the_probabilities_of_the_generator() -> None:
    """A fifth of linear nodes has three inputs, if available; one to three states are equally frequent."""
    cells = draw_cells(3_000, np.random.default_rng(0))
    counts = np.bincount(states(cells), minlength=4)[1:]
    np.testing.assert_allclose(counts / 3_000, 1 / 3, rtol=0, atol=4 * np.sqrt(2 / 9 / 3_000))
    several = cells.take(states(cells) == 3)
    linear = several.ops == 1
    wide = (several.inputs[linear] > 0).sum(axis=1) == 3
    assert 0.18 < wide.mean() < 0.30  # nodes with more inputs are pruned less often
    kinds = np.bincount(cells.ops[cells.ops >= 5].ravel())[5:]
    np.testing.assert_allclose(kinds / kinds.sum(), 1 / 3, rtol=0, atol=4 * np.sqrt(2 / 9 / kinds.sum()))


def test_most_raw_vectors_are_repaired() -> None:
    rng = np.random.default_rng(0)
    raw = rng.integers(0, SPACE.cardinalities, size=(500, len(SPACE.cardinalities))).astype(np.int8)
    repaired, fine = SPACE.repair(raw)
    assert fine.mean() > 0.5
    assert SPACE.contains(repaired[fine]).all()
    assert len(np.unique(repaired[fine], axis=0)) > 0.99 * fine.sum()
    assert (unpacked(repaired[fine]).ops == BLEND).any()


# --- networks --------------------------------------------------------------------------------------------------------


def test_parameters_are_the_published_number(lstm: str) -> None:
    """The published LSTM has 10,896,400: 10,000 words, sizes 400, 600, 600, 400; ours reads one more token."""
    model = LanguageModel(SPACE.recipe(SPACE.genotype(lstm)), 10_001, 10_000, [400, 600, 600, 400])
    assert sum(p.numel() for p in model.parameters()) == 10_896_400 + 400


def test_one_step_by_hand() -> None:
    cell = Cell(SPACE.recipe(SPACE.genotype(GRU)), 1, 1)
    for linear in cell.linear.values():
        torch.nn.init.zeros_(linear.bias)  # type: ignore[arg-type]
        torch.nn.init.ones_(linear.weight)  # type: ignore[arg-type]
    x, h = torch.tensor([[0.3]]), torch.tensor([[0.5]])
    gate = torch.sigmoid(x + h)
    expected = gate * h + (1 - gate) * torch.tanh(x + gate * h)
    (new,) = cell(x, [h])
    torch.testing.assert_close(new, expected)


def test_outputs_depend_on_earlier_tokens_only(lstm: str) -> None:
    task = MaskedLanguage(8, 5)
    torch.manual_seed(0)
    network = SPACE.network(SPACE.genotype(lstm), task, NetworkSettings(channels=6, cells=2))
    tokens = task.inputs(3)
    changed = tokens.clone()
    changed[:, 4] = (changed[:, 4] + 1) % 5
    before, after = network(tokens), network(changed)
    assert before.shape == (3, 5, 8)
    torch.testing.assert_close(before[:, :, :4], after[:, :, :4])
    assert not torch.allclose(before[:, :, 5:], after[:, :, 5:])

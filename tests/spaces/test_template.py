"""Spaces from template graphs."""

import json
from collections.abc import Callable, Iterable
from itertools import combinations, pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from nasbench.errors import FileError, InputError
from nasbench.registry import arguments_of
from nasbench.spaces import NetworkSettings, TemplateSpace, spaces
from nasbench.spaces.networks.layers import relu_conv_bn
from nasbench.spaces.networks.template import SumCell, layer
from nasbench.specification import component_name, restore
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space
from nasbench.types import GenotypeArray

CHOICES = ["conv3x3", "conv1x1", "skip"]
DIAMOND: dict[str, Any] = {
    "nodes": {"in": "input", "a": CHOICES, "b": CHOICES, "c": ["conv3x3", "maxpool3x3"], "out": "output"},
    "edges": [["in", "a"], ["in", "b"], ["a", "c"], ["b", "c"], ["c", "out"]],
    "optional": [["in", "out"]],
}
"""Two parallel nodes, then one, then the output; with an optional bypass."""
SPACE = TemplateSpace(DIAMOND)
TASK = ImageClassification((1, 8, 8), 3)


def graph_of(nodes: dict[str, Any], edges: list[Any], optional: Iterable[Any] = ()) -> Any:
    graph: nx.DiGraph[str] = nx.DiGraph()
    for node, options in nodes.items():
        graph.add_node(node, **({"op": options} if isinstance(options, str) else {"choices": options}))
    graph.add_edges_from(edges)
    graph.add_edges_from(optional, optional=True)
    return graph


# --- by hand ----------------------------------------------------------------------------------------------------


def test_an_architecture_by_hand() -> None:
    genotype = SPACE.genotype("a=conv3x3,b=skip,c=maxpool3x3,edge_in_out=1")
    assert genotype.tolist() == [0, 2, 1, 1]
    assert SPACE.to_string(genotype) == "a=conv3x3,b=skip,c=maxpool3x3,edge_in_out=1"
    graph = SPACE.graph(genotype)
    assert list(graph.nodes(data="op")) == [
        (0, "input"),
        (1, "conv3x3"),
        (2, "skip"),
        (3, "maxpool3x3"),
        (4, "output"),
    ]
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4)}
    assert (SPACE.size, SPACE.cardinalities) == (36, (3, 3, 2, 2))
    assert SPACE.identity_ops == ("skip",)


def test_parallel_nodes_change_places() -> None:
    """The 9 pairs of operations of `a` and `b` are 6 unordered pairs: 6 * 2 * 2 networks."""
    assert len(np.concatenate(list(SPACE.enumerate_unique()))) == 24
    pair = np.array([[2, 0, 1, 0], [0, 2, 1, 0]], dtype=np.int8)
    assert SPACE.canonical(pair).tolist() == [[0, 2, 1, 0]] * 2


def test_renumberings_that_no_symmetry_of_the_choices_allows() -> None:
    """Each of three parallel nodes lacks one operation; x, y, z has two genotypes, and so has x, y, y."""
    nodes = {"in": "input", "a": ["x", "y"], "b": ["y", "z"], "c": ["z", "x"], "out": "output"}
    space = TemplateSpace(graph_of(nodes, [e for node in "abc" for e in (("in", node), (node, "out"))]))
    keys = space.key(
        np.array([space.genotype(t) for t in ("a=x,b=y,c=z", "a=y,b=z,c=x", "a=y,b=y,c=x", "a=x,b=y,c=x")])
    )
    assert keys[0] == keys[1]
    assert len(set(keys.tolist())) == 3
    multisets = {tuple(sorted(choice)) for choice in (a + b + c for a in "xy" for b in "yz" for c in "zx")}
    assert len(np.concatenate(list(space.enumerate_unique()))) == len(multisets)


def test_neighbours_do_not_depend_on_the_numbering() -> None:
    """The two genotypes of x, y, z on nodes that lack one operation each allow different edits."""
    nodes = {"in": "input", "a": ["x", "y"], "b": ["y", "z"], "c": ["z", "x"], "out": "output"}
    space = TemplateSpace(graph_of(nodes, [e for node in "abc" for e in (("in", node), (node, "out"))]))
    first, second = (space.neighbours(space.genotype(text)) for text in ("a=x,b=y,c=z", "a=y,b=z,c=x"))
    assert set(space.key(first).tolist()) == set(space.key(second).tolist())
    texts = {"".join(sorted(t[2:] for t in space.to_string(g).split(","))) for g in first}
    assert texts == {"yyz", "xzz", "xxy", "xyy", "yzz", "xxz"}


def test_neighbours_where_nodes_are_alike() -> None:
    """One of six parallel nodes takes another operation: one of three kinds becomes one of the two others."""
    nodes = {"in": "input", **dict.fromkeys("abcdef", CHOICES), "out": "output"}
    space = TemplateSpace(graph_of(nodes, [e for node in "abcdef" for e in (("in", node), (node, "out"))]))
    assert len(space.neighbours(space.genotype([0, 1, 2, 0, 1, 2]))) == 6
    assert len(space.neighbours(space.genotype([0, 0, 0, 0, 0, 0]))) == 2


def test_an_optional_edge_tells_nodes_apart() -> None:
    """Without the edge from `a` to `b` their operations are an unordered pair, with it an ordered pair: 3 + 4."""
    nodes = {"in": "input", "a": ["x", "y"], "b": ["x", "y"], "out": "output"}
    space = TemplateSpace(graph_of(nodes, [("in", "a"), ("in", "b"), ("a", "out"), ("b", "out")], [("a", "b")]))
    assert len(np.unique(space.key(next(space.enumerate())))) == 7


def test_nodes_are_in_topological_order_and_else_as_given() -> None:
    nodes = {"out": "output", "b": ["x", "y"], "a": ["x", "z"], "in": "input"}
    space = TemplateSpace(graph_of(nodes, [("in", "a"), ("in", "b"), ("a", "out"), ("b", "out")]))
    assert space.choice_names == ("b", "a")
    assert list(space.template["nodes"]) == ["in", "b", "a", "out"]


def test_function_classes_by_hand() -> None:
    """A path of `skip` alone is an edge, and a path through `none` is no path."""
    options = ["none", "skip", "conv3x3"]
    nodes = {"in": "input", "a": options, "b": options, "out": "output"}
    space = TemplateSpace(graph_of(nodes, [("in", "a"), ("a", "b"), ("b", "out"), ("in", "b")]))

    def same(*texts: str) -> bool:
        return len(set(space.function_key(np.array([space.genotype(text) for text in texts])).tolist())) == 1

    assert same("a=none,b=none", "a=skip,b=none", "a=conv3x3,b=none")  # nothing passes b
    assert not same("a=none,b=skip", "a=skip,b=skip")  # x is not x + x
    assert not same("a=none,b=conv3x3", "a=skip,b=conv3x3")
    assert not same("a=conv3x3,b=skip", "a=none,b=conv3x3")  # x + f(x) is not f(x)
    assert len(np.unique(space.function_key(next(space.enumerate())))) == 7


def test_operations_of_one_meaning_are_one() -> None:
    nodes = {"in": "input", "a": ["c", "conv3x3", "pass"], "out": "output"}
    layers = {"c": "conv3x3", "pass": "identity"}
    space = TemplateSpace(graph_of(nodes, [("in", "a"), ("a", "out")]), layers)
    assert space.identity_ops == ("pass",)
    keys, functions = space.key(next(space.enumerate())), space.function_key(next(space.enumerate()))
    assert (len(set(keys.tolist())), len(set(functions.tolist()))) == (3, 2)


# --- contract ---------------------------------------------------------------------------------------------------

OPS = ["conv3x3", "conv1x1", "skip", "none", "avg_pool_3x3"]


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    """Up to four inner nodes, each on a path from the input to the output."""
    inner = [f"n{i}" for i in range(draw(st.integers(1, 4)))]
    options = st.sampled_from(OPS) | st.lists(st.sampled_from(OPS), min_size=1, max_size=4, unique=True)
    nodes = {"in": "input", **{node: draw(options) for node in inner}, "out": "output"}
    order = list(nodes)
    pairs = {pair: draw(st.sampled_from(("absent", "required", "optional"))) for pair in combinations(order, 2)}
    required = [pair for pair, kind in pairs.items() if kind == "required"]
    required += [("in", node) for node in inner if not any(target == node for _, target in required)]
    required += [(node, "out") for node in inner if not any(source == node for source, _ in required)]
    optional = [pair for pair, kind in pairs.items() if kind == "optional" and pair not in required]
    assume(optional or any(isinstance(o, list) and len(o) > 1 for o in nodes.values()))
    return {"nodes": nodes, "edges": [list(e) for e in required], "optional": [list(e) for e in optional]}


@pytest.mark.parametrize("seed", [0, 1])
def test_contract(seed: int) -> None:
    check_space(SPACE, seed)


@settings(max_examples=15)
@given(template=templates())
def test_contract_of_any_template(template: dict[str, Any]) -> None:
    space = TemplateSpace(template)
    check_space(space, n=16)
    again = TemplateSpace(**json.loads(json.dumps(arguments_of(space))))
    assert (again.template, again.ops, again.cardinalities) == (space.template, space.ops, space.cardinalities)
    for genotype in space.sample(5, np.random.default_rng(0)):
        assert np.array_equal(space.from_config(space.to_config(genotype)), genotype)


def same_labels(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool(a == b)


@settings(max_examples=30)
@given(template=templates())
def test_keys_are_equal_exactly_for_isomorphic_graphs(template: dict[str, Any]) -> None:
    space = TemplateSpace(template)
    genotypes = space.sample(24, np.random.default_rng(0))
    graphs, keys = [space.graph(genotype) for genotype in genotypes], space.key(genotypes)
    for i, j in combinations(range(len(genotypes)), 2):
        assert nx.is_isomorphic(graphs[i], graphs[j], node_match=same_labels) == (keys[i] == keys[j])


def test_keys_of_a_template_whose_nodes_are_all_alike() -> None:
    """Six parallel nodes of three operations: the 729 genotypes are C(8, 6) multisets."""
    nodes = {"in": "input", **dict.fromkeys("abcdef", CHOICES), "out": "output"}
    space = TemplateSpace(graph_of(nodes, [e for node in "abcdef" for e in (("in", node), (node, "out"))]))
    unique = np.concatenate(list(space.enumerate_unique()))
    assert len(unique) == 28
    assert (np.diff(unique, axis=1) >= 0).all()


def test_too_many_ways_to_change_places_are_refused() -> None:
    inner = [f"n{i}" for i in range(8)]
    nodes = {"in": "input", **dict.fromkeys(inner, CHOICES), "out": "output"}
    space = TemplateSpace(graph_of(nodes, [e for node in inner for e in (("in", node), (node, "out"))]))
    with pytest.raises(InputError, match="the nodes of template can change places in more than 10000 ways"):
        space.key(space.sample(2, np.random.default_rng(0)))


# --- functions --------------------------------------------------------------------------------------------------


def reduced(space: TemplateSpace, genotype: GenotypeArray) -> Any:
    """Remaining graph by the rules of `function_key`, with networkx; edges carry their multiplicity."""
    graph = space.graph(genotype)
    for _, _, data in graph.edges(data=True):
        data["times"] = 1
    blocked = [node for node, op in graph.nodes(data="op") if op in space.zero_ops]
    graph.remove_nodes_from(blocked)
    for node in [node for node, op in graph.nodes(data="op") if op in space.identity_ops]:
        for a in list(graph.predecessors(node)):
            for b in list(graph.successors(node)):
                times = graph.edges[a, node]["times"] * graph.edges[node, b]["times"]
                before = graph.edges[a, b]["times"] if graph.has_edge(a, b) else 0
                graph.add_edge(a, b, times=before + times)
        graph.remove_node(node)
    end = space.max_nodes - 1
    kept = ({0} | nx.descendants(graph, 0)) & ({end} | nx.ancestors(graph, end)) | {0, end}
    return graph.subgraph(kept)


@settings(max_examples=30)
@given(template=templates())
def test_function_keys_are_equal_exactly_for_isomorphic_remains(template: dict[str, Any]) -> None:
    space = TemplateSpace(template)
    genotypes = space.sample(24, np.random.default_rng(1))
    graphs, keys = [reduced(space, genotype) for genotype in genotypes], space.function_key(genotypes)
    for i, j in combinations(range(len(genotypes)), 2):
        same = nx.is_isomorphic(graphs[i], graphs[j], node_match=same_labels, edge_match=same_labels)
        assert same == (keys[i] == keys[j])


def answers(space: TemplateSpace, genotype: GenotypeArray) -> torch.Tensor:
    """Outputs of a cell in which all operations of a kind share their weights."""
    cell = space.network(genotype, TASK, NetworkSettings(channels=4, cells=1, stages=1))
    for parameter in cell.parameters():
        generator = torch.Generator().manual_seed(parameter.numel())
        nn.init.normal_(parameter, generator=generator)
    x = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        result: torch.Tensor = cell.double().eval()(x.double())
    return result


@settings(max_examples=20)
@given(template=templates())
def test_members_of_one_class_answer_the_same(template: dict[str, Any], same_function: Callable[..., bool]) -> None:
    space = TemplateSpace(template)
    genotypes = space.sample(16, np.random.default_rng(2))
    keys = space.function_key(genotypes)
    outputs = [answers(space, genotype) for genotype in genotypes]
    for i, j in combinations(range(len(genotypes)), 2):
        if keys[i] == keys[j]:
            assert same_function((outputs[i] - outputs[j]).abs().max(), outputs[j])


def test_classes_answer_differently(same_function: Callable[..., bool]) -> None:
    """If every operation is learnt or the identity, different classes compute different functions."""
    space = TemplateSpace({**DIAMOND, "nodes": {**DIAMOND["nodes"], "c": ["conv3x3", "conv1x1"]}})
    genotypes = np.concatenate(list(space.enumerate()))
    first = np.unique(space.function_key(genotypes), return_index=True)[1]
    outputs = [answers(space, genotypes[i]) for i in first]
    assert not any(same_function((a - b).abs().max(), b) for a, b in combinations(outputs, 2))


# --- networks ---------------------------------------------------------------------------------------------------


def double(channels: int) -> nn.Module:
    return nn.Sequential(relu_conv_bn(channels, channels, 3), relu_conv_bn(channels, channels, 3))


class Scale(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x


def number(channels: int) -> Any:
    return channels


def test_parameters_by_hand() -> None:
    """Stem 4 * 9, `a` 16 * 9, `c` 16 * 9, four norms of 2 * 4 and the last one, head 4 * 3 + 3."""
    network = SPACE.network(
        SPACE.genotype("a=conv3x3,b=skip,c=conv3x3,edge_in_out=1"), TASK, NetworkSettings(channels=4, cells=1, stages=1)
    )
    assert sum(p.numel() for p in network.parameters()) == 36 + 2 * 144 + 4 * 8 + 15


def test_a_cell_sums_at_its_nodes() -> None:
    cell = SumCell([(f"{__name__}:Scale", [0]), ("skip", [0, 1]), ("output", [0, 1, 2])], channels=2)
    x = torch.randn(3, 2, 4, 4)
    assert torch.allclose(cell(x), x + 2 * x + (x + 2 * x))
    assert torch.equal(SumCell([("output", [])], channels=2)(x), torch.zeros_like(x))


@pytest.mark.parametrize(
    ("op", "weights"),
    [
        ("skip", 0),
        ("conv1x1", 16 + 8),
        ("conv_3x3", 16 * 9 + 8),
        ("nor_conv_5x5", 16 * 25 + 8),
        ("sep_conv_3x3", 2 * (4 * 9 + 16 + 8)),
        ("dil_conv_5x5", 4 * 25 + 16 + 8),
        ("maxpool3x3", 0),
        ("avg_pool_5x5", 0),
        (f"{__name__}:double", 2 * (16 * 9 + 8)),
        (f"{__name__}:Scale", 4),
    ],
)
def test_layers_by_name_keep_the_shape(op: str, weights: int) -> None:
    module = layer(op, 4)
    assert sum(p.numel() for p in module.parameters()) == weights
    assert module(torch.randn(2, 4, 5, 5)).shape == (2, 4, 5, 5)


@pytest.mark.parametrize(
    ("op", "message"),
    [
        ("conv2x2", "no layer is known for the operation 'conv2x2'; name one in layers={'conv2x2': 'module:function'}"),
        ("conv3x5", "no layer is known for the operation 'conv3x5'"),
        (f"{__name__}:number", "number returns int, not a torch.nn.Module"),
        ("subprocess:Popen", r"must be Popen\(channels\), but is Popen\(args"),
    ],
)
def test_layers_that_are_refused(op: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        layer(op, 4)


def test_custom_layers_are_trained() -> None:
    nodes = {"in": "input", "a": ["double", "scale"], "b": ["scale", "skip"], "out": "output"}
    layers = {"double": f"{__name__}:double", "scale": f"{__name__}:Scale"}
    space = TemplateSpace(graph_of(nodes, [("in", "a"), ("a", "b"), ("b", "out")]), layers)
    check_space(space)
    assert space.modules == (__name__,)
    assert TemplateSpace(changed(a=[f"{__name__}:double", "skip"])).modules == (__name__,)


@pytest.mark.parametrize("layers", [{"double": "conv3x3"}, {"input": "conv3x3"}, {"skip": 3}])
def test_layers_of_no_operation_are_refused(layers: Any) -> None:
    with pytest.raises(InputError, match="template: layers are names or 'module:function' for operations of nodes"):
        TemplateSpace(DIAMOND, layers)


# --- refusals ---------------------------------------------------------------------------------------------------


def changed(**changes: Any) -> dict[str, Any]:
    return {**DIAMOND, "nodes": {**DIAMOND["nodes"], **changes}}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (3, "a template is a networkx.DiGraph, or"),
        ({"nodes": {}}, "a template is a networkx.DiGraph, or"),
        ({**DIAMOND, "edge": []}, "a template is a networkx.DiGraph, or"),
        ({**DIAMOND, "edges": [["in", "a", "b"]]}, "a template is a networkx.DiGraph, or"),
        (nx.Graph(), "a template is a networkx.DiGraph, got Graph"),
        (nx.DiGraph([("in", "out")]), "node 'in' of the template needs either `op` or `choices`, not both"),
        (changed(a=[]), "node 'a' of the template has an operation or a list of at most 127, got \\[\\]"),
        (changed(a=3), "node 'a' of the template has an operation or a list of at most 127, got 3"),
        (changed(a=["x", "x"]), "node 'a' of the template has the choice 'x' twice"),
        (changed(a=["x", 3]), "3 cannot be the operation of node 'a'"),
        (changed(a=["x,y"]), "'x,y' cannot be the operation of node 'a'"),
        (changed(a=["x", "input"]), "node 'a' of the template cannot choose 'input'; it must be a fixed op"),
        (changed(a="output"), "has one node of op 'input' and one of 'output', got 1 and 2"),
        (changed(alone=CHOICES), "template: node 'alone' lies on no path from input to output without optional edges"),
        ({**DIAMOND, "edges": DIAMOND["edges"][1:], "optional": [["in", "a"]]}, "node 'a' lies on no path from input"),
        ({**DIAMOND, "edges": [*DIAMOND["edges"], ["c", "a"]]}, "template: the template has a cycle, through one of"),
        ({**DIAMOND, "edges": [*DIAMOND["edges"], ["c", "d"]]}, "the edge 'c' -> 'd' joins 'd', which is no node"),
        ({**DIAMOND, "optional": [["in", "a"]]}, "the edge 'in' -> 'a' occurs twice"),
        ({"nodes": {"a": "input", "b": "skip", "c": "output"}, "edges": [["a", "b"], ["b", "c"]]}, "nothing to choose"),
        (changed(**dict.fromkeys(map(str, range(60)), "skip")), "has 65 nodes; a space has at most 64"),
        (changed(a=[f"op{i}" for i in range(126)]), "has 132 operations in all, but a space has at most 127"),
        (
            {
                **DIAMOND,
                "nodes": {**DIAMOND["nodes"], "edge_in_out": CHOICES},
                "edges": [*DIAMOND["edges"], ["in", "edge_in_out"], ["edge_in_out", "out"]],
            },
            "two choices have the same name: .*edge_in_out; rename a node",
        ),
    ],
)
def test_templates_that_are_refused(template: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TemplateSpace(template)


def test_graphs_that_are_refused() -> None:
    def graph(text: str = "a=conv3x3,b=skip,c=maxpool3x3,edge_in_out=0") -> Any:
        return SPACE.graph(SPACE.genotype(text))

    larger = graph()
    larger.add_node(9, op="skip")
    misplaced = graph()
    misplaced.nodes[1]["op"] = "maxpool3x3"
    other = graph()
    other.add_edge(0, 3)
    lacking = graph()
    lacking.remove_edge(2, 3)
    for wrong, message in [
        (larger, "a graph of template has 5 nodes, got 6"),
        (misplaced, "node 1 has op 'maxpool3x3'; at its place template allows conv3x3, conv1x1, skip"),
        (other, "the edges of the graph are not those of the template of template"),
        (lacking, "the edges of the graph are not those of the template of template"),
    ]:
        with pytest.raises(InputError, match=message):
            SPACE.genotype(wrong)


def test_a_graph_is_found_among_many_placements() -> None:
    """Two chains of four in a template with all optional edges: required edges determine the placement."""
    chains = [[f"{chain}{i}" for i in range(4)] for chain in "ab"]
    nodes = {"in": "input", **{node: ["x", "y"] for chain in chains for node in chain}, "out": "output"}
    edges = [pair for chain in chains for pair in pairwise(["in", *chain, "out"])]
    order = ["in", *(node for pair in zip(*chains, strict=True) for node in pair), "out"]
    optional = [pair for pair in combinations(order, 2) if pair not in edges]
    space = TemplateSpace(graph_of(nodes, edges, optional))
    for genotype in space.sample(3, np.random.default_rng(0)):
        assert np.array_equal(
            space.canonical(space.genotype(space.graph(genotype))[None]), space.canonical(genotype[None])
        )


def test_text_that_is_refused() -> None:
    with pytest.raises(InputError, match="'c' of template cannot be 'skip'; its options are conv3x3, maxpool3x3"):
        SPACE.genotype("a=conv3x3,b=skip,c=skip,edge_in_out=0")
    with pytest.raises(InputError, match="expected an architecture of template as in 'a=conv3x3,b=conv3x3,c="):
        SPACE.genotype("conv3x3")


# --- storage ----------------------------------------------------------------------------------------------------


def test_a_file_names_the_space_by_its_arguments() -> None:
    space = TemplateSpace(graph_of(DIAMOND["nodes"], DIAMOND["edges"], DIAMOND["optional"]), name="diamond")
    assert space.template == DIAMOND
    stored = json.loads(json.dumps(arguments_of(space)))
    assert stored == {"template": DIAMOND, "layers": None, "name": "diamond", "paper": "template graph"}
    again = restore(spaces, component_name(space, spaces), stored)
    assert isinstance(again, TemplateSpace)
    assert (again.name, again.template) == ("diamond", DIAMOND)


def test_a_file_does_not_get_layers_imported() -> None:
    stored = {"template": DIAMOND, "layers": {"conv3x3": "no_such_module:make"}}
    with pytest.raises(FileError, match="if you trust the module 'no_such_module', import it first"):
        restore(spaces, "nasbench.spaces.template:TemplateSpace", stored)

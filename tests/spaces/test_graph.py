from itertools import pairwise, permutations, product

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.measure import flops, parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.graph import LINKS, OPERATIONS, SKIP, Graph
from nasbench.spaces.graph_network import LAYERS, Edges, GraphNetwork
from nasbench.tasks.images import ImageClassification
from nasbench.tasks.nodes import NodeClassification

SPACE = Graph()
ALL = next(SPACE.enumerate())
TEXT = "0,0,1,2:gcn,gat,fc,skip"
ONLY_SKIPS = (ALL[:, 1:] == SKIP).all(axis=1)

genotypes = st.tuples(st.integers(0, 8), *(st.integers(0, 8),) * 4).map(lambda g: np.array(g, dtype=np.int8))


def key(text):
    return SPACE.key(SPACE.genotype(text)[None])[0]


def function(text):
    return SPACE.function_key(SPACE.genotype(text)[None])[0]


def filed(text):
    return SPACE.published_key(SPACE.genotype(text)[None])[0]


# --- string and graph -------------------------------------------------------------------------------------------


def test_one_architecture_by_hand():
    genotype = SPACE.genotype(TEXT)
    assert genotype.tolist() == [3, 1, 0, 7, 8]
    assert SPACE.text(genotype) == TEXT
    graph = SPACE.graph(genotype)
    assert [op for _, op in sorted(graph.nodes(data="op"))] == ["input", "gcn", "gat", "fc", "skip", "output"]
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)}
    assert SPACE.genotype(graph).tolist() in ([3, 1, 0, 7, 8], [3, 0, 1, 8, 7])
    assert SPACE.choice_names == ("links", "op_1", "op_2", "op_3", "op_4")
    assert SPACE.option_names(0)[3] == "0,0,1,2"


def test_all_strings_lead_back():
    texts = [SPACE.text(genotype) for genotype in ALL[::7]]
    assert np.array_equal(np.stack([SPACE.genotype(text) for text in texts]), ALL[::7])


@settings(deadline=None, max_examples=50)
@given(genotypes, st.permutations(range(6)))
def test_graph_leads_back_whatever_its_nodes_are_called(genotype, order):
    graph = SPACE.graph(genotype)
    renamed = nx.DiGraph()
    renamed.add_nodes_from((f"node {node}", graph.nodes[node]) for node in order)
    renamed.add_edges_from((f"node {a}", f"node {b}") for a, b in graph.edges)
    assert SPACE.key(SPACE.genotype(renamed)[None]) == SPACE.key(genotype[None])


@pytest.mark.parametrize("links", list(product(range(1), range(2), range(3), range(4))))
def test_every_numbering_of_a_tree_is_read(links):
    ops = ("gat", "gcn", "gin", "cheb")
    tree = nx.DiGraph([(link, node) for node, link in enumerate(links, start=1)])
    tree.add_edges_from((node, 5) for node in range(1, 5) if node not in links)
    nx.set_node_attributes(tree, dict(enumerate(("input", *ops, "output"))), "op")
    read = SPACE.genotype(f"{','.join(map(str, links))}:{','.join(ops)}")
    assert nx.is_isomorphic(SPACE.graph(read), tree, node_match=lambda a, b: a == b)


def test_numberings_by_hand():
    assert key("0,0,2,1:gat,gcn,gin,fc") == key("0,0,1,2:gcn,gat,gin,fc")
    assert key("0,1,2,0:gat,gcn,gin,fc") == key("0,0,1,3:gat,fc,gcn,gin")
    assert key("0,0,0,3:gat,gcn,gin,fc") == key("0,0,0,1:gin,gcn,gat,fc")
    assert key("0,0,0,3:gat,gcn,gin,fc") != key("0,0,0,1:gat,gcn,gin,fc")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected 4 numbers and 4 operations as '0,0,1,2:gcn,gat,fc,skip', got ''"),
        ("0,0,1,2", "expected 4 numbers and 4 operations"),
        ("0,0,1:gcn,gat,fc,skip", "expected 4 numbers and 4 operations"),
        ("0,0,1,2:gcn,gat,fc", "expected 4 numbers and 4 operations"),
        ("1,0,1,2:gcn,gat,fc,skip", "node 1 reads '1'; a node of graph reads 0 or a node before it"),
        ("0,0,3,2:gcn,gat,fc,skip", "node 3 reads '3'"),
        ("0,0,1,-1:gcn,gat,fc,skip", "node 4 reads '-1'"),
        ("0,0,1,x:gcn,gat,fc,skip", "node 4 reads 'x'"),
        ("0,0,1,2:gcn,gat,GIN,skip", "unknown operation 'GIN'; graph has gat, gcn, gin, cheb"),
    ],
)
def test_refused_strings(text, message):
    with pytest.raises(InputError, match=message) as error:
        SPACE.genotype(text)
    assert "\n" not in str(error.value)


def changed(add=(), drop=(), **labels):
    graph = SPACE.graph(SPACE.genotype(TEXT))
    graph.add_edges_from(add)
    graph.remove_edges_from(drop)
    for node, label in labels.items():
        graph.nodes[int(node[1:])]["op"] = label
    return graph


def shorter():
    graph = changed(add=[(2, 5)])
    graph.remove_node(4)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (shorter(), "a graph of graph has an input, 4 operations and an output, got 5 nodes"),
        (changed(add=[(2, 3)]), r"node 3 \(fc\) reads 2 nodes, in graph one"),
        (changed(add=[(1, 5)]), r"node 1 \(gcn\) is read by another and makes up the output too"),
        (changed(add=[(0, 5)]), "the input makes up the output; in graph nodes that no other reads do"),
        (changed(drop=[(3, 5)]), r"node 3 \(fc\) is read by another and makes up the output too, or does neither"),
        (changed(add=[(3, 1)]), "the edge 3 -> 1 closes a cycle; a graph of graph has none"),
        (changed(n1="conv"), "node 1 has op 'conv'"),
        (changed(n1=None), "node 1 has op None"),
        (changed(n5="gcn"), "'output'"),
        (changed().to_undirected(), "DiGraph, got Graph"),
        (changed().reverse(), "no way leads"),
        (spaces.create("nats_size").graph([0] * 5), "node 1 has op 'c8'"),
    ],
)
def test_refused_graphs(graph, message):
    with pytest.raises(InputError, match=message) as error:
        SPACE.genotype(graph)
    assert "\n" not in str(error.value)


# --- identity ---------------------------------------------------------------------------------------------------


def test_numbers_of_classes():
    assert len(ALL) == 59_049
    assert len(np.unique(SPACE.key(ALL))) == 35_919
    assert len(np.unique(SPACE.function_key(ALL))) == 27_938
    assert len(np.unique(SPACE.published_key(ALL[~ONLY_SKIPS]))) == 26_206


def test_published_keys_by_golden_values():
    """`Arch(links, ops).valid_hash()` of the authors' package, version 1.4."""
    assert filed("0,0,0,0:gcn,gcn,gcn,gcn") == 1111
    assert filed("0,0,0,0:gcn,gat,skip,gcn") == 58011  # a skip of the input goes first
    assert filed("0,1,2,3:gcn,skip,gat,skip") == 88810  # so do skips within a chain
    assert filed("0,0,1,2:fc,cheb,gin,gat") == 33702  # the lesser branch is the first


def test_published_keys_are_those_of_the_authors():
    published = pytest.importorskip("nas_bench_graph.architecture", reason="needs the package nas-bench-graph")
    rows = ALL[~ONLY_SKIPS]
    hashes = [
        published.Arch(list(LINKS[shape]), [OPERATIONS[op] for op in ops]).valid_hash() for shape, *ops in rows.tolist()
    ]
    assert SPACE.published_key(rows).tolist() == hashes
    assert len(set(hashes)) == 26_206


def test_function_classes_by_hand():
    assert function("0,1,2,3:gcn,skip,gat,skip") == function("0,1,2,3:skip,skip,gcn,gat")
    assert function("0,0,1,2:gcn,gat,skip,skip") == function("0,1,2,2:skip,skip,gat,gcn")
    assert function("0,1,2,3:gcn,gat,skip,skip") != function("0,1,2,3:gat,gcn,skip,skip")
    # gcn is twice in the output, once in that of the second
    assert function("0,1,1,1:gcn,skip,skip,gat") != function("0,1,1,2:gcn,skip,gat,skip")
    # two gcn of the input are two functions, one gcn read twice is one
    assert function("0,0,1,2:gcn,gcn,fc,gin") != function("0,1,2,2:skip,gcn,fc,gin")


def test_what_the_authors_join_and_networks_tell_apart():
    """The input is a part of the output of the first, and not of that of the second, which ends in a smaller map."""
    first, second = "0,0,0,0:gcn,gcn,gcn,skip", "0,1,1,1:skip,gcn,gcn,gcn"
    assert filed(first) == filed(second) == 58111
    assert function(first) != function(second)
    sizes = [
        parameters(SPACE.network(SPACE.genotype(text), NodeClassification.small(), NetworkSettings(4)))
        for text in (first, second)
    ]
    assert sizes[0] - sizes[1] == 4 * 3


def _randomised(module, generator):
    module = module.double().eval()
    for tensor in module.parameters():
        tensor.data = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    for name, tensor in module.named_buffers():
        if name == "running_mean":
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return module


def _gap(first, second):
    """By how much the parts of two outputs `(n, width * parts)` differ, in the order in which they differ least."""
    if first.shape != second.shape:
        return torch.inf
    return min((torch.cat(order, dim=1) - second).abs().max().item() for order in permutations(first.split(6, dim=1)))


def _parts(genotype, bank, before):
    """What is concatenated in the end, under every assignment of the layers of a bank to the nodes of their kind."""
    task = NodeClassification.small()
    network = GraphNetwork(LINKS[genotype[0]], [OPERATIONS[op] for op in genotype[1:]], task, 6).double().eval()
    network.before, network.after = before, torch.nn.Identity()
    places = {op: [str(1 + node) for node in np.flatnonzero(genotype[1:] == op)] for op in {*genotype[1:]} - {SKIP}}
    for orders in product(*(permutations(range(len(nodes))) for nodes in places.values())):
        for (op, nodes), order in zip(places.items(), orders, strict=True):
            for node, number in zip(nodes, order, strict=True):
                network.layers[node], network.norms[node] = bank[op][number]
        yield network(torch.arange(len(task.features)))


@torch.no_grad()
def test_function_key_is_what_networks_compute():
    """Two share a key exactly if, with the same weights in some order, both have the same parts of the output."""
    generator = torch.Generator().manual_seed(0)
    before = _randomised(torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU()), generator)
    bank = {
        op: [
            (_randomised(LAYERS[name](6), generator), _randomised(torch.nn.BatchNorm1d(6), generator)) for _ in range(4)
        ]
        for op, name in enumerate(OPERATIONS)
        if op != SKIP
    }
    rng = np.random.default_rng(0)
    keys = SPACE.function_key(ALL)
    own = SPACE.key(ALL)
    together = pairwise(np.lexsort([own, keys]))
    joined = np.array([a for a, b in together if keys[a] == keys[b] and own[a] != own[b]])
    for first in rng.choice(joined, 40, replace=False):
        same = rng.choice(np.flatnonzero((keys == keys[first]) & (own != own[first])))
        near = SPACE.code(SPACE.neighbours(ALL[same]))
        other = rng.choice(near[keys[near] != keys[first]])
        reference = next(_parts(ALL[first], bank, before))
        assert min(_gap(parts, reference) for parts in _parts(ALL[same], bank, before)) < 1e-9, (first, same)
        assert min(_gap(parts, reference) for parts in _parts(ALL[other], bank, before)) > 1e-9, (first, other)


# --- moves ------------------------------------------------------------------------------------------------------


def test_neighbours_by_hand():
    def texts(text):
        return {SPACE.text(neighbour) for neighbour in SPACE.neighbours(SPACE.genotype(text))}

    star = {f"0,0,0,0:gcn,gcn,gcn,{op}" for op in OPERATIONS[2:]} | {"0,0,0,0:gat,gcn,gcn,gcn"}
    assert texts("0,0,0,0:gcn,gcn,gcn,gcn") == {*star, "0,0,0,1:gcn,gcn,gcn,gcn"}
    chain = texts("0,1,2,3:gcn,gcn,gcn,gcn")
    assert {text for text in chain if not text.startswith("0,1,2,3")} == {
        f"{links}:gcn,gcn,gcn,gcn" for links in ("0,0,1,3", "0,1,1,2", "0,1,2,2", "0,0,1,2")
    }
    assert len(chain) == 4 * 8 + 4
    # of different nodes the last can read three others, the one before two, the second one
    assert len(texts("0,1,2,3:gat,gcn,gin,cheb")) == 4 * 8 + 6
    assert len(texts("0,0,0,0:gat,gcn,gin,cheb")) == 4 * 8 + 4 * 3


def test_mutation_reaches_all_neighbours():
    genotype = SPACE.genotype("0,1,2,3:gat,gcn,gin,cheb")
    mutants = SPACE.mutate(np.repeat(genotype[None], 2_000, axis=0), np.random.default_rng(0))
    counts = np.unique(SPACE.code(mutants), return_counts=True)
    assert set(counts[0]) == set(SPACE.code(SPACE.neighbours(genotype)))
    assert (np.abs(counts[1] - 2_000 / 38) < 5 * np.sqrt(2_000 / 38)).all()


# --- layers -----------------------------------------------------------------------------------------------------

# a triangle with a tail, and node 4 alone
PAIRS = torch.tensor([[0, 0, 1, 2], [1, 2, 2, 3]])
JOINED = torch.cat([PAIRS, PAIRS.flip(0)], dim=1)
A = torch.zeros(5, 5, dtype=torch.float64)
A[JOINED[1], JOINED[0]] = 1
DEGREE = A.sum(dim=1)
X = torch.randn((5, 4), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def symmetric(matrix):
    degree = matrix.sum(dim=1).clamp(min=1)
    return matrix / (degree[:, None] * degree).sqrt()


def layer(name):
    return _randomised(LAYERS[name](4), torch.Generator().manual_seed(2))


def applied(module, x=X):
    return module(x, Edges(JOINED, 5).double())


@torch.no_grad()
def test_layers_are_their_formulas():
    gcn = layer("gcn")
    assert torch.allclose(applied(gcn), gcn.linear(symmetric(A + torch.eye(5)) @ X), rtol=1e-6)
    cheb = layer("cheb")
    assert torch.allclose(applied(cheb), cheb.zeroth(X) - cheb.first(symmetric(A) @ X), rtol=1e-6)
    gin = layer("gin")
    assert torch.allclose(applied(gin), gin.layers((1 + gin.epsilon) * X + A @ X))
    sage = layer("sage")
    assert torch.allclose(applied(sage), sage.own(X) + sage.others(A / DEGREE.clamp(min=1)[:, None] @ X))
    arma = layer("arma")
    assert torch.allclose(applied(arma), arma.own(X) + arma.others(symmetric(A) @ X), rtol=1e-6)
    graph = layer("graph")
    assert torch.allclose(applied(graph), graph.own(X) + graph.others(A @ X))
    assert torch.allclose(applied(layer("fc")), layer("fc").linear(X))


@torch.no_grad()
def test_attention_is_its_formula():
    gat = layer("gat")
    near, heads = A + torch.eye(5) > 0, []
    for head, h in enumerate((X @ gat.linear.weight.T).split(2, dim=1)):
        sent, received = gat.attention[:, head]
        score = torch.nn.functional.leaky_relu((h @ received)[:, None] + h @ sent, 0.2)  # (to, from)
        heads.append(score.masked_fill(~near, -torch.inf).softmax(dim=1) @ h)
    assert torch.allclose(applied(gat), torch.cat(heads, dim=1) + gat.bias, rtol=1e-5, atol=1e-6)
    alone = X[4] @ gat.linear.weight.T + gat.bias  # node 4 attends to itself only
    assert torch.allclose(applied(gat)[4], alone, rtol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_nodes_see_their_neighbours_only_and_a_lone_node_itself(name):
    x = X.clone().requires_grad_()
    result = applied(layer(name), x)
    assert torch.isfinite(result).all()
    seen = torch.stack([torch.autograd.grad(row.sum(), x, retain_graph=True)[0].abs().sum(dim=1) for row in result]) > 0
    others = torch.zeros_like(A) if name == "fc" else A
    assert not (seen & (others + torch.eye(5) == 0)).any()
    if name != "gin":  # whose ReLU may pass nothing
        assert torch.equal(seen, others + torch.eye(5) > 0)


def test_parameters_by_hand():
    """Of width 4: features to 4, a gcn and its norm, three classes of one part of the output."""
    network = SPACE.network(
        SPACE.genotype("0,1,2,3:gcn,skip,skip,skip"), NodeClassification.small(), NetworkSettings(4)
    )
    assert parameters(network) == (4 * 4 + 4) + (4 * 4 + 4) + 2 * 4 + (4 * 3 + 3)
    square, width = 4 * 4, 4
    assert {name: parameters(LAYERS[name](4)) for name in LAYERS} == {
        **{"gat": square + 2 * width + width, "gcn": square + width, "gin": 2 * (square + width) + 1},
        **dict.fromkeys(("cheb", "sage", "arma", "graph"), 2 * square + width),
        "fc": square + width,
    }


def test_operations_are_those_of_linear_maps():
    """Of 12 nodes and width 4: the features' map, one layer's, and the classes of one node that is asked about."""
    product, bias = 12 * 4 * 4, 12 * 4
    layers = {
        **{"gin": 2 * (product + bias), "gat": product, "gcn": product + bias, "fc": product + bias, "skip": 0},
        **dict.fromkeys(("cheb", "sage", "arma", "graph"), 2 * product + bias),
    }
    for name, operations in layers.items():
        genotype = SPACE.genotype(f"0,1,2,3:{name},skip,skip,skip")
        network = SPACE.network(genotype, NodeClassification.small(), NetworkSettings(4))
        assert flops(network, torch.zeros(1, dtype=torch.int64)) == product + bias + operations + (4 * 3 + 3)


def test_odd_widths_are_refused():
    with pytest.raises(InputError, match="divided among 2 heads, got 5 channels"):
        SPACE.network(ALL[0], NodeClassification.small(), NetworkSettings(5))


def test_other_tasks_are_refused():
    with pytest.raises(InputError, match="node_classification"):
        SPACE.network(ALL[0], ImageClassification((1, 8, 8), 3), NetworkSettings(4))

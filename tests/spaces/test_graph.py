from dataclasses import replace
from itertools import pairwise, permutations, product

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.graph import LINKS, OPERATIONS, PUBLISHED, SKIP, Graph
from nasbench.spaces.networks.graph import LAYERS, Edges
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
    assert SPACE.to_string(genotype) == TEXT
    graph = SPACE.graph(genotype)
    assert [op for _, op in sorted(graph.nodes(data="op"))] == ["input", "gcn", "gat", "fc", "skip", "output"]
    assert set(graph.edges) == {(0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 5)}
    assert SPACE.genotype(graph).tolist() in ([3, 1, 0, 7, 8], [3, 0, 1, 8, 7])
    assert SPACE.choice_names == ("links", "op_1", "op_2", "op_3", "op_4")
    assert SPACE.option_names(0)[3] == "0,0,1,2"


def test_all_strings_lead_back():
    texts = [SPACE.to_string(genotype) for genotype in ALL[::7]]
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
        ("", "expected four numbers and four operations as '0,0,1,2:gcn,gat,fc,skip', got ''"),
        ("0,0,1,2", "expected four numbers and four operations"),
        ("0,0,1:gcn,gat,fc,skip", "expected four numbers and four operations"),
        ("0,0,1,2:gcn,gat,fc", "expected four numbers and four operations"),
        ("1,0,1,2:gcn,gat,fc,skip", "node 1 reads '1'; a node of graph reads 0 or an earlier node"),
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
        (changed(add=[(2, 3)]), r"node 3 \(fc\) reads 2 nodes; in graph it reads one"),
        (changed(add=[(1, 5)]), r"node 1 \(gcn\) is read by another node and by the output"),
        (changed(add=[(0, 5)]), "the output reads the input; in graph it reads nodes without other readers"),
        (changed(drop=[(3, 5)]), r"node 3 \(fc\) is read by another node and by the output, or by neither"),
        (changed(add=[(3, 1)]), "the edge 3 -> 1 closes a cycle; a graph of graph has none"),
        (changed(n1="conv"), "node 1 has op 'conv'"),
        (changed(n1=None), "node 1 has op None"),
        (changed(n5="gcn"), "'output'"),
        (changed().to_undirected(), "DiGraph, got Graph"),
        (changed().reverse(), "no path leads"),
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
    # gcn occurs twice in the first output, once in the second
    assert function("0,1,1,1:gcn,skip,skip,gat") != function("0,1,1,2:gcn,skip,gat,skip")
    # two gcn of the input are two functions, one gcn read twice is one
    assert function("0,0,1,2:gcn,gcn,fc,gin") != function("0,1,2,2:skip,gcn,fc,gin")


def test_what_the_authors_join_and_networks_tell_apart():
    """Only the first has the input in its output; the map of the output of the second is smaller."""
    first, second = "0,0,0,0:gcn,gcn,gcn,skip", "0,1,1,1:skip,gcn,gcn,gcn"
    assert filed(first) == filed(second) == 58111
    assert function(first) != function(second)
    sizes = [
        parameters(SPACE.network(SPACE.genotype(text), NodeClassification.small(), NetworkSettings(4)))
        for text in (first, second)
    ]
    assert sizes[0] - sizes[1] == 4 * 4


def _randomised(module, generator):
    module = module.double().eval()
    for tensor in module.parameters():
        tensor.data = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    for name, tensor in module.named_buffers():
        if name == "running_mean":
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    return module


def _gap(first, second):
    """Difference of two outputs `(n, width * parts)`, minimised over the order of parts."""
    if first.shape != second.shape:
        return torch.inf
    return min((torch.cat(order, dim=1) - second).abs().max().item() for order in permutations(first.split(4, dim=1)))


def _parts(space, genotype, bank, before):
    """Output under every assignment of a bank of layers to the nodes of their kind."""
    task = NodeClassification.small()
    network = space.network(genotype, task, NetworkSettings(4)).double().eval()
    network.join = network.after = torch.nn.Identity()
    if space.before:
        network.before = before
    ops = space.decode(space.function_key(genotype[None]))[0, 1:]
    places = {op: np.flatnonzero(ops == op) for op in set(ops.tolist())}
    for orders in product(*(permutations(range(len(nodes))) for nodes in places.values())):
        for (op, nodes), order in zip(places.items(), orders, strict=True):
            for node, number in zip(nodes, order, strict=True):
                layer, network.norms[node] = bank[op][number]
                if op != SKIP:
                    network.layers[str(1 + node)] = layer
        yield network(torch.arange(len(task.features)))


@pytest.mark.parametrize("before", [0, 1])
@torch.no_grad()
def test_function_key_is_what_networks_compute(before, same_function):
    """Two networks share a key exactly if some matching of weights gives them the same output parts."""
    space, generator = Graph(before), torch.Generator().manual_seed(0)
    linear = _randomised(torch.nn.Linear(4, 4), generator)  # as many features as the width, so that all layers fit
    bank = {
        op: [
            (
                _randomised(LAYERS.get(name, LAYERS["fc"])(4, 4), generator),
                _randomised(torch.nn.BatchNorm1d(4), generator),
            )
            for _ in range(4)
        ]
        for op, name in enumerate(OPERATIONS)
    }
    rng = np.random.default_rng(0)
    keys = space.function_key(ALL)
    own = space.key(ALL)
    together = pairwise(np.lexsort([own, keys]))
    joined = np.array([a for a, b in together if keys[a] == keys[b] and own[a] != own[b]])
    for first in rng.choice(joined, 40, replace=False):
        same = rng.choice(np.flatnonzero((keys == keys[first]) & (own != own[first])))
        near = space.code(space.neighbours(ALL[same]))
        other = rng.choice(near[keys[near] != keys[first]])
        reference = next(_parts(space, ALL[first], bank, linear))
        for which in (same, other):
            gap = min(_gap(parts, reference) for parts in _parts(space, ALL[which], bank, linear))
            assert same_function(gap, reference) == (which == same), (first, which)


# --- moves ------------------------------------------------------------------------------------------------------


def test_neighbours_by_hand():
    def texts(text):
        return {SPACE.to_string(neighbour) for neighbour in SPACE.neighbours(SPACE.genotype(text))}

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
    return _randomised(LAYERS[name](4, 4), torch.Generator().manual_seed(2))


def applied(module, x=X):
    return module(x, Edges(JOINED, 5).double())


@torch.no_grad()
def test_layers_are_their_formulas(rounding):
    """The weights of edges are of single precision."""
    close = dict.fromkeys(("rtol", "atol"), rounding(10, "float32"))
    gcn = layer("gcn")
    assert torch.allclose(applied(gcn), gcn.linear(symmetric(A + torch.eye(5)) @ X), **close)
    cheb = layer("cheb")
    assert torch.allclose(applied(cheb), cheb.zeroth(X) - cheb.first(symmetric(A) @ X), **close)
    gin = layer("gin")
    assert torch.allclose(applied(gin), gin.linear(X + A @ X), **close)
    sage = layer("sage")
    assert torch.allclose(applied(sage), sage.own(X) + sage.others(A / DEGREE.clamp(min=1)[:, None] @ X), **close)
    arma = layer("arma")
    assert torch.allclose(applied(arma), (arma.own(X) + arma.others(symmetric(A) @ X)).relu(), **close)
    graph = layer("graph")
    assert torch.allclose(applied(graph), graph.own(X) + graph.others(A @ X), **close)
    assert torch.allclose(applied(layer("fc")), layer("fc").linear(X), **close)


@torch.no_grad()
def test_attention_is_its_formula(rounding):
    """The softmax is of single precision."""
    close = dict.fromkeys(("rtol", "atol"), rounding(20, "float32"))
    gat = layer("gat")
    near, heads = A + torch.eye(5) > 0, []
    for head, h in enumerate((X @ gat.linear.weight.T).split(1, dim=1)):
        sent, received = gat.attention[:, head]
        score = torch.nn.functional.leaky_relu((h @ received)[:, None] + h @ sent, 0.2)  # (to, from)
        heads.append(score.masked_fill(~near, -torch.inf).softmax(dim=1) @ h)
    assert torch.allclose(applied(gat), torch.cat(heads, dim=1) + gat.bias, **close)
    alone = X[4] @ gat.linear.weight.T + gat.bias  # node 4 attends to itself only
    assert torch.allclose(applied(gat)[4], alone, **close)


@pytest.mark.parametrize("name", LAYERS)
def test_nodes_see_their_neighbours_only_and_a_lone_node_itself(name):
    x = X.clone().requires_grad_()
    result = applied(layer(name), x)
    assert torch.isfinite(result).all()
    seen = torch.stack([torch.autograd.grad(row.sum(), x, retain_graph=True)[0].abs().sum(dim=1) for row in result]) > 0
    others = torch.zeros_like(A) if name == "fc" else A
    assert not (seen & (others + torch.eye(5) == 0)).any()
    if name != "arma":  # whose ReLU may pass nothing
        assert torch.equal(seen, others + torch.eye(5) > 0)


def test_parameters_by_hand():
    """Width 4: features to 4, a gcn, four norms, one output part to 4, and three classes."""
    network = SPACE.network(
        SPACE.genotype("0,1,2,3:gcn,skip,skip,skip"), NodeClassification.small(), NetworkSettings(4)
    )
    assert parameters(network) == (4 * 4 + 4) + (4 * 4 + 4) + 4 * 2 * 4 + (4 * 4 + 4) + (4 * 3 + 3)
    product, width = 6 * 4, 4
    assert {name: parameters(LAYERS[name](6, 4)) for name in LAYERS} == {
        **{"gat": product + 3 * width, "arma": 2 * product + width * width + width},
        **dict.fromkeys(("gcn", "gin", "fc"), product + width),
        **dict.fromkeys(("cheb", "sage", "graph"), 2 * product + width),
    }


ENDS = {
    **{"cora": (1433, 7), "citeseer": (3703, 6), "pubmed": (500, 3), "cs": (6805, 15), "physics": (8415, 5)},
    **{"photo": (745, 8), "computers": (767, 10), "arxiv": (128, 40), "proteins": (8, 112)},
}
"""Features and classes of the published data sets; for proteins, binary labels."""


def stated(dataset):
    """Genotypes `(n, 5)` and parameters `(n,)` of the published table, means of three trainings."""
    package = pytest.importorskip("nas_bench_graph", reason="needs the package nas-bench-graph")
    numbers = {int(number): round(1e6 * row["para"], 2) for number, row in package.light_read(dataset).items()}
    digits = np.array([[int(digit) for digit in f"{number:05d}"] for number in numbers], dtype=np.int8)
    return SPACE.check(digits), np.array(list(numbers.values()))


def built(dataset, genotypes):
    """Parameters of the networks of `(n, 5)` genotypes in the published sizes; shape `(n,)`."""
    (features, classes), sizes = ENDS[dataset], PUBLISHED[dataset]
    small = NodeClassification.small()
    task = NodeClassification(np.zeros((12, features), dtype=np.float32), small.edges, classes)
    space = Graph(sizes.before, sizes.after)
    return np.array([parameters(space.network(row, task, NetworkSettings(sizes.channels))) for row in genotypes])


def counted(dataset, genotypes):
    """The same, from one module of each kind times its count in a network."""
    (features, classes), (width, before, after) = ENDS[dataset], PUBLISHED[dataset]
    reads_hidden = [parameters(LAYERS[op](width, width)) if op != "skip" else 0 for op in OPERATIONS]
    reads_features = [parameters(LAYERS[op](features, width)) if op != "skip" else 0 for op in OPERATIONS]
    table = np.array([reads_hidden, reads_hidden if before else reads_features])
    raw = np.ones((len(genotypes), 5), dtype=bool)
    total = np.full(len(genotypes), before * (features + 1) * width + 4 * 2 * width)
    links = np.array(LINKS)[genotypes[:, 0]]
    for node in range(1, 5):
        above = np.take_along_axis(raw, links[:, node - 1, None], axis=1)[:, 0]
        total += table[above.astype(int), genotypes[:, node]]
        raw[:, node] = above & (genotypes[:, node] == SKIP)
    leaves = np.array([sum(node not in shape for node in range(1, 5)) for shape in LINKS])[genotypes[:, 0]]
    joined, out = leaves * width + 1, width if after else classes
    return total + joined * out + after * (width + 1) * classes


@pytest.mark.parametrize("dataset", PUBLISHED)
def test_parameters_are_those_of_the_table(dataset):
    """All networks except 1,567 of physics, most of which have a fractional mean over three trainings."""
    genotypes, parameters_stated = stated(dataset)
    other = counted(dataset, genotypes) != parameters_stated
    assert len(genotypes) == (2_021 if dataset == "proteins" else 26_206)
    assert other.sum() == (1_567 if dataset == "physics" else 0)
    some = np.random.default_rng(0).choice(np.flatnonzero(~other), 8, replace=False)
    assert built(dataset, genotypes[some]).tolist() == parameters_stated[some].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["computers", "proteins"])
def test_all_networks_have_the_parameters_of_the_table(dataset):
    genotypes, parameters_stated = stated(dataset)
    assert np.array_equal(built(dataset, genotypes), parameters_stated)


def test_features_pass_skips_as_they_are_where_no_map_is_before():
    """Six features at width 4: a skip adds six to the output, and a layer reads six."""
    task = NodeClassification.small()
    wide = replace(task, features=np.concatenate([task.features, task.features[:, :2]], axis=1))
    network = Graph(before=0, after=0).network(SPACE.genotype("0,0,1,2:skip,gcn,gin,skip"), wide, NetworkSettings(4))
    assert parameters(network) == 2 * (6 * 4 + 4) + 4 * 2 * 4 + (2 * 4 + 1) * 3
    last = Graph(before=0, after=0).network(SPACE.genotype("0,0,0,0:skip,gcn,gcn,gcn"), wide, NetworkSettings(4))
    assert parameters(last) == 3 * (6 * 4 + 4) + 4 * 2 * 4 + (6 + 3 * 4 + 1) * 3
    assert last(torch.arange(2)).shape == (2, 3)


def test_operations_are_those_of_linear_maps():
    """12 nodes, width 4: map of features, one layer, and both last maps of one queried node."""
    product, bias = 12 * 4 * 4, 12 * 4
    layers = {
        **{"gat": product, "skip": 0},
        **dict.fromkeys(("gcn", "gin", "fc"), product + bias),
        **dict.fromkeys(("cheb", "sage", "arma", "graph"), 2 * product + bias),
    }
    for name, operations in layers.items():
        genotype = SPACE.genotype(f"0,1,2,3:{name},skip,skip,skip")
        network = SPACE.network(genotype, NodeClassification.small(), NetworkSettings(4))
        last = (4 * 4 + 4) + (4 * 3 + 3)
        assert flops(network, torch.zeros(1, dtype=torch.int64)) == product + bias + operations + last


def test_odd_widths_are_refused():
    with pytest.raises(InputError, match="divided among 4 heads, got 6 channels"):
        SPACE.network(ALL[0], NodeClassification.small(), NetworkSettings(6))


@pytest.mark.parametrize("maps", [{"before": 2}, {"after": -1}, {"before": True}, {"after": "1"}])
def test_other_numbers_of_maps_are_refused(maps):
    with pytest.raises(InputError, match="must be 0 or 1"):
        Graph(**maps)


def test_other_tasks_are_refused():
    with pytest.raises(InputError, match="node_classification"):
        SPACE.network(ALL[0], ImageClassification((1, 8, 8), 3), NetworkSettings(4))

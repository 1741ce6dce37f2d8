"""YOLOBench: published names and their meaning by hand, and the networks of each family."""

import csv
from collections import Counter
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.measures.flops import flops
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.networks.yolo import BLOCKS, Partial, RepVGG, Residual
from nasbench.spaces.yolo import _EDGES, _NODES, FAMILIES, RESOLUTIONS, WIDTHS, YOLO
from nasbench.tasks.detection import ObjectDetection
from nasbench.tasks.images import ImageClassification
from nasbench.testing import check_space

TABLES = Path(__file__).parents[2] / ".." / "shared" / "tables" / "yolobench/raw"
SPACE = YOLO()
ALL = next(SPACE.enumerate())
TASK = ObjectDetection.small()


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["VOC_scratch_100epochs.csv", "YOLO_latency.csv"])
def test_published_names_are_all(file):
    if not (TABLES / file).exists():
        pytest.skip(f"needs the published table {TABLES / file}")
    with (TABLES / file).open(newline="") as lines:
        names = [row["model_name"] for row in csv.DictReader(lines)]
    assert len(names) == 968
    assert [SPACE.to_string(SPACE.genotype(name)) for name in names] == names
    assert {SPACE.to_string(genotype) for genotype in ALL} == {*names}


def test_size_by_hand():
    assert SPACE.size == (7 * 3 + 1) * 4 * 11 == len(ALL) == 968
    families = Counter(SPACE.to_config(genotype)["family"].partition("-")[0] for genotype in ALL)
    assert families == {name: 44 if name == "yolo7" else 132 for name in FAMILIES}
    assert RESOLUTIONS == (160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480)


@pytest.mark.parametrize(
    ("name", "family", "width", "resolution"),
    [
        ("yolo3d1w25_160", "yolo3-d1", 0.25, 160),
        ("yolo5n_320", "yolo5-d0.33", 0.25, 320),
        ("yolo5s_320", "yolo5-d0.33", 0.5, 320),
        ("yolo8m_480", "yolo8-d0.67", 0.75, 480),
        ("yolo4l_192", "yolo4-d1", 1.0, 192),
        ("yolo8d67w5_160", "yolo8-d0.67", 0.5, 160),
        ("yolo6s-d33w25_160", "yolo6s-d0.33", 0.25, 160),
        ("yolo6m-d6w75_480", "yolo6m-d0.6", 0.75, 480),
        ("yolo6l-d1w1_352", "yolo6l-d1", 1.0, 352),
        ("yolo7s_256", "yolo7-d1", 0.5, 256),
    ],
)
def test_names_by_hand(name, family, width, resolution):
    genotype = SPACE.genotype(name)
    assert SPACE.to_config(genotype) == {"family": family, "width": width, "resolution": resolution}
    assert SPACE.to_string(genotype) == name


@pytest.mark.parametrize("name", ["yolo5n", "yolo9n_160", "yolo5n_170", "yolo7d1w5_160", "yolo5d33w25_160", "YOLO"])
def test_refused_names(name):
    with pytest.raises(InputError, match=f"by name, as in 'yolo3d1w25_160', got '{name}'"):
        SPACE.genotype(name)
    with pytest.raises(InputError, match="did you mean 'yolo5n_160'"):
        SPACE.genotype("yol5n_160")


# --- graph ------------------------------------------------------------------------------------------------------


def test_graph_by_hand():
    """YOLOv5s: depth 0.33 of 3, 6, 9, 3 blocks, half of 64 to 1024 channels, strides of 2 to 32."""
    nodes = SPACE.graph(SPACE.genotype("yolo5s_320")).nodes(data=True)
    found = {name: data for (name, _), (_, data) in zip(_NODES, nodes, strict=True)}
    assert found["input"] == {"op": "input", "channels": 3, "repeats": 0, "resolution": 320}
    assert found["stem"] == {"op": "stem", "channels": 32, "repeats": 1, "resolution": 160}
    stages = [found[f"stage{level}"] for level in (2, 3, 4, 5)]
    assert [stage["repeats"] for stage in stages] == [1, 2, 3, 1]
    assert [stage["channels"] for stage in stages] == [64, 128, 256, 512]
    assert [stage["resolution"] for stage in stages] == [80, 40, 20, 10]
    assert found["down5"] == {"op": "c3", "channels": 512, "repeats": 1, "resolution": 10}
    assert found["head3"] == {"op": "head", "channels": 128, "repeats": 1, "resolution": 40}
    assert found["output"] == {"op": "output", "channels": 0, "repeats": 0, "resolution": 0}


def test_each_decision_shows_in_the_numbers():
    values = SPACE.node_values(ALL)
    distinct = {(SPACE.graph(genotype).nodes[2]["op"], v.tobytes()) for genotype, v in zip(ALL, values, strict=True)}
    assert len(distinct) == len(np.unique(SPACE.key(ALL))) == len(np.unique(SPACE.function_key(ALL))) == 968


def test_nodes_of_a_graph_can_be_told_apart_by_their_edges():
    graph = nx.DiGraph(_EDGES)
    assert len([*nx.isomorphism.DiGraphMatcher(graph, graph).isomorphisms_iter()]) == 1


def test_all_graphs_lead_back():
    for genotype in ALL:
        assert np.array_equal(SPACE.genotype(SPACE.graph(genotype)), genotype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda g: g.remove_edge(4, 7), "has 15 nodes and 20 edges: a chain of input"),
        (lambda g: g.nodes[2].update(op="sppf"), "node 2 has op 'sppf', which is no stage"),
        (
            lambda g: g.nodes[3].update(op="csp"),
            r"node 3 \(stage3\) has .*'csp'.*; the nearest detector of yolo, yolo5s",
        ),
        (lambda g: g.nodes[4].update(repeats=7), r"node 4 \(stage4\) has .*'repeats': 7"),
        (lambda g: g.nodes[1].update(channels=40), r"node 1 \(stem\) has 40 channels, allowed are 16, 32, 48, 64"),
        (lambda g: g.nodes[0].update(resolution=100), r"node 0 \(input\) has 100 resolution, allowed are 160, 192"),
        (lambda g: g.nodes[0].pop("resolution"), r"node 0 \(input\) has None resolution"),
        (lambda g: g.nodes[13].update(op="stem"), r"node 13 \(head5\) has .*'stem'"),
    ],
)
def test_refused_graphs(change, message):
    graph = SPACE.graph(SPACE.genotype("yolo5s_320"))
    change(graph)
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- network ----------------------------------------------------------------------------------------------------


def build(name, channels=8, cells=1, task=TASK):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SPACE.network(SPACE.genotype(name), task, NetworkSettings(channels, cells))


@pytest.mark.parametrize("family", FAMILIES)
def test_blocks_keep_the_image_and_learn(family):
    block = BLOCKS[FAMILIES[family].block](6, 8, 3)
    x = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0))
    result = block(x)
    assert result.shape == (2, 8, 5, 7)
    result.square().sum().backward()
    assert all(p.grad is not None for p in block.parameters())


def norm(channels):
    return 2 * channels


def test_costs_of_blocks_by_hand():
    """From 8 to 8 channels with two repeats; every convolution is followed by a normalisation."""

    def one(c_in, c_out, kernel):
        return c_in * c_out * kernel**2 + norm(c_out)

    expected = {
        "bottleneck": 2 * (one(8, 4, 1) + one(4, 8, 3)),
        "csp": one(8, 4, 1) + 2 * (one(4, 4, 1) + one(4, 4, 3)) + 16 + 32 + norm(8) + one(8, 8, 1),
        "c3": 2 * one(8, 4, 1) + 2 * (one(4, 4, 1) + one(4, 4, 3)) + one(8, 8, 1),
        "rep": 2 * (one(8, 8, 3) + one(8, 8, 1) + norm(8)),
        "bepc3": 2 * one(8, 5, 1) + 2 * (one(5, 5, 3) + one(5, 5, 1) + norm(5)) + one(10, 8, 1),
        "bepc3_silu": 2 * one(8, 4, 1) + 2 * one(4, 4, 3) + one(8, 8, 1),
        "elan": 2 * one(8, 2, 1) + 2 * one(2, 2, 3) + one(6, 8, 1),
        "c2f": 2 * one(8, 4, 1) + 2 * 2 * one(4, 4, 3) + one(16, 8, 1),
    }
    assert {name: parameters(make(8, 8, 2)) for name, make in BLOCKS.items()} == expected


@torch.no_grad()
def test_repvgg_can_be_merged_into_one_convolution(rounding):
    """The re-parameterisation of RepVGG: three branches equal one 3x3 convolution with a bias."""
    torch.manual_seed(0)
    block = RepVGG(3, 3).double()
    for module in block.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
            torch.nn.init.normal_(module.running_mean)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    weight, bias = torch.zeros(3, 3, 3, 3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    identity = torch.zeros_like(weight)
    identity[range(3), range(3), 1, 1] = 1
    narrow = torch.nn.functional.pad(block.narrow[0].weight, (1, 1, 1, 1))
    for kernel, n in ((block.wide[0].weight, block.wide[1]), (narrow, block.narrow[1]), (identity, block.same)):
        scale = n.weight / (n.running_var + n.eps).sqrt()
        weight += kernel * scale[:, None, None, None]
        bias += n.bias - n.running_mean * scale
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    merged = torch.relu(torch.nn.functional.conv2d(x, weight, bias, padding=1))
    assert torch.allclose(
        block.eval()(x), merged, rtol=0, atol=rounding(100, condition=100)
    )  # 55 terms, none above 100


@torch.no_grad()
def test_residual_and_partial_by_hand(rounding):
    x = torch.tensor([1.0, -2.0]).reshape(1, 1, 1, 2)
    assert Residual(torch.nn.ReLU())(x).flatten().tolist() == [2, -2]
    partial = Partial(2, 2, lambda _: torch.nn.Identity(), act=torch.nn.Identity).eval()
    for layer, weight in ((partial.through[0], [1, 0]), (partial.past, [0, 1])):
        layer[0].weight.copy_(torch.tensor(weight, dtype=torch.float32).reshape(1, 2, 1, 1))
    partial.last[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 0.0]]).reshape(2, 2, 1, 1))
    pixel = torch.tensor([1.0, 10.0]).reshape(1, 2, 1, 1)
    scale = 1 / (1 + partial.last[1].eps)  # of two normalisations, each the root
    assert partial(pixel).flatten().tolist() == pytest.approx([21 * scale, 3 * scale], rel=rounding(20, "float32"))


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_networks_answer_three_levels(family):
    name = {"yolo7": "yolo7n_160"}.get(
        family, f"{family}-d33w25_160" if family.startswith("yolo6") else f"{family}n_160"
    )
    for shape, sides in (((1, 32, 32), [16, 8, 4]), ((3, 20, 36), [18, 9, 5])):
        task = ObjectDetection(shape, 3, 2)
        outputs = build(name, task=task).eval()(task.inputs(2))
        task.check(outputs, 2)
        assert [output.shape[3] for output in outputs] == sides


@torch.no_grad()
def test_resolution_is_that_of_the_image():
    sizes = [build(f"yolo5n_{resolution}").eval()(TASK.inputs(1))[0].shape[2] for resolution in (160, 320, 480)]
    assert sizes == [16, 32, 48]


def test_depth_width_and_resolution_cost():
    def cost(name):
        network = build(name, channels=16, cells=3)
        return parameters(network), flops(network, TASK.inputs(1))

    small = cost("yolo5n_160")
    assert all(a < b for a, b in zip(small, cost("yolo5d67w25_160"), strict=True))
    assert all(a < b for a, b in zip(small, cost("yolo5s_160"), strict=True))
    larger = cost("yolo5n_320")
    assert larger[0] == small[0] and larger[1] == pytest.approx(4 * small[1], rel=0.01)


def test_settings_are_in_proportion():
    assert SPACE.node_values(SPACE.genotype("yolo5s_160")[None])[0, :6, 0].tolist() == [3, 32, 64, 128, 256, 512]
    full, half = build("yolo5s_160", 64, 3), build("yolo5s_160", 32, 3)
    assert full.start[0][0].out_channels == 32 and half.start[0][0].out_channels == 16
    assert parameters(full) == pytest.approx(4 * parameters(half), rel=0.02)
    assert len(WIDTHS) == 4


def test_a_network_is_made_for_detection_only():
    with pytest.raises(InputError, match="made for object_detection, not for image_classification"):
        SPACE.network(ALL[0], ImageClassification.small(), NetworkSettings())


@pytest.mark.parametrize("seed", [0, 1])
def test_contract(seed):
    check_space(SPACE, seed=seed)


def test_registered():
    assert isinstance(spaces.create("yolo"), YOLO)

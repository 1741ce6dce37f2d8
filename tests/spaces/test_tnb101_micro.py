from itertools import permutations, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.spaces import NetworkSettings, spaces
from nasbench.spaces.edge_cell import EDGES, NONE
from nasbench.spaces.networks.layers import EdgeCell, FactorizedReduction, Zero, relu_conv_bn
from nasbench.spaces.tnb101_micro import TNB101Micro
from nasbench.tasks.images import ImageClassification

SPACE = TNB101Micro()
ALL = next(SPACE.enumerate())
SKIP, CONV_1X1, CONV_3X3 = 1, 2, 3
PUBLISHED = NetworkSettings(channels=64, cells=2, stages=3)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_published_example_by_hand():
    """The example of the authors: node 1 skips node 0, node 2 convolves node 1, node 3 convolves all by 3x3."""
    genotype = SPACE.genotype("64-41414-1_02_333")
    assert dict(zip(EDGES, genotype.tolist(), strict=True)) == {
        **{(0, 1): SKIP, (0, 2): NONE, (1, 2): CONV_1X1},
        **{(0, 3): CONV_3X3, (1, 3): CONV_3X3, (2, 3): CONV_3X3},
    }
    labels = [op for _, op in sorted(SPACE.graph(genotype).nodes(data="op"))]
    convolutions = ["nor_conv_3x3"] * 3
    assert labels == ["input", "skip_connect", "none", "nor_conv_1x1", *convolutions, "output"]
    assert SPACE.to_string(genotype) == "64-41414-1_02_333"


def test_all_strings_lead_back():
    digits = ["".join(digits) for digits in product("0123", repeat=6)]
    strings = [f"64-41414-{d[0]}_{d[1:3]}_{d[3:]}" for d in digits]
    assert [SPACE.to_string(genotype) for genotype in ALL] == strings
    assert np.array_equal(np.stack([SPACE.genotype(string) for string in strings]), ALL)


@pytest.mark.parametrize("text", ["", "1_02_333", "64-41414-4_02_333", "64-4141-1_02_333", "64-41414-1_20333"])
def test_refused_strings(text):
    with pytest.raises(InputError, match="expected a cell of tnb101_micro as '64-41414-a_bc_def'"):
        SPACE.genotype(text)


# --- identity ---------------------------------------------------------------------------------------------------


def test_numbers_of_classes():
    assert [len(np.unique(method(ALL))) for method in (SPACE.key, SPACE.pruned_key, SPACE.function_key)] == [
        *(4_096, 2_128, 1_376),
    ]
    assert SPACE.is_constant(ALL).sum() == 169
    found = SPACE.function_key(ALL)
    assert (SPACE.function_key(SPACE.decode(found)) == found).all()


def test_skip_on_the_input_is_learnt_where_the_image_is_halved():
    def same(first, second):
        one, other = SPACE.function_key(np.stack([SPACE.genotype(f"64-41414-{cell}") for cell in (first, second)]))
        return bool(one == other)

    assert same("3_00_010", "3_01_001")  # a skip after a convolution is the identity
    assert not same("1_00_030", "0_00_300")  # a skip before it is a layer of its own in some cells
    assert same("0_10_003", "1_00_030")  # which node it goes through does not matter
    assert same("3_00_000", "0_00_000")  # what goes nowhere


def operation(op, banks, used, stride):
    """The next unused operation from the bank of its kind, or a new one if it has no weights."""
    if op == NONE:
        return Zero(2, stride)
    if op == SKIP and stride == 1:
        return torch.nn.Identity()
    used[op, stride] = used.get((op, stride), -1) + 1
    return banks[op, stride][used[op, stride]]


def outputs(genotype, banks, image, stride):
    """Outputs of the cell for one image, under every assignment of the banks' weights to its live operations."""
    genotype = SPACE.prune(genotype[None])[0]
    strides = [1 if source else stride for source, _ in EDGES]
    counts = {kind: sum(kind == at for at in zip(genotype.tolist(), strides, strict=True)) for kind in banks}
    results = []
    for orders in product(*(permutations(range(count)) for count in counts.values())):
        ordered = {kind: [banks[kind][i] for i in order] for (kind, order) in zip(banks, orders, strict=True)}
        used: dict[tuple[int, int], int] = {}
        operations = [operation(int(op), ordered, used, s) for op, s in zip(genotype, strides, strict=True)]
        results.append(EdgeCell(EDGES, operations)(image))
    return torch.stack(results)


@torch.no_grad()
def test_function_key_is_what_networks_compute(same_function):
    """Two cells share a key exactly if some matching of weights makes both kinds of cells equal."""
    generator = torch.Generator().manual_seed(0)
    banks = {}
    for op, stride in [(SKIP, 2), (CONV_1X1, 1), (CONV_1X1, 2), (CONV_3X3, 1), (CONV_3X3, 2)]:
        banks[op, stride] = [
            (FactorizedReduction(2, 2) if op == SKIP else relu_conv_bn(2, 2, 1 if op == CONV_1X1 else 3, stride))
            .double()
            .eval()
            for _ in range(6)
        ]
        for layer in banks[op, stride]:
            for tensor in layer.parameters():
                tensor.data = torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
            norm = layer.norm if op == SKIP else layer[2]
            norm.running_mean = torch.randn(2, generator=generator, dtype=torch.float64)
    image = torch.randn((1, 2, 6, 6), generator=generator, dtype=torch.float64)

    def same(first, second):
        matches = []
        for stride in (1, 2):
            reference = outputs(first, banks, image, stride)[:1]
            gaps = (outputs(second, banks, image, stride) - reference).abs().amax((1, 2, 3, 4))
            matches.append(same_function(gaps.min(), reference))
        return all(matches)

    rng = np.random.default_rng(0)
    key = SPACE.function_key(ALL)
    few = ((ALL != NONE) & SPACE.live(ALL)).sum(axis=1) <= 4
    repeated = np.flatnonzero(few & (np.bincount(key, minlength=len(ALL))[key] > 1))
    for first in rng.choice(repeated, 40, replace=False):
        equal = rng.choice(np.flatnonzero(key == key[first]))
        near = SPACE.code(SPACE.neighbours(ALL[equal]))
        other = rng.choice(near[(key[near] != key[first]) & few[near]])
        assert same(ALL[first], ALL[equal]), (ALL[first], ALL[equal])
        assert not same(ALL[first], ALL[other]), (ALL[first], ALL[other])


# --- encodings --------------------------------------------------------------------------------------------------


def test_path_encoding_by_hand():
    paths = SPACE.features(SPACE.genotype("64-41414-1_00_320")[None], "paths")[0]
    assert paths.shape == (3 + 9 + 27,)
    assert np.flatnonzero(paths).tolist() == [CONV_3X3 - 1, 3 + 3 * (SKIP - 1) + (CONV_1X1 - 1)]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 4_095))
def test_tensors_are_the_graph(code):
    graph = SPACE.graph(ALL[code])
    _, ops, mask = SPACE.adjacency_arrays(ALL[code][None])
    assert [SPACE.ops[op] for op in ops[0]] == [op for _, op in graph.nodes(data="op")]
    assert mask.all()


# --- network ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "per_cell", "per_reduction"),
    [
        # c channels in a cell that keeps the shape; from c to 2c in one that halves the image
        ("0_00_000", lambda c: 0, lambda c: 0),
        ("0_00_100", lambda c: 0, lambda c: 2 * c * c + 4 * c),
        ("0_00_300", lambda c: 9 * c * c + 2 * c, lambda c: 18 * c * c + 4 * c),
        (
            "1_02_333",
            lambda c: 28 * c * c + 8 * c,
            lambda c: (2 * c * c + 4 * c) + (18 * c * c + 4 * c) + (19 * 4 * c * c + 12 * c),
        ),
    ],
)
def test_parameters_of_the_published_skeleton_by_hand(cell, per_cell, per_reduction):
    network = SPACE.network(SPACE.genotype(f"64-41414-{cell}"), ImageClassification((3, 256, 256), 75), PUBLISHED)
    stem = 27 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64
    # modules of two cells: 4 (64 to 128), 1, 4 (128 to 256), 1, 4 (256 to 512)
    reductions = sum(per_reduction(c) for c in (64, 128, 256))
    cells = 3 * per_cell(128) + 3 * per_cell(256) + per_cell(512)
    assert parameters(network) == stem + reductions + cells + 512 * 75 + 75


@torch.no_grad()
def test_image_sizes_in_the_published_skeleton():
    """256 pixels become 64 in the stem and 8 before the head; the stem keeps small images."""
    genotype = SPACE.genotype("64-41414-1_02_333")
    for side, expected in ((256, 8), (32, 4), (7, 1)):
        *body, _ = SPACE.network(genotype, ImageClassification((1, side, side), 5), NetworkSettings(2, 1, 3)).eval()
        x = torch.zeros(1, 1, side, side)
        for block in body:
            x = block(x)
        assert x.shape == (1, 16, expected, expected)


@torch.no_grad()
def test_constant_cells_ignore_the_image(rounding):
    """But for the rounding of two rows, each of some sums of up to a few hundred terms below 10."""
    images = torch.randn((2, 1, 9, 7), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    near = rounding(1_000, condition=10)
    for cell, constant in (("0_00_000", True), ("3_11_000", True), ("0_00_010", True), ("1_00_010", False)):
        genotype = SPACE.genotype(f"64-41414-{cell}")
        network = SPACE.network(genotype, ImageClassification((1, 9, 7), 3), NetworkSettings(4, 2, 2))
        a, b = network.double().eval()(images)
        assert torch.allclose(a, b, rtol=near, atol=near) == constant == SPACE.is_constant(genotype[None])[0]


def test_registered():
    assert isinstance(spaces.create("tnb101_micro"), TNB101Micro)

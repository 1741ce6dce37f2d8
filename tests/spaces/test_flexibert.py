import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings
from nasbench.spaces.flexibert import FlexiBERT
from nasbench.spaces.networks.transformer import Attention, LinearTransform, SpanConvolution, cosine, fourier
from nasbench.tasks.language import MaskedLanguage

TABLE = Path(__file__).parents[2] / "../shared/tables/nas_bench_bert/raw/BERT_benchmark.json"
SPACE = FlexiBERT()
TASK = MaskedLanguage(8, 5)


def layer(kind="SA", value="SDP", heads=4, width=1024, stacked=3):
    return {
        "operation_type": kind,
        "operation_parameter": value,
        "num_operation_heads": heads,
        "feed_forward_dimension": width,
        "num_feed_forward": stacked,
    }


def text(*layers, hidden=256):
    return json.dumps({"hidden_size": hidden, "nas_config": {"encoder_layers": list(layers)}})


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_an_encoder_in_all_its_forms():
    genotype = SPACE.genotype(text(layer(), layer("DSC", 9, 2, 512, 1)))
    assert genotype.tolist() == [1, 0, 0, 1, 1, 1, 5, 0, 0, 0, *[0] * 8]
    assert list(SPACE.graph(genotype).nodes(data=True)) == [
        (0, {"op": "input", "hidden": 256}),
        (1, {"op": "SA-SDP", "hidden": 256, "heads": 4, "feed_forward": 1024, "stacked": 3, "layer": 0}),
        (2, {"op": "DSC-9", "hidden": 256, "heads": 2, "feed_forward": 512, "stacked": 1, "layer": 1}),
        (3, {"op": "output", "hidden": 256}),
    ]
    assert json.loads(SPACE.to_string(genotype)) == json.loads(text(layer(), layer("DSC", 9, 2, 512, 1)))
    assert SPACE.to_config(genotype)["layer_1_operation"] == "DSC-9"


def test_size_is_the_published_one():
    assert SPACE.size == 2 * (48**2 + 48**4) == 10_621_440


def test_all_encoders_of_two_layers_come_first_and_once():
    first = np.concatenate([next(SPACE.enumerate(chunk)) for chunk in (48**2,)])
    assert (SPACE.depth(first) == 2).all()
    assert len(np.unique(SPACE.key(first))) == 48**2
    rest = next(SPACE.enumerate(48**2 + 1))[-1]
    assert SPACE.depth(rest[None]).tolist() == [4]
    last = SPACE._ranked(np.array([SPACE.size - 1]))[0]
    assert last.tolist() == [1, 1, *[5, 1, 1, 1] * 4]


def test_sampling_is_uniform_over_encoders():
    """Two layers have 48^2 of 48^2 + 48^4 encoders: one in 2,305."""
    depths = SPACE.depth(SPACE.sample(200_000, np.random.default_rng(0)))
    assert 60 < (depths == 2).sum() < 120  # 87 expected


def test_neighbours_by_hand():
    """Two layers: 1 hidden size, 2 * (5 + 1 + 1 + 1) options, and 48 ways to add two equal layers."""
    two = SPACE.genotype(text(layer(), layer("LT", "DFT")))
    neighbours = SPACE.neighbours(two)
    assert len(neighbours) == 1 + 16 + 48
    grown = neighbours[SPACE.depth(neighbours) == 4]
    assert (SPACE.layers(grown)[:, 2] == SPACE.layers(grown)[:, 3]).all()
    unlike = SPACE.genotype(text(layer(), layer(), layer(), layer("LT", "DCT")))
    assert (SPACE.depth(SPACE.neighbours(unlike)) == 4).all()
    assert len(SPACE.neighbours(unlike)) == 1 + 32


# --- published rows ---------------------------------------------------------------------------------------------------


def test_published_rows_are_members_and_come_back():
    if not TABLE.exists():
        pytest.skip(f"needs the published table {TABLE}")
    rows = [row["hparams"]["model_hparam_overrides"] for row in json.loads(TABLE.read_text())]
    genotypes = [SPACE.genotype(json.dumps(row)) for row in rows]
    assert [json.loads(SPACE.to_string(genotype)) for genotype in genotypes] == rows
    assert (len(rows), len(np.unique(genotypes, axis=0))) == (500, 491)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("{}", "as JSON like"),
        ("[1]", "as JSON like"),
        (text(), "has 2 or 4 layers, got 0"),
        (text(layer(), layer(), layer()), "has 2 or 4 layers, got 3"),
        (text(layer(), layer(), hidden=192), "hidden_size 192; known are 128, 256"),
        (text(layer(), layer("SA", "DFT")), r"layer 1 .* operation \('SA', 'DFT'\); known are SA-SDP"),
        (text(layer(heads=3), layer()), "layer 0 .* num_operation_heads 3"),
        (text(layer(), layer(stacked=True)), "layer 1 .* num_feed_forward True"),
        (text(layer(), layer(width=None)), "layer 1 .* feed_forward_dimension None"),
        (text("x", "y"), "a list of objects"),
    ],
)
def test_refused_texts(wrong, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(wrong)


def test_refused_graphs_and_vectors():
    graph = SPACE.graph(SPACE.genotype(text(layer(), layer())))
    graph.nodes[1]["heads"] = 8
    with pytest.raises(InputError, match=r"layer 0 .* num_operation_heads 8"):
        SPACE.genotype(graph)
    graph.add_edge(0, 2)
    with pytest.raises(InputError, match="a directed path of input, layers and output"):
        SPACE.genotype(graph)
    wrong = np.zeros(len(SPACE.cardinalities), dtype=int)
    wrong[-1] = 1
    with pytest.raises(InputError, match="position 17 belongs to an absent layer, there are 2"):
        SPACE.genotype(wrong)


# --- layers -----------------------------------------------------------------------------------------------------------


def test_transforms_are_those_of_torch(rounding):
    """Sums of 48 products, each of which is below 1, in single precision."""
    near = {"rtol": 0, "atol": rounding(48, "float32")}
    x = torch.randn(2, 8, 6, generator=torch.Generator().manual_seed(0))
    block = LinearTransform(6, 1, 8, "DFT")
    block.out = torch.nn.Identity()
    torch.testing.assert_close(block(x), torch.fft.fft2(x, norm="ortho").real, **near)
    real, imaginary = fourier(5)
    torch.testing.assert_close(torch.complex(real, -imaginary), torch.fft.fft(torch.eye(5), norm="ortho"), **near)
    (matrix,) = cosine(4)
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(4), **near)
    # of (1, 2, 3, 4): the mean times 2, then sqrt(1/2) times the sum of x cos(pi k (i + 1/2) / 4)
    first = math.sqrt(1 / 2) * sum((i + 1) * math.cos(math.pi * (i + 1 / 2) / 4) for i in range(4))
    torch.testing.assert_close((matrix @ torch.arange(1.0, 5))[:2], torch.tensor([5.0, first]), **near)


def test_attention_by_hand_is_the_mean_where_all_scores_are_equal():
    for weighted in (False, True):
        block = Attention(4, 2, 4, weighted=weighted)
        torch.nn.init.zeros_(block.query.weight)
        torch.nn.init.zeros_(block.query.bias)
        x = torch.randn(1, 5, 4)
        expected = block.out(block.value(x).mean(dim=1, keepdim=True)).expand(1, 5, 4)
        torch.testing.assert_close(block(x), expected)


def test_attention_is_that_of_torch():
    block = Attention(8, 2, 8, causal=True)
    x = torch.randn(3, 5, 8)
    q, k, v = (part(x).view(3, 5, 2, 4).transpose(1, 2) for part in (block.query, block.key, block.value))
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    torch.testing.assert_close(block(x), block.out(expected.transpose(1, 2).flatten(2)))


def test_span_convolution_by_hand():
    """Uniform kernels average the span, with zeros outside of the text."""
    block = SpanConvolution(2, 1, 3)
    torch.nn.init.zeros_(block.kernel.weight)
    torch.nn.init.zeros_(block.kernel.bias)
    block.value = block.out = torch.nn.Identity()
    x = torch.tensor([[[3.0, 0.0], [6.0, 3.0], [0.0, 9.0]]])
    torch.testing.assert_close(block(x), torch.tensor([[[3.0, 1.0], [3.0, 4.0], [2.0, 4.0]]]))


# --- network ----------------------------------------------------------------------------------------------------------


def test_parameters_by_hand():
    """One width of 8: embedding 6 x 8, places 8 x 8, and a norm; two layers of attention and one network of 32 each."""
    genotype = SPACE.genotype(text(*[layer(heads=2, width=512, stacked=1)] * 2, hidden=128))
    network = SPACE.network(genotype, TASK, NetworkSettings(channels=8))
    attention, feed_forward, norm = 4 * (8 * 8 + 8), 8 * 32 + 32 + 32 * 8 + 8, 2 * 8
    assert parameters(network) == 6 * 8 + 8 * 8 + norm + 2 * (attention + feed_forward + 2 * norm) + 8 * 5 + 5


@pytest.mark.parametrize("kind", [("SA", "SDP"), ("SA", "WMA"), ("LT", "DFT"), ("LT", "DCT"), ("DSC", 5), ("DSC", 9)])
def test_what_is_hidden_does_not_depend_on_other_windows(kind):
    genotype = SPACE.genotype(text(layer(*kind), layer(*kind), hidden=128))
    network = SPACE.network(genotype, TASK, NetworkSettings(channels=8)).eval()
    tokens = TASK.inputs(3)
    torch.testing.assert_close(network(tokens)[1:2], network(tokens[1:2]))


def test_refused_widths():
    with pytest.raises(InputError, match="divided among 4 heads; got 6, from 6 channels"):
        SPACE.network(SPACE.genotype(text(layer(), layer(), hidden=128)), TASK, NetworkSettings(channels=6))

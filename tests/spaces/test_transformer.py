import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.errors import InputError
from nasbench.measures.parameters import parameters
from nasbench.spaces import NetworkSettings
from nasbench.spaces.transformer import SUMMARY, Transformer
from nasbench.tasks.language import MaskedLanguage

TABLES = Path(__file__).parents[2] / "../shared/tables/hat_latency/raw"
SPACE = Transformer()
TASK = MaskedLanguage(8, 5)
HAND = {
    "encoder_embed_dim": 640,
    "encoder_layer_num": 6,
    "encoder_ffn_embed_dim": [512, 512, 1024, 2048, 3072, 3072],
    "encoder_self_attention_heads": [2, 4, 8, 2, 4, 8],
    "decoder_embed_dim": 512,
    "decoder_layer_num": 2,
    "decoder_ffn_embed_dim": [3072, 512],
    "decoder_self_attention_heads": [8, 2],
    "decoder_ende_attention_heads": [4, 2],
    "decoder_arbitrary_ende_attn": [-1, 2],
}


def changed(**changes):
    return json.dumps({**HAND, **changes})


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_transformer_in_all_its_forms():
    genotype = SPACE.genotype(changed())
    assert genotype.tolist() == [1, 0, 0, 0, 1, 2, 3, 3, 0, 1, 2, 0, 1, 2, 1, 3, 2, 1, 0, 0, 0, 0, 2, *[0] * 16]
    assert json.loads(SPACE.to_string(genotype)) == HAND
    graph = SPACE.graph(genotype)
    assert graph.nodes[0] == {"op": "input", "embed": 640}
    assert graph.nodes[3] == {"op": "encoder", "embed": 640, "feed_forward": 1024, "heads": 8, "layer": 2}
    assert graph.nodes[7] == {"op": "target", "embed": 512}
    expected = {"op": "decoder", "embed": 512, "feed_forward": 512, "heads": 2, "cross_heads": 2, "layer": 1}
    assert graph.nodes[9] == expected
    assert set(graph.edges) == {
        *((i, i + 1) for i in range(6)),
        *((0, 7), (7, 8), (8, 9), (9, 10)),
        *((6, 8), (4, 9), (5, 9), (6, 9)),
    }


def test_size_by_hand():
    assert SPACE.size == 4 * 12**6 * sum(108**k for k in range(1, 7)) == 19_130_661_104_239_706_112


def test_summary_by_hand():
    summary = dict(zip(SUMMARY, SPACE.summary(SPACE.genotype(changed())[None])[0].tolist(), strict=True))
    assert summary == {
        "encoder_embed_dim": 640,
        "encoder_layer_num": 6,
        "encoder_ffn_embed_dim_avg": 10240 / 6,
        "encoder_self_attention_heads_avg": 28 / 6,
        "decoder_embed_dim": 512,
        "decoder_layer_num": 2,
        "decoder_ffn_embed_dim_avg": 1792,
        "decoder_self_attention_heads_avg": 5,
        "decoder_ende_attention_heads_avg": 3,
        "decoder_arbitrary_ende_attn_avg": 2,
    }


def test_published_lists_may_be_longer_than_the_decoder():
    longer = changed(decoder_ffn_embed_dim=[3072, 512, 1024], decoder_arbitrary_ende_attn=[-1, 2, 1])
    assert np.array_equal(SPACE.genotype(longer), SPACE.genotype(changed()))


def test_neighbours_by_hand():
    """Widths 1 + 1; encoder 6 * (3 + 2); two layers 2 * (3 + 2 + 2 + 2); 108 ways to add, one to remove a layer."""
    neighbours = SPACE.neighbours(SPACE.genotype(changed()))
    assert len(neighbours) == 2 + 30 + 18 + 108 + 1


# --- published rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["iwslt14deen_gpu_titanxp_all", "wmt14ende_cpu_raspberrypi_all", "wmt14ende_gpu_titanxp_all"]
)
def test_every_published_row_has_a_member_with_its_figures(name):
    if not TABLES.exists():
        pytest.skip(f"needs the published tables {TABLES}")
    header, *rows = csv.reader((TABLES / f"{name}.csv").read_text().splitlines())
    assert tuple(header[: len(SUMMARY)]) == SUMMARY
    summaries = np.array(rows, dtype=float)[:, : len(SUMMARY)]
    members = SPACE.check(SPACE.from_summary(summaries))
    assert len(members) == 2000
    np.testing.assert_array_equal(SPACE.summary(members), summaries)


def test_a_summary_of_a_sample_comes_back(rounding):
    summaries = SPACE.summary(SPACE.sample(200, np.random.default_rng(0)))
    np.testing.assert_allclose(SPACE.summary(SPACE.from_summary(summaries)), summaries, rtol=rounding(10))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (2, np.nan, "encoder_ffn_embed_dim_avg nan, not a number"),
        (9, np.inf, "decoder_arbitrary_ende_attn_avg inf, not a number"),
        (0, 600, "encoder_embed_dim 600.0; known are 512, 640"),
        (1, 5, "encoder_layer_num 5.0; known are 6"),
        (5, 7, "decoder_layer_num 7.0; known are 1, 2, 3, 4, 5, 6"),
        (3, 7.9, r"encoder_self_attention_heads_avg 7.9; no 6 of 2, 4, 8 have that mean"),
        (6, 513, r"decoder_ffn_embed_dim_avg 513.0; no 2 of 512, 1024, 2048, 3072 have that mean"),
    ],
)
def test_refused_summaries(place, value, message):
    summary = SPACE.summary(SPACE.genotype(changed())[None])
    summary[0, place] = value
    with pytest.raises(InputError, match=f"summary 0 of transformer has {message}"):
        SPACE.from_summary(summary)
    with pytest.raises(InputError, match=r"have shape \(n, 10\), got \(1, 9\)"):
        SPACE.from_summary(summary[:, 1:])


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "as JSON"),
        ("[]", "as a JSON object"),
        (changed(encoder_embed_dim=True), "encoder_embed_dim True"),
        (changed(decoder_embed_dim=None), "decoder_embed_dim None; known are 512, 640"),
        (changed(decoder_layer_num=0), "decoder_layer_num 0; known are 1, 2, 3, 4, 5, 6"),
        (changed(decoder_ffn_embed_dim=[512]), "decoder_ffn_embed_dim as a list of 2, one for each layer"),
        (changed(decoder_ende_attention_heads=4), "decoder_ende_attention_heads as a list of 2"),
        (changed(decoder_arbitrary_ende_attn=[0, 1]), "decoder_arbitrary_ende_attn 0; known are -1, 1, 2"),
    ],
)
def test_refused_texts(text, message):
    with pytest.raises(InputError, match=message):
        SPACE.genotype(text)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda g: g.remove_edge(5, 9), r"node 9 \(decoder\) attends to 2 encoder layers"),
        (lambda g: g.remove_edge(6, 8), r"node 8 \(decoder\) attends to 0 encoder layers"),
        (lambda g: g.add_edge(0, 9), "it has an edge 0 -> 9"),
        (lambda g: g.remove_edge(0, 7), "it lacks the edge 0 -> 7"),
        (lambda g: g.nodes[8].update(heads=3), "decoder_self_attention_heads 3"),
        (lambda g: g.nodes[1].pop("feed_forward"), "encoder_ffn_embed_dim None"),
        (lambda g: g.add_node(11, op="encoder"), "6 layers of op 'encoder'"),
    ],
)
def test_refused_graphs(edit, message):
    graph = SPACE.graph(SPACE.genotype(changed()))
    edit(graph)
    with pytest.raises(InputError, match=message):
        SPACE.genotype(graph)


# --- network ----------------------------------------------------------------------------------------------------------


def test_parameters_by_hand():
    """Widths 10 and 8, 8 for queries and keys; feed-forward 8 to 48."""
    network = SPACE.network(SPACE.genotype(changed()), TASK, NetworkSettings(channels=8))
    inner = 8

    def attention(width, source):
        return (width * inner + inner) + 2 * (source * inner + inner) + (inner * width + width)

    def feed_forward(width, hidden):
        return width * hidden + hidden + hidden * width + width

    def embedding(width):
        return 6 * width + 8 * width + 2 * width

    encoder = sum(attention(10, 10) + feed_forward(10, h) + 2 * 20 for h in (8, 8, 16, 32, 48, 48))
    decoder = sum(attention(8, 8) + attention(8, 10) + feed_forward(8, h) + 3 * 16 for h in (48, 8))
    assert parameters(network) == embedding(10) + embedding(8) + encoder + decoder + 8 * 5 + 5


@torch.no_grad()
def test_the_decoder_sees_what_came_before_and_the_encoder_everything():
    network = SPACE.network(SPACE.genotype(changed()), TASK, NetworkSettings(channels=8)).eval()
    tokens = TASK.inputs(1)
    changed_tokens = tokens.clone()
    changed_tokens[0, 5] = (tokens[0, 5] + 1) % TASK.vocabulary
    assert (network(tokens) != network(changed_tokens)).any(dim=1).all()  # through the encoder
    y = network.target(tokens)
    memory = network.source(tokens)
    for layer in network.decoder:
        y = layer(y, memory)
    z = network.target(changed_tokens)
    for layer in network.decoder:
        z = layer(z, memory)
    torch.testing.assert_close(y[:, :5], z[:, :5])
    assert not torch.equal(y[:, 5:], z[:, 5:])


def test_refused_widths():
    with pytest.raises(InputError, match="divided among 8 heads; got 12, from 12 channels"):
        SPACE.network(SPACE.genotype(changed()), TASK, NetworkSettings(channels=12))

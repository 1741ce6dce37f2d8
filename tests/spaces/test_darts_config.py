"""DARTS in the names of NAS-Bench-301: the authors' example, and round trips."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InputError
from nasbench.spaces.darts import DARTS
from nasbench.spaces.darts_config import PREFIX, from_darts_config, to_darts_config

SPACE = DARTS()
EXAMPLE = {
    **{"edge_normal_0": "skip_connect", "edge_normal_1": "sep_conv_3x3"},
    **{"inputs_node_normal_3": "0_1", "edge_normal_2": "sep_conv_3x3", "edge_normal_3": "skip_connect"},
    **{"inputs_node_normal_4": "0_2", "edge_normal_5": "dil_conv_3x3", "edge_normal_7": "dil_conv_5x5"},
    **{"inputs_node_normal_5": "1_2", "edge_normal_10": "sep_conv_3x3", "edge_normal_11": "skip_connect"},
    **{"edge_reduce_0": "max_pool_3x3", "edge_reduce_1": "avg_pool_3x3"},
    **{"inputs_node_reduce_3": "0_1", "edge_reduce_2": "skip_connect", "edge_reduce_3": "dil_conv_5x5"},
    **{"inputs_node_reduce_4": "1_2", "edge_reduce_6": "sep_conv_3x3", "edge_reduce_7": "sep_conv_5x5"},
    **{"inputs_node_reduce_5": "2_3", "edge_reduce_11": "sep_conv_3x3", "edge_reduce_12": "dil_conv_3x3"},
}
"""The network of the authors' test file."""


def config(**changed: Any) -> dict[str, Any]:
    return {PREFIX + name: value for name, value in {**EXAMPLE, **changed}.items()}


def test_the_example_of_the_authors() -> None:
    genotype = SPACE.check([from_darts_config({**config(), "budget": 98, f"{PREFIX}layers": 8})])[0]
    assert SPACE.to_string(genotype) == (
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('dil_conv_3x3', 0), ('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('skip_connect', 2)], "
        "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('skip_connect', 0), "
        "('dil_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 2), ('dil_conv_3x3', 3)], "
        "reduce_concat=[2, 3, 4, 5])"
    )
    assert to_darts_config(genotype) == config()


@given(st.integers(0, 2**32))
def test_every_network_leads_back(seed: int) -> None:
    genotype = SPACE.sample(1, np.random.default_rng(seed))[0]
    written = to_darts_config(genotype)
    assert len(written) == 16 + 6
    assert from_darts_config(written) == genotype.tolist()


@given(st.integers(0, 2**32))
def test_written_as_the_authors_convert_a_genotype(seed: int) -> None:
    """Edges are numbered by target node, then by source."""
    genotype = SPACE.sample(1, np.random.default_rng(seed))[0]
    blocks = SPACE.cells(genotype[None])
    expected = {}
    for number, cell in enumerate(("normal", "reduce")):
        start = 0
        for block in range(4):
            sources, ops = blocks.sources[block, :, number].tolist(), blocks.ops[block, :, number].tolist()
            for source, op in zip(sources, ops, strict=True):
                expected[f"{PREFIX}edge_{cell}_{start + source}"] = SPACE.operations[op]
            if block:
                expected[f"{PREFIX}inputs_node_{cell}_{2 + block}"] = "_".join(map(str, sorted(sources)))
            start += 2 + block
    assert to_darts_config(genotype) == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"edge_normal_0": "conv_7x7"}, "edge_normal_0 is 'conv_7x7'; its options are max_pool_3x3, "),
        ({"edge_normal_5": None}, "edge_normal_5 is 'None'"),
        ({"edge_normal_5": ["sep_conv_3x3"]}, "edge_normal_5 is "),
        ({"inputs_node_normal_4": "0_3"}, "edge_normal_8 is 'None'"),
        ({"inputs_node_normal_3": "1_0"}, "inputs_node_normal_3 is '1_0'; its options are 0_1, 0_2, 1_2"),
        ({"edge_normal_13": "sep_conv_3x3"}, "edge_normal_13 has an operation, but no node takes that input"),
    ],
)
def test_what_is_no_architecture(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        from_darts_config(config(**changed))

"""Statistics of graphs: a cell worked out by hand, and what holds in every space."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.predictors import Inputs
from nasbench.predictors.encodings import encode
from nasbench.predictors.encodings.statistics import NAMES
from nasbench.spaces import spaces


def statistics(space_name: str, genotypes: object) -> dict[str, list[float]]:
    values, groups = encode(Inputs.of(spaces.create(space_name), genotypes), "statistics")
    assert groups.tolist() == list(range(len(NAMES)))
    return dict(zip(NAMES, values.T.tolist(), strict=True))


def test_a_cell_of_nas_bench_201_by_hand():
    # 0 -> 1 conv 3x3, 0 -> 2 none, 1 -> 2 avg_pool, 0 -> 3 skip, 1 -> 3 conv 1x1, 2 -> 3 conv 3x3:
    # three paths: 3x3, pool, 3x3; 3x3, 1x1; and the direct one
    text = "|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
    found = {name: values[0] for name, values in statistics("nb201", [spaces.create("nb201").genotype(text)]).items()}
    expected = {
        **{"layers": 3, "poolings": 1, "depthwise": 0, "reach": 3, "cost": 19},
        **{"most_layers": 2, "most_poolings": 1, "most_depthwise": 0, "most_reach": 3, "most_cost": 18},
        **{"fewest_layers": 0, "fewest_poolings": 0, "fewest_depthwise": 0, "fewest_reach": 0, "fewest_cost": 0},
        **{"mean_layers": 4 / 3, "mean_poolings": 1 / 3, "mean_depthwise": 0, "mean_reach": 4 / 3},
        "mean_cost": 28 / 3,
        **{"longest": 3, "shortest": 0, "mean_length": 5 / 3, "paths": np.log1p(3), "alive": 1, "direct": 1},
        **{"parallel": 3 / 2, "bottleneck_layers": 0, "width": 0, "inner": 0, "resolution": 0},
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-14, abs=0)


def test_layers_on_every_path_are_bottlenecks():
    text = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|nor_conv_1x1~1|nor_conv_3x3~2|"  # the first on both paths
    assert statistics("nb201", [spaces.create("nb201").genotype(text)])["bottleneck_layers"] == [1]


def test_a_cell_without_a_path_is_not_alive():
    found = statistics("nb201", np.zeros((1, 6), dtype=np.int8))
    assert found["alive"] == [0] == found["layers"] == found["paths"]
    assert found["longest"] == [-1] == found["most_layers"]


@pytest.mark.parametrize("name", list(spaces))
def test_every_space_has_the_same_statistics(name):
    space = spaces.create(name)
    genotypes = space.sample(40, np.random.default_rng(0))
    found = {key: np.array(values) for key, values in statistics(name, genotypes).items()}
    assert np.isfinite(list(found.values())).all()
    assert (found["fewest_layers"] <= found["mean_layers"] + 1e-9).all()
    assert (found["mean_layers"] <= found["most_layers"] + 1e-9).all()
    assert (found["most_layers"] <= found["layers"]).all()
    assert (found["bottleneck_layers"] <= np.maximum(found["fewest_layers"], 0)).all()
    assert (found["shortest"] <= found["longest"]).all()


@given(seed=st.integers(0, 10_000))
def test_statistics_do_not_depend_on_other_rows(seed):
    space = spaces.create("nb101")
    inputs = Inputs.of(space, space.sample(6, np.random.default_rng(seed)))
    together = encode(inputs, "statistics")[0]
    alone = np.concatenate([encode(inputs[row], "statistics")[0] for row in range(6)])
    assert np.array_equal(together, alone)

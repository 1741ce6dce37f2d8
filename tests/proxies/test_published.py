"""Ranks of NAS-Bench-201 networks agree with the published columns of NAS-Bench-Suite-Zero (Krishnakumar et al., 2022).

Those were taken on CIFAR-10, with other initial weights. `docs/proxies.md` has the figures.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import spearmanr

from nasbench.proxies import measure
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification

TABLE = Path(__file__).parents[2] / "../shared/tables/nb201_zc_proxies/raw/nb201_zc_proxies.csv"
TASK = ImageClassification((3, 32, 32), 10)
COLUMNS = {"naswot": "nwot"}
"""Published names, where they are not ours."""

pytestmark = pytest.mark.skipif(not TABLE.is_file(), reason="the published table is not here")


def agreement(names: list[str], cells: int, inputs: torch.Tensor | None = None) -> dict[str, float]:
    """Spearman correlation of each proxy with its published column over so many cells of the table."""
    table = pd.read_csv(TABLE)
    rows = table.iloc[np.random.default_rng(0).choice(len(table), 120, replace=False)[:cells]]
    space = spaces.create("nb201")
    targets = None if inputs is None else torch.arange(len(inputs)) % TASK.classes
    values = []
    for seed, text in enumerate(rows.net_str):
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            network = space.network(space.genotype(text), TASK, NetworkSettings(channels=16, cells=5, stages=3))
        values.append(measure(network, TASK, inputs, targets, names))
    ours = pd.DataFrame(values)
    return {name: float(spearmanr(ours[name], rows[COLUMNS.get(name, name)])[0]) for name in names}


def noise(n: int) -> torch.Tensor:
    return torch.randn(64, *TASK.shape, generator=torch.Generator().manual_seed(0))[:n]


def photographs(n: int) -> torch.Tensor:
    """Square pieces of two photographs, 64 to 160 pixels wide, at 32x32 pixels, standardised."""
    pytest.importorskip("PIL")
    from sklearn.datasets import load_sample_images

    rng, pieces = np.random.default_rng(1), []
    images = [torch.tensor(image / 255).permute(2, 0, 1).float() for image in load_sample_images().images]
    for index in range(n):
        image, side = images[index % 2], int(rng.choice([64, 96, 128, 160]))
        top, left = (int(rng.integers(0, size - side)) for size in image.shape[1:])
        piece = image[None, :, top : top + side, left : left + side]
        pieces.append(torch.nn.functional.interpolate(piece, TASK.shape[1:], mode="bilinear", antialias=True))
    x = torch.cat(pieces)
    return (x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True)


def test_what_needs_no_images() -> None:
    found = agreement(["synflow", "l2_norm", "params", "flops"], cells=12)
    assert found["synflow"] > 0.98
    assert found["l2_norm"] > 0.85  # cells with as many convolutions differ by their random weights only
    assert found["params"] == 1
    assert found["flops"] > 0.96


@pytest.mark.slow
def test_what_is_measured_on_noise() -> None:
    found = agreement(["zen", "naswot", "snip"], cells=24, inputs=noise(32))
    assert found["zen"] > 0.98
    assert found["naswot"] > 0.93
    assert found["snip"] > 0.94


@pytest.mark.slow
def test_what_needs_pictures() -> None:
    found = agreement(["naswot", "snip", "grad_norm", "fisher", "jacov"], cells=24, inputs=photographs(32))
    assert found["naswot"] > 0.94
    assert found["snip"] > 0.93
    assert found["grad_norm"] > 0.93
    assert found["fisher"] > 0.93
    assert found["jacov"] > 0.85

"""Zero-cost proxies against the published columns of NAS-Bench-Suite-Zero, and their cost.

    python benchmarks/proxies.py published [--on nothing noise photographs]
    python benchmarks/proxies.py cost

`published` builds NAS-Bench-201 networks of the published size (16 channels, 5 cells in each of 3 stages, 32x32 pixels,
10 classes; Krishnakumar et al., 2022) with initial weights of our own, for random cells of the table, and prints the
rank correlation of each proxy with its published column. Batches of 32 are Gaussian noise, or pieces of the two
photographs that scikit-learn ships. `cost` prints processor seconds of each proxy on one thread: the mean over five
random cells, in networks of 5 cells in each of 3 stages, on 64 digits of 8x8 pixels.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import kendalltau, spearmanr

from nasbench.datasets import datasets
from nasbench.measures import PROXIES
from nasbench.measures.proxies import proxy_scores
from nasbench.spaces import NetworkSettings, spaces
from nasbench.tasks.images import ImageClassification

TABLE = Path(__file__).parents[2] / "shared/tables/nb201_zc_proxies/raw/nb201_zc_proxies.csv"
TASK = ImageClassification((3, 32, 32), 10)
COLUMNS = {"naswot": "nwot", "parameters": "params"}
"""Published names that differ from ours."""
BATCH = 32
PUBLISHED = {
    "nothing": (120, ("parameters", "synflow", "flops", "l2_norm", "zen")),
    "noise": (50, ("naswot", "fisher", "grad_norm", "snip", "jacov", "grasp")),
    "photographs": (50, ("naswot", "fisher", "grad_norm", "snip", "jacov", "grasp")),
}
"""Number of cells, and proxies, by kind of batch."""


def photographs(n: int) -> torch.Tensor:
    """Square pieces of two photographs, 64 to 160 pixels wide, at 32x32 pixels, standardised."""
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


def batch(on: str) -> torch.Tensor | None:
    if on == "noise":
        return torch.randn(BATCH, *TASK.shape, generator=torch.Generator().manual_seed(0))
    return photographs(BATCH) if on == "photographs" else None


def agreement(names: Sequence[str], cells: int, on: str) -> dict[str, tuple[float, float]]:
    """Spearman's rho and Kendall's tau of each proxy with its published column, over `cells` random cells."""
    table = pd.read_csv(TABLE)
    rows = table.iloc[np.random.default_rng(0).choice(len(table), 120, replace=False)[:cells]]
    space, inputs = spaces.create("nb201"), batch(on)
    targets = None if inputs is None else torch.arange(BATCH) % TASK.classes
    values = []
    for seed, text in enumerate(rows.net_str):
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            network = space.network(space.genotype(text), TASK, NetworkSettings(channels=16, cells=5, stages=3))
        values.append(proxy_scores(network, TASK, inputs, targets, names))
    ours = pd.DataFrame(values)
    pairs = {name: (ours[name], rows[COLUMNS.get(name, name)].to_numpy()) for name in names}
    return {name: (spearmanr(*pair).statistic, kendalltau(*pair).statistic) for name, pair in pairs.items()}


def published(on: str) -> None:
    """Print the rank correlations with the published columns."""
    cells, names = PUBLISHED[on]
    for name, (rho, tau) in agreement(names, cells, on).items():
        print(f"| `{name}` | {on} | {cells} | {rho:.3f} | {tau:.3f} |", flush=True)


def cost() -> None:
    """Print processor seconds of each proxy, by width."""
    space, data = spaces.create("nb201"), datasets.create("digits").load()
    inputs, targets = (part[:64] for part in data.tensors("cpu")["train"])
    cells = space.sample(5, np.random.default_rng(0))
    for channels in (8, 16, 32):
        networks = [space.network(cell, data.task, NetworkSettings(channels, 5, 3)) for cell in cells]
        seconds = {}
        for name in PROXIES:
            begin = time.process_time()
            for network in networks:
                proxy_scores(network, data.task, inputs, targets, [name])
            seconds[name] = (time.process_time() - begin) / len(networks)
        listed = ", ".join(f"{name} {value:.2f}" for name, value in seconds.items())
        print(f"{channels} channels: {sum(seconds.values()):.2f} s in all: {listed}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("published", "cost"))
    parser.add_argument("--on", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.what == "cost":
        cost()
    else:
        for on in arguments.on:
            published(on)


if __name__ == "__main__":
    main()

"""Trains the shipped benchmarks in the requested size; extends existing files and trains nothing twice.

    python benchmarks/shipped.py nb201-digits --cells 1000 --seeds 3
    python benchmarks/shipped.py nb201-digits --cells 5044 --seeds 1 --measure counts synflow naswot
    python benchmarks/shipped.py nb201-mnist5k --cells 192 --seeds 3
    python benchmarks/shipped.py nb201-mnist5k --cells 1000 --seeds 1 --measure counts synflow naswot

`--measure` records static columns, also of cells that were trained before. The file in `nasbench/tables` is written
after every `--step` cells; the ledger beside it keeps finished work in between. The search for the recipe is in
`benchmarks/recipe.py` and on the cards in `docs/`.
"""

from __future__ import annotations

import argparse
import os
import time

from nasbench.benchmark.load import TABLES
from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings, build

SIDE_BY_SIDE = 16
SHIPPED = {
    name: BuildSettings(
        space="nb201",
        datasets=(dataset,),
        sampling="unique",
        network=NetworkSettings(channels=16, cells=1, stages=1),  # a reduction would hide what the cell does
        train=TrainSettings(epochs=8, batch_size=32, learning_rate=0.1),
        measures=(),
    )
    for name, dataset in (
        ("nb201-digits", "digits+train=600+validation=400+test=600+distortion=0.75"),
        ("nb201-mnist5k", "mnist5k+size=7+train=1000+validation=500+test=1000+distortion=0.25"),
    )
}
"""Recipes by name, without numbers of cells and seeds and without measures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=SHIPPED)
    parser.add_argument("--cells", type=int, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--step", type=int, default=192)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--measure", nargs="*", default=[])
    arguments = parser.parse_args()
    recipe = vars(SHIPPED[arguments.name])
    for cells in [*range(arguments.step, arguments.cells, arguments.step), arguments.cells]:
        start = time.perf_counter()
        asked = {"cells": cells, "seeds": arguments.seeds, "measures": tuple(arguments.measure)}
        table = build(
            BuildSettings(**{**recipe, **asked}),
            TABLES / f"{arguments.name}.h5",
            jobs=arguments.jobs,
            parallel=SIDE_BY_SIDE,
            tell=print,
        )
        print(
            f"{len(table.genotypes)} cells, {len(table.seeds)} seeds, {time.perf_counter() - start:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()

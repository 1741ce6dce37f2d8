"""Speed and memory of search spaces: enumeration up to isomorphism, keys, and moves on a million genotypes.

Prints a Markdown table of wall-clock and processor seconds (of all threads: no more than one core is used where they
agree). Times include whatever tables a space builds on first use. Run it on an idle machine:

    python benchmarks/enumerate.py
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201

T = TypeVar("T")


def peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def timed(what: str, call: Callable[[], T], repeats: int = 1) -> T:
    """Print one row; seconds are for one call."""
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(repeats):
        result = call()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(f"| {what} | {wall / repeats:.3g} | {processor / repeats:.3g} | {peak_mib():.0f} |", flush=True)
    return result


def main() -> None:
    print("| what | wall s | processor s | peak MiB so far |\n|---|---|---|---|")
    rng = np.random.default_rng(0)
    nb101 = NB101()
    cells = timed("nb101: enumerate all unique cells", lambda: np.concatenate(list(nb101.enumerate_unique())))
    counts = np.bincount(nb101.tensors(cells).mask.sum(axis=1))[2:]
    drawn = timed("nb101: sample 100,000", lambda: nb101.sample(100_000, rng))
    timed("nb101: keys of 100,000", lambda: nb101.key(drawn))
    timed("nb101: table of edits, once", lambda: nb101.mutate(drawn[:1], rng))
    timed("nb101: mutate 100,000", lambda: nb101.mutate(drawn, rng))
    timed("nb101: cross 100,000 pairs", lambda: nb101.crossover(drawn, drawn[::-1], rng))
    timed("nb101: mutate 1", lambda: nb101.mutate(drawn[:1], rng), 10_000)
    timed("nb101: key of 1", lambda: nb101.key(drawn[:1]), 10_000)
    timed("nb101: neighbours of 1", lambda: nb101.neighbours(drawn[0]), 2_000)
    timed("nb101: published hash of 1", lambda: nb101.published_hash(drawn[:1]), 500)

    nb201 = NB201()
    drawn = timed("nb201: sample 1,000,000", lambda: nb201.sample(1_000_000, rng))
    timed("nb201: mutate 1,000,000", lambda: nb201.mutate(drawn, rng))
    timed("nb201: keys of 1,000,000", lambda: nb201.key(drawn))
    timed("nb201: one-hot of 1,000,000", lambda: nb201.features(drawn))
    timed("nb201: mutate 1", lambda: nb201.mutate(drawn[:1], rng), 10_000)

    print(
        f"\nnb101, unique cells by number of vertices: {dict(enumerate(counts.tolist(), start=2))}, sum {len(cells):,}"
    )


if __name__ == "__main__":
    main()

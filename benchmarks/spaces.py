"""Speed of search spaces: what has to be fast, and every registered space beside the others.

Prints two Markdown tables. Seconds are of the processor, all threads together, so that other work on the machine counts
little: medians of three, but for the enumeration, which includes the tables that NAS-Bench-101 builds on first use.

    python benchmarks/spaces.py
"""

import resource
import statistics
import sys
import time
from collections.abc import Callable

import numpy as np

from nasbench.spaces import Space, spaces
from nasbench.types import GenotypeArray


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Processor time of one call, the median of several."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return statistics.median(times)


def peak_mib() -> float:
    """Largest resident memory of this process so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def row(*cells: object) -> None:
    print("|", " | ".join(f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in cells), "|", flush=True)


def header(*names: str) -> None:
    row(*names)
    print("|" + "---|" * len(names))


def required() -> None:
    """What is asked of the spaces that are used most."""
    header("what", "seconds", "asked")
    rng = np.random.default_rng(0)
    nb101, blocks = spaces.create("nb101"), list[GenotypeArray]()
    once = seconds(lambda: blocks.extend(nb101.enumerate_unique()), repeats=1)
    peak, cells = peak_mib(), np.concatenate(blocks)
    row(f"nb101: all {len(cells):,} unique cells enumerated", once, "< 5")
    row("nb101: the same, peak MiB", peak, "< 1,024")
    drawn = nb101.sample(100_000, rng)
    row("nb101: keys of 100,000", seconds(lambda: nb101.key(drawn)), "< 1")
    for name in "nb201", "darts":
        in_bulk(spaces.create(name), 1_000_000, rng)
    darts = spaces.create("darts")
    few = darts.sample(10_000, rng)
    row("darts: neighbours of 10,000", seconds(lambda: darts.neighbours_of(few)), "< 1")
    counts = np.bincount(nb101.adjacency_arrays(cells).mask.sum(axis=1))[2:]
    print(
        f"\nnb101, unique cells by number of vertices: {dict(enumerate(counts.tolist(), start=2))}, sum {len(cells):,}"
    )


def in_bulk(space: Space, n: int, rng: np.random.Generator) -> None:
    """Rows for four steps that together have to take less than 5 s."""
    genotypes = space.sample(n, rng)
    steps: dict[str, Callable[[], object]] = {
        "sampled": lambda: space.sample(n, rng),
        "mutated": lambda: space.mutate(genotypes, rng),
        "keyed": lambda: space.key(genotypes),
        "one-hot encoded": lambda: space.features(genotypes),
    }
    times = [seconds(call) for call in steps.values()]
    for step, each in zip(steps, times, strict=True):
        row(f"{space.name}: {n:,} {step}", each, "")
    row(f"{space.name}: all four", sum(times), "< 5")


def compared() -> None:
    """One row for each space, so that one that is slow stands out."""
    print("\nSeconds for 100,000; of neighbours for those of 1,000, one by one for 1,000 mutations:\n")
    for number, name in enumerate(spaces):
        space = spaces.create(name)
        first = measures(space, 1)  # builds the tables that a space keeps
        times = measures(space, 100_000)
        if number == 0:
            header("space", *times, "first use of all")
        row(name, *times.values(), sum(first.values()))


def measures(space: Space, n: int) -> dict[str, float]:
    """Seconds of each operation on `n` genotypes."""
    rng = np.random.default_rng(0)
    genotypes = space.sample(n, rng)

    def in_parts(call: Callable[[GenotypeArray], object]) -> None:  # graphs of some spaces are large
        for start in range(0, n, 1_000):
            call(genotypes[start : start + 1_000])

    def one_by_one() -> None:
        for genotype in genotypes[:1_000]:
            space.mutate(genotype[None], rng)

    calls: dict[str, Callable[[], object]] = {
        "sample": lambda: space.sample(n, rng),
        "mutate": lambda: space.mutate(genotypes, rng),
        "key": lambda: space.key(genotypes),
        "function key": lambda: space.function_key(genotypes),
        "one-hot": lambda: space.features(genotypes),
        "tensors": lambda: in_parts(space.adjacency_arrays),
        "neighbours": lambda: space.neighbours_of(genotypes[:1_000]),
        "one by one": one_by_one,
    }
    return {name: seconds(call, repeats=3 if n > 1 else 1) for name, call in calls.items()}


if __name__ == "__main__":
    required()
    compared()

"""Processor seconds of predictors: a fit to 100 and 400 cells of NAS-Bench-201, and a prediction of all 15,625.

    OMP_NUM_THREADS=1 python benchmarks/predictor_speed.py [--predictors gp,auto] [--sizes 100,400] [--repeats 3]

The least of the repeats, after one small fit that loads libraries, on the shipped `nb201-digits`; each prediction is of
new inputs. Then the Weisfeiler-Lehman kernel of 1,000 cells. `--sizes 4000,8000` shows where inducing points begin;
beside the seconds stand tau and the negative log-likelihood in nats of the transformed targets of 3,000 other cells.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import kendalltau

import nasbench
from nasbench.predictors import Inputs, Predictor, predictors
from nasbench.predictors.encodings.subtrees import similarities, subtrees
from nasbench.types import FloatArray

PREDICTORS = "ridge,gp,gp-wl,gp-unlabelled,xgb,forest,auto"
SCORED = 3000


def least(repeats: int, call: Callable[[], Any]) -> tuple[float, Any]:
    """Least processor seconds of a call, and what it returned last."""
    seconds, result = [], None
    for _ in range(repeats):
        begin = time.process_time()
        result = call()
        seconds.append(time.process_time() - begin)
    return min(seconds), result


def scores(fitted: Predictor, inputs: Inputs, targets: FloatArray) -> str:
    z, (mean, std) = fitted.transform(targets), fitted.predict_transformed(inputs)
    likelihood = 0.5 * ((z - mean) / std) ** 2 + np.log(std * np.sqrt(2 * np.pi))
    return f"{kendalltau(mean, z).statistic:.4f} | {likelihood.mean():.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictors", default=PREDICTORS)
    parser.add_argument("--sizes", default="100,400")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    benchmark = nasbench.load("nb201-digits")
    space = benchmark.space
    cells = np.random.default_rng(0).permutation(space.decode(np.arange(space.size)))
    values = benchmark.query_many(cells, "validation_accuracy").values
    cells, targets = cells[~values.mask], values.compressed()
    inputs = Inputs.of(space, cells)
    print("| | cells | fit, s | predict all, s | tau | NLL |\n|---|---|---|---|---|---|")
    for name in given.predictors.split(","):
        predictors.create(name).fit(inputs[:20], targets[:20]).predict(inputs[:20])
        for n in map(int, given.sizes.split(",")):
            fit, fitted = least(
                given.repeats, lambda name=name, n=n: predictors.create(name).fit(inputs[:n], targets[:n])
            )
            predict, _ = least(given.repeats, lambda fitted=fitted: fitted.predict(Inputs.of(space, cells)))
            scored = scores(fitted, inputs[-SCORED:], targets[-SCORED:])
            print(f"| `{name}` | {n} | {fit:.2f} | {predict:.2f} | {scored} |", flush=True)
    some = space.canonical(cells[:1000])

    def kernel() -> None:
        labelled = subtrees(space, some, 3)
        for _ in similarities(labelled, labelled):
            pass

    print(f"Weisfeiler-Lehman kernel of 1,000 cells: {least(given.repeats, kernel)[0]:.3f} s")


if __name__ == "__main__":
    main()

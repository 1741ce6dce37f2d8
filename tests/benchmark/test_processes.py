"""One benchmark object in several processes: forked after it was opened, sent to spawned ones, in loaders of torch."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = '''
import multiprocessing, sys
import numpy as np
import nasbench
from nasbench.evaluate.strategies import compare

benchmark = nasbench.load("nb201-digits")
METRICS = sorted(benchmark.metrics)

def answers(first):
    """Numbers that are read from the file after the process began, each process in another order."""
    rows = benchmark.architectures()[::50]
    paths = METRICS[first:] + METRICS[:first]
    return repr(sorted((path, benchmark.query_many(rows, path).values.filled(np.nan).tolist()) for path in paths))

def sent(argument):
    global benchmark
    benchmark, first = argument
    return answers(first)

def race(jobs):
    settings = {"strategies": ["random", "local"], "evaluations": 20, "repeats": 2}
    return compare(benchmark, "validation_accuracy", jobs=jobs, **settings).records

class Cells:
    """A data set of torch: one cell and its score an item."""
    def __init__(self):
        self.benchmark = benchmark
    def __len__(self):
        return 64
    def __getitem__(self, row):
        return row, self.benchmark.query(row, "validation_accuracy").value

if __name__ == "__main__":
    method = sys.argv[1]
    expected = answers(0)
    context = multiprocessing.get_context(method)
    with context.Pool(3) as pool:
        if method == "fork":
            assert set(pool.map(answers, range(6), chunksize=1)) == {expected}
            assert pool.map(race, [1, 1], chunksize=1) == [race(1)] * 2
        assert set(pool.map(sent, [(benchmark, first) for first in range(6)], chunksize=1)) == {expected}
    from torch.utils.data import DataLoader
    loader = DataLoader(Cells(), batch_size=8, num_workers=2, multiprocessing_context=method)
    for rows, scores in loader:
        assert [benchmark.query(row, "validation_accuracy").value for row in rows.tolist()] == scores.tolist()
    print("equal")
'''


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes_read_the_same_numbers(method: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py", method], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stdout == "equal\n", done.stderr

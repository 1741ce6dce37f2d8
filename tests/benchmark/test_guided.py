"""Chosen measurements that guide and judge: by hand, in a race, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.guided import Measured, guided, objectives
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import FileError, InputError, NotFoundError
from nasbench.evaluate.run_ledger import RunLedger
from nasbench.evaluate.strategies import compare
from nasbench.spaces import spaces
from nasbench.types import FloatArray

SPACE = spaces.create("macro")
CELLS = np.concatenate(list(SPACE.enumerate()))


def table(seeds: tuple[int, ...] = (0, 1, 2)) -> TabularBenchmark:
    """Test accuracies of all networks with several seeds, and costs; architecture i has i, i + 10 and i + 30."""
    of_seed: FloatArray = np.arange(len(CELLS), dtype=np.float64)[:, None] + np.array([0.0, 10, 30])[: len(seeds)]
    accuracy = Metric("cifar10", "test_accuracy", "test", "percent", "maximise", ("architecture", "seed"))
    loss = Metric("cifar10", "test_loss", "test", "nats", "minimise", ("architecture", "seed"))
    seconds = Metric("cifar10", "train_seconds", "none", "seconds", "minimise", ("architecture", "seed"))
    flops = Metric("", "flops", "none", "count", "minimise", ("architecture",))
    zeros = np.zeros(of_seed.shape, dtype=np.uint8)
    columns = {
        metric.path: Column(metric, values, zeros)
        for metric, values in ((accuracy, of_seed), (loss, -of_seed), (seconds, 1 + of_seed))
    } | {flops.path: Column(flops, of_seed[:, 0] + 5, zeros[:, 0])}
    return TabularBenchmark(Table(SPACE, CELLS, seeds, {}, columns), name="macro.h5")


def test_by_hand() -> None:
    """Architecture 7: seed 0 guides with 7; seeds 1 and 2 judge with the mean of 17 and 37."""
    made, metric = guided(table(), "test_accuracy@0", "test_accuracy@1,2")
    assert (metric.path, metric.split) == ("cifar10/validation_accuracy", "validation")
    assert made.name == "macro.h5" and made.complete
    assert [*made.metrics] == ["flops", "cifar10/validation_accuracy", "cifar10/test_accuracy", "cifar10/train_seconds"]
    assert made.query(CELLS[7], metric.path).value == 7
    told = made.query(CELLS[7], made.partner(metric.path, "test").path)
    assert (told.value, told.seeds) == (27, (1, 2))
    assert made.query(CELLS[7], "flops").value == 12


def test_all_seeds_without_a_judge() -> None:
    made, metric = guided(table(), "test_accuracy")
    assert made.query(CELLS[7], metric.path).value == pytest.approx(7 + 40 / 3)
    with pytest.raises(NotFoundError):
        made.partner(metric.path, "test")


def test_a_race_is_told_the_guide_and_scored_by_the_judge() -> None:
    parts = {"guide": "test_accuracy@0", "judge": "test_accuracy@2"}
    results = compare(table(), **parts, strategies=["random"], evaluations=9, repeats=2, jobs=1)
    assert {name: results.settings[name] for name in parts} == parts
    assert results.metric == "cifar10/validation_accuracy"
    assert all(record["test"] == record["valid"] + 30 for record in results.records)


def test_a_race_with_limits_goes_on_after_a_stop(tmp_path: Path) -> None:
    """Everything that says what is raced can be written down."""
    race: dict[str, Any] = {"guide": "test_accuracy@0", "judge": "test_accuracy@1", "evaluations": 9, "repeats": 2}
    race["constraints"] = ["flops<=900"]

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with RunLedger(tmp_path / "x") as ledger, pytest.raises(KeyboardInterrupt):
        compare(table(), strategies=["random"], jobs=1, progress=stop, ledger=ledger, **race)
    with RunLedger(tmp_path / "x") as ledger:
        assert ledger.count == 1
        again = compare(table(), strategies=["random"], jobs=1, ledger=ledger, **race)
    assert again.records == compare(table(), strategies=["random"], jobs=1, **race).records
    with RunLedger(tmp_path / "x") as ledger, pytest.raises(FileError, match="constraints is"):
        race["constraints"] = ["flops<=901"]
        compare(table(), strategies=["random"], jobs=1, ledger=ledger, **race)


def test_a_judge_alone_scores_what_the_validation_score_found() -> None:
    digits = load("nb201-digits")
    made, (path,) = objectives(digits, [], None, "test_accuracy")
    assert path == "digits/validation_accuracy" and made is not digits
    assert objectives(digits, ["validation_accuracy", "flops"], None, "test_accuracy")[1] == (path, "flops")
    assert objectives(digits, [], None, None) == (digits, (path,))
    cells = digits.architectures()[:50]
    for either in (path, made.partner(path, "test").path):
        assert (made.query_many(cells, either).values == digits.query_many(cells, either).values).all()


@pytest.mark.parametrize(
    ("guide", "judge", "message"),
    [
        ("test_accuracy@0", "test_accuracy@0,1", "the same numbers would guide and judge.* choose other seeds"),
        ("test_accuracy", "test_accuracy@1", "the same numbers would guide and judge"),
        ("test_accuracy@0", "test_loss@1", "in percent to maximise and .* in nats to minimise"),
        ("test_accuracy@7", None, r"has no seed 7; its seeds are 0, 1, 2"),
        ("test_accuracy@one", None, r"seeds are written METRIC@0,1, got 'test_accuracy@one'"),
        ("flops@0", None, "'flops' has no training seeds"),
        ("flops", None, "a result of training of which more"),
    ],
)
def test_mistakes(guide: str, judge: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        guided(table(), guide, judge)


def test_other_mistakes() -> None:
    with pytest.raises(InputError, match="leave the judge out: validation regret is ranked too"):
        guided(table((0,)), "test_accuracy", "test_accuracy")
    with pytest.raises(InputError, match="the same numbers would guide"):
        guided(load("synthetic-additive"), "test_accuracy", "test_accuracy")
    with pytest.raises(NotFoundError):
        guided(table(), "elegance@0")
    assert str(Measured.parse("test_accuracy@0,2", table())) == "cifar10/test_accuracy@0,2"

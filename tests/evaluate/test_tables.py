"""Ranks over tables: by hand, what leads to none, and one call for several tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError
from nasbench.evaluate.fits import SCORES
from nasbench.evaluate.leaders import standing
from nasbench.evaluate.predictors import Evaluation, evaluate
from nasbench.evaluate.results import Results
from nasbench.evaluate.several import EVALUATIONS, separate
from nasbench.evaluate.splits import Split
from nasbench.evaluate.tables import evaluate_tables, joined, table_ranks
from nasbench.spaces import spaces

SPACE = spaces.create("nb201")
TIMES = ("fit_seconds", "predict_seconds")


def scored(name: str, taus: dict[str, list[float | None]], size: int = 20) -> Results:
    records = [
        {"predictor": predictor, "n_train": size, "seed": seed, "kendall_tau": tau}
        for predictor, values in taus.items()
        for seed, tau in enumerate(values)
    ]
    summary: dict[str, Any] = {"failures": {}}
    return Results("evaluation", name, "nb201", "accuracy", "percent", {}, records, summary)


def test_by_hand() -> None:
    """Three tables, `a` before `b` on two; mean taus decide: .5 against .45, .4 against .6, .7 against 0 (constant)."""
    parts = [
        scored("x", {"a": [0.4, 0.6], "b": [0.5, 0.4], "c": [0.1, 0.1]}),
        scored("y", {"a": [0.4, 0.4], "b": [0.6, 0.6], "c": [0.4, 0.4]}),
        scored("z", {"a": [0.7, 0.7], "b": [None, None], "c": [-0.1, 0.0]}),
    ]
    (row,) = table_ranks(parts, 0)
    assert (row["n_train"], row["tables"], row["left_out"]) == (20, ["x", "y", "z"], [])
    assert row["taus"]["b"] == pytest.approx([0.45, 0.6, 0.0])
    ranking = row["ranking"]
    assert ranking["means"] == pytest.approx({"a": (1 + 2.5 + 1) / 3, "b": (2 + 1 + 2) / 3, "c": (3 + 2.5 + 3) / 3})
    assert ranking["means"] == ranking["mean_ranks"]
    assert ranking["order"] == ("a", "b", "c")
    assert ranking["lows"]["a"] < 1.5 < ranking["highs"]["a"]
    assert row["undistinguished"] == ["b", "c"]
    assert row["statement"].startswith("Over 3 paired tables, a has the lowest mean rank, 1.5")
    said = "a has the lowest mean rank, not distinguishable from b, c; 7 tables could tell"
    assert standing(ranking, "lowest mean rank", "is ranked", "table") == said


def test_who_always_leads_is_told_apart_by_enough_tables() -> None:
    """Six tables are the fewest for one pair: p = 2 / 2^6."""
    for number, said in ((5, "a has the lowest mean rank, not distinguishable from b; 6 tables could tell"),
                         (6, "a is better than all others")):  # fmt: skip
        parts = [scored(str(place), {"b": [0.1], "a": [0.2]}) for place in range(number)]
        (row,) = table_ranks(parts, 0)
        assert row["ranking"]["pairs"][0]["p"] == pytest.approx(2 / 2**number)
        assert standing(row["ranking"], "lowest mean rank", "is ranked", "table") == said


def test_equal_taus_share_their_rank_whatever_the_rounding() -> None:
    parts = [scored(name, {"a": [0.1 + 0.2], "b": [0.3]}) for name in "xy"]
    (row,) = table_ranks(parts, 0)
    assert row["ranking"]["means"] == {"a": 1.5, "b": 1.5}
    assert standing(row["ranking"], "lowest mean rank", "is ranked", "table") == "all have the same mean rank"


def test_a_table_without_a_predictor_or_a_size_has_no_part_in_its_rank() -> None:
    assert table_ranks([scored("x", {"a": [0.1]})], 0) == []
    assert table_ranks([scored("x", {"a": [0.1]}), scored("y", {"a": [0.1]}, size=50)], 0) == []
    (row,) = table_ranks([scored("x", {"a": [0.1], "b": [0.3]}), scored("y", {"a": [0.1]})], 0)
    assert (row["left_out"], row["ranking"]["order"]) == (["b"], ("a",))
    assert standing(row["ranking"], "lowest mean rank", "is ranked", "table") == "a alone is ranked"
    (row,) = table_ranks([scored("x", {"a": [0.1]}), scored("y", {"b": [0.1]})], 0)
    assert (row["ranking"], row["statement"]) == (None, "No predictor was scored on every table.")


def table(name: str, seed: int) -> TabularBenchmark:
    rng = np.random.default_rng(seed)
    genotypes = SPACE.decode(rng.permutation(SPACE.size)[:120])
    values = SPACE.features(genotypes, "counts") @ np.array([0, -5.0, 0, 2, 4, 1, 0]) + 80 + rng.normal(size=120)
    metric = Metric("toy", "validation_accuracy", "validation", "percent", "maximise", ("architecture",))
    column = Column(metric, values, np.zeros(120, dtype=np.uint8))
    return TabularBenchmark(Table(SPACE, genotypes, (), {}, {metric.path: column}), name=name)


def planned(benchmark: TabularBenchmark, **changes: Any) -> Evaluation:
    settings = {"predictors": ["mean", "ridge"], "train_sizes": [10, 20], "test_size": 30, "splits": 2}
    return Evaluation.plan(benchmark, "validation_accuracy", **{**settings, **changes})


def test_each_table_is_evaluated_as_by_itself(tmp_path: Any) -> None:
    tables = [table("x.h5", 0), table("y.h5", 1)]
    told: list[tuple[int, int]] = []
    results = evaluate_tables([planned(one) for one in tables], progress=lambda *numbers: told.append(numbers))
    assert results.kind == EVALUATIONS and results.benchmark == "x.h5, y.h5" and results.space == "nb201"
    assert told[0] == (0, 16) and told[-1] == (16, 16) and told == sorted(told)
    assert all(tuple(record) == ("benchmark", "predictor", "n_train", "seed", *SCORES) for record in results.records)
    assert [row["n_train"] for row in results.summary["ranks"]] == [10, 20]
    results.write(tmp_path / "results.json")
    parts = separate(Results.read(tmp_path / "results.json"))
    for one, part in zip(tables, parts, strict=True):
        alone = evaluate(
            one, "validation_accuracy", predictors=["mean", "ridge"], train_sizes=[10, 20], test_size=30, splits=2
        )  # fmt: skip
        untimed = [[{k: v for k, v in r.items() if k not in TIMES} for r in of.records] for of in (alone, part)]
        assert untimed[0] == untimed[1]
        assert (part.settings, part.metric, part.units) == (alone.settings, alone.metric, alone.units)
    assert joined(parts, 0).summary["ranks"] == results.summary["ranks"]


def test_what_fails_on_one_table_is_left_out_there_and_of_the_ranks(tmp_path: Any, monkeypatch: Any) -> None:
    """The reason names the table, and is told before the first fit that counts."""
    source = (
        "from nasbench.predictors.ridge import Ridge\n\n\nclass Picky(Ridge):\n    def _fit(self, inputs, z):\n"
        "        if len(inputs) == 11:\n            raise ValueError('eleven')\n        super()._fit(inputs, z)\n"
    )
    (tmp_path / "picky.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    told: list[str] = []
    names = ["ridge", "picky:Picky"]
    plans = [
        planned(table("x.h5", 0), predictors=names, train_sizes=[20]),
        planned(table("y.h5", 1), predictors=names, train_sizes=[11, 20]),
    ]
    results = evaluate_tables(plans, warn=told.append)
    assert len(told) == 1 and told[0].startswith("y.h5: predictor 'picky:Picky' on 11 architectures, split 0: ValueErr")
    assert results.summary["failures"] == {"picky:Picky on y.h5": told[0]}
    (row,) = results.summary["ranks"]
    assert (row["n_train"], row["left_out"], row["ranking"]["order"]) == (20, ["picky:Picky"], ["ridge"])
    with pytest.raises(InputError, match="ValueError: eleven"):
        evaluate_tables(plans, strict=True)


def test_tables_that_do_not_belong_side_by_side_are_refused() -> None:
    one, other = table("x.h5", 0), table("y.h5", 1)
    with pytest.raises(InputError, match=r"two tables are named x\.h5"):
        evaluate_tables([planned(one), planned(replace_name(other, "x.h5"))])
    with pytest.raises(InputError, match="same predictors and the same protocol"):
        evaluate_tables([planned(one), planned(other, predictors=["ridge"])])
    with pytest.raises(InputError, match="one table at a time"):
        evaluate_tables([planned(one, holdouts={"a": Split(np.arange(60), np.arange(60, 99))}), planned(other)])


def replace_name(benchmark: TabularBenchmark, name: str) -> TabularBenchmark:
    return TabularBenchmark(replace(benchmark.table), name=name)

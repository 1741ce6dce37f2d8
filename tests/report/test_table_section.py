import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.report.document import Figures
from nasbench.report.figures import Band, CellGraph, Heatmap, Line, Plot, Points, ends
from nasbench.report.table_section import (
    agreement,
    better_half,
    cell_graph,
    measure,
    noise,
    pareto,
    table_facts,
    table_section,
    table_sentences,
    tau_interval,
    view,
)
from nasbench.spaces import spaces


def test_pareto_front_of_five_points() -> None:
    cost = np.array([3.0, 1.0, 2.0, 2.0, 4.0])
    value = np.array([90.0, 70.0, 80.0, 75.0, 85.0])
    assert pareto(cost, value).tolist() == [1, 2, 0]
    assert pareto(cost, value, maximise=False).tolist() == [1]
    assert pareto(np.array([1.0, 1.0, np.nan]), np.array([5.0, 5.0, 9.0])).tolist() == [0]


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (12, 2), elements=st.integers(0, 6).map(float)))
def test_pareto_front_is_what_nothing_dominates(points: np.ndarray) -> None:
    cost, value = points.T
    front = pareto(cost, value)
    kept = {(cost[row], value[row]) for row in front}
    for c, v in zip(cost, value, strict=True):
        beaten = any((d <= c and w >= v) and (d, w) != (c, v) for d, w in zip(cost, value, strict=True))
        assert ((c, v) in kept) != beaten
    assert len(kept) == len(front)


def test_noise_pools_the_variance_within_cells() -> None:
    # variances 2 (of 1, 3) and 8 (of 0, 4); the cell with one seed says nothing
    assert noise(np.array([[1.0, 3.0], [0.0, 4.0], [7.0, np.nan]])) == pytest.approx(math.sqrt(5.0))
    assert math.isnan(noise(np.array([[1.0], [2.0]])))


def test_agreement_is_kendalls_tau_over_pairs_of_seeds() -> None:
    # seeds 0 and 1 agree on all 3 pairs of cells, 0 and 2 on 1 of 3, 1 and 2 as well
    tau, low, high, n = agreement(np.array([[1.0, 1.0, 2.0], [2.0, 2.0, 3.0], [3.0, 3.0, 1.0]]))
    assert tau == pytest.approx((1 - 1 / 3 - 1 / 3) / 3)
    assert n == 3
    assert math.isnan(low)
    assert math.isnan(high)


def test_tau_interval_by_the_formula() -> None:
    low, high = tau_interval(0.5, 104)
    half = 1.96 * math.sqrt(0.437 / 100)
    assert math.atanh(high) - math.atanh(0.5) == pytest.approx(half)
    assert math.atanh(0.5) - math.atanh(low) == pytest.approx(half)
    assert tau_interval(1.0, 50) == (1.0, 1.0)


def test_measure_reads_curves_seeds_partners_and_costs(benchmark: TabularBenchmark) -> None:
    data = measure(benchmark, "digits")
    assert data is not None
    table = benchmark.table.columns
    values = table["digits/validation_accuracy"].values
    np.testing.assert_allclose(data.curves, values.mean(axis=1))
    np.testing.assert_allclose(data.by_seed, values[:, :, -1])
    np.testing.assert_allclose(data.final, values[:, :, -1].mean(axis=1))
    np.testing.assert_allclose(data.test, table["digits/test_accuracy"].values[:, :, -1].mean(axis=1))
    assert [cost.name for cost in data.costs] == ["train_seconds", "parameters"]
    assert better_half(data).sum() == 15
    assert measure(benchmark, "another") is None


def test_sentences_and_facts_state_what_was_measured(benchmark: TabularBenchmark) -> None:
    data = measure(benchmark, "digits")
    assert data is not None
    text = " ".join(table_sentences(data, benchmark.table.recipe))
    assert "30 cells of nb201 (15,625 genotypes) were trained 2 times each, with different seeds, for 4 epochs" in text
    assert f"The best cell reaches {data.final.max():.2f}\u00a0% validation accuracy" in text
    assert "Recipe: data: train 40; network: channels 4; schedules: epochs 2, 4." in text
    assert "A linear model on the same data gets 51.25 % validation accuracy" in text
    assert f"standard deviation of {data.final.std(ddof=1):.2f} percentage points" in text
    assert f"same cell by {noise(data.by_seed):.2f}" in text
    named = {fact.name: fact.value for fact in table_facts(data, benchmark.table.recipe)}
    assert named["cells trained"] == "30"
    assert named["linear model"] == "51.25 %"
    assert named["noise between seeds"] == f"{noise(data.by_seed):.2f}\u00a0pp"
    assert "linear" not in " ".join(table_sentences(data, {}))


def test_section_draws_curves_costs_and_the_best_cells(benchmark: TabularBenchmark) -> None:
    data = measure(benchmark, "digits")
    assert data is not None
    section = table_section(data, "table-1")
    figures = {f.name: f for block in section.blocks if isinstance(block, Figures) for f in block.figures}
    curves = figures["table-1-curves"]
    assert isinstance(curves, Plot)
    outer, inner = (mark for mark in curves.marks if isinstance(mark, Band))
    np.testing.assert_allclose(outer.low, np.quantile(data.curves, 0.05, axis=0))
    np.testing.assert_allclose(inner.high, np.quantile(data.curves, 0.75, axis=0))
    best = next(mark for mark in curves.marks if mark.name == "best cell")
    assert isinstance(best, Line)
    np.testing.assert_allclose(best.y, data.curves[data.final.argmax()])
    assert data.space.to_string(data.genotypes[data.final.argmax()]) in best.hover[0]
    cost = figures["table-1-cost-2-parameters"]
    assert isinstance(cost, Plot)
    assert sum(len(mark.x) for mark in cost.marks if isinstance(mark, Points)) == 30
    assert isinstance(figures["table-1-operations"], Heatmap)
    pictures = [figure for figure in figures.values() if isinstance(figure, CellGraph)]
    assert len(pictures) == 6
    assert f"{data.final.max():.2f}\u00a0% validation accuracy" in pictures[0].caption
    assert data.space.to_string(data.genotypes[data.final.argmax()]) in pictures[0].caption


@pytest.mark.parametrize("name", ["nb201", "nb101"])
def test_cell_graph_has_every_node_and_edge(name: str) -> None:
    space = spaces.create(name)
    genotype = space.sample(1, np.random.default_rng(3))[0]
    cell = cell_graph(space, genotype, "cell", "A cell", "caption")
    graph = space.graph(genotype)
    assert len(cell.nodes) == len(graph)
    assert {(arrow.tail, arrow.head) for arrow in cell.arrows} == set(graph.edges)
    assert {entry.name for entry in cell.legend} == set(space.ops) - {"input", "output"}
    for arrow in cell.arrows:
        (x0, _), (x1, _) = ends(cell, arrow)
        assert x0 <= x1


def test_a_metric_to_minimise_turns_the_order(benchmark: TabularBenchmark) -> None:
    data = measure(benchmark, "digits")
    assert data is not None
    turned = type(data)(**{**vars(data), "metric": type(data.metric)(**{**vars(data.metric), "direction": "minimise"})})
    assert turned.final[turned.order[0]] == data.final.min()


def small(cells: int, *metrics: tuple[Metric, np.ndarray], epochs: tuple[int, ...] = ()) -> TabularBenchmark:
    space = spaces.create("nb201")
    genotypes = space.decode(np.arange(0, 15_625, 15_625 // cells)[:cells])
    columns = {
        metric.path: Column(metric, values, np.isnan(values).astype(np.uint8), ("training diverged",))
        for metric, values in metrics
    }
    seeds = (777,) if any("seed" in metric.dims for metric, _ in metrics) else ()
    return TabularBenchmark(Table(space, genotypes, seeds, {"asr": epochs} if epochs else {}, columns))


def test_one_cell_with_one_number_is_enough() -> None:
    error = Metric("asr", "validation_error", "validation", "percent", "minimise", ("architecture",))
    benchmark = small(1, (error, np.array([21.4])))
    data = measure(benchmark, "asr")
    assert data is not None
    (text, found) = table_sentences(data, {})
    assert text == "1 cell of nb201 (15,625 genotypes) was trained on asr."
    assert "21.40" in found
    names = [f.name for block in table_section(data, "c").blocks if isinstance(block, Figures) for f in block.figures]
    assert names == ["c-cell-1"]


def test_cells_without_a_final_value_are_left_out_and_counted() -> None:
    dims = ("architecture", "seed", "epoch")
    accuracy = Metric("asr", "validation_accuracy", "validation", "percent", "maximise", dims)
    values = np.arange(24.0).reshape(4, 1, 6)
    values[1, 0, 3:] = np.nan
    values[2, 0, 2] = np.nan
    data = measure(small(4, (accuracy, values), epochs=(1, 2, 3, 4, 5, 6)), "asr")
    assert data is not None
    assert data.final.tolist() == [5, 17, 23]
    assert "1 more has no final validation accuracy and is left out" in table_sentences(data, {})[0]
    (figures,) = (p for p in table_section(data, "c").blocks if isinstance(p, Figures) and len(p.figures) == 1)
    curves = figures.figures[0]
    assert isinstance(curves, Plot)
    assert "n = 2 cells" in curves.caption


def test_without_any_final_value_there_is_nothing_to_tell() -> None:
    error = Metric("asr", "validation_error", "validation", "percent", "minimise", ("architecture",))
    assert measure(small(2, (error, np.full(2, np.nan))), "asr") is None


def test_view_leaves_out_cells_that_learnt_nothing() -> None:
    values = np.array([10.0, *np.linspace(70, 80, 21)])
    limits, beyond = view(values, maximise=True)
    assert limits == pytest.approx((69.4, 80.6))
    assert beyond == 1
    assert view(-values, maximise=False)[1] == 1
    assert view(-values, maximise=True) == (None, 0)  # far better than the others: shown
    assert view(np.array([10.0, *np.linspace(30, 80, 21)]), maximise=True) == (None, 0)
    assert view(np.array([10.0, 70.0, 70.0, 70.0, 70.0]), maximise=True) == (None, 0)

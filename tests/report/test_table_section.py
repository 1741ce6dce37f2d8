from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmark.base import Metric
from nasbench.benchmark.load import load
from nasbench.benchmark.table import Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.report.document import Figures
from nasbench.report.figures import Band, CellGraph, Heatmap, Line, Plot, Points, arrow_ends
from nasbench.report.measurements import measurements_of
from nasbench.report.statistics import seed_deviation
from nasbench.report.table_figures import cell_graph
from nasbench.report.table_section import table_facts, table_section, table_sentences
from nasbench.spaces import spaces


def test_measure_reads_curves_seeds_partners_and_costs(benchmark: TabularBenchmark) -> None:
    data = measurements_of(benchmark, "digits")
    assert data is not None
    table = benchmark.table.columns
    values = table["digits/validation_accuracy"].values
    np.testing.assert_allclose(data.curves, values.mean(axis=1))
    np.testing.assert_allclose(data.by_seed, values[:, :, -1])
    np.testing.assert_allclose(data.final, values[:, :, -1].mean(axis=1))
    np.testing.assert_allclose(data.test, table["digits/test_accuracy"].values[:, :, -1].mean(axis=1))
    assert [cost.name for cost in data.costs] == ["train_seconds", "parameters"]
    assert data.better_half.sum() == 15
    assert measurements_of(benchmark, "another") is None


def test_sentences_and_facts_state_what_was_measured(benchmark: TabularBenchmark) -> None:
    data = measurements_of(benchmark, "digits")
    assert data is not None
    text = " ".join(table_sentences(data, benchmark.table.recipe))
    assert "30 cells of nb201 (15,625 genotypes) were trained 2 times each, with different seeds, for 4 epochs" in text
    assert f"The best measured cell reaches {data.final.max():.2f}\u00a0% validation accuracy" in text
    assert "Recipe: data: train 40; network: channels 4; schedules: epochs 2, 4." in text
    assert "A linear model on the same data reaches 51.25 % validation accuracy" in text
    sd = seed_deviation(data.by_seed)
    assert f"between trainings of the same cell is {sd:.2f} percentage points, between cells " in text
    assert f"between cells {data.final.std(ddof=1):.2f}. Two seeds" in text
    named = {fact.name: fact.value for fact in table_facts(data, benchmark.table.recipe)}
    assert named["cells trained"] == "30"
    assert named["linear model"] == "51.25 %"
    assert named["noise between seeds"] == f"{seed_deviation(data.by_seed):.2f}\u00a0pp"
    assert "linear" not in " ".join(table_sentences(data, {}))


def test_section_draws_curves_costs_and_the_best_cells(benchmark: TabularBenchmark) -> None:
    data = measurements_of(benchmark, "digits")
    assert data is not None
    section = table_section(data, benchmark.table.recipe, "table-1")
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
    assert cost.caption.startswith("n = 30 cells; ")
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
        (x0, _), (x1, _) = arrow_ends(cell, arrow)
        assert x0 <= x1


def test_a_metric_to_minimise_turns_the_order(benchmark: TabularBenchmark) -> None:
    data = measurements_of(benchmark, "digits")
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
    data = measurements_of(benchmark, "asr")
    assert data is not None
    (text, found) = table_sentences(data, {})
    assert text == "1 cell of nb201 (15,625 genotypes) was trained on asr."
    assert "21.40" in found
    names = [
        f.name for block in table_section(data, {}, "c").blocks if isinstance(block, Figures) for f in block.figures
    ]
    assert names == ["c-cell-1"]


def test_cells_without_a_final_value_are_left_out_and_counted() -> None:
    dims = ("architecture", "seed", "epoch")
    accuracy = Metric("asr", "validation_accuracy", "validation", "percent", "maximise", dims)
    values = np.arange(24.0).reshape(4, 1, 6)
    values[1, 0, 3:] = np.nan
    values[2, 0, 2] = np.nan
    data = measurements_of(small(4, (accuracy, values), epochs=(1, 2, 3, 4, 5, 6)), "asr")
    assert data is not None
    assert data.final.tolist() == [5, 17, 23]
    assert "1 more has no final validation accuracy and is left out" in table_sentences(data, {})[0]
    (figures,) = (p for p in table_section(data, {}, "c").blocks if isinstance(p, Figures) and len(p.figures) == 1)
    curves = figures.figures[0]
    assert isinstance(curves, Plot)
    assert "n = 2 cells" in curves.caption


def test_only_metrics_of_which_less_is_better_are_costs() -> None:
    metrics = [
        (Metric("", name, "none", "none", direction, ("architecture",)), np.arange(4.0))
        for name, direction in (("flops", "minimise"), ("synflow", "maximise"), ("depth", "none"))
    ]
    error = Metric("asr", "validation_error", "validation", "percent", "minimise", ("architecture",))
    data = measurements_of(small(4, (error, np.arange(4.0)), *metrics), "asr")  # type: ignore[arg-type]
    assert data is not None
    assert [cost.name for cost in data.costs] == ["flops"]


def test_separate_schedules_are_points_and_no_learning_curves() -> None:
    benchmark = load(Path(__file__).parents[1] / "data/written_by_3afb413/schedules.h5")
    for dataset, words, title, kinds in (
        ("digits", "in separate trainings of 1 and 3 epochs on digits", "Length of training", {Points}),
        ("digits@3", "for 3 epochs on digits@3", "Learning curves", {Band, Line}),
    ):
        data = measurements_of(benchmark, dataset)
        assert data is not None
        assert words in table_sentences(data, benchmark.table.recipe)[0]
        first = table_section(data, benchmark.table.recipe, "c").blocks[0]
        assert isinstance(first, Figures)
        curves = first.figures[0]
        assert isinstance(curves, Plot)
        assert curves.title == title
        assert {type(mark) for mark in curves.marks} == kinds


@pytest.mark.parametrize(
    "recipe",
    [
        {"parts": [1]},
        {"parts": [{}]},
        {"parts": [{"epochs": [[1], "x"]}]},
        {"parts": 3},
        {"datasets": {"digits": {"settings": None}}},
        {"datasets": {"digits": {"inputs": [1], "linear_accuracy": {"validation": "high"}}}},
        {"datasets": [1], "network": "deep", "training": None},
    ],
)
def test_odd_recipes_say_nothing(benchmark: TabularBenchmark, recipe: dict[str, object]) -> None:
    data = measurements_of(benchmark, "digits")
    assert data is not None
    assert "Recipe" not in " ".join(table_sentences(data, recipe))
    assert "linear model" not in [fact.name for fact in table_facts(data, recipe)]


def test_three_cells_have_no_interval_of_agreement() -> None:
    accuracy = Metric("asr", "validation_accuracy", "validation", "percent", "maximise", ("architecture", "seed"))
    base = small(3)
    values = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 3.0]])
    column = Column(accuracy, values, np.zeros((3, 2), dtype=np.uint8))
    benchmark = TabularBenchmark(replace(base.table, seeds=(0, 1), columns={accuracy.path: column}))
    data = measurements_of(benchmark, "asr")
    assert data is not None
    notes = {fact.name: fact.note for fact in table_facts(data, {})}
    assert notes["agreement of seeds"] == "n = 3 cells"
    assert "nan" not in " ".join([*table_sentences(data, {}), *notes.values()])


def test_without_any_final_value_there_is_nothing_to_tell() -> None:
    error = Metric("asr", "validation_error", "validation", "percent", "minimise", ("architecture",))
    assert measurements_of(small(2, (error, np.full(2, np.nan))), "asr") is None

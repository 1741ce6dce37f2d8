"""Merging: identity of architectures, filled gaps, conflicts, and one table from four published ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.join import LEFT_OUT, join
from nasbench.benchmark.load import load
from nasbench.benchmark.merge import merge, report, unconfirmed
from nasbench.benchmark.rename import renamed, renamed_as
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.importers.csv import CSV
from nasbench.importers.hw_nas_bench import HWNASBench
from nasbench.spaces import spaces
from nasbench.spaces.choices import ChoiceSpace
from nasbench.spaces.nb101 import NB101

TABLES = Path(__file__).parents[2] / "../shared/tables"
NAN = np.nan
A, B, C = [3, 3, 3, 3, 3, 3], [3, 1, 3, 1, 3, 2], [0, 0, 0, 0, 0, 0]
FACTS = {"units": "percent", "direction": "maximise", "split": "test"}


def column(path, values, reasons=(), codes=None, **facts):
    values = np.array(values, dtype=np.float64)
    codes = np.isnan(values) if codes is None else np.array(codes)
    dataset, _, name = path.rpartition("/")
    metric = Metric(dataset, name, dims=DIMS[: values.ndim], **{**FACTS, **facts})
    return Column(metric, values, codes.astype(np.uint8), tuple(reasons))


def table(genotypes, columns, seeds=(), epochs=None, recipe=None, space="nb201"):
    genotypes = np.array(genotypes, dtype=np.int8)
    named = {one.metric.path: one for one in columns}
    return Table(spaces.create(space), genotypes, seeds, epochs or {}, named, recipe or {})


def told(merged, path):
    """The numbers of a metric, or the reasons where they are missing."""
    one = merged.columns[path]
    texts = np.array(["", *one.reasons], dtype=object)
    return np.where(one.missing > 0, texts[one.missing], one.values).tolist()


def test_rows_are_joined_and_what_one_lacks_is_filled() -> None:
    one = table([A, B], [column("d/test_accuracy", [90, NAN], ["diverged"]), column("d/x", [1, 2])])
    other = table([C, B], [column("d/test_accuracy", [10, 80]), column("d/y", [3, NAN], ["did not compile"])])
    merged = merge([one, other], ["a", "b"])
    assert merged.genotypes.tolist() == [A, B, C]
    assert told(merged, "d/test_accuracy") == [90, 80, 10]
    assert told(merged, "d/x") == [1, 2, "not in a"]
    assert told(merged, "d/y") == ["not in b", "did not compile", 3]


def test_inner_keeps_only_what_is_in_all() -> None:
    tables = [
        table(rows, [column(f"d/{name}", range(len(rows)))])
        for name, rows in zip("xyz", ([A, B, C], [C, B], [B, C]), strict=True)
    ]
    merged = merge(tables, list("abc"), inner=True)
    assert merged.genotypes.tolist() == [B, C]
    assert [told(merged, f"d/{name}") for name in "xyz"] == [[1, 2], [1, 0], [0, 1]]
    assert [row["left_out"] for row in report(merged)["sources"]] == [1, 0, 0]
    with pytest.raises(InputError, match="no architecture is in all of a, b"):
        merge([table([A], []), table([B], [])], ["a", "b"], inner=True)


def test_seeds_and_epochs_become_unions() -> None:
    one = table([A], [column("d/test_accuracy", [[[1, 2]]])], (7,), {"d": (1, 3)})
    other = table(
        [A],
        [
            column(
                "d/test_accuracy",
                [
                    [[5, 6]],
                ],
            )
        ],
        (3,),
        {"d": (3, 9)},
    )
    third = table([A], [column("e/test_accuracy", [[[0], [NAN]]], ["diverged"])], (7, 8), {"e": (200,)})
    merged = merge([one, other, third], ["a", "b", "c"])
    assert (merged.seeds, dict(merged.epochs)) == ((3, 7, 8), {"d": (1, 3, 9), "e": (200,)})
    gone = "not in a, b"
    assert told(merged, "d/test_accuracy") == [[[gone, 5, 6], [1, 2, gone], [gone] * 3]]
    assert told(merged, "e/test_accuracy") == [[["not in c"], [0], ["diverged"]]]


def test_seeds_that_all_have_keep_their_order() -> None:
    tables = [table([rows], [column("d/x", [[1, 2]])], (9, 1)) for rows in (A, B)]
    assert merge(tables, ["a", "b"]).seeds == (9, 1)


def test_a_conflict_is_one_line_with_counts_and_the_first_place() -> None:
    one = table([A, B, C], [column("d/test_accuracy", [[90, 91], [80, 81], [10, NAN]], ["diverged"])], (5, 6))
    other = table([C, B, A], [column("d/test_accuracy", [[10, 10], [80, 84.5], [90, 92]])], (5, 6))
    with pytest.raises(InputError) as raised:
        merge([one, other], ["a.h5", "b.h5"])
    line = str(raised.value)
    assert "a.h5 and b.h5 disagree about 2 of 5 numbers of 'd/test_accuracy', by up to 3.5 percentage points:" in line
    assert f"the first is 91.0 in a.h5 and 92.0 in b.h5, of {one.space.to_string(np.array(A))}, seed 6;" in line
    assert "\n" not in line


def test_the_preferred_source_wins_wherever_it_has_a_number() -> None:
    one = table([A, B], [column("d/x", [1, 2])])
    other = table([A, B], [column("d/x", [5, NAN], ["diverged"])])
    for order in ([0, 1], [1, 0]):
        merged = merge([[one, other][k] for k in order], ["ab"[k] for k in order], prefer="b")
        assert told(merged, "d/x") == [5, 2]
        assert merged.recipe["columns"]["d/x"] == {
            "sources": {"ab"[k]: [2, 1][k] for k in order}, "missing": 0, "agreed": 0, "overruled": 1,
        }  # fmt: skip
    third = table([B], [column("d/x", [3])])
    with pytest.raises(InputError, match="a and c disagree about 1 of 1"):  # the preferred table has no such number
        merge([one, other, third], ["a", "b", "c"], prefer="b")
    with pytest.raises(InputError, match="preferred table is one of a, b"):
        merge([one, other], ["a", "b"], prefer="c")


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"units": "nats"}, "'d/x' has units 'percent' in a and 'nats' in b; rename it"),
        ({"direction": "minimise"}, "has direction 'maximise' in a and 'minimise' in b"),
        ({"split": "train"}, "has split 'test' in a and 'train' in b"),
    ],
)
def test_a_metric_is_the_same_in_all(facts: dict[str, str], line: str) -> None:
    with pytest.raises(InputError, match=line):
        merge([table([A], [column("d/x", [1])]), table([A], [column("d/x", [1], **facts)])], ["a", "b"])


def test_axes_of_a_metric_are_the_same_in_all() -> None:
    with pytest.raises(InputError, match="has dims 'architecture' in a and 'architecture x seed' in b"):
        merge([table([A], [column("d/x", [1])]), table([A], [column("d/x", [[1]])], (0,))], ["a", "b"])


def test_only_tables_of_one_space_and_settings_are_merged() -> None:
    rows = [[3] * 6]
    with pytest.raises(InputError, match="a has the space nb201, b has tnb101_micro; merge tables of one"):
        merge([table(rows, []), table(rows, [], space="tnb101_micro")], ["a", "b"])
    two, three = (ChoiceSpace({"width": widths}) for widths in ([8, 16], [8, 16, 32]))
    tables = [Table(space, np.zeros((1, 1), dtype=np.int8), (), {}, {}) for space in (two, three)]
    with pytest.raises(InputError, match=r"\[8, 16\]\}.*, b has .*\[8, 16, 32\]"):
        merge(tables, ["a", "b"])
    assert len(merge([tables[0], tables[0]], ["a", "b"]).genotypes) == 1


def test_names_are_their_own_and_two_at_least() -> None:
    one = table([A], [])
    for tables, names in (([one], ["a"]), ([one, one], ["a", "a"]), ([one, one], ["a"])):
        with pytest.raises(InputError, match="at least two tables, each with a name of its own"):
            merge(tables, names)


def test_metrics_without_a_number_in_common_are_named() -> None:
    one = table([A, B], [column("d/x", [1, NAN], ["diverged"]), column("d/y", [1, 2]), column("d/z", [1, 2])])
    other = table([B, C], [column("d/x", [2, 3]), column("d/y", [2, 3])])
    assert report(merge([one, other], ["a", "b"]))["unconfirmed"] == ["d/x"]


# --- what is one architecture ---------------------------------------------------------------------------------------

SPACE = NB101()
BRANCHES = [[0, 1, 1, 0], [0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
FIRST, SECOND = (
    SPACE.from_matrix(BRANCHES, ["input", *between, "output"]).tolist()
    for between in (("conv1x1-bn-relu", "maxpool3x3"), ("maxpool3x3", "conv1x1-bn-relu"))
)
"""Two labelled graphs of one network: a convolution parallel to a pooling, in either order."""


def test_labels_of_one_network_join_by_key_and_not_by_genotype() -> None:
    tables = [table([row], [column(f"d/{name}", [1])], space="nb101") for row, name in ((FIRST, "x"), (SECOND, "y"))]
    merged = merge(tables, ["a", "b"])
    assert merged.genotypes.tolist() == SPACE.canonical(np.array([FIRST], dtype=np.int8)).tolist()
    assert told(merged, "d/x") == told(merged, "d/y") == [1]
    assert sum(row["other_labels"] for row in report(merged)["sources"]) == 1
    for row in (FIRST, SECOND):
        assert TabularBenchmark(merged).query(row, "d/y").value == 1
    apart = merge(tables, ["a", "b"], by="genotype")
    assert apart.genotypes.tolist() == [FIRST, SECOND]
    assert told(apart, "d/x") == [1, "not in a"]


def test_labels_that_one_source_tells_apart_join_by_genotype() -> None:
    both = table([FIRST, SECOND], [column("d/x", [1, 2])], space="nb101")
    merged = merge([table([SECOND], [column("d/y", [3])], space="nb101"), both], ["b", "a"])
    assert merged.genotypes.tolist() == [SECOND, FIRST]
    assert (told(merged, "d/x"), told(merged, "d/y")) == ([2, 1], [3, "not in b"])


def test_dead_operations_share_no_latency() -> None:
    """Two cells that compute one function, one with a dead operation, are two architectures."""
    lean, laden = [0, 0, 0, 1, 0, 0], [3, 0, 0, 1, 0, 0]
    space = spaces.create("nb201")
    assert len(set(space.function_key(np.array([lean, laden], dtype=np.int8)).tolist())) == 1
    merged = merge([table([lean], [column("d/x", [1])]), table([laden], [column("d/x", [2])])], ["a", "b"])
    assert told(merged, "d/x") == [1, 2]


@st.composite
def several(draw: st.DrawFn) -> list[Table]:
    """Two to four tables of eight networks under any of their labels, with consistent numbers."""
    space = SPACE
    pool = space.sample(8, np.random.default_rng(draw(st.integers(0, 9))))
    pool = np.unique(np.concatenate([pool, space.canonical(pool)]), axis=0)
    truth = np.random.default_rng(1).integers(0, 99, (len(pool), 3, 2)).astype(np.float64)
    same = {int(key): at for at, key in enumerate(space.key(pool))}
    tables = []
    for number in range(draw(st.integers(2, 4))):
        rows = draw(st.lists(st.integers(0, len(pool) - 1), min_size=1, unique=True))
        seeds = draw(st.lists(st.integers(0, 2), min_size=1, unique=True))
        epochs = sorted(draw(st.sets(st.integers(0, 1), min_size=1)))
        values = truth[[same[int(key)] for key in space.key(pool[rows])]][:, seeds][:, :, epochs]
        gone = np.array(draw(st.lists(st.booleans(), min_size=values.size, max_size=values.size))).reshape(values.shape)
        values[gone] = NAN
        reason = [draw(st.sampled_from(["diverged", "did not compile"]))] if gone.any() else []
        columns = [column("d/x", values, reason), column(f"d/own{number}", values, reason)]
        tables.append(table(pool[rows], columns, tuple(seeds), {"d": tuple(epochs)}, space="nb101"))
    return tables


@given(tables=several(), data=st.data(), by=st.sampled_from(["key", "genotype"]), inner=st.booleans())
@settings(max_examples=60, deadline=None)
def test_order_changes_the_order_of_rows_only(tables: list[Table], data: st.DataObject, by: str, inner: bool) -> None:
    order = data.draw(st.permutations(range(len(tables))))
    names = list("abcd"[: len(tables)])
    try:
        one = merge(tables, names, by=by, inner=inner)
    except InputError as error:
        assert "no architecture is in all" in str(error)
        with pytest.raises(InputError, match="no architecture is in all"):
            merge([tables[k] for k in order], [names[k] for k in order], by=by, inner=inner)
        return
    other = merge([tables[k] for k in order], [names[k] for k in order], by=by, inner=inner)
    mine, theirs = (np.lexsort(m.genotypes.T) for m in (one, other))
    assert one.genotypes[mine].tolist() == other.genotypes[theirs].tolist()
    assert one.epochs == other.epochs and sorted(one.seeds) == sorted(other.seeds)
    assert set(one.columns) == set(other.columns)
    seeds = [other.seeds.index(seed) for seed in one.seeds]
    for path in one.columns:
        a, b = np.array(told(one, path), dtype=object)[mine], np.array(told(other, path), dtype=object)[theirs]
        assert a.tolist() == b[:, seeds].tolist()
    assert one.recipe["columns"] == other.recipe["columns"]
    assert one.recipe["sources"] == other.recipe["sources"]


@given(tables=several(), inner=st.booleans(), by=st.sampled_from(["key", "genotype"]))
@settings(max_examples=60, deadline=None)
def test_no_number_is_lost_and_none_is_made_up(tables: list[Table], inner: bool, by: str) -> None:
    space = tables[0].space
    joined = join(space, [t.genotypes for t in tables], by, inner)
    names = list("abcd"[: len(tables)])
    if not len(joined.genotypes):
        return
    merged = merge(tables, names, by=by, inner=inner)
    filled = np.zeros(merged.columns["d/x"].values.shape, dtype=bool)
    for number, (one, rows) in enumerate(zip(tables, joined.rows, strict=True)):
        kept = np.flatnonzero(rows != LEFT_OUT)
        assert len(set(rows[kept].tolist())) == len(kept)
        assert (space.key(merged.genotypes[rows[kept]]) == space.key(one.genotypes[kept])).all()
        place = np.ix_(
            rows[kept],
            [merged.seeds.index(s) for s in one.seeds],
            [merged.epochs["d"].index(e) for e in one.epochs["d"]],
        )
        for path in ("d/x", f"d/own{number}"):
            mine, theirs = one.columns[path].values[kept], merged.columns[path].values[place]
            assert np.array_equal(np.where(np.isnan(mine), theirs, mine), theirs, equal_nan=True)
        filled[place] |= ~np.isnan(one.columns["d/x"].values[kept])
    assert np.array_equal(filled, ~np.isnan(merged.columns["d/x"].values))


# --- names, recipe --------------------------------------------------------------------------------------------------


def test_a_metric_or_a_data_set_is_renamed() -> None:
    one = table([A], [column("d/x", [[[1]]]), column("d/y", [2]), column("z", [3])], (0,), {"d": (12,)})
    moved = renamed(one, {"d/y": "e/w"})
    assert (set(moved.columns), dict(moved.epochs)) == ({"d/x", "e/w", "z"}, {"d": (12,)})
    whole = renamed(one, {"d": "d@12"})
    assert (set(whole.columns), dict(whole.epochs)) == ({"d@12/x", "d@12/y", "z"}, {"d@12": (12,)})
    assert renamed(moved, {"d": "f"}).recipe == {"renamed": [["d/y", "e/w"], ["d", "f"]]}
    with pytest.raises(NotFoundError, match="no metric or data set 'q' to rename; there are d, d/x, d/y, z"):
        renamed(one, {"q": "r"})
    with pytest.raises(InputError, match="'d/y' cannot be called 'd/x', as another metric is"):
        renamed(one, {"d/y": "d/x"})
    two = table([A], [column("d/x", [[[1]]]), column("e/x", [[[1]]])], (0,), {"d": (12,), "e": (13,)})
    with pytest.raises(InputError, match="'d/x' has other epochs than the data set 'e'"):
        renamed(two, {"d/x": "e/y"})


def test_a_renaming_is_for_one_file_or_for_all_that_have_the_name() -> None:
    tables = [table([A], [column("d/x", [1])]), table([A], [column("d/x", [2])]), table([A], [column("e/x", [2])])]
    names = ["a.h5", "b.h5", "c.h5"]
    assert [set(t.columns) for t in renamed_as("b.h5:d=f", tables, names)] == [{"d/x"}, {"f/x"}, {"e/x"}]
    assert [set(t.columns) for t in renamed_as("d/x=d/y", tables, names)] == [{"d/y"}, {"d/y"}, {"e/x"}]
    assert [set(t.columns) for t in renamed_as(" b.h5: d = f ", tables, names)] == [{"d/x"}, {"f/x"}, {"e/x"}]
    with pytest.raises(NotFoundError, match="no metric or data set 'q'"):
        renamed_as("q=r", tables, names)
    with pytest.raises(NotFoundError, match="no metric or data set 'd'"):
        renamed_as("c.h5:d=r", tables, names)
    with pytest.raises(InputError, match="a renaming is OLD=NEW"):
        renamed_as("d", tables, names)


@pytest.mark.parametrize(
    ("epochs", "resumable"),
    [(((1, 3), (1, 3)), True), (((1, 3), (3, 5)), True), (((1, 3), (12,)), False), (((1, 3), (3, 5), (1,)), False)],
)
def test_epochs_are_a_learning_curve_only_where_the_sources_share_one(epochs, resumable) -> None:
    cells = [A, B, C][: len(epochs)]
    tables = [
        table([cell], [column("d/test_accuracy", [[range(len(at))]])], (7,), {"d": at})
        for cell, at in zip(cells, epochs, strict=True)
    ]
    merged = merge(tables, list("abc")[: len(tables)])
    assert merged.columns["d/test_accuracy"].metric.resumable == resumable
    assert unconfirmed(merged) == ["d/test_accuracy"]
    schedules = column("d/test_accuracy", [[[0, 1]]], resumable=False)
    apart = merge([table([A], [schedules], (7,), {"d": (1, 3)}), tables[0]], ["a", "b"])
    assert not apart.columns["d/test_accuracy"].metric.resumable


def test_rows_that_stand_for_functions_still_do() -> None:
    stands = {"rows_stand_for": "functions"}
    one = table([A, C], [column("d/x", [1, 2])], recipe=stands)
    other = table([A, B], [column("d/y", [1, 2])], recipe=stands)
    assert merge([one, other], ["a", "b"]).rows_stand_for_functions
    assert not merge([one, replace(other, recipe={})], ["a", "b"]).rows_stand_for_functions
    silent = [3, 0, 0, 0, 0, 0]  # nothing reaches the output, as in C
    assert len(set(one.space.function_key(np.array([C, silent], dtype=np.int8)))) == 1
    twice = table([silent], [column("d/z", [1])], recipe=stands)
    assert not merge([one, twice], ["a", "b"]).rows_stand_for_functions


def test_the_shipped_tables_together_answer_for_the_whole_space() -> None:
    tables = [load(name).table.loaded() for name in ("nb201-digits", "nb201-mnist5k")]
    merged = TabularBenchmark(merge(tables, ["digits", "mnist5k"]))
    assert merged.complete


def test_sources_licences_and_row_numbers_are_carried_along(tmp_path: Path) -> None:
    source = {"paper": "P", "licence": "MIT", "files": ["f.csv"], "sha256": "ab"}
    one = table(
        [A, B, C], [column("d/x", [1, 2, 3])], recipe={"source": source, "splits": {"train": [0, 2], "test": [1]}}
    )
    other = table([C], [column("d/y", [1])], recipe={"source": {**source, "licence": "Apache-2.0"}})
    merged = merge([other, one], ["b", "a"])
    assert merged.recipe["splits"] == {"train": [0, 1], "test": [2]}  # C, A, B
    entry = merged.recipe["sources"]["a"]
    assert entry["recipe"]["source"] == source and entry["recipe"]["splits"] == merged.recipe["splits"]
    assert (entry["architectures"], entry["joined"], entry["alone"], entry["licence"]) == (3, 1, 2, "MIT")
    inner = merge([one, other], ["a", "b"], inner=True)
    assert inner.recipe["splits"] == {"train": [0], "test": []}
    twice = merge([merged, table([A], [column("d/z", [1])])], ["ab", "c"])
    assert [row["licence"] for row in report(twice)["sources"]] == ["Apache-2.0; MIT", "not stated"]
    both = merge([one, replace(other, recipe={"splits": {"train": [0]}})], ["a", "b"])
    assert "splits" not in both.recipe  # whose would they be?
    hdf5.write(twice, tmp_path / "t.h5")
    assert hdf5.read(tmp_path / "t.h5").recipe == twice.recipe


def test_many_reasons_are_kept_or_refused() -> None:
    n = 300
    rows = spaces.create("nb201").decode(np.arange(n))
    codes = [
        np.where(np.arange(n) < 200, 1 + np.arange(n) % 200, 0),
        np.where(np.arange(n) >= 150, np.arange(n) - 149, 0),
    ]
    made = [
        table(rows, [column("d/x", np.where(code > 0, NAN, 1.0), [f"{name}{k}" for k in range(code.max())], code)])
        for name, code in zip("ab", codes, strict=True)
    ]
    merged = merge(made, ["a", "b"])
    assert told(merged, "d/x")[149:151] == [1, "a150; b0"]
    assert len(merged.columns["d/x"].reasons) == 50
    rows, other = rows[:200], spaces.create("nb201").decode(np.arange(1000, 1200))
    apart = [
        table(which, [column("d/x", np.full(200, NAN), [f"{name}{k}" for k in range(200)], 1 + np.arange(200))])
        for which, name in ((rows, "a"), (other, "b"))
    ]
    with pytest.raises(InputError, match="'d/x' are missing for 400 different reasons"):
        merge(apart, ["a", "b"])


# --- published tables -----------------------------------------------------------------------------------------------

PROXIES = ["epe_nas", "fisher", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "plain", "snip", "synflow", "zen"]


@pytest.mark.skipif(not TABLES.exists(), reason="the published tables are not here")
def test_four_published_sources_of_nas_bench_201_are_one_table() -> None:
    accuracies = [f"{split}_accuracy={split} accuracy" for split in ("train", "validation", "test")]
    parts = {
        dataset: CSV("nb201", accuracies, "arch str", dataset).read(
            [TABLES / f"nb201_nasgraph/raw/nasbench201_{dataset}.csv"]
        )
        for dataset in ("cifar10", "cifar100", "ImageNet16-120")
    }
    short = [f"{split}_accuracy=cifar10-{column}" for split, column in (("validation", "val"), ("test", "test"))]
    parts["mini"] = CSV("nb201", short, "cellstr", "cifar10@12").read(
        [TABLES / "nb201_mini_12epoch/mini_nb201_12epoch.csv"]
    )
    parts["hardware"] = HWNASBench().read([TABLES / "nb201_hwnasbench/raw"])
    costs = ["flops=flops:millions:static", "parameters=params:millions:static"]
    proxies = CSV("nb201", [*(f"{name}={name}" for name in PROXIES), *costs], "net_str", "cifar10")
    parts["proxies"] = proxies.read([TABLES / "nb201_zc_proxies/raw/nb201_zc_proxies.csv"])
    merged = merge(list(parts.values()), list(parts))
    assert len(merged.genotypes) == 15_625 and len(merged.columns) == 9 + 2 + 10 + 13
    assert merged.genotypes.tolist() == parts["cifar10"].genotypes.tolist()
    long, short_ = (merged.columns[f"{name}/test_accuracy"].values for name in ("cifar10", "cifar10@12"))
    # of the training on half of the data; with the one on all of it, which is not here, they are 0.700 and 0.870
    assert kendalltau(long, short_).statistic == pytest.approx(0.744, abs=5e-4)
    assert spearmanr(long, short_).statistic == pytest.approx(0.904, abs=5e-4)
    measured = merged.columns["cifar10/synflow"].missing == 0
    assert measured.sum() == 9_445 == len(np.unique(merged.space.pruned_key(merged.genotypes)))  # type: ignore[attr-defined]
    assert merged.columns["cifar10/synflow"].reasons == ("not in proxies",)
    tpu = merged.columns["cifar10/edgetpu_latency"]
    assert ((tpu.missing > 0).sum(), tpu.reasons) == (4_699, ("did not compile",))
    assert spearmanr(merged.columns["cifar10/jacov"].values[measured], long[measured]).statistic > 0.75
    inner = merge(list(parts.values()), list(parts), inner=True)
    assert len(inner.genotypes) == 9_445 and not inner.columns["cifar10/synflow"].missing.any()


@pytest.mark.parametrize("split", ["none", "train"])
def test_imported_times_join_those_of_a_build(tmp_path: Path, split: str) -> None:
    """Files that an older `import csv` wrote have `train_seconds` on the split `train`."""
    built = load("nb201-digits").table
    seconds = built.columns["digits/train_seconds"]
    epochs = built.epochs["digits"]
    known, seed, value = built.genotypes[0].tolist(), built.seeds[0], float(seconds.values[0, 0, -1])
    source = tmp_path / "own.csv"
    source.write_text(f'arch,seed,epoch,secs\n"{str(known)[1:-1]}",{seed},{epochs[-1]},{value!r}\n')
    options = {"seed_column": "seed", "epoch_column": "epoch", "dataset": "digits"}
    own = CSV("nb201", ["train_seconds=secs"], **options).read([source])
    old = own.columns["digits/train_seconds"]
    metric = replace(old.metric, split=split)
    path = tmp_path / "own.h5"
    hdf5.write(replace(own, columns={metric.path: replace(old, metric=metric)}), path)
    assert verify(path) == []
    merged = merge([hdf5.read(path), built], ["own", "built"])
    assert merged.columns[metric.path].metric.split == "none"
    assert merged.recipe["columns"][metric.path]["agreed"] == 1

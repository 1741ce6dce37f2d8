"""Own tables: a case by hand, refused content, and published tables as distributed."""

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import load
from nasbench.benchmark.merge import merge
from nasbench.benchmark.table import Table
from nasbench.builder.columns import curve_metrics, measured_metrics
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.csv import CSV, parse_column
from nasbench.measures import measures
from nasbench.spaces import spaces
from nasbench.tasks.base import Task
from nasbench.tasks.detection import ObjectDetection
from nasbench.tasks.images import ImageClassification

SHARED = Path(__file__).parents[2] / "../shared/tables"
CONV = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
TEXT = f"arch,acc,ms,seed,epoch\n{CONV},90.5,1.5,3,12\n{NONE},10,-1,3,12\n{CONV},91.5,1.5,7,12\n"


def write(folder: Path, text: str = TEXT, name: str = "t.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def read(path: Path, *columns: str, **options: object) -> Table:
    return CSV("nb201", columns or ("validation_accuracy=acc",), **options).read([path])  # type: ignore[arg-type]


def facts(metric: Metric) -> tuple[str, str, str, str]:
    return metric.dataset, metric.split, metric.units, metric.direction


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_fractions_become_percent(tmp_path: Path) -> None:
    path = write(tmp_path, f"arch,acc\n{CONV},0.57\n{NONE},0.1\n")
    column = read(path, "test_accuracy=acc:fraction").columns["table/test_accuracy"]
    assert (column.values.tolist(), column.metric.units) == ([57, 10], "percent")
    assert read(path, "test_accuracy=acc:percent").columns["table/test_accuracy"].values.tolist() == [0.57, 0.1]
    with pytest.raises(InputError, match="hardly percent; say test_accuracy=acc:fraction"):
        read(path, "test_accuracy=acc")
    with pytest.raises(InputError, match="row 2, column 'acc': 110 is not a percentage"):
        read(write(tmp_path, f"arch,acc\n{CONV},0.57\n{NONE},1.1\n"), "test_accuracy=acc:fraction")


def test_repeats_become_seeds_in_their_order(tmp_path: Path) -> None:
    table = read(write(tmp_path), "validation_accuracy=acc", "latency=ms:static", missing="-1=did not compile")
    assert table.genotypes.tolist() == [[3, 3, 3, 1, 3, 3], [0] * 6]
    assert table.seeds == (0, 1)
    accuracy = table.columns["table/validation_accuracy"]
    np.testing.assert_array_equal(accuracy.values, [[90.5, 91.5], [10, np.nan]])
    assert (accuracy.metric.split, accuracy.metric.units, accuracy.metric.direction) == (
        "validation",
        "percent",
        "maximise",
    )
    assert accuracy.reasons == ("no such row in the source",)
    latency = table.columns["latency"]
    np.testing.assert_array_equal(latency.values, [1.5, np.nan])
    assert (latency.reasons, latency.missing.tolist()) == (("did not compile",), [0, 1])
    assert (latency.metric.units, latency.metric.direction) == ("milliseconds", "minimise")
    source = table.recipe["source"]
    assert (source["rows"], source["architectures"], source["skipped"]) == (3, 2, {})


def test_seeds_and_epochs_from_columns(tmp_path: Path) -> None:
    table = read(write(tmp_path), seed_column="seed", epoch_column="epoch", dataset="cifar10")
    assert (table.seeds, table.epochs) == ((3, 7), {"cifar10": (12,)})
    np.testing.assert_array_equal(
        table.columns["cifar10/validation_accuracy"].values, [[[90.5], [91.5]], [[10], [np.nan]]]
    )


def test_without_repeats_there_is_no_axis_of_seeds(tmp_path: Path) -> None:
    table = read(write(tmp_path, f'arch,acc\n{NONE},1\n"3,3,3,1,3,3",2\n'))
    assert table.seeds == ()
    assert table.columns["table/validation_accuracy"].values.tolist() == [1, 2]
    assert table.genotypes[1].tolist() == [3, 3, 3, 1, 3, 3]


def test_what_a_column_asks_for() -> None:
    wanted = parse_column("energy = mJ per image :joules:min:static", "pixel3")
    assert wanted.column == "mJ per image"
    metric = wanted.metric
    assert (metric.dataset, metric.name, metric.split, metric.units, metric.direction) == (
        "pixel3",
        "energy",
        "none",
        "joules",
        "minimise",
    )
    for unit in ("milliseconds", "seconds", "millijoules", "count"):
        assert parse_column(f"x=x:{unit}", "d").metric.units == unit
    assert parse_column("zen=z", "d").metric.direction == "none"
    assert parse_column("test_accuracy=t:min", "d").metric.direction == "minimise"


@pytest.mark.parametrize(
    ("unit", "text", "count"),
    [("millions", "4.09578", 4_095_780), ("thousands", "73.306", 73_306), ("billions", "1.2", 12e8)],
)
def test_counts_in_larger_units_become_counts(tmp_path: Path, unit: str, text: str, count: int) -> None:
    path = write(tmp_path, f"arch,x\n{CONV},{text}\n{NONE},\n")
    column = read(path, f"flops=x:{unit}:static").columns["flops"]
    assert (column.metric.units, column.metric.direction) == ("count", "minimise")
    np.testing.assert_array_equal(column.values, [count, np.nan])
    with pytest.raises(InputError, match=f"{text} is not a count; name its unit, such as :millions"):
        read(path, "flops=x")


def test_a_data_set_that_is_named_holds_static_metrics_too(tmp_path: Path) -> None:
    """Proxies on two data sets are two metrics."""
    path = write(tmp_path)
    assert set(read(path, "test_accuracy=acc", "flops=epoch:static").columns) == {"table/test_accuracy", "flops"}
    named = read(path, "test_accuracy=acc", "flops=epoch:static", dataset="c10")
    assert set(named.columns) == {"c10/test_accuracy", "c10/flops"}


def test_costs_belong_to_no_split() -> None:
    for name in ("train_seconds", "validation_seconds", "train_energy", "test_latency", "train_memory"):
        assert parse_column(f"{name}=x", None).metric.split == "none"
    assert parse_column("train_loss=x", None).metric.split == "train"


@pytest.mark.parametrize("task", [ImageClassification, ObjectDetection])
def test_curves_and_costs_are_described_as_a_build_does(task: type[Task]) -> None:
    built = curve_metrics("d", task.small())
    for measure in ("parameters", "flops", "latency", "inference", "onnx", "memory", "energy"):
        built += measured_metrics("d", measures.create(measure))
    for metric in built:
        unit = f":{metric.units}" if metric.units == "dimensionless" else ""  # a loss is in nats unless it says more
        assert facts(parse_column(f"{metric.name}=x{unit}", "d").metric) == facts(metric), metric.name


def curves(folder: Path, *seconds: str, epochs: tuple[int, ...] = (1, 2, 3)) -> Path:
    """One training with a time at each epoch."""
    rows = [f"{CONV},{epoch},{time}\n" for epoch, time in zip(epochs, seconds, strict=True)]
    return write(folder, "arch,epoch,secs\n" + "".join(rows))


def test_seconds_per_epoch_are_summed_from_the_start(tmp_path: Path) -> None:
    path, out = curves(tmp_path, "9.5", "8", "8.25"), tmp_path / "t.h5"
    table = read(path, "train_seconds=secs:per-epoch", epoch_column="epoch")
    assert table.columns["table/train_seconds"].values.tolist() == [[[9.5, 17.5, 25.75]]]
    hdf5.write(table, out)
    assert verify(out) == []
    gap = read(curves(tmp_path, "9.5", "", "8.25"), "train_seconds=secs:per-epoch", epoch_column="epoch")
    column = gap.columns["table/train_seconds"]
    np.testing.assert_array_equal(column.values, [[[9.5, np.nan, np.nan]]])
    assert [column.reasons[code - 1] for code in column.missing[0, 0, 1:]] == [
        "not in the source",
        "an earlier epoch has no number",
    ]


@pytest.mark.parametrize(
    ("seconds", "epochs", "column", "told"),
    [
        (("99", "95"), (1, 5), "train_seconds=secs", "95 of .*, seed 0, epoch 5 is less .*secs:per-epoch if"),
        (("99", "", "95"), (1, 2, 3), "train_seconds=secs", "epoch 3 is less than at an earlier epoch"),
        (("0", "5"), (1, 2), "train_seconds=secs", "0 of .*, epoch 1 is not a positive time; say with --missing"),
        (("0", "5"), (1, 2), "train_seconds=secs:per-epoch", "epoch 1 is not a positive time"),
        (("99", "95"), (1, 5), "train_seconds=secs:per-epoch", "needs rows of all epochs from 1, got 1, 5; give"),
    ],
)  # fmt: skip
def test_times_that_no_training_has_are_refused(
    tmp_path: Path, seconds: tuple[str, ...], epochs: tuple[int, ...], column: str, told: str
) -> None:
    with pytest.raises(InputError, match=told):
        read(curves(tmp_path, *seconds, epochs=epochs), column, epoch_column="epoch")


def test_amounts_per_epoch_need_epochs(tmp_path: Path) -> None:
    path = curves(tmp_path, "1", "2", "3")
    with pytest.raises(InputError, match="train_seconds per epoch needs a column of epochs; name it"):
        read(path, "train_seconds=secs:per-epoch")
    with pytest.raises(InputError, match="both static and per-epoch"):
        read(path, "train_seconds=secs:per-epoch:static")


@given(
    seconds=st.lists(st.floats(-1, 100) | st.sampled_from([0.0, 50.0]), min_size=1, max_size=4),
    epochs=st.sets(st.integers(0, 5), min_size=4, max_size=4).map(sorted) | st.just([1, 2, 3, 4]),
    per_epoch=st.booleans(),
)
@settings(deadline=None, max_examples=50)
def test_whatever_is_written_passes_verify(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[float], epochs: list[int], per_epoch: bool
) -> None:
    folder = tmp_path_factory.mktemp("times")
    path = curves(folder, *map(str, seconds), epochs=tuple(epochs[: len(seconds)]))
    try:
        table = read(path, "train_seconds=secs" + ":per-epoch" * per_epoch, epoch_column="epoch")
    except InputError:
        return
    hdf5.write(table, folder / "t.h5")
    assert verify(folder / "t.h5") == []


def test_a_decimal_comma_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, f"# from a spreadsheet\narch;acc\n{CONV};90,5\n")
    with pytest.raises(InputError, match=r"'90,5' is not a finite number; is its comma a decimal point\\?"):
        read(path)
    table = read(write(tmp_path, path.read_text().replace("90,5", "90.5")))
    assert table.recipe["source"]["read_as"] == "fields between ';', header below 1 line of comments"


# --- forms of files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "csv.gz", "csv.xz", "jsonl.bz2", "parquet"])
def test_every_form_gives_the_same_table(tmp_path: Path, form: str) -> None:
    frame = pd.read_csv(write(tmp_path))
    path = tmp_path / f"u.{form}"
    if form == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    elif form.startswith("jsonl"):
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    expected, found = (read(p).columns["table/validation_accuracy"].values for p in (tmp_path / "t.csv", path))
    np.testing.assert_array_equal(found, expected)


def test_nb101_cells_as_json(tmp_path: Path) -> None:
    cell = {"matrix": [[0, 1], [0, 0]], "ops": ["input", "output"]}
    path = write(tmp_path, json.dumps({"cell": cell, "acc": 80}) + "\n", "t.jsonl")
    table = CSV("nb101", ["test_accuracy=acc"], arch_column="cell").read([path])
    assert table.space.to_string(table.genotypes[0]) == json.dumps(cell)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (TEXT.replace("none~1|+", "nine~1|+"), {}, r"row 2, column 'arch': .*nine"),
        (TEXT.replace("90.5", "ninety"), {}, r"row 1, column 'acc': 'ninety' is not a finite number"),
        (TEXT.replace("90.5", "inf"), {}, r"row 1, column 'acc': 'inf' is not a finite number"),
        (TEXT.replace("seed,", "sed,"), {"seed_column": "seed"}, "no column 'seed'; its columns are 'arch', 'acc'"),
        (TEXT.replace("ms,", "acc,"), {}, "two columns 'acc'"),
        (TEXT.replace(",7,", ",3,"), {"seed_column": "seed"}, r"row 3 is a second row of .* with seed 3"),
        (TEXT.replace(",7,", ",7.5,"), {"seed_column": "seed"}, r"row 3, column 'seed': '7.5' is not a whole number"),
        (TEXT.replace(",7,", ",1e300,"), {"seed_column": "seed"}, "row 3, column .seed.: .1e300. is not a whole"),
        (TEXT, {"missing": "none"}, "a missing number is named as -1"),
        (TEXT, {"epoch_column": "ms"}, "row 1, column 'ms': '1.5' is not a whole number"),
        ("arch,acc\n", {}, "has no row that can be read"),
        ("", {}, "cannot be read as csv"),
        ("arch,acc\n1,2,3,4\n", {}, "t.csv, row 1 has 4 fields between ',', expected 2"),
    ],
)  # fmt: skip
def test_refused_content(tmp_path: Path, text: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(NasbenchError, match=message):
        read(write(tmp_path, text), **options)


def test_static_numbers_must_agree(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 3: acc is 91\.5, but an earlier row of its architecture says 90.5"):
        read(write(tmp_path), "acc=acc:static")


def test_a_metric_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="metric 'table/x' is named 2 times"):
        read(write(tmp_path), "x=acc", "x=ms")


@pytest.mark.parametrize(
    "text", ["acc", "=acc", "acc=", "a/b=acc", "acc=acc:min:max", "acc=acc:s:ms", "acc=acc:statc", "flops=f:million"]
)
def test_refused_columns(text: str) -> None:
    with pytest.raises(InputError, match=r"METRIC=COLUMN|names two|did you mean '(static|millions)'"):
        parse_column(text, "d")


@pytest.mark.parametrize("text", ["m=v:per\x1b[2Jcent", "m\x9b=v", "m=v:\u202e"])
def test_control_characters_in_names_and_units_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="names and units of metrics are printable text, got ") as caught:
        parse_column(text, "d")
    assert str(caught.value).isprintable()
    assert parse_column("m=a\xa0b:s", "d").column == "a\xa0b"  # as the file has it


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.txt", b"arch,acc\n", "t.txt is none of .csv"),
        ("t.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:40], "cannot be unpacked"),
        ("t.csv.xz", lzma.compress(TEXT.encode())[:-8], "cannot be unpacked"),
        ("t.csv", b"\xff\xfe\x00arch", "cannot be read as csv"),
        ("t.jsonl", b"{", "cannot be read as jsonl"),
    ],
)
def test_refused_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match=message):
        read(tmp_path / name)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasbench.importers.formats.unpack.MIN_LIMIT", 1000)
    with gzip.open(tmp_path / "t.csv.gz", "wb") as stream:
        stream.write(b"arch,acc\n" + b"0" * 10**7)
    with pytest.raises(FileError, match="unpacks to more than"):
        read(tmp_path / "t.csv.gz")


def test_lenient_skips_and_counts(tmp_path: Path) -> None:
    text = TEXT.replace("none~1|+", "nine~1|+").replace("91.5", "many")
    table = read(write(tmp_path, text), lenient=True)
    assert table.columns["table/validation_accuracy"].values.tolist() == [90.5]
    assert table.recipe["source"]["skipped"] == {
        "column 'arch' is no architecture of nb201": 1,
        "column 'acc' has no possible number": 1,
    }


@given(content=st.binary(max_size=200), name=st.sampled_from(["t.csv", "t.tsv", "t.jsonl", "t.csv.gz", "t.csv.xz"]))
@settings(deadline=None, max_examples=150)
def test_any_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("fuzz") / name
    path.write_bytes(content)
    try:
        read(path, lenient=True)
    except NasbenchError as error:
        assert "\n" not in str(error)


# --- what is written is sound -----------------------------------------------------------------------------------------

CELLS = st.sampled_from(["", "nan", "0", "-0", "-1", "0.5", "1", "2.5", "99.5", "100", "1e-300", "1e300", "inf", "x"])
"""Numbers that some units forbid, and texts that are none."""
SOUND = st.sampled_from(["0.5", "1", "2", "3", "4", "97", "98", ""])
NAMES = st.sampled_from(["train_seconds", "validation_accuracy", "test_loss", "flops", "zen", "latency", "memory"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters='\0\r\n,:"='), min_size=1, max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, list[str], dict[str, Any]]:
    """Text of a table with one to eight rows, the columns to read and the options."""
    names = draw(st.lists(NAMES | TEXTS, min_size=1, max_size=3, unique=True))
    columns = [f"c{at}" for at in range(len(names))]
    words = [*[""] * 9, ":min", ":static", ":per-epoch", ":millions", ":per\x1b[2Jcent", ":percent", ":\u00b5s"]
    wanted = [f"{name}={column}{draw(st.sampled_from(words))}" for name, column in zip(names, columns, strict=True)]
    numbers = CELLS if draw(st.integers(0, 3)) == 0 else SOUND
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        fields = [draw(st.sampled_from([CONV, NONE, "1 2 3 0 1 2"])), *(draw(numbers) for _ in columns)]
        rows.append([*fields, str(draw(st.integers(0, 1))), str(draw(st.integers(1, 3)))])
    rows += draw(st.lists(st.sampled_from(rows), max_size=2))  # the same once more
    options: dict[str, Any] = {
        "lenient": draw(st.booleans()),
        "dataset": draw(st.sampled_from([None, "d", "caf\u00e9"])),
    }
    for name in ("seed", "epoch"):
        options[f"{name}_column"] = draw(st.sampled_from([None, name]))
    text = "\n".join(",".join(row) for row in [["arch", *columns, "seed", "epoch"], *rows])
    return text + "\n", wanted, options


@given(content=tables())
@settings(deadline=None, max_examples=60)
def test_a_table_is_refused_in_one_line_or_its_file_is_sound(
    tmp_path_factory: pytest.TempPathFactory, content: tuple[str, list[str], dict[str, Any]]
) -> None:
    """A sound file passes `verify`, merges with itself, and answers for each of its numbers."""
    text, wanted, options = content
    folder = tmp_path_factory.mktemp("sound")
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    try:
        table = read(path, *wanted, **options)
        hdf5.write(table, folder / "t.h5")
    except NasbenchError as error:
        assert str(error).isprintable()
        event("refused")
        return
    event("read")
    assert verify(folder / "t.h5") == []
    stored = hdf5.read(folder / "t.h5")
    merged = merge([stored, stored], ["one", "other"])
    hdf5.write(merged, folder / "merged.h5")
    assert verify(folder / "merged.h5") == []
    for benchmark in (load(folder / "t.h5"), load(folder / "merged.h5")):
        for name, column in table.columns.items():
            all_epochs = table.epochs[column.metric.dataset] if "epoch" in column.metric.dims else ()
            for epoch in benchmark.recorded_epochs(name) or ("last",):
                numbers = column.plane(all_epochs.index(epoch) if epoch in all_epochs else None).values
                for seed in benchmark.recorded_seeds(name) or ("mean",):
                    answers = benchmark.query_many(table.genotypes, name, epoch=epoch, seed=seed)
                    expected = numbers[:, table.seeds.index(seed) if seed in table.seeds else 0]
                    np.testing.assert_array_equal(answers.values.filled(np.nan), expected)


# --- published tables -------------------------------------------------------------------------------------------------


def published(name: str) -> Path:
    if not (SHARED / name).exists():
        pytest.skip(f"needs the published table {SHARED / name}")
    return SHARED / name


def test_nas_bench_201_of_nasgraph() -> None:
    table = CSV(
        "nb201",
        ["train_accuracy=train accuracy", "validation_accuracy=validation accuracy", "test_accuracy=test accuracy"],
        arch_column="arch str",
        dataset="cifar10",
    ).read([published("nb201_nasgraph/raw/nasbench201_cifar10.csv")])
    assert len(table.genotypes) == 15_625
    order = spaces.create("nb201").from_index(np.arange(15_625))  # type: ignore[attr-defined]
    assert np.array_equal(table.genotypes, order)
    validation, test = (table.columns[f"cifar10/{part}_accuracy"].values for part in ("validation", "test"))
    best = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    assert table.space.to_string(table.genotypes[np.argmax(validation)]) == best
    assert (validation.max().round(3), validation.mean().round(3)) == (91.607, 83.674)
    assert (test.min(), test.max().round(3), test.mean().round(3)) == (10, 91.523, 83.394)


def test_zero_cost_proxies() -> None:
    path = published("nb201_zc_proxies/raw/nb201_zc_proxies.csv")
    table = CSV("nb201", ["synflow=synflow:none:max:static", "parameters=params:millions:static"], "net_str").read(
        [path]
    )
    assert len(table.genotypes) == 9_445
    parameters = table.columns["parameters"]
    assert (parameters.values.max(), parameters.metric.units) == (1_531_546, "count")


@pytest.mark.parametrize(
    ("column", "cell", "told"),
    [
        ("test_accuracy=x", "101", "row 2, column 'x': 101 is not a percentage from 0 to 100"),
        ("flops=x", "1.5", "1.5 is not a count"),
        ("latency=x:static", "-1", "-1 is not an amount of milliseconds; say with --missing"),
    ],
)
def test_numbers_that_their_units_forbid_are_refused(tmp_path: Path, column: str, cell: str, told: str) -> None:
    path = write(tmp_path, f"arch,x\n{CONV},1\n{NONE},{cell}\n")
    with pytest.raises(InputError, match=f"{told}"):
        read(path, column)
    assert len(read(path, column, lenient=True).genotypes) == 1


def test_a_seed_that_floating_point_would_round_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, f"arch,acc,seed\n{CONV},91,{2**53 + 1}\n")
    with pytest.raises(InputError, match="is not a whole number"):
        read(path, seed_column="seed")

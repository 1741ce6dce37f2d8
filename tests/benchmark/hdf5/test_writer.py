import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5 import attributes, walk, writer
from nasbench.benchmark.hdf5.verify import verify
from nasbench.benchmark.load import load
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.spaces import spaces


def assert_same(a: Table, b: Table) -> None:
    assert type(a.space) is type(b.space)
    assert a.genotypes.dtype == b.genotypes.dtype
    np.testing.assert_array_equal(a.genotypes, b.genotypes)
    assert (a.seeds, dict(a.epochs)) == (b.seeds, dict(b.epochs))
    assert (dict(a.recipe), dict(a.provenance)) == (dict(b.recipe), dict(b.provenance))
    assert a.columns.keys() == b.columns.keys()
    for path, column in a.columns.items():
        assert column.metric == b.columns[path].metric
        np.testing.assert_array_equal(column.values, b.columns[path].values)
        np.testing.assert_array_equal(column.missing, b.columns[path].missing)
        assert column.reasons == b.columns[path].reasons


# --- round trip -----------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(table: Table, file: Path) -> None:
    assert_same(hdf5.read(file), table)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    space = spaces.create(draw(st.sampled_from(["nb201", "nb101"])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    genotypes = np.unique(space.sample(draw(st.integers(1, 30)), rng), axis=0)
    seeds = tuple(draw(st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, max_size=3)))
    names = st.text(st.characters(exclude_characters="/", categories=["L", "N", "P"]), min_size=1, max_size=8)
    names = names.filter(lambda name: name not in (".", "..", "epoch"))
    datasets = draw(st.lists(names, unique=True, max_size=2))
    epochs = {dataset: tuple(sorted(draw(st.sets(st.integers(0, 300), max_size=3)))) for dataset in datasets}
    columns = {}
    for dataset in datasets:
        for name in draw(st.lists(names, unique=True, max_size=3)):
            depth = draw(st.integers(1, 1 + bool(seeds) + bool(seeds and epochs[dataset])))
            shape = (len(genotypes), len(seeds), len(epochs[dataset]))[:depth]
            missing = (rng.random(shape) < draw(st.sampled_from([0, 0.3, 1]))).astype(np.uint8)
            values = np.where(missing, np.nan, rng.normal(size=shape) * 10.0 ** draw(st.integers(-300, 300)))
            metric = Metric(
                dataset,
                name,
                draw(st.sampled_from(["train", "validation", "test", "none"])),
                draw(names),
                draw(st.sampled_from(["maximise", "minimise", "none"])),
                DIMS[:depth],
                draw(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=20)),
            )
            reasons = tuple(draw(st.lists(names, min_size=1, max_size=3))) if missing.any() else ()
            columns[metric.path] = Column(metric, values, missing, reasons)
    recipe = draw(st.dictionaries(names, st.recursive(st.none() | st.booleans() | st.integers() | names, st.lists)))
    kept = {dataset: numbers for dataset, numbers in epochs.items() if numbers}
    return Table(space, genotypes, seeds, kept, columns, recipe, {"python": "3"})


@settings(max_examples=25, deadline=None)
@given(table=tables())
def test_any_table_survives_and_equal_tables_are_equal_bytes(
    tmp_path_factory: pytest.TempPathFactory, table: Table
) -> None:
    folder = tmp_path_factory.mktemp("round")
    hdf5.write(table, folder / "a.h5")
    found = hdf5.read(folder / "a.h5")
    assert_same(found, table)
    hdf5.write(found, folder / "b.h5")
    assert (folder / "a.h5").read_bytes() == (folder / "b.h5").read_bytes()


def test_the_schema_for_others(file: Path) -> None:
    with h5py.File(file) as content:
        assert content.attrs["format"] == b"nasbench"
        assert json.loads(content.attrs["recipe"].decode())["name"] == "Löwe"
        values = content["metrics/digits/validation_accuracy"]
        assert (values.dtype, values.shape, values.compression, values.shuffle) == (np.int16, (4, 2, 3), "gzip", True)
        assert (values[0, 0, 2], values.attrs["scale_factor"]) == (905, 0.1)
        assert values[3, 0, 2] == values.attrs["_FillValue"] == -(2**15)
        assert [dim[0].name for dim in values.dims] == ["/architecture", "/seed", "/metrics/digits/epoch"]
        assert (values.attrs["units"], values.attrs["direction"]) == (b"percent", b"maximise")
        assert content["missing/digits/validation_accuracy"][3].tolist() == [[0, 0, 1], [0, 2, 2]]
        assert "parameters" not in content["missing"]
        assert content["missing/digits/validation_accuracy"].attrs["reasons"][0] == b"diverged at epoch 2"


def test_no_pickle_in_a_file(file: Path) -> None:
    with h5py.File(file) as content:
        found: list[Any] = []
        content.visititems(lambda name, thing: found.append(thing) if isinstance(thing, h5py.Dataset) else None)
        assert {dataset.dtype.kind for dataset in found} <= set("iuf")


# --- files that are not what they should be -------------------------------------------------------------------------


def ask_everything(path: Path) -> None:
    benchmark = load(path)
    for metric in benchmark.metrics:
        for row in benchmark.architectures():
            benchmark.query(row, metric)


def refused(path: Path, message: str) -> None:
    for open_it in (hdf5.read, ask_everything):
        with pytest.raises(FileError, match=message) as caught:
            open_it(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        hdf5.read(tmp_path / "none.h5")
    refused(tmp_path, "Is a directory")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a,b\n1,2\n", b"\x89HDF"])
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.h5").write_bytes(content)
    refused(tmp_path / "other.h5", "not an HDF5 file; pass what nasbench build")


def test_hdf5_of_another_program(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as content:
        content["x"] = [1, 2, 3]
    refused(tmp_path / "other.h5", "is not a nasbench benchmark")


def test_a_truncated_file(file: Path) -> None:
    whole = file.read_bytes()
    for size in [8, 9, 96, 100, *range(1000, len(whole), 997), len(whole) - 1]:
        file.write_bytes(whole[:size])
        refused(file, "damaged")


def test_flipped_bytes_never_leave_a_traceback(file: Path) -> None:
    """Damage to the superblock or the attributes raises an error of ours, or none."""
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(8, len(whole), 60).tolist():
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            hdf5.read(file)
        except NasbenchError as error:
            assert "\n" not in str(error)


def _drop(path: str) -> Callable[[Any], None]:
    def edit(content: Any) -> None:
        del content[path]

    return edit


def _attribute(path: str, name: str, value: Any) -> Callable[[Any], None]:
    def edit(content: Any) -> None:
        if value is None:
            del content[path].attrs[name]
        else:
            attributes.put(content[path], name, value)

    return edit


def _replace(path: str, **new: Any) -> Callable[[Any], None]:
    def edit(content: Any) -> None:
        attributes = dict(content[path].attrs)
        del content[path]
        dataset = content.create_dataset(path, **new)
        for name, value in attributes.items():
            if name not in writer.UNSIGNED_ATTRIBUTES:
                dataset.attrs[name] = value  # bytes of fixed length

    return edit


def _external(content: Any) -> None:
    del content["genotypes"]
    content["genotypes"] = h5py.ExternalLink("/etc/passwd", "/genotypes")


def _outside(content: Any) -> None:
    del content["genotypes"]
    content.create_dataset("genotypes", (4, 6), "i1", external=[("/etc/passwd", 0, 24)])


BOMB = {"shape": (2**40, 6), "dtype": "i1", "chunks": (2**12, 6), "compression": "gzip"}
TEST = "metrics/digits/test_accuracy"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_attribute("/", "schema_version", 2), "schema version 2, this nasbench reads 1"),
        (_attribute("/", "schema_version", [1, 1]), "schema version"),
        (_attribute("/", "format", [1, 2]), "is not a nasbench benchmark"),
        (_attribute("/", "kind", "other"), "'kind' is one of tabular, surrogate"),
        (_attribute("/", "kind", None), "attribute 'kind' is text, got NoneType"),
        (_attribute("/", "space", "nb202"), "unknown space 'nb202': did you mean 'nb201'"),
        (_attribute("/", "space", 5), "attribute 'space' is text"),
        (_attribute("/", "space_settings", '{"x": 1}'), "unexpected keyword argument 'x'"),
        (_attribute("/", "recipe", "{"), "attribute 'recipe' is a JSON object"),
        (_attribute("/", "recipe", "[" * 100_000), "attribute 'recipe' is a JSON object"),
        (_attribute("/", "recipe", "[1]"), "JSON object, got list"),
        (_drop("genotypes"), "/genotypes: is missing"),
        (_drop("metrics"), "/metrics: is missing"),
        (_drop("seed"), "has the axis 'seed', along which the file has nothing"),
        (_drop("metrics/digits/epoch"), "has the axis 'epoch', along which the file has nothing"),
        (_replace("genotypes", data=np.zeros((4, 7), dtype=np.int8)), r"has shape \(any, 6\), got \(4, 7\)"),
        (_replace("genotypes", data=np.zeros((4, 6))), "holds int8, got float64"),
        (_replace("genotypes", data=np.full((4, 6), 7, dtype=np.int8)), "position 0 is 7, allowed are 0 to 4"),
        (_replace("genotypes", data="text"), "holds int8, got object"),
        (_replace("genotypes", data=h5py.Empty("i1")), "is an array"),
        (_replace("genotypes", **BOMB), r"declares 52,776,558,133,248 bytes, more than a file of this size"),
        (_replace("metrics/digits/epoch", data=np.array([1, 12, 4])), "increasing"),
        (_replace(TEST, data=np.zeros((4, 2))), r"has shape \(4, 2, 3\), got \(4, 2\)"),
        (_replace(TEST, data=np.zeros((4, 2, 3), dtype=np.float32)), "holds float64 or int16 or int32, got float32"),
        (_attribute(TEST, "scale_factor", 0.3), "'scale_factor' is 1, 0.1, ... or 1e-6"),
        (_attribute(TEST, "scale_factor", None), "'scale_factor' is 1, 0.1, ... or 1e-6"),
        (_replace(TEST, data=np.zeros((4, 2, 3))), "NaN exactly where missing says why"),
        (_attribute(TEST, "split", "val"), "split of 'digits/test_accuracy' is one of"),
        (_attribute(TEST, "units", None), "attribute 'units' is text"),
        (_attribute(TEST, "dims", "architecture"), "'dims' is a list of texts, got str"),
        (_attribute(TEST, "dims", ["seed"]), "dims of 'digits/test_accuracy' is one of"),
        (_drop("missing/digits/test_accuracy"), "NaN exactly where missing says why"),
        (_attribute("missing/digits/test_accuracy", "reasons", None), "'reasons' is a list of texts"),
        (_external, "/genotypes: is missing"),
        (_outside, "lies in this file"),
    ],
)
def test_missing_mistyped_or_malicious_parts(file: Path, edit: Callable[[Any], None], message: str) -> None:
    with h5py.File(file, "r+") as content:
        edit(content)
    refused(file, message)


def _nested(content: Any) -> None:
    content.create_group("/".join(["metrics", *"g" * 3000]))


def _crowd(content: Any) -> None:
    for number in range(30):
        content[f"metrics/m{number}"] = number


def _unwritten(path: str, *shape: int, dtype: str = "i8") -> Callable[[Any], None]:
    """Edit that declares an array none of whose chunks is stored."""
    return _replace(path, shape=shape, dtype=dtype, chunks=(2**12, *shape[1:]), compression="gzip")


MEMORY = 2**24
"""Bytes that the refusal of a small file may take; each of these asks for far more."""


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_unwritten("seed", 10**8), "/seed: declares 6,400,000,000 bytes, more than"),
        (_unwritten("seed", 10**7), "/seed: declares 80,000,000 bytes, but the file holds 0 for them"),
        (_unwritten("seed", 10**6 + 1), "/seed: has 1,000,001 numbers, at most 1,000,000"),
        (_unwritten("metrics/digits/epoch", 10**8), "epoch: declares 6,400,000,000 bytes"),
        (_unwritten("genotypes", 170 * 10**6, 6, dtype="i1"), "/genotypes: declares 8,160,000,000 bytes"),
        (_unwritten("genotypes", 10**7, 6, dtype="i1"), "/genotypes: declares 60,000,000 bytes, but the file"),
        (_attribute(TEST, "dims", ["a"] * 70_000), r"attribute 'dims' has 70,000 bytes of shape \(70000,\)"),
        (_nested, "holds more than 20 objects, or groups more than 16 deep"),
        (_crowd, "holds more than 20 objects"),
    ],
)
def test_small_files_that_declare_much(
    file: Path, edit: Callable[[Any], None], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with h5py.File(file, "r+", libver=("v110", "v110")) as content:
        edit(content)
    if "20 objects" in message:
        monkeypatch.setattr(walk, "MAX_OBJECTS", 20)
    tracemalloc.start()
    refused(file, message)
    with suppress(FileError):
        verify(file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEMORY


def test_messages_quote_foreign_content_in_brief(file: Path) -> None:
    with h5py.File(file, "r+") as content:
        del content["seed"]
        content["seed"] = np.zeros(10**5, dtype=np.int64)
        attributes.put(content, "kind", "\x1b[2J" * 10**5)
    with pytest.raises(FileError) as caught:
        hdf5.read(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000
    with h5py.File(file, "r+") as content:
        attributes.put(content, "kind", "tabular")
    with pytest.raises(FileError, match=r"seeds are different, got .*100,000 values") as caught:
        hdf5.read(file)
    assert len(str(caught.value)) < 1000


def test_texts_of_a_file_that_do_not_print_are_escaped(file: Path, tmp_path: Path) -> None:
    with h5py.File(file, "r+") as content:
        for name in ("units", "description"):
            attributes.put(content[TEST], name, "per\x1b[2Jcent")
        attributes.put(content[f"missing/{TEST.removeprefix('metrics/')}"], "reasons", ["\x07", "b", "c"])
        attributes.put(content, "recipe", '{"a\\u001b": ["\\u001b[2J", 1, "two\\nlines"], "b": "\x7f"}')
        attributes.put(content, "provenance", json.dumps({"a": "\u202e"}, ensure_ascii=False))
    table = hdf5.read(file)
    column = table.columns["digits/test_accuracy"]
    assert (column.metric.units, column.metric.description) == (r"per\x1b[2Jcent",) * 2
    assert column.reasons == (r"\x07", "b", "c")
    assert table.recipe == {r"a\x1b": [r"\x1b[2J", 1, "two\nlines"], "b": r"\x7f"}
    assert table.provenance == {"a": r"\u202e"}
    hdf5.write(table, tmp_path / "again.h5")


def test_a_text_in_the_heap_is_refused_unread(file: Path) -> None:
    """A wrong length there makes the HDF5 library search forever."""
    with h5py.File(file, "r+") as content:
        content["metrics/parameters"].attrs["units"] = "a" * 50
    at = (image := bytearray(file.read_bytes())).rfind(b"a" * 50)
    image[at - 8 : at] = bytes(8)  # the length
    file.write_bytes(image)
    refused(file, "attribute 'units' is no number and no text of fixed length")
    assert "no text of fixed length" in " ".join(verify(file))


def test_a_file_does_not_get_code_imported(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.py").write_text("from nasbench.spaces.nb201 import NB201\nclass Mine(NB201): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with h5py.File(file, "r+") as content:
        attributes.put(content, "space", "elsewhere:Mine")
    with pytest.raises(
        FileError, match="if you trust the module 'elsewhere', import it first or set NASBENCH_TRUSTED_MODULES=else"
    ):
        hdf5.read(file)
    assert "elsewhere" not in sys.modules
    monkeypatch.setenv("NASBENCH_TRUSTED_MODULES", "other,elsewhere")
    table = hdf5.read(file)
    assert type(table.space).__name__ == "Mine"
    hdf5.write(table, tmp_path / "again.h5")
    monkeypatch.delenv("NASBENCH_TRUSTED_MODULES")
    assert type(hdf5.read(tmp_path / "again.h5").space) is type(table.space)  # imported by now
    monkeypatch.delitem(sys.modules, "elsewhere")


# --- writing that fails ---------------------------------------------------------------------------------------------


def test_unwritable_output(table: Table, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot write .*nowhere.*: No such file or directory; nothing was written"):
        hdf5.write(table, tmp_path / "nowhere" / "table.h5")
    with pytest.raises(FileError, match="cannot write"):
        hdf5.write(table, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_is_no_json(table: Table, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the recipe cannot be stored"):
        hdf5.write(replace(table, recipe={"x": {1, 2}}), tmp_path / "table.h5")
    with pytest.raises(InputError, match="the recipe cannot be stored"):
        hdf5.write(replace(table, recipe={"x": float("nan")}), tmp_path / "table.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs RLIMIT_FSIZE")
def test_full_disk_leaves_the_old_file(table: Table, file: Path) -> None:
    before = file.read_bytes()
    code = (
        "import resource, sys, numpy as np; from pathlib import Path; from nasbench.benchmark import hdf5\n"
        "from nasbench.errors import FileError\n"
        "table = hdf5.read(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: hdf5.write(table, Path(sys.argv[1]))\n"
        "except FileError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert run.stdout == f"cannot write {file}: File too large; nothing was written\n"
    assert run.stderr == ""
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]

"""Files of rows as text: short rows and missing columns."""

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import FileError
from nasbench.importers.formats.frames import read_frame

FIELDS = st.text('ab,"\n ;', max_size=4)


def quoted(rows: list[list[str]]) -> str:
    return "".join(",".join('"' + field.replace('"', '""') + '"' for field in row) + "\n" for row in rows)


def test_an_empty_field_is_empty_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('\ufeffa,b,c\n1,,\n\n   \n"x,\n,y",2,\n')
    assert read_frame(path, ["a", "c"]).to_numpy().tolist() == [["1", ""], ["x,\n,y", ""]]


@pytest.mark.parametrize("separator", [",", "\t"], ids=["csv", "tsv"])
@pytest.mark.parametrize(
    ("last", "told"), [("5", "1 field"), ("5;", "2 fields"), ("5;6", "2 fields"), ('"5;\n";6', "2 fields")]
)
def test_a_row_with_fewer_fields_than_the_header_is_refused(
    separator: str, last: str, told: str, tmp_path: Path
) -> None:
    path = tmp_path / ("t.csv" if separator == "," else "t.tsv")
    path.write_text(f"a;b;c\n1;2;3\n\n4;;\n{last}".replace(";", separator))
    with pytest.raises(
        FileError, match=rf"^{path.name}, row 3 has {told} between {re.escape(repr(separator))}, expected 3$"
    ):
        read_frame(path, ["a"])
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(FileError, match="row 3 has"):
        read_frame(packed, ["a"])


@given(rows=st.lists(st.lists(FIELDS, min_size=3, max_size=3), min_size=1, max_size=6), data=st.data())
def test_whole_rows_are_read_and_short_ones_refused(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    path.write_text(quoted([["a", "b", "c"], *rows]), newline="")
    assert read_frame(path, ["a", "b", "c"]).to_numpy().tolist() == rows
    short = data.draw(st.integers(0, len(rows) - 1))
    fields = 2
    path.write_text(quoted([["a", "b", "c"], *rows[:short], rows[short][:fields], *rows[short + 1 :]]), newline="")
    with pytest.raises(FileError, match=rf"row {short + 1} has {fields} fields between ',', expected 3"):
        read_frame(path, ["a"])


def test_an_unknown_column_is_told_some_of_those_that_there_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match=r"t.csv has no column 'x'; its columns are 'a', 'b'$"):
        read_frame(path, ["x"])
    names = [f"c{number}" for number in range(1_030)]
    path.write_text(",".join(names) + "\n" + ",".join("1" * len(names)) + "\n")
    with pytest.raises(FileError, match=r"are 'c0', .*'c19' and 1,010 more$"):
        read_frame(path, ["x"])


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_too_many_columns_are_refused_before_they_are_read(name: str, tmp_path: Path) -> None:
    path, names = tmp_path / name, [f"c{number}" for number in range(100_000)]
    table = ",".join(names) + "\n" + ",".join("1" * len(names)) + "\n"
    path.write_text(table if name == "t.csv" else "\n".join(f'{{"{name}": 1}}' for name in names))
    tracemalloc.start()
    with pytest.raises(
        FileError, match=r" has more than 20,000 columns, the most that are read; keep those that you need$"
    ):
        read_frame(path, ["c0"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26


def test_only_the_named_columns_of_lines_of_json_take_memory(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(f'{{"a": {number}, "c{number}": 1}}' for number in range(5_000)))
    tracemalloc.start()
    assert read_frame(path, ["a"])["a"].tolist() == [str(number) for number in range(5_000)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**25  # all columns would take 200 MB
    with pytest.raises(FileError, match=r"has no column 'x'; its columns are 'a', 'c0', .* and 4,981 more"):
        read_frame(path, ["x"])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("t.csv", "a,b\n1,2\n", ""),
        ("t.csv", "a;b\n1;2\n", "fields between ';'"),
        ("t.csv", "a\tb\n1\t2\n", "fields between '\\t'"),
        ("t.tsv", "a,b\n1,2\n", "fields between ','"),
        ("t.csv", "# made by a tool, with a; b\n#\na,b\n1,2\n", "header below 2 lines of comments"),
        ("t.csv", "\ufeff# made\na;b\n1;2\n", "fields between ';', header below 1 line of comments"),
        ("t.csv", '"a";"b"\n"1";2\n', "fields between ';'"),
    ],
)
def test_other_separators_and_comments_are_recognised_by_the_columns(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    frame = read_frame(path, ["a", "b"])
    assert frame.to_numpy().tolist() == [["1", "2"]] and frame.attrs["read_as"] == told


def test_a_header_may_begin_with_a_hash_if_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("#a,b\n#1,2\n")
    assert read_frame(path, ["#a"]).to_numpy().tolist() == [["#1"]]
    path.write_text("#a,b\n" * 50_000)  # comments alone, read once
    with pytest.raises(FileError, match="cannot be read as csv"):
        read_frame(path, ["a"])


def test_a_row_with_more_fields_than_the_header_is_refused_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1;2\n3;4;5\n")
    with pytest.raises(FileError, match=r"^t.csv, row 2 has 3 fields between ';', expected 2$"):
        read_frame(path, ["a"])


def test_a_name_twice_in_a_line_of_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": 1}\n{"a": 1, "a": 2}\n')
    with pytest.raises(FileError, match="line 2: a name occurs twice in one object"):
        read_frame(path, ["a"])


def test_parquet_is_text_as_csv_is(tmp_path: Path) -> None:
    """Integers stay whole where others are missing; lists are JSON; a file of another writer may have no pandas."""
    path = tmp_path / "t.parquet"
    columns = {"a": [1, None, 3], "b": ["x", None, "z"], "c": [[1, 2], None, []], "d": [0.5, 1e300, None], "e": [0] * 3}
    pq.write_table(pa.table(columns), path)
    frame = read_frame(path, ["b", "a", "c", "d"])
    assert frame.to_dict("list") == {
        "b": ["x", "", "z"], "a": ["1", "", "3"], "c": ["[1, 2]", "", "[]"], "d": ["0.5", "1e+300", ""],
    }  # fmt: skip
    assert frame.index.tolist() == [1, 2, 3]
    with pytest.raises(FileError, match=r"has no column 'x'; its columns are 'a', 'b', 'c', 'd', 'e'$"):
        read_frame(path, ["a", "x"])


@pytest.mark.parametrize("bomb", ["columns", "rows", "values of lists", "long texts", "lists of long texts"])
def test_bombs_of_parquet_are_refused_in_little_memory(bomb: str, tmp_path: Path) -> None:
    """Values that repeat take no space in a file, so small ones may hold any number of them."""
    path, expected = tmp_path / "t.parquet", "unpacks to more than 268,435,456 bytes; keep the columns and rows"
    with pq.ParquetWriter(path, _schema(bomb), compression="zstd") as writer:
        if bomb == "columns":
            writer.write_table(pa.table([pa.array([1.0])] * 30_000, schema=_schema(bomb)))
            expected = "has more than 20,000 columns"
        elif bomb == "rows":
            for _ in range(40):
                writer.write_table(pa.table([pa.array(np.zeros(10**6))], schema=_schema(bomb)))
        elif bomb == "values of lists":
            offsets = np.array([0, 10**6], dtype=np.int32)
            for _ in range(40):
                lists = pa.ListArray.from_arrays(offsets, pa.array(np.zeros(10**6)))
                writer.write_table(pa.table([lists], schema=_schema(bomb)))
        else:
            texts = pa.DictionaryArray.from_arrays(np.zeros(1000, dtype=np.int32), pa.array(["x" * 10**6]))
            if bomb.startswith("lists"):
                texts = pa.ListArray.from_arrays([0, 1000], texts)
            writer.write_table(pa.table([texts], schema=_schema(bomb)))
    assert path.stat().st_size < 2**24
    allocated = pa.total_allocated_bytes()
    tracemalloc.start()
    with pytest.raises(FileError, match=expected):
        read_frame(path, ["c0"])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**26 and pa.total_allocated_bytes() - allocated < 2**26


def _schema(bomb: str) -> pa.Schema:
    text = pa.dictionary(pa.int32(), pa.string())
    kinds = {"values of lists": pa.list_(pa.float64()), "long texts": text, "lists of long texts": pa.list_(text)}
    count = 30_000 if bomb == "columns" else 1
    return pa.schema([(f"c{number}", kinds.get(bomb, pa.float64())) for number in range(count)])


def test_a_long_line_of_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"a": [' + "[]," * 6 * 10**6 + "[]]}\n")
    with pytest.raises(FileError, match=r"line 1 has 18,000,0.. bytes, at most 16,777,216 are read"):
        read_frame(path, ["a"])

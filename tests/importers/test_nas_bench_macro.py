"""NAS-Bench-Macro: the published facts, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers.nas_bench_macro import NASBenchMacro

FILE = Path(__file__).parents[2] / "../shared/tables/nas_bench_macro/raw/nas-bench-macro_cifar10.json"
RECORD = {"test_acc": [90.0, 91.0, 92.0], "params": 5, "flops": 7}


def test_trainings_are_seeds(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"00000012": RECORD}))
    table = NASBenchMacro().read([path])
    assert table.seeds == (0, 1, 2)
    assert table.columns["cifar10/test_accuracy"].values.tolist() == [[90, 91, 92]]
    assert [table.columns[name].values.tolist() for name in ("parameters", "flops")] == [[5], [7]]


@given(at=st.integers(0, 80), put=st.binary(max_size=6))
@settings(max_examples=150)
def test_mutated_bytes_are_a_table_or_one_line(tmp_path_factory: pytest.TempPathFactory, at: int, put: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "t.json"
    content = json.dumps({"00000012": RECORD}).encode()
    path.write_bytes(content[:at] + put + content[at + len(put) :])
    try:
        NASBenchMacro().read([path])
    except NasbenchError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{", FileError, "cannot be read as json"),
        ("[]", FileError, "not a JSON object"),
        ('{"00000012": {}, "00000012": {}}', FileError, "a name occurs twice"),
        (json.dumps({"0000001": RECORD}), InputError, "eight digits"),
        (json.dumps({"00000012": {**RECORD, "test_acc": [1.0]}}), FileError, "has 1 accuracies"),
        (json.dumps({"00000012": {**RECORD, "flops": float("nan")}}), InputError, "not a finite number"),
    ],
)
def test_bad_input_is_named(tmp_path: Path, content: str, error: type[Exception], message: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(error, match=message):
        NASBenchMacro().read([path])


@pytest.mark.skipif(not FILE.exists(), reason="the published table is not here")
def test_published_facts() -> None:
    table = NASBenchMacro().read([FILE])
    mean = table.columns["cifar10/test_accuracy"].values.mean(axis=1)
    assert len(mean) == 6_561
    best = {"".join(map(str, row)) for row in table.genotypes[np.isclose(mean, mean.max(), rtol=0, atol=1e-9)].tolist()}
    assert best == {"22212220", "22212202"}
    np.testing.assert_allclose([mean.max(), mean.min(), mean.mean()], [93.12666, 45.363, 90.247], atol=1e-3)
    parameters = table.columns["parameters"].values
    assert (parameters.min(), parameters.max()) == (387_882, 2_932_586)

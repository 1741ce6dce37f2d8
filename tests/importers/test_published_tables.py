"""Published facts hold for the imported tables; `benchmarks/tables.py` has the facts."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nasbench.benchmark import hdf5
from nasbench.benchmark.hdf5.verify import verify

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "tables.py"
SHARED = Path(__file__).parents[2] / "../shared/tables"
LONG = ("nas_bench_graph", "analog_nasbench", "nb201_joined", "nats_size")
"""Tables that take seconds; `nats_topology` also tests the importer of the last."""


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("published_tables", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


TABLES = script()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in TABLES.TABLES]
)
def test_published_facts_hold(name: str, tmp_path: Path) -> None:
    entry = TABLES.TABLES[name]
    reason = entry.absent(SHARED)
    if reason:
        pytest.skip(reason)
    table = entry.read(entry.paths(SHARED))
    facts = entry.facts(table)
    assert facts
    assert [fact for fact in facts if not fact.holds] == []
    hdf5.write(table, tmp_path / "t.h5")
    assert verify(tmp_path / "t.h5") == []


def test_every_importer_of_a_table_at_hand_is_here() -> None:
    sources = {entry.source for entry in TABLES.TABLES.values()} - {"merge"}
    elsewhere = {"nasbench101", "nasbench201", "nasbench301", "transnas101", "nas-bench-nlp"}
    assert sources | elsewhere >= set(TABLES.importers)


def test_a_fact_holds_to_half_of_its_last_digit() -> None:
    assert TABLES.Fact("", 93.13, 93.12666, 5e-3).holds
    assert not TABLES.Fact("", 93.13, 93.12666).holds
    assert TABLES.Fact("", (1.0, 2.0), np.array([1.0, 2.4]), 0.5).holds
    assert not TABLES.Fact("", (1.0, 2.0), [1.0, 2.6], 0.5).holds
    assert not TABLES.Fact("", (1.0, 2.0), 1.0, 0.5).holds
    assert not TABLES.Fact("", 1.0, float("nan"), 0.5).holds
    assert not TABLES.Fact("", ("a",), ("b",)).holds


def test_the_script_says_what_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "nas_bench_macro/raw/nas-bench-macro_cifar10.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"22212220": {"test_acc": [93.0, 93.5, 94.0], "params": 10, "flops": 20}}')
    common = ["tables.py", "--out", str(tmp_path / "out"), "--tables", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*common, "--only", "nas_bench_macro,hat_latency"])
    with pytest.raises(SystemExit) as done:
        TABLES.main()
    assert done.value.code == 1
    shown = capsys.readouterr().out
    assert "networks: published 6561, imported 1" in shown
    assert "hat_latency         not imported:" in shown
    assert "4 facts do not hold" in shown
    assert (tmp_path / "out/nas_bench_macro.h5").exists()
    monkeypatch.setattr(sys, "argv", [*common, "--only", "hat_latency"])
    with pytest.raises(SystemExit) as done:
        TABLES.main()
    assert done.value.code == 0
    monkeypatch.setattr(sys, "argv", [*common, "--only", "hut"])
    with pytest.raises(SystemExit) as done:
        TABLES.main()
    assert done.value.code == 2

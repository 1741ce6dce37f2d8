"""NATS-Bench and NAS-Bench-201: small files of the same layout written here, damaged ones, and published records."""

import bz2
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmark.table import Table
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.importers import importers
from nasbench.importers.formats.pickle import TORCH_MAGIC
from nasbench.importers.nasbench201 import NASBench201
from nasbench.importers.nats_bench import NATSBench

SHARED = Path(__file__).parents[2] / "../shared/tables/nats_bench_sample"
FIRST = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published records are not here")


def training(epochs: int = 12, **changes: Any) -> dict[str, Any]:
    """One training on cifar100: `ori-test` at every epoch, `x-valid` and `x-test` at the last."""
    evaluations = {f"ori-test@{epoch}": 10.0 + epoch for epoch in range(epochs)}
    evaluations |= {f"x-valid@{epochs - 1}": 30.0, f"x-test@{epochs - 1}": 40.0}
    return {
        "train_acc1es": {epoch: 5.0 + epoch for epoch in range(epochs)},
        "train_losses": dict.fromkeys(range(epochs), 1.0),
        "train_times": dict.fromkeys(range(epochs), 2.0),
        "params": np.float64(0.135156),
        "flop": 15.65322,
        "epochs": epochs,
        "latency": [np.float64(0.01), 0.02],
        "eval_acc1es": evaluations,
        "eval_losses": dict.fromkeys(evaluations, 0.5),
        "eval_times": {f"x-valid@{epoch}": 0.25 for epoch in range(epochs)},
        "net_state_dict": None,
    } | changes


def record(index: int = 0, seeds: tuple[int, ...] = (111,), **changes: Any) -> dict[str, Any]:
    results = {("cifar100", seed): training(**changes) for seed in seeds}
    return {"arch_index": index, "arch_str": FIRST, "all_results": results}


def folder_of(folder: Path, content: Any, name: str = "000000.pickle.pbz2") -> Path:
    (folder / name).write_bytes(bz2.compress(pickle.dumps(content, 4)))
    return folder


def values(table: Table, name: str) -> Any:
    return table.columns[name].values


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_training_by_hand(tmp_path: Path) -> None:
    table = NATSBench().read([folder_of(tmp_path, {"12": record(seeds=(777, 111))})])
    assert (table.seeds, dict(table.epochs)) == ((111, 777), {"cifar100@12": tuple(range(1, 13))})
    mixed = table.columns["cifar100@12/validation_and_test_accuracy"]
    assert mixed.values[0, 0].tolist() == [10.0 + epoch for epoch in range(12)]
    assert mixed.metric.split == "none"
    test = table.columns["cifar100@12/test_accuracy"]
    assert test.metric.split == "test"
    assert (test.values[0, 0, -1], test.missing[0, 0].tolist()) == (40, [1] * 11 + [0])
    assert test.reasons == ("the source does not record it at this epoch",)
    assert values(table, "cifar100@12/validation_accuracy")[0, 1, -1] == 30
    assert values(table, "cifar100@12/train_seconds")[0, 0].tolist() == [2.0 * k for k in range(1, 13)]
    assert values(table, "cifar100@12/validation_seconds").tolist() == [[0.25, 0.25]]
    np.testing.assert_allclose(values(table, "cifar100@12/latency"), [[15, 15]])
    assert values(table, "cifar100@12/parameters").tolist() == [135156]
    assert values(table, "cifar100@12/flops").tolist() == [15653220]


def test_one_schedule_has_plain_names_and_sparse_seeds_are_missing(tmp_path: Path) -> None:
    path = folder_of(tmp_path, {"12": record(), "200": record(seeds=(888,), epochs=200)})
    assert list(NATSBench(schedule="12").read([path]).epochs) == ["cifar100"]
    column = NATSBench().read([path]).columns["cifar100@12/train_accuracy"]
    assert column.missing[0].tolist() == [[0] * 12, [1] * 12]
    assert column.reasons == ("the source has no training with this seed",)
    with pytest.raises(FileError, match="none of the requested trainings"):
        NATSBench(dataset=("cifar10",)).read([path])


def test_what_is_not_finite_or_not_measured_is_missing(tmp_path: Path) -> None:
    losses = dict.fromkeys(range(12), 1.0) | {3: float("nan"), 4: float("inf")}
    content = {"12": record(train_losses=losses, latency=[-1.0], train_times=None)}
    table = NATSBench().read([folder_of(tmp_path, content)])
    loss = table.columns["cifar100@12/train_loss"]
    assert loss.missing[0, 0].tolist() == [0, 0, 0, 1, 1, *[0] * 7]
    assert loss.reasons == ("the source has no finite number",)
    assert "cifar100@12/latency" not in table.columns
    assert "cifar100@12/train_seconds" not in table.columns


@pytest.mark.parametrize("names", [("less", "full"), ("12", "200")])
def test_files_of_all_architectures(tmp_path: Path, names: tuple[str, str]) -> None:
    info = {names[0]: record(), names[1]: record(epochs=200)}
    content = {"meta_archs": [FIRST], "arch2infos": {0: info}, "evaluated_indexes": {0}}
    parts: tuple[Any, ...] = (TORCH_MAGIC, 1001, {"little_endian": True}, content, [])
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    table = NASBench201().read([path])
    assert list(table.epochs) == ["cifar100@12", "cifar100@200"]
    assert table.recipe["source"]["importer"] == "nasbench201"
    single = tmp_path / "archive"
    single.mkdir()
    (single / "000000-FULL.pth").write_bytes(pickle.dumps(info, 2))
    again = NASBench201().read([single])
    assert list(again.columns) == list(table.columns)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "expected a dictionary of schedules"),
        ({"13": record()}, "unknown schedule '13'"),
        ({"12": record(index=1)}, "a record is not of architecture 0"),
        ({"12": record() | {"arch_str": FIRST.replace("avg_pool", "max_pool")}}, "unknown operation 'max_pool_3x3'"),
        ({"12": record() | {"arch_str": "8:8:8:8:16"}}, "is not the architecture with number 0"),
        ({"12": record() | {"all_results": {("svhn", 111): training()}}}, "is not a known data set and seed"),
        ({"12": record(seeds=(5,))}, "is not a known data set and seed"),
        ({"12": record(epochs=200)}, "schedule 12, cifar100, seed 111: expected a training of 12 epochs"),
        ({"12": record(train_acc1es={12: 1.0})}, "train_acc1es has the epoch 12, expected 0 to 11"),
        ({"12": record(train_acc1es={0: "1"})}, "train_acc1es has '1', expected a number"),
        ({"12": record(eval_acc1es={"x-test": 1.0})}, "eval_acc1es has the key 'x-test'"),
        ({"12": record(params=float("nan"))}, "parameters is nan"),
        ({"12": record(), "200": record(epochs=200) | {"arch_str": "|"}}, "a record is not of architecture 0"),
        ({"12": Path("x")}, "it asks for 'pathlib"),
    ],
)
def test_bad_records(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(FileError, match=f"000000.pickle.pbz2.*{message}"):
        NATSBench().read([folder_of(tmp_path, content)])


def test_bad_paths_and_settings(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no file or folder"):
        NATSBench().read([tmp_path / "absent"])
    with pytest.raises(FileError, match="has no file like"):
        NATSBench().read([tmp_path])
    with pytest.raises(InputError, match="unknown schedule '5'"):
        NATSBench(schedule="5").read([tmp_path])
    with pytest.raises(InputError, match="unknown data set 'svhn'"):
        NATSBench(dataset=("svhn",)).read([tmp_path])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_bytes_are_read_or_refused(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = bytearray(pickle.dumps({"12": record()}, 4))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("mutated")
    (folder / "000000.pickle").write_bytes(content)
    try:
        NATSBench().read([folder])
    except NasbenchError as error:
        assert "\n" not in str(error)


# --- published records ----------------------------------------------------------------------------------------------


@needs_shared
def test_published_facts() -> None:
    table = NATSBench().read([SHARED / "raw/NATS-tss-v1_0-3ffb9-simple"])
    assert table.space.name == "nb201"
    assert table.seeds == (111, 777, 888, 999)
    accuracy = values(table, "cifar10@200/test_accuracy")[0, :, -1]
    np.testing.assert_allclose(accuracy[1:], [85.62, 86.18, 85.79])
    assert np.isnan(accuracy[0])
    assert round(float(np.nanmean(accuracy)), 4) == 85.8633
    assert values(table, "cifar10@200/parameters")[0] == 129306
    assert values(table, "cifar10@200/flops")[0] == 15647370
    halves = [values(table, f"cifar100@200/{split}_accuracy")[:, 1:, -1] for split in ("validation", "test")]
    both = values(table, "cifar100@200/validation_and_test_accuracy")[:, 1:, -1]
    np.testing.assert_allclose(both, (halves[0] + halves[1]) / 2, atol=1e-4)  # the mixture is what its name says


@needs_shared
@pytest.mark.parametrize("kind", ["tss", "sss"])
def test_every_accuracy_of_the_published_records(kind: str) -> None:
    (folder,) = (SHARED / "raw").glob(f"NATS-{kind}-*")
    table = NATSBench().read([folder])
    parts = {
        "cifar10": {"ori-test": "test"},
        "cifar10-valid": {"x-valid": "validation", "ori-test": "test"},
        "cifar100": {"x-valid": "validation", "x-test": "test", "ori-test": "validation_and_test"},
        "ImageNet16-120": {"x-valid": "validation", "x-test": "test", "ori-test": "validation_and_test"},
    }
    counted: dict[str, int] = {}
    for row, number in enumerate(("000000", "000011", "000284")):
        entry = pickle.loads(bz2.decompress((folder / f"{number}.pickle.pbz2").read_bytes()))  # noqa: S301
        for schedule, one in entry.items():
            for (dataset, seed), result in one["all_results"].items():
                for key, expected in result["eval_acc1es"].items():
                    part, _, epoch = key.partition("@")
                    path = f"{dataset}@{schedule}/{parts[dataset][part]}_accuracy"
                    assert values(table, path)[row, table.seeds.index(seed), int(epoch)] == expected
                    counted[path] = counted.get(path, 0) + 1
    for path, count in counted.items():
        assert count == (table.columns[path].missing == 0).sum()


def test_settings_as_the_command_line_writes_them() -> None:
    found = importers.create("nats-bench+schedule=200", dataset="cifar10,cifar100")
    assert isinstance(found, NATSBench)
    assert (found.schedule, found.dataset) == ("200", ("cifar10", "cifar100"))

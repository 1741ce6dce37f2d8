"""The api object of NATS-Bench: by hand, and against the package `nats_bench` on its published records."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nasbench.adapters import nats
from nasbench.benchmark.base import Metric
from nasbench.benchmark.hdf5.writer import write
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.benchmark.tabular import TabularBenchmark
from nasbench.errors import InputError, NotFoundError
from nasbench.evaluate.surrogates import fit_surrogate
from nasbench.importers import importers
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.types import Subset

SHARED = Path(__file__).parents[2] / "../shared/tables/nats_bench_sample/raw"
SUMS = float(200 * np.finfo(np.float64).eps)
"""Relative error of a sum of the numbers of 200 epochs, which are of one sign, in any order."""
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the published records are not here")
EXAMPLE = "|nor_conv_1x1~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"  # of the docstrings of nats_bench


def made_up() -> TabularBenchmark:
    """Architectures 5, 3 and 9 on cifar100 for 12 epochs, seeds 777 and 111; 9 has seed 111 only.

    Accuracy is number + epoch / 100 + (111: 0, 777: 0.001), and 20 more on validation, 40 more on test.
    """
    space, numbers = NB201(), np.array([5, 3, 9])
    row, seed, epoch = np.ogrid[:3, :2, 1:13]
    missing = np.zeros((3, 2, 12), dtype=np.uint8)
    missing[2, 0] = 1
    columns = []

    def add(name: str, split: Subset, values: Any, codes: Any, units: str = "percent") -> None:
        direction: Any = "maximise" if units == "percent" else "minimise"
        metric = Metric("cifar100@12", name, split, units, direction, DIMS[: np.ndim(values)])
        measured = np.where(codes > 0, np.nan, values)
        columns.append(Column(metric, measured, codes.astype(np.uint8), ("not trained", "not evaluated")))

    accuracy = numbers[row] + epoch / 100 + np.array([0.001, 0])[seed]
    late = np.where((epoch == 12) | (missing > 0), missing, 2)
    add("train_accuracy", "train", accuracy, missing)
    add("train_loss", "train", accuracy / 10, missing)
    add("train_seconds", "none", np.broadcast_to(2.0 * epoch, (3, 2, 12)), missing, "seconds")
    add("validation_accuracy", "validation", accuracy + 20, late)
    add("validation_loss", "validation", accuracy / 20, late)
    add("validation_seconds", "none", np.full((3, 2), 0.5), missing[:, :, 0], "seconds")
    add("test_accuracy", "test", accuracy + 40, late)
    add("validation_and_test_accuracy", "none", accuracy + 30, missing)
    add("latency", "none", np.array([[10.0, 30], [20, 20], [5, 5]]), missing[:, :, 0], "milliseconds")
    add("parameters", "none", np.array([2e6, 1e6, 3e6]), np.zeros(3), "count")
    add("flops", "none", np.array([5e6, 6e6, 7e6]), np.zeros(3), "count")
    table = Table(
        space, space.from_index(numbers), (777, 111), {"cifar100@12": (*range(1, 13),)},
        {c.metric.path: c for c in columns},
    )  # fmt: skip
    return TabularBenchmark(table, "made up")


@pytest.fixture(scope="module")
def api() -> nats.NATS:
    return nats.create(made_up(), "tss")


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_numbers_by_hand(api: nats.NATS) -> None:
    info = api.get_more_info(3, "cifar100", is_random=777)
    assert info == {
        "train-loss": pytest.approx(0.3121),
        "train-accuracy": pytest.approx(3.121),
        "train-per-time": 2,
        "train-all-time": 24,
        "valid-loss": pytest.approx(3.121 / 20),
        "valid-accuracy": pytest.approx(23.121),
        "valid-per-time": 0.5,
        "valid-all-time": 6,
        "test-loss": None,
        "test-accuracy": pytest.approx(43.121),
        "test-per-time": None,
        "test-all-time": None,
        "valtest-loss": None,
        "valtest-accuracy": pytest.approx(33.121),
        "valtest-per-time": None,
        "valtest-all-time": None,
    }
    assert api.get_more_info(3, "cifar100", is_random=False)["train-accuracy"] == pytest.approx(3.1205)
    early = api.get_more_info(3, "cifar100", iepoch=0, is_random=111)
    assert early["train-accuracy"] == pytest.approx(3.01)
    assert "valid-accuracy" not in early
    assert api.get_cost_info(5, "cifar100") == {
        "flops": 5, "params": 2, "latency": 0.02, "T-train@epoch": 2, "T-train@total": 24, "T-x-valid@epoch": 0.5,
        "T-x-valid@total": 6, "T-x-test@epoch": None, "T-x-test@total": None, "T-ori-test@epoch": None,
        "T-ori-test@total": None,
    }  # fmt: skip
    assert api.query_by_index(9).get_dataset_seeds("cifar100") == [111]


def test_a_truth_value_in_the_place_of_the_schedule_is_use_12epochs_result() -> None:
    old = nats.NASBench201API(made_up(), verbose=False)
    assert old.get_more_info(3, "cifar100", None, True, False) == old.get_more_info(3, "cifar100", None, "12", False)
    assert old.get_cost_info(3, "cifar100", True) == old.get_cost_info(3, "cifar100", "12")
    with pytest.raises(NotFoundError, match=r"no trainings with hp=200; it has 12$"):
        old.get_more_info(3, "cifar100", None, False, False)


def test_a_benchmark_without_trainings_says_so() -> None:
    metric = Metric("cifar10", "fpga_latency", "none", "milliseconds", "minimise", DIMS[:1])
    column = Column(metric, np.ones(1), np.zeros(1, dtype=np.uint8), ())
    table = Table(NB201(), NB201().from_index([0]), (), {}, {metric.path: column})
    api = nats.create(TabularBenchmark(table, "hardware"), "tss")
    told = r"^hardware has no .* with hp=12; it has no trainings at all .*nasbench import nats-bench"
    with pytest.raises(NotFoundError, match=told):
        api.get_more_info(0, "cifar10")
    with pytest.raises(NotFoundError, match=told):
        api.statistics("cifar10", "12")


def test_simulated_time_adds_up(api: nats.NATS) -> None:
    api.reset_time()
    accuracy, latency, cost, total = api.simulate_train_eval(9, dataset="cifar100", hp="12")
    assert (accuracy, latency, cost, total) == (pytest.approx(29.12), 0.005, 24.5, 24.5)
    assert api.simulate_train_eval(9, "cifar100", account_time=False)[3] == 24.5
    assert api.simulate_train_eval(9, "cifar100")[3] == api.used_time == 49
    with pytest.raises(NotFoundError, match=r"no validation accuracy at iepoch=3.*mixed=True"):
        api.simulate_train_eval(9, "cifar100", iepoch=3)
    mixed = nats.create(made_up(), "tss", mixed=True)
    assert mixed.simulate_train_eval(9, "cifar100", iepoch=3)[:3] == (pytest.approx(39.04), 0.005, 8.5)


def test_draws_are_seeded_and_do_not_touch_the_global_generator() -> None:
    runs = []
    for noise in (1, 2):
        random.seed(noise)
        before = random.getstate()
        api = nats.create(made_up(), "tss", seed=4)
        runs.append([api.get_more_info(3, "cifar100")["train-accuracy"] for _ in range(30)])
        assert random.getstate() == before
    assert runs[0] == runs[1]
    assert {round(value, 3) for value in runs[0]} == {3.12, 3.121}


def test_find_best(api: nats.NATS) -> None:
    assert api.find_best("cifar100", "valid") == (9, pytest.approx(29.12))
    assert api.find_best("cifar100", "ori-test", flop_max=6) == (5, pytest.approx(35.1205))
    assert api.find_best("cifar100", "x-test", flop_max=6, param_max=1) == (3, pytest.approx(43.1205))
    assert api.find_best("cifar100", "valid", param_max=0.5) == (-1, None)
    assert api.statistics("cifar100", 12) == {1: 1, 2: 2}


def test_strings() -> None:
    api = nats.create(made_up(), "topology")
    assert len(api) == 15625
    assert api.query_index_by_arch(api[7]) == api.query_index_by_arch(7) == 7
    assert api.query_index_by_arch(SimpleNamespace(tostr=lambda: api.arch(9))) == 9
    assert [api.query_index_by_arch(wrong) for wrong in ("|a~0|", "", None, 3.0)] == [-1] * 4
    assert api[-1] == api.arch(15624) == api.meta_archs[15624]
    assert api.str2lists(EXAMPLE) == [
        (("nor_conv_1x1", 0),),
        (("none", 0), ("none", 1)),
        (("none", 0), ("none", 1), ("skip_connect", 2)),
    ]
    expected = [[0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_array_equal(api.str2matrix(EXAMPLE), expected)
    assert api.get_net_config(9, "cifar100") == {
        "name": "infer.tiny", "C": 16, "N": 5, "arch_str": api[9], "num_classes": 100
    }  # fmt: skip
    assert "top1 = 29.12%" in api.query_by_arch(api[9], "12")
    assert api.evaluated_indexes == [*api.arch2infos_dict] == [3, 5, 9]
    assert api.arch2infos_dict[9]["12"].get_metrics("cifar100", "x-valid")["accuracy"] == pytest.approx(29.12)
    with pytest.raises(KeyError, match="no architecture with number 4"):
        api.arch2infos_dict[4]


def test_the_older_api_object(capsys: pytest.CaptureFixture[str]) -> None:
    """`from nas_201_api import NASBench201API as API`, whose second argument is `verbose`."""
    api = nats.NASBench201API(made_up(), False)
    assert capsys.readouterr().out == ""
    assert api.get_more_info(9, "cifar100", None, hp=12, is_random=False)["valid-accuracy"] == pytest.approx(29.12)
    assert "3/15625 architectures" in repr(api)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_errors_say_what_there_is(api: nats.NATS) -> None:
    for error, message, call in [
        (ValueError, "invalid index 100000", lambda: api.get_more_info(100000, "cifar100")),
        (ValueError, "is not an architecture of nb201", lambda: api.get_more_info("|a~0|", "cifar100")),
        (KeyError, "no trainings with hp=200; it has 12", lambda: api.get_more_info(3, "cifar100", hp=200)),
        (KeyError, "no cifar10 with hp=12; it has cifar100 with hp=12", lambda: api.get_more_info(3, "cifar10")),
        (KeyError, "seed 888; it has 111, 777", lambda: api.get_more_info(3, "cifar100", is_random=888)),
        (ValueError, "invalid iepoch=12", lambda: api.get_more_info(3, "cifar100", iepoch=12)),
        (KeyError, "not among the 3 trained", lambda: api.get_more_info(0, "cifar100")),
        (ValueError, "unknown data set 'svhn'", lambda: api.get_cost_info(3, "svhn")),
        (ValueError, "invalid data set 'cifar10-valid'", lambda: api.simulate_train_eval(3, "cifar10-valid")),
        (ValueError, "no split 'x-tst'", lambda: api.find_best("cifar100", "x-tst")),
        (KeyError, "not evaluated on x-valid", lambda: api.query_by_index(3).get_metrics("cifar100", "x-valid", 2)),
        (KeyError, "weights", lambda: api.get_net_param(3, "cifar100", None)),
        (ValueError, "unknown operation", lambda: api.str2matrix("|a~0|")),
        (ValueError, "expected a cell", lambda: api.str2lists("|a|")),
        (ValueError, "expected a cell", lambda: api.str2matrix("|none~7|")),
        (ValueError, "expected a cell", lambda: api.str2lists("|none~1|")),
        (ValueError, "'garbage' is not an architecture of nb201", lambda: api.get_unique_str("garbage")),
        (ValueError, "invalid search space", lambda: nats.create(made_up(), "all")),
        (ValueError, "not 'sss'", lambda: nats.create(made_up(), "sss")),
        (ValueError, "pass the path", lambda: nats.create(None, "tss", fast_mode=True)),  # type: ignore[arg-type]
        (
            OSError,
            "nasbench import nats-bench a/NATS-tss.pickle.pbz2 --out NATS-tss.h5",
            lambda: nats.create("a/NATS-tss.pickle.pbz2", "tss"),
        ),
    ]:  # type: type[Exception], str, Any
        with pytest.raises(error, match=message):
            call()


def test_other_spaces_are_refused() -> None:
    metric = Metric("c", "validation_accuracy", "validation", "percent", "maximise", DIMS[:1])
    column = Column(metric, np.ones(1), np.zeros(1, dtype=np.uint8))
    space = NB101()
    table = Table(space, space.sample(1, np.random.default_rng(0)), (), {}, {metric.path: column})
    with pytest.raises(InputError, match="not one of NATS-Bench"):
        nats.create(TabularBenchmark(table), "tss")


def test_a_surrogate_answers_for_every_cell() -> None:
    space, rng = NB201(), np.random.default_rng(0)
    genotypes = np.unique(space.sample(40, rng), axis=0)
    counts = space.features(genotypes, "counts")
    columns = []
    for split in ("train", "validation"):
        metric = Metric("cifar100@12", f"{split}_accuracy", split, "percent", "maximise", DIMS)
        values = np.repeat((50 + counts[:, 4])[:, None, None], 12, axis=2)
        columns.append(Column(metric, values, np.zeros(values.shape, dtype=np.uint8)))
    table = Table(space, genotypes, (7,), {"cifar100@12": (*range(1, 13),)}, {c.metric.path: c for c in columns})
    surrogate = fit_surrogate(TabularBenchmark(table), "cifar100@12/validation_accuracy", "ridge")
    api = nats.create(surrogate, "tss")
    info = api.get_more_info(0, "cifar100")
    assert {"train-accuracy", "valid-accuracy"} <= info.keys()
    assert 45 < info["valid-accuracy"] < 65
    with pytest.raises(NotFoundError, match="how long cifar100 with hp=12 took"):
        api.simulate_train_eval(0, "cifar100")


# --- against nats_bench, on its own records ---------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["tss", "sss"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, nats.NATS]:
    nats_bench = pytest.importorskip("nats_bench")
    if not SHARED.is_dir():
        pytest.skip("the published records are not here")
    (folder,) = SHARED.glob(f"NATS-{request.param}-*")
    path = tmp_path_factory.mktemp("nats") / "nats.h5"
    write(importers.create("nats-bench").read([folder]), path)
    theirs = nats_bench.create(str(folder), request.param, fast_mode=True, verbose=False)
    for index in (0, 11, 284):
        theirs._prepare_info(index)
    return theirs, nats.create(str(path), request.param, fast_mode=True, verbose=False)


def same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """The same keys, and the same numbers up to the rounding of sums."""
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if key == "comment":
            assert ours[key]
        else:
            assert ours[key] == pytest.approx(value, rel=SUMS), key


def test_every_number_of_every_epoch_and_seed(both: tuple[Any, nats.NATS]) -> None:
    theirs, ours = both
    compared = 0
    for index in (0, 11, 284):
        for hp, results in theirs.arch2infos_dict[index].items():
            mine = ours.query_by_index(index, hp=hp)
            assert sorted(mine.get_dataset_names()) == sorted(results.get_dataset_names())
            for dataset in results.get_dataset_names():
                seeds = mine.get_dataset_seeds(dataset)
                assert seeds == results.get_dataset_seeds(dataset)
                same(ours.get_cost_info(index, dataset, hp), theirs.get_cost_info(index, dataset, hp))
                epochs = [None, 0, 5, 11, 89, 150]
                for iepoch in (at for at in epochs if at is None or at < results.get_total_epoch()):
                    for is_random in (False, *seeds):
                        arguments = index, dataset, iepoch, hp, is_random
                        same(ours.get_more_info(*arguments), theirs.get_more_info(*arguments))
                        compared += 1
    assert compared > 300


def test_every_trial(both: tuple[Any, nats.NATS]) -> None:
    theirs, ours = both
    for index in (0, 284):
        for dataset in ("cifar10-valid", "cifar100"):
            trials = theirs.query_by_index(index, dataset, "12")
            assert trials.keys() == ours.query_by_index(index, dataset, "12").keys()
            for seed, trial in ours.query_by_index(index, dataset, "12").items():
                same(trial.get_train(4), trials[seed].get_train(4))
                same(trial.get_eval("valid"), trials[seed].get_eval("valid"))
                same(trial.get_times(), trials[seed].get_times())
                assert trial.train_acc1es == trials[seed].train_acc1es
                assert trial.train_losses == trials[seed].train_losses
                assert trial.eval_acc1es == trials[seed].eval_acc1es
                assert trial.eval_losses == trials[seed].eval_losses
                assert sorted(trial.get_eval_set()) == sorted(trials[seed].get_eval_set())
                assert trial.get_latency() == pytest.approx(trials[seed].get_latency(), rel=SUMS)
                assert (trial.flop, trial.params) == (pytest.approx(trials[seed].flop), trials[seed].params)
                assert trial.get_config() == trials[seed].get_config(None)


def test_searches_and_strings(both: tuple[Any, nats.NATS]) -> None:
    theirs, ours = both
    assert len(ours) == len(theirs)
    assert ours.meta_archs == theirs.meta_archs
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        for split in ("train", "valid", "test"):
            for limits in ({}, {"flop_max": 14.0}, {"param_max": 0.1}, {"flop_max": 0.01}):
                expected = theirs.find_best(dataset, split, hp="12", enforce_all=False, **limits)
                found = ours.find_best(dataset, split, hp="12", enforce_all=False, **limits)
                assert found[0] == expected[0]
                assert found[1] == (expected[1] and pytest.approx(expected[1], rel=SUMS))
        for index in (0, 11, 284):
            assert ours.get_net_config(index, dataset) == theirs.get_net_config(index, dataset)
    assert ours.statistics("cifar10", 12) == theirs.statistics("cifar10", 12)
    for text in (theirs.arch(5), "no architecture"):
        assert ours.query_index_by_arch(text) == theirs.query_index_by_arch(text)
    assert sorted(ours.avaliable_hps) == sorted(theirs.avaliable_hps)
    assert ours.full_epochs_in_paper == theirs.full_epochs_in_paper
    if theirs.search_space_name == "topology":
        for index in range(0, 15625, 97):
            assert ours.get_unique_str(index) == theirs.get_unique_str(index)
        assert ours.str2lists(ours[5]) == theirs.str2lists(ours[5])
        np.testing.assert_array_equal(ours.str2matrix(ours[5]), theirs.str2matrix(ours[5]))


def test_simulation_where_one_training_is_all(both: tuple[Any, nats.NATS]) -> None:
    theirs, ours = both
    hp = "12" if theirs.search_space_name == "topology" else "90"  # one seed each on cifar100
    theirs.reset_time()
    ours.reset_time()
    for index in (0, 11, 284):
        expected = theirs.simulate_train_eval(index, "cifar100", hp=hp)
        assert ours.simulate_train_eval(index, "cifar100", hp=hp) == pytest.approx(expected, rel=SUMS)


def test_code_of_their_own_test(both: tuple[Any, nats.NATS], capsys: pytest.CaptureFixture[str]) -> None:
    """The loop of `_test_nats_bench` and the calls of issues 1, 2, 7, 36 in tests/api_test.py of D-X-Y/NATS-Bench."""
    _, api = both
    for index in (0, 11, 284):
        for key in ("cifar10", "cifar100", "ImageNet16-120"):
            info = api.get_more_info(index, key)
            assert {"train-loss", "train-all-time", "test-accuracy"} <= info.keys()
            info = api.get_cost_info(index, key)
            validation_accuracy, latency, time_cost, current = api.simulate_train_eval(index, dataset=key, hp="12")
            assert 0 < validation_accuracy < 100 and latency and 0 < time_cost <= current
            info_12 = api.get_cost_info(index, key, hp="12")
            info_full = api.get_cost_info(index, key, hp=api.full_epochs_in_paper)
            assert info_12["params"] == pytest.approx(info_full["params"], rel=1e-4)
            assert info_12["flops"] == pytest.approx(info_full["flops"], rel=1e-4)
            assert api.get_net_config(index, key)["num_classes"] in (10, 100, 120)
        api.show(index)
        api.clear_params(index)
        api.reload(index=index)
    assert "architecture 284" in capsys.readouterr().out
    data = api.query_by_index(284, dataname="cifar10", hp=api.full_epochs_in_paper)
    assert data[777].get_train()["accuracy"] == data[777].train_acc1es[api.full_epochs_in_paper - 1]
    assert api.get_more_info(0, "cifar10", hp=12)["comment"]
    with pytest.raises(ValueError):
        api.get_more_info(100000, "cifar10")

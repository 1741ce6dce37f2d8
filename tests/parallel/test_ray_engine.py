"""A Ray cluster builds the same table even when one of its machines disappears."""

import os
import signal
from dataclasses import replace
from textwrap import dedent

import pytest

import nasbench
from nasbench.builder import build
from nasbench.errors import InputError, NasbenchError

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'nasbench[ray]'")

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray itself: sockets and files that it leaves to the collector


@pytest.fixture
def cluster():
    from ray.cluster_utils import Cluster

    machines = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield machines
    ray.shutdown()
    machines.shutdown()


@pytest.mark.slow
def test_a_machine_that_disappears(small, same, tmp_path, cluster):
    from nasbench.parallel.ray_engine import RayEngine

    doomed, _ = (cluster.add_node(num_cpus=1) for _ in range(2))
    cluster.wait_for_nodes()
    engine = RayEngine(cluster.address)
    assert engine.jobs == 2
    lost = []

    def progress(done, total):
        if done >= 4 and not lost:
            lost.append(done)
            cluster.remove_node(doomed, allow_graceful=False)

    build(small, tmp_path / "ray.h5", engine=engine, parallel=2, progress=progress)
    assert lost
    build(small, tmp_path / "reference.h5", parallel=2)
    same(tmp_path / "ray.h5", tmp_path / "reference.h5")


@pytest.mark.slow
def test_ray_on_this_machine(small, same, tmp_path):
    from nasbench.parallel.ray_engine import RayEngine

    few = replace(small, cells=2)
    try:
        handler = signal.getsignal(signal.SIGTERM)
        engine = RayEngine(jobs=1)
        assert signal.getsignal(signal.SIGTERM) is handler
        assert engine.jobs == 1 and engine.device.type == "cpu"
        with pytest.raises(InputError, match=r"a task needs 0.5 GPUs, but the cluster has 0"):
            RayEngine(gpus=0.5)
        with pytest.raises(InputError, match=r"a fraction of one, or a whole number, got 1.5"):
            RayEngine(gpus=1.5)
        build(few, tmp_path / "ray.h5", engine=engine, parallel="auto")
    finally:
        ray.shutdown()
    build(few, tmp_path / "reference.h5", parallel="auto")
    same(tmp_path / "ray.h5", tmp_path / "reference.h5")


@pytest.mark.slow
def test_a_cluster_that_is_not_there():
    from nasbench.parallel.ray_engine import RayEngine

    with pytest.raises(NasbenchError, match=r"no Ray cluster at '127.0.0.1:1'"):
        RayEngine("127.0.0.1:1")


@pytest.mark.slow
def test_predictors_have_the_same_scores_on_ray_and_a_process_each(tmp_path, monkeypatch):
    """One fails, and one ends its process; tasks of another call of the same engine begin anew."""
    from nasbench.evaluate.predictors import evaluate
    from nasbench.parallel.ray_engine import RayEngine

    source = """
        import os

        from nasbench.predictors.ridge import Ridge

        SEEN = []


        class Picky(Ridge):
            def __init__(self, mark="", fail=False):
                super().__init__()
                self.mark, self.fail = mark, fail

            def _fit(self, inputs, z):
                SEEN.append(self.mark)
                assert set(SEEN) == {self.mark}, "two predictors share a process"
                if self.fail:
                    raise ValueError("no luck")
                super()._fit(inputs, z)
    """
    (tmp_path / "picky.py").write_text(dedent(source))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")  # for processes of Ray
    table = nasbench.load("nb201-digits")
    names = ["ridge", "picky:Picky+mark=a", "picky:Picky+mark=b", "picky:Picky+fail=true"]
    sizes = {"train_sizes": [10, 20], "test_size": 50, "splits": 2}
    told = []
    try:
        engine = RayEngine(jobs=2)
        found = evaluate(table, "validation_accuracy", predictors=names, cluster=engine, warn=told.append, **sizes)
        again = evaluate(table, "validation_accuracy", predictors=names[:1], cluster=engine, **sizes)
        with pytest.raises(InputError, match="use the engine local"):
            evaluate(table, "validation_accuracy", predictors=names, cluster=engine, patience=9, **sizes)
    finally:
        ray.shutdown()
    assert list(found.summary["failures"]) == names[3:] and "ValueError: no luck" in told[0]
    here = evaluate(table, "validation_accuracy", predictors=names[:1], **sizes)

    def taus(results, name):
        return [r["rmse"] for r in results.records if r["predictor"] == name]

    assert taus(found, "ridge") == taus(again, "ridge") == taus(here, "ridge")
    assert taus(found, names[1]) == taus(found, names[2]) == taus(here, "ridge")


@pytest.mark.slow
def test_strategies_race_alike_on_two_nodes_of_ray_and_here(cluster):
    """Results are those of one process; a patience needs this machine."""
    from nasbench.evaluate.strategies import compare
    from nasbench.parallel.ray_engine import RayEngine

    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    table = nasbench.load("nb201-digits")
    race = {"strategies": ["random", "local", "tabu"], "evaluations": 15, "repeats": 4}
    engine = RayEngine(cluster.address)
    assert engine.jobs == 2
    there = compare(table, engine=engine, **race)
    here = compare(table, jobs=1, **race)
    assert (there.records, there.summary) == (here.records, here.summary)
    with pytest.raises(InputError, match="use the engine local"):
        compare(table, engine=engine, patience=9, **race)

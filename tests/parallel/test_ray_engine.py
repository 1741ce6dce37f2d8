"""A Ray cluster builds the same table even when one of its machines disappears."""

import signal
from dataclasses import replace

import pytest

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

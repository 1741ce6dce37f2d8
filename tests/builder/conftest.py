import h5py
import pytest

from nasbench.benchmark import hdf5
from nasbench.builder import BuildSettings, NetworkSettings, TrainSettings

TIMINGS = ("train_seconds", "latency")


@pytest.fixture(scope="session")
def small():
    """Twelve trainings of a moment each."""
    return BuildSettings(
        datasets=("digits+train=40+validation=20+test=30",),
        cells=6,
        seeds=2,
        network=NetworkSettings(channels=2, cells=1, stages=1),
        train=TrainSettings(epochs=2, batch_size=20),
        latency_repeats=1,
    )


@pytest.fixture(scope="session")
def same():
    """Whether two files hold the same, but for measured times: by the checksums that they state of their arrays."""

    def checksums(path):
        with h5py.File(path) as file:
            return {
                name: bytes(found.attrs["sha256"])
                for name, found in hdf5.objects(file)
                if "sha256" in found.attrs and not name.endswith(TIMINGS)
            }

    def compare(a, b):
        assert checksums(a) == checksums(b) and len(checksums(a)) > 10
        assert hdf5.read(a).recipe == hdf5.read(b).recipe

    return compare

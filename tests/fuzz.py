"""Fuzzing of importers and of `nasbench.load`: each damaged file is read, or refused in one line.

`python tests/fuzz.py SOURCE --inputs 10000` damages small valid files at random, also inside compressed content; with
`--atheris` the coverage of the importers guides the damage. A crash, an endless read, or unbounded memory ends the run
with exit status 1 and leaves the file behind.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import importlib.util
import io
import json
import lzma
import pickle
import resource
import shutil
import signal
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np

GUIDED = "--atheris" in sys.argv
if GUIDED:
    import atheris
with atheris.instrument_imports(include=["nasbench.importers", "nasbench.benchmark"]) if GUIDED else nullcontext():
    from nasbench.benchmark import hdf5
    from nasbench.benchmark.hdf5 import writer
    from nasbench.benchmark.hdf5.verify import verify
    from nasbench.benchmark.load import load
    from nasbench.errors import NasbenchError
    from nasbench.importers import importers
    from nasbench.importers.formats.tfrecord import encode, records, write

    for entry in importers.entries.values():
        importlib.import_module(entry.partition(":")[0])

HERE = Path(__file__).parent
MAX_SECONDS, MAX_MEMORY = 20, 2**30
"""Limits for one input; bytes of memory beyond those of the process at its start."""
MAX_MESSAGE = 5000
"""Characters of a message."""
TOKENS = (
    b"", b"\x00", b"\xff" * 8, b"-1", b"nan", b"NaN", b"inf", b"1e999", b"9" * 30, b"[" * 3000, b"{", b"}", b'"', b"'",
    b",", b"\n", b"\t", b"|", b"null", b"true", b"0", b"1", b"\xe2\x98\x83", b"\x80\x02", b".", b"ccmd\n",
    b"cos\nsystem\n", b"R", b"2\x86" * 34, b"\x1b[2J",
    b"9" * 5000, b"[" * 150 + b"]" * 150, b'"\\u001b[2J"', b"\x8b\x00\x10\x00\x00" + b"\x01" * 4096,
)  # fmt: skip
UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, RuntimeError, zlib.error, lzma.LZMAError,
    zipfile.BadZipFile, NotImplementedError, OverflowError, MemoryError,
)  # fmt: skip
Rng = np.random.Generator
Content = dict[str, bytes]
"""Files by their path inside a folder."""


# --- valid files ----------------------------------------------------------------------------------------------------


def test_module(name: str) -> Any:
    """A test module, for the files that it writes."""
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def importing(source: str, **settings: Any) -> Callable[[Sequence[Path]], Any]:
    return importers.create(source, **settings).read


def csv(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    cell = "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|"
    rows = [f"{cell},1,4,90.5,-1", f"{cell},2,4,91.5,-1", "3 1 0 2 2 1,1,4,80,2.5"]
    (folder / "t.csv").write_text("\n".join(["arch,seed,epoch,acc,ms", *rows]))
    column = ["test_accuracy=acc", "latency=ms:milliseconds:min:static", "flops=acc:millions"]
    given = {"space": "nb201", "seed_column": "seed", "epoch_column": "epoch", "missing": "-1=none", "lenient": True}
    return importing("csv", column=column, **given), [folder / "t.csv"]


def json_lines(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    cell = {"matrix": [[0, 1, 0], [0, 0, 1], [0, 0, 0]], "ops": ["input", "conv3x3-bn-relu", "output"]}
    lines = [json.dumps({"arch": cell, "acc": accuracy}) for accuracy in (90, 91)]
    (folder / "t.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return importing("csv", space="nb101", column=["test_accuracy=acc"]), [folder / "t.jsonl.gz"]


def hw_nas_bench(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    from nasbench.importers.hw_nas_bench import COLUMNS

    rows = [",".join(["net", *COLUMNS]), *(f'"({e}, 1, 2, 3, 4, 0)"' + ",1.5" * len(COLUMNS) for e in range(3))]
    (folder / "hw_cifar10.csv").write_text("\n".join(rows))
    return importing("hw-nas-bench"), [folder / "hw_cifar10.csv"]


def macro(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    records = {key: {"test_acc": [90.0, 91.0, 92.0], "params": 5, "flops": 7} for key in ("00000012", "22212220")}
    (folder / "t.json").write_text(json.dumps(records))
    return importing("nas-bench-macro"), [folder / "t.json"]


def nasbench101(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nasbench101")
    write(folder / "t.tfrecord", [module.record(), module.record(12), module.record(ops=module.POOL)])
    return importing("nasbench101"), [folder / "t.tfrecord"]


def nats_bench(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nats_bench")
    module.folder_of(folder, {"12": module.record(seeds=(777, 111))})
    return importing("nats-bench"), [folder]


def nasbench201(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nats_bench")
    content = {"arch2infos": {0: {"less": module.record(), "full": module.record(epochs=200)}}}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, 2))
    (folder / "t.pth").write_bytes(packed.getvalue())
    return importing("nasbench201"), [folder / "t.pth"]


def transnas101(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_transnas101")
    return importing("transnas101", space="micro"), [module.write(folder / "t.pth", module.content())]


def accel_nasbench(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_accel_nasbench")
    return importing("accel-nasbench"), [module.write(folder, {k: module.record(k) for k in (1, 4, 6)})]


def nas_bench_graph(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nas_bench_graph")
    module.write(folder, {88810: module.MEANS, 1111: module.MEANS})
    module.write(folder, {1111: {"dur": module.curve(3), "latency": 0.001}}, "cora0.bench")
    return importing("nas-bench-graph"), [folder / "cora.bench"]


def analog_nasbench(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    import pytest

    module = test_module("importers/test_analog_nasbench")
    with pytest.MonkeyPatch.context() as patch:
        content = module.pickled(patch, {cell: module.record(cell) for cell in ((0, 1, 2, 3, 4, 0), (1,) * 6)})
    (folder / "data.anb").write_bytes(content)
    return importing("analog-nasbench"), [folder / "data.anb"]


def nasbench301(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nasbench301")
    results = {"rs/results_0.json": module.result([50.0, 60.0, 70.0]), "de/results_1.json": module.result()}
    return importing("nasbench301"), [module.write(folder, results)]


def nas_bench_nlp(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nas_bench_nlp")
    return importing("nas-bench-nlp"), [module.write(folder, module.log(), module.log(module.OTHER))]


def ec_nas(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_ec_nas")
    (folder / "t.jsonl").write_text("\n".join([module.line(), module.line(12)]))
    return importing("ec-nas"), [folder / "t.jsonl"]


def hat(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_hat")
    return importing("hat"), [module.write(folder, f"{module.FIRST},1.5,20,0.25,2", f"{module.FIRST},1,2,0,0")]


def nas_bench_bert(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_nas_bench_bert")
    module.write_metrics(folder, (0, 50.0, 10), (1, 60.0, 20))
    module.write(folder, module.training(), module.training(1, 256, 60))
    return importing("nas-bench-bert"), [folder]


def yolobench(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("importers/test_yolobench")
    module.write(folder, "VOC_scratch_100epochs", (module.SMALL, 50), (module.LARGE, 75))
    module.write(folder, "YOLO_latency", (module.LARGE, 75), (module.SMALL, 50))
    return importing("yolobench"), [folder]


def everything_in(paths: Sequence[Path]) -> None:
    """Open a benchmark, query everything, and verify it."""
    benchmark = load(paths[0])
    for metric in benchmark.metrics:
        benchmark.query_many(benchmark.architectures(), metric)
        benchmark.query(benchmark.architectures()[0], metric)
    verify(paths[0])


def hdf5_file(folder: Path) -> tuple[Callable[..., Any], list[Path]]:
    module = test_module("benchmark/conftest")
    table = (
        module.table.__wrapped__() if hasattr(module.table, "__wrapped__") else module.table._get_wrapped_function()()
    )
    hdf5.write(table, folder / "t.h5")
    return everything_in, [folder / "t.h5"]


SAMPLES: dict[str, Callable[[Path], tuple[Callable[..., Any], list[Path]]]] = {
    "accel-nasbench": accel_nasbench,
    "analog-nasbench": analog_nasbench,
    "csv": csv,
    "csv of json lines": json_lines,
    "ec-nas": ec_nas,
    "hat": hat,
    "hw-nas-bench": hw_nas_bench,
    "load": hdf5_file,
    "nas-bench-bert": nas_bench_bert,
    "nas-bench-graph": nas_bench_graph,
    "nas-bench-macro": macro,
    "nas-bench-nlp": nas_bench_nlp,
    "nasbench101": nasbench101,
    "nasbench201": nasbench201,
    "nasbench301": nasbench301,
    "nats-bench": nats_bench,
    "transnas101": transnas101,
    "yolobench": yolobench,
}


# --- damage ---------------------------------------------------------------------------------------------------------


def damaged(content: bytes, rng: Rng) -> bytes:
    """The bytes of a file with a few changes, half of the time inside its compressed content."""
    inside = bool(rng.integers(2))
    try:
        if inside and content.startswith(b"BZh"):
            return bz2.compress(scrambled(bz2.decompress(content), rng))
        if inside and content.startswith(b"\x1f\x8b"):
            return gzip.compress(scrambled(gzip.decompress(content), rng), mtime=0)
        if inside and content.startswith(b"PK"):
            return _zip(content, rng)
        if inside and content.startswith(b"\x89HDF"):
            return _hdf5(content, rng)
        if inside and len(content) > 16 and int.from_bytes(content[:8], "little") < len(content):
            return _tfrecord(content, rng)
    except UNREADABLE:  # damaged before
        pass
    return scrambled(content, rng)


def scrambled(content: bytes, rng: Rng) -> bytes:
    """The bytes after random flips, deletions, insertions, copies or truncation."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(len(data) + 1))
        until = min(len(data), at + int(rng.geometric(0.2)))
        match int(rng.integers(7)):
            case 0:
                data[at:until] = rng.bytes(until - at)
            case 1:
                del data[at:until]
            case 2:
                data[at:at] = rng.bytes(int(rng.integers(1, 9)))
            case 3:
                data[at:until] = TOKENS[rng.integers(len(TOKENS))]
            case 4:
                data[at:at] = data[at : at + int(rng.integers(1, 200))]
            case 5:
                other = int(rng.integers(len(data) + 1))
                data[at:until] = data[other : other + int(rng.integers(1, 40))]
            case 6 if rng.random() < 0.2:
                del data[at:]
            case _ if at < len(data):
                data[at] ^= 1 << int(rng.integers(8))
    return bytes(data)


def _zip(content: bytes, rng: Rng) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, scrambled(old.read(name), rng))
    return packed.getvalue()


def _tfrecord(content: bytes, rng: Rng) -> bytes:
    """Damaged records with correct checksums."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r"
        path.write_bytes(content)
        contents = list(records(path))
        if contents:
            at = int(rng.integers(len(contents)))
            contents[at] = scrambled(contents[at], rng)
            if rng.random() < 0.3:  # well formed outside, odd inside
                message = encode([(int(rng.integers(1, 9)), float(rng.normal())), (1, rng.bytes(9))])
                contents[at] = contents[at].replace(contents[at][-40:], message)
        write(path, contents)
        return path.read_bytes()


def _hdf5(content: bytes, rng: Rng) -> bytes:
    """The file with one object replaced, mistyped, deleted or renamed."""
    image = io.BytesIO(content)
    with h5py.File(image, "r+") as file:
        parts = hdf5.objects(file)
        name, found = parts[rng.integers(len(parts))]
        anything: list[Any] = [
            -1, 2**62, np.nan, "", "text", "per\x1b[2Jcent", "x" * 10**5,
            "[" * 500, [], ["a"], [1.5], np.zeros((2, 2)), np.int8(3), b"\xff", True,
        ]  # fmt: skip
        thing = anything[rng.integers(len(anything))]
        match int(rng.integers(8)):
            case 0:
                del file[name]
            case 6 if isinstance(found, h5py.Dataset):  # none of its chunks is stored
                shape = (int(10 ** rng.uniform(3, 12)), *found.shape[1:])
                del file[name]
                file.create_dataset(name, shape, found.dtype, chunks=(1000, *found.shape[1:]), compression="gzip")
            case 7:
                file.create_group("/".join(["metrics", *"g" * int(10 ** rng.uniform(0, 3))]))
            case 1 | 2 if isinstance(found, h5py.Dataset):
                shape = tuple(int(k) for k in rng.integers(0, 5, rng.integers(0, 4)))
                kind = ("i1", "i2", "i4", "i8", "f4", "f8", "u1", "S3")[rng.integers(8)]
                attributes = {k: v for k, v in found.attrs.items() if k not in writer.UNSIGNED_ATTRIBUTES}
                values = np.zeros(found.shape if rng.random() < 0.5 else shape, kind)
                del file[name]
                file[name] = values
                file[name].attrs.update(attributes)
            case 3 if isinstance(found, h5py.Dataset) and found.size and found.dtype.kind in "iuf":
                flat = found[()].ravel()
                flat[rng.integers(flat.size)] = rng.integers(-5, 6)
                found[()] = flat.reshape(found.shape)
            case 4:
                file[f"{name}x"] = h5py.ExternalLink("/etc/passwd", "/") if rng.random() < 0.5 else file[name]
            case _:
                owner = found if rng.random() < 0.7 else file
                names = list(owner.attrs) or ["dims"]
                owner.attrs[names[rng.integers(len(names))]] = thing
    return image.getvalue()


# --- the run --------------------------------------------------------------------------------------------------------


class Trial:
    """A reader of one damaged file among valid ones.

    Args:
        source: Key of `SAMPLES`.
        folder: Empty working folder.
        watched: Whether the caller stops an input that takes too long.
    """

    def __init__(self, source: str, folder: Path, watched: bool) -> None:
        self.limited = nullcontext if watched else limited
        self.folder = folder / "input"
        self.folder.mkdir()
        self.read, self.paths = SAMPLES[source](self.folder)
        self.read(self.paths)  # the sound files are sound
        self.files = {
            str(f.relative_to(self.folder)): f.read_bytes() for f in sorted(self.folder.rglob("*")) if f.is_file()
        }
        self.refused = self.accepted = 0

    def __call__(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.write_bytes(content)
        try:
            with self.limited():
                self.read(self.paths)
            self.accepted += 1
        except NasbenchError as error:
            assert str(error).strip() and "\n" not in str(error), f"not one line: {error!r}"
            assert len(str(error)) < MAX_MESSAGE, f"a message of {len(str(error)):,} characters"
            self.refused += 1
        path.write_bytes(self.files[name])


@contextmanager
def limited() -> Any:
    """Raise a TimeoutError if an input takes too long."""

    def late(signum: int, frame: Any) -> None:
        raise TimeoutError(f"more than {MAX_SECONDS} seconds")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)


def random_run(trial: Trial, inputs: int, seed: int) -> None:
    names = list(trial.files)
    for number in range(inputs):
        rng = np.random.default_rng([seed, number])
        name = names[rng.integers(len(names))]
        content = damaged(trial.files[name], rng)
        try:
            trial(name, content)
        except BaseException:
            saved = Path(tempfile.gettempdir()) / f"fuzz-{number}-{Path(name).name}"
            saved.write_bytes(content)
            print(f"input {number} (saved as {saved}):", file=sys.stderr)
            raise


def guided_run(trial: Trial, inputs: int, seed: int, corpus: Path) -> None:
    names = list(trial.files)
    corpus.mkdir()
    for number, name in enumerate(names):
        (corpus / str(number)).write_bytes(bytes([number]) + trial.files[name])

    def one(data: bytes) -> None:
        if data:
            trial(names[data[0] % len(names)], data[1:])

    def change(data: bytes, most: int, number: int) -> bytes:
        rng = np.random.default_rng(number)
        if data and rng.random() < 0.5:
            return (data[:1] + damaged(data[1:], rng))[:most]
        return bytes(atheris.Mutate(data, most))

    limits = [f"-runs={inputs}", f"-seed={seed + 1}", "-max_len=65536", f"-timeout={MAX_SECONDS}", "-rss_limit_mb=0"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one, custom_mutator=change)
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", choices=SAMPLES)
    arguments.add_argument("--inputs", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--atheris", action="store_true")
    given = arguments.parse_args()
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        trial = Trial(given.source, folder, given.atheris)
        with Path("/proc/self/statm").open() as status:
            size = int(status.read().split()[0]) * resource.getpagesize()
        if given.atheris:
            guided_run(trial, given.inputs, given.seed, folder / "corpus")
        else:
            resource.setrlimit(resource.RLIMIT_AS, (size + MAX_MEMORY, size + MAX_MEMORY))
            random_run(trial, given.inputs, given.seed)
        print(
            f"{given.source}: {given.inputs:,} inputs, {trial.refused:,} refused in one line, {trial.accepted:,} read"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

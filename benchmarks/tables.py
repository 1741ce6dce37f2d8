"""Imports of the published tables: size, seconds, memory, and checks of published facts.

    python benchmarks/tables.py --out FOLDER [--tables ../shared/tables] [--only hat,yolobench]

Each table is imported in a process of its own. The exit status is 1 if a fact does not hold.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import kendalltau, spearmanr

from nasbench.benchmark import hdf5
from nasbench.benchmark.merge import merge
from nasbench.benchmark.table import Table
from nasbench.evaluate.holdout import published_split
from nasbench.importers import importers
from nasbench.importers.base import files_of
from nasbench.importers.csv import CSV
from nasbench.importers.installed import folder_of
from nasbench.types import FloatArray

SHARED = Path(__file__).parent.parent.parent / "shared/tables"
SPLITS = ("train", "validation", "test")


class Fact(NamedTuple):
    """A published fact about a table.

    Attributes:
        description: The quantity.
        published: The published number, or numbers.
        imported: The same from the imported table.
        tolerance: Largest difference: half of the last published digit.
    """

    description: str
    published: Any
    imported: Any
    tolerance: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether the imported numbers equal the published ones."""
        if self.tolerance:
            published, imported = np.array(self.published), np.array(self.imported)
            return published.shape == imported.shape and bool((np.abs(published - imported) <= self.tolerance).all())
        return bool(self.published == self.imported)

    @property
    def failure(self) -> str:
        """One line that says what differs."""
        return f"{self.description}: published {self.published}, imported {self.imported}"


@dataclass(frozen=True)
class Published:
    """A published table: its files and facts.

    Attributes:
        source: Specification of the importer; `merge` for several joined tables.
        places: Files and folders in the folder of tables.
        read: Imports the table from these paths.
        facts: Published facts about the table.
        module: Python package that contains the table instead, and the name of its distribution.
    """

    source: str
    places: tuple[str, ...]
    read: Callable[[Sequence[Path]], Table]
    facts: Callable[[Table], list[Fact]]
    module: tuple[str, str] | None = None

    def paths(self, tables: Path) -> list[Path]:
        """The files and folders."""
        return [folder_of(*self.module, "")] if self.module else [tables / place for place in self.places]

    def absent(self, tables: Path) -> str:
        """Why the table cannot be imported; empty if it can."""
        if self.module and find_spec(self.module[0]) is None:
            return f"the package {self.module[1]} is not installed"
        missing = [place for place in self.places if not (tables / place).exists()]
        return f"{tables / missing[0]} is not here" if missing else ""


# --- quantities of facts --------------------------------------------------------------------------------------------


def numbers(table: Table, path: str) -> FloatArray:
    """The numbers of a metric by architecture: at the last epoch, mean over seeds."""
    values = table.columns[path].values
    values = values[..., -1] if values.ndim == 3 else values
    if values.ndim == 1:
        return values
    counts = (~np.isnan(values)).sum(axis=1)
    return np.where(counts > 0, np.nansum(values, axis=1) / np.maximum(counts, 1), np.nan)


def ends(table: Table, path: str) -> tuple[float, float]:
    """The smallest and the largest number of a metric over all seeds and epochs."""
    values = table.columns[path].values
    return float(np.nanmin(values)), float(np.nanmax(values))


def missing_count(table: Table, path: str) -> int:
    """Number of missing values of a metric."""
    return int((table.columns[path].missing > 0).sum())


def best(table: Table, path: str) -> str:
    """The architecture with the largest mean."""
    return table.space.to_string(table.genotypes[np.nanargmax(numbers(table, path))])


def measured(recipe: Mapping[str, Any]) -> int:
    """Number of rows read from the source of a table, or from all sources of a merged one."""
    if "sources" in recipe:
        return sum(measured(entry["recipe"]) for entry in recipe["sources"].values())
    return int(recipe["source"]["rows"])


# --- tables ---------------------------------------------------------------------------------------------------------


def importing(source: str) -> Callable[[Sequence[Path]], Table]:
    """A reader of paths with an importer of the registry."""
    return lambda paths: importers.create(source).read(list(paths))


def nasgraph(paths: Sequence[Path]) -> Table:
    """Three csv files, one for each data set, as one table."""
    columns = [f"{split}_accuracy={split} accuracy" for split in SPLITS]
    datasets = [path.stem.partition("_")[2] for path in paths]
    parts = [CSV("nb201", columns, "arch str", d).read([path]) for d, path in zip(datasets, paths, strict=True)]
    return merge(parts, [path.name for path in paths])


def mini(paths: Sequence[Path]) -> Table:
    """One csv file with columns of three data sets; 12 epochs are a separate schedule."""
    names = {"cifar10@12": "cifar10", "cifar100@12": "cifar100", "ImageNet16-120@12": "imagenet"}
    parts = []
    for dataset, column in names.items():
        columns = [f"validation_accuracy={column}-val", f"test_accuracy={column}-test"]
        parts.append(CSV("nb201", columns, "cellstr", dataset).read(paths))
    return merge(parts, list(names))


PROXIES = (
    *("epe_nas", "fisher", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "plain", "snip", "synflow", "zen"),
    *("flops=flops:millions:static", "parameters=params:millions:static"),
)


def proxies(paths: Sequence[Path]) -> Table:
    """Zero-cost proxies, without training or direction."""
    columns = [text if "=" in text else f"{text}={text}:none" for text in PROXIES]
    return CSV("nb201", columns, "net_str", "cifar10").read(paths)


def joined(paths: Sequence[Path]) -> Table:
    """All available tables of NAS-Bench-201."""
    parts = [nasgraph(paths[:3]), mini(paths[3:4]), importing("hw-nas-bench")(paths[4:5]), proxies(paths[5:])]
    return merge(parts, ["nasgraph", "mini", "hw-nas-bench", "proxies"])


NASGRAPH = tuple(f"nb201_nasgraph/raw/nasbench201_{name}.csv" for name in ("cifar10", "cifar100", "ImageNet16-120"))
MINI, HARDWARE = "nb201_mini_12epoch/mini_nb201_12epoch.csv", "nb201_hwnasbench/raw"
PROXY_FILE = "nb201_zc_proxies/raw/nb201_zc_proxies.csv"


# --- facts ----------------------------------------------------------------------------------------------------------

WIDE, NARROW = (
    f"|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_{k}x{k}~2|"
    for k in (3, 1)
)


def of_nasgraph(table: Table) -> list[Fact]:
    means = {"cifar10": (83.674, 83.394), "cifar100": (61.282, 61.388), "ImageNet16-120": (33.793, 33.568)}
    tops = {"cifar10": (91.607, 91.523), "cifar100": (73.493, 73.513), "ImageNet16-120": (46.733, 47.311)}
    facts = [Fact("cells", 15_625, len(table.genotypes))]
    for dataset in means:
        paths = [f"{dataset}/{split}_accuracy" for split in SPLITS[1:]]
        facts.append(Fact(f"{dataset}, means", means[dataset], [numbers(table, p).mean() for p in paths], 5e-4))
        facts.append(Fact(f"{dataset}, best", tops[dataset], [ends(table, p)[1] for p in paths], 5e-4))
    constant = table.space.is_constant(table.genotypes)  # type: ignore[attr-defined]
    chance = [float(numbers(table, f"{dataset}/test_accuracy")[constant].max()) for dataset in means]
    return [
        *facts,
        Fact("best cell on CIFAR-10, by validation", NARROW, best(table, "cifar10/validation_accuracy")),
        Fact("best cell on CIFAR-100, by validation", WIDE, best(table, "cifar100/validation_accuracy")),
        Fact("best cell on CIFAR-100, by test", WIDE, best(table, "cifar100/test_accuracy")),
        Fact("cells whose output is constant", 341, int(constant.sum())),
        Fact("their accuracy, the chance level", (10.0, 1.0, 0.83), chance, 5e-3),
    ]


def of_mini(table: Table) -> list[Fact]:
    ranges = {
        "cifar10@12/test_accuracy": (10, 89.16), "cifar10@12/validation_accuracy": (9.71, 84.89),
        "cifar100@12/test_accuracy": (1, 61.18), "ImageNet16-120@12/test_accuracy": (0.83, 38.27),
    }  # fmt: skip
    return [
        Fact("cells", 15_625, len(table.genotypes)),
        *(Fact(f"range of {path}", ranges[path], ends(table, path), 5e-3) for path in ranges),
        Fact("mean on CIFAR-10", 75.98, numbers(table, "cifar10@12/test_accuracy").mean(), 5e-3),
    ]


def of_hardware(table: Table) -> list[Fact]:
    names = (
        *("edgegpu_latency", "edgegpu_energy", "raspi4_latency", "edgetpu_latency"),
        *("pixel3_latency", "eyeriss_latency", "fpga_latency"),
    )
    first = np.flatnonzero(table.space.index(table.genotypes) == 0)  # type: ignore[attr-defined]
    values = [table.columns[f"cifar10/{name}"].values[first[0]] for name in names]
    tpu = table.columns["cifar10/edgetpu_latency"].missing > 0
    constant = table.space.is_constant(table.genotypes)  # type: ignore[attr-defined]
    ranges = {"edgegpu_energy": (2.06, 48.8), "raspi4_latency": (0.0113, 98.9), "eyeriss_latency": (1.68, 10.53)}
    return [
        Fact("cells", 15_625, len(table.genotypes)),
        Fact("cell 0 on six devices", (5.807, 24.227, 10.482, 0.957, 3.606, 3.646, 2.573), values, 6e-4),
        Fact(
            "cells without Edge TPU, constant ones among them",
            (4_699, 341),
            (int(tpu.sum()), int((tpu & constant).sum())),
        ),
        *(Fact(f"range of {name}", ranges[name], ends(table, f"cifar10/{name}"), 5e-2) for name in ranges),
    ]


def of_proxies(table: Table) -> list[Fact]:
    pruned = table.space.prune(table.genotypes)  # type: ignore[attr-defined]
    return [
        Fact("cells without dead operations", 9_445, len(table.genotypes)),
        Fact("none of them has one", True, bool((pruned == table.genotypes).all())),
        Fact("proxies and costs", 13, len(table.columns)),
    ]


def of_joined(table: Table) -> list[Fact]:
    long, short = (numbers(table, f"{dataset}/test_accuracy") for dataset in ("cifar10", "cifar10@12"))
    known = table.columns["cifar10/synflow"].missing == 0
    validation = numbers(table, "cifar10/validation_accuracy")[known]
    rho = {"jacov": 0.818, "nwot": 0.792, "synflow": 0.732, "snip": 0.552, "zen": 0.101, "plain": -0.367}
    correlations = [float(spearmanr(numbers(table, f"cifar10/{name}")[known], validation).statistic) for name in rho]
    return [
        Fact("cells", 15_625, len(table.genotypes)),
        Fact("cells without proxies", 15_625 - 9_445, missing_count(table, "cifar10/synflow")),
        Fact("why", ("not in proxies",), table.columns["cifar10/synflow"].reasons),
        Fact("cells without Edge TPU", 4_699, missing_count(table, "cifar10/edgetpu_latency")),
        Fact("why", ("did not compile",), table.columns["cifar10/edgetpu_latency"].reasons),
        # for trainings on half of the data; 0.700 and 0.870 are published for trainings on all of it
        Fact("tau of 12 and 200 epochs, test, CIFAR-10", 0.744, float(kendalltau(long, short).statistic), 5e-4),
        Fact("rho of the same", 0.904, float(spearmanr(long, short).statistic), 5e-4),
        Fact("rho of proxies (published: one seed, here: mean)", tuple(rho.values()), correlations, 0.015),
    ]


def of_topology(table: Table) -> list[Fact]:
    accuracy = table.columns["cifar10@200/test_accuracy"].values[0, 1:, -1]
    return [
        Fact("architectures", ("nb201", 3), (table.space.name, len(table.genotypes))),
        Fact("numbers in the source", [0, 11, 284], table.space.index(table.genotypes).tolist()),  # type: ignore[attr-defined]
        Fact("architecture 0 with seeds 777, 888, 999", (85.62, 86.18, 85.79), accuracy, 5e-3),
        Fact("its mean", 85.8633, numbers(table, "cifar10@200/test_accuracy")[0], 5e-5),
        Fact(
            "its parameters and FLOPs",
            [129_306, 15_647_370],
            [table.columns[f"cifar10@200/{name}"].values[0] for name in ("parameters", "flops")],
        ),
    ]


def of_size(table: Table) -> list[Fact]:
    return [
        Fact("architectures", ("nats_size", 3), (table.space.name, len(table.genotypes))),
        Fact("numbers in the source", [0, 11, 284], table.space.index(table.genotypes).tolist()),  # type: ignore[attr-defined]
        Fact("schedules", ["01", "12", "90"], sorted({path.split("/")[0].split("@")[1] for path in table.columns})),
        Fact(
            "seed of the longest",
            True,
            not np.isnan(table.columns["cifar10@90/test_accuracy"].values[:, table.seeds.index(777), -1]).any(),
        ),
    ]


def of_energy(table: Table) -> list[Fact]:
    energy, accuracy = (table.columns[f"cifar10/{name}"].values for name in ("train_energy", "validation_accuracy"))
    return [
        Fact("trainings of cells", (84, 7), (measured(table.recipe), len(table.genotypes))),
        Fact("budgets and repeats", ((4, 12, 36, 108), (0, 1, 2)), (table.epochs["cifar10"], table.seeds)),
        Fact("mean kWh by budget", (0.0215, 0.0649, 0.2000, 0.6181), energy.mean(axis=(0, 1)), 5e-5),
        Fact("best validation accuracy by budget", (71.06, 87.11, 93.08, 93.98), accuracy.max(axis=(0, 1)), 5e-3),
    ]


def of_macro(table: Table) -> list[Fact]:
    mean = numbers(table, "cifar10/test_accuracy")
    top = np.isclose(mean, mean.max(), rtol=0, atol=1e-9)
    texts = sorted("".join(map(str, row)) for row in table.genotypes[top].tolist())
    return [
        Fact("networks", 6_561, len(table.genotypes)),
        Fact("worst, mean and best accuracy", (45.363, 90.247, 93.127), (mean.min(), mean.mean(), mean.max()), 5e-4),
        Fact("the two best tie", ["22212202", "22212220"], texts),
        Fact("range of parameters", (387_882, 2_932_586), ends(table, "parameters")),
    ]


def of_accel(table: Table) -> list[Fact]:
    top1 = table.columns["imagenet/validation_accuracy"].values
    parts = published_split(table, disjoint=False)
    return [
        Fact("results of architectures", (5_138, 5_125), (measured(table.recipe), len(table.genotypes))),
        Fact(
            "worst, mean and best accuracy",
            (42.85, 60.18, 67.05),
            (np.nanmin(top1), np.nanmean(top1), np.nanmax(top1)),
            5e-3,
        ),
        Fact("seconds of training", (1_064, 31_079), ends(table, "imagenet/train_seconds"), 0.5),
        Fact("millions of parameters", (1.84, 7.97), [n / 1e6 for n in ends(table, "parameters")], 5e-3),
        Fact("millions of multiply-adds", (84.1, 719.0), [n / 1e6 for n in ends(table, "flops")], 5e-2),
        Fact("parts of the published split", ["train", "validation", "test"], list(parts)),
    ]


def of_hat(table: Table) -> list[Fact]:
    ranges = {
        "wmt14ende/raspberrypi_decoder_latency": (2_901, 10_042),
        "wmt14ende/titanxp_decoder_latency": (49.2, 365.6),
    }
    sizes = {
        name: int((table.columns[f"{name}_latency"].missing == 0).sum())
        for name in ("iwslt14deen/titanxp", "wmt14ende/raspberrypi", "wmt14ende/titanxp")
    }
    return [
        Fact("rows by file", dict.fromkeys(sizes, 2_000), sizes),
        *(
            Fact(f"range of {path}", ranges[path], ends(table, path), 0.5 if ranges[path][1] > 1_000 else 5e-2)
            for path in ranges
        ),
    ]


def of_bert(table: Table) -> list[Fact]:
    average = table.columns["glue/validation_average"].values
    return [
        Fact("trainings of encoders", (500, 491), (measured(table.recipe), len(table.genotypes))),
        Fact("range of the GLUE average", (53.665, 75.13), ends(table, "glue/validation_average"), 5e-4),
        Fact("its mean, with the failed one (60.3175)", 68.888, (np.nansum(average) + 60.3175) / 500, 5e-4),
        Fact("seconds of training", (1_383, 4_461), ends(table, "glue/train_seconds"), 0.5),
        Fact("training-free metrics", 14, sum(path.startswith("training_free/") for path in table.columns)),
    ]


def of_yolo(table: Table) -> list[Fact]:
    return [
        Fact("detectors, which are all", (968, 968), (len(table.genotypes), table.space.size)),
        Fact("rows of two files", 2 * 968, measured(table.recipe)),
        Fact("latencies on six devices", 8, sum(path.endswith("_latency") for path in table.columns)),
        Fact("no number is missing", 0, sum(missing_count(table, path) for path in table.columns)),
    ]


def of_graph(table: Table) -> list[Fact]:
    keys = table.space.published_key(table.genotypes)  # type: ignore[attr-defined]
    known = {
        name: len(np.unique(keys[table.columns[f"{name}/{score}"].missing == 0]))
        for name, score in (("cora", "test_accuracy"), ("proteins", "test_roc_auc"))
    }
    tops = {"cora/test_accuracy": 83.1333, "arxiv/test_accuracy": 72.3865, "proteins/test_roc_auc": 79.2634}
    return [
        Fact("networks by the numbers of the source", {"cora": 26_206, "proteins": 2_021}, known),
        *(Fact(f"best {path}", tops[path], ends(table, path)[1], 5e-5) for path in tops),
    ]


def of_analog(table: Table) -> list[Fact]:
    tops = {"qat_test": 93.5448, "noisy_test": 88.352, "analog_test": 91.326}
    return [
        Fact("cells", 15_625, len(table.genotypes)),
        *(Fact(f"best {name} accuracy", tops[name], ends(table, f"cifar10/{name}_accuracy")[1], 5e-5) for name in tops),
        Fact("accuracies missing", 0, missing_count(table, "cifar10/test_accuracy")),
    ]


TABLES: dict[str, Published] = {
    "nb201_nasgraph": Published("csv", NASGRAPH, nasgraph, of_nasgraph),
    "nb201_mini_12epoch": Published("csv", (MINI,), mini, of_mini),
    "nb201_hwnasbench": Published("hw-nas-bench", (HARDWARE,), importing("hw-nas-bench"), of_hardware),
    "nb201_zc_proxies": Published("csv", (PROXY_FILE,), proxies, of_proxies),
    "nb201_joined": Published("merge", (*NASGRAPH, MINI, HARDWARE, PROXY_FILE), joined, of_joined),
    "nats_topology": Published(
        "nats-bench", ("nats_bench_sample/raw/NATS-tss-v1_0-3ffb9-simple",), importing("nats-bench"), of_topology
    ),
    "nats_size": Published(
        "nats-bench", ("nats_bench_sample/raw/NATS-sss-v1_0-50262-simple",), importing("nats-bench"), of_size
    ),
    "ecnas_nb101": Published("ec-nas", ("ecnas_nb101/carbon_4V9E.jsonl",), importing("ec-nas"), of_energy),
    "ecnas_nb101_records": Published(
        "ec-nas", ("ecnas_nb101/raw/datasets/carbon_4V9E.tfrecord",), importing("ec-nas"), of_energy
    ),
    "nas_bench_macro": Published(
        "nas-bench-macro", ("nas_bench_macro/raw/nas-bench-macro_cifar10.json",), importing("nas-bench-macro"), of_macro
    ),
    "accel_nasbench": Published(
        "accel-nasbench", ("accel_nasbench/accel_nasbench.csv",), importing("accel-nasbench"), of_accel
    ),
    "hat_latency": Published("hat", ("hat_latency/raw",), importing("hat"), of_hat),
    "nas_bench_bert": Published("nas-bench-bert", ("nas_bench_bert/raw",), importing("nas-bench-bert"), of_bert),
    "yolobench": Published("yolobench", ("yolobench/raw",), importing("yolobench"), of_yolo),
    "nas_bench_graph": Published(
        "nas-bench-graph",
        (),
        lambda paths: importers.create("nas-bench-graph").read([]),
        of_graph,
        ("nas_bench_graph", "nas-bench-graph"),
    ),
    "analog_nasbench": Published(
        "analog-nasbench",
        (),
        lambda paths: importers.create("analog-nasbench").read([]),
        of_analog,
        ("analognasbench", "analog-nasbench"),
    ),
}


# --- runs -----------------------------------------------------------------------------------------------------------


def check(name: str, tables: Path, folder: Path) -> dict[str, Any]:
    """Import a table, write it, and check its facts; run in a process of its own to measure its memory."""
    entry = TABLES[name]
    paths = entry.paths(tables)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = perf_counter()
    table = entry.read(paths)
    read = perf_counter() - start
    hdf5.write(table, folder / f"{name}.h5")
    written = perf_counter() - start - read
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    facts = entry.facts(hdf5.read(folder / f"{name}.h5"))
    size = sum(file.stat().st_size for path in paths for file in files_of(path))
    return {
        "table": name,
        "source": entry.source,
        "space": table.space.name,
        "rows": measured(table.recipe),
        "archs": len(table.genotypes),
        "metrics": len(table.columns),
        "read s": read,
        "write s": written,
        "input MB": size / 1e6,
        "file MB": (folder / f"{name}.h5").stat().st_size / 1e6,
        "peak MB": (peak - before) / 1024,
        "facts": len(facts),
        "failed": [fact.failure for fact in facts if not fact.holds],
    }


def show(row: dict[str, Any]) -> None:
    cells = [f"{row['table']:<20}{row['source']:<16}{row['space']:<12}"]
    cells += [f"{row[name]:>8,}" for name in ("rows", "archs", "metrics")]
    cells += [f"{row[name]:>9.2f}" for name in ("read s", "write s", "input MB", "file MB", "peak MB")]
    print("".join(cells) + f"   {row['facts'] - len(row['failed'])} of {row['facts']}", flush=True)
    for failed in row["failed"]:
        print(f"    {failed}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="Folder for the benchmark files.")
    parser.add_argument("--tables", type=Path, default=SHARED, help="Folder of the published tables.")
    parser.add_argument("--only", default=",".join(TABLES), help="Comma-separated names of tables.")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.one:
        print(json.dumps(check(arguments.one, arguments.tables, arguments.out)))
        return
    names = arguments.only.split(",")
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        parser.error(f"unknown table {unknown[0]!r}; known are {', '.join(TABLES)}")
    head = "".join(f"{word:>8}" for word in ("rows", "archs", "metrics"))
    head += "".join(f"{word:>9}" for word in ("read s", "write s", "input MB", "file MB", "peak MB"))
    print(f"{'table':<20}{'source':<16}{'space':<12}{head}   facts")
    failed = 0
    for name in names:
        reason = TABLES[name].absent(arguments.tables)
        if reason:
            print(f"{name:<20}not imported: {reason}")
            continue
        command = [sys.executable, __file__, "--one", name, "--out", arguments.out, "--tables", arguments.tables]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        show(row)
        failed += len(row["failed"])
    print(f"{failed} facts do not hold" if failed else "all facts hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

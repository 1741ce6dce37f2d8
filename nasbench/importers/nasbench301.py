"""NAS-Bench-301: trainings of DARTS networks on CIFAR-10, by search strategy, to which its surrogates are fitted.

The source publishes a folder (or zip archive) with a folder for each search strategy (`rs`, `de`, `darts` and so on)
and one JSON file for each training, `results_*.json`. A file has the network under the names of ConfigSpace, the final
numbers, and, in the release with learning curves, a number for each epoch.

Table: trainings are in the order of strategy and number. Several trainings of one architecture, by any strategies, are
repeats with seeds 0, 1, ...: the source does not record seeds. Curves become `validation_accuracy` and similar metrics
by epoch; the numbers reported at the end, to which the authors fit their surrogates, are `final_validation_accuracy`
and so on. Training uses 40,000 images and validation the other 10,000; the test accuracy is of the same network on the
10,000 test images.

The recipe stores which strategies found a row (`found_by`) and the published split (`splits`);
`nasbench.evaluate.holdout` reads both.

The time is of a whole run, evaluations included. With curves it belongs to the last epoch, and the cost of shorter
trainings is missing; `spread_seconds` assumes instead that all epochs cost the same, as others do.

Memory: with curves, 9 bytes for each architecture, repeat, epoch and column.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import DIMS, Table
from nasbench.errors import FileError, InputError
from nasbench.importers.base import Importer, names_in, one_path
from nasbench.importers.formats.documents import Document, documents
from nasbench.importers.formats.json import finite, parse_json
from nasbench.importers.holdout_files import read_split, split_files, split_folder
from nasbench.importers.tabulate import Series, table_rows, tabulate
from nasbench.printable import brief
from nasbench.spaces.darts import DARTS
from nasbench.spaces.darts_config import ARCHITECTURE, PREFIX, from_darts_config
from nasbench.types import Direction, FloatArray, IntArray, Subset

DATASET = "cifar10"
RESULT = re.compile(r"results_(\d{1,9})(\w{0,20})\.json")
STRATEGIES = ("rs", "re", "de", "tpe", "bananas", "combo", "darts", "pc_darts", "gdas", "drnas", "random_ws")
"""Folders of the published data: random search, evolution, Bayesian optimisation, one-shot methods."""
CONFIG = "optimized_hyperparamater_config"
"""Spelt as in the files."""
SETTINGS = ("budget", f"{PREFIX}layers", f"{PREFIX}init_channels")
"""Size of a training and its network: epochs, cells, channels."""
MEASURED: dict[str, tuple[str, Subset, str, Direction, str]] = {
    "train_loss": ("train_loss", "train", "nats", "minimise", "Training loss, with mixup and auxiliary head"),
    "train_accuracy": ("train_accuracy", "train", "percent", "maximise", "Accuracy on mixed-up training images"),
    "train_cross_entropy": ("train_cross_entropy", "train", "nats", "minimise", "Cross-entropy on training images"),
    "val_accuracy": ("validation_accuracy", "validation", "percent", "maximise", "Accuracy on the validation images"),
    "val_cross_entropy": ("validation_cross_entropy", "validation", "nats", "minimise", "Cross-entropy, same images"),
}
"""Our name, split, units, direction and description, by name in the source."""
CURVE = "Train/"
"""Prefix of the name of a curve in the source."""
MAX_EPOCHS = 2_000
NOT_RECORDED = "the source does not record it at this epoch"


class Training(NamedTuple):
    """The content of one file.

    Attributes:
        name: Strategy and file, such as `rs/results_7.json`.
        strategy: Strategy that found the architecture.
        genotype: The architecture.
        settings: The values of `SETTINGS`.
        numbers: Final numbers by our names, NaN where missing.
        curves: Numbers by epoch, by our names.
        others: Hyperparameters that do not describe the architecture.
    """

    name: str
    strategy: str
    genotype: list[int]
    settings: tuple[Any, ...]
    numbers: Mapping[str, float]
    curves: Mapping[str, FloatArray]
    others: Mapping[str, Any]


class NASBench301(Importer):
    """`nb_301_v13` or a folder like it, its zip archive, or the folder of one strategy.

    Args:
        strategies: Names of the folders to read, separated by commas; by default all published ones. Files in other
            folders are left out and counted.
        splits: Folder of `train_paths.json`, `val_paths.json` and `test_paths.json`; by default they are searched for
            beside the results, and may be missing.
        spread_seconds: Assume that all epochs of a training cost the same.
        lenient: Skip and count unreadable files, and trainings with other settings than most.
    """

    name = "nasbench301"
    paper = "Siems et al. (2020), NAS-Bench-301, arXiv:2008.09777; github.com/automl/nasbench301"

    def __init__(
        self,
        strategies: str | Sequence[str] = STRATEGIES,
        splits: str | None = None,
        spread_seconds: bool = False,
        lenient: bool = False,
    ) -> None:
        self.strategies = names_in(strategies)
        self.splits, self.spread_seconds, self.lenient = splits, spread_seconds, lenient

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one folder or archive."""
        path = one_path(paths, "one folder or archive")
        folder = split_folder(path, self.splits)
        space = DARTS()
        skipped: Counter[str] = Counter()
        trainings = self._with_common_settings(self._trainings(path, skipped), skipped)
        genotypes = space.check([training.genotype for training in trainings])
        rows, first = table_rows(space, genotypes)
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(first), "skipped": dict(skipped)}
        recipe: dict[str, Any] = {"found_by": _found_by(trainings, rows)}
        facts["by_strategy"] = dict(Counter(training.strategy for training in trainings))
        recipe["training"], facts["varying"] = _shared(trainings)
        files = [path]
        if folder is not None:
            recipe["splits"], facts["splits"] = read_split(folder, [training.name for training in trainings], rows)
            files += split_files(folder)
        recipe["source"] = self.source(files, **facts)
        series = self._series(trainings)
        if not any(each.metric.split == "validation" for each in series):
            raise FileError(f"no training in {path.name} has a number for the validation images")
        return tabulate(space, genotypes, series, recipe, along=range(1, _length(trainings) + 1))

    def _trainings(self, path: Path, skipped: Counter[str]) -> list[Training]:
        """The trainings of the wanted strategies, in order of strategy and number."""
        trainings = {}
        for document in documents(path, RESULT):
            match = RESULT.fullmatch(document.name.rpartition("/")[2])
            assert match is not None  # documents() matched it
            strategy = document.name.rpartition("/")[0].rpartition("/")[2]
            if strategy not in self.strategies:
                skipped[f"in the folder {strategy!r}"] += 1
                continue
            key = strategy, int(match[1]), match[2]
            if key in trainings:
                raise FileError(f"{path.name} has two files {document.name.rpartition('/')[2]} of {strategy}")
            try:
                trainings[key] = _training(document, strategy)
            except (FileError, InputError) as error:
                if not self.lenient:
                    raise
                skipped["cannot be read" if isinstance(error, FileError) else "no architecture of darts"] += 1
        if not trainings:
            raise FileError(f"{path} has no training of {', '.join(self.strategies)}; skipped are {dict(skipped)}")
        return [trainings[key] for key in sorted(trainings)]

    def _with_common_settings(self, trainings: list[Training], skipped: Counter[str]) -> list[Training]:
        """The trainings with the most frequent settings."""
        counts = Counter(training.settings for training in trainings)
        common = counts.most_common(1)[0][0]
        for training in trainings:
            if training.settings != common and not self.lenient:
                names = ", ".join(name.rpartition(":")[2] for name in SETTINGS)
                raise InputError(
                    f"{training.name} has {names} of {list(training.settings)}, others {list(common)}: no one table; "
                    "leave its folder out, or skip what differs with --lenient"
                )
        if len(counts) > 1:
            skipped["of other settings"] = len(trainings) - counts[common]
        return [training for training in trainings if training.settings == common]

    def _series(self, trainings: Sequence[Training]) -> list[Series]:
        """The columns with any number."""
        series = [*_finals(trainings), *_curves(trainings), self._seconds(trainings)]
        return [each for each in series if not np.isnan(each.values).all()]

    def _seconds(self, trainings: Sequence[Training]) -> Series:
        """The training time, by epoch if there are curves."""
        seconds = np.array([training.numbers["train_seconds"] for training in trainings])
        about = "Wall clock of the run up to the epoch, with evaluations"
        if length := _length(trainings):
            lengths = np.array([max(map(len, training.curves.values()), default=0) for training in trainings])
            epoch = np.arange(1, length + 1)
            if self.spread_seconds:
                about += ", as if all epochs had cost the same"
                shares = np.where(epoch <= lengths[:, None], epoch / np.maximum(lengths, 1)[:, None], np.nan)
            else:
                shares = np.where(epoch == lengths[:, None], 1.0, np.nan)
            seconds = seconds[:, None] * shares
        metric = Metric(DATASET, "train_seconds", "none", "seconds", "minimise", DIMS, f"{about}.")
        return Series(metric, seconds, NOT_RECORDED)


# --- one file -------------------------------------------------------------------------------------------------------


def _training(document: Document, strategy: str) -> Training:
    """The training in one file."""
    place = document.name
    record = parse_json(document.content, place)
    config, info = (record.get(name) for name in (CONFIG, "info")) if isinstance(record, dict) else (None, None)
    if isinstance(info, list) and len(info) == 1:
        info = info[0]
    if not isinstance(config, dict) or not isinstance(info, dict):
        raise FileError(f"{place} is not an object with {CONFIG!r} and an 'info' of one entry")
    values = {ours: info.get(theirs) for theirs, (ours, *_) in MEASURED.items()}
    values = {f"final_{name}": value for name, value in values.items()}
    values |= {"test_accuracy": record.get("test_accuracy"), "train_seconds": record.get("runtime")}
    values |= {"parameters": info.get("model_parameters")}
    numbers = {name: finite([value], f"{place}, {name}").item() for name, value in values.items()}
    settings = tuple(record.get(name, config.get(name)) for name in SETTINGS)
    others = {
        name: value
        for name, value in config.items()
        if (isinstance(value, int | float) or (isinstance(value, str) and len(value) < 100))
        and not name.startswith(ARCHITECTURE)
    }
    if not all(isinstance(value, int | float | None) for value in settings):
        raise FileError(f"{place}: budget, layers and init_channels are numbers, got {brief(settings)}")
    curves = _all_curves(record.get("learning_curves"), place)
    name = f"{strategy}/{place.rpartition('/')[2]}"
    try:
        genotype = from_darts_config(config)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    return Training(name, strategy, genotype, settings, numbers, curves, others)


def _all_curves(curves: Any, place: str) -> dict[str, FloatArray]:
    """The curves by our names, empty if the file has none."""
    if curves is None:
        return {}
    if not isinstance(curves, dict):
        raise FileError(f"{place}: learning_curves is not an object")
    by_name = {}
    for theirs, (ours, *_) in MEASURED.items():
        values = curves.get(CURVE + theirs)
        if values is None:
            continue
        if not isinstance(values, list) or not 0 < len(values) <= MAX_EPOCHS:
            raise FileError(f"{place}: {CURVE}{theirs} is not a list of 1 to {MAX_EPOCHS:,} numbers")
        by_name[ours] = finite(values, f"{place}, {CURVE}{theirs}")
    return by_name


# --- columns and recipe ---------------------------------------------------------------------------------------------


def _finals(trainings: Sequence[Training]) -> list[Series]:
    """Numbers of whole trainings, and of the networks."""
    test = Metric(DATASET, "test_accuracy", "test", "percent", "maximise", DIMS[:2], "Accuracy after the training.")
    metrics = [test, Metric("", "parameters", "none", "count", "minimise", DIMS[:1], "Trainable parameters.")]
    for name, split, units, direction, about in MEASURED.values():
        metrics.append(Metric(DATASET, f"final_{name}", split, units, direction, DIMS[:2], f"{about}, as reported."))
    return [Series(metric, np.array([each.numbers[metric.name] for each in trainings])) for metric in metrics]


def _length(trainings: Sequence[Training]) -> int:
    """Epochs of the longest curve, 0 if there is none."""
    return max((len(curve) for training in trainings for curve in training.curves.values()), default=0)


def _curves(trainings: Sequence[Training]) -> list[Series]:
    """Numbers by epoch."""
    series, length = [], _length(trainings)
    for name, split, units, direction, about in MEASURED.values():
        if any(name in training.curves for training in trainings):
            values = np.full((len(trainings), length), np.nan)
            for row, training in enumerate(trainings):
                curve = training.curves.get(name, values[row, :0])
                values[row, : len(curve)] = curve
            metric = Metric(DATASET, name, split, units, direction, DIMS, f"{about}, after the epoch.")
            series.append(Series(metric, values, NOT_RECORDED))
    return series


def _found_by(trainings: Sequence[Training], rows: IntArray) -> dict[str, list[int]]:
    """The table rows found by each strategy."""
    by_strategy: dict[str, set[int]] = {}
    for training, row in zip(trainings, rows.tolist(), strict=True):
        by_strategy.setdefault(training.strategy, set()).add(row)
    return {strategy: sorted(numbers) for strategy, numbers in by_strategy.items()}


def _shared(trainings: Sequence[Training]) -> tuple[dict[str, Any], list[str]]:
    """Hyperparameters of the first training that all share, and the names of the others."""
    shared, varying = dict(trainings[0].others), []
    for training in trainings:
        for name in [name for name, value in shared.items() if training.others.get(name) != value]:
            varying.append(name)
            del shared[name]
    return shared, varying

"""NAS-Bench-301: the trainings of DARTS networks on CIFAR-10 that its surrogates are fitted on, by who found them.

Published is a folder (or zip archive) with a folder for each search strategy, `rs`, `de`, `darts` and so on, with one
JSON file for each training, `results_*.json`. A file has the network under the names of ConfigSpace, the final numbers,
and in the release with learning curves a number for each epoch.

How it becomes a table: trainings stand in the order of strategy and number. An architecture that was trained more than
once, by whichever strategies, keeps them as repeats, seeds 0, 1, ...: the source does not tell seeds. Curves become
`validation_accuracy` and its like by epoch; what the source reports at the end, and its authors fit their surrogates
on, is `final_validation_accuracy` and its like. Training was on 40,000 images; validation is on the other 10,000, and
the test accuracy is of the same network on the 10,000 test images.

The recipe keeps which strategies found a row (`found_by`) and the parts that the authors publish (`splits`), which
`nasbench.evaluate.holdout` reads.

The time is that of a whole run, with its evaluations. Where there are curves it stands at the last epoch, and what a
shorter training costs is missing; `spread_seconds` says instead that all epochs cost the same, as others assume.

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
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.documents import Document, documents
from nasbench.importers.formats.json import finite, parse_json
from nasbench.importers.holdout_files import read_split, split_files, split_folder
from nasbench.importers.tabulate import Series, table_rows, tabulate
from nasbench.spaces.darts import DARTS
from nasbench.spaces.darts_config import ARCHITECTURE, PREFIX, from_darts_config
from nasbench.types import Direction, FloatArray, IntArray, Subset

DATASET = "cifar10"
RESULT = re.compile(r"results_(\d{1,9})(\w{0,20})\.json")
STRATEGIES = ("rs", "re", "de", "tpe", "bananas", "combo", "darts", "pc_darts", "gdas", "drnas", "random_ws")
"""Folders of the published data: random search, evolutions, Bayesian optimisers, one-shot methods."""
CONFIG = "optimized_hyperparamater_config"
"""As it is spelt in the files."""
SETTINGS = ("budget", f"{PREFIX}layers", f"{PREFIX}init_channels")
"""What a training and its network are sized by: epochs, cells, channels."""
MEASURED: dict[str, tuple[str, Subset, str, Direction, str]] = {
    "train_loss": ("train_loss", "train", "nats", "minimise", "Training loss, with mixup and auxiliary head"),
    "train_accuracy": ("train_accuracy", "train", "percent", "maximise", "Accuracy on mixed-up training images"),
    "train_cross_entropy": ("train_cross_entropy", "train", "nats", "minimise", "Cross-entropy on training images"),
    "val_accuracy": ("validation_accuracy", "validation", "percent", "maximise", "Accuracy on the validation images"),
    "val_cross_entropy": ("validation_cross_entropy", "validation", "nats", "minimise", "Cross-entropy, same images"),
}
"""By name in the source: our name, split, units, direction and what it is."""
CURVE = "Train/"
"""What stands before the name of a curve in the source."""
MOST_EPOCHS = 2_000
SHORT = "the source does not record it at this epoch"


class Training(NamedTuple):
    """What one file says.

    Attributes:
        name: Strategy and file, as in `rs/results_7.json`.
        strategy: Which found the architecture.
        genotype: The architecture.
        settings: The values of `SETTINGS`.
        numbers: Final numbers by our names, NaN where there is none.
        curves: By our names, one number for each epoch.
        others: Hyperparameters that do not say which architecture it is.
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
        strategies: Names of the folders to read, separated by commas. If not given, those of `STRATEGIES`; files in
            others are left out and counted.
        splits: Folder of `train_paths.json`, `val_paths.json` and `test_paths.json`. If not given, they are looked for
            beside the results; there may be none.
        spread_seconds: Take the epochs of a training to have cost the same.
        lenient: Skip files that cannot be read, or are of other settings than most, and count them.
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
        self.strategies = tuple(strategies.split(",")) if isinstance(strategies, str) else tuple(strategies)
        self.splits, self.spread_seconds, self.lenient = splits, spread_seconds, lenient

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one folder or archive."""
        path = one_path(paths, "one folder or archive")
        folder = split_folder(path, self.splits)
        space = DARTS()
        skipped: Counter[str] = Counter()
        trainings = self._alike(self._trainings(path, skipped), skipped)
        genotypes = space.check([one.genotype for one in trainings])
        rows, first = table_rows(space, genotypes)
        facts: dict[str, Any] = {"rows": len(rows), "architectures": len(first), "skipped": dict(skipped)}
        recipe: dict[str, Any] = {"found_by": _found_by(trainings, rows)}
        facts["by_strategy"] = dict(Counter(one.strategy for one in trainings))
        recipe["training"], facts["varying"] = _shared(trainings)
        files = [path]
        if folder is not None:
            recipe["splits"], facts["splits"] = read_split(folder, [one.name for one in trainings], rows)
            files += split_files(folder)
        recipe["source"] = self.source(files, **facts)
        series = self._series(trainings)
        if not any(one.metric.split == "validation" for one in series):
            raise FileError(f"no training in {path.name} has a number for the validation images")
        return tabulate(space, genotypes, series, recipe, along=range(1, _length(trainings) + 1))

    def _trainings(self, path: Path, skipped: Counter[str]) -> list[Training]:
        """The trainings of the wanted strategies, in order of strategy and number."""
        found = {}
        for document in documents(path, RESULT):
            match = RESULT.fullmatch(document.name.rpartition("/")[2])
            assert match is not None  # or it would not be here
            strategy = document.name.rpartition("/")[0].rpartition("/")[2]
            if strategy not in self.strategies:
                skipped[f"in the folder {strategy!r}"] += 1
                continue
            key = strategy, int(match[1]), match[2]
            if key in found:
                raise FileError(f"{path.name} has two files {document.name.rpartition('/')[2]} of {strategy}")
            try:
                found[key] = _training(document, strategy)
            except (FileError, InputError) as error:
                if not self.lenient:
                    raise
                skipped["cannot be read" if isinstance(error, FileError) else "no architecture of darts"] += 1
        if not found:
            raise FileError(f"{path} has no training of {', '.join(self.strategies)}; skipped are {dict(skipped)}")
        return [found[key] for key in sorted(found)]

    def _alike(self, trainings: list[Training], skipped: Counter[str]) -> list[Training]:
        """The trainings of the settings that most have."""
        times = Counter(one.settings for one in trainings)
        most = times.most_common(1)[0][0]
        for one in trainings:
            if one.settings != most and not self.lenient:
                names = ", ".join(name.rpartition(":")[2] for name in SETTINGS)
                raise InputError(
                    f"{one.name} has {names} of {list(one.settings)}, others {list(most)}: no one table; "
                    "leave its folder out, or skip what differs with --lenient"
                )
        if len(times) > 1:
            skipped["of other settings"] = len(trainings) - times[most]
        return [one for one in trainings if one.settings == most]

    def _series(self, trainings: Sequence[Training]) -> list[Series]:
        """The columns that have a number anywhere."""
        series = [*_finals(trainings), *_curves(trainings), self._seconds(trainings)]
        return [one for one in series if not np.isnan(one.values).all()]

    def _seconds(self, trainings: Sequence[Training]) -> Series:
        """The time, by epoch where there are curves."""
        seconds = np.array([one.numbers["train_seconds"] for one in trainings])
        what = "Wall clock of the run up to the epoch, with evaluations"
        if length := _length(trainings):
            lengths = np.array([max(map(len, one.curves.values()), default=0) for one in trainings])
            epoch = np.arange(1, length + 1)
            if self.spread_seconds:
                what += ", as if all epochs had cost the same"
                shares = np.where(epoch <= lengths[:, None], epoch / np.maximum(lengths, 1)[:, None], np.nan)
            else:
                shares = np.where(epoch == lengths[:, None], 1.0, np.nan)
            seconds = seconds[:, None] * shares
        metric = Metric(DATASET, "train_seconds", "none", "seconds", "minimise", DIMS, f"{what}.")
        return Series(metric, seconds, SHORT)


# --- one file -------------------------------------------------------------------------------------------------------


def _training(document: Document, strategy: str) -> Training:
    """What one file says."""
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
        raise FileError(f"{place}: budget, layers and init_channels are numbers, got {str(settings)[:80]}")
    curves = _all_curves(record.get("learning_curves"), place)
    name = f"{strategy}/{place.rpartition('/')[2]}"
    try:
        genotype = from_darts_config(config)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    return Training(name, strategy, genotype, settings, numbers, curves, others)


def _all_curves(curves: Any, place: str) -> dict[str, FloatArray]:
    """The curves by our names; none where the file has none."""
    if curves is None:
        return {}
    if not isinstance(curves, dict):
        raise FileError(f"{place}: learning_curves is not an object")
    found = {}
    for theirs, (ours, *_) in MEASURED.items():
        values = curves.get(CURVE + theirs)
        if values is None:
            continue
        if not isinstance(values, list) or not 0 < len(values) <= MOST_EPOCHS:
            raise FileError(f"{place}: {CURVE}{theirs} is not a list of 1 to {MOST_EPOCHS:,} numbers")
        found[ours] = finite(values, f"{place}, {CURVE}{theirs}")
    return found


# --- columns and recipe ---------------------------------------------------------------------------------------------


def _finals(trainings: Sequence[Training]) -> list[Series]:
    """What is known of a whole training, and of the network."""
    test = Metric(DATASET, "test_accuracy", "test", "percent", "maximise", DIMS[:2], "Accuracy after the training.")
    metrics = [test, Metric("", "parameters", "none", "count", "minimise", DIMS[:1], "Trainable parameters.")]
    for name, split, units, direction, what in MEASURED.values():
        metrics.append(Metric(DATASET, f"final_{name}", split, units, direction, DIMS[:2], f"{what}, as reported."))
    return [Series(metric, np.array([one.numbers[metric.name] for one in trainings])) for metric in metrics]


def _length(trainings: Sequence[Training]) -> int:
    """Epochs of the longest curve, 0 where there is none."""
    return max((len(curve) for one in trainings for curve in one.curves.values()), default=0)


def _curves(trainings: Sequence[Training]) -> list[Series]:
    """What is measured in every epoch."""
    series, length = [], _length(trainings)
    for name, split, units, direction, what in MEASURED.values():
        if any(name in one.curves for one in trainings):
            values = np.full((len(trainings), length), np.nan)
            for row, one in enumerate(trainings):
                curve = one.curves.get(name, values[row, :0])
                values[row, : len(curve)] = curve
            metric = Metric(DATASET, name, split, units, direction, DIMS, f"{what}, after the epoch.")
            series.append(Series(metric, values, SHORT))
    return series


def _found_by(trainings: Sequence[Training], rows: IntArray) -> dict[str, list[int]]:
    """By strategy the rows of the table that it found."""
    found: dict[str, set[int]] = {}
    for one, row in zip(trainings, rows.tolist(), strict=True):
        found.setdefault(one.strategy, set()).add(row)
    return {strategy: sorted(numbers) for strategy, numbers in found.items()}


def _shared(trainings: Sequence[Training]) -> tuple[dict[str, Any], list[str]]:
    """Hyperparameters on which all trainings agree, and the names of those of the first on which they do not."""
    shared, varying = dict(trainings[0].others), []
    for one in trainings:
        for name in [name for name, value in shared.items() if one.others.get(name) != value]:
            varying.append(name)
            del shared[name]
    return shared, varying

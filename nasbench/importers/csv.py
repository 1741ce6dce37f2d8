"""Tables with one column of architectures and columns of numbers: csv, tsv, json lines or parquet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np

from nasbench.benchmark.base import COSTS, TRAINING_TIME, Metric
from nasbench.benchmark.table import DIMS, Column, Table
from nasbench.errors import InputError
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.frames import numbers, read_frame
from nasbench.importers.tabulate import Series, tabulate
from nasbench.printable import brief
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import Direction, FloatArray, Subset

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_UNITS: tuple[tuple[str, str, Direction], ...] = (
    ("accuracy", "percent", "maximise"),
    ("_map", "percent", "maximise"),
    ("loss", "nats", "minimise"),
    ("seconds", "seconds", "minimise"),
    ("latency", "milliseconds", "minimise"),
    ("inference_energy", "joules", "minimise"),
    ("training_energy", "joules", "minimise"),
    ("energy", "millijoules", "minimise"),
    ("memory", "bytes", "minimise"),
    ("parameters", "count", "minimise"),
    ("flops", "count", "minimise"),
)
"""Default units and direction by the end of the name of a metric, the first that fits: those of `nasbench build`."""


class Scale(NamedTuple):
    """A unit of files whose numbers are stored in another unit.

    Attributes:
        units: Unit in the table.
        factor: Numbers of the table for one of the file.
        decimals: Decimals to which products are rounded, so that 0.57 becomes 57 and not 56.99999999999999.
    """

    units: str
    factor: float
    decimals: int


SCALES = {
    "fraction": Scale("percent", 100, 10),
    "thousands": Scale("count", 1e3, 0),
    "millions": Scale("count", 1e6, 0),
    "billions": Scale("count", 1e9, 0),
}
DEFAULT_DATASET = "table"
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
MAX_EXACT_INTEGER = 2**53 - 1
"""Largest integer that floating point represents exactly together with all smaller ones."""


class MetricColumn(NamedTuple):
    """A metric and the column of the file that holds it.

    Attributes:
        metric: The metric of the table.
        column: Name of the column.
        scale: Conversion to the unit of the table, if the file has another.
        assumed: Whether the unit is assumed from the name of the metric.
        per_epoch: Whether the file has the amount of each epoch where the table has that from the start.
    """

    metric: Metric
    column: str
    scale: Scale | None
    assumed: bool
    per_epoch: bool

    def scaled(self, values: FloatArray) -> FloatArray:
        """Numbers of the file in the unit of the table."""
        if self.scale is None:
            return values
        with np.errstate(over="ignore"):  # infinite numbers are refused as impossible
            return np.round(self.scale.factor * values, self.scale.decimals)


class CSV(Importer):
    """A file with a header and a row for each measurement, compressed or not.

    Rows of one architecture are repeats with seeds 0, 1, ... unless a column names the seeds.

    Args:
        space: Specification of the search space.
        column: Metrics to read, each as `METRIC=COLUMN`, followed by `:unit`, `:min` or `:max`, and `:static` or
            `:per-epoch` where they apply. The unit `fraction` means numbers from 0 to 1, which become percent;
            `thousands`, `millions` and `billions` become counts. A metric whose name begins with `train_`,
            `validation_` or `test_` belongs to that split, unless it is a cost. A static metric does not depend on
            training, so all rows of an architecture must agree on it. Amounts per epoch, such as seconds, are summed
            from the start of the training.
        arch_column: Column of architectures: strings of the space, or genotypes like `3,1,0`.
        dataset: Name of the data set of the metrics; by default `table`, and none for static metrics.
        seed_column: Column of training seeds, integers.
        epoch_column: Column of finished epochs, integers.
        missing: Number that marks a missing one, such as `-1`, or with a reason `-1=did not compile`.
        lenient: Skip and count unreadable rows.
    """

    name = "csv"
    paper = "a table of the user's own"

    def __init__(
        self,
        space: str,
        column: Sequence[str],
        arch_column: str = "arch",
        dataset: str | None = None,
        seed_column: str | None = None,
        epoch_column: str | None = None,
        missing: str | None = None,
        lenient: bool = False,
    ) -> None:
        self.space, self.column, self.arch_column, self.dataset = space, tuple(column), arch_column, dataset
        self.seed_column, self.epoch_column = seed_column, epoch_column
        self.missing, self.lenient = missing, lenient

    def read(self, paths: Sequence[Path]) -> Table:
        """The table in one file."""
        path = one_path(paths, "one file")
        space = spaces.create(self.space)
        metric_columns = [parse_column(text, self.dataset) for text in self.column]
        if not metric_columns:
            raise InputError("no column of numbers is named; name one as METRIC=COLUMN")
        for metric, times in Counter(each.metric.path for each in metric_columns).items():
            if times > 1:
                raise InputError(f"metric {metric!r} is named {times} times; give each column a name of its own")
        summed = [each for each in metric_columns if each.per_epoch]
        if summed and not self.epoch_column:
            raise InputError(f"{summed[0].metric.name} per epoch needs a column of epochs; name it with --epoch-column")
        extra = [name for name in (self.seed_column, self.epoch_column) if name]
        frame = read_frame(path, [self.arch_column, *(each.column for each in metric_columns), *extra])
        skipped: Counter[str] = Counter()
        read_as = frame.attrs.get("read_as")
        frame, genotypes = self._genotypes(path, space, frame, skipped)
        read: dict[str, tuple[FloatArray, dict[int, str]]] = {}
        for name in dict.fromkeys([*(each.column for each in metric_columns), *extra]):
            read[name] = self._numbers(frame, name, whole=name in extra)
        for each in metric_columns:
            values, errors = read[each.column]
            if each.assumed and each.metric.units == "percent" and 0 < np.nanmax(values, initial=0) <= 1:
                raise InputError(
                    f"{path.name}, column {each.column!r}: no number is above 1, so these are hardly percent; say "
                    f"{each.metric.name}={each.column}:fraction, or :percent if they are"
                )
            errors.update(_impossible(each.metric, each.scaled(values), errors))
        bad = np.zeros(len(frame), dtype=bool)
        for name, (_, errors) in read.items():
            for row, error in errors.items():
                if not self.lenient:
                    raise InputError(f"{path.name}, row {frame.index[row]}, column {name!r}: {error}")
                bad[row] = True
                skipped[f"column {name!r} has no possible number"] += 1
        keep = np.flatnonzero(~bad)
        if not len(keep):
            raise InputError(f"{path.name} has no row that can be read")
        reason = self._missing_value()[1]
        seeds, epochs = (
            read[name][0][keep].astype(np.int64) if name else None for name in (self.seed_column, self.epoch_column)
        )
        series = [Series(each.metric, each.scaled(read[each.column][0][keep]), reason) for each in metric_columns]
        distinct = len(np.unique(genotypes[keep], axis=0))
        facts = {"rows": len(keep), "architectures": distinct, "skipped": dict(skipped)}
        recipe = {"source": self.source([path], **facts, **({"read_as": read_as} if read_as else {}))}
        table = tabulate(space, genotypes[keep], series, recipe, seeds, epochs, frame.index.to_numpy()[keep])
        columns = dict(table.columns)
        for each in metric_columns:
            name = each.metric.path
            if each.per_epoch:
                columns[name] = _summed(columns[name], table.epochs[each.metric.dataset])
            if each.metric.name == TRAINING_TIME:
                _check_times(columns[name], table, each.column)
        return replace(table, columns=columns)

    def _genotypes(
        self, path: Path, space: Space, frame: pd.DataFrame, skipped: Counter[str]
    ) -> tuple[pd.DataFrame, Any]:
        """The rows with readable architectures, and their genotypes."""
        texts = frame[self.arch_column].astype(str)
        known: dict[str, Any] = {}
        for row, text in zip(frame.index, texts, strict=True):
            if text in known:
                continue
            try:
                known[text] = space.genotype(text)
            except InputError as error:
                if not self.lenient:
                    raise InputError(f"{path.name}, row {row}, column {self.arch_column!r}: {error}") from error
                known[text] = None
        readable = np.array([known[text] is not None for text in texts], dtype=bool)
        if not readable.all():
            skipped[f"column {self.arch_column!r} is no architecture of {space.name}"] += int((~readable).sum())
        rows = [known[text] for text in texts[readable]]
        return frame[readable], np.array(rows, dtype=np.int8).reshape(len(rows), len(space.cardinalities))

    def _numbers(self, frame: pd.DataFrame, name: str, whole: bool) -> tuple[FloatArray, dict[int, str]]:
        """The numbers of a column, NaN where missing, and the errors by row."""
        values, broken = numbers(frame[name])
        expected = "a finite number; leave missing ones empty"
        if any(DECIMAL_COMMA.fullmatch(frame[name].iloc[row].strip()) for row in np.flatnonzero(broken)[:1]):
            expected = "a finite number; is its comma a decimal point? then write it as one"
        if whole:
            broken, expected = broken | (values != np.round(values)), "a whole number"  # NaN is not one
            broken |= np.abs(values) > MAX_EXACT_INTEGER
        else:
            values[values == self._missing_value()[0]] = np.nan
        return values, {int(row): f"{brief(frame[name].iloc[row])} is not {expected}" for row in np.flatnonzero(broken)}

    def _missing_value(self) -> tuple[float, str]:
        """The number that marks a missing one (NaN if none does), and the reason."""
        if self.missing is None:
            return np.nan, "not in the source"
        number, _, reason = self.missing.partition("=")
        if not reason.isprintable():
            raise InputError(f"the reason of missing numbers is printable text, got {brief(reason)}")
        try:
            return float(number), reason.strip() or f"{number} in the source"
        except ValueError:
            raise InputError(f"a missing number is named as -1 or -1=reason, got {brief(self.missing)}") from None


def _impossible(metric: Metric, values: FloatArray, known: Mapping[int, str]) -> dict[int, str]:
    """Why numbers `(n,)` contradict the units of their metric, by row; rows with `known` errors are left out."""
    if metric.units == "percent" and metric.split != "none":
        wrong, expected = (values < 0) | (values > 100), "a percentage from 0 to 100; name its unit"
    elif metric.units == "count":
        wrong, expected = (
            (values < 0) | (values != np.floor(values)) | np.isinf(values),
            "a count; name its unit, such as :millions",
        )
    elif metric.name.endswith(("seconds", "latency", "energy", "memory")):
        wrong, expected = (
            values < 0,
            f"an amount of {metric.units}; say with --missing what marks a missing one",
        )
    else:
        return {}
    wrong &= ~np.isnan(values)
    return {int(row): f"{values[row]:g} is not {expected}" for row in np.flatnonzero(wrong) if row not in known}


def parse_column(text: str, dataset: str | None) -> MetricColumn:
    """The metric and column of `METRIC=COLUMN[:unit][:min|max][:static|per-epoch]`.

    Args:
        text: The text.
        dataset: Data set of the metric; None for `DEFAULT_DATASET`, and for none if it is static.

    Raises:
        InputError: The text does not have that form.
    """
    name, equals, rest = text.partition("=")
    column, *words = rest.split(":")
    if not (name.strip() and equals and column.strip()) or "/" in name:
        raise InputError(f"a column is named as METRIC=COLUMN[:unit][:min|max][:static|per-epoch], got {brief(text)}")
    if not "".join((name, *words)).isprintable():
        raise InputError(f"names and units of metrics are printable text, got {brief(text)}")
    static, per_epoch = "static" in words, "per-epoch" in words
    if static and per_epoch:
        raise InputError(f"column {text!r} is both static and per-epoch; a static number has no epochs")
    directions: dict[str, Direction] = {"min": "minimise", "max": "maximise"}
    given = [directions[word] for word in words if word in directions]
    units = [word for word in words if word not in (*directions, "static", "per-epoch")]
    if len(given) > 1 or len(units) > 1:
        raise InputError(f"column {text!r} names two {'directions' if len(given) > 1 else 'units'}; name one")
    for word in units:
        close = get_close_matches(word, (*directions, "static", "per-epoch", "fraction"), n=1, cutoff=0.75)
        close = close or get_close_matches(word, SCALES, n=1, cutoff=0.9)  # milliseconds are no millions
        if close and word not in SCALES:
            raise InputError(f"column {text!r} has the unit {word!r}; did you mean {close[0]!r}?")
    scale = SCALES.get(units[0]) if units else None
    splits: dict[str, Subset] = {split: split for split in get_args(Subset)}
    split = "none" if name.strip().endswith(COSTS) else splits.get(name.strip().partition("_")[0], "none")
    default_units, default_direction = next(
        ((unit, way) for end, unit, way in DEFAULT_UNITS if name.strip().endswith(end)), ("none", "none")
    )
    metric = Metric(
        dataset if dataset is not None else "" if static else DEFAULT_DATASET,
        name.strip(),
        split,
        scale.units if scale else units[0] if units else default_units,
        given[0] if given else default_direction,
        ("architecture",) if static else ("architecture", "seed"),
        f"Column {column.strip()!r} of the source.",
    )
    return MetricColumn(metric, column.strip(), scale, assumed=not units, per_epoch=per_epoch)


def _summed(column: Column, epochs: tuple[int, ...]) -> Column:
    """Amounts of each epoch `(n, seeds, epochs)` as amounts from the start; unknown after an epoch without a number.

    Raises:
        InputError: There is no number for some epoch, so that no sum is from the start.
    """
    if epochs != tuple(range(1, len(epochs) + 1)):
        known = ", ".join(map(str, epochs[:8])) + (", ..." if len(epochs) > 8 else "")
        raise InputError(
            f"{column.metric.name} per epoch needs rows of all epochs from 1, got {known}; give amounts from the start"
        )
    with np.errstate(over="ignore"):  # a table refuses infinite numbers
        values = np.cumsum(column.values, axis=-1)
    lost = np.isnan(values) & (column.missing == 0)
    reasons = (*column.reasons, "an earlier epoch has no number") if lost.any() else column.reasons
    return replace(
        column, values=values, missing=np.where(lost, np.uint8(len(reasons)), column.missing), reasons=reasons
    )


def _check_times(column: Column, table: Table, source: str) -> None:
    """Check that times of training are positive and do not fall from epoch to epoch.

    Raises:
        InputError: They are not; the message says where.
    """
    name, values = column.metric.name, column.values
    wrong = [(values <= 0, "is not a positive time; say with --missing what marks a missing one")]
    if values.ndim == len(DIMS):
        before = np.fmax.accumulate(np.where(np.isnan(values), -np.inf, values), axis=-1)
        wrong.append(
            (
                values < before,
                f"is less than at an earlier epoch; give the time from the start, or say {name}={source}:per-epoch "
                "if each row has the time of its epoch",
            )
        )
    for places, fault in wrong:
        if places.any():
            row, *others = map(int, np.argwhere(places)[0])
            axes = (table.seeds, table.epochs.get(column.metric.dataset, ()))
            at = [f", {dim} {axis[place]}" for dim, axis, place in zip(DIMS[1:], axes, others, strict=False)]
            where = table.space.to_string(table.genotypes[row]) + "".join(at)
            raise InputError(f"column {source!r}: {values[(row, *others)]:g} of {where} {fault}")

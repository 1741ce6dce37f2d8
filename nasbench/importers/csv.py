"""Tables with one column of architectures and columns of numbers: csv, tsv, json lines or parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

import numpy as np

from nasbench.benchmark.base import Metric
from nasbench.benchmark.table import Table
from nasbench.errors import InputError
from nasbench.importers.base import Importer, one_path
from nasbench.importers.formats.frames import numbers, read_frame
from nasbench.importers.tabulate import Series, tabulate
from nasbench.spaces import spaces
from nasbench.spaces.base import Space
from nasbench.types import Direction, FloatArray, Subset

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_UNITS: tuple[tuple[str, str, Direction], ...] = (
    ("accuracy", "percent", "maximise"),
    ("loss", "nats", "minimise"),
    ("seconds", "seconds", "minimise"),
    ("latency", "milliseconds", "minimise"),
    ("energy", "millijoules", "minimise"),
    ("parameters", "count", "minimise"),
    ("flops", "count", "minimise"),
)
"""Default units and direction by the end of the name of a metric."""
MAX_EXACT_INTEGER = 2**53 - 1
"""Largest integer that floating point represents exactly together with all smaller ones."""


class MetricColumn(NamedTuple):
    """A metric and the column of the file that holds it.

    Attributes:
        metric: The metric of the table.
        column: Name of the column.
        fraction: Whether the file has fractions of 1 where the table has percent.
        assumed: Whether the unit is assumed from the name of the metric.
    """

    metric: Metric
    column: str
    fraction: bool
    assumed: bool

    def scaled(self, values: FloatArray) -> FloatArray:
        """Numbers of the file in the unit of the table."""
        return np.round(100 * values, 10) if self.fraction else values  # 57, not 56.99999999999999, of 0.57


class CSV(Importer):
    """A file with a header and a row for each measurement, compressed or not.

    Rows of one architecture are repeats with seeds 0, 1, ... unless a column names the seeds.

    Args:
        space: Specification of the search space.
        column: Metrics to read, each as `METRIC=COLUMN`, followed by `:unit`, `:min` or `:max`, and `:static` where
            they apply. The unit `fraction` means numbers from 0 to 1, which become percent. A metric whose name begins
            with `train_`, `validation_` or `test_` belongs to that split. A static metric depends on neither training
            nor data set, so all rows of an architecture must agree on it.
        arch_column: Column of architectures: strings of the space, or genotypes like `3,1,0`.
        dataset: Name of the data set of the metrics.
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
        dataset: str = "table",
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
        extra = [name for name in (self.seed_column, self.epoch_column) if name]
        frame = read_frame(path, [self.arch_column, *(each.column for each in metric_columns), *extra])
        skipped: Counter[str] = Counter()
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
        recipe = {"source": self.source([path], **facts)}
        return tabulate(space, genotypes[keep], series, recipe, seeds, epochs, frame.index.to_numpy()[keep])

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
        if whole:
            broken, expected = broken | (values != np.round(values)), "a whole number"  # NaN is not one
            broken |= np.abs(values) > MAX_EXACT_INTEGER
        else:
            values[values == self._missing_value()[0]] = np.nan
        return values, {int(row): f"{frame[name].iloc[row]!r} is not {expected}" for row in np.flatnonzero(broken)}

    def _missing_value(self) -> tuple[float, str]:
        """The number that marks a missing one (NaN if none does), and the reason."""
        if self.missing is None:
            return np.nan, "not in the source"
        number, _, reason = self.missing.partition("=")
        try:
            return float(number), reason.strip() or f"{number} in the source"
        except ValueError:
            raise InputError(f"a missing number is named as -1 or -1=reason, got {self.missing!r}") from None


def _impossible(metric: Metric, values: FloatArray, known: Mapping[int, str]) -> dict[int, str]:
    """Why numbers `(n,)` contradict the units of their metric, by row; rows with `known` errors are left out."""
    if metric.units == "percent" and metric.split != "none":
        wrong, expected = (values < 0) | (values > 100), "a percentage from 0 to 100; name its unit"
    elif metric.units == "count":
        wrong, expected = (values < 0) | (values != np.floor(values)), "a count; name its unit"
    elif metric.name.endswith(("seconds", "latency", "energy")):
        wrong, expected = (
            values < 0,
            f"an amount of {metric.units}; say with --missing what marks a missing one",
        )
    else:
        return {}
    wrong &= ~np.isnan(values)
    return {int(row): f"{values[row]:g} is not {expected}" for row in np.flatnonzero(wrong) if row not in known}


def parse_column(text: str, dataset: str) -> MetricColumn:
    """The metric and column of `METRIC=COLUMN[:unit][:min|max][:static]`.

    Raises:
        InputError: The text does not have that form.
    """
    name, equals, rest = text.partition("=")
    column, *words = rest.split(":")
    if not (name.strip() and equals and column.strip()) or "/" in name:
        raise InputError(f"a column is named as METRIC=COLUMN[:unit][:min|max][:static], got {text!r}")
    static = "static" in words
    directions: dict[str, Direction] = {"min": "minimise", "max": "maximise"}
    given = [directions[word] for word in words if word in directions]
    units = [word for word in words if word not in (*directions, "static")]
    if len(given) > 1 or len(units) > 1:
        raise InputError(f"column {text!r} names two {'directions' if len(given) > 1 else 'units'}; name one")
    for word in units:
        close = get_close_matches(word, (*directions, "static", "fraction"), n=1, cutoff=0.75)
        if close and word != "fraction":
            raise InputError(f"column {text!r} has the unit {word!r}; did you mean {close[0]!r}?")
    fraction = units == ["fraction"]
    splits: dict[str, Subset] = {split: split for split in get_args(Subset)}
    split = splits.get(name.strip().partition("_")[0], "none")
    default_units, default_direction = next(
        ((unit, way) for end, unit, way in DEFAULT_UNITS if name.strip().endswith(end)), ("none", "none")
    )
    metric = Metric(
        "" if static else dataset,
        name.strip(),
        split,
        "percent" if fraction else units[0] if units else default_units,
        given[0] if given else default_direction,
        ("architecture",) if static else ("architecture", "seed"),
        f"Column {column.strip()!r} of the source.",
    )
    return MetricColumn(metric, column.strip(), fraction, assumed=not units)

"""Build a tabular benchmark: choose cells of a space, train each with several seeds, record the measurements."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.table import Table
from nasbench.builder.columns import assemble, curve_metrics, recorded_metrics, recover
from nasbench.builder.ledger import TRAINING, Key, Ledger, differences, summary
from nasbench.builder.plan import Plan, all_work, changed_data, covers, make_plan, request_of
from nasbench.builder.settings import BuildSettings, sampling_generator
from nasbench.builder.work import Work
from nasbench.checks import check_whole
from nasbench.errors import FileError, InputError
from nasbench.files import followed
from nasbench.measures import Measurement
from nasbench.parallel.engine import Engine, LocalEngine
from nasbench.progress import Progress, silent
from nasbench.sampling import current_name, samplers
from nasbench.sampling.base import OneRound
from nasbench.stopping import stoppable
from nasbench.training.linear_baseline import linear_accuracy
from nasbench.types import GenotypeArray


@stoppable()
def build(
    settings: BuildSettings,
    out: Path,
    *,
    jobs: int = 1,
    engine: Engine | None = None,
    device: str = "auto",
    parallel: int | Literal["auto", "measure"] = 1,
    retries: int = 1,
    retry_failed: bool = False,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda note: None,
) -> Table:
    """Build a table and write it to `out`; resume an interrupted build, or extend an existing table.

    Each finished group of trainings is recorded at once in the ledger `<out>.ledger` (beside the file that a symbolic
    link leads to), which is deleted after the table
    is written. For the same number of networks side by side, everything except measured times is independent of the
    number of jobs, of the engine, and of interruptions. If `out` is a table of this recipe, it is extended by missing
    cells, seeds, schedules and data sets, and nothing in it is trained again.

    Args:
        settings: Content of the table.
        out: HDF5 file, written or replaced when everything is complete.
        jobs: Training processes, each on one thread. With 1, and on CUDA, the calling process trains.
        engine: Engine that runs the trainings instead, on its own device.
        device: Training device: "auto", "cpu", "cuda" or "cuda:N"; with an engine, "auto".
        parallel: Networks trained side by side (`nasbench.training.loop.train_many`). "auto" takes the number of an
            interrupted build or of the table to extend, or else one that follows from the settings and the
            kind of device (`nasbench.builder.width.usual_width`); "measure" instead the one with the fastest training
            per network in a short trial. Groups that exceed the memory are halved.
        retries: Retries of a group after its process died.
        retry_failed: Whether to repeat work that failed in an earlier call.
        progress: Called with the number of finished trainings and the total, then with those of measurements.
        tell: Called with notes of one line.

    Raises:
        InputError: A setting is invalid, or the device does not exist.
        FileError: The output cannot be written or has another recipe.
        NasbenchError: Every training failed.
        KeyboardInterrupt: A signal stopped the build (`nasbench.stopping`); the message says how much is finished.
    """
    out = followed(out)
    _check_arguments(parallel, retries)
    if engine is not None and device != "auto":
        raise InputError(f"an engine has a device of its own; leave out device={device!r}, or the engine")
    engine = engine or LocalEngine(jobs, device)
    _check_writable(out)
    plan = make_plan(settings, engine.device)
    request = request_of(settings, plan)
    path = out.with_name(f"{out.name}.ledger")
    existing = _existing_table(out, plan, settings)
    if not (existing is None or path.exists() or retry_failed) and _complete(existing, settings, plan, request):
        return existing

    with Ledger(path, plan.recipe) as ledger:
        if ledger.dropped:
            records = f"the last {ledger.dropped} records" if ledger.dropped > 1 else "the last record"
            tell(f"{path}-wal was damaged: {records} of finished work is lost, and that work is done again")
        existing = _existing_table(out, plan, settings)  # again: another build may have written it meanwhile
        stored = {} if existing is None else recover(existing, settings.measures)
        recorded = ledger.finished()
        if not (existing is None or retry_failed) and _complete(existing, settings, plan, request):
            repeated = any(key in stored and stored[key].reason != recorded[key].reason for key in recorded)
            if not repeated:  # an earlier call was interrupted after writing the table, or on the way to a larger one
                _remove_if_stored(ledger, existing, settings.measures, tell)
                return existing
        finished = stored | recorded
        _check_data(ledger, plan, finished)
        work = Work(settings, plan, ledger, finished, engine, retries, retry_failed, progress, tell)
        with _interruption_described(work):
            genotypes = work.train(parallel, [] if existing is None else existing.recipe["made_with"])
            work.take_measures(genotypes)
            for measure in work.partly_missing(genotypes):
                tell(f"{measure} is measured right after training, so it is missing for networks trained earlier")
                request["measures"].remove(measure)
            table = _extended(existing, genotypes, finished, settings, plan, request, work.made_with())
            hdf5.write(table, out)
        if existing is not None and existing.rows_stand_for_functions and not table.rows_stand_for_functions:
            tell(
                f"{out} no longer answers for all cells with a trained function: new cells were not chosen by function"
            )
        _remove_if_stored(ledger, table, settings.measures, tell)
    return table


def _check_arguments(parallel: int | Literal["auto", "measure"], retries: int) -> None:
    if parallel not in ("auto", "measure"):
        check_whole("parallel", parallel)
    check_whole("retries", retries, least=0)


def _check_writable(out: Path) -> None:
    if out.is_dir():
        raise FileError(f"{out} is a folder; name a file")
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise FileError(
            f"cannot write into {out.parent}: {error.strerror}; make that folder or name another"
        ) from error


def _existing_table(out: Path, plan: Plan, settings: BuildSettings) -> Table | None:
    """The table to extend, with the current names of samplers in its recipe; None where there is no file.

    Raises:
        FileError: The table has another recipe; the message says the difference.
    """
    if not out.exists():
        return None
    try:
        table = hdf5.read(out)
    except FileError as error:
        raise FileError(f"{out} exists but is not a table to extend; name another file: {error}") from error
    if "parts" not in table.recipe:
        raise FileError(f"{out} holds a table that nasbench build did not make; name another file")
    known = table.recipe["datasets"]
    differing = differences({name: table.recipe.get(name) for name in plan.recipe}, plan.recipe)
    for name in plan.described.keys() & known.keys():
        differing += changed_data(name, known[name], plan)
    if differing:
        raise FileError(f"{out} holds a table of another recipe: {summary(differing)}; name another file or delete it")
    own = {name for part in table.recipe["parts"] for name in part["measures"] if ":" in name}
    unnamed = sorted(own - set(settings.measures))
    if unnamed:
        raise FileError(f"{out} records measures of your own; name them too, with --measure {','.join(unnamed)}")
    parts = [{**part, "sampling": current_name(part["sampling"])} for part in table.recipe["parts"]]
    return replace(table, recipe={**table.recipe, "parts": parts}).loaded()


def _complete(table: Table, settings: BuildSettings, plan: Plan, request: Mapping[str, Any]) -> bool:
    """Whether a table answers a request; a list of cells may have changed since the table was written."""
    if not any(covers(part, request) for part in table.recipe["parts"]):
        return False
    sampler = samplers.create(settings.sampling)
    if not isinstance(sampler, OneRound):
        return True
    chosen = sampler.sample(plan.space, settings.cells, sampling_generator(settings))
    finished = recover(table, settings.measures)
    return all(key in finished for key in all_work(settings, plan, chosen))


def _remove_if_stored(ledger: Ledger, table: Table, measures: Sequence[str], tell: Callable[[str], None]) -> None:
    """Remove a ledger unless it holds results beyond the table."""
    extra = len(ledger.finished().keys() - recover(table, measures).keys())
    if extra:
        tell(f"{ledger.path} keeps {extra} finished results beyond this request; request more to use them")
    else:
        ledger.remove()


def _check_data(ledger: Ledger, plan: Plan, finished: Mapping[Key, Measurement]) -> None:
    """Check that the data sets are unchanged since the build began."""
    trained = {key.dataset for key in finished}
    for name, described in plan.described.items():
        before = ledger.settled(f"data set {name}")
        differing = changed_data(name, before, plan) if before is not None else []
        if differing and name in trained:
            raise FileError(
                f"{ledger.path} holds trainings on other data: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing or before is None:
            ledger.settle(f"data set {name}", described)


@contextmanager
def _interruption_described(work: Work) -> Iterator[None]:
    """Add the number of finished trainings to a `KeyboardInterrupt`."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        state = f"are finished and kept in {work.ledger.path}" if work.done else "are finished"
        interrupt.args = (f"{work.done} of {work.total} trainings {state}; the same call continues",)
        raise


def _extended(
    existing: Table | None,
    genotypes: GenotypeArray,
    finished: Mapping[Key, Measurement],
    settings: BuildSettings,
    plan: Plan,
    request: Mapping[str, Any],
    made_with: list[dict[str, Any]],
) -> Table:
    """The existing table, if any, extended by the results of a request for architectures `(n, d)`."""
    metrics = {name: curve_metrics(name, data.task) for name, data in plan.data.items()}
    if existing is not None:
        known = {genotype.tobytes() for genotype in existing.genotypes}
        new = [genotype for genotype in genotypes if genotype.tobytes() not in known]
        genotypes = np.concatenate([existing.genotypes, np.array(new, dtype=np.int8).reshape(-1, genotypes.shape[1])])
        metrics = recorded_metrics(existing) | metrics
    rows = {genotype.tobytes() for genotype in genotypes}
    seeds = 1 + max(key.seed for key in finished if key.kind == TRAINING and key.genotype in rows)
    recipe = _recipe(existing, settings, plan, request, made_with)
    return assemble(plan.space, genotypes, seeds, metrics, finished, recipe)


def _recipe(
    existing: Table | None,
    settings: BuildSettings,
    plan: Plan,
    request: Mapping[str, Any],
    made_with: list[dict[str, Any]],
) -> dict[str, Any]:
    """The recipe of an extended table, as JSON values."""
    known = {} if existing is None else existing.recipe["datasets"]
    described = known | {
        name: {**entry, "linear_accuracy": linear_accuracy(plan.data[name])}
        for name, entry in plan.described.items()
        if name not in known
    }
    parts: list[Mapping[str, Any]] = [request]
    if existing is not None:
        before = existing.recipe
        parts = [part for part in before["parts"] if not covers(request, part)]
        parts += [] if any(covers(part, request) for part in parts) else [request]
        made_with = [*before["made_with"], *(entry for entry in made_with if entry not in before["made_with"])]
    by_function = all(_distinct_by(part["sampling"], settings) == "function_key" for part in parts)
    stand_for = {"rows_stand_for": "functions"} if by_function else {}
    recipe = {**plan.recipe, "datasets": described, "parts": parts, "made_with": made_with, **stand_for}
    return dict(json.loads(json.dumps(recipe)))


def _distinct_by(sampling: str, settings: BuildSettings) -> str:
    """`Sampler.distinct_by` of a part of a table; never runs a user's sampler only because a file names it."""
    return samplers.create(sampling).distinct_by if sampling == settings.sampling or ":" not in sampling else "key"

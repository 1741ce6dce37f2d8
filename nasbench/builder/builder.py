"""Building a tabular benchmark: choose cells of a space, train each with several seeds, write what was measured."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nasbench.benchmark import hdf5
from nasbench.benchmark.table import Table
from nasbench.builder.columns import assemble, curve_metrics, recorded_metrics, recover
from nasbench.builder.ledger import TRAINING, Key, Ledger, differences, summary
from nasbench.builder.plan import Plan, all_work, covers, make_plan, other_data, part_of
from nasbench.builder.settings import BuildSettings, sampling_generator
from nasbench.builder.work import Work
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.measures.base import Measurement
from nasbench.parallel.engine import Engine, LocalEngine
from nasbench.progress import Progress, silent
from nasbench.sampling import current_name, samplers
from nasbench.sampling.base import OneRound
from nasbench.training.linear_baseline import linear_accuracy
from nasbench.types import GenotypeArray


def build(
    settings: BuildSettings,
    out: Path,
    *,
    jobs: int = 1,
    engine: Engine | None = None,
    device: str = "auto",
    parallel: int | Literal["auto"] = 1,
    retries: int = 1,
    retry_failed: bool = False,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda note: None,
) -> Table:
    """Make a table and write it to `out`; continue what was stopped, and extend what is there.

    Each finished group of trainings is kept at once in the ledger `<out>.ledger`, which is deleted when the table is
    written. With as many networks side by side, all but the measured times is the same for any number of jobs, on
    any engine, and however often the work was interrupted. Where `out` already holds a table of this recipe, it is
    extended by the cells, seeds, schedules and data sets that it lacks, and nothing of it is trained again.

    Args:
        settings: What to make.
        out: HDF5 file; appears, or changes, when all is complete.
        jobs: Processes that train, each on one thread. With 1, and on CUDA, the calling process trains.
        engine: What runs the trainings instead of them.
        device: Where to train: "auto", "cpu", "cuda" or "cuda:N".
        parallel: Networks that are trained side by side (`nasbench.training.loop.train_many`); "auto" takes what was
            fastest per network in a short trial, or what the interrupted build took. Groups are halved where they do
            not fit the memory.
        retries: How often a group is tried again whose process died.
        retry_failed: Whether to train again what failed in an earlier call.
        progress: Told the number of finished and of all trainings, then of measurements.
        tell: Told, in one line, what the caller may want to know.

    Raises:
        InputError: The settings are not acceptable, or there is no such device.
        FileError: The output cannot be written, or belongs to another recipe.
        NasbenchError: Every training failed.
        KeyboardInterrupt: The work was interrupted; says what is finished.
    """
    out = Path(out)
    if parallel != "auto" and (not isinstance(parallel, int) or parallel < 1):
        raise InputError(f"parallel must be 'auto' or an integer of at least 1, got {parallel!r}")
    if not isinstance(retries, int) or retries < 0:
        raise InputError(f"retries must be an integer of at least 0, got {retries!r}")
    engine = engine or LocalEngine(jobs)
    where = engine.device(device)
    _check_writable(out)
    plan = make_plan(settings, where)
    path = out.with_name(f"{out.name}.ledger")
    part = part_of(settings, plan)
    there = _there(out, plan, settings)
    if there is not None and not path.exists() and not retry_failed and _complete(there, settings, plan, part):
        return there

    with Ledger(path, plan.recipe) as ledger:
        there = _there(out, plan, settings)  # again: until now another build may have written it
        held, kept = {} if there is None else recover(there, settings.measures), ledger.finished()
        if there is not None and not retry_failed and _complete(there, settings, plan, part):
            again = any(key in held and held[key].reason != kept[key].reason for key in kept)
            if not again:  # an earlier call was stopped after writing the table, or on the way to more
                _clear(ledger, there, settings.measures, tell)
                return there
        finished = held | kept
        _check_data(ledger, plan, finished)
        work = Work(settings, plan, ledger, finished, engine, retries, retry_failed, progress, tell)
        try:
            genotypes = work.train(where, parallel)
            keys = work.keys(genotypes)
            if not any(finished[key].values is not None for key in keys):
                ledger.forget(keys)
                raise NasbenchError(f"every training {finished[keys[0]].reason}; nothing was written")
            work.measure(genotypes)
            for what in work.untaken(genotypes):
                tell(f"{what} is taken when a network is trained; of some that were trained before there is none")
                part["measures"].remove(what)
            table = _union(settings, plan, there, genotypes, finished, part, work.made_with())
            hdf5.write(table, out)
            if there is not None and there.rows_stand_for_functions and not table.rows_stand_for_functions:
                tell(f"{out} answers no longer for cells of the same function, as new ones were not chosen by function")
        except KeyboardInterrupt as interrupt:
            state = f"are finished and kept in {path}" if work.done else "are finished"
            raise KeyboardInterrupt(
                f"{work.done} of {work.total} trainings {state}; the same call continues"
            ) from interrupt
        _clear(ledger, table, settings.measures, tell)
    return table


def _there(out: Path, plan: Plan, settings: BuildSettings) -> Table | None:
    """The table that is to be extended.

    Raises:
        FileError: It is of another recipe; says the difference.
    """
    if not out.exists():
        return None
    try:
        table = hdf5.read(out)
    except FileError as error:
        raise FileError(f"{out} is there and is no table that could be extended; name another file: {error}") from error
    if "parts" not in table.recipe:
        raise FileError(f"{out} holds a table that nasbench build did not make; name another file")
    known = table.recipe["datasets"]
    differing = differences({name: table.recipe.get(name) for name in plan.recipe}, plan.recipe)
    for name in plan.described.keys() & known.keys():
        differing += other_data(name, known[name], plan)
    if differing:
        raise FileError(f"{out} holds a table of another recipe: {summary(differing)}; name another file or delete it")
    recorded = {name for part in table.recipe["parts"] for name in part["measures"] if ":" in name}
    unnamed = sorted(recorded - set(settings.measures))
    if unnamed:
        raise FileError(f"{out} records measures of your own; name them too, with --measure {','.join(unnamed)}")
    parts = [{**part, "sampling": current_name(part["sampling"])} for part in table.recipe["parts"]]
    return replace(table, recipe={**table.recipe, "parts": parts}).loaded()


def _complete(table: Table, settings: BuildSettings, plan: Plan, part: Mapping[str, Any]) -> bool:
    """Whether a table holds all that is asked for; a list may have changed since it was made."""
    if not any(covers(done, part) for done in table.recipe["parts"]):
        return False
    sampler = samplers.create(settings.sampling)
    if not isinstance(sampler, OneRound):
        return True
    chosen = sampler.sample(plan.space, settings.cells, sampling_generator(settings))
    finished = recover(table, settings.measures)
    return all(key in finished for key in all_work(settings, plan, chosen))


def _clear(ledger: Ledger, table: Table, own: Sequence[str], tell: Callable[[str], None]) -> None:
    """Remove a ledger of which the table holds all."""
    more = len(ledger.finished().keys() - recover(table, own).keys())
    if more:
        tell(
            f"{ledger.path} keeps {more} finished pieces of work that were not asked for now; ask for more to use them"
        )
    else:
        ledger.remove()


def _check_data(ledger: Ledger, plan: Plan, finished: Mapping[Key, Measurement]) -> None:
    """See that the data sets are what they were when the build began."""
    trained = {key.dataset for key in finished}
    for name, described in plan.described.items():
        there = ledger.settled(f"data set {name}")
        differing = other_data(name, there, plan) if there is not None else []
        if differing and name in trained:
            raise FileError(
                f"{ledger.path} holds trainings on other data: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing or there is None:
            ledger.settle(f"data set {name}", described)


def _union(
    settings: BuildSettings,
    plan: Plan,
    there: Table | None,
    genotypes: GenotypeArray,
    finished: Mapping[Key, Measurement],
    part: Mapping[str, Any],
    made: list[dict[str, Any]],
) -> Table:
    """The table of what is there and what was asked for."""
    metrics = {name: curve_metrics(name, data.task) for name, data in plan.data.items()}
    described = {
        name: {**entry, "linear_accuracy": linear_accuracy(plan.data[name])} for name, entry in plan.described.items()
    }
    parts: list[Mapping[str, Any]] = [part]
    if there is not None:
        known = {genotype.tobytes() for genotype in there.genotypes}
        fresh = [genotype for genotype in genotypes if genotype.tobytes() not in known]
        genotypes = np.concatenate([there.genotypes, np.array(fresh, dtype=np.int8).reshape(-1, genotypes.shape[1])])
        metrics = recorded_metrics(there) | metrics
        described |= there.recipe["datasets"]
        parts = [done for done in there.recipe["parts"] if not covers(part, done)]
        parts += [] if any(covers(done, part) for done in parts) else [part]
        made = [*there.recipe["made_with"], *(one for one in made if one not in there.recipe["made_with"])]
    rows = {genotype.tobytes() for genotype in genotypes}
    seeds = 1 + max(key.seed for key in finished if key.what == TRAINING and key.genotype in rows)
    functions = all(_distinct_by(done["sampling"], settings) == "function_key" for done in parts)
    stand_for = {"rows_stand_for": "functions"} if functions else {}
    recipe = {**plan.recipe, "datasets": described, "parts": parts, "made_with": made, **stand_for}
    return assemble(plan.space, genotypes, seeds, metrics, finished, json.loads(json.dumps(recipe)))


def _distinct_by(sampling: str, settings: BuildSettings) -> str:
    """`Sampler.distinct_by` of a part of a table; a sampler of one's own is not run because a file names it."""
    return samplers.create(sampling).distinct_by if sampling == settings.sampling or ":" not in sampling else "key"


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

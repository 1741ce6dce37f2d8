"""Building a tabular benchmark: choose cells of a space, train each with several seeds, write what was measured."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from nasbench.baseline import linear_accuracy
from nasbench.benchmark import hdf5
from nasbench.benchmark.table import Table
from nasbench.build.columns import assemble, curve_metrics, recorded_metrics, recover
from nasbench.build.engine import Engine, LocalEngine
from nasbench.build.ledger import TRAINING, Key, Ledger, Outcome, differences, summary
from nasbench.build.measures import MEASURES, measure
from nasbench.build.parallel import WidthPicker
from nasbench.build.settings import SAMPLING, BuildSettings, Group
from nasbench.build.trainer import Crowded, Measurer, Outcomes, Trainer, build_network
from nasbench.datasets import DEFAULTS, Data, Dataset, datasets
from nasbench.datasets.base import SPLITS
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.measure import flops
from nasbench.pool import Died
from nasbench.progress import Progress, silent
from nasbench.sampling import samplers
from nasbench.sampling.base import OneRound
from nasbench.spaces import GenotypeArray, Space, spaces
from nasbench.spaces.base import FloatArray
from nasbench.train import OPTIMISERS, curves

MEASURED = 8
"""Untrained networks that are measured, and recorded, at once."""


def build(
    settings: BuildSettings,
    out: Path,
    *,
    workers: int = 1,
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
    written. With as many networks side by side, all but the measured times is the same for any number of workers, on
    any engine, and however often the work was interrupted. Where `out` already holds a table of this recipe, it is
    extended by the cells, seeds, schedules and data sets that it lacks, and nothing of it is trained again.

    Args:
        settings: What to make.
        out: HDF5 file; appears, or changes, when all is complete.
        workers: Processes that train, each on one thread. With 1, and on CUDA, the calling process trains.
        engine: What runs the trainings instead of them.
        device: Where to train: "auto", "cpu", "cuda" or "cuda:N".
        parallel: Networks that are trained side by side (see `nasbench.train.train_many`); "auto" takes what was
            fastest per network in a short trial, or what the interrupted build took. Where they do not fit the memory
            they are halved.
        retries: How often a group is tried again whose process died.
        retry_failed: Whether to train again what failed in an earlier call.
        progress: Told the number of finished and of all trainings.
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
    engine = engine or LocalEngine(workers)
    where = engine.device(device)
    _check_writable(out)
    plan = _plan(settings, where)
    there = _there(out, plan)
    path = out.with_name(f"{out.name}.ledger")
    part = _part(settings, plan)
    if there is not None and not retry_failed and _complete(there, settings, plan, part):
        if path.exists():  # the earlier call was stopped between writing the table and removing this
            with Ledger(path, plan.recipe) as ledger:
                _clear(ledger, there, tell)
        return there

    finished = {} if there is None else recover(there)
    with Ledger(path, plan.recipe) as ledger:
        finished |= ledger.finished()
        _check_data(ledger, plan, finished)
        work = _Work(settings, plan, ledger, finished, engine, retries, retry_failed, progress, tell)
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
            table = _union(settings, plan, there, genotypes, finished, part, where, work.width)
            hdf5.write(table, out)
        except KeyboardInterrupt as interrupt:
            kept = f"are finished and kept in {path}" if work.done else "are finished"
            raise KeyboardInterrupt(
                f"{work.done} of {work.total} trainings {kept}; the same call continues"
            ) from interrupt
        _clear(ledger, table, tell)
    return table


@dataclass(frozen=True)
class _Plan:
    """What the settings stand for.

    Attributes:
        space: The search space.
        specifications: Of the data sets, by their names.
        data: Of the data sets, by their names.
        recipe: What must be equal for numbers to belong into one table, as JSON values.
        described: The data sets by name, as JSON values.
    """

    space: Space
    specifications: Mapping[str, str]
    data: Mapping[str, Data]
    recipe: Mapping[str, Any]
    described: Mapping[str, Any]


def _plan(settings: BuildSettings, device: torch.device) -> _Plan:
    space = spaces.create(settings.space)
    specifications: dict[str, str] = {}
    data: dict[str, Data] = {}
    described = {}
    for specification in settings.datasets:
        dataset = datasets.create(specification)
        if "@" in dataset.name:
            raise InputError(f"the name of a data set has no @, got {dataset.name!r}")
        if dataset.name in data:
            raise InputError(
                f"{specification!r} and {specifications[dataset.name]!r} are both filed under {dataset.name!r}; "
                "build a file for each"
            )
        loaded = dataset.load()
        if space.task != loaded.task.name:
            suited = DEFAULTS.get(space.task)
            remedy = f"; train on {suited!r}, for example" if suited else ""
            raise InputError(
                f"networks of {space.name} are trained for {space.task}, but {dataset.name} is for {loaded.task.name}"
                + remedy
            )
        specifications[dataset.name], data[dataset.name] = specification, loaded
        described[dataset.name] = _described(specification, dataset, loaded)
    for name in settings.measures:
        measure(name).ready()
    training = {name: value for name, value in asdict(settings.train).items() if name != "epochs"}
    warm = training.pop("warmup_epochs") / settings.train.epochs
    recipe = {
        "space": {"specification": settings.space, "name": space.name},
        "seed": settings.seed,
        "network": asdict(settings.network),
        "training": {
            **training,
            "loss": next(iter(data.values())).task.lost,
            "optimiser": OPTIMISERS[settings.train.optimiser],
            "schedule": "linear warm-up, then a cosine to 0, by step",
            "warm_up": warm,
        },
        "latency_repeats": settings.latency_repeats,
        "precision": "bfloat16 autocast" if device.type == "cuda" else "float32",
    }
    return _Plan(space, specifications, data, json.loads(json.dumps(recipe)), json.loads(json.dumps(described)))


def _described(specification: str, dataset: Dataset, data: Data) -> dict[str, Any]:
    return {
        "specification": specification,
        "settings": dataset.settings(),
        "sha256": data.checksum(),
        "task": data.task.name,
        "inputs": {split: len(data.splits[split]) for split in SPLITS},
    }


def _part(settings: BuildSettings, plan: _Plan) -> dict[str, Any]:
    """What this call asks for, as JSON values."""
    return {
        "sampling": settings.sampling,
        "cells": settings.cells,
        "seeds": settings.seeds,
        "epochs": list(settings.schedules),
        "datasets": list(plan.data),
        "measures": list(settings.measures),
    }


def _covers(done: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a part of a table is all that another asks for."""
    cells = done["cells"] is None or (asked["cells"] is not None and asked["cells"] <= done["cells"])
    lists = all(set(asked[name]) <= set(done[name]) for name in ("epochs", "datasets", "measures"))
    return done["sampling"] == asked["sampling"] and cells and asked["seeds"] <= done["seeds"] and lists


def _there(out: Path, plan: _Plan) -> Table | None:
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
        differing += _other_data(name, known[name], plan)
    if differing:
        raise FileError(f"{out} holds a table of another recipe: {summary(differing)}; name another file or delete it")
    return table.loaded()


def _complete(table: Table, settings: BuildSettings, plan: _Plan, part: Mapping[str, Any]) -> bool:
    """Whether a table holds all that is asked for; a list may have become longer since it was made."""
    if not any(_covers(done, part) for done in table.recipe["parts"]):
        return False
    sampler = samplers.create(settings.sampling)
    if not isinstance(sampler, OneRound):
        return True
    rows = {genotype.tobytes() for genotype in table.genotypes}
    chosen = sampler.sample(plan.space, settings.cells, _sampling(settings))
    return all(genotype.tobytes() in rows for genotype in chosen)


def _sampling(settings: BuildSettings) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(SAMPLING,)))


def _clear(ledger: Ledger, table: Table, tell: Callable[[str], None]) -> None:
    """Remove a ledger of which the table holds all."""
    more = len(ledger.finished().keys() - recover(table).keys())
    if more:
        tell(
            f"{ledger.path} keeps {more} finished pieces of work that were not asked for now; ask for more to use them"
        )
    else:
        ledger.remove()


def _failed(outcome: Outcome) -> bool:
    return outcome.reason is not None and outcome.reason.startswith("failed")


def _other_data(name: str, there: Mapping[str, Any], plan: _Plan) -> list[tuple[str, Any, Any]]:
    """In what a data set differs from what it was; how it was written does not matter."""
    fields = [field for field in plan.described[name] if field != "specification"]
    before, now = ({field: one.get(field) for field in fields} for one in (there, plan.described[name]))
    return differences({name: before}, {name: now})


def _check_data(ledger: Ledger, plan: _Plan, finished: Mapping[Key, Outcome]) -> None:
    """See that the data sets are what they were when the build began."""
    trained = {key.dataset for key in finished}
    for name, described in plan.described.items():
        there = ledger.settled(f"data set {name}")
        differing = _other_data(name, there, plan) if there is not None else []
        if differing and name in trained:
            raise FileError(
                f"{ledger.path} holds trainings on other data: {summary(differing)}; "
                "repeat that recipe, write to another file, or delete this one"
            )
        if differing or there is None:
            ledger.settle(f"data set {name}", described)


class _Work:
    """Trainings and measurements that are done, and how the others are."""

    def __init__(
        self,
        settings: BuildSettings,
        plan: _Plan,
        ledger: Ledger,
        finished: dict[Key, Outcome],
        engine: Engine,
        retries: int,
        retry_failed: bool,
        progress: Progress,
        tell: Callable[[str], None],
    ) -> None:
        self.settings, self.plan, self.ledger, self.finished = settings, plan, ledger, finished
        self.engine, self.retries, self.retry_failed = engine, retries, retry_failed
        self.progress, self.tell = progress, tell
        self.done = self.total = 0
        self.width = 1

    def train(self, device: torch.device, parallel: int | Literal["auto"]) -> GenotypeArray:
        """Choose architectures and train them; returns them `(n, d)`, in order."""
        settings = self.settings
        rounds = samplers.create(settings.sampling).rounds(self.plan.space, settings.cells, _sampling(settings))
        genotypes = batch = next(rounds)
        self._probe(batch[0])
        self.total = len(self.keys(genotypes)) * (settings.cells or len(genotypes)) // len(genotypes)
        width = self.width = self._width(device, parallel, batch)
        start = partial(Trainer, settings, device)
        while True:
            self.done = sum(key in self.finished for key in self.keys(genotypes))
            self.progress(self.done, self.total)
            groups = [
                Group(specification, length, seed, batch[at : at + width])
                for specification in self.plan.specifications.values()
                for length in settings.schedules
                for seed in range(settings.seeds)
                for at in range(0, len(batch), width)
            ]
            self._run(TRAINING, start, groups, self.engine, self._advanced)
            try:
                batch = rounds.send(self._scores(genotypes))
            except StopIteration:
                return genotypes
            genotypes = np.concatenate([genotypes, batch])

    def measure(self, genotypes: GenotypeArray) -> None:
        """Measure untrained networks of architectures `(n, d)`."""
        names = [what for what in self.settings.measures if not MEASURES[what].trained]
        total, done = len(names) * len(self.plan.data) * len(genotypes), 0

        def advanced(count: int) -> None:
            nonlocal done
            done += count
            self.progress(done, total)

        for what in names:
            groups = [
                Group(specification, 0, 0, genotypes[at : at + MEASURED])
                for specification in self.plan.specifications.values()
                for at in range(0, len(genotypes), MEASURED)
            ]
            engine = LocalEngine(1) if measure(what).alone else self.engine
            self._run(what, partial(Measurer, self.settings, what), groups, engine, advanced)

    def untaken(self, genotypes: GenotypeArray) -> list[str]:
        """Measures of trained networks that some of the networks have gone without; genotypes `(n, d)`."""
        keys = self.keys(genotypes)
        return [
            what for what in self._along(TRAINING) if any(key._replace(what=what) not in self.finished for key in keys)
        ]

    def keys(self, genotypes: GenotypeArray) -> list[Key]:
        """All trainings of architectures `(n, d)`."""
        return [
            Key.of(TRAINING, dataset, length, seed, genotype)
            for dataset in self.plan.specifications
            for length in self.settings.schedules
            for seed in range(self.settings.seeds)
            for genotype in genotypes
        ]

    def _run(
        self,
        what: str,
        start: Callable[[], Callable[[Group], list[Outcomes] | Crowded]],
        groups: Sequence[Group],
        engine: Engine,
        advanced: Callable[[int], None],
    ) -> None:
        """Do what is not done of groups of work, and record each group as a whole."""
        waiting: list[_Piece] = []
        for group in groups:
            rest = [genotype for genotype in group.genotypes if self._waits(what, group, genotype)]
            if rest:
                waiting.append(_Piece(group._replace(genotypes=np.array(rest)), _Whole(len(rest), [])))
        told = False
        while waiting:
            pieces = {id(piece.group): piece for piece in waiting}
            waiting = []
            with closing(engine.run(start, [piece.group for piece in pieces.values()])) as results:
                for group, result in results:
                    piece = pieces[id(group)]
                    many = len(group.genotypes) > 1
                    if isinstance(result, Crowded):
                        if not told:
                            self.tell(f"{len(group.genotypes)} networks side by side do not fit the memory; halved")
                            told = True
                        waiting += [piece._replace(group=half) for half in group.halves()]
                        continue
                    if isinstance(result, Died):
                        if piece.deaths < self.retries:
                            waiting.append(piece._replace(deaths=piece.deaths + 1))
                        elif many:
                            waiting += [_Piece(half, piece.whole) for half in group.halves()]
                        if piece.deaths < self.retries or many:
                            continue
                        times = f", at each of {piece.deaths + 1} attempts" if piece.deaths else ""
                        lost = Outcome(None, f"failed: {result}{times}")
                        result = [dict.fromkeys((what, *self._along(what)), lost)]
                    for genotype, outcomes in zip(group.genotypes, result, strict=True):
                        piece.whole.outcomes.append(
                            {self._key(kind, group, genotype): outcome for kind, outcome in outcomes.items()}
                        )
                    if len(piece.whole.outcomes) == piece.whole.size:
                        done = {key: outcome for one in piece.whole.outcomes for key, outcome in one.items()}
                        new = sum(key.what == what and key not in self.finished for key in done)
                        self.ledger.forget(done.keys() & self.finished.keys())  # what had failed
                        self.ledger.record(done.items())
                        self.finished.update(done)
                        advanced(new)

    def _key(self, what: str, group: Group, genotype: GenotypeArray) -> Key:
        return Key.of(what, self._names[group.dataset], group.epochs, group.seed, genotype)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {specification: name for name, specification in self.plan.specifications.items()}

    def _waits(self, what: str, group: Group, genotype: GenotypeArray) -> bool:
        """Whether work is to be done: it is not, or it failed and is tried again, with what is taken along with it."""
        key = self._key(what, group, genotype)
        if key not in self.finished:
            return True
        outcomes = [self.finished.get(key._replace(what=kind)) for kind in (what, *self._along(what))]
        return self.retry_failed and any(outcome is not None and _failed(outcome) for outcome in outcomes)

    def _along(self, what: str) -> list[str]:
        """What is measured of a network when it has been trained."""
        return [kind for kind in self.settings.measures if MEASURES[kind].trained] if what == TRAINING else []

    def _advanced(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.total)

    def _scores(self, genotypes: GenotypeArray) -> FloatArray:
        """Mean validation score over the seeds, on the first data set, at the end of the longest schedule; `(n,)`."""
        name, data = next(iter(self.plan.data.items()))
        row = curves(data.task).index(f"validation_{data.task.score}")
        ends = np.full((len(genotypes), self.settings.seeds), np.nan)
        for place in np.ndindex(*ends.shape):
            key = Key.of(TRAINING, name, self.settings.schedules[-1], place[1], genotypes[place[0]])
            values = self.finished[key].values
            ends[place] = np.nan if values is None else values[row, -1]
        known = np.isfinite(ends)
        total: FloatArray = np.where(known, ends, 0).sum(axis=1)
        return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)

    def _width(self, device: torch.device, parallel: int | Literal["auto"], genotypes: GenotypeArray) -> int:
        """How many networks train side by side; what was measured once holds for all of the work."""
        if parallel != "auto":
            return parallel
        width = self.ledger.settled("parallel")
        if width is None and all(key in self.finished for key in self.keys(genotypes)):
            return 1
        if width is None:
            specification = next(iter(self.plan.specifications.values()))
            group = Group(specification, self.settings.schedules[0], 0, genotypes)
            start = partial(WidthPicker, self.settings, device, self.engine.workers)
            with closing(self.engine.run(start, [group])) as results:
                _, width = next(results)
            if isinstance(width, Died):
                raise NasbenchError(f"the trial of networks side by side failed: {width}; say how many with parallel")
            self.ledger.settle("parallel", width)
            self.tell(f"{width} networks are trained side by side" if width > 1 else "networks are trained one by one")
        return int(width)

    def _probe(self, genotype: GenotypeArray) -> None:
        """Find out before hours of training whether a network can be made and computed at all."""
        space = self.plan.space
        for data in self.plan.data.values():
            inputs = data.task.inputs(1)
            try:
                flops(build_network(space, self.settings.network, data.task, genotype), inputs)
            except NasbenchError:
                raise
            except Exception as error:
                raise InputError(
                    f"the network of {space.text(genotype)} fails on inputs of shape {tuple(inputs.shape[1:])}: "
                    f"{error}; try other network settings or another data set"
                ) from error


class _Whole(NamedTuple):
    """A group of work, which is recorded when the outcomes of so many networks are there."""

    size: int
    outcomes: list[dict[Key, Outcome]]


class _Piece(NamedTuple):
    """What of a group is run at once, and how many processes died of it."""

    group: Group
    whole: _Whole
    deaths: int = 0


def _union(
    settings: BuildSettings,
    plan: _Plan,
    there: Table | None,
    genotypes: GenotypeArray,
    finished: Mapping[Key, Outcome],
    part: Mapping[str, Any],
    device: torch.device,
    width: int,
) -> Table:
    """The table of what is there and what was asked for."""
    metrics = {name: curve_metrics(name, data.task) for name, data in plan.data.items()}
    described = {
        name: {**entry, "linear_accuracy": linear_accuracy(plan.data[name])} for name, entry in plan.described.items()
    }
    parts: list[Mapping[str, Any]] = [part]
    made: list[Mapping[str, Any]] = []
    if there is not None:
        known = {genotype.tobytes() for genotype in there.genotypes}
        fresh = [genotype for genotype in genotypes if genotype.tobytes() not in known]
        genotypes = np.concatenate([there.genotypes, np.array(fresh, dtype=np.int8).reshape(-1, genotypes.shape[1])])
        metrics = recorded_metrics(there) | metrics
        described |= there.recipe["datasets"]
        parts = [done for done in there.recipe["parts"] if not _covers(part, done)]
        parts += [] if any(_covers(done, part) for done in parts) else [part]
        made = list(there.recipe["made_with"])
    rows = {genotype.tobytes() for genotype in genotypes}
    seeds = 1 + max(key.seed for key in finished if key.what == TRAINING and key.genotype in rows)
    name = f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu, one thread"
    here = {"device": name, "torch": str(torch.__version__), "side_by_side": width}
    made += [] if here in made else [here]
    recipe = {**plan.recipe, "datasets": described, "parts": parts, "made_with": made}
    return assemble(plan.space, genotypes, seeds, metrics, finished, json.loads(json.dumps(recipe)))


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

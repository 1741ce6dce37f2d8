"""Building a tabular benchmark: sample cells of a space, train each with several seeds, write what was measured."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from nasbench.baseline import linear_accuracy
from nasbench.benchmark import hdf5
from nasbench.benchmark.base import Metric, Split
from nasbench.benchmark.table import Column, Table
from nasbench.datasets import DEFAULTS, Data, Dataset, datasets
from nasbench.datasets.base import SPLITS
from nasbench.errors import FileError, InputError, NasbenchError
from nasbench.ledger import Ledger, Outcome, differences, summary
from nasbench.measure import flops, latency, parameters
from nasbench.pool import Died, run_tasks
from nasbench.progress import Progress, silent
from nasbench.provenance import provenance
from nasbench.spaces import GenotypeArray, NetworkSettings, Space, spaces
from nasbench.tasks import Task
from nasbench.threads import single_threaded
from nasbench.train import CURVE_COUNT, OPTIMISERS, TrainSettings, pick_device, seeded, train

SAMPLING, TRAINING = 0, 1
"""Purposes of randomness: a generator's stream belongs to one of them and, within it, to one trial."""
CHUNK = 1024
MOST_REASONS = 255


@dataclass(frozen=True)
class BuildSettings:
    """What a table is made of.

    Attributes:
        space: Specification of the search space.
        dataset: Specification of the data set.
        cells: Number of different cells (by `Space.key`).
        seeds: Number of trainings of each cell.
        seed: Master seed: of the choice of cells, of initial weights, and of the order of the inputs.
        network: Width and depth around the cell.
        train: How to train.
        latency_repeats: Timed passes of which latency is the median.
    """

    space: str = "nb201"
    dataset: str = "digits"
    cells: int = 64
    seeds: int = 2
    seed: int = 0
    network: NetworkSettings = field(default_factory=NetworkSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    latency_repeats: int = 50

    def __post_init__(self) -> None:
        sizes = {"cells": self.cells, "seeds": self.seeds, "latency_repeats": self.latency_repeats}
        sizes |= {f"network.{name}": value for name, value in asdict(self.network).items()}
        for name, value in sizes.items():
            if not isinstance(value, int) or value < 1:
                raise InputError(f"{name} must be an integer of at least 1, got {value!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed must be an integer of at least 0, got {self.seed!r}")


class Trial(NamedTuple):
    """One training: indices of cell and seed, and the cell's genotype `(d,)`."""

    cell: int
    seed: int
    genotype: GenotypeArray


def build(
    settings: BuildSettings,
    out: Path,
    *,
    workers: int = 1,
    device: str = "auto",
    progress: Progress = silent,
) -> Table:
    """Make a table and write it to `out`; continue where an interrupted call with the same settings stopped.

    Each finished training is kept at once in the ledger `<out>.ledger`, which is deleted when the table is written.
    All but the measured times is the same for any number of workers and however often the work was interrupted. Where
    `out` already holds this table, it is read and returned.

    Args:
        settings: What to make.
        out: HDF5 file; appears when it is complete.
        workers: Processes that train, each on one thread. With 1, and on CUDA, the calling process trains.
        device: Where to train: "auto", "cpu", "cuda" or "cuda:N".
        progress: Told the number of finished and of all trainings.

    Raises:
        InputError: The settings are not acceptable, or there is no such device.
        FileError: The output cannot be written, or belongs to another recipe.
        NasbenchError: Every training failed.
        KeyboardInterrupt: The work was interrupted; says what is finished.
    """
    out = Path(out)
    if workers < 1:
        raise InputError(f"workers must be at least 1, got {workers}")
    where = pick_device(device)
    space, dataset = spaces.create(settings.space), datasets.create(settings.dataset)
    _check_writable(out)
    data = dataset.load()
    task = data.task
    if space.task != task.name:
        suited = DEFAULTS.get(space.task)
        remedy = f"; train on {suited!r}, for example" if suited else ""
        raise InputError(
            f"networks of {space.name} are trained for {space.task}, but {dataset.name} is for {task.name}{remedy}"
        )
    recipe = _recipe(settings, space, dataset, data, where)
    shape = (CURVE_COUNT, settings.train.epochs)
    path = out.with_name(f"{out.name}.ledger")
    if out.exists():
        table = _finished(out, recipe)
        if path.exists():  # the earlier call was stopped between writing the table and removing this
            Ledger(path, recipe, shape).remove()
        return table

    genotypes = sample_cells(space, settings.cells, settings.seed)
    networks = partial(_network, space, settings.network, task)
    _probe(networks, genotypes[0], space, task)
    trials = [Trial(c, s, genotypes[c]) for s in range(settings.seeds) for c in range(settings.cells)]
    with Ledger(path, recipe, shape) as ledger:
        finished = ledger.finished()
        todo = [trial for trial in trials if (trial.cell, trial.seed) not in finished]
        progress(len(finished), len(trials))
        try:
            with closing(_outcomes(settings, todo, where, workers)) as outcomes:
                for trial, outcome in outcomes:
                    ledger.record(trial.cell, trial.seed, outcome)
                    finished[trial.cell, trial.seed] = outcome
                    progress(len(finished), len(trials))
            if all(outcome.values is None for outcome in finished.values()):
                ledger.remove()
                raise NasbenchError(f"every training {finished[0, 0].reason}; nothing was written")
            measure = partial(_costs, networks, task, settings.latency_repeats)
            costs = [_attempt(partial(measure, genotype)) for genotype in genotypes]
            measured = {**recipe, "linear_accuracy": linear_accuracy(data)}
            table = _table(settings, space, genotypes, dataset.name, task, finished, costs, measured)
            hdf5.write(table, out)
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(
                f"{len(finished)} of {len(trials)} trainings are finished and kept in {path}; the same call continues"
            ) from interrupt
        ledger.remove()
    return table


def sample_cells(space: Space, n: int, seed: int) -> GenotypeArray:
    """`n` cells `(n, d)` of different `key`: draws of `space.sample` made canonical, without those that came before.

    Cells that compute a constant are part of the space, and of the sample. With the same seed, a larger sample begins
    with a smaller one.

    Raises:
        InputError: The space has fewer different cells.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SAMPLING,)))
    kept: dict[int, GenotypeArray] = {}
    barren, patience = 0, 64 * max(n, CHUNK)
    while len(kept) < n:
        draws = space.canonical(space.sample(CHUNK, rng))
        before = len(kept)
        for key, genotype in zip(space.key(draws).tolist(), draws, strict=True):
            kept.setdefault(key, genotype)
        barren = 0 if len(kept) > before else barren + CHUNK
        if barren > patience or n > space.size:
            raise InputError(
                f"{n} cells were asked for, but {space.name} has "
                + (f"only {space.size}" if n > space.size else f"no more than {len(kept)} different ones")
                + "; ask for fewer"
            )
    return np.array(list(kept.values())[:n])


def trial_seeds(seed: int, trial: Trial) -> tuple[int, int]:
    """Seeds of a trial's initial weights and of its order of the inputs; they depend on the genotype, not its index."""
    sequence = np.random.SeedSequence([seed, trial.seed, *trial.genotype.tolist()], spawn_key=(TRAINING,))
    weights, order = sequence.generate_state(2, np.uint64).tolist()
    return weights, order


class _Trainer:
    """Runs trials: loads the data once, then trains on it."""

    def __init__(self, settings: BuildSettings, device: torch.device) -> None:
        torch.set_num_threads(1)
        self.settings, self.device = settings, device
        data = datasets.create(settings.dataset).load()
        self.task, self.tensors = data.task, data.tensors(device)
        self.networks = partial(_network, spaces.create(settings.space), settings.network, self.task)

    def __call__(self, trial: Trial) -> Outcome:
        weights, order = trial_seeds(self.settings.seed, trial)
        return _attempt(partial(self._train, trial.genotype, weights, order))

    def _train(self, genotype: GenotypeArray, weights: int, order: int) -> Outcome:
        network = self.networks(genotype, weights)
        history = train(network, self.task, self.tensors, self.settings.train, order, self.device)
        return Outcome(history.values, None if history.diverged is None else f"diverged at epoch {history.diverged}")


def _outcomes(
    settings: BuildSettings, trials: Sequence[Trial], device: torch.device, workers: int
) -> Generator[tuple[Trial, Outcome], None, None]:
    start = partial(_Trainer, settings, device)
    if workers == 1 or device.type == "cuda":
        with single_threaded():
            trainer = start()
            yield from ((trial, trainer(trial)) for trial in trials)
    else:
        with closing(run_tasks(start, trials, workers)) as results:
            for trial, result in results:
                yield trial, Outcome(None, f"failed: {result}") if isinstance(result, Died) else result


def _network(
    space: Space, settings: NetworkSettings, task: Task, genotype: GenotypeArray, seed: int = 0
) -> torch.nn.Module:
    with seeded(seed, torch.device("cpu")):
        return space.network(genotype, task, settings)


def _probe(
    networks: Callable[[GenotypeArray], torch.nn.Module], genotype: GenotypeArray, space: Space, task: Task
) -> None:
    """Find out before hours of training whether a network can be made and computed at all."""
    try:
        flops(networks(genotype), task.inputs(1))
    except NasbenchError:
        raise
    except Exception as error:
        raise InputError(
            f"the network of {space.text(genotype)} fails on inputs of shape {tuple(task.inputs(1).shape[1:])}: "
            f"{error}; try other network settings or another data set"
        ) from error


def _costs(
    networks: Callable[[GenotypeArray], torch.nn.Module], task: Task, repeats: int, genotype: GenotypeArray
) -> Outcome:
    network, one = networks(genotype), task.inputs(1)
    return Outcome(np.array([parameters(network), flops(network, one), latency(network, one, repeats)]))


def _attempt(work: Callable[[], Outcome]) -> Outcome:
    """What comes of one piece of work: whatever a space's network does costs this piece only, and the table says so."""
    try:
        return work()
    except Exception as error:
        return Outcome(None, f"failed: {type(error).__name__}: {' '.join(str(error).split())[:200]}")


def _table(
    settings: BuildSettings,
    space: Space,
    genotypes: GenotypeArray,
    dataset: str,
    task: Task,
    trainings: Mapping[tuple[int, int], Outcome],
    costs: Sequence[Outcome],
    recipe: Mapping[str, Any],
) -> Table:
    cells, epochs = settings.cells, settings.train.epochs
    columns = [
        *_columns(_curve_metrics(dataset, task), sorted(trainings.items()), (cells, settings.seeds, epochs)),
        *_columns(_cost_metrics(dataset), [((cell,), outcome) for cell, outcome in enumerate(costs)], (cells,)),
    ]
    return Table(
        space=space,
        genotypes=genotypes,
        seeds=tuple(range(settings.seeds)),
        epochs={dataset: tuple(range(1, epochs + 1))},
        columns={column.metric.path: column for column in columns},
        recipe=recipe,
        provenance=provenance(),
    )


def _columns(
    metrics: Sequence[Metric], outcomes: Iterable[tuple[tuple[int, ...], Outcome]], shape: tuple[int, ...]
) -> Iterator[Column]:
    """One column of a shape for each metric, from outcomes by their leading indices, with values `(metrics, ...)`."""
    values = np.full((*shape, len(metrics)), np.nan)
    missing = np.zeros(values.shape, dtype=np.uint8)
    reasons: list[str] = []
    for index, (measured, reason) in outcomes:
        if measured is not None:
            values[index] = measured.T
        if reason is not None:
            if reason not in reasons and len(reasons) >= MOST_REASONS - 1:
                reason = "failed or diverged, for one reason more than fit here"
            if reason not in reasons:
                reasons.append(reason)
            missing[index] = np.where(np.isnan(values[index]), 1 + reasons.index(reason), 0)
    for position, metric in enumerate(metrics):
        yield Column(metric, values[..., position].copy(), missing[..., position].copy(), tuple(reasons))


def _curve_metrics(dataset: str, task: Task) -> list[Metric]:
    """What is measured after each epoch, in the order of `nasbench.train.curves`."""
    dims = ("architecture", "seed", "epoch")
    splits: tuple[tuple[Split, str], ...] = (
        ("train", "running over the batches of the epoch"),
        ("validation", "after the epoch"),
        ("test", "after the epoch"),
    )
    metrics = []
    for split, when in splits:
        scored, lost = f"{task.scored}, {when}.", f"{task.lost}, {when}."
        metrics.append(Metric(dataset, f"{split}_{task.score}", split, "percent", "maximise", dims, scored))
        metrics.append(Metric(dataset, f"{split}_loss", split, task.loss_units, "minimise", dims, lost))
    seconds = "Training time up to the end of the epoch, without evaluation: wall clock on CUDA, processor on the CPU."
    return [*metrics, Metric(dataset, "train_seconds", "none", "seconds", "minimise", dims, seconds)]


def _cost_metrics(dataset: str) -> list[Metric]:
    """What a network costs whatever its weights, in the order of `_costs`."""
    kinds = (
        ("parameters", "count", "Trainable parameters."),
        ("flops", "count", "Multiply-adds of convolutions, matrix products and biases for one input."),
        ("latency", "milliseconds", "Time of answering one input on one thread of the CPU in float32: median."),
    )
    return [Metric(dataset, name, "none", units, "minimise", ("architecture",), what) for name, units, what in kinds]


def _recipe(
    settings: BuildSettings, space: Space, dataset: Dataset, data: Data, device: torch.device
) -> dict[str, Any]:
    """All that the numbers depend on, as JSON values."""
    cuda = device.type == "cuda"
    recipe = {
        "space": {"specification": settings.space, "name": space.name},
        "dataset": {
            "specification": settings.dataset,
            "name": dataset.name,
            "settings": dataset.settings(),
            "sha256": data.checksum(),
            "task": data.task.name,
            "inputs": {split: len(data.splits[split]) for split in SPLITS},
        },
        "cells": settings.cells,
        "sampling": "Space.sample made canonical, without repetitions",
        "seeds": settings.seeds,
        "seed": settings.seed,
        "network": asdict(settings.network),
        "training": {
            **asdict(settings.train),
            "loss": data.task.lost,
            "optimiser": OPTIMISERS[settings.train.optimiser],
            "schedule": "linear warm-up, then a cosine to 0, by step",
        },
        "latency_repeats": settings.latency_repeats,
        "device": f"cuda ({torch.cuda.get_device_name(device)})" if cuda else "cpu, one thread",
        "precision": "bfloat16 autocast" if cuda else "float32",
        "torch": str(torch.__version__),
    }
    resolved: dict[str, Any] = json.loads(json.dumps(recipe))
    return resolved


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


def _finished(out: Path, recipe: Mapping[str, Any]) -> Table:
    table = hdf5.read(out)
    asked = {name: value for name, value in table.recipe.items() if name in recipe}  # without what was only measured
    differing = differences(asked, recipe)
    if differing:
        raise FileError(f"{out} holds a table of another recipe: {summary(differing)}; name another file or delete it")
    return table

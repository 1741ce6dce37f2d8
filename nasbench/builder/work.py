"""The trainings and measurements of a build: run what is not finished, and record it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from nasbench.builder.ledger import TRAINING, Key, Ledger
from nasbench.builder.plan import Plan, trainings
from nasbench.builder.settings import BuildSettings, Group, sampling_generator
from nasbench.builder.trainer import Crowded, Measurer, Outcomes, Trainer, build_network
from nasbench.builder.width import WidthPicker, usual_width
from nasbench.errors import InputError, NasbenchError
from nasbench.measures import Measurement, measures
from nasbench.measures.flops import flops
from nasbench.parallel.engine import Engine, LocalEngine
from nasbench.parallel.processes import Died
from nasbench.progress import Progress
from nasbench.sampling import samplers
from nasbench.training.history import curve_names
from nasbench.types import FloatArray, GenotypeArray

MEASURED_TOGETHER = 8
"""Untrained networks that are measured and recorded as one group."""


class Work:
    """Runs the unfinished trainings and measurements of a build, and records them.

    Args:
        settings: Content of the table.
        plan: Components and recipe for these settings.
        ledger: Record of finished work.
        finished: Finished work, from the ledger and the existing table; new work is added.
        engine: Engine that runs the work.
        retries: Retries of a group after its process died.
        retry_failed: Whether to repeat work that failed in an earlier call.
        progress: Called with the number of finished trainings and the total, then with those of measurements.
        tell: Called with notes of one line.
    """

    def __init__(
        self,
        settings: BuildSettings,
        plan: Plan,
        ledger: Ledger,
        finished: dict[Key, Measurement],
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
        self.crowded = False

    def train(
        self, parallel: int | Literal["auto", "measure"], before: Sequence[Mapping[str, Any]] = ()
    ) -> GenotypeArray:
        """Choose architectures, train them, and return them `(n, d)` in order.

        Args:
            parallel: Networks side by side, as of `build`.
            before: Conditions of the trainings in the existing table.

        Raises:
            NasbenchError: Every training failed.
        """
        settings, device = self.settings, self.engine.device
        rounds = samplers.create(settings.sampling).rounds(
            self.plan.space, settings.cells, sampling_generator(settings)
        )
        genotypes = batch = next(rounds).copy()  # a sampler may go on writing to its array
        self._check_network(batch[0])
        self.total = len(self.keys(genotypes)) * (settings.cells or len(genotypes)) // len(genotypes)
        width = self._width(parallel, batch, before)
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
            if any(self._unfinished(group, genotype) for group in groups for genotype in group.genotypes):
                self._record_conditions(width)
            self._run(start, groups, self.engine, self._advanced)
            try:
                batch = rounds.send(self._scores(genotypes))
            except StopIteration:
                self._check_trained(genotypes)
                return genotypes
            genotypes = np.concatenate([genotypes, batch])

    def made_with(self) -> list[dict[str, Any]]:
        """Conditions of the trainings in the ledger: device, torch version, number side by side."""
        return list(self.ledger.settled("made_with") or [])

    def _record_conditions(self, width: int) -> None:
        device = self.engine.device
        name = f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu, one thread"
        conditions = {"device": name, "torch": str(torch.__version__), "side_by_side": width}
        known = self.made_with()
        if conditions not in known:
            self.ledger.settle("made_with", [*known, conditions])

    def take_measures(self, genotypes: GenotypeArray) -> None:
        """Measure untrained networks of architectures `(n, d)`."""
        classes = {name: measures.resolve(name)[0] for name in self.settings.measures}
        names = [name for name, measure in classes.items() if not measure.trained]
        total, done = len(names) * len(self.plan.data) * len(genotypes), 0

        def advanced(count: int) -> None:
            nonlocal done
            done += count
            self.progress(done, total)

        for alone in (False, True):
            groups = [
                Group(specification, 0, 0, genotypes[at : at + MEASURED_TOGETHER], name)
                for name in names
                if classes[name].alone == alone
                for specification in self.plan.specifications.values()
                for at in range(0, len(genotypes), MEASURED_TOGETHER)
            ]
            self._run(partial(Measurer, self.settings), groups, LocalEngine(1) if alone else self.engine, advanced)

    def partly_missing(self, genotypes: GenotypeArray) -> list[str]:
        """Trained-network measures that are missing for some of the architectures `(n, d)`."""
        keys = self.keys(genotypes)
        return [
            measure
            for measure in self._trained_measures
            if any(key._replace(kind=measure) not in self.finished for key in keys)
        ]

    def keys(self, genotypes: GenotypeArray) -> list[Key]:
        """Keys of all trainings of architectures `(n, d)`."""
        return trainings(self.settings, self.plan, genotypes)

    def _run(
        self,
        start: Callable[[], Callable[[Group], list[Outcomes] | Crowded]],
        groups: Sequence[Group],
        engine: Engine,
        advanced: Callable[[int], None],
    ) -> None:
        """Run the unfinished work of groups, and record each group as a whole."""
        waiting: list[_Piece] = []
        for group in groups:
            rest = [genotype for genotype in group.genotypes if self._unfinished(group, genotype)]
            if rest:
                waiting.append(_Piece(group._replace(genotypes=np.array(rest)), _GroupResults(len(rest), [])))
        while waiting:
            pieces = {id(piece.group): piece for piece in waiting}
            waiting = []
            with closing(engine.run(start, [piece.group for piece in pieces.values()])) as finished:
                for group, result in finished:
                    piece = pieces[id(group)]
                    if isinstance(result, Crowded):
                        waiting += self._halved(piece)
                    elif not isinstance(result, Died):
                        self._finish(piece, result, advanced)
                    elif piece.deaths < self.retries:
                        waiting.append(piece._replace(deaths=piece.deaths + 1))
                    elif len(group.genotypes) > 1:
                        waiting += [_Piece(half, piece.results) for half in group.halves()]
                    else:
                        repeated = f", at each of {piece.deaths + 1} attempts" if piece.deaths else ""
                        lost = Measurement(None, f"failed: {result}{repeated}")
                        self._finish(piece, [dict.fromkeys(self._kinds(group), lost)], advanced)

    def _halved(self, piece: _Piece) -> list[_Piece]:
        """Halves of a piece that exceeded the memory; the first time, a note says so."""
        if not self.crowded:
            self.tell(f"{len(piece.group.genotypes)} networks side by side exceed the memory; their number is halved")
        self.crowded = True
        return [piece._replace(group=half) for half in piece.group.halves()]

    def _finish(self, piece: _Piece, result: list[Outcomes], advanced: Callable[[int], None]) -> None:
        """Add the results of a piece to its group, and record the group when it is complete."""
        piece.results.outcomes.extend(
            {self._key(kind, piece.group, genotype): outcome for kind, outcome in outcomes.items()}
            for genotype, outcomes in zip(piece.group.genotypes, result, strict=True)
        )
        if len(piece.results.outcomes) == piece.results.size:
            done = {key: outcome for outcomes in piece.results.outcomes for key, outcome in outcomes.items()}
            new = sum(key.kind == self._kinds(piece.group)[0] and key not in self.finished for key in done)
            self.ledger.record(done.items(), again=self.retry_failed)
            self.finished.update(done)
            advanced(new)

    def _key(self, kind: str, group: Group, genotype: GenotypeArray) -> Key:
        return Key.of(kind, self._names[group.dataset], group.epochs, group.seed, genotype)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {specification: name for name, specification in self.plan.specifications.items()}

    def _unfinished(self, group: Group, genotype: GenotypeArray) -> bool:
        """Whether work is not finished, or it or its measurements failed and are retried."""
        keys = [self._key(kind, group, genotype) for kind in self._kinds(group)]
        if keys[0] not in self.finished:
            return True
        outcomes = [self.finished.get(key) for key in keys]
        return self.retry_failed and any(outcome is not None and _failed(outcome) for outcome in outcomes)

    def _kinds(self, group: Group) -> list[str]:
        """Kinds of outcomes of a group: training and trained-network measures, or one measure."""
        return [TRAINING, *self._trained_measures] if group.measure is None else [group.measure]

    @cached_property
    def _trained_measures(self) -> list[str]:
        """Measures of trained networks."""
        return [name for name in self.settings.measures if measures.resolve(name)[0].trained]

    def _check_trained(self, genotypes: GenotypeArray) -> None:
        """Forget all trainings if every one failed, and refuse to go on; a training that diverged is a result."""
        keys = self.keys(genotypes)
        if all(_failed(self.finished[key]) for key in keys):
            self.ledger.forget(keys)
            raise NasbenchError(f"every training {self.finished[keys[0]].reason}; nothing was written")

    def _advanced(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.total)

    def _scores(self, genotypes: GenotypeArray) -> FloatArray:
        """Validation scores `(n,)` on the first data set after the longest schedule, mean over the seeds."""
        name, data = next(iter(self.plan.data.items()))
        curve = curve_names(data.task).index(f"validation_{data.task.score}")
        ends = np.full((len(genotypes), self.settings.seeds), np.nan)
        for row, seed in np.ndindex(*ends.shape):
            key = Key.of(TRAINING, name, self.settings.schedules[-1], seed, genotypes[row])
            values = self.finished[key].values
            ends[row, seed] = np.nan if values is None else values[curve, -1]
        known = np.isfinite(ends)
        total: FloatArray = np.where(known, ends, 0).sum(axis=1)
        return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)

    def _width(
        self,
        parallel: int | Literal["auto", "measure"],
        genotypes: GenotypeArray,
        before: Sequence[Mapping[str, Any]],
    ) -> int:
        """Number of networks trained side by side, the same for the whole build and for its extensions."""
        if isinstance(parallel, int):
            return parallel
        known = self.made_with() or before
        if known:
            return int(known[-1]["side_by_side"])
        if parallel == "auto":
            task = next(iter(self.plan.data.values())).task
            width = usual_width(task, self.settings, self.engine.device.type)
        else:
            width = self._measured_width(genotypes)
        self.tell(f"{width} networks are trained side by side" if width > 1 else "networks are trained one by one")
        return width

    def _measured_width(self, genotypes: GenotypeArray) -> int:
        """Number of networks side by side that trains architectures `(n, d)` fastest."""
        specification = next(iter(self.plan.specifications.values()))
        group = Group(specification, self.settings.schedules[0], 0, genotypes)
        start = partial(WidthPicker, self.settings, self.engine.device, self.engine.jobs)
        with closing(self.engine.run(start, [group])) as results:
            _, width = next(results)
        if isinstance(width, Died):
            raise NasbenchError(f"the trial of networks side by side failed: {width}; set their number with parallel")
        return int(width)

    def _check_network(self, genotype: GenotypeArray) -> None:
        """Check before hours of training that a network can be built and run."""
        space = self.plan.space
        for data in self.plan.data.values():
            inputs = data.task.inputs(1)
            try:
                flops(build_network(space, self.settings.network, data.task, genotype), inputs)
            except NasbenchError:
                raise
            except Exception as error:
                raise InputError(
                    f"the network of {space.to_string(genotype)} fails on inputs of shape {tuple(inputs.shape[1:])}: "
                    f"{error}; try other network settings or another data set"
                ) from error


class _GroupResults(NamedTuple):
    """Outcomes of a group of `size` networks, which are recorded together."""

    size: int
    outcomes: list[dict[Key, Measurement]]


class _Piece(NamedTuple):
    """Part of a group that runs at once, with the number of processes that died of it."""

    group: Group
    results: _GroupResults
    deaths: int = 0


def _failed(outcome: Measurement) -> bool:
    return outcome.reason is not None and outcome.reason.startswith("failed")

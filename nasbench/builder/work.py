"""The work of a build: which trainings and measurements are done, and how the others are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from nasbench.builder.ledger import TRAINING, Key, Ledger
from nasbench.builder.plan import Plan, trainings
from nasbench.builder.settings import BuildSettings, Group, sampling_generator
from nasbench.builder.trainer import Crowded, Measurer, Outcomes, Trainer, build_network
from nasbench.builder.width import WidthPicker
from nasbench.errors import InputError, NasbenchError
from nasbench.measures import Measurement, measures
from nasbench.measures.flops import flops
from nasbench.parallel.engine import Engine, LocalEngine
from nasbench.parallel.processes import Died
from nasbench.progress import Progress
from nasbench.sampling import samplers
from nasbench.training.history import curve_names
from nasbench.types import FloatArray, GenotypeArray

MEASURED = 8
"""Untrained networks that are measured, and recorded, at once."""


class Work:
    """Trainings and measurements that are done, and how the others are.

    Args:
        settings: What to make.
        plan: What they stand for.
        ledger: Where finished work is kept.
        finished: What is finished already, in the ledger or in a table; grows.
        engine: What runs the work.
        retries: How often a group is tried again whose process died.
        retry_failed: Whether to do again what failed in an earlier call.
        progress: Told the number of finished and of all trainings, then of measurements.
        tell: Told, in one line, what the caller may want to know.
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

    def train(self, device: torch.device, parallel: int | Literal["auto"]) -> GenotypeArray:
        """Choose architectures and train them; returns them `(n, d)`, in order."""
        settings = self.settings
        rounds = samplers.create(settings.sampling).rounds(
            self.plan.space, settings.cells, sampling_generator(settings)
        )
        genotypes = batch = next(rounds)
        self._probe(batch[0])
        self.total = len(self.keys(genotypes)) * (settings.cells or len(genotypes)) // len(genotypes)
        width = self._width(device, parallel, batch)
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
            if any(self._waits(group, genotype) for group in groups for genotype in group.genotypes):
                self._settle_how(device, width)
            self._run(start, groups, self.engine, self._advanced)
            try:
                batch = rounds.send(self._scores(genotypes))
            except StopIteration:
                return genotypes
            genotypes = np.concatenate([genotypes, batch])

    def made_with(self) -> list[dict[str, Any]]:
        """How the trainings of the ledger were made: device, version of torch, and how many side by side."""
        return list(self.ledger.settled("made_with") or [])

    def _settle_how(self, device: torch.device, width: int) -> None:
        name = f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else "cpu, one thread"
        here = {"device": name, "torch": str(torch.__version__), "side_by_side": width}
        made = self.made_with()
        if here not in made:
            self.ledger.settle("made_with", [*made, here])

    def measure(self, genotypes: GenotypeArray) -> None:
        """Measure untrained networks of architectures `(n, d)`."""
        kinds = {what: measures.resolve(what)[0] for what in self.settings.measures}
        names = [what for what, kind in kinds.items() if not kind.trained]
        total, done = len(names) * len(self.plan.data) * len(genotypes), 0

        def advanced(count: int) -> None:
            nonlocal done
            done += count
            self.progress(done, total)

        for alone in (False, True):
            groups = [
                Group(specification, 0, 0, genotypes[at : at + MEASURED], what)
                for what in names
                if kinds[what].alone == alone
                for specification in self.plan.specifications.values()
                for at in range(0, len(genotypes), MEASURED)
            ]
            self._run(partial(Measurer, self.settings), groups, LocalEngine(1) if alone else self.engine, advanced)

    def untaken(self, genotypes: GenotypeArray) -> list[str]:
        """Measures of trained networks that some of the networks have gone without; genotypes `(n, d)`."""
        keys = self.keys(genotypes)
        return [what for what in self._along if any(key._replace(what=what) not in self.finished for key in keys)]

    def keys(self, genotypes: GenotypeArray) -> list[Key]:
        """All trainings of architectures `(n, d)`."""
        return trainings(self.settings, self.plan, genotypes)

    def _run(
        self,
        start: Callable[[], Callable[[Group], list[Outcomes] | Crowded]],
        groups: Sequence[Group],
        engine: Engine,
        advanced: Callable[[int], None],
    ) -> None:
        """Do what is not done of groups of work, and record each group as a whole."""
        waiting: list[_Piece] = []
        for group in groups:
            rest = [genotype for genotype in group.genotypes if self._waits(group, genotype)]
            if rest:
                waiting.append(_Piece(group._replace(genotypes=np.array(rest)), _Whole(len(rest), [])))
        while waiting:
            pieces = {id(piece.group): piece for piece in waiting}
            waiting = []
            with closing(engine.run(start, [piece.group for piece in pieces.values()])) as results:
                for group, result in results:
                    piece = pieces[id(group)]
                    if isinstance(result, Crowded):
                        waiting += self._halved(piece)
                    elif not isinstance(result, Died):
                        self._finish(piece, result, advanced)
                    elif piece.deaths < self.retries:
                        waiting.append(piece._replace(deaths=piece.deaths + 1))
                    elif len(group.genotypes) > 1:
                        waiting += [_Piece(half, piece.whole) for half in group.halves()]
                    else:
                        times = f", at each of {piece.deaths + 1} attempts" if piece.deaths else ""
                        lost = Measurement(None, f"failed: {result}{times}")
                        self._finish(piece, [dict.fromkeys(self._kinds(group), lost)], advanced)

    def _halved(self, piece: _Piece) -> list[_Piece]:
        """What is tried next where networks did not fit the memory; says so the first time."""
        if not self.crowded:
            self.tell(f"{len(piece.group.genotypes)} networks side by side do not fit the memory; halved")
        self.crowded = True
        return [piece._replace(group=half) for half in piece.group.halves()]

    def _finish(self, piece: _Piece, result: list[Outcomes], advanced: Callable[[int], None]) -> None:
        """Add what came of a piece to its group, and record the group when it is whole."""
        piece.whole.outcomes.extend(
            {self._key(kind, piece.group, genotype): outcome for kind, outcome in outcomes.items()}
            for genotype, outcomes in zip(piece.group.genotypes, result, strict=True)
        )
        if len(piece.whole.outcomes) == piece.whole.size:
            done = {key: outcome for one in piece.whole.outcomes for key, outcome in one.items()}
            new = sum(key.what == self._kinds(piece.group)[0] and key not in self.finished for key in done)
            self.ledger.record(done.items(), again=self.retry_failed)
            self.finished.update(done)
            advanced(new)

    def _key(self, what: str, group: Group, genotype: GenotypeArray) -> Key:
        return Key.of(what, self._names[group.dataset], group.epochs, group.seed, genotype)

    @cached_property
    def _names(self) -> dict[str, str]:
        return {specification: name for name, specification in self.plan.specifications.items()}

    def _waits(self, group: Group, genotype: GenotypeArray) -> bool:
        """Whether work is to be done: it is not, or it failed and is tried again, with what is taken along with it."""
        keys = [self._key(kind, group, genotype) for kind in self._kinds(group)]
        if keys[0] not in self.finished:
            return True
        outcomes = [self.finished.get(key) for key in keys]
        return self.retry_failed and any(outcome is not None and _failed(outcome) for outcome in outcomes)

    def _kinds(self, group: Group) -> list[str]:
        """What comes of each network of a group: its training and what is measured along with it, or one measure."""
        return [TRAINING, *self._along] if group.measure is None else [group.measure]

    @cached_property
    def _along(self) -> list[str]:
        """What is measured of a network when it has been trained."""
        return [kind for kind in self.settings.measures if measures.resolve(kind)[0].trained]

    def _advanced(self, count: int) -> None:
        self.done += count
        self.progress(self.done, self.total)

    def _scores(self, genotypes: GenotypeArray) -> FloatArray:
        """Mean validation score over the seeds, on the first data set, at the end of the longest schedule; `(n,)`."""
        name, data = next(iter(self.plan.data.items()))
        row = curve_names(data.task).index(f"validation_{data.task.score}")
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
            start = partial(WidthPicker, self.settings, device, self.engine.jobs)
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
                    f"the network of {space.to_string(genotype)} fails on inputs of shape {tuple(inputs.shape[1:])}: "
                    f"{error}; try other network settings or another data set"
                ) from error


class _Whole(NamedTuple):
    """A group of work, which is recorded when the outcomes of so many networks are there."""

    size: int
    outcomes: list[dict[Key, Measurement]]


class _Piece(NamedTuple):
    """What of a group is run at once, and how many processes died of it."""

    group: Group
    whole: _Whole
    deaths: int = 0


def _failed(outcome: Measurement) -> bool:
    return outcome.reason is not None and outcome.reason.startswith("failed")
